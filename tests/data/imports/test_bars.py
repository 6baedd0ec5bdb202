"""Bars of files: what is read, what is refused row by row, and what mending leaves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.imports import Form, Import, Mend, import_file
from peak_trade.data.load import load
from peak_trade.data.reading import Format, read
from peak_trade.data.repair import repair
from peak_trade.domain.errors import DataError

HEAD = "time,open,high,low,close,volume\n"
SOUND = "2024-01-01T00:00,10,12,9,11,5\n2024-01-01T00:01,11,13,10,12,6\n"
STRICT, REPAIR, SKIP = Mend(), Mend(repairs=True), Mend(skips=True)
MINUTE_NS = 60_000_000_000


def written(folder: Path, text: str, name: str = "btc.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def flaws(found: Import) -> list[tuple[str, int]]:
    return list(found.flaws.select("kind", "row").iter_rows())


@pytest.fixture
def file(tmp_path: Path):
    def make(
        rows: str, *, head: str = HEAD, mend: Mend = STRICT, form: Form | None = None
    ) -> Import:
        path = written(tmp_path, head + rows)
        return import_file(path, "bars", "x:BTC", form=form or Form(interval="1m"), mend=mend)

    return make


def test_bars_are_those_that_load_reads(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + SOUND + "2024-01-01T00:05,11,13,10,12,\n")
    (one,) = import_file(path, "bars", "kraken:BTC/USD", form=Form(interval="1m")).series
    bars = load(path, interval="1m")
    assert str(one.key) == "kraken:BTC/USD 1m"
    assert (one.rows["open_ns"].to_numpy() == bars.open_time[:, 0]).all()
    assert (one.rows["close_ns"].to_numpy() == bars.time).all()
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(one.rows[name].to_numpy(), getattr(bars, name)[:, 0])


def test_sound_file_has_no_flaw_and_no_note(file) -> None:
    found = file(SOUND)
    assert (found.flaws.height, found.is_refused, found.rows, found.read) == (0, False, 2, 2)
    assert found.notes == ()
    found.check()


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        ("2024-01-01T00:02,1,2,1,0,5\n", "price"),
        ("2024-01-01T00:02,1,2,1,-3,5\n", "price"),
        ("2024-01-01T00:02,1,2,1,,5\n", "price"),
        ("2024-01-01T00:02,1,2,1,nan,5\n", "price"),
        ("2024-01-01T00:02,inf,inf,1,1,5\n", "price"),
        ("2024-01-01T00:02,10,9,8,10,5\n", "inconsistent"),
        ("2024-01-01T00:02,10,12,11,11,5\n", "inconsistent"),
        ("2024-01-01T00:02,10,12,9,11,-5\n", "volume"),
        ("2024-01-01T00:02,10,12,9,eleven,5\n", "unreadable"),
        ('2024-01-01T00:02,10,12,9,11,"1,000"\n', "unreadable"),
        (",10,12,9,11,5\n", "stamp"),
        ("yesterday,10,12,9,11,5\n", "stamp"),
        ("2024-13-01T00:02,10,12,9,11,5\n", "stamp"),
        ("2023-12-31T23:00,10,12,9,11,5\n", "unsorted"),
        ("2024-01-01T00:01,11,13,10,12,6\n", "duplicate"),
        ("2024-01-01T00:01,11,13,10,12.5,6\n", "conflict"),
    ],
)  # fmt: skip
def test_row_that_cannot_be_right_is_named_and_nothing_kept(file, bad: str, kind: str) -> None:
    found = file(SOUND + bad)
    assert flaws(found) == [(kind, 2)]
    assert found.is_refused
    assert found.flaws["line"].to_list() == [4]
    with pytest.raises(DataError, match=rf"1 row that cannot be right \({kind} 1\)") as caught:
        found.check()
    assert caught.value.fields["defects"] == found.left.to_dicts()
    (error,) = [one for one in found.report.findings if one.severity == "error"]
    assert (error.kind, error.count) == (kind, 1)
    skipped = file(SOUND + bad, mend=SKIP)
    assert not skipped.is_refused
    assert skipped.rows == (1 if kind == "conflict" else 3 if kind == "unsorted" else 2)


def test_bar_that_opens_before_the_last_has_closed_is_named(file) -> None:
    rows = "60,10,12,9,11,5\n120,10,12,9,11,5\n150,10,12,9,11,5\n180,10,12,9,11,5\n"
    found = file(rows)
    assert flaws(found) == [("overlap", 2), ("overlap", 3)]
    assert file(rows, mend=REPAIR).is_refused
    kept = file(rows, mend=SKIP)
    assert (kept.series[0].rows["open_ns"] // 1_000_000_000).to_list() == [60, 120, 180]


def test_every_flaw_is_listed_and_no_row_hides_another(file) -> None:
    rows = [
        "2024-01-01T00:02,10,12,9,eleven,5",
        "2024-01-01T00:03,10,9,8,10,5",
        ",10,12,9,11,5",
        "2024-01-01T00:04,10,12,9,0,5",
        "bad,10,12,9,11,5",
        "2024-01-01T00:05,10,12,9,11,-1",
        "2024-01-01T00:06,10,12,9,11,1",
    ]
    found = file(SOUND + "\n".join(rows) + "\n")
    assert sorted(flaws(found), key=lambda one: one[1]) == [
        ("unreadable", 2), ("inconsistent", 3), ("stamp", 4), ("price", 5), ("stamp", 6),
        ("volume", 7),
    ]  # fmt: skip
    with pytest.raises(DataError, match="6 rows") as caught:
        found.check(shown=2)
    assert "... and 4 more" in str(caught.value)
    assert file(SOUND + "\n".join(rows) + "\n", mend=SKIP).rows == 3


def test_repair_widens_empties_and_drops_as_the_file_repair_does(tmp_path: Path) -> None:
    text = HEAD + (
        "2024-01-01T00:02,10,9,8,10,5\n"
        "2024-01-01T00:00,10,12,9,11,5\n"
        "2024-01-01T00:00,10,12,9,11,5\n"
        "2024-01-01T00:01,10,12,9,11,-5\n"
        "2024-01-01T00:03,10,12,9,0,5\n"
    )
    path = written(tmp_path, text)
    found = import_file(path, "bars", "x:BTC", form=Form(interval="1m"), mend=REPAIR)
    (one,) = found.series
    assert one.rows["high"].to_list() == [12, 12, 10]
    assert one.rows["volume"].is_nan().to_list() == [False, True, False]
    assert not found.is_refused
    assert [(one.what.partition(" ")[2][:7], one.rows) for one in found.mended] == [
        ("put in ", (1,)), ("dropped", (2,)), ("dropped", (4,)), ("raised ", (0,)), ("or infi", (3,)),
    ]  # fmt: skip
    repaired = repair(read(path, Format())).reading.table.frame
    assert repaired["close"].cast(pl.Float64).to_list() == one.rows["close"].to_list()


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 12), *[st.sampled_from([0.0, 1.0, 2.0, 3.0, float("nan")])] * 4,
                  st.sampled_from([-1.0, 0.0, 1.0])),
        min_size=3, max_size=12,
    )
)  # fmt: skip
def test_repair_of_an_import_equals_the_repair_of_a_file(tmp_path_factory, rows) -> None:
    names = ("time", "open", "high", "low", "close", "volume")
    frame = pl.DataFrame(rows, schema=names, orient="row")
    frame = frame.with_columns(pl.col("time") * 60 + 1_700_000_040)
    path = tmp_path_factory.mktemp("twin") / "a.parquet"
    frame.write_parquet(path)
    found = import_file(path, "bars", "x:A", form=Form(interval="1m"), mend=REPAIR)
    try:
        twin = repair(read(path, Format(interval="1m"))).reading
    except DataError:
        assert found.rows == 0
        return
    conflicts = set(found.left["time_ns"])
    assert {kind for kind, _ in flaws(found) if kind == "conflict"} <= {"conflict"}
    want = twin.table.frame.with_columns((pl.col("time") * 1_000_000_000).alias("time"))
    want = want.filter(~pl.col("time").is_in(list(conflicts)))
    for one in found.series:
        rows_ = one.rows.filter(~pl.col("open_ns").is_in(list(conflicts)))
        assert rows_["open_ns"].to_list() == want["time"].to_list()
        for name in names[1:]:
            left, right = (
                rows_[name].to_numpy(),
                want[name].cast(pl.Float64).fill_null(float("nan")),
            )
            np.testing.assert_array_equal(left, right.to_numpy())


def test_conflicts_survive_repair_and_are_refused(file) -> None:
    found = file(SOUND + "2024-01-01T00:01,11,13,10,12.5,6\n", mend=REPAIR)
    assert found.is_refused
    with pytest.raises(DataError, match="--skip-bad leaves them out, since none is known to hold"):
        found.check()
    both = file(SOUND + "2024-01-01T00:01,11,13,10,12.5,6\n", mend=Mend(repairs=True, skips=True))
    assert (both.is_refused, both.rows) == (False, 1)


def test_several_instruments_are_a_series_each(tmp_path: Path) -> None:
    text = "date,symbol,close\n2024-01-01,B,1\n2024-01-01,A,2\n2024-01-02,B,3\n2024-01-02,A,4\n"
    path = written(tmp_path, text)
    found = import_file(path, "bars", "us:*", form=Form(interval="1d"))
    assert {one.key.symbol: one.rows["close"].to_list() for one in found.series} == {
        "A": [2.0, 4.0],
        "B": [1.0, 3.0],
    }
    assert "open" not in found.series[0].rows.columns
    (one,) = import_file(path, "bars", "us:C", form=Form(interval="1d", symbol="B")).series
    assert (one.key.symbol, one.rows["close"].to_list()) == ("C", [1.0, 3.0])
    (one,) = import_file(path, "bars", "us:A", form=Form(interval="1d")).series
    assert one.rows["close"].to_list() == [2.0, 4.0]
    with pytest.raises(DataError, match=r"holds 2 instruments .A, B., none of them C"):
        import_file(path, "bars", "us:C", form=Form(interval="1d"))
    with pytest.raises(DataError, match="'D' is not in"):
        import_file(path, "bars", "us:C", form=Form(interval="1d", symbol="D"))


def test_flaw_of_another_instrument_does_not_matter(tmp_path: Path) -> None:
    text = "date,symbol,close\n2024-01-01,B,0\n2024-01-01,A,2\n2024-01-02,B,3\n2024-01-02,A,4\n"
    path = written(tmp_path, text)
    assert not import_file(path, "bars", "us:A", form=Form(interval="1d")).is_refused
    found = import_file(path, "bars", "us:*", form=Form(interval="1d"))
    assert found.flaws.select("kind", "symbol", "row").rows() == [("price", "B", 0)]


def test_row_without_an_instrument_is_a_flaw(tmp_path: Path) -> None:
    path = written(tmp_path, "date,symbol,close\n2024-01-01,A,1\n2024-01-01,,2\n2024-01-02,A,3\n")
    found = import_file(path, "bars", "us:*", form=Form(interval="1d"))
    assert flaws(found) == [("symbol", 1)]


def test_wide_closes_keep_the_days_that_each_has(tmp_path: Path) -> None:
    path = written(tmp_path, "date,AAA,BBB\n2024-01-01,1,\n2024-01-02,2,5\n2024-01-03,3,0\n")
    found = import_file(path, "bars", "us", form=Form(interval="1d"), mend=SKIP)
    closes = {one.key.symbol: one.rows["close"].to_list() for one in found.series}
    assert closes == {"AAA": [1.0, 2.0, 3.0], "BBB": [5.0]}
    assert found.flaws.select("kind", "symbol", "row").rows() == [("price", "BBB", 2)]


def test_bars_of_quotes_are_halfway_between_bid_and_ask(tmp_path: Path) -> None:
    head = ",".join(f"{q}_{s}" for q in ("bid", "ask") for s in ("open", "high", "low", "close"))
    path = written(tmp_path, f"time,{head}\n60,1,4,1,2,3,6,3,4\n120,1,4,1,2,3,6,3,4\n")
    found = import_file(path, "bars", "x:A", form=Form(interval="1m"))
    assert found.series[0].rows.select("open", "high", "low", "close").row(0) == (2, 5, 2, 3)
    assert "volume" not in found.series[0].rows.columns
    assert "halfway between bid and ask" in found.notes[0]


def test_bars_without_a_trade_are_marked_as_filled_in(file) -> None:
    head = HEAD.replace("\n", ",count\n")
    rows = "2024-01-01T00:00,10,12,9,11,5,3\n2024-01-01T00:01,11,11,11,11,0,0\n"
    found = file(rows, head=head)
    assert found.series[0].rows["is_filled"].to_list() == [False, True]
    assert "1 bars without a trade" in found.notes[0]
    assert "is_filled" not in file(SOUND).series[0].rows.columns


def test_interval_that_no_two_rows_have_is_refused(file) -> None:
    rows = "".join(f"2024-01-01T{h:02d}:00,10,12,9,11,5\n" for h in range(24))
    with pytest.raises(DataError, match=r"no two rows of .* are 1m apart, most are 3600 s apart"):
        file(rows)
    assert file(rows, form=Form(interval="1h")).rows == 24


def test_interval_that_is_not_said_is_told_and_noted(file) -> None:
    found = file(SOUND, form=Form())
    assert found.series[0].key.interval == "1m"
    assert found.notes == ("the interval 1m was told from the stamps",)


def test_closing_stamps_and_zones_are_read_as_load_reads_them(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + SOUND)
    form = Form(interval="1m", stamp="close", timezone="America/New_York")
    (one,) = import_file(path, "bars", "x:A", form=form).series
    bars = load(path, interval="1m", stamp="close", timezone="America/New_York")
    assert (one.rows["close_ns"].to_numpy() == bars.time).all()
    assert (one.rows["open_ns"].to_numpy() == bars.time - MINUTE_NS).all()


def test_gaps_are_warned_of_and_kept(file) -> None:
    found = file(SOUND + "2024-01-01T00:10,11,13,10,12,6\n", form=Form(calendar="24/7"))
    (gap,) = [one for one in found.report.findings if one.kind == "gap"]
    assert (gap.severity, gap.bars) == ("warning", 8)
    assert not found.is_refused


def test_builtin_series_is_imported_as_load_reads_it() -> None:
    (one,) = import_file("builtin:sp500", "bars", "us:SP500").series
    bars = load("builtin:sp500")
    assert (one.rows["close"].to_numpy() == bars.close[:, 0]).all()
    assert (one.rows["open_ns"].to_numpy() == bars.open_time[:, 0]).all()
    with pytest.raises(DataError, match="is known"):
        import_file("builtin:sp500", "bars", "us:SP500", form=Form(timezone="UTC"))
    with pytest.raises(DataError, match="holds bars, not trades"):
        import_file("builtin:sp500", "trades", "us:SP500")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("BTC/USD", "names no venue"),
        ("file:x", "names no venue"),
        ("http://x", "names no venue"),
        (":BTC", "names no venue"),
        ("kraken: BTC", "not valid"),
        ("kraken", "does not say of which instrument"),
    ],
)
def test_name_that_no_series_can_have_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        import_file(written(tmp_path, HEAD + SOUND), "bars", name)


def test_form_that_cannot_be_is_refused() -> None:
    form = Form()
    for wrong in ({"stamp": "middle"}, {"unit": "h"}, {"layout": "kraken"}):
        with pytest.raises(DataError, match="is not known"):
            replace(form, **wrong)


def test_file_that_is_nearly_all_unreadable_is_refused_at_once(file) -> None:
    with pytest.raises(DataError, match="is not a time in a known format"):
        file("a,1,1,1,1,1\nb,1,1,1,1,1\nc,1,1,1,1,1\n")


def test_columns_that_are_not_read_are_said(file) -> None:
    found = file(
        "2024-01-01T00:00,1,1,1,1,1,7\n2024-01-01T00:01,1,1,1,1,1,7\n",
        head=HEAD.replace("\n", ",vwap\n"),
    )
    assert found.left_out == ("vwap",)
