"""Archives without names, stamps of every unit, actions, and files that are read in parts."""

import gzip
import itertools
from pathlib import Path

import polars as pl
import pytest

from peak_trade.data.imports import (
    LAYOUTS,
    Form,
    Mend,
    import_file,
    import_parts,
    is_large,
    joined,
)
from peak_trade.domain.errors import DataError

KRAKEN = "1696118400,26960.1,26970.2,26950.3,26965.4,1.5,12\n1696118460,26965.4,26965.4,26960,26961,0.2,3\n"
KLINE = "{0},1.0,2.0,0.5,1.5,10.0,{1},15.0,{2},5.0,7.5,0\n"


def written(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["XBTUSD_1.csv", "XBTUSD_1.csv.gz"])
def test_candles_of_the_kraken_archive_are_read_by_position(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, KRAKEN, name)
    form = Form(interval="1m", layout="kraken-ohlcvt")
    (one,) = import_file(path, "bars", "kraken:BTC/USD", form=form).series
    assert one.rows.row(0, named=True) == {
        "open_ns": 1_696_118_400 * 10**9, "close_ns": 1_696_118_460 * 10**9, "open": 26960.1,
        "high": 26970.2, "low": 26950.3, "close": 26965.4, "volume": 1.5,
    }  # fmt: skip
    positions = {"time": "1", "open": "2", "high": "3", "low": "4", "close": "5", "volume": "6"}
    by_position = Form(interval="1m", columns=positions)
    (same,) = import_file(path, "bars", "kraken:BTC/USD", form=by_position).series
    assert same.rows.equals(one.rows)


def test_row_of_a_file_without_names_is_counted_from_its_first_line(tmp_path: Path) -> None:
    path = written(tmp_path, KRAKEN + "1696118520,0,0,0,0,0,0\n")
    found = import_file(path, "bars", "k:A", form=Form(interval="1m", layout="kraken-ohlcvt"))
    assert found.flaws.select("kind", "row", "line").rows() == [("price", 2, 3)]


def test_trades_of_the_kraken_archive_are_read_by_position(tmp_path: Path) -> None:
    path = written(tmp_path, "1696118400,26960.1,0.5\n1696118400,26960.2,0.25\n")
    (one,) = import_file(path, "trades", "k:A", form=Form(layout="kraken-trades")).series
    assert one.rows.select("seq", "price", "size").rows() == [(0, 26960.1, 0.5), (1, 26960.2, 0.25)]


@pytest.mark.parametrize("scale", [1_000, 1_000_000])
def test_binance_candles_may_count_milli_or_microseconds(tmp_path: Path, scale: int) -> None:
    seconds = (1_735_689_600, 1_735_689_660)
    text = "".join(KLINE.format(s * scale, (s + 60) * scale - 1, 9) for s in seconds)
    form = Form(interval="1m", layout="binance-klines")
    (one,) = import_file(written(tmp_path, text), "bars", "binance:A", form=form).series
    assert one.rows["open_ns"].to_list() == [s * 10**9 for s in seconds]
    assert one.rows.columns == ["open_ns", "close_ns", "open", "high", "low", "close", "volume"]


def test_archives_of_two_units_that_were_joined_are_read_by_size(tmp_path: Path) -> None:
    text = KLINE.format(1_735_689_540_000, 0, 1) + KLINE.format(1_735_689_600_000_000, 0, 1)
    form = Form(interval="1m", layout="binance-klines")
    found = import_file(written(tmp_path, text), "bars", "binance:A", form=form)
    opens = found.series[0].rows["open_ns"].to_list()
    assert opens == [1_735_689_540 * 10**9, 1_735_689_600 * 10**9]
    assert "stamps change their unit at row 1" in found.notes


