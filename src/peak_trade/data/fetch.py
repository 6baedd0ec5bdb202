"""From a source into the store: what is missing, page by page, so that nothing is asked twice."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from peak_trade.data.cache import missing_ranges
from peak_trade.data.candles import bar_closes, bar_opens, candles_of
from peak_trade.data.pages import checked_rows
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Listed, Page, Source, SourceError, Trouble, Want
from peak_trade.domain.calendar import Interval

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.store import Store

COMMIT_ROWS = 50_000
"""Rows that are held before they are committed."""

COMMIT_S = 20.0
"""How long rows are held at most before they are committed, in seconds."""

_BUILT = ("s", "m", "h", "d")  # bars that are cut alike everywhere: not weeks, not months


@runtime_checkable
class RuledSource(Protocol):
    """A source that tells the rules of one instrument without listing all."""

    def listed(self, symbol: str) -> Listed:
        """One instrument with its rules."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch has come.

    Attributes
    ----------
    start_ns, reached_ns, stop_ns : int
        The range that is asked for, and the time up to which it has been given.
    rows, pages : int
        What has been given.
    """

    start_ns: int
    reached_ns: int
    stop_ns: int
    rows: int
    pages: int

    @property
    def fraction(self) -> float:
        """The part of the range that has been given, 0 to 1."""
        whole = self.stop_ns - self.start_ns
        return min(1.0, (self.reached_ns - self.start_ns) / whole) if whole > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did.

    Attributes
    ----------
    key : SeriesKey
        The series.
    asked : tuple of pairs of int
        Ranges that were missing and asked for; a begin of None is all that the source has.
    pages, rows : int
        Pages that were asked for, and rows that they gave.
    added, corrected, unchanged : int
        What became of the rows in the store.
    commits : int
        How often the store was written to.
    version : int or None
        The version of the series' table after the last commit; None where nothing was written.
    reached_ns : int
        Everything that is wanted before this time is in the store.
    """

    key: SeriesKey
    asked: tuple[tuple[int | None, int], ...] = ()
    pages: int = 0
    rows: int = 0
    added: int = 0
    corrected: int = 0
    unchanged: int = 0
    commits: int = 0
    version: int | None = None
    reached_ns: int = 0


def fetch(
    source: Source,
    store: "Store",
    want: Want,
    *,
    now_ns: Callable[[], int] = time.time_ns,
    on_progress: Callable[[Progress], None] | None = None,
    refresh_ns: int = 0,
    from_trades: bool = False,
    commit_rows: int = COMMIT_ROWS,
    commit_s: float = COMMIT_S,
) -> Fetched:
    """Fetch what the store does not have of a series, and keep it.

    Only ranges that were never given are asked for; a range in which the source had nothing is not
    asked for again. Figures and news may come at any time for any time: they are asked for whole,
    behind the source's own mark. Rows are committed every so many, whole pages at a time, with where the source
    goes on: a fetch that was interrupted, killed or refused goes on there when it is called again.
    Whatever ends it, what was given before is committed, where the process still runs. A page with
    a row that cannot be is refused whole.

    Parameters
    ----------
    source : Source
        Where it is from.
    store : Store
        Where it is kept.
    want : Want
        Series and range. A begin of None is all that the source has, or, where the series is
        stored already, all that came since.
    now_ns : callable
        The time that rows are stamped with as received, UTC nanoseconds.
    on_progress : callable, optional
        Told how far it has come, after every page.
    refresh_ns : int
        How far before the newest stored row the source is asked again, so that what it corrected
        is corrected here.
    from_trades : bool
        Build bars from the source's trades, which are not kept.
    commit_rows, commit_s : int, float
        Commit after so many rows, or after so many seconds, whichever comes first.

    Returns
    -------
    Fetched
        What was asked for, and what became of it.

    Raises
    ------
    SourceError
        The source could not be asked, or its answer cannot be kept.
    DataError
        The store cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import polars as pl
    >>> from peak_trade.data.store import Store
    >>> class Two:
    ...     name, kinds, is_verified = "demo", frozenset({"funding"}), False
    ...
    ...     def pages(self, want):
    ...         yield Page(pl.DataFrame({"time_ns": [1, 2], "rate": [0.1, 0.2]}), "", 3)
    >>> store = Store.open(tempfile.mkdtemp())
    >>> want = Want(SeriesKey("funding", "demo", "X"), 0, 3)
    >>> fetch(Two(), store, want).added, fetch(Two(), store, want).asked
    (2, ())
    """
    if from_trades:
        _check_buildable(source, want)
    ranges = missing(store, want, refresh_ns=refresh_ns)
    done = Fetched(want.key, reached_ns=want.stop_ns)
    for begin, end in ranges:
        cursor = "" if from_trades else _cursor_at(store, want.key, begin)
        part = Want(want.key, begin, end, cursor)
        label = f"{source.name} trades" if from_trades else source.name
        keeper = _Keeper(store, part, label, now_ns, done)
        pages = built_from_trades(source, part) if from_trades else source.pages(part)
        try:
            for page in pages:
                rows = checked_rows(page, part, source=source.name)
                keeper.take(rows, page)
                if keeper.is_due(commit_rows, commit_s):
                    keeper.commit()
                if on_progress is not None:
                    on_progress(keeper.progress())
        finally:  # an interrupt keeps what was given
            keeper.commit()
            done = keeper.done
        done = replace(done, asked=(*done.asked, (begin, end)), reached_ns=keeper.reached_ns)
    return done


