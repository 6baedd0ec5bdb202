"""Random markets whose terms switch on every cost, exit, limit, sizer, margin and action.

Each part is on or off by a draw of its own, so that all off and many together both come up.
"""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from laws.markets import HOUR, Case, panel, random_targets

from peak_trade.domain.actions import Action, Actions, Delisting, Dividend, FundingRate, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Fees, FeeTier
from peak_trade.domain.limits import Limits, Margin
from peak_trade.domain.memory import Memory
from peak_trade.domain.sizer import Sizer
from peak_trade.domain.terms import Costs, Exits, Terms
from peak_trade.portfolio.size import (
    AtrRisk,
    Chain,
    DrawdownScaled,
    FixedFraction,
    Kelly,
    VolatilitySize,
)

BEGIN = 19_711 * 24 * HOUR  # 2023-12-20: a month, a quarter and a year end soon
REBALANCES = ["band", "bar", "day", "week", "month", "quarter", "year"]
SPLITS = [(2, 1), (3, 2), (1, 10), (7, 1), (1, 3), (1, 1000)]


@dataclass(frozen=True)
class Market:
    """What prices and sizes the terms of a run are chosen for."""

    rng: np.random.Generator
    cash: float
    rows: int
    times: np.ndarray
    has_ranges: bool

    def pick(self, *values: float) -> float:
        """One of the values, as a plain float."""
        return float(self.rng.choice(values))


def _maybe(draw: st.DrawFn) -> bool:
    return draw(st.sampled_from([False, False, True]))


def _costs(draw: st.DrawFn, m: Market) -> Costs:
    """Every cost on or off."""
    costs = Costs()
    match draw(st.sampled_from(["free", "commission", "schedule"])):
        case "commission":
            costs = replace(costs, commission=m.pick(0.001, 0.01))
        case "schedule":
            costs = replace(costs, fees=_schedule(m))
    if _maybe(draw):
        costs = replace(costs, slippage=m.pick(0.0005, 0.03))
    if _maybe(draw):
        named = m.has_ranges and m.rng.random() < 0.5
        costs = replace(costs, half_spread="half_spread" if named else m.pick(0.01, 0.2))
    if m.has_ranges and _maybe(draw):
        costs = replace(costs, volume_share=m.pick(0.1, 0.5))
    if m.has_ranges and _maybe(draw):
        window = int(m.pick(3, 5, 20))
        costs = replace(costs, impact=m.pick(0.1, 1.0), impact_window=window)
    if _maybe(draw):
        costs = replace(costs, borrow=m.pick(0.05, 2.0))
    if _maybe(draw):
        costs = replace(costs, interest=m.pick(0.02, 1.0))
    return costs


def _schedule(m: Market) -> tuple[Fees, ...]:
    """One schedule or two, with tiers that the account's trading reaches."""
    count = 1 + int(m.rng.random() < 0.5)
    dates = sorted({int(t) for t in m.rng.choice(m.times, count)})
    return tuple(_fees(m, since) for since in dates)


def _fees(m: Market, since: int) -> Fees:
    volumes = sorted({m.pick(0.0, 0.5, 1.0, 2.0, 5.0) * m.cash for _ in range(m.rng.integers(4))})
    rates = [(m.pick(0.0, 0.0005, 0.004), m.pick(0.001, 0.002, 0.01)) for _ in volumes]
    return Fees(
        maker=m.pick(0.0, 0.001),
        taker=m.pick(0.0, 0.002, 0.02),
        tiers=tuple(FeeTier(v, *rate) for v, rate in zip(volumes, rates, strict=True)),
        fixed=m.pick(0.0, 0.0, 1e-4, 0.3) * m.cash,
        per_unit=m.pick(0.0, 0.0, 0.005, 0.5),
        minimum=m.pick(0.0, 0.0, 1e-3) * m.cash,
        cap=None if m.rng.random() < 0.5 else m.pick(0.001, 0.01),
        since_ns=since,
    )


