"""Random markets, targets and terms for the laws: flat, missing, gapping and extreme prices."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from peak_trade.domain.actions import Actions
from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument, TradingRules
from peak_trade.domain.terms import Costs, Exits, Terms

HOUR = 3_600_000_000_000


@dataclass(frozen=True, repr=False)
class Case:
    """One run to try: bars, targets, where trading starts, and the account's terms."""

    bars: Bars
    targets: np.ndarray
    start: int
    terms: Terms
    actions: Actions = field(default_factory=Actions)
    detail: Bars | None = None

    def __repr__(self) -> str:
        """Short: the bars of a failing case are too long to read."""
        shown = f"start={self.start}, terms={self.terms}, actions={list(self.actions)}"
        return f"Case({self.bars}, {shown}, detail={self.detail})"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))


def _walk(rng: np.random.Generator, rows: int, kind: str) -> tuple[np.ndarray, ...]:
    if kind == "round":
        return _round_prices(rng, rows)
    scale = {
        "usual": 0.02,
        "flat": 0.0,
        "wild": 0.5,
        "gapping": 0.02,
        "closes": 0.02,
        "extreme": 2.0,
    }[kind]
    steps = rng.normal(0, scale, rows)
    if kind == "flat":
        steps[rng.random(rows) < 0.05] = 0.05
    base = float(np.exp(rng.uniform(-5, 12))) if kind == "extreme" else 100.0
    close = base * np.exp(np.clip(np.cumsum(steps), -20, 10))
    before = np.concatenate(([close[0]], close[:-1]))
    jump = {"gapping": 0.1, "wild": 0.05, "usual": 0.002}.get(kind, 0.0)
    open_ = before * np.exp(rng.normal(0, 1, rows) * jump)
    decimals = 2 if base > 1 and rng.random() < 0.7 else 8
    open_, close = (np.maximum(np.round(x, decimals), 10.0**-decimals) for x in (open_, close))
    wick = rng.exponential(scale / 2 + 1e-9, (2, rows))
    high = np.round(np.maximum(open_, close) * (1 + np.minimum(wick[0], 5)), decimals)
    low = np.maximum(
        np.round(np.minimum(open_, close) * (1 - np.minimum(wick[1], 0.9)), decimals),
        10.0**-decimals,
    )
    return (
        open_,
        np.maximum(high, np.maximum(open_, close)),
        np.minimum(low, np.minimum(open_, close)),
        close,
    )


def _round_prices(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, ...]:
    """Prices at and around 100 in round steps, so that they touch levels exactly."""
    steps = [-10.0, -5.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 5.0, 10.0, 20.0]
    open_, high, low, close = 100.0 + rng.choice(steps, (4, rows))
    return (
        open_,
        np.maximum.reduce([open_, high, close]),
        np.minimum.reduce([open_, low, close]),
        close,
    )


def _instrument(
    rng: np.random.Generator, name: str, times: np.ndarray, share: float, finest: float
) -> Instrument:
    """Order rules of all sizes; ``share`` is what the largest target of the instrument is worth.

    No lot is smaller than ``finest``, so that the books hold what is bought.
    """
    count = int(rng.choice([0, 0, 1, 2]))
    since = sorted({int(times[k]) for k in rng.integers(0, len(times), count)})
    minima = [0.0, 0.0, 50.0, 0.96 * share]
    return Instrument(
        name,
        tick=float(rng.choice([0.01, 0.05, 1e-8])),
        lot=max(float(rng.choice([1e-12, 1e-4, 0.01, 1.0], p=[0.1, 0.3, 0.3, 0.3])), finest),
        order_step=int(rng.choice([1, 1, 5, 1000])),
        multiplier=float(rng.choice([1.0, 1.0, 10.0])),
        min_notional=float(rng.choice(minima)),
        rules=tuple(
            TradingRules(
                when,
                float(rng.choice([0.01, 0.5])),
                int(rng.choice([1, 10])),
                float(rng.choice([0.0, 5.0, 0.96 * share])),
            )
            for when in since
        ),
    )