def missing(
    store: "Store", want: Want, *, refresh_ns: int = 0
) -> tuple[tuple[int | None, int], ...]:
    """Tell which ranges a fetch asks for: those that were never given, and what is asked again.

    Parameters
    ----------
    store, want, refresh_ns
        As :func:`fetch` takes them.

    Returns
    -------
    tuple of pairs
        Begin (taken in; None for all that the source has) and end (left out), ascending.
    """
    if _is_revised(want.key):
        return ((want.start_ns, want.stop_ns),)
    stored, covered = store.stored(want.key), store.covered(want.key)
    begin = want.start_ns
    if begin is None:
        if not covered:
            return ((None, want.stop_ns),)
        begin = covered[0][0]
    ranges = list(missing_ranges(store, want.key, begin, want.stop_ns))
    if refresh_ns and stored is not None:
        again = max(begin, stored.last_ns - refresh_ns)
        if again < want.stop_ns:
            ranges.append((again, want.stop_ns))
    return tuple(_merged(sorted(ranges)))


def built_from_trades(source: Source, want: Want) -> Iterator[Page]:
    """Give the bars that a source's trades make up; a bar without a trade is absent.

    Parameters
    ----------
    source : Source
        Must offer trades.
    want : Want
        Bars of seconds, minutes, hours or days.
    """
    import numpy as np
    import polars as pl

    interval = Interval.parse(want.key.interval)
    trades = SeriesKey("trades", want.key.venue, want.key.symbol)
    begin = want.start_ns
    if begin is not None:  # the first bar that opens in the range
        opens = bar_opens(np.array([begin]), interval)
        begin = int(opens[0] if opens[0] == begin else bar_closes(opens, interval)[0])
    held: list[pl.DataFrame] = []
    cut = begin if begin is not None else -(2**63)
    for page in source.pages(Want(trades, begin, want.stop_ns)):
        held.append(page.rows.select("time_ns", "seq", "price", "size"))
        upto = int(bar_opens(np.array([page.reached_ns]), interval)[0])
        if upto <= cut:
            continue
        rows = pl.concat(held)
        whole = rows.filter(pl.col("time_ns") < upto)
        held = [rows.filter(pl.col("time_ns") >= upto)]
        cut = upto
        yield Page(candles_of(whole, interval), "", upto)


