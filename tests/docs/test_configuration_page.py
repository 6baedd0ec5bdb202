"""The page on configuration has every key, as the settings declare it."""

from pathlib import Path

from peak_trade.app.cli.config import shown
from peak_trade.app.config import configure
from peak_trade.app.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def declared(folder: Path) -> list[str]:
    """The lines of the table: key, default, what is expected, what it means."""
    settings = configure(Settings, folder, environ={}).settings.values()
    return [
        f"| `{item.key}` | `{shown(item.default)}` | {item.expected} | {item.description} |"
        for item in settings
    ]


def test_configuration_page_lists_every_key_as_it_is_declared(tmp_path: Path) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith("| `") and line.count("|") == 5]
    expected = declared(tmp_path)
    assert found == expected, "the table should read:\n" + "\n".join(expected)


def test_configuration_page_table_is_of_all_sections(tmp_path: Path) -> None:
    sections = {line.removeprefix("| `").partition(".")[0] for line in declared(tmp_path)}
    assert sections == set(Settings.model_fields)