def panel(
    rng: np.random.Generator,
    rows: int,
    width: int,
    kind: str,
    cash: float,
    *,
    mixed: bool,
    hours: int = 1,
    begin: int = 0,
) -> Bars:
    step = hours * HOUR
    time = begin + (np.arange(rows, dtype=np.int64) + 1) * step
    shape = (rows, width)
    open_, high, low, close = (np.full(shape, np.nan) for _ in range(4))
    tradable = np.ones(shape, bool)
    open_time = np.repeat(time[:, None] - step, width, axis=1)
    for i in range(width):
        parts = _walk(rng, rows, kind)
        for array, part in zip((open_, high, low, close), parts, strict=True):
            array[:, i] = part
        if width > 1 or rng.random() < 0.3:
            tradable[:, i] = rng.random(rows) > rng.choice([0.0, 0.1, 0.5])
        if mixed and i == width - 1:  # a slower instrument: one bar for every four rows
            tradable[:, i] = np.arange(rows) % 4 == 3
            open_time[3:, i] = time[3:] - 4 * step
    if not tradable.any():
        tradable[-1, 0] = True
    for i in range(width):
        last = np.nan
        for t in range(rows):
            if tradable[t, i]:
                last = close[t, i]
            else:
                open_[t, i] = high[t, i] = low[t, i] = close[t, i] = last
    share = cash / width
    room = 1e10 if kind in ("wild", "extreme") else 1e17  # lots; the account may grow a lot there
    cheapest = np.nanmin(close, axis=0, initial=1e9)
    finest = 10.0 ** np.ceil(np.log10(share / cheapest / room))
    instruments = [_instrument(rng, f"I{i}", time, share, float(finest[i])) for i in range(width)]
    closes_alone = kind == "closes"
    return Bars.from_arrays(
        close,
        open=None if closes_alone else open_,
        high=None if closes_alone else high,
        low=None if closes_alone else low,
        time=time,
        open_time=open_time,
        tradable=tradable,
        instruments=instruments,
        interval=f"{hours}h",
    )


def random_targets(rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    shape = (rows, width)
    style = rng.choice(["switch", "noisy", "signals", "drift", "together"])
    if style == "switch":
        levels = rng.choice([-1.0, 0.0, 0.5, 1.0], size=shape) / width
        keep = rng.random(shape) < 0.85
        weights = levels.copy()
        for t in range(1, rows):
            weights[t] = np.where(keep[t], weights[t - 1], levels[t])
    elif style == "noisy":
        weights = rng.uniform(-1, 1, shape) / width
    elif style == "signals":
        weights = np.where(
            rng.random(shape) < 0.2, rng.choice([-1.0, 0.0, 1.0], size=shape) / width, np.nan
        )
    elif style == "together":  # everything moves at the same rows, and asks for all of equity
        sides = rng.choice([-1.0, 0.0, 1.0, 1.0], size=shape) / width
        weights = np.where((rng.random((rows, 1)) < 0.3), sides, np.nan)
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
    kind = draw(
        st.sampled_from(["usual", "flat", "wild", "gapping", "extreme", "round", "round", "closes"])
    )
    cash = draw(st.sampled_from([100.0, 10_000.0, 1e7]))
    bars = panel(rng, rows, n, kind, cash, mixed=n > 1 and draw(st.booleans()))
    exits = Exits(
        stop_loss=draw(st.sampled_from([None, 0.01, 0.05, 0.1])),
        take_profit=draw(st.sampled_from([None, 0.01, 0.05, 0.2])),
        reentry=draw(st.sampled_from(["zero", "stated"])),
    )
    terms = Terms(
        cash=cash,
        costs=Costs(
            draw(st.sampled_from([0.0, 0.001, 0.05])), draw(st.sampled_from([0.0, 0.0005, 0.03]))
        ),
        exits=Exits() if kind == "closes" else exits,
        cash_buffer=draw(st.sampled_from([0.0, 0.05])),
        min_change=draw(st.sampled_from([None, None, 0.0, 0.1, 0.5])),
        shortfall=draw(st.sampled_from(["scale", "scale", "reject"])),
    )
    targets = random_targets(rng, rows, n)
    return Case(bars, targets, draw(st.integers(0, rows - 3)), terms)
