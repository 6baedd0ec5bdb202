"""Fetching from a source into the store: what is asked for, what is kept, what is refused."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.data.fetch import Progress, built_from_trades, fetch, missing
from peak_trade.data.pages import checked_rows
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Estimate, Page, SourceError, Trouble, Want
from peak_trade.data.store import Store

MINUTE = 60 * 10**9
KEY = SeriesKey("bars", "fake", "A/B", "1m")
RATES = SeriesKey("funding", "fake", "A/B")
TRADES = SeriesKey("trades", "fake", "A/B")


def bars(first: int, count: int, *, close: float = 10.0) -> pl.DataFrame:
    opens = np.arange(first, first + count) * MINUTE
    values = np.full(count, close)
    return pl.DataFrame(
        {
            "open_ns": opens, "close_ns": opens + MINUTE, "open": values, "high": values + 1,
            "low": values - 1, "close": values, "volume": values,
        }
    )  # fmt: skip


@dataclass
class Fake:
    """A source of minutes 0 to ``count``, ``size`` a page, that remembers what it was asked."""

    count: int = 100
    size: int = 10
    close: float = 10.0
    holes: range = range(0)
    name: str = "fake"
    kinds: frozenset[str] = frozenset({"bars", "trades"})
    is_verified: bool = False
    asked: list[Want] = field(default_factory=list)
    before_page: Callable[[int], None] = lambda page: None
    cursors: bool = False

    def instruments(self) -> tuple:
        return ()

    def estimate(self, want: Want) -> Estimate:
        return Estimate(None, None)

    def pages(self, want: Want) -> Iterator[Page]:
        self.asked.append(want)
        every = bars(0, self.count, close=self.close)
        every = every.filter(~pl.col("open_ns").is_in([k * MINUTE for k in self.holes]))
        rows = every.filter(
            pl.col("open_ns") >= (want.start_ns or 0), pl.col("open_ns") < want.stop_ns
        )
        for number, begin in enumerate(range(0, rows.height, self.size)):
            self.before_page(number)
            page = rows[begin : begin + self.size]
            is_last = begin + self.size >= rows.height
            reached = want.stop_ns if is_last else int(page["close_ns"][-1])
            yield Page(page, f"at{reached}" if self.cursors else "", reached)
        if rows.is_empty():
            yield Page(rows, "", want.stop_ns)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def want(start: int | None, stop: int) -> Want:
    return Want(KEY, None if start is None else start * MINUTE, stop * MINUTE)


def test_only_what_is_missing_is_asked_for(store: Store) -> None:
    source = Fake()
    assert fetch(source, store, want(20, 40)).added == 20
    assert fetch(source, store, want(10, 60)).added == 30
    assert fetch(source, store, want(0, 60)).added == 10
    asked = [(one.start_ns // MINUTE, one.stop_ns // MINUTE) for one in source.asked]
    assert asked == [(20, 40), (10, 20), (40, 60), (0, 10)]
    assert store.read(KEY)["open_ns"].to_list() == [k * MINUTE for k in range(60)]


def test_a_gap_that_the_source_has_is_not_asked_for_again(store: Store) -> None:
    source = Fake(holes=range(30, 50))
    assert fetch(source, store, want(0, 100)).added == 80
    assert fetch(source, store, want(0, 100)).asked == ()
    assert fetch(source, store, want(35, 45)).asked == ()
    assert len(source.asked) == 1


def test_a_range_without_a_row_is_remembered(store: Store) -> None:
    source = Fake(holes=range(100))
    assert fetch(source, store, want(0, 50)).rows == 0
    assert fetch(source, store, want(10, 40)).asked == ()


def test_without_a_begin_all_is_asked_for_and_later_what_came_since(store: Store) -> None:
    source = Fake()
    assert fetch(source, store, want(None, 50)).asked == ((None, 50 * MINUTE),)
    assert fetch(source, store, want(None, 80)).asked == ((50 * MINUTE, 80 * MINUTE),)


def test_refresh_corrects_the_last_bars_and_marks_them(store: Store) -> None:
    fetch(Fake(), store, want(0, 50))
    done = fetch(Fake(close=11.0), store, want(0, 60), refresh_ns=5 * MINUTE)
    assert done.asked == ((44 * MINUTE, 60 * MINUTE),)
    assert (done.added, done.corrected, done.unchanged) == (10, 6, 0)
    kept = store.read(KEY)
    assert kept["close"].to_list() == [10.0] * 44 + [11.0] * 16
    assert kept["revision"].to_list() == [0] * 44 + [1] * 6 + [0] * 10
    assert missing(store, want(0, 60)) == ()


def test_where_rows_came_from_and_when_is_kept(store: Store) -> None:
    fetch(Fake(), store, want(0, 5), now_ns=lambda: 77)
    kept = store.read(KEY)
    assert set(kept["source"]) == {"fake"}
    assert set(kept["received_ns"]) == {77}
    assert [version.note for version in store.versions(KEY)] == ["fetch"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SourceError(Trouble.UNREACHABLE, "gone")])
def test_what_was_given_before_it_broke_off_is_kept(store: Store, error: BaseException) -> None:
    def fail(page: int) -> None:
        if page == 3:
            raise error

    with pytest.raises(type(error)):
        fetch(Fake(before_page=fail), store, want(0, 100))
    assert store.read(KEY).height == 30
    source = Fake()
    assert fetch(source, store, want(0, 100)).asked == ((30 * MINUTE, 100 * MINUTE),)
    assert store.read(KEY).height == 100


def test_rows_are_committed_every_so_many(store: Store) -> None:
    done = fetch(Fake(), store, want(0, 100), commit_rows=25)
    assert (done.pages, done.commits, done.version) == (10, 4, 4)
    assert [version.added for version in store.versions(KEY)] == [30, 30, 30, 10]


def test_rows_are_committed_after_some_time(store: Store) -> None:
    assert fetch(Fake(), store, want(0, 100), commit_s=0.0).commits == 10


def test_the_source_s_own_mark_is_given_back_where_it_stopped(store: Store) -> None:
    def fail(page: int) -> None:
        if page == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Fake(before_page=fail, cursors=True), store, want(0, 100))
    source = Fake(cursors=True)
    fetch(source, store, want(0, 100))
    assert [one.cursor for one in source.asked] == [f"at{20 * MINUTE}"]
    fetch(source, store, Want(KEY, -5 * MINUTE, 100 * MINUTE))
    assert source.asked[-1].cursor == ""  # another place: time tells it


def test_progress_rises_to_the_end(store: Store) -> None:
    told: list[Progress] = []
    fetch(Fake(), store, want(0, 100), on_progress=told.append)
    parts = [one.fraction for one in told]
    assert parts == sorted(parts)
    assert (parts[0], parts[-1], told[-1].rows, told[-1].pages) == (0.1, 1.0, 100, 10)


def test_a_killed_fetch_goes_on_where_it_was_committed(tmp_path: Path) -> None:
    code = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_fetch import Fake, want
        from peak_trade.data.fetch import fetch
        from peak_trade.data.store import Store

        def kill(page):
            if page == 6:
                os.kill(os.getpid(), signal.SIGKILL)

        fetch(Fake(before_page=kill), Store.open({str(tmp_path / "store")!r}), want(0, 100),
              commit_rows=20)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert ran.returncode == -signal.SIGKILL
    store = Store.open(tmp_path / "store")
    assert store.read(KEY).height == 60
    assert fetch(Fake(), store, want(0, 100)).asked == ((60 * MINUTE, 100 * MINUTE),)
    assert store.read(KEY)["open_ns"].to_list() == [k * MINUTE for k in range(100)]


def test_a_store_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    place = tmp_path / "store"
    fetch(Fake(), Store.open(place), want(0, 10))

    store = Store.open(place)
    store.upsert = _refuse  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="full"):
        fetch(Fake(), store, want(0, 50))
    assert Store.open(place).read(KEY).height == 10
    assert fetch(Fake(), Store.open(place), want(0, 50)).added == 40


def _refuse(*_: object, **__: object) -> None:
    raise SourceError(Trouble.BAD_ANSWER, "the disk is full")


BROKEN: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "zero, negative or infinite": lambda rows: rows.with_columns(close=pl.lit(0.0)),
    "contradicts them": lambda rows: rows.with_columns(high=pl.col("low") - 1),
    "negative or infinite": lambda rows: rows.with_columns(volume=pl.lit(-1.0)),
    "go back in time": lambda rows: rows.reverse(),
    "contradict each other": lambda rows: pl.concat(
        [rows[:2], rows[1:2].with_columns(volume=pl.lit(3.0)), rows[2:]]
    ),
    "no column 'close'": lambda rows: rows.drop("close"),
    "unknown column 'vwap'": lambda rows: rows.with_columns(vwap=pl.lit(1.0)),
    "rows without close": lambda rows: rows.with_columns(close=pl.lit(float("nan"))),
    "of another type": lambda rows: rows.with_columns(close=pl.lit("ten")),
}


@pytest.mark.parametrize("said", BROKEN)
def test_a_page_with_a_row_that_cannot_be_is_refused_whole(store: Store, said: str) -> None:
    @dataclass
    class Broken(Fake):
        def pages(self, want: Want) -> Iterator[Page]:
            for number, page in enumerate(super().pages(want)):
                rows = BROKEN[said](page.rows) if number == 2 else page.rows
                yield Page(rows, page.cursor, page.reached_ns)

    with pytest.raises(SourceError, match=said) as caught:
        fetch(Broken(), store, want(0, 50))
    assert caught.value.trouble is Trouble.BAD_ANSWER
    assert store.read(KEY).height == 20
    assert fetch(Fake(), store, want(0, 50)).added == 30


def test_rows_that_stand_twice_and_rows_outside_are_left_out() -> None:
    page = Page(pl.concat([bars(0, 5), bars(4, 6)]), "", 100 * MINUTE)
    kept = checked_rows(page, want(2, 8), source="fake")
    assert kept["open_ns"].to_list() == [k * MINUTE for k in range(2, 8)]


@pytest.mark.parametrize(("column", "value"), [("price", 0.0), ("size", -1.0)])
def test_a_trade_that_cannot_be_is_refused(column: str, value: float) -> None:
    rows = pl.DataFrame({"time_ns": [1, 2], "price": [1.0, 2.0], "size": [1.0, 1.0]})
    page = Page(rows.with_columns(pl.lit(value).alias(column)), "", 3)
    with pytest.raises(SourceError, match=f"{column}s that are"):
        checked_rows(page, Want(TRADES, 0, 3), source="fake")


def test_a_rate_of_all_that_is_held_is_refused() -> None:
    page = Page(pl.DataFrame({"time_ns": [1], "rate": [1.0]}), "", 3)
    with pytest.raises(SourceError, match="funding rates of 100 %"):
        checked_rows(page, Want(RATES, 0, 3), source="fake")


class Traded(Fake):
    """A source of a trade every twenty seconds, seven a page, from the third second on."""

    def pages(self, want: Want) -> Iterator[Page]:
        self.asked.append(want)
        times = np.arange(3 * 10**9, 100 * MINUTE, 20 * 10**9)
        rows = pl.DataFrame(
            {
                "time_ns": times, "seq": np.arange(len(times)),
                "price": 100.0 + np.arange(len(times)), "size": np.ones(len(times)),
            }
        )  # fmt: skip
        rows = rows.filter(
            pl.col("time_ns") >= (want.start_ns or 0), pl.col("time_ns") < want.stop_ns
        )
        for begin in range(0, rows.height, 7):
            page = rows[begin : begin + 7]
            yield Page(page, str(begin), int(page["time_ns"][-1]))
        yield Page(rows[:0], "", want.stop_ns)


def test_bars_are_built_of_whole_minutes_alone(store: Store) -> None:
    begin, stop = MINUTE // 2, 10 * MINUTE + MINUTE // 2
    done = fetch(Traded(), store, Want(KEY, begin, stop), from_trades=True)
    kept = store.read(KEY)
    assert kept["open_ns"].to_list() == [k * MINUTE for k in range(1, 10)]
    assert kept["open"].to_list() == [100.0 + 3 * k for k in range(1, 10)]
    assert set(kept["volume"]) == {3.0}
    assert done.reached_ns == 10 * MINUTE
    assert [one.key for one in store.series()] == [KEY]  # the trades are not kept


def test_building_goes_on_with_the_next_minute(store: Store) -> None:
    fetch(Traded(), store, Want(KEY, 0, 5 * MINUTE), from_trades=True)
    source = Traded()
    done = fetch(source, store, Want(KEY, 0, 9 * MINUTE), from_trades=True)
    assert source.asked[0].start_ns == 5 * MINUTE
    assert done.added == 4
    assert store.read(KEY)["open"].to_list() == [100.0 + 3 * k for k in range(9)]


def test_pieces_of_any_size_build_the_same_bars() -> None:
    whole = pl.concat(page.rows for page in built_from_trades(Traded(), want(0, 90)))
    assert whole["open_ns"].to_list() == [k * MINUTE for k in range(90)]
    assert set(whole["volume"]) == {3.0}


@pytest.mark.parametrize(
    ("key", "said"),
    [(RATES, "cannot be built"), (SeriesKey("bars", "fake", "A/B", "1w"), "weeks and months")],
)
def test_what_cannot_be_built_from_trades_is_refused(store: Store, key, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        fetch(Fake(), store, Want(key, 0, MINUTE), from_trades=True)


def test_memory_holds_no_more_than_a_commit(store: Store) -> None:
    held: list[int] = []
    upsert = store.upsert

    def watched(key, rows, **more):
        held.append(rows.height)
        return upsert(key, rows, **more)

    store.upsert = watched  # type: ignore[method-assign]
    fetch(Fake(count=1000), store, want(0, 1000), commit_rows=50)
    assert max(held) <= 50 + 10


def test_the_figures_of_fetching_are_of_every_row() -> None:
    from benchmarks.data.fetch import measure

    read, kept = measure(0.001)
    assert "1,000 bars read, 4 pages" in read.what
    assert read.is_speed
    assert kept.found.endswith(" ms")
