"""Checks of one instrument's bars over time: gaps, outliers, splits, stale and empty stretches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.data.anomalies import (
    find_moves,
    find_repeated,
    find_stale,
    find_wicks,
    ratio_named,
    runs_of,
)
from peak_trade.data.faults import bad_bar
from peak_trade.data.findings import SHOWN, Example, Finding, make_finding, stamp_text
from peak_trade.data.sessions import Sessions, missing_bars, outside_sessions
from peak_trade.domain.calendar import Interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Say = Callable[[int], str]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The K bars of one instrument with sound prices, in order of time.

    Attributes
    ----------
    symbol : str
        Its name.
    calendar : str
        When it trades.
    calendar_note : str
        Where the calendar came from, for messages.
    interval : Interval
        Length of a bar.
    rows : (K,) int64
        Where the bars stand.
    stamps, opens, closes : (K,) int64
        Stamps as written, opens and closes, UTC nanoseconds.
    prices : (4, K) float64
        Open, high, low and close; of a close-only series four times the close.
    is_close_only : bool
        Whether there are closes alone.
    volume : (K,) float64
        Units traded; NaN where not known.
    place : callable
        Names a row for messages.
    """

    symbol: str
    calendar: str
    calendar_note: str
    interval: Interval
    rows: Ints
    stamps: Ints
    opens: Ints
    closes: Ints
    prices: Floats
    is_close_only: bool
    volume: Floats
    place: Callable[[int], str]

    @property
    def is_intraday(self) -> bool:
        """Whether bars are shorter than a day."""
        return self.interval.unit in ("s", "m", "h")


def check_track(track: Track, sessions: Sessions | None) -> Iterator[Finding]:
    """Find what is suspect in one instrument's bars.

    Parameters
    ----------
    track : Track
        Its bars.
    sessions : Sessions, optional
        When it trades; None where that is not known, and gaps are not looked for.
    """
    yield from _overlaps(track)
    missing = None
    if sessions is not None:
        missing = missing_bars(sessions, track.interval, track.opens, track.closes)
        yield from _gaps(track, missing)
        yield from _outside(track, sessions)
    yield from _moves(track, _elapsed(track, missing))
    if not track.is_close_only:
        yield from _bars(track)
    yield from _stale(track)
    yield from _empty(track)


def _elapsed(track: Track, missing: Ints | None) -> Floats:
    """Bars' lengths from each close to the next: by the clock, for days and longer by the count."""
    by_clock = np.diff(track.closes) / track.interval.ns
    if track.is_intraday:
        steps = by_clock
    else:  # without a calendar a weekend and one holiday are no time
        steps = by_clock - 3.0 if missing is None else np.asarray(missing + 1.0)
    return np.concatenate(([1.0], np.maximum(steps, 1.0)))


def _overlaps(track: Track) -> Iterator[Finding]:
    early = np.flatnonzero(track.opens[1:] < track.closes[:-1]) + 1

    def say(k: int) -> str:
        seconds = (track.stamps[k] - track.stamps[k - 1]) / 1e9
        return f"{seconds:g} s after the bar before"

    yield from _found(
        track, "overlap", early, say, how=f"bars of {track.interval} are expected: is it right?"
    )


def _gaps(track: Track, missing: Ints) -> Iterator[Finding]:
    after = np.flatnonzero(missing) + 1
    total = int(missing.sum())

    def say(k: int) -> str:
        return f"{missing[k - 1]:,} missing before it, since {stamp_text(int(track.stamps[k - 1]))}"

    longest = after[np.argsort(-missing[after - 1], kind="stable")]
    how = f"{total:,} of {track.interval} in all, by the calendar {track.calendar}"
    yield from _found(
        track, "gap", after, say, how=how + track.calendar_note, bars=total, first=longest
    )


def _outside(track: Track, sessions: Sessions) -> Iterator[Finding]:
    if track.interval.unit in ("w", "mo", "y"):
        return
    places = np.flatnonzero(outside_sessions(sessions, track.opens, track.closes))
    how = f"by the calendar {track.calendar}{track.calendar_note}"
    yield from _found(track, "outside", places, lambda _: "", how=how)


