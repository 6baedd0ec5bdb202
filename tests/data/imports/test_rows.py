"""Trades, quotes, books, funding rates, values and news of files, and rows of them that cannot be."""

from pathlib import Path

import polars as pl
import pytest

from peak_trade.data.imports import Form, Import, Mend, import_file
from peak_trade.domain.errors import DataError

REPAIR, SKIP = Mend(repairs=True), Mend(skips=True)
HOUR_NS = 3_600_000_000_000


def read(
    folder: Path,
    kind: str,
    text: str,
    *,
    name: str = "x:A",
    form: Form | None = None,
    mend: Mend | None = None,
) -> Import:
    path = folder / "rows.csv"
    path.write_text(text)
    return import_file(path, kind, name, form=form or Form(), mend=mend or Mend())


def flaws(found: Import) -> list[tuple[str, int]]:
    return list(found.flaws.select("kind", "row").iter_rows())


TRADES = "time,price,qty,side,id\n2024-01-01T00:00:01Z,100,1,buy,7\n2024-01-01T00:00:02Z,99,2,s,8\n"


def test_trades_have_the_taker_side_and_the_ids_of_the_venue(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "trades", TRADES).series
    assert one.rows.select("seq", "trade_id", "price", "size", "side").rows() == [
        (7, "7", 100.0, 1.0, 1),
        (8, "8", 99.0, 2.0, -1),
    ]
    assert one.rows["time_ns"].diff()[1] == 1_000_000_000


def test_buyer_that_made_the_price_was_sold_to(tmp_path: Path) -> None:
    text = "time,price,size,isBuyerMaker\n1700000000,1,1,True\n1700000001,1,1,False\n"
    (one,) = read(tmp_path, "trades", text).series
    assert one.rows["side"].to_list() == [-1, 1]


def test_equal_trades_without_ids_are_all_kept_in_their_order(tmp_path: Path) -> None:
    text = "time,price,size\n" + "1700000000,1,1\n" * 3 + "1700000001,1,1\n"
    found = read(tmp_path, "trades", text)
    assert not found.is_refused
    assert found.series[0].rows["seq"].to_list() == [0, 1, 2, 0]


def test_ids_that_are_no_numbers_leave_the_order_to_the_file(tmp_path: Path) -> None:
    text = "time,price,size,id\n1700000000,1,1,b\n1700000000,2,1,a\n"
    (one,) = read(tmp_path, "trades", text).series
    assert one.rows.select("seq", "trade_id").rows() == [(0, "b"), (1, "a")]


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        ("2024-01-01T00:00:03Z,0,1,buy,9", "price"),
        ("2024-01-01T00:00:03Z,-1,1,buy,9", "price"),
        ("2024-01-01T00:00:03Z,,1,buy,9", "price"),
        ("2024-01-01T00:00:03Z,nan,1,buy,9", "price"),
        ("2024-01-01T00:00:03Z,1,0,buy,9", "size"),
        ("2024-01-01T00:00:03Z,1,-1,buy,9", "size"),
        ("2024-01-01T00:00:03Z,1,one,buy,9", "unreadable"),
        ("2024-01-01T00:00:03Z,1,1,up,9", "side"),
        (",1,1,buy,9", "stamp"),
        ("2024-01-01T00:00:00Z,1,1,buy,9", "unsorted"),
        ("2024-01-01T00:00:02Z,99,2,sell,8", "duplicate"),
        ("2024-01-01T00:00:02Z,98,2,sell,8", "conflict"),
    ],
)
def test_trade_that_cannot_be_is_named_and_left_out(tmp_path: Path, bad: str, kind: str) -> None:
    found = read(tmp_path, "trades", TRADES + bad + "\n")
    assert flaws(found) == [(kind, 2)]
    assert found.is_refused
    kept = {"unsorted": 3, "conflict": 1}.get(kind, 2)
    assert read(tmp_path, "trades", TRADES + bad + "\n", mend=SKIP).rows == kept
    repaired = read(tmp_path, "trades", TRADES + bad + "\n", mend=REPAIR)
    assert repaired.is_refused == (kind == "conflict")


def test_every_bad_trade_is_listed(tmp_path: Path) -> None:
    bad = "x,1,1,buy,9\n2024-01-01T00:00:03Z,0,0,up,10\n2024-01-01T00:00:04Z,1,a,buy,11\n"
    found = read(tmp_path, "trades", TRADES + bad)
    assert sorted(flaws(found)) == [
        ("price", 3), ("side", 3), ("size", 3), ("stamp", 2), ("unreadable", 4)
    ]  # fmt: skip
    skipped = read(tmp_path, "trades", TRADES + bad, mend=SKIP)
    assert skipped.rows == 2
    assert sum(one.count for one in skipped.mended) == 3


