"""Bars of the store as checks see them: what is real, what was filled in, and when they trade."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.agreement import DataComparison
from peak_trade.data.check import check_reading
from peak_trade.data.coverage import Covered
from peak_trade.data.faults import bad_bar, bad_price
from peak_trade.data.findings import DataReport
from peak_trade.data.instruments import infer_calendar
from peak_trade.data.quality import Quality, age_in_bars, score_report
from peak_trade.data.reading import Format, read
from peak_trade.data.series import SeriesKey
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import Instrument

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.store import Store

Ints = npt.NDArray[np.int64]

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, eq=False)
class StoredBars:
    """The rows of a stored series of bars.

    Attributes
    ----------
    key : SeriesKey
        The series.
    calendar : str
        When it trades.
    is_told : bool
        Whether the calendar was told from the bars alone.
    rows : polars.DataFrame
        All of them, with their provenance.
    """

    key: SeriesKey
    calendar: str
    is_told: bool
    rows: "pl.DataFrame"

    @property
    def interval(self) -> Interval:
        """Length of a bar."""
        return Interval.parse(self.key.interval)

    @property
    def real(self) -> "pl.DataFrame":
        """The bars that were not filled in."""
        import polars as pl

        return self.rows.filter(~pl.col("is_filled"))

    @property
    def filled(self) -> "pl.DataFrame":
        """The bars that were filled in."""
        import polars as pl

        return self.rows.filter(pl.col("is_filled"))

    @property
    def covered(self) -> Covered:
        """What coverage asks of it."""
        real = self.real
        opens, closes = (_ints(real, name) for name in ("open_ns", "close_ns"))
        return Covered(f"{self.key}", opens, closes, self.interval, self.calendar)


def stored_bars(
    store: "Store",
    key: SeriesKey,
    *,
    calendar: str | None = None,
    version: int | None = None,
    start_ns: int | None = None,
    stop_ns: int | None = None,
) -> StoredBars:
    """Read a stored series of bars to be looked at, whatever is in it.

    Parameters
    ----------
    store : Store
        Where it is.
    key : SeriesKey
        A series of kind ``bars``.
    calendar : str, optional
        When it trades; that of its instrument where left out, or told from the bars.
    version, start_ns, stop_ns : int, optional
        As for ``Store.read``.

    Raises
    ------
    DataError
        Another kind of series, or one that there is not.
    """
    if key.kind != "bars":
        raise DataError(f"{key} are no bars", hint="this is for bars; give an interval, such as 1h")
    rows = store.read(key, version=version, start_ns=start_ns, stop_ns=stop_ns)
    found = calendar
    if found is None:
        instrument = store.instrument(key.venue, key.symbol)
        found = None if instrument is None else instrument.calendar
    told = found is None
    if found is None:
        found = infer_calendar(_ints(rows, "open_ns"), Interval.parse(key.interval))
    return StoredBars(key, found, told, rows)


def check_stored(bars: StoredBars) -> DataReport:
    """Check stored bars as :func:`peak_trade.data.check.check_data` checks a file.

    Bars that were filled in are none: what they stand for is missing.
    """
    real = bars.real
    if real.height == 0:
        empty = ("gaps: there is no real bar",)
        report = DataReport(str(bars.key), 0, bars.key.interval, (), (), (), empty)
    else:
        form = Format(
            bars.interval,
            calendar=None if bars.is_told else bars.calendar,
            symbol=bars.key.symbol,
        )
        reading = read(_frame(real), form)
        spans = (_ints(real, "open_ns"), _ints(real, "close_ns"))
        report = check_reading(
            replace(reading, spans=(spans,), idle=(_ints(bars.filled, "close_ns"),))
        )
    return replace(report, name=str(bars.key))


def bars_of(bars: StoredBars) -> Bars:
    """The real stored bars with sound prices as :class:`Bars` of one instrument."""
    real = bars.real
    sides = {name: real[name].to_numpy() for name in _PRICES}
    bad = bad_price(sides["close"])
    is_close_only = bool(np.isnan(sides["open"]).all())
    if not is_close_only:
        for side in sides.values():
            bad = bad | bad_price(side)
        bad = bad | bad_bar(*(sides[name] for name in _PRICES))
    kept = np.flatnonzero(~bad)
    opens, closes = (_ints(real, name)[kept] for name in ("open_ns", "close_ns"))
    return Bars.from_arrays(
        sides["close"][kept],
        open=None if is_close_only else sides["open"][kept],
        high=None if is_close_only else sides["high"][kept],
        low=None if is_close_only else sides["low"][kept],
        volume=real["volume"].to_numpy()[kept],
        time=closes,
        open_time=opens,
        interval=bars.interval,
        instruments=[Instrument(bars.key.symbol, calendar=bars.calendar)],
        name=str(bars.key),
    )


def quality_of(
    bars: StoredBars, *, now_ns: int | None = None, comparison: DataComparison | None = None
) -> Quality:
    """Score a stored series, as :func:`peak_trade.data.quality.data_quality` scores bars.

    Parameters
    ----------
    bars : StoredBars
        The series.
    now_ns : int, optional
        Now, UTC nanoseconds.
    comparison : DataComparison, optional
        With another source.
    """
    real = bars.real
    age = math.nan
    if now_ns is not None and real.height:
        age = age_in_bars(int(real["close_ns"][-1]), now_ns, bars.interval, bars.calendar)
    return score_report(
        check_stored(bars),
        name=str(bars.key),
        rows=real.height,
        age_bars=age,
        comparison=comparison,
    )


def _frame(real: "pl.DataFrame") -> "pl.DataFrame":
    """The rows as a table that checks read; columns without any value are none."""
    import polars as pl

    known = [
        name for name in (*_PRICES, "volume") if name == "close" or not real[name].is_nan().all()
    ]
    if not set(_PRICES) <= set(known):
        known = [name for name in known if name in ("close", "volume")]
    stamps = pl.col("open_ns").cast(pl.Datetime("ns", "UTC")).alias("time")
    return real.select(stamps, *known)


def _ints(frame: "pl.DataFrame", column: str) -> Ints:
    return np.asarray(frame[column].to_numpy(), dtype=np.int64)
