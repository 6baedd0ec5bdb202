"""What can be told about an instrument from its bars: tick and calendar."""

from dataclasses import dataclass, replace

import numpy as np

from peak_trade.data.normalise import Floats, Ints, Series
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.instrument import AssetClass, Instrument

_SLAB = 65_536
_HOUR_NS = 3_600_000_000_000
_XNYS_NS = (13 * _HOUR_NS + _HOUR_NS // 2, 21 * _HOUR_NS)  # winter and summer time together


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user said about the instruments; None is to be told from the bars.

    See Instrument for the meaning and the units of each.
    """

    calendar: str | None = None
    lot: float | None = None
    tick: float | None = None
    order_step: int | None = None
    multiplier: float | None = None
    min_notional: float | None = None
    asset_class: AssetClass | None = None
    quote: str | None = None


def make_instrument(series: Series, opens: Ints, interval: Interval, *, rules: Rules) -> Instrument:
    """Make the instrument of a series, told from its bars where the user did not say."""
    return Instrument(
        series.symbol,
        asset_class=rules.asset_class or "other",
        quote=rules.quote or "",
        tick=infer_tick(*series.prices.values()) if rules.tick is None else rules.tick,
        lot=0.0001 if rules.lot is None else rules.lot,
        order_step=1 if rules.order_step is None else rules.order_step,
        multiplier=1.0 if rules.multiplier is None else rules.multiplier,
        min_notional=0.0 if rules.min_notional is None else rules.min_notional,
        calendar=infer_calendar(opens, interval) if rules.calendar is None else rules.calendar,
    )


def ruled(kept: Instrument, rules: Rules) -> Instrument:
    """Give an instrument of the store, with what the user said instead of what is kept.

    Examples
    --------
    >>> ruled(Instrument("BTC/USD", tick=0.1, calendar="24/7"), Rules(tick=0.5)).tick
    0.5
    """
    is_said = any(one is not None for one in (rules.tick, rules.order_step, rules.min_notional))
    return replace(
        kept,
        asset_class=rules.asset_class or kept.asset_class,
        quote=rules.quote or kept.quote,
        tick=kept.tick if rules.tick is None else rules.tick,
        lot=kept.lot if rules.lot is None else rules.lot,
        order_step=kept.order_step if rules.order_step is None else rules.order_step,
        multiplier=kept.multiplier if rules.multiplier is None else rules.multiplier,
        min_notional=kept.min_notional if rules.min_notional is None else rules.min_notional,
        calendar=rules.calendar or kept.calendar,
        rules=() if is_said else kept.rules,
    )


def infer_tick(*prices: Floats) -> float:
    """Give the largest power of ten, from 1 to 1e-8, of which every price is a multiple.

    Parameters
    ----------
    *prices : (K,) float64
        Finite prices in quote currency.

    Returns
    -------
    float
        1e-8 where there is none.

    Examples
    --------
    >>> infer_tick(np.array([100.0, 100.25]))
    0.01
    """
    places = 0
    for values in prices:
        for start in range(0, len(values), _SLAB):
            slab = values[start : start + _SLAB]
            while places <= 8 and not _fits(slab, places):
                places += 1
            if places > 8:
                return 1e-8
    return float(f"1e-{places}")


def _fits(values: Floats, places: int) -> bool:
    scale = 10.0**places
    return bool((np.rint(values * scale) / scale == values).all())


def infer_calendar(opens: Ints, interval: Interval) -> str:
    """Tell a calendar from the opens of bars.

    ``24/7`` if a bar opens on a Saturday or Sunday (UTC); for intraday bars Sunday from 20:00 on
    does not count, when the week of foreign exchange begins. Else ``24/5`` if intraday bars lie
    outside 13:30 to 21:00 UTC, or on such a Sunday. Else ``XNYS``.

    Parameters
    ----------
    opens : (K,) int64
        Opens of the bars, UTC nanoseconds.
    interval : Interval
        Their length.

    Examples
    --------
    >>> infer_calendar(np.arange(7) * DAY_NS, Interval.parse("1d"))
    '24/7'
    """
    intraday = interval.unit in ("s", "m", "h")
    weekday, clock = (opens // DAY_NS + 3) % 7, opens % DAY_NS
    evening = (weekday == 6) & (clock >= 20 * _HOUR_NS) & intraday
    if ((weekday >= 5) & ~evening).any():
        return "24/7"
    outside = (clock + interval.ns <= _XNYS_NS[0]) | (clock >= _XNYS_NS[1])
    return "24/5" if intraday and bool((outside | evening).any()) else "XNYS"