def test_ids_that_are_missing_are_warned_of(tmp_path: Path) -> None:
    ids = [*range(100, 130), *range(135, 150)]
    lines = [f"{1_700_000_000 + k},1,1,{number}" for k, number in enumerate(ids)]
    found = read(tmp_path, "trades", "time,price,size,id\n" + "\n".join(lines))
    (lost,) = found.report.findings
    assert (lost.kind, lost.severity, lost.count, lost.bars) == ("lost", "warning", 1, 5)
    assert lost.rows.tolist() == [30]


def test_trades_of_several_instruments_are_a_series_each(tmp_path: Path) -> None:
    text = "time,symbol,price,size\n1700000005,B,1,1\n1700000000,A,2,1\n1700000006,B,3,1\n"
    found = read(tmp_path, "trades", text, name="v:*")
    assert {one.key.symbol: one.rows.height for one in found.series} == {"A": 1, "B": 2}
    assert not found.is_refused
    assert "goes back in time at 1 row" in found.notes[-1]


def test_quotes_of_one_side_leave_the_other_open(tmp_path: Path) -> None:
    text = "time,bid,bid_size,ask,ask_size\n1700000000,10,5,0,0\n1700000001,0,0,11,6\n"
    found = read(tmp_path, "quotes", text)
    rows = found.series[0].rows
    assert rows.select("bid", "ask").rows() == [(10.0, None), (None, 11.0)]
    assert rows.select("bid_size", "ask_size").rows() == [(5.0, None), (None, 6.0)]
    assert [(one.kind, one.count) for one in found.report.findings] == [("one_sided", 2)]


def test_crossed_quote_is_warned_of_and_impossible_ones_refused(tmp_path: Path) -> None:
    text = "time,bid,ask\n1700000000,11,10\n1700000001,-1,10\n1700000002,0,0\n1700000003,9,10\n"
    found = read(tmp_path, "quotes", text)
    assert flaws(found) == [("price", 1), ("price", 2)]
    assert [(one.kind, one.count) for one in found.report.of("warning")] == [("crossed", 1)]


def test_last_quotes_of_bars_are_known_at_their_close(tmp_path: Path) -> None:
    text = (
        "time,bid_close,bid_size,ask_close,ask_size\n1700000040,10,5,11,6\n1700000100,10,5,11,6\n"
    )
    (one,) = read(tmp_path, "quotes", text).series
    assert one.rows["time_ns"].to_list() == [1_700_000_100 * 10**9, 1_700_000_160 * 10**9]


BOOK = "ts,type,update_id,side,price,size\n"


def test_book_is_levels_of_snapshots_and_updates(tmp_path: Path) -> None:
    rows = "1700000000,snapshot,5,bid,10,1\n1700000000,snapshot,5,ask,11,2\n1700000001,delta,6,a,11,0\n"
    (one,) = read(tmp_path, "book", BOOK + rows).series
    assert one.rows.select("seq", "side", "price", "size", "is_snapshot").rows() == [
        (5, -1, 11.0, 2.0, True),
        (5, 1, 10.0, 1.0, True),
        (6, -1, 11.0, 0.0, False),
    ]


def test_level_that_stands_twice_is_a_repeat_or_a_conflict(tmp_path: Path) -> None:
    rows = (
        "1700000000,delta,5,b,10,1\n" * 2 + "1700000000,delta,5,b,10,2\n1700000000,delta,5,x,9,1\n"
    )
    found = read(tmp_path, "book", BOOK + rows)
    assert sorted(flaws(found)) == [("conflict", 2), ("duplicate", 1), ("side", 3)]
    assert read(tmp_path, "book", BOOK + rows, mend=SKIP).rows == 0


def test_funding_is_checked_for_holes_and_percents(tmp_path: Path) -> None:
    hours = [0, 8, 16, 24, 48, 56]
    lines = [f"{1_700_006_400_000 + h * 3_600_000 + 7},0.0001" for h in hours]
    found = read(tmp_path, "funding", "fundingTime,fundingRate\n" + "\n".join(lines) + "\n")
    (gap,) = found.report.findings
    assert (gap.kind, gap.count, gap.bars) == ("gap", 1, 2)
    assert found.rows == 6
    text = "time,rate,mark\n1700006400,0.5,0\n1700035200,x,1\n1700064000,inf,1\n1700092800,0.1,\n"
    found = read(tmp_path, "funding", text)
    assert sorted(flaws(found)) == [("price", 0), ("rate", 2), ("unreadable", 1)]
    assert [one.kind for one in found.report.of("warning")] == ["percent"]


