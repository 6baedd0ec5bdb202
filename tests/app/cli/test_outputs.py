"""Files are written whole, all of them or none."""

from pathlib import Path

import pytest

from peak_trade.app.cli.outputs import PAGES, TABLES, check_distinct, check_path, outputs
from peak_trade.domain.errors import InputError


def test_outputs_block_that_ends_well_moves_every_file(tmp_path: Path) -> None:
    with outputs() as files:
        files.write(tmp_path / "a.csv", lambda path: path.write_text("a"))
        files.write(tmp_path / "b.html", lambda path: path.write_text("b"))
        assert not (tmp_path / "a.csv").exists()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.csv": "a",
        "b.html": "b",
    }


def test_outputs_failure_of_one_leaves_none_and_keeps_the_old(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")

    def half(path: Path) -> None:
        path.write_text("hal")
        raise OSError("disk full")

    def both() -> None:
        with outputs() as files:
            files.write(tmp_path / "a.csv", lambda path: path.write_text("new"))
            files.write(tmp_path / "b.csv", half)

    with pytest.raises(OSError, match="disk full"):
        both()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": "old"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.txt", "expected .html or .htm; name it out.html"),
        ("out", "ends in nothing"),
        ("none/out.html", "does not exist"),
        ("folder.html", "cannot be written"),
    ],
)
def test_check_path_that_cannot_be_written_is_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match=message):
        check_path("--report", tmp_path / name, PAGES)


def test_check_path_refuses_to_overwrite_the_data(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("x")
    with pytest.raises(InputError, match="data are read from"):
        check_path("--trades", path, TABLES, f"file:{path}")


def test_check_distinct_two_outputs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two outputs"):
        check_distinct((tmp_path / "a.csv", None, tmp_path / "x" / ".." / "a.csv"))
