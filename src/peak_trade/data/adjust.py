"""Bars as they look after splits and dividends, and what holding them returned."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from peak_trade.data.instruments import infer_tick
from peak_trade.domain.actions import (
    Actions,
    Delisting,
    Dividend,
    FundingRate,
    StockSplit,
    check_actions,
)
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError, did_you_mean
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.memory import Memory

Floats = npt.NDArray[np.float64]
View = Literal["raw", "split", "total_return"]
_Event = Dividend | StockSplit | Delisting


def adjusted(bars: Bars, actions: Actions, *, view: View = "split") -> Bars:
    """Give the bars as if splits had always been, and with ``total_return`` dividends reinvested.

    The adjustment is *backward*: the last prices stay, and earlier ones are scaled. So **levels
    know later events** (a price of 2010 is scaled by a split of 2020), while **returns do not**:
    each is that of a holder at the time. A rule on levels, such as "below 5 dollars", needs raw
    bars. Views are for signals and charts; to trade, give the engine raw bars with the actions, or
    adjusted bars without them, never both.

    - ``raw``: the bars themselves.
    - ``split``: prices divided, and volume multiplied, by the product of the ratios of all later
      splits.
    - ``total_return``: moreover prices, not volume, times ``1 - D / P`` for each later ex-date, D
      the dividends of the ex-date and P the last close before it, both in the same units. The
      return over it is ``close / (P - D) - 1``: the dividend bought more at the ex-price, P - D.
      (:func:`total_return` counts it as cash instead, and differs in the second order.)

    Parameters
    ----------
    bars : Bars
        Prices as they were traded.
    actions : Actions
        Splits and dividends; delistings and funding change no price. Those with no later
        bar of their instrument do nothing.
    view : {"split", "total_return", "raw"}
        What to adjust for.

    Returns
    -------
    Bars
        The same rows and stamps with a fingerprint of their own. Features are as they were. An
        instrument whose prices changed has the tick of its new prices.

    Raises
    ------
    DataError
        An unknown view, actions that are not of these bars (see ``check_actions``), a split inside
        a bar, and a dividend that is not below the last close.

    Notes
    -----
    The factor is that of Yahoo's adjusted close ("split and dividend multipliers", after the
    standards of CRSP, the Center for Research in Security Prices) and of the factor files of
    QuantConnect LEAN. A dividend inside a bar leaves that bar's own open, high and low as they are.

    Examples
    --------
    >>> from peak_trade.data.adjust import adjusted
    >>> bars = Bars.from_arrays([70.0, 77.0, 10.0], open=[70.0, 70.0, 11.0], instruments=["A"])
    >>> split = Actions.of([StockSplit("A", bars.open_time[2, 0], 7, 1)])
    >>> adjusted(bars, split).close.ravel()
    array([10., 11., 10.])
    """
    if view not in get_args(View):
        raise DataError(f"view {view!r} is not known", hint=did_you_mean(view, get_args(View)))
    taken = check_actions(actions, bars)
    if view == "raw":
        return bars
    kinds = (StockSplit,) if view == "split" else (StockSplit, Dividend)
    events = [action for action in taken if isinstance(action, kinds)]
    ratio, scale = np.ones(bars.close.shape), np.ones(bars.close.shape)
    for column, rows in _by_column(events, bars).items():
        for row, steps in rows.items():
            split, factor = _step(bars, row, column, steps)
            ratio[:row, column] *= split
            scale[:row, column] *= factor
    prices = [values / ratio * scale for values in (bars.open, bars.high, bars.low, bars.close)]
    return replace(
        bars,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=bars.volume * ratio,
        instruments=_retick(bars.instruments, prices, (ratio != 1) | (scale != 1)),
        name=f"{bars.name} ({view.replace('_', ' ')})",
        memory=Memory(),
        _facts={},
    )


def total_return(bars: Bars, actions: Actions) -> Floats:
    """Grow 1 held in each instrument from its first close on, dividends reinvested at the ex-close.

    The return of a row is ``(s x close + D) / P - 1``: s the units that one unit of the row before
    has become by splits, D the dividends it has paid, P the close before. A delisting ends it at
    its price (the last close where it has none), after which it stays.

    Parameters
    ----------
    bars : Bars
        Prices as they were traded.
    actions : Actions
        Splits, dividends and delistings; funding is no return of the price and is left out. Those
        with neither a later bar of their instrument nor a delisting do nothing.

    Returns
    -------
    (T, N) float64
        Value of 1 invested; NaN before the first bar of an instrument.

    Raises
    ------
    DataError
        Actions that are not of these bars (see ``check_actions``), a split inside a bar.

    Notes
    -----
    The holding-period total return of CRSP, ``(p(t) f(t) + d(t)) / p(t') - 1`` (CRSP Data
    Descriptions Guide, "Returns").

    Examples
    --------
    >>> from peak_trade.data.adjust import total_return
    >>> bars = Bars.from_arrays([100.0, 99.0], instruments=["A"])
    >>> total_return(bars, Actions.of([Dividend("A", bars.open_time[1, 0], 2.0)])).ravel()
    array([1.  , 1.01])
    """
    taken = [
        action for action in check_actions(actions, bars) if not isinstance(action, FundingRate)
    ]
    close = bars.close
    growth = np.ones(close.shape)
    np.divide(close[1:], close[:-1], out=growth[1:], where=~np.isnan(close[:-1]))
    for column, events in _by_column(taken, bars).items():
        for row, steps in events.items():
            growth[row, column] = _held(bars, row, column, steps)
            if any(isinstance(step, Delisting) for step in steps):
                growth[row + 1 :, column] = 1.0
                break
    index = np.multiply.accumulate(growth, axis=0)
    index[np.isnan(close)] = np.nan
    return index


def _by_column(events: Sequence[_Event], bars: Bars) -> dict[int, dict[int, list[_Event]]]:
    """What happens to each column, by the row whose prices are the first after it."""
    ends = {
        event.symbol: (event.time_ns, _row_after(bars, event))
        for event in reversed(events)
        if isinstance(event, Delisting)
    }
    found: dict[int, dict[int, list[_Event]]] = {}
    for event in events:
        column = bars.symbols.index(event.symbol)
        row = _real_row(bars, column, event)
        end_ns, end = ends.get(event.symbol, (0, -1))
        if end >= 0 and event.time_ns <= end_ns:
            row = end if row is None else min(row, end)
        if row is not None:
            found.setdefault(column, {}).setdefault(row, []).append(event)
    return {column: dict(sorted(rows.items())) for column, rows in found.items()}


def _row_after(bars: Bars, event: _Event) -> int:
    return int(np.searchsorted(bars.time, event.time_ns, side="right"))


def _real_row(bars: Bars, column: int, event: _Event) -> int | None:
    """The first real bar that closes after the event; None where there is none."""
    after = _row_after(bars, event)
    real = bars.tradable[after:, column]
    if not real.any():
        return None
    row = after + int(real.argmax())
    opens = int(bars.open_time[row, column])
    is_inside = event.time_ns > opens and not bars.close_only[column]
    if isinstance(event, StockSplit) and is_inside:
        raise DataError(
            f"the split of {event.symbol} at {np.datetime64(event.time_ns, 'ns')} lies inside "
            f"the bar of {bars.name} that opens at {np.datetime64(opens, 'ns')}, whose prices are "
            "of old and of new units",
            hint="adjust shorter bars, or give the split the open of the first bar in new units",
            symbol=event.symbol,
            row=row,
        )
    return row


def _step(bars: Bars, row: int, column: int, events: Sequence[_Event]) -> tuple[float, float]:
    """Units for one unit of the row before, and what its price is worth without the dividends."""
    units, paid = _received(events)
    last = float(bars.close[row - 1, column]) if row else np.nan
    if paid == 0 or np.isnan(last):
        return units, 1.0
    if paid >= last:
        raise DataError(
            f"dividends of {paid:g} of {events[0].symbol} at "
            f"{np.datetime64(events[0].time_ns, 'ns')} are not below the last close {last:g} of "
            f"{bars.name}",
            hint="check that amounts are per share and in the units of that time",
            symbol=events[0].symbol,
            row=row,
        )
    return units, 1 - paid / last


def _received(events: Sequence[_Event]) -> tuple[float, float]:
    """Units and cash that one unit has become, in the order of the events."""
    units, paid = 1.0, 0.0
    for event in events:
        if isinstance(event, StockSplit):
            units *= event.ratio
        elif isinstance(event, Dividend):
            paid += units * event.amount
        else:
            break
    return units, paid


def _held(bars: Bars, row: int, column: int, events: Sequence[_Event]) -> float:
    """Growth of one unit of quote currency from the close of the row before to that of this."""
    last = float(bars.close[row - 1, column]) if row else np.nan
    if np.isnan(last):
        return 1.0
    units, paid = _received(events)
    end = next((event for event in events if isinstance(event, Delisting)), None)
    if end is None:
        return (units * float(bars.close[row, column]) + paid) / last
    return ((last if end.price is None else units * end.price) + paid) / last


def _retick(
    instruments: Sequence[Instrument],
    prices: Sequence[Floats],
    changed: npt.NDArray[np.bool_],
) -> tuple[Instrument, ...]:
    """Give instruments whose prices changed a tick that those prices are multiples of."""
    ticked = list(instruments)
    for column in np.flatnonzero(changed.any(axis=0)):
        own_prices = (values[:, column] for values in prices)
        tick = infer_tick(*(values[np.isfinite(values)] for values in own_prices))
        own = ticked[column]
        rules = tuple(replace(rule, tick=tick) for rule in own.rules)
        ticked[column] = replace(own, tick=tick, rules=rules)
    return tuple(ticked)
