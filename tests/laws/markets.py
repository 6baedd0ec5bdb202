"""Random markets, targets and terms for the laws: flat, missing, gapping and extreme prices."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument, TradingRules
from peak_trade.domain.terms import Costs, Exits, Terms

HOUR = 3_600_000_000_000


@dataclass(frozen=True)
class Case:
    """One run to try: bars, targets, where trading starts, and the account's terms."""

    bars: Bars
    targets: np.ndarray
    start: int
    terms: Terms


def _walk(rng: np.random.Generator, rows: int, kind: str) -> tuple[np.ndarray, ...]:
    scale = {"usual": 0.02, "flat": 0.0, "wild": 0.5, "gapping": 0.02, "extreme": 2.0}[kind]
    steps = rng.normal(0, scale, rows)
    if kind == "flat":
        steps[rng.random(rows) < 0.05] = 0.05
    base = float(np.exp(rng.uniform(-5, 12))) if kind == "extreme" else 100.0
    close = base * np.exp(np.clip(np.cumsum(steps), -20, 14))
    before = np.concatenate(([close[0]], close[:-1]))
    jump = {"gapping": 0.1, "wild": 0.05, "usual": 0.002}.get(kind, 0.0)
    open_ = before * np.exp(rng.normal(0, 1, rows) * jump)
    decimals = 2 if base > 1 and rng.random() < 0.7 else 8
    open_, close = (np.maximum(np.round(x, decimals), 10.0**-decimals) for x in (open_, close))
    wick = rng.exponential(scale / 2 + 1e-9, (2, rows))
    high = np.round(np.maximum(open_, close) * (1 + np.minimum(wick[0], 5)), decimals)
    low = np.maximum(np.round(np.minimum(open_, close) * (1 - np.minimum(wick[1], 0.9)), decimals), 10.0**-decimals)
    return open_, np.maximum(high, np.maximum(open_, close)), np.minimum(low, np.minimum(open_, close)), close


def _instrument(rng: np.random.Generator, name: str, times: np.ndarray) -> Instrument:
    rules: tuple[TradingRules, ...] = ()
    if rng.random() < 0.3:
        since = int(times[int(rng.integers(0, len(times)))])
        rules = (TradingRules(since, float(rng.choice([0.01, 0.5])), int(rng.choice([1, 10])), 5.0),)
    return Instrument(
        name,
        tick=float(rng.choice([0.01, 0.05, 1e-8])),
        lot=float(rng.choice([1e-4, 0.01, 1.0])),
        order_step=int(rng.choice([1, 1, 5])),
        multiplier=float(rng.choice([1.0, 1.0, 10.0])),
        min_notional=float(rng.choice([0.0, 0.0, 50.0])),
        rules=rules,
    )


def _panel(rng: np.random.Generator, rows: int, width: int, kind: str, *, mixed: bool) -> Bars:
    time = (np.arange(rows, dtype=np.int64) + 1) * HOUR
    shape = (rows, width)
    open_, high, low, close = (np.full(shape, np.nan) for _ in range(4))
    tradable = np.ones(shape, bool)
    open_time = np.repeat(time[:, None] - HOUR, width, axis=1)
    for i in range(width):
        parts = _walk(rng, rows, kind)
        for array, part in zip((open_, high, low, close), parts, strict=True):
            array[:, i] = part
        if width > 1 or rng.random() < 0.3:
            tradable[:, i] = rng.random(rows) > rng.choice([0.0, 0.1, 0.5])
        if mixed and i == width - 1:  # a slower instrument: one bar for every four rows
            tradable[:, i] = np.arange(rows) % 4 == 3
            open_time[3:, i] = time[3:] - 4 * HOUR
    for i in range(width):
        last = np.nan
        for t in range(rows):
            if tradable[t, i]:
                last = close[t, i]
            else:
                open_[t, i] = high[t, i] = low[t, i] = close[t, i] = last
    return Bars.from_arrays(
        close, open=open_, high=high, low=low, time=time, open_time=open_time, tradable=tradable,
        instruments=[_instrument(rng, f"I{i}", time) for i in range(width)], interval="1h",
    )


def _targets(rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    shape = (rows, width)
    style = rng.choice(["switch", "noisy", "signals", "drift"])
    if style == "switch":
        levels = rng.choice([-1.0, 0.0, 0.5, 1.0], size=shape) / width
        keep = rng.random(shape) < 0.85
        weights = levels.copy()
        for t in range(1, rows):
            weights[t] = np.where(keep[t], weights[t - 1], levels[t])
    elif style == "noisy":
        weights = rng.uniform(-1, 1, shape) / width
    elif style == "signals":
        weights = np.where(rng.random(shape) < 0.2, rng.choice([-1.0, 0.0, 1.0], size=shape) / width, np.nan)
    else:
        weights = np.cumsum(rng.normal(0, 1e-4, shape), axis=0)
    weights = np.clip(weights, -1 / width, 1 / width)
    weights[rng.random(shape) < rng.choice([0.0, 0.1])] = np.nan
    return weights


@st.composite
def cases(draw: st.DrawFn, width: int | None = None) -> Case:
    """A market, targets and terms, from one seed and a few choices that shrink well."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(4, 80))
    n = width if width is not None else draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["usual", "flat", "wild", "gapping", "extreme"]))
    bars = _panel(rng, rows, n, kind, mixed=n > 1 and draw(st.booleans()))
    exits = Exits(
        stop_loss=draw(st.sampled_from([None, 0.01, 0.1])),
        take_profit=draw(st.sampled_from([None, 0.01, 0.2])),
        reentry=draw(st.sampled_from(["zero", "stated"])),
    )
    terms = Terms(
        cash=draw(st.sampled_from([100.0, 10_000.0, 1e7])),
        costs=Costs(draw(st.sampled_from([0.0, 0.001, 0.05])), draw(st.sampled_from([0.0, 0.0005, 0.03]))),
        exits=exits,
        cash_buffer=draw(st.sampled_from([0.0, 0.05])),
        min_change=draw(st.sampled_from([None, None, 0.0, 0.1])),
        shortfall=draw(st.sampled_from(["scale", "scale", "reject"])),
    )
    targets = _targets(rng, rows, n)
    return Case(bars, targets, draw(st.integers(0, rows - 3)), terms)