class _Keeper:
    """Rows of one range on their way into the store."""

    def __init__(
        self, store: "Store", want: Want, label: str, now_ns: Callable[[], int], done: Fetched
    ) -> None:
        self._store, self._want, self._label, self._now = store, want, label, now_ns
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self._cursor = want.cursor
        self._covered_from = want.start_ns
        self._kept_ns = want.start_ns  # what the last commit reached
        self._since_s = time.monotonic()
        self.reached_ns = want.start_ns or 0
        self.done = done

    def take(self, rows: "pl.DataFrame", page: Page) -> None:
        """Hold the rows of a page."""
        if self._covered_from is None and rows.height:
            self._covered_from = int(rows[self._want.key.shape.time][0])
        if rows.height:
            self._held.append(rows)
            self._rows += rows.height
        self._cursor = page.cursor
        self.reached_ns = max(self.reached_ns, page.reached_ns)
        self.done = replace(self.done, pages=self.done.pages + 1, rows=self.done.rows + rows.height)

    def is_due(self, rows: int, seconds: float) -> bool:
        """Whether it is time to commit what is held."""
        return self._rows >= rows or time.monotonic() - self._since_s >= seconds

    def commit(self) -> None:
        """Put what is held into the store, with where the source goes on."""
        import polars as pl

        begin = self._covered_from
        if begin is None or (not self._held and self.reached_ns <= (self._kept_ns or begin)):
            return
        key = self._want.key
        rows = pl.concat(self._held) if self._held else pl.DataFrame(schema=_needed(key))
        commit = self._store.upsert(
            key,
            rows,
            source=self._label,
            received_ns=self._now(),
            cursor=f"{self.reached_ns}|{self._cursor}" if self._cursor else "",
            note="fetch",
            covered=(begin, self.reached_ns) if self.reached_ns > begin else None,
        )
        self._held, self._rows, self._kept_ns = [], 0, self.reached_ns
        self._since_s = time.monotonic()
        self.done = replace(
            self.done,
            added=self.done.added + commit.added,
            corrected=self.done.corrected + commit.corrected,
            unchanged=self.done.unchanged + commit.unchanged,
            commits=self.done.commits + 1,
            version=commit.version,
        )

    def progress(self) -> Progress:
        """How far this range has come."""
        begin = self._covered_from if self._covered_from is not None else self.reached_ns
        return Progress(begin, self.reached_ns, self._want.stop_ns, self.done.rows, self.done.pages)


def _needed(key: SeriesKey) -> "dict[str, pl.DataType]":
    shape = key.shape
    return {name: kind for name, kind in shape.schema().items() if name not in shape.optional}


def _merged(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    begin, end = None, 0
    for first, last in ranges:
        if begin is not None and first <= end:
            end = max(end, last)
            continue
        if begin is not None:
            yield begin, end
        begin, end = first, last
    if begin is not None:
        yield begin, end


def _cursor_at(store: "Store", key: SeriesKey, begin: int | None) -> str:
    """The source's own mark, where the range begins just where the last fetch stopped."""
    reached, _, cursor = store.cursor(key).partition("|")
    if _is_revised(key):
        covered = store.covered(key)
        return cursor if covered and (begin is None or begin >= covered[0][0]) else ""
    return cursor if begin is not None and reached == str(begin) else ""


def _is_revised(key: SeriesKey) -> bool:
    """Whether rows of any time may still be published: what was given says nothing of what is new."""
    return "known_ns" in key.shape.columns


def _check_buildable(source: Source, want: Want) -> None:
    if want.key.kind != "bars" or "trades" not in source.kinds:
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"{want.key} cannot be built from trades of {source.name}",
            "bars alone are, of a source that offers trades: see peak data sources",
        )
    if Interval.parse(want.key.interval).unit not in _BUILT:
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"bars of {want.key.interval} are not built from trades: venues cut weeks and months "
            "differently",
            "build bars of up to 1d, and resample them",
        )
