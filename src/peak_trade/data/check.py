"""Checks of market data before a backtest leans on it: what is broken, and what is suspect."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.columns import Stamp
from peak_trade.data.findings import (
    SHOWN,
    DataReport,
    Example,
    Finding,
    make_finding,
    ordered,
    stamp_text,
)
from peak_trade.data.instruments import infer_calendar
from peak_trade.data.normalise import Series
from peak_trade.data.reading import Format, Reading, read
from peak_trade.data.row_checks import RowFaults, check_rows, find_faults
from peak_trade.data.sessions import Sessions
from peak_trade.data.spans import bar_spans, infer_interval
from peak_trade.data.stamps import Stamps
from peak_trade.data.stored import Pick
from peak_trade.data.track_checks import Track, check_track
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval, calendar_named
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame

    from peak_trade.data.store import Store

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TOLD = ", which was told from the bars: name another if it is wrong"


def check_data(
    source: "Bars | str | Sequence[str] | Path | IntoDataFrame | pl.LazyFrame",
    *,
    interval: str | Interval | None = None,
    stamp: Stamp = "open",
    timezone: str | None = None,
    calendar: str | None = None,
    columns: Mapping[str, str] | None = None,
    symbol: str | None = None,
    version: int | None = None,
    store: "Store | str | Path | None" = None,
) -> DataReport:
    """Check bars, a file, a frame or stored bars for what would break or distort a backtest.

    Errors are what loading refuses: rows out of order, doubled or contradicting stamps, prices
    that are missing or not above zero, highs and lows that contradict their bar, bars closer
    together than their interval. Warnings would distort a result: gaps in trading hours, jumps
    near a split ratio, spikes, far wicks, stale and repeated bars, no volume. Notes are worth
    knowing: large moves that stayed, bars outside trading hours, and stored bars that were filled
    in, which count as missing. Nothing is changed.

    Parameters
    ----------
    source : Bars, str, list of str, Path or frame
        Bars, or what :func:`pt.load` takes. Of bars only ``calendar`` and ``symbol`` may be given.
    interval, stamp, timezone, columns, symbol, version, store : optional
        How to read it, as for :func:`pt.load`.
    calendar : str, optional
        ``24/7``, ``24/5`` or the code of a stock exchange such as ``XNYS``, whose holidays and half
        days need the extra ``calendars``. Told from the bars where left out.

    Returns
    -------
    DataReport
        One finding a kind and instrument, with rows and examples.

    Raises
    ------
    DataError
        A source that cannot be read as bars at all.
    ParameterError
        An interval or a calendar that is not known.

    Notes
    -----
    The tests are robust (medians) and look to both sides of a bar; :mod:`peak_trade.data.anomalies`
    has their definitions.

    Examples
    --------
    >>> closes = 100 + np.sin(np.arange(300.0))
    >>> closes[200:] /= 2
    >>> report = check_data(Bars.from_arrays(closes, instruments=["X"]), calendar="24/7")
    >>> report
    DataReport(arrays: 300 rows, 0 errors, 1 warning, 0 notes)
    >>> [(found.kind, found.rows.tolist()) for found in report.findings]
    [('split', [200])]
    """
    if calendar is not None:
        calendar_named(calendar)
    if isinstance(source, Bars):
        if interval is not None or stamp != "open" or timezone is not None or columns:
            raise DataError(
                "interval, stamp, timezone and columns of bars are known", hint="leave them out"
            )
        if version is not None:
            raise DataError("version belongs to series of the store", hint="leave it out")
        chosen = source if symbol is None else source.select(symbol)
        return _check_tracks(
            chosen.name, len(chosen), list(_tracks_of_bars(chosen, calendar)), [], chosen.symbols
        )
    form = Format(interval, stamp, timezone, calendar, columns, symbol)
    return check_reading(read(source, form, Pick(store, version)))


def check_reading(reading: Reading) -> DataReport:
    """Check what was read, as :func:`check_data` does."""
    faults = [find_faults(reading, one) for one in reading.series]
    findings = [
        found
        for one, fault in zip(reading.series, faults, strict=True)
        for found in check_rows(reading, one, fault)
    ]
    findings.extend(_filled(reading))
    tracks = list(_tracks_of_rows(reading, faults))
    symbols = tuple(one.symbol for one in reading.series)
    rows = reading.table.frame.height
    return _check_tracks(reading.table.name, rows, tracks, findings, symbols)


def _filled(reading: Reading) -> Iterator[Finding]:
    """Stored bars that were filled in: no bars, but worth knowing."""
    for one, closes in zip(reading.series, reading.idle, strict=bool(reading.idle)):
        if len(closes):
            rows = np.searchsorted(one.stamps.utc, closes)
            yield make_finding(
                "filled",
                one.symbol,
                rows=rows,
                stamps=closes,
                close_ns=closes,
                examples=[
                    Example(int(row), int(time), f"closing {stamp_text(int(time))}")
                    for row, time in zip(rows[:SHOWN], closes[:SHOWN], strict=True)
                ],
            )


def _check_tracks(
    name: str, rows: int, tracks: list[Track], findings: list[Finding], symbols: tuple[str, ...]
) -> DataReport:
    unchecked: dict[str, None] = {}
    for absent in sorted(set(symbols) - {track.symbol for track in tracks}):
        unchecked[f"bars of {absent}: fewer than two rows are sound"] = None
    known: dict[str, Sessions | None] = {}
    first = min((int(track.opens[0]) for track in tracks), default=0)
    last = max((int(track.closes[-1]) for track in tracks), default=0)
    for track in tracks:
        if track.calendar not in known:
            try:
                known[track.calendar] = Sessions.of(
                    track.calendar, first, last, daily=not track.is_intraday
                )
            except DataError as error:
                known[track.calendar] = None
                unchecked[f"gaps: {error}"] = None
        findings.extend(check_track(track, known[track.calendar]))
    return DataReport(
        name=name,
        rows=rows,
        interval=str(tracks[0].interval) if tracks else "",
        instruments=symbols,
        calendars=tuple(dict.fromkeys(track.calendar for track in tracks)),
        findings=ordered(findings),
        unchecked=tuple(unchecked),
    )


def _tracks_of_bars(bars: Bars, calendar: str | None) -> Iterator[Track]:
    for column, instrument in enumerate(bars.instruments):
        rows = np.flatnonzero(bars.tradable[:, column])
        if len(rows) < 2:
            continue
        opens = bars.open_time[rows, column]
        sides = (bars.open, bars.high, bars.low, bars.close)
        yield Track(
            symbol=instrument.symbol,
            calendar=calendar or instrument.calendar,
            calendar_note="",
            interval=bars.interval,
            rows=rows,
            stamps=opens,
            opens=opens,
            closes=bars.time[rows],
            prices=np.stack([side[rows, column] for side in sides]),
            is_close_only=bool(bars.close_only[column]),
            volume=bars.volume[rows, column],
            place=lambda row: f"row {row}",
        )


def _tracks_of_rows(reading: Reading, faults: list[RowFaults]) -> Iterator[Track]:
    kept = [
        (number, one, fault.sound)
        for number, (one, fault) in enumerate(zip(reading.series, faults, strict=True))
        if len(fault.sound) > 1
    ]
    if not kept:
        return
    step = reading.interval or infer_interval(
        reading.table, [one.stamps.utc[places] for _, one, places in kept]
    )
    for number, one, places in kept:
        yield _track(reading, number, one, places, step)


def _track(reading: Reading, number: int, one: Series, places: Ints, step: Interval) -> Track:
    stamps = Stamps(one.stamps.utc[places], one.stamps.wall[places], one.stamps.are_dates)
    if reading.spans is None:
        opens, closes = bar_spans(stamps, step, stamp=reading.stamp, dates=reading.dates)
    else:
        opens, closes = (side[places] for side in reading.spans[number])
    kept = reading.instruments[number] if reading.instruments else None
    calendar = reading.calendar or (kept.calendar if kept is not None else None)
    sides = [one.prices.get(name, one.prices["close"]) for name in ("open", "high", "low", "close")]
    unknown = np.full(len(places), np.nan)
    return Track(
        symbol=one.symbol,
        calendar=calendar or infer_calendar(opens, step),
        calendar_note="" if calendar else _TOLD,
        interval=step,
        rows=one.rows[places],
        stamps=stamps.utc,
        opens=opens,
        closes=closes,
        prices=np.stack([side[places] for side in sides]),
        is_close_only="open" not in one.prices,
        volume=unknown if one.volume is None else one.volume[places],
        place=lambda row: reading.table.at(row).partition(" of ")[0],
    )
