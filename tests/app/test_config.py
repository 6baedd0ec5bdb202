"""Configuration in layers: which one wins, what is refused, and where a value came from."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from peak_trade.app.config import MASK, Assignment, Configuration, configure, file_of
from peak_trade.app.settings import Settings
from peak_trade.domain.errors import ConfigError


def read(
    folder: Path, environ: dict[str, str] | None = None, **pairs: str
) -> Configuration[Settings]:
    overrides = [
        Assignment(key.replace("__", "."), text, "--set", is_text=True)
        for key, text in pairs.items()
    ]
    return configure(Settings, folder, environ=environ or {}, overrides=overrides)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, environ: dict[str, str] | None = None, **pairs: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, environ, **pairs)
    return str(caught.value)


def test_configure_without_files_gives_the_defaults(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.values == Settings()
    assert {item.layer for item in found.settings.values()} == {"default"}


def test_configure_layers_later_ones_win(tmp_path: Path) -> None:
    cash = []
    cash.append(read(tmp_path))
    put(tmp_path, "peak.toml", "[backtest]\ncash = 1\n")
    cash.append(read(tmp_path))
    put(tmp_path, "config/backtest.toml", "cash = 2\n")
    cash.append(read(tmp_path))
    cash.append(read(tmp_path, {"PEAK__BACKTEST__CASH": "3"}))
    cash.append(read(tmp_path, {"PEAK__BACKTEST__CASH": "3"}, backtest__cash="4"))
    assert [found.values.backtest.cash for found in cash] == [100_000, 1, 2, 3, 4]
    assert [found.explain("backtest.cash").layer for found in cash] == [
        "default",
        "peak.toml:2",
        "config/backtest.toml:1",
        "PEAK__BACKTEST__CASH",
        "--set",
    ]


def test_configure_other_keys_keep_their_layers(tmp_path: Path) -> None:
    put(tmp_path, "peak.toml", "[backtest]\ncash = 1\nslippage = 2\n")
    found = read(tmp_path, backtest__cash="4")
    assert found.values.backtest.slippage == 2
    assert found.explain("backtest.slippage").layer == "peak.toml:3"


def test_configure_nested_folder_names_the_section(tmp_path: Path) -> None:
    class Deep(BaseModel):
        model_config = ConfigDict(extra="forbid")
        limit: float = 1.0

    class Risk(BaseModel):
        model_config = ConfigDict(extra="forbid")
        backtest: Deep = Deep()

    class Toy(BaseModel):
        model_config = ConfigDict(extra="forbid")
        risk: Risk = Risk()

    put(tmp_path, "config/risk/backtest.toml", "\nlimit = 0.5\n")
    found = configure(Toy, tmp_path, environ={})
    assert found.values.risk.backtest.limit == 0.5
    assert found.explain("risk.backtest.limit").layer == "config/risk/backtest.toml:2"


def test_configure_extra_file_wins_over_the_folders(tmp_path: Path) -> None:
    put(tmp_path, "peak.toml", "backtest.cash = 1\n")
    other = put(tmp_path, "other.toml", "backtest.cash = 9\n")
    found = configure(Settings, tmp_path, environ={}, extra_file=other)
    assert found.values.backtest.cash == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[backtest]\ncsh = 5\n", "'backtest.csh' of peak.toml:2 is not known; did you mean"),
        ("[backtst]\ncash = 5\n", "'backtst' of peak.toml:1 is not known; did you mean backtest?"),
        ("cash = 5\n", "'cash' of peak.toml:1 is not known; did you mean backtest.cash?"),
        ("backtest = 5\n", "'backtest' of peak.toml:1 is a section"),
        ('[backtest]\n# x\ncash = "5"\n', "'5' from peak.toml:3 is not valid: a number above 0"),
        ("[backtest]\ncash = -5\n", "backtest.cash -5 from peak.toml:2"),
        ("[sweep]\nthreads = 2.5\n", "2.5 from peak.toml:2 is not valid: a whole number"),
        ("[flags]\nshow_progress = 1\n", "true or false expected"),
        ('[backtest]\nengine = "fst"\n', "one of auto, fast, session expected; did you mean fast"),
        ('[data]\ntimezone = "Mars/X"\n', "not a time zone"),
        ('[data]\ncalendar = "XNY"\n', "did you mean XNYS?"),
        ('[data]\ninterval = "1q"\n', "not a number and a unit"),
        ("[backtest]\nstop_loss = nan\n", "a number above 0 and below 1 expected"),
        ("[backtest]\ncash = inf\n", "a number above 0 expected"),
        ("[backtest]\ncash = 5\ncash = 6\n", "peak.toml:3 is not valid TOML"),
        ("[backtest\n", "peak.toml:1 is not valid TOML"),
        ("x = \n", "peak.toml:1 is not valid TOML"),
        ('x = "abc', "peak.toml:1 is not valid TOML"),
    ],
)
def test_configure_bad_file_names_file_line_and_remedy(
    tmp_path: Path, text: str, message: str
) -> None:
    put(tmp_path, "peak.toml", text)
    assert message in refusal(tmp_path)


def test_configure_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "peak.toml").write_bytes(b'x = "\xff"\n')
    assert "not UTF-8" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"PEAK__BACKTEST__CASH": "much"}, "backtest.cash much from PEAK__BACKTEST__CASH"),
        ({"PEAK__BACKTEST__CSH": "5"}, "'backtest.csh' of PEAK__BACKTEST__CSH is not known"),
        ({"PEAK__BACKTEST": "5"}, "'backtest' of PEAK__BACKTEST is a section"),
        ({"PEAK__BACKTEST__CASH": ""}, "a number above 0 expected"),
    ],
)
def test_configure_bad_variable_is_named(
    tmp_path: Path, environ: dict[str, str], message: str
) -> None:
    assert message in refusal(tmp_path, environ)


@pytest.mark.parametrize("text", ["none", "null", "", "None"])
def test_configure_text_none_unsets_an_optional_key(tmp_path: Path, text: str) -> None:
    put(tmp_path, "peak.toml", "[backtest]\nstop_loss = 0.1\n")
    assert read(tmp_path, backtest__stop_loss=text).values.backtest.stop_loss is None


def test_configure_text_of_a_text_key_stays_text(tmp_path: Path) -> None:
    assert read(tmp_path, report__folder="2024").values.report.folder == "2024"


@pytest.mark.parametrize(("text", "value"), [("false", False), ("off", False), ("yes", True)])
def test_configure_flag_reads_words(tmp_path: Path, text: str, value: bool) -> None:
    assert read(tmp_path, flags__show_progress=text).values.flags.show_progress is value


@given(cash=st.floats(min_value=1e-300, allow_infinity=False))
def test_configure_number_written_as_text_comes_back_exactly(cash: float) -> None:
    found = read(Path("no/such/folder"), backtest__cash=repr(cash))
    assert found.values.backtest.cash == cash


def test_configure_values_are_frozen(tmp_path: Path) -> None:
    values = read(tmp_path).values
    with pytest.raises(ValidationError):
        values.backtest.cash = 5  # type: ignore[misc]


def test_settings_every_field_says_what_it_means(tmp_path: Path) -> None:
    for setting in read(tmp_path).settings.values():
        assert setting.description.endswith("."), setting.key
        assert setting.expected, setting.key


def test_explain_unknown_key_names_the_close_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean backtest\.cash"):
        read(tmp_path).explain("backtest.cahs")


def test_explain_section_lists_its_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="timezone, stamp"):
        read(tmp_path).explain("data")


def test_secret_is_masked_wherever_it_is_shown(tmp_path: Path) -> None:
    class Venue(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")
        key: SecretStr | None = Field(default=None, min_length=8, description="API key.")

    class Toy(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")
        venue: Venue = Venue()

    found = configure(Toy, tmp_path, environ={"PEAK__VENUE__KEY": "hunter2hunter2"})
    assert found.values.venue.key is not None
    assert found.values.venue.key.get_secret_value() == "hunter2hunter2"
    assert found.explain("venue.key").value == MASK
    assert "hunter2" not in repr(found)
    with pytest.raises(ConfigError) as caught:
        configure(Toy, tmp_path, environ={"PEAK__VENUE__KEY": "short"})
    assert "short" not in str(caught.value)
    assert MASK in str(caught.value)


def test_file_of_checks_one_file_alone(tmp_path: Path) -> None:
    path = put(tmp_path, "mine.toml", "[sweep]\ntop = 5\n")
    put(tmp_path, "peak.toml", "broken")
    assert [item.key for item in file_of(Settings, path, tmp_path)] == ["sweep.top"]


def test_file_of_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        file_of(Settings, tmp_path / "none.toml", tmp_path)
