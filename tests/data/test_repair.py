"""Repairs mend what they say, invent nothing, and leave the rest as it was."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.check import check_data, check_reading
from peak_trade.data.load import load
from peak_trade.data.reading import Format, read
from peak_trade.data.repair import Repaired, repair, write_table
from peak_trade.domain.errors import DataError

ROWS = 30


def sound() -> pl.DataFrame:
    count = np.arange(ROWS)
    closes = 100.0 + count % 7
    return pl.DataFrame(
        {
            "time": np.datetime64("2024-01-01", "us") + count * np.timedelta64(1, "D"),
            "open": closes - 0.5,
            "high": closes + 1,
            "low": closes - 1,
            "close": closes,
            "volume": count + 1,
            "trades": count,
        }
    )


def mended(frame: pl.DataFrame) -> Repaired:
    return repair(read(frame, Format()))


def kinds(done: Repaired) -> dict[str, tuple[int, ...]]:
    return {one.kind: one.rows for one in done.repairs}


@given(st.permutations(range(ROWS)), st.lists(st.integers(0, ROWS - 1), max_size=8))
def test_repair_of_shuffled_and_doubled_rows_gives_the_rows_back(order, doubled) -> None:
    frame = sound()
    done = mended(frame[[*order, *doubled]])
    assert done.reading.table.frame.equals(frame)
    assert sum(one.count for one in done.repairs if one.kind == "duplicate dropped") == len(doubled)


@given(st.data())
def test_repair_leaves_no_error_but_contradictions(data) -> None:
    frame = sound()
    for column in ("open", "high", "low", "close", "volume"):
        rows = data.draw(st.lists(st.integers(0, ROWS - 1), max_size=3, unique=True))
        value = data.draw(st.sampled_from([-1.0, 0.5, 101.5, float("inf"), float("nan")]))
        changed = frame[column].cast(pl.Float64)
        frame = frame.with_columns(
            (changed.scatter(rows, value) if rows else changed).alias(column)
        )
    done = mended(frame)
    left = check_reading(read(done.reading.table.frame, Format()))
    assert left.is_loadable, str(left)
    assert len(load(done.reading.table.frame)) == done.reading.table.frame.height
    again = mended(done.reading.table.frame)
    assert again.repairs == ()
    assert again.reading.table.frame.equals(done.reading.table.frame)


def test_repair_of_sound_rows_does_nothing() -> None:
    frame = sound()
    done = mended(frame)
    assert done.repairs == ()
    assert done.reading.table.frame.equals(frame)


def test_repair_widens_a_bar_to_its_open_and_close_alone() -> None:
    frame = sound().with_columns(
        high=sound()["high"].scatter(3, 90.0), low=sound()["low"].scatter(8, 120.0)
    )
    done = mended(frame)
    table = done.reading.table.frame
    assert kinds(done) == {"high or low widened": (3, 8)}
    assert (table["high"][3], table["low"][3]) == (103.0, 102.0)  # open 102.5, close 103
    assert (table["high"][8], table["low"][8]) == (102.0, 100.5)
    changed = table.drop("high", "low")
    assert changed.equals(frame.drop("high", "low"))


def test_repair_does_not_change_the_frame_that_was_handed_in() -> None:
    frame = sound().with_columns(pl.Series("high", [1.0] * ROWS), volume=pl.lit(-1.0))
    before = frame.clone().rows()
    assert mended(frame).reading.table.frame["volume"].null_count() == ROWS
    assert frame.rows() == before


def test_repair_leaves_rows_that_contradict_each_other() -> None:
    frame = pl.concat([sound(), sound()[4:5].with_columns(pl.col("close") - 0.25)])
    done = mended(frame)
    assert kinds(done) == {"sorted": (ROWS,)}
    (left,) = check_reading(read(done.reading.table.frame, Format())).of("error")
    assert (left.kind, left.rows.tolist()) == ("conflict", [5])


def test_repair_of_several_instruments_keeps_their_blocks() -> None:
    one = sound().with_columns(symbol=pl.lit("A"))
    other = sound().with_columns(symbol=pl.lit("B"))
    frame = pl.concat([one.reverse(), other])
    done = mended(frame)
    assert done.reading.table.frame.equals(pl.concat([one, other]))
    assert [(found.kind, found.instrument) for found in done.repairs] == [("sorted", "A")]


def test_repair_of_a_wide_table_empties_the_cell_and_keeps_the_row() -> None:
    days = sound()["time"]
    closes = sound()["close"]
    wide = pl.DataFrame(
        {"date": days, "AAA": closes.clone().scatter(4, -1.0), "BBB": closes}
    ).reverse()
    done = mended(wide)
    table = done.reading.table.frame
    assert table["date"].to_list() == days.to_list()
    assert table["AAA"].null_count() == 1
    assert table["AAA"][4] is None
    assert table["BBB"].equals(closes.alias("BBB"))
    assert kinds(done)["cell emptied"] == (ROWS - 1 - 4,)
    assert not load(table).tradable[4, 0]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_repair_of_text_leaves_other_cells_as_they_were_written(tmp_path: Path, ending) -> None:
    source = tmp_path / "prices.csv"
    source.write_text(
        "Date,Open,High,Low,Close,Volume\n"
        "2024-01-03,1.10,1.05,1.00,1.200,7\n"
        "2024-01-02,1.10,1.30,1.00,1.200,-7\n"
        "2024-01-04,1.10,1.30,1.00,0,7\n"
    )
    done = repair(read(source, Format()))
    write_table(done.reading, tmp_path / f"mended{ending}")
    written = done.reading.table.frame.rows()
    assert written == [
        ("2024-01-02", "1.10", "1.30", "1.00", "1.200", None),
        ("2024-01-03", "1.10", "1.2", "1.0", "1.200", "7"),
    ]
    assert check_data(tmp_path / f"mended{ending}", calendar="24/7").is_loadable


def test_repair_of_nothing_but_broken_rows_is_an_error() -> None:
    frame = pl.DataFrame({"time": [0, 60], "close": [-1.0, 0.0]})
    with pytest.raises(DataError, match="no row of polars frame has a sound price"):
        mended(frame)
