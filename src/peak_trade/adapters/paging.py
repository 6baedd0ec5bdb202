"""Page after page without loss, overlap or an endless loop: by time, and by the venue's ids."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peak_trade.data.findings import stamp_text
from peak_trade.data.source import Page, SourceError, Trouble, Want

if TYPE_CHECKING:
    import polars as pl

EMPTY_PAGES = 50
"""How many windows without a row are walked through before a source is taken to have none."""

SETTLE_NS = 10_000_000_000
"""How long a venue may take to show what happened, or answer from before: what is newer and could
change is asked for again."""

_SAME_NS = 1_000  # a venue's cursor is finer than the times that it prints


class VenueClock:
    """The venue's time, asked no more often than needed: what it was, it has been since.

    Parameters
    ----------
    ask : callable
        Asks the venue.
    """

    def __init__(self, ask: Callable[[], int]) -> None:
        self._ask = ask
        self._known_ns: int | None = None

    def at_least(self, needed_ns: int) -> int:
        """A time that has passed at the venue; asked anew where ``needed_ns`` is later."""
        if self._known_ns is None or self._known_ns < needed_ns:
            self._known_ns = self._ask()
        return self._known_ns


@dataclass(frozen=True, slots=True)
class TimeSteps:
    """How a source is asked for rows by their time.

    Attributes
    ----------
    name : str
        The source and what is asked of it, for errors.
    ask : callable
        Gives rows from a time (taken in) until another (left out), oldest first; it may give fewer.
    span_ns : int
        How far a full page reaches at most.
    row_ns : int
        The longest that a row may last; 0 where it lasts no time.
    is_windowed : bool
        Whether an empty page means that this window is empty, and not that nothing follows.
    """

    name: str
    ask: "Callable[[int, int], pl.DataFrame]"
    span_ns: int
    row_ns: int = 0
    is_windowed: bool = False


def pages_by_time(want: Want, steps: TimeSteps, clock: VenueClock) -> Iterator[Page]:
    """Walk from ``want.start_ns`` on, leaving out bars that may still change.

    A bar is whole when the venue's clock has passed its end, and either another row follows it in
    the same answer or it ended some seconds ago: an answer may be older than the clock.

    Raises
    ------
    SourceError
        A page that is out of order, or that gives again what was given.
    """
    time = want.key.shape.time
    end = "close_ns" if "close_ns" in want.key.shape.columns else ""
    position, empty = want.start_ns or 0, 0
    while position < want.stop_ns:
        now_ns = clock.at_least(min(position + steps.span_ns, want.stop_ns))
        if position + steps.row_ns > now_ns:
            break
        answer = _forward(steps.ask(position, want.stop_ns), time, position, steps.name)
        final = _is_final(answer, end or time, now_ns, is_bar=bool(end))
        wanted = final & (answer[time] < want.stop_ns)
        rows = answer.filter(wanted)
        if answer.is_empty() and steps.is_windowed and position + steps.span_ns < now_ns:
            position, empty = position + steps.span_ns, empty + 1
            _refuse_emptiness(empty, position, steps.name)
            continue
        empty = 0
        if rows.height < answer.height or answer.is_empty():
            left = answer.filter(~wanted)
            rest = left[time][0] if left.height else now_ns - max(steps.row_ns, SETTLE_NS) + 1
            yield Page(rows, "", min(want.stop_ns, max(position, rest)))
            return
        position = int(rows[end][-1]) if end else int(rows[time][-1]) + 1
        yield Page(rows, "", min(want.stop_ns, position))


@dataclass(frozen=True, slots=True)
class IdSteps:
    """How a source is asked for trades by its own ids.

    Attributes
    ----------
    name : str
        The source and what is asked of it, for errors.
    ask : callable
        Gives trades from a cursor on, oldest first, and the cursor behind them.
    start : str
        The first cursor.
    last_id : int
        The id of the last trade that was given before; -1 where there is none.
    """

    name: str
    ask: "Callable[[str], tuple[pl.DataFrame, str]]"
    start: str
    last_id: int = -1


def pages_by_id(want: Want, steps: IdSteps, clock: VenueClock) -> Iterator[Page]:
    """Walk from a cursor on until nothing new comes; ``seq`` holds the venue's ids.

    A page that is shorter than it might be ends nothing: only one without a new trade does.

    Raises
    ------
    SourceError
        A page that is out of order, or that gives again what was given.
    """
    import polars as pl

    cursor, last_id, last_ns = steps.start, steps.last_id, want.start_ns or 0
    now_ns = clock.at_least(want.stop_ns)
    while True:
        answer, following = steps.ask(cursor)
        _check_ids(answer, last_id, last_ns, steps.name)
        new = answer.filter(pl.col("seq") > last_id)
        rows = new.filter(
            pl.col("time_ns") < want.stop_ns, pl.col("time_ns") >= (want.start_ns or 0)
        )
        if rows.height < new.filter(pl.col("time_ns") >= (want.start_ns or 0)).height:
            yield Page(rows, cursor, want.stop_ns)
            return
        if new.is_empty():
            reached = max(last_ns, now_ns - SETTLE_NS)
            yield Page(rows, cursor, min(want.stop_ns, reached))
            return
        cursor, last_id, last_ns = following, int(new["seq"][-1]), int(new["time_ns"][-1])
        yield Page(rows, cursor, min(want.stop_ns, last_ns))


def _is_final(answer: "pl.DataFrame", end: str, now_ns: int, *, is_bar: bool) -> "pl.Series":
    """Tell which rows cannot change any more."""
    import polars as pl

    is_over = pl.col(end) <= now_ns
    if is_bar:
        is_followed = pl.int_range(pl.len()) < pl.len() - 1
        is_over &= is_followed | (pl.col(end) <= now_ns - SETTLE_NS)
    return answer.select(is_over.alias("final")).to_series()


def _check_ids(answer: "pl.DataFrame", last_id: int, last_ns: int, name: str) -> None:
    """Refuse ids that do not ascend, and trades that were given before the last one."""
    import polars as pl

    ids = answer["seq"]
    if answer.height and not (ids.diff().drop_nulls() > 0).all():
        raise _bad(name, "gave trades whose ids do not ascend")
    old = answer.filter(pl.col("seq") <= last_id, pl.col("time_ns") < last_ns - _SAME_NS)
    if last_id >= 0 and old.height:
        raise _bad(name, f"gave a page again that begins at {stamp_text(int(old['time_ns'][0]))}")


def _forward(answer: "pl.DataFrame", time: str, position: int, name: str) -> "pl.DataFrame":
    """The rows of a page that have not been given, which must be in order."""
    import polars as pl

    if answer.is_empty():
        return answer
    times = answer[time]
    if not (times.diff().drop_nulls() > 0).all():
        raise _bad(name, "gave rows that go back in time, or one time twice")
    rows = answer.filter(pl.col(time) >= position)
    if rows.is_empty():
        first, last = (stamp_text(int(times[k])) for k in (0, -1))
        raise _bad(
            name, f"was asked from {stamp_text(position)} on and gave {first} to {last} instead"
        )
    return rows


def _bad(name: str, what: str) -> SourceError:
    return SourceError(
        Trouble.BAD_ANSWER,
        f"{name} {what}",
        "ask again: what came before it is kept; if it stays so, the source is at fault",
    )


def _refuse_emptiness(empty: int, position: int, name: str) -> None:
    if empty < EMPTY_PAGES:
        return
    raise SourceError(
        Trouble.NOT_OFFERED,
        f"{name} gave {EMPTY_PAGES} empty pages before {stamp_text(position)}",
        "begin later, with --since: it may not have been listed yet",
    )
