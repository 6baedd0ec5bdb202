"""Checks of market data before a backtest leans on it: what is broken, and what is suspect."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.columns import Stamp
from peak_trade.data.findings import DataReport, Finding, ordered
from peak_trade.data.instruments import infer_calendar
from peak_trade.data.normalise import Series
from peak_trade.data.reading import Format, Reading, read
from peak_trade.data.row_checks import RowFaults, check_rows, find_faults
from peak_trade.data.sessions import Sessions
from peak_trade.data.spans import bar_spans, infer_interval
from peak_trade.data.stamps import Stamps
from peak_trade.data.track_checks import Track, check_track
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval, calendar_named
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TOLD = ", which was told from the bars: name another if it is wrong"


def check_data(
    source: "Bars | str | Path | IntoDataFrame | pl.LazyFrame",
    *,
    interval: str | Interval | None = None,
    stamp: Stamp = "open",
    timezone: str | None = None,
    calendar: str | None = None,
    columns: Mapping[str, str] | None = None,
    symbol: str | None = None,
) -> DataReport:
    """Check bars, a file or a frame for what would break or distort a backtest.

    Errors are what loading refuses: rows out of order, doubled or contradicting stamps, prices
    that are missing or not above zero, highs and lows that contradict their bar, bars closer
    together than their interval. Warnings would distort a result: gaps in trading hours, jumps
    near a split ratio, spikes, far wicks, stale and repeated bars, no volume. Notes are worth
    knowing: large moves that stayed, bars outside trading hours. Nothing is changed.

    Parameters
    ----------
    source : Bars, str, Path or frame
        Bars, or what :func:`pt.load` takes. Of bars only ``calendar`` and ``symbol`` may be given.
    interval, stamp, timezone, columns, symbol : optional
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
        chosen = source if symbol is None else source.select(symbol)
        return _check_tracks(
            chosen.name, len(chosen), list(_tracks_of_bars(chosen, calendar)), [], chosen.symbols
        )
    return check_reading(read(source, Format(interval, stamp, timezone, calendar, columns, symbol)))


def check_reading(reading: Reading) -> DataReport:
    """Check what was read, as :func:`check_data` does."""
    faults = [find_faults(reading, one) for one in reading.series]
    findings = [
        found
        for one, fault in zip(reading.series, faults, strict=True)
        for found in check_rows(reading, one, fault)
    ]
    tracks = list(_tracks_of_rows(reading, faults))
    symbols = tuple(one.symbol for one in reading.series)
    rows = reading.table.frame.height
    return _check_tracks(reading.table.name, rows, tracks, findings, symbols)


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
        (one, fault.sound)
        for one, fault in zip(reading.series, faults, strict=True)
        if len(fault.sound) > 1
    ]
    if not kept:
        return
    step = reading.interval or infer_interval(
        reading.table, [one.stamps.utc[places] for one, places in kept]
    )
    for one, places in kept:
        yield _track(reading, one, places, step)


def _track(reading: Reading, one: Series, places: Ints, step: Interval) -> Track:
    stamps = Stamps(one.stamps.utc[places], one.stamps.wall[places], one.stamps.are_dates)
    opens, closes = bar_spans(stamps, step, stamp=reading.stamp, dates=reading.dates)
    sides = [one.prices.get(name, one.prices["close"]) for name in ("open", "high", "low", "close")]
    unknown = np.full(len(places), np.nan)
    return Track(
        symbol=one.symbol,
        calendar=reading.calendar or infer_calendar(opens, step),
        calendar_note="" if reading.calendar else _TOLD,
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
