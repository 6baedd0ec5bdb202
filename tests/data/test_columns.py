"""Which column means what."""

from collections.abc import Sequence

import polars as pl
import pytest

from peak_trade.data.columns import find_columns
from peak_trade.data.load import load
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError


def table(*names: str, **special: Sequence[object]) -> Table:
    data: dict[str, Sequence[object]] = {name: [1.0, 2.0] for name in names}
    return Table(pl.DataFrame({**data, **special}), "frame", "asset")


@pytest.mark.parametrize(
    "name",
    [
        "time",
        "Timestamp",
        "TS",
        "date",
        "DateTime",
        "open_time",
        "Open time",
        "Date-Time",
        "",
        "Unnamed: 0",
    ],
)
def test_columns_time_is_found_by_name(name: str) -> None:
    assert find_columns(table(name, "close")).time == name


def test_columns_time_is_found_by_type() -> None:
    stamps = pl.Series([0, 60]).cast(pl.Datetime("ms"))
    frame = pl.DataFrame({"when": stamps, "close": [1.0, 2.0]})
    assert find_columns(Table(frame, "frame", "asset")).time == "when"


@pytest.mark.parametrize(
    "names",
    [
        ("open", "high", "low", "close", "volume"),
        ("O", "H", "L", "C", "V"),
        ("Open", "HIGH", "Low", "Price", "Vol"),
    ],
)
def test_columns_prices_are_found_whatever_the_case(names: tuple[str, ...]) -> None:
    found = find_columns(table("time", *names))
    assert (*found.prices.values(), found.volume) == names


def test_columns_close_goes_before_adjusted_close() -> None:
    assert find_columns(table("Date", "Adj Close", "Close")).prices == {"close": "Close"}
    assert find_columns(table("Date", "Adj_Close")).prices == {"close": "Adj_Close"}


def test_columns_close_time_is_taken_for_close_stamps() -> None:
    both = table("open_time", "close_time", "close")
    assert find_columns(both).time == "open_time"
    assert find_columns(both, stamp="close").time == "close_time"


def test_columns_date_and_time_go_together() -> None:
    text = ["2024-01-02", "2024-01-02"]
    found = find_columns(table("close", Date=text, Time=["09:30", "09:31"]))
    assert (found.time, found.clock) == ("Date", "Time")
    found = find_columns(table("close", "Time", Date=text))
    assert (found.time, found.clock) == ("Time", None)


def test_columns_mapping_of_a_price_leaves_the_others_out() -> None:
    full = table("ts", "open", "high", "low", "close", "adj", "volume")
    found = find_columns(full, {"close": "adj"})
    assert (found.time, dict(found.prices), found.volume) == ("ts", {"close": "adj"}, None)


def test_columns_mapping_of_the_time_keeps_the_prices() -> None:
    found = find_columns(table("when", "open", "high", "low", "close"), {"time": "when"})
    assert tuple(found.prices) == ("open", "high", "low", "close")


@pytest.mark.parametrize(
    "names",
    [("AAPL", "MSFT"), ("C", "V", "O", "F"), ("sp500",), ("MTUM", "SIZE", "LOW", "HD", "GE")],
)
def test_columns_tickers_are_a_wide_table(names: tuple[str, ...]) -> None:
    assert find_columns(table("Date", *names)).tickers == names
    assert find_columns(table("Date", "Unnamed: 0", *names)).tickers == names


@pytest.mark.parametrize(
    "names",
    [
        ("bid", "ask"),
        ("BID", "ASK"),
        ("bid_open", "bid_close"),
        ("funding_rate",),
        ("open", "high", "low", "last"),
        ("OPEN", "HIGH", "LOW", "LAST", "SETTLE", "CHANGE", "OI"),
        ("low", "x", "y", "z"),
        ("volume", "AAPL"),
    ],
)
def test_columns_without_close_are_an_error(names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="frame has no close column; its columns are 'time'"):
        find_columns(table("time", *names))


def test_columns_text_is_no_ticker() -> None:
    with pytest.raises(DataError, match="no close column"):
        find_columns(table("time", "AAPL", name=["a", "b"]))


def test_columns_close_misspelt_is_hinted() -> None:
    with pytest.raises(DataError, match="did you mean cloze"):
        find_columns(table("time", "open", "high", "low", "cloze"))


def test_columns_time_missing_is_an_error() -> None:
    with pytest.raises(DataError, match=r"no time column.*did you mean tme"):
        find_columns(table("tme", "close"))


@pytest.mark.parametrize("names", [("open",), ("open", "high"), ("high", "low")])
def test_columns_half_a_bar_is_an_error(names: tuple[str, ...]) -> None:
    absent = [name for name in ("open", "high", "low") if name not in names]
    with pytest.raises(DataError, match=f"but no {' and no '.join(absent)}"):
        find_columns(table("time", "close", *names))


def test_columns_two_of_a_name_are_an_error() -> None:
    with pytest.raises(DataError, match="'Close' and 'CLOSE' of frame both read as close"):
        find_columns(table("time", "Close", "CLOSE"))


def test_columns_mapping_of_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match="'adj', mapped to close, is not in frame"):
        find_columns(table("time", "close"), {"close": "adj"})
    with pytest.raises(
        DataError, match="maps 'clos', which is no part of a bar; did you mean close"
    ):
        find_columns(table("time", "close"), {"clos": "close"})


def test_load_mapping_gives_the_mapped_numbers() -> None:
    frame = pl.DataFrame(
        {"ts": [0, 60], "when": [86400, 86460], "close": [1.0, 2.0], "adj": [3.0, 4.0]}
    )
    bars = load(frame, columns={"time": "when", "close": "adj"})
    assert bars.close[:, 0].tolist() == [3, 4]
    assert bars.open_time[0, 0] == 86400 * 10**9