def _exits(draw: st.DrawFn, m: Market) -> Exits:
    """Every exit on or off; of a fraction and a multiple of the ATR at most one."""
    exits = Exits(
        reentry=draw(st.sampled_from(["zero", "stated"])),
        max_bars=int(m.pick(1, 2, 5, 9)) if _maybe(draw) else None,
    )
    if not m.has_ranges:
        return exits
    convention = draw(st.sampled_from(["adverse", "favourable"]))
    exits = replace(exits, convention=convention, atr_window=int(m.pick(1, 3, 14)))
    match draw(st.sampled_from(["none", "fraction", "atr"])):
        case "fraction":
            exits = replace(exits, stop_loss=m.pick(0.01, 0.05, 0.1, 0.3))
        case "atr":
            exits = replace(exits, stop_atr=m.pick(0.5, 2.0, 4.0))
    if _maybe(draw):
        exits = replace(exits, partials=_partials(m))
    match draw(st.sampled_from(["none", "fraction", "atr"])):
        case "fraction":
            least = max([0.0] + [p for p, _ in exits.partials])
            exits = replace(exits, take_profit=least + m.pick(0.01, 0.05, 0.2))
        case "atr":
            exits = replace(exits, take_atr=m.pick(0.5, 2.0, 4.0))
    if _maybe(draw):
        exits = replace(exits, break_even=m.pick(0.01, 0.05, 0.1))
    exits = _trailing(draw, m, exits)
    if _maybe(draw):
        hours = sorted({m.pick(0, 1, 2, 4, 8, 24) for _ in range(3)})
        profits = [m.pick(-1.0, -0.05, 0.0, 0.01, 0.05, 0.1, 1.5) for _ in hours]
        exits = replace(exits, roi=tuple((60 * h, p) for h, p in zip(hours, profits, strict=True)))
    return exits


def _trailing(draw: st.DrawFn, m: Market, exits: Exits) -> Exits:
    """A trailing stop, with or without a profit that arms it and one that brings it closer."""
    match draw(st.sampled_from(["none", "fraction", "atr"])):
        case "none":
            return exits
        case "fraction":
            exits = replace(exits, trailing=m.pick(0.01, 0.05, 0.2))
        case "atr":
            exits = replace(exits, trailing_atr=m.pick(0.5, 2.0))
    if _maybe(draw):
        exits = replace(exits, trailing_arm=m.pick(0.005, 0.05, 0.1))
    if _maybe(draw):
        offset, after = m.pick(0.01, 0.05, 0.1), m.pick(0.005, 0.02)
        exits = replace(exits, trailing_offset=offset, trailing_after=after)
    return exits


def _partials(m: Market) -> tuple[tuple[float, float], ...]:
    profits = sorted({m.pick(0.005, 0.01, 0.05, 0.1) for _ in range(m.rng.integers(1, 4))})
    return tuple((profit, m.pick(0.1, 0.25, 0.33)) for profit in profits)


def _limits(draw: st.DrawFn, m: Market) -> Limits:
    """Each limit on, one time in six."""
    values: dict[str, tuple[float, ...]] = {
        "max_position": (0.2, 0.5),
        "max_gross": (0.3, 0.8),
        "max_net": (0.1, 0.5),
        "max_order": (0.1 * m.cash, 0.4 * m.cash),
        "max_daily_loss": (0.005, 0.05),
        "max_drawdown": (0.02, 0.1, 0.3),
    }
    if m.has_ranges:
        values["max_participation"] = (0.05, 0.5)
    chosen = {
        name: m.pick(*choices)
        for name, choices in values.items()
        if draw(st.sampled_from([False] * 5 + [True]))
    }
    return Limits(**chosen, flatten=_maybe(draw))


def _margin(draw: st.DrawFn, m: Market) -> Margin | None:
    if not _maybe(draw):
        return None
    leverage = m.pick(1.0, 2.0, 5.0)
    return Margin(
        max_leverage=leverage,
        maintenance=m.pick(0.3, 0.95) / leverage,
        rate=m.pick(0.0, 0.1, 3.0),
        liquidation_fee=m.pick(0.0, 0.01),
    )


def _sizer(draw: st.DrawFn, m: Market) -> Sizer | None:
    kinds: dict[str, Sizer | None] = {
        "none": None,
        "fixed": FixedFraction(0.5),
        "volatility": VolatilitySize(target=m.pick(0.1, 1.0), window=5, cap=2.0),
        "atr": AtrRisk(risk=0.02, window=5, multiple=2.0),
        "kelly": Kelly(fraction=1.0, cap=m.pick(0.3, 1.5), min_trades=2, start=0.25),
        "drawdown": DrawdownScaled(limit=m.pick(0.1, 0.5), floor=0.2),
    }
    kinds["chain"] = Chain(kinds["volatility"], kinds["kelly"], kinds["drawdown"])
    return kinds[draw(st.sampled_from(["none"] * 6 + list(kinds)))]


