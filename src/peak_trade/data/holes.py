"""What is missing of a stored series: bars by the calendar, trades by their ids, rates by their beat."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from peak_trade.data.imports.suspects import missing_ids, missing_rates
from peak_trade.data.instruments import infer_calendar
from peak_trade.data.series import SeriesKey
from peak_trade.data.sessions import Sessions, missing_bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

_WORDS = {"bars": "bars", "trades": "trades", "funding": "rates"}


@dataclass(frozen=True, slots=True, eq=False)
class Holes:
    """Stretches in which rows are missing.

    Attributes
    ----------
    holes : polars.DataFrame
        ``after_ns`` and ``before_ns`` (times of the rows beside a hole) and ``missing``, in order.
    calendar : str
        By which bars are expected; empty for other kinds.
    filled : int
        Bars that are there but were filled in.
    what : str
        What is missing, in a word.
    """

    holes: "pl.DataFrame"
    calendar: str
    filled: int
    what: str

    @property
    def missing(self) -> int:
        """Rows that are missing in all."""
        return int(self.holes["missing"].sum())


def holes_of(key: SeriesKey, rows: "pl.DataFrame", *, calendar: str | None = None) -> Holes:
    """Find what is missing between the first and the last row of a series.

    Bars are expected in the trading hours of a calendar, told from the bars where it is not said.
    Trades are missed by their ids where these count up one by one, funding rates by their most
    common distance. A bar that was filled in is there.

    Parameters
    ----------
    key : SeriesKey
        What the rows are of: bars, trades or funding.
    rows : polars.DataFrame
        Columns of its kind, in order of time.

    Raises
    ------
    DataError
        Another kind, or a calendar whose holidays are not known here.
    ParameterError
        A calendar that is not known.

    Examples
    --------
    >>> import polars as pl
    >>> opens = np.array([0, 1, 4]) * 86_400_000_000_000
    >>> rows = pl.DataFrame({"open_ns": opens, "close_ns": opens + 86_400_000_000_000})
    >>> holes_of(SeriesKey("bars", "kraken", "BTC/USD", "1d"), rows, calendar="24/7").missing
    2
    """
    if key.kind not in _WORDS:
        raise DataError(
            f"nothing says what is missing of {key}", hint=f"gaps are of {', '.join(_WORDS)}"
        )
    if key.kind != "bars":
        return _by_rows(key, rows)
    opens, closes = (rows[name].to_numpy() for name in ("open_ns", "close_ns"))
    interval = Interval.parse(key.interval)
    chosen = calendar or (infer_calendar(opens, interval) if len(opens) else "24/7")
    filled = int(rows["is_filled"].sum() or 0) if "is_filled" in rows.columns else 0
    if len(opens) < 2:
        return Holes(_frame(opens[:0], opens[:0], opens[:0]), chosen, filled, "bars")
    is_daily = interval.unit not in ("s", "m", "h")
    sessions = Sessions.of(chosen, int(opens[0]), int(closes[-1]), daily=is_daily)
    missing = missing_bars(sessions, interval, opens, closes)
    at = np.flatnonzero(missing)
    return Holes(_frame(opens[at], opens[at + 1], missing[at]), chosen, filled, "bars")


def _by_rows(key: SeriesKey, rows: "pl.DataFrame") -> Holes:
    times = rows["time_ns"].to_numpy()
    if key.kind == "trades":
        at, missing = missing_ids(rows)
    else:
        at, missing, _ = missing_rates(times)
    return Holes(_frame(times[at - 1], times[at], missing), "", 0, _WORDS[key.kind])


def _frame(after: object, before: object, missing: object) -> "pl.DataFrame":
    import polars as pl

    columns = {"after_ns": after, "before_ns": before, "missing": missing}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Int64))
