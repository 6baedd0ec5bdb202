"""Exports: the whole journal comes back from them, and a file is there whole or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from journal.journals import STREAM, all_rows, changed, opened, written

from peak_trade.domain.errors import JournalError
from peak_trade.journal.database import Database
from peak_trade.journal.export import COLUMNS, export_jsonl, export_parquet, read_export

Export = Callable[..., int]
KINDS = pytest.mark.parametrize(
    ("export", "name"), [(export_jsonl, "j.jsonl"), (export_parquet, "j.parquet")]
)


@KINDS
def test_export_read_back_is_the_journal(
    database: Database, state: Path, tmp_path: Path, export: Export, name: str
) -> None:
    written(database, state)
    with opened(database, state) as journal:
        journal.append("fill", {"raw": "é\u2028\ud800\n", "x": [1e-300, 0.1, 2**70, None]}, -5)
    path = tmp_path / name
    assert export(database, STREAM, path) == 13
    found = [(stream, *row) for stream, row in read_export(path)]
    assert found == [tuple(row) for row in all_rows(database)]


def test_json_lines_hold_the_payload_as_an_object(
    database: Database, state: Path, tmp_path: Path
) -> None:
    written(database, state)
    export_jsonl(database, STREAM, tmp_path / "j.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "j.jsonl").read_text("utf-8").splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, 13))
    assert lines[1]["payload"] == {"lots": 2, "note": "n2"}
    assert set(lines[0]) == set(COLUMNS)


def test_parquet_holds_columns_of_their_types(
    database: Database, state: Path, tmp_path: Path
) -> None:
    written(database, state)
    export_parquet(database, STREAM, tmp_path / "j.parquet")
    frame = pl.read_parquet(tmp_path / "j.parquet")
    assert tuple(frame.columns) == COLUMNS
    assert frame["seq"].dtype == pl.Int64
    assert frame["time_ns"].to_list() == [1000 * k for k in range(1, 13)]


@KINDS
def test_export_takes_no_file_s_place_unless_told(
    database: Database, state: Path, tmp_path: Path, export: Export, name: str
) -> None:
    written(database, state)
    path = tmp_path / name
    path.write_text("mine")
    with pytest.raises(JournalError, match="is there already"):
        export(database, STREAM, path)
    assert path.read_text() == "mine"
    assert export(database, STREAM, path, overwrite=True) == 12
    assert len(list(read_export(path))) == 12


@KINDS
@pytest.mark.parametrize("when", ["damaged", "full", "empty"])
def test_export_that_fails_leaves_nothing(
    database: Database,
    state: Path,
    tmp_path: Path,
    export: Export,
    name: str,
    when: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written(database, state)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).write_text("mine")
    if when == "damaged":
        changed(database, "UPDATE events SET payload = '{}' WHERE seq = 9")
    elif when == "empty":
        changed(database, "DELETE FROM events")
    else:

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalError):
        export(database, STREAM, folder / name, overwrite=True)
    assert [(p.name, p.read_text()) for p in folder.iterdir()] == [(name, "mine")]


@KINDS
def test_export_that_was_changed_is_not_read(
    database: Database, state: Path, tmp_path: Path, export: Export, name: str
) -> None:
    written(database, state)
    path = tmp_path / name
    export(database, STREAM, path)
    if name.endswith("jsonl"):
        path.write_text(path.read_text("utf-8").replace('"n8"', '"n9"'), "utf-8")
    else:
        frame = pl.read_parquet(path)
        frame = frame.with_columns(pl.col("payload").str.replace("n8", "n9"))
        frame.write_parquet(path)
    with pytest.raises(JournalError, match="record 8"):
        list(read_export(path))


def test_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"seq": 1}\n')
    with pytest.raises(JournalError, match="line 1"):
        list(read_export(tmp_path / "a.jsonl"))
    (tmp_path / "b.jsonl").write_text("time,close\n")
    with pytest.raises(JournalError, match="line 1"):
        list(read_export(tmp_path / "b.jsonl"))
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(JournalError, match="holds no records"):
        list(read_export(tmp_path / "c.parquet"))


def test_export_into_no_folder_says_so(database: Database, state: Path, tmp_path: Path) -> None:
    written(database, state)
    with pytest.raises(JournalError, match="cannot be written"):
        export_jsonl(database, STREAM, tmp_path / "none" / "j.jsonl")
