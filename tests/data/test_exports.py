"""Stored rows as files: times in UTC to the nanosecond, what is not known left open."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from peak_trade.data.exports import as_table, write_rows
from peak_trade.domain.errors import DataError

ROWS = pl.DataFrame(
    {
        "open_ns": [1_704_067_200_000_000_001],
        "close_ns": [1_704_067_260_000_000_000],
        "close": [1.5],
        "volume": [float("nan")],
        "received_ns": [1],
    }
)


def test_times_of_a_table_are_instants_of_utc() -> None:
    table = as_table(ROWS)
    assert table.columns == ["time", "close_time", "close", "volume", "received"]
    assert table["close_time"][0] == datetime(2024, 1, 1, 0, 1, tzinfo=UTC)
    assert table["time"].to_physical()[0] == 1_704_067_200_000_000_001


def test_text_has_every_nanosecond_and_no_word_for_the_unknown(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "a.csv")
    line = (tmp_path / "a.csv").read_text().splitlines()[1]
    assert line.startswith("2024-01-01T00:00:00.000000001Z,2024-01-01T00:01:00.000000000Z,1.5,,")
    write_rows(ROWS, tmp_path / "a.jsonl")
    assert json.loads((tmp_path / "a.jsonl").read_text())["volume"] is None


def test_parquet_keeps_times_as_times(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "a.parquet")
    assert pl.read_parquet(tmp_path / "a.parquet").equals(as_table(ROWS))


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ends in '.xlsx'"):
        write_rows(ROWS, tmp_path / "a.xlsx")
    assert not list(tmp_path.iterdir())