def _moves(track: Track, elapsed: Floats) -> Iterator[Finding]:
    opens, closes = track.prices[0], track.prices[3]
    moves = find_moves(opens, closes, elapsed)
    with np.errstate(over="ignore"):
        change = np.diff(closes, prepend=closes[:1]) / np.concatenate((closes[:1], closes[:-1]))

    def say(k: int) -> str:
        return f"{change[k]:+.1%} to {closes[k]:g}"

    def say_ratio(k: int) -> str:
        return f"{say(k)}, near {ratio_named(int(moves.ratio[k]), is_rise=change[k] > 0)}"

    hows = {
        "split": "adjust the prices, or say that the move was one",
        "spike": "compare them with another source",
        "jump": "news, or a fault",
    }
    for kind, mask in (("split", moves.split), ("spike", moves.spike), ("jump", moves.jump)):
        places, words = np.flatnonzero(mask), say_ratio if kind == "split" else say
        runs = len(runs_of(mask)[0])
        largest = places[np.argsort(-np.abs(change[places]), kind="stable")]
        yield from _found(track, kind, places, words, how=hows[kind], count=runs, first=largest)


def _bars(track: Track) -> Iterator[Finding]:
    opens, highs, lows, closes = track.prices
    sound = ~bad_bar(opens, highs, lows, closes)

    def say(k: int) -> str:
        return f"open {opens[k]:g}, high {highs[k]:g}, low {lows[k]:g}, close {closes[k]:g}"

    wicks = np.flatnonzero(find_wicks(opens, highs, lows, closes) & sound)
    yield from _found(track, "wick", wicks, say, how="stops and limits would fill there")
    copies = np.flatnonzero(find_repeated(track.prices, track.volume))
    yield from _found(track, "repeated", copies, say, how="a feed that stood still, or padding")


def _stale(track: Track) -> Iterator[Finding]:
    closes = track.prices[3]
    mask = find_stale(closes)
    yield from _runs(track, "stale", mask, lambda k: f"close {closes[k]:g}", how="nothing traded?")


def _empty(track: Track) -> Iterator[Finding]:
    mask = track.volume == 0
    share = mask.mean() if len(mask) else 0.0
    how = f"{share:.1%} of its bars; nobody could have traded there"
    yield from _runs(track, "zero_volume", mask, lambda _: "", how=how)


def _runs(track: Track, kind: str, mask: Bools, say: Say, *, how: str) -> Iterator[Finding]:
    places = np.flatnonzero(mask)
    if not len(places):
        return
    first, last = runs_of(mask)
    lengths = np.zeros(len(mask), dtype=np.int64)
    lengths[first] = last - first + 1

    def told(k: int) -> str:
        words = say(k)
        length = f"{lengths[k]:,} bar{'' if lengths[k] == 1 else 's'}"
        return f"{length}, {words}" if words else length

    longest = first[np.argsort(first - last, kind="stable")]
    how = f"{len(places):,} in all, the longest run {int(lengths.max()):,}; {how}"
    yield from _found(track, kind, places, told, how=how, count=len(first), first=longest)


def _found(
    track: Track,
    kind: str,
    places: Ints,
    say: Say,
    *,
    how: str,
    count: int | None = None,
    bars: int | None = None,
    first: Ints | None = None,
) -> Iterator[Finding]:
    """Make a finding of places, if there are any; ``first`` are those to show, best first."""
    if not len(places):
        return
    yield make_finding(
        kind,
        track.symbol,
        rows=track.rows[places],
        stamps=track.stamps[places],
        close_ns=track.closes[places],
        examples=[
            _example(track, int(k), say) for k in (places if first is None else first)[:SHOWN]
        ],
        count=count,
        bars=bars,
        how=how,
    )


def _example(track: Track, k: int, say: Say) -> Example:
    row, stamp, words = int(track.rows[k]), int(track.stamps[k]), say(k)
    where = f"{track.place(row)} ({stamp_text(stamp)})"
    return Example(row, stamp, f"{where}: {words}" if words else where)