def _actions(draw: st.DrawFn, m: Market, bars: Bars) -> Actions:
    """Actions at opens, at closes, between and inside bars; few delistings."""
    if not _maybe(draw):
        return Actions()
    made: dict[tuple[str, int, type], Action] = {}
    for _ in range(int(m.rng.integers(1, 12))):
        symbol = bars.symbols[int(m.rng.integers(len(bars.symbols)))]
        step = int(bars.time[1] - bars.time[0])
        when = int(m.rng.choice(m.times)) - int(m.rng.choice([0, step, step // 2, 1]))
        action = _action(m, symbol, when)
        made[symbol, when, type(action)] = action
    return Actions.of(made.values()).within(bars)


def _action(m: Market, symbol: str, when: int) -> Action:
    kind = m.rng.random()
    if kind < 0.35:
        return Dividend(symbol, when, m.pick(0.0, 0.5, 2.0))
    if kind < 0.65:
        return StockSplit(symbol, when, *SPLITS[int(m.rng.integers(len(SPLITS)))])
    if kind < 0.75:
        return Delisting(symbol, when, None if m.rng.random() < 0.5 else m.pick(0.0, 50.0))
    return FundingRate(
        symbol, when, m.pick(-0.01, 0.0001, 0.01), None if m.rng.random() < 0.5 else 100.0
    )


def _after_splits(bars: Bars, actions: Actions) -> Bars:
    """Bars whose prices fall with the splits, as raw ones do."""
    factors = np.ones(bars.close.shape)
    for action in actions:
        if isinstance(action, StockSplit):
            column = bars.symbols.index(action.symbol)
            later = bars.open_time[:, column] >= action.time_ns
            factors[later, column] *= action.denominator / action.numerator
    prices = {name: getattr(bars, name) * factors for name in ("open", "high", "low", "close")}
    last = np.full(len(bars.symbols), np.nan)
    for t in range(len(bars)):  # a row without a bar carries the last close as it was
        last = np.where(bars.tradable[t], prices["close"][t], last)
        for values in prices.values():
            values[t] = np.where(bars.tradable[t], values[t], last)
    return replace(bars, **prices, memory=Memory(), _facts={})


def _with_volume(bars: Bars, m: Market) -> Bars:
    """Volumes of the size of the account's orders, some of them 0, and half spreads."""
    shape = bars.close.shape
    multiplier = np.array([i.multiplier for i in bars.instruments])
    volume = m.cash / bars.close / multiplier * np.exp(m.rng.normal(0, 1.5, shape))
    volume[m.rng.random(shape) < m.pick(0.0, 0.1, 0.4)] = 0.0
    volume = np.where(bars.tradable, volume, 0.0)
    volume[bars.tradable.argmax(axis=0), np.arange(shape[1])] = 1.0  # each of them has some
    spread = bars.close * m.rng.choice([0.0, 1e-4, 1e-2], shape)
    return replace(
        bars, volume=volume, features={"half_spread": spread}, memory=Memory(), _facts={}
    )


def _in_two_currencies(bars: Bars, m: Market) -> Bars:
    """Instruments quoted in dollars or euros, the last of which converts one to the other."""
    pairs = [("EUR", "USD"), ("USD", "EUR")]
    quotes = [str(m.rng.choice(["EUR", "USD"])) for _ in bars.instruments]
    base, quote = pairs[int(m.rng.integers(2))]
    *others, last = bars.instruments
    instruments = [replace(i, quote=q) for i, q in zip(others, quotes, strict=False)]
    instruments.append(replace(last, base=base, quote=quote))
    return replace(bars, instruments=tuple(instruments), memory=Memory(), _facts={})


def _without_splits(actions: Actions, symbol: str) -> Actions:
    """Actions without the splits of one instrument: currencies have none."""
    return Actions.of(
        action for action in actions
        if not (isinstance(action, StockSplit) and action.symbol == symbol)
    )  # fmt: skip


def _finer(bars: Bars, m: Market) -> Bars:
    """Three finer bars for each bar, some left out, that walk from its open through its range."""
    step = int(bars.time[1] - bars.time[0]) // 3
    time = (bars.time[:, None] + np.array([-2, -1, 0]) * step).reshape(-1)
    low, high = (np.repeat(x, 3, axis=0) for x in (bars.low, bars.high))
    shape = low.shape
    open_ = low + (high - low) * m.rng.random(shape)
    open_[::3] = bars.open
    close = low + (high - low) * m.rng.random(shape)
    top = np.maximum(open_, close) + (high - np.maximum(open_, close)) * m.rng.random(shape) ** 3
    bottom = np.minimum(open_, close) - (np.minimum(open_, close) - low) * m.rng.random(shape) ** 3
    real = np.repeat(bars.tradable, 3, axis=0) & (m.rng.random(shape) > m.pick(0.0, 0.3))
    return Bars.from_arrays(
        close, open=open_, high=np.maximum(top, np.maximum(open_, close)),
        low=np.minimum(bottom, np.minimum(open_, close)), time=time, open_time=time - step,
        tradable=real, instruments=bars.instruments, interval=f"{step * 60 // HOUR}m",
    )  # fmt: skip


def _in_countable_lots(bars: Bars, m: Market) -> Bars:
    """Bars whose lots stay below what the books hold, with leverage, splits and currencies too."""
    least = m.cash / np.nanmin(bars.close, axis=0, initial=1e9) / 1e12
    lots = [
        max(i.lot, float(10.0 ** np.ceil(np.log10(x))))
        for i, x in zip(bars.instruments, least, strict=True)
    ]
    instruments = tuple(replace(i, lot=lot) for i, lot in zip(bars.instruments, lots, strict=True))
    return replace(bars, instruments=instruments, memory=Memory(), _facts={})


def _largest_sum(targets: np.ndarray) -> float:
    """What the absolute targets that stand add up to at most."""
    standing, most = np.zeros(targets.shape[1]), 1e-9
    for row in targets:
        standing = np.where(np.isnan(row), standing, row)
        most = max(most, float(np.abs(standing).sum()))
    return most


def _without_minimum(bars: Bars) -> Bars:
    """Bars whose orders are never too small, so that more of them trade."""
    instruments = tuple(
        replace(
            instrument,
            min_notional=0.0,
            rules=tuple(replace(rule, min_notional=0.0) for rule in instrument.rules),
        )
        for instrument in bars.instruments
    )
    return replace(bars, instruments=instruments, memory=Memory(), _facts={})


@st.composite
def rich_cases(draw: st.DrawFn, most: int = 3, *, everything: bool = False) -> Case:
    """A run with any of the document's features on, of at most that many instruments.

    Finer bars and a second currency only with ``everything``.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, width = draw(st.sampled_from([80, 40, 20, 80, 4])), draw(st.integers(1, most))
    kind = draw(
        st.sampled_from(["usual", "flat", "wild", "gapping", "round", "round", "closes", "closes"])
    )
    hours = draw(st.sampled_from([1, 6, 24]))
    cash = draw(st.sampled_from([100.0, 10_000.0, 1e7]))
    mixed = width > 1 and draw(st.booleans())
    bars = panel(rng, rows, width, kind, cash, mixed=mixed, hours=hours, begin=BEGIN)
    m = Market(rng, cash, rows, bars.time, kind != "closes")
    margin, actions = _margin(draw, m), _actions(draw, m, bars)
    if draw(st.booleans()):
        bars = _after_splits(bars, actions)
    if m.has_ranges:
        bars = _with_volume(bars, m)
    if draw(st.sampled_from([True, True, True, False])):
        bars = _without_minimum(bars)
    bars = _in_countable_lots(bars, m)
    start = draw(st.integers(0, max(rows // 4, 1)))
    currency = draw(st.sampled_from(["", "", "", "EUR", "USD"])) if everything and width > 1 else ""
    if currency and bars.tradable[:start, -1].any():
        bars = _in_two_currencies(bars, m)
        actions = _without_splits(actions, bars.symbols[-1])
    else:
        currency = ""
    finer = _finer(bars, m) if everything and m.has_ranges and _maybe(draw) else None
    rebalance = draw(st.sampled_from(["change"] * 7 + REBALANCES))
    terms = Terms(
        cash=cash,
        costs=_costs(draw, m),
        exits=_exits(draw, m),
        cash_buffer=draw(st.sampled_from([0.0, 0.05])),
        min_change=draw(st.sampled_from([None, None, None, 0.0, 0.1])),
        shortfall=draw(st.sampled_from(["scale", "reject"])),
        limits=_limits(draw, m),
        margin=margin,
        rebalance=rebalance,
        band=draw(st.sampled_from([0.01, 0.1])) if rebalance == "band" else None,
        sizer=_sizer(draw, m),
        currency=currency,
    )
    targets = random_targets(rng, rows, width)
    if draw(st.booleans()):
        targets = targets / _largest_sum(targets)
    if margin is not None:
        targets = targets * margin.max_leverage
    return Case(bars, targets, start, terms, actions, finer)