def test_values_need_the_time_at_which_they_were_known(tmp_path: Path) -> None:
    text = "DATE,CPI\n2024-01-01,3.1\n2024-02-01,.\n2024-03-01,3.2\n"
    with pytest.raises(DataError, match="does not say when its values were known"):
        read(tmp_path, "series", text, name="fred:*")
    found = read(tmp_path, "series", text, name="fred:*", form=Form(known_after="14d"))
    (one,) = found.series
    assert one.key.symbol == "CPI"
    assert one.rows["value"].to_list() == [3.1, 3.2]
    assert (one.rows["known_ns"] - one.rows["time_ns"]).to_list() == [14 * 24 * HOUR_NS] * 2
    assert found.notes == ("1 cells without a value were left out",)


def test_release_dates_of_a_file_are_when_its_values_were_known(tmp_path: Path) -> None:
    text = "time,series,value,release_date\n2024-01-01,CPI,3.1,2024-02-13\n2024-01-01,CPI,3.2,2024-03-12\n"
    (one,) = read(tmp_path, "series", text, name="fred").series
    days = one.rows["known_ns"].cast(pl.Datetime("ns")).dt.strftime("%m-%d").to_list()
    assert days == ["02-13", "03-12"]  # a revision is no conflict: it became known later
    late = text.replace("2024-03-12", "2024-02-13")
    assert flaws(read(tmp_path, "series", late, name="fred")) == [("conflict", 1)]


def test_value_that_was_known_before_its_time_is_warned_of(tmp_path: Path) -> None:
    text = "time,value,known\n2024-01-10,1,2024-01-09\n2024-01-11,1,2024-01-11\n"
    found = read(tmp_path, "series", text)
    assert [(one.kind, one.count) for one in found.report.findings] == [("early", 1)]


def test_columns_of_values_by_instrument_are_a_series_each(tmp_path: Path) -> None:
    text = "time,symbol,pe,pb\n2024-01-01,A,1,2\n2024-01-01,B,3,oops\n"
    found = read(tmp_path, "series", text, name="v:*", form=Form(known_after="0s"), mend=SKIP)
    assert {one.key.symbol: one.rows["value"][0] for one in found.series} == {
        "A.pe": 1.0, "A.pb": 2.0, "B.pe": 3.0,
    }  # fmt: skip
    assert found.flaws.select("kind", "symbol").rows() == [("unreadable", "B.pb")]


def test_news_has_an_id_of_its_own_and_a_time_at_which_it_was_known(tmp_path: Path) -> None:
    text = "published,title,link\n2024-01-01T10:00:00Z,Rates up,http://a\n2024-01-01T10:00:00Z,,http://b\n"
    found = read(tmp_path, "news", text)
    assert flaws(found) == [("headline", 1)]
    (one,) = read(tmp_path, "news", text, mend=SKIP).series
    assert one.rows["known_ns"].to_list() == one.rows["time_ns"].to_list()
    assert one.rows["url"].to_list() == ["http://a"]
    again = read(tmp_path, "news", text, mend=SKIP).series[0]
    assert again.rows["news_id"].to_list() == one.rows["news_id"].to_list()


def test_news_of_days_is_not_taken_as_known_at_midnight(tmp_path: Path) -> None:
    text = "date,headline\n2024-01-01,Rates up\n"
    with pytest.raises(DataError, match="news of a day were known"):
        read(tmp_path, "news", text)
    (one,) = read(tmp_path, "news", text, form=Form(known_after="15h")).series
    assert one.rows["known_ns"][0] - one.rows["time_ns"][0] == 15 * HOUR_NS


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("trades", "time,close\n1,1\n", "no column for the price of trades"),
        ("book", "time,price,size\n1,1,1\n", "no column for the side of book"),
        ("series", "time,name\n1700000000,a\n", "no column of values"),
        ("candles", "time\n1\n", "kind 'candles' is not imported"),
    ],
)
def test_file_that_is_not_of_the_kind_is_refused(
    tmp_path: Path, kind: str, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, kind, text)


def test_column_that_is_mapped_is_read_and_one_that_is_not_there_refused(tmp_path: Path) -> None:
    text = "when,paid,lots\n1700000000,10,2\n"
    form = Form(columns={"time": "when", "price": "paid", "size": "lots"})
    assert read(tmp_path, "trades", text, form=form).rows == 1
    with pytest.raises(DataError, match="did you mean paid"):
        read(tmp_path, "trades", text, form=Form(columns={"price": "payd"}))
    with pytest.raises(DataError, match="which is no part of trades"):
        read(tmp_path, "trades", text, form=Form(columns={"cost": "paid"}))