def test_binance_trades_and_aggregates_are_read_by_position(tmp_path: Path) -> None:
    plain = "28457,4.0,12.0,48.0,1499865549590,True,True\n"
    (one,) = import_file(
        written(tmp_path, plain), "trades", "b:A", form=Form(layout="binance-trades")
    ).series
    assert one.rows.select("trade_id", "price", "size", "side").row(0) == ("28457", 4.0, 12.0, -1)
    summed = "26129,0.01633102,4.70443515,27781,27783,1498793709153,False,True\n"
    (one,) = import_file(
        written(tmp_path, summed), "trades", "b:A", form=Form(layout="binance-aggtrades")
    ).series
    assert one.rows.select("trade_id", "size", "side").row(0) == ("26129", 4.70443515, 1)


def test_archive_that_has_names_after_all_is_read_by_them(tmp_path: Path) -> None:
    head = "open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore\n"
    text = head + KLINE.format(1_735_689_600_000, 1, 1) + KLINE.format(1_735_689_660_000, 1, 1)
    form = Form(interval="1m", layout="binance-klines")
    assert import_file(written(tmp_path, text), "bars", "b:A", form=form).rows == 2


@pytest.mark.parametrize(
    ("text", "form", "kind", "message"),
    [
        (KRAKEN, Form(), "bars", "say what it is: layout kraken-ohlcvt or binance-klines"),
        (
            KRAKEN,
            Form(layout="kraken-trades"),
            "trades",
            "has 7 columns, layout kraken-trades has 3",
        ),
        (KRAKEN, Form(layout="kraken-trades"), "bars", "holds trades, not bars"),
        (KRAKEN, Form(columns={"time": "1", "close": "9"}), "bars", "column '9'"),
    ],
)
def test_file_without_names_says_what_is_missing(
    tmp_path: Path, text: str, form: Form, kind: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        import_file(written(tmp_path, text), kind, "k:A", form=form)
    assert message in str(caught.value)


def test_layouts_name_what_their_kind_needs() -> None:
    for layout in LAYOUTS.values():
        needed = {"bars": {"open", "high", "low", "close", "volume"}, "trades": {"price"}}
        assert needed[layout.kind] <= set(layout.columns[: layout.needed])
        assert any("time" in name for name in layout.columns[: layout.needed])


@pytest.mark.parametrize(
    ("stamps", "unit", "nanoseconds"),
    [
        ("1710327959.173346800", None, 1_710_327_959_173_346_800),
        ("1710327959.5", "s", 1_710_327_959_500_000_000),
        ("100", "s", 100_000_000_000),
        ("100", "ms", 100_000_000),
        ("1710327959173", "ms", 1_710_327_959_173_000_000),
        ("1710327959173346", "us", 1_710_327_959_173_346_000),
        ("1710327959173346800", "ns", 1_710_327_959_173_346_800),
        ("1710327959173346800", None, 1_710_327_959_173_346_800),
        ("2024-03-13T11:05:59.173346801Z", None, 1_710_327_959_173_346_801),
    ],
)
def test_stamps_are_exact_to_the_nanosecond(
    tmp_path: Path, stamps: str, unit, nanoseconds: int
) -> None:
    path = written(tmp_path, f"time,price,size\n{stamps},1,1\n")
    (one,) = import_file(path, "trades", "k:A", form=Form(unit=unit)).series
    assert one.rows["time_ns"].to_list() == [nanoseconds]


@pytest.mark.parametrize(
    ("stamps", "unit", "message"),
    [
        ("1710327959173", "s", "read as s since 1970 lie after 2261"),
        ("2024-01-01", "s", "no unit is theirs"),
    ],
)
def test_unit_that_the_stamps_cannot_have_is_refused(
    tmp_path: Path, stamps: str, unit, message: str
) -> None:
    path = written(tmp_path, f"time,price,size\n{stamps},1,1\n")
    with pytest.raises(DataError, match=message):
        import_file(path, "trades", "k:A", form=Form(unit=unit))


ACTIONS = "date,symbol,kind,value\n2024-01-03,A,dividend,1.5\n2024-01-03,A,dividend,0.5\n2024-02-01,A,split,7:1\n"


def test_actions_are_kept_with_dividends_of_a_day_added_up(tmp_path: Path) -> None:
    found = import_file(written(tmp_path, ACTIONS), "actions", "us:*")
    (one,) = found.series
    assert one.rows.select("action", "value").rows() == [("dividend", 2.0), ("split", 7.0)]
    assert found.notes == ("A: 2 dividends of 2024-01-03 were added up",)


def test_rows_that_are_no_actions_are_all_named(tmp_path: Path) -> None:
    bad = "2024-03-01,A,merger,1\n2024-03-02,A,split,3.14159265\n2024-03-03,A,dividend,abc\n"
    found = import_file(written(tmp_path, ACTIONS + bad), "actions", "us:A")
    assert found.flaws.select("kind", "row").rows() == [("action", 3), ("action", 4), ("action", 5)]
    assert found.is_refused
    skipped = import_file(
        written(tmp_path, ACTIONS + bad), "actions", "us:A", mend=Mend(skips=True)
    )
    assert (skipped.is_refused, skipped.rows) == (False, 2)
    assert skipped.mended[0].rows == (3, 4, 5)


def test_file_read_in_parts_gives_the_rows_of_the_whole(tmp_path: Path) -> None:
    stamps = sorted((k * k) % 97 for k in range(1_000))
    frame = pl.DataFrame(
        {"time": [1_700_000_000 + s for s in stamps], "price": range(1, 1_001), "size": 1.0}
    )
    whole: pl.DataFrame | None = None
    for name in ("a.csv", "a.csv.gz", "a.parquet"):
        path = tmp_path / name
        if name == "a.parquet":
            frame.write_parquet(path)
        else:
            written(tmp_path, frame.write_csv(), name)
        (one,) = import_file(path, "trades", "k:A").series
        parts = list(import_parts(path, "trades", "k:A", rows=90))
        assert len(parts) > 5
        rows = pl.concat([part.series[0].rows for part in parts])
        assert rows.equals(one.rows)
        assert whole is None or whole.equals(rows)
        whole = rows
        total = joined([part.without_rows() for part in parts])
        assert (total.read, total.rows, total.is_refused) == (1_000, 1_000, False)
        for before, after in itertools.pairwise(parts):  # no stamp is parted
            assert before.series[0].rows["time_ns"][-1] < after.series[0].rows["time_ns"][0]


def test_flaws_of_parts_have_their_rows_of_the_file(tmp_path: Path) -> None:
    lines = [f"{1_700_000_000 + k},1,1" for k in range(50)]
    lines[7], lines[40] = "1700000007,0,1", "1699999999,1,1"
    for last in (9, 19, 29):  # held back for the part behind them
        lines[last] = lines[last].replace(",1,", ",0,")
    path = written(tmp_path, "time,price,size\n" + "\n".join(lines))
    whole = import_file(path, "trades", "k:A").flaws
    parts = joined([p.without_rows() for p in import_parts(path, "trades", "k:A", rows=10)])
    assert parts.flaws.sort("row").equals(whole.sort("row"))
    assert parts.left["line"].to_list() == [9, 11, 21, 31, 42]
    with pytest.raises(DataError, match="5 rows that cannot be right"):
        parts.check()


def test_only_ticks_are_read_in_parts(tmp_path: Path) -> None:
    path = written(tmp_path, "time,close\n2024-01-01,1\n")
    with pytest.raises(DataError, match="bars are read whole"):
        next(import_parts(path, "bars", "k:A"))
    assert not is_large(path, "trades")
    assert is_large(path, "trades", rows=0)
    assert not is_large(path, "bars", rows=0)


@pytest.mark.parametrize("name", ["missing.csv", "a.txt", "empty.csv", "broken.parquet"])
def test_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "missing.csv":
        path.write_bytes(b"" if name == "empty.csv" else b"PAR1 is not all of it")
    for read in (import_file, lambda *given: list(import_parts(*given))):
        with pytest.raises(DataError) as caught:
            read(path, "trades", "k:A")
        assert name.partition(".")[0] in str(caught.value)
