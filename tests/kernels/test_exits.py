"""Protective exits of one position, against twins written from the words of docs/simulation.md."""

import math
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import exits
from peak_trade.kernels.exits import (
    BREAK_EVEN,
    LIQUIDATION,
    PARTIAL,
    ROI,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
)  # fmt: skip

NAN = math.nan
MINUTE = 60_000_000_000
HOUR = 60 * MINUTE


def on_tick(price: float, side: int, tick: float) -> float:
    """``price`` in whole ticks, rounded up or down with the document's slack, as a decimal."""
    exact = price / tick
    ticks = math.ceil(exact - 1e-9) if side > 0 else math.floor(exact + 1e-9)
    return float(Decimal(str(tick)) * ticks)


@dataclass
class Wanted:
    """What is declared, unset where it is None."""

    stop: float | None = None
    take: float | None = None
    trail: float | None = None
    arm: float | None = None
    offset: float | None = None
    after: float | None = None
    break_even: float | None = None
    max_bars: int | None = None
    stop_atr: float | None = None
    take_atr: float | None = None
    trail_atr: float | None = None
    roi: list[tuple[float, float]] = field(default_factory=list)

    def arrays(self, convention: int = exits.ADVERSE):
        row = np.full(exits.EXITS, NAN)
        values = (
            self.stop, self.take, self.trail, self.arm, self.offset, self.after, self.break_even,
            self.max_bars, self.stop_atr, self.take_atr, self.trail_atr, convention,
        )  # fmt: skip
        for place, value in enumerate(values):
            if value is not None:
                row[place] = value
        return row, np.array(self.roi, dtype=float).reshape(-1, 2)


class Position:
    """The exits of a position in the document's words."""

    def __init__(self, wanted: Wanted, side: int, average: float, atr: float | None, tick: float):
        self.wanted, self.side, self.average, self.atr, self.tick = wanted, side, average, atr, tick
        self.best, self.bars = average, 0
        self.stop = self.take = None
        stop = self.level(-1, wanted.stop, wanted.stop_atr)
        self.stop = None if stop is None or stop <= 0 else (self.rounded(stop, -1), STOP_LOSS)
        self.follow()
        self.rest(0)

    def level(self, way: int, fraction: float | None, multiple: float | None) -> float | None:
        """A distance from the average: with the position (``way`` 1) or against it (-1)."""
        if fraction is not None:
            return self.average * (1 + way * self.side * fraction)
        if multiple is None or self.atr is None:
            return None
        return self.average + way * self.side * (multiple * self.atr)

    def rounded(self, price: float, way: int) -> float:
        return on_tick(price, way * self.side, self.tick)

    def gained(self, price: float, profit: float) -> bool:
        """Whether a price has reached a profit on the average."""
        level = self.average * (1 + self.side * profit)
        return price >= level if self.side > 0 else price <= level

    def nearer(self, level: float, reason: int) -> None:
        if level <= 0:
            return
        closer = self.stop is None or self.side * (level - self.stop[0]) > 0
        self.stop = (level, reason) if closer else self.stop

    def follow(self) -> None:
        w = self.wanted
        if w.break_even is not None and self.gained(self.best, w.break_even):
            self.nearer(self.rounded(self.average, -1), BREAK_EVEN)
        if w.arm is not None and not self.gained(self.best, w.arm):
            return
        price = None
        if w.trail is not None:
            price = self.best * (1 - self.side * w.trail)
        elif w.trail_atr is not None and self.atr is not None:
            price = self.best - self.side * (w.trail_atr * self.atr)
        if (w.trail, w.trail_atr) == (None, None):
            return
        if w.offset is not None:
            beyond = self.average * (1 + self.side * w.offset)
            if self.side * (self.best - beyond) > 0:
                price = self.best * (1 - self.side * w.after)
        if price is not None and price > 0:
            self.nearer(self.rounded(price, -1), TRAILING_STOP)

    def rest(self, elapsed_ns: int) -> None:
        w = self.wanted
        take = self.level(1, w.take, w.take_atr)
        if take is None or (w.take is None and take <= 0):
            self.take = None
        else:
            self.take = self.rounded(take, 1), TAKE_PROFIT
        begun = [profit for minutes, profit in w.roi if minutes * MINUTE <= elapsed_ns]
        if begun:
            level = self.rounded(self.average * (1 + self.side * begun[-1]), 1)
            if self.take is None or self.side * (self.take[0] - level) > 0:
                self.take = level, ROI

    def close(self, high: float, low: float, elapsed_ns: int) -> bool:
        self.best = max(self.best, high) if self.side > 0 else min(self.best, low)
        self.follow()
        self.rest(elapsed_ns)
        self.bars += 1
        return self.wanted.max_bars is not None and self.bars >= self.wanted.max_bars


def fresh(average: float, atr: float | None):
    x = np.full(exits.STATES, NAN)
    exits.clear(x, np.zeros(0, np.int64))
    x[exits.X_BEST], x[exits.X_ENTRY_NS], x[exits.X_BARS] = average, 0.0, 0.0
    x[exits.X_ATR] = NAN if atr is None else atr
    return x


def seen(x, level: int, reason: int):
    return None if math.isnan(x[level]) else (float(x[level]), int(x[reason]))


fractions = st.sampled_from([0.005, 0.01, 0.02, 0.1, 0.5, 0.9])
maybe = st.one_of(st.none(), fractions)
multiples = st.one_of(st.none(), st.sampled_from([0.5, 1.0, 3.0]))
ticks = st.sampled_from([0.01, 0.05, 0.1, 1.0, 0.25])
averages = st.one_of(st.floats(1, 500), st.integers(1, 50_000).map(lambda k: k / 100))
sides = st.sampled_from([1, -1])
atrs = st.one_of(st.none(), st.floats(0.001, 20))


@st.composite
def declared(draw) -> Wanted:
    """Every combination that the declaration lets through."""
    by_atr = draw(st.booleans())
    trail, trail_atr = (None, draw(multiples)) if by_atr else (draw(maybe), None)
    trails = trail is not None or trail_atr is not None
    has_offset = trails and draw(st.booleans())
    minutes = sorted(draw(st.sets(st.integers(0, 300), max_size=3)))
    return Wanted(
        stop=None if by_atr else draw(maybe),
        take=None if by_atr else draw(maybe),
        trail=trail,
        arm=draw(maybe) if trails else None,
        offset=draw(fractions) if has_offset else None,
        after=draw(fractions) if has_offset else None,
        break_even=draw(maybe),
        max_bars=draw(st.one_of(st.none(), st.integers(1, 5))),
        stop_atr=draw(multiples) if by_atr else None,
        take_atr=draw(multiples) if by_atr else None,
        trail_atr=trail_atr,
        roi=[(m, draw(st.sampled_from([0.3, 0.05, 0.01, 0.0, -0.02, -1.0]))) for m in minutes],
    )


paths = st.lists(st.tuples(st.floats(0.7, 1.5), st.floats(0.8, 1.0)), max_size=6)


@given(declared(), sides, averages, atrs, ticks, paths)
def test_levels_follow_the_document_through_fills_and_closes(w, side, average, atr, tick, path):
    e, roi = w.arrays()
    x = fresh(average, atr)
    exits.set_levels(x, e, roi, side, average, tick, 0)
    words = Position(w, side, average, atr, tick)
    for k, (up, down) in enumerate([(None, None), *path]):
        if up is not None:
            high, low = average * up, average * up * down
            is_time = exits.close_bar(x, e, roi, side, average, tick, high, low, k * HOUR)
            assert is_time == words.close(high, low, k * HOUR)
        assert seen(x, exits.X_STOP, exits.X_STOP_REASON) == words.stop
        assert seen(x, exits.X_TAKE, exits.X_TAKE_REASON) == words.take


@given(declared(), sides, averages, atrs, ticks, paths)
def test_stop_never_moves_away_and_every_level_lies_on_a_tick(w, side, average, atr, tick, path):
    e, roi = w.arrays()
    x = fresh(average, atr)
    exits.set_levels(x, e, roi, side, average, tick, 0)
    best = average
    for k, (up, down) in enumerate(path):
        before = x[exits.X_STOP]
        high, low = average * up, average * up * down
        exits.close_bar(x, e, roi, side, average, tick, high, low, (k + 1) * HOUR)
        best = max(best, high) if side > 0 else min(best, low)
        assert x[exits.X_BEST] == best
        stop, take = x[exits.X_STOP], x[exits.X_TAKE]
        if not math.isnan(before):
            assert side * (stop - before) >= 0
        if not math.isnan(stop):
            assert stop >= 0  # at zero it is never reached
            assert side * (best - stop) >= -1e-9 * best  # never beyond the best price
        for level in (stop, take):
            if not math.isnan(level):
                count = Decimal(repr(float(level))) / Decimal(str(tick))
                assert count == count.to_integral_value()


def test_added_position_is_protected_from_its_new_average_and_its_old_best() -> None:
    e, roi = Wanted(stop=0.1, trail=0.1).arrays()
    x = fresh(100.0, None)
    exits.set_levels(x, e, roi, 1, 100.0, 0.01, 0)
    exits.close_bar(x, e, roi, 1, 100.0, 0.01, 130.0, 100.0, HOUR)
    exits.set_levels(x, e, roi, 1, 120.0, 0.01, HOUR)
    assert seen(x, exits.X_STOP, exits.X_STOP_REASON) == (117.0, TRAILING_STOP)


# --- partial take-profits, splits -----------------------------------------------------------------


@given(
    st.lists(st.tuples(fractions, st.floats(0.01, 0.5)), max_size=3), sides,
    st.integers(1, 10**9), averages, ticks, st.integers(1, 50),
)  # fmt: skip
def test_partials_are_whole_steps_at_levels_away_from_the_entry(
    table, side, held, average, tick, step
):
    partials = np.array(table, dtype=float).reshape(-1, 2)
    levels, lots = np.empty(len(table)), np.empty(len(table), np.int64)
    exits.set_partials(partials, side, side * held, average, tick, step, levels, lots)
    for k, (profit, share) in enumerate(table):
        assert levels[k] == on_tick(average * (1 + side * profit), side, tick)
        assert lots[k] == math.trunc(share * held) // step * step
        assert 0 <= lots[k] <= held


@given(
    st.integers(1, 60), st.integers(1, 60), sides, st.integers(0, 10**7), averages, ticks,
    st.booleans(),
)  # fmt: skip
def test_split_multiplies_levels_and_keeps_whole_lots_exactly(
    numerator, denominator, side, lots, price, tick, is_set
):
    x = fresh(price, 2.0)
    if is_set:
        x[exits.X_STOP], x[exits.X_TAKE] = on_tick(price, -1, tick), on_tick(price, 1, tick)
    before = x.copy()
    ratio = denominator / numerator
    levels, kept = np.array([on_tick(price, 1, tick)]), np.array([lots], np.int64)
    exits.split_levels(x, side, ratio, tick, levels, kept)
    assert kept[0] == lots * numerator // denominator
    assert x[exits.X_BEST] == price * ratio
    assert x[exits.X_ATR] == 2.0 * ratio
    assert levels[0] == on_tick(on_tick(price, 1, tick) * ratio, side, tick)
    for place, way in ((exits.X_STOP, -side), (exits.X_TAKE, side)):
        if is_set:
            assert x[place] == on_tick(before[place] * ratio, way, tick)
        else:
            assert math.isnan(x[place])


def test_position_that_is_no_more_leaves_no_level() -> None:
    x, lots = np.arange(exits.STATES, dtype=float), np.array([3, 4])
    exits.clear(x, lots)
    assert np.isnan(x).all()
    assert lots.tolist() == [0, 0]


def test_exits_at_a_resting_price_are_told_from_stops() -> None:
    resting = {r for r in range(1, 13) if not exits.is_stop(r)}
    assert resting == {TAKE_PROFIT, ROI, PARTIAL}


# --- what a bar reaches ---------------------------------------------------------------------------


@dataclass
class Levels:
    """The levels of a position and the bar that meets them."""

    side: int
    held: int
    stop: float
    take: float
    liquidation: float
    partials: list[tuple[float, int]]
    bar: tuple[float, float, float]

    def state(self):
        x = np.full(exits.STATES, NAN)
        x[exits.X_STOP], x[exits.X_STOP_REASON] = self.stop, BREAK_EVEN
        x[exits.X_TAKE], x[exits.X_TAKE_REASON] = self.take, ROI
        levels = np.array([p for p, _ in self.partials])
        return x, levels, np.array([n for _, n in self.partials], np.int64)

    def reached(self, price: float, level: float, way: int) -> bool:
        """Whether a price is at or beyond a level: a profit (``way`` 1) or a stop (-1)."""
        return not math.isnan(level) and way * self.side * (price - level) >= 0

    def stop_at(self, price: float):
        """The stop or liquidation that a price reaches: the first on its way, the stop of equals."""
        found = [(level, reason) for level, reason in
                 ((self.stop, BREAK_EVEN), (self.liquidation, LIQUIDATION))
                 if self.reached(price, level, -1)]  # fmt: skip
        return max(found, key=lambda pair: self.side * pair[0]) if found else None

    def profits_at(self, price: float, left: int):
        """Partials that a price reaches before the take-profit, then the take-profit."""
        out = []
        for level, lots in self.partials:
            if lots and self.reached(price, level, 1) and not self.reached(level, self.take, 1):
                lots = min(lots, left)
                left -= lots
                out += [(-self.side * lots, PARTIAL, level)] if lots else []
        if left and self.reached(price, self.take, 1):
            out.append((-self.side * left, ROI, self.take))
        return out

    def at_open(self):
        open_ = self.bar[0]
        stop = self.stop_at(open_)
        if stop is not None:
            return [(-self.held, stop[1], open_)]
        if self.reached(open_, self.take, 1):
            return [(-self.held, ROI, open_)]
        return [(n, reason, open_) for n, reason, _ in self.profits_at(open_, abs(self.held))]

    def inside(self, favourable: bool):
        _, high, low = self.bar
        best, worst = (high, low) if self.side > 0 else (low, high)
        stop, left = self.stop_at(worst), abs(self.held)
        if stop is not None and not favourable:
            return [(-self.held, stop[1], stop[0])]
        out = self.profits_at(best, left)
        left -= sum(abs(n) for n, _, _ in out)
        if stop is not None and left:
            out.append((-self.side * left, stop[1], stop[0]))
        return out


grid = st.integers(80, 120).map(float)  # whole prices, so that levels tie with extremes and opens


@st.composite
def scenes(draw) -> Levels:
    side = draw(sides)
    held = draw(st.integers(1, 100))
    prices = sorted(draw(grid) for _ in range(3))
    open_ = draw(st.sampled_from(prices))
    count = draw(st.integers(0, 3))
    profits = sorted((draw(grid) for _ in range(count)), reverse=side < 0)
    optional = st.one_of(st.just(NAN), grid)
    return Levels(
        side=side,
        held=side * held,
        stop=draw(optional),
        take=draw(optional),
        liquidation=draw(optional),
        partials=[(p, draw(st.integers(0, 40))) for p in profits],
        bar=(open_, prices[2], prices[0]),
    )


def written(n, lots, reasons, prices):
    return [(int(lots[k]), int(reasons[k]), float(prices[k])) for k in range(n)]


def room(scene: Levels):
    size = len(scene.partials) + 1
    return np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size)


@given(scenes())
def test_open_meets_its_exits_in_the_document_s_order(scene) -> None:
    x, levels, lots = scene.state()
    out = room(scene)
    open_ = scene.bar[0]
    n = exits.exits_at_open(x, levels, lots, scene.liquidation, scene.held, open_, *out)
    assert written(n, *out) == scene.at_open()


@given(scenes(), st.booleans())
def test_range_meets_its_exits_in_the_document_s_order(scene, favourable) -> None:
    x, levels, lots = scene.state()
    out, (_, high, low) = room(scene), scene.bar
    n = exits.exits_in_bar(
        x, levels, lots, scene.liquidation, favourable, scene.held, high, low, *out
    )
    found = written(n, *out)
    assert found == scene.inside(favourable)
    closed = sum(quantity for quantity, _, _ in found)
    assert abs(closed) <= abs(scene.held)
    assert closed * scene.side <= 0
    given_up = {k for k, (_, before) in enumerate(scene.partials) if lots[k] != before}
    assert all(lots[k] == 0 for k in given_up)


@given(scenes())
def test_bar_is_ambiguous_only_where_a_stop_and_a_profit_are_reached(scene) -> None:
    x, levels, lots = scene.state()
    _, high, low = scene.bar
    found = exits.is_ambiguous(x, levels, lots, scene.liquidation, scene.held, high, low)
    adverse, best = scene.inside(favourable=False), scene.inside(favourable=True)
    stops = any(exits.is_stop(reason) for _, reason, _ in adverse)
    assert found == (stops and any(not exits.is_stop(reason) for _, reason, _ in best))


@pytest.mark.parametrize(
    ("side", "stop", "liquidation", "first"),
    [(1, 90, 80, 90), (1, 80, 90, 90), (-1, 110, 120, 110), (-1, 120, 110, 110), (1, NAN, 80, 80),
     (1, 90, NAN, 90)],
)  # fmt: skip
def test_nearer_of_a_stop_and_a_liquidation_comes_first(side, stop, liquidation, first) -> None:
    assert exits.nearer_stop(side, float(stop), float(liquidation)) == first


def test_neither_stop_nor_liquidation_is_no_level() -> None:
    assert math.isnan(exits.nearer_stop(1, NAN, NAN))


# --- freqtrade's convention -----------------------------------------------------------------------


def profit_of(side: int, price: float, average: float) -> float:
    return float(np.round(side * (price / average - 1), 8))


def freqtrade_in_words(w, stop, trailed, side, average, bar, elapsed_ns, is_entry):
    """Rules 1 to 4 of the document; the stop that is left, whether it trailed, and the exit."""
    open_, high, low = bar
    best, worst = (high, low) if side > 0 else (low, high)
    if w.trail is not None and (stop is None or side * (worst - stop) > 0):
        profit = profit_of(side, best, average)
        if w.arm is None or profit > w.arm:
            distance = w.after if w.offset is not None and profit > w.offset else w.trail
            level = best * (1 - side * distance)
            if stop is None or side * (level - stop) > 0:
                stop, trailed = level, True
    is_hit = stop is not None and side * (worst - stop) <= 0
    stop_price = stop
    if is_hit and trailed and is_entry:
        arm = w.arm or 0.0
        distance = w.after if w.offset is not None and arm > w.offset else w.trail
        level = open_ * (1 + side * (arm - distance))
        stop_price = max(level, low) if side > 0 else min(level, high)
    if is_hit and (stop > high if side > 0 else stop < low):
        stop_price = open_
    choices = [(m, p) for m, p in w.roi if m * MINUTE <= elapsed_ns][-1:]
    profit, reason, began = None, ROI, False
    if choices:
        profit, began = choices[0][1], 0 < choices[0][0] * MINUTE == elapsed_ns
    if w.take is not None and (profit is None or w.take < profit):
        profit, reason, began = w.take, TAKE_PROFIT, False
    takes = profit is not None and profit_of(side, best, average) > profit
    stopped = (TRAILING_STOP if trailed else STOP_LOSS, stop_price)
    if is_hit and not trailed:
        return stop, trailed, stopped
    if takes:
        level = average * (1 + side * profit)
        if began and side * (open_ - level) > 0:
            level = open_
        return stop, trailed, (reason, min(max(level, low), high))
    return stop, trailed, stopped if is_hit else None


@st.composite
def native(draw) -> Wanted:
    trail = draw(maybe)
    has_offset = trail is not None and draw(st.booleans())
    minutes = sorted(draw(st.sets(st.sampled_from([0, 60, 120]), max_size=3)))
    return Wanted(
        stop=draw(maybe), take=draw(maybe), trail=trail,
        arm=draw(maybe) if trail is not None else None,
        offset=draw(fractions) if has_offset else None,
        after=draw(fractions) if has_offset else None,
        roi=[(m, draw(st.sampled_from([0.3, 0.05, 0.01, 0.0, -0.02, -1.0]))) for m in minutes],
    )  # fmt: skip


@given(native(), sides, st.lists(st.tuples(grid, grid, grid), min_size=1, max_size=4))
def test_freqtrade_convention_ends_positions_as_the_document_says(w, side, path) -> None:
    e, roi = w.arrays(exits.FREQTRADE)
    average = sorted(path[0])[1]
    x = fresh(average, None)
    exits.set_levels(x, e, roi, side, average, 0.01, 0)
    stop = None if w.stop is None else average * (1 - side * w.stop)
    assert seen(x, exits.X_STOP, exits.X_STOP_REASON) == (stop and (stop, STOP_LOSS))
    trailed = False
    for k, prices in enumerate(path):
        low, open_, high = sorted(prices)
        reason, price = np.zeros(1, np.int64), np.zeros(1)
        found = exits.freqtrade_exit(
            x, e, roi, side, average, open_, high, low, k * HOUR, k == 0, reason, price
        )
        stop, trailed, wanted = freqtrade_in_words(
            w, stop, trailed, side, average, (open_, high, low), k * HOUR, k == 0
        )
        assert found == (wanted is not None)
        if wanted is not None:
            assert int(reason[0]) == wanted[0]
            assert price[0] == pytest.approx(wanted[1], rel=1e-14)
            return
        last = exits.TRAILING_STOP if trailed else STOP_LOSS
        assert seen(x, exits.X_STOP, exits.X_STOP_REASON) == (stop and (stop, last))


@pytest.mark.parametrize("side", [1, -1])
def test_levels_of_the_freqtrade_convention_stay_at_closes(side) -> None:
    e, roi = Wanted(stop=0.1, trail=0.02, max_bars=2).arrays(exits.FREQTRADE)
    x = fresh(100.0, None)
    exits.set_levels(x, e, roi, side, 100.0, 1.0, 0)
    before = x[exits.X_STOP]
    assert not exits.close_bar(x, e, roi, side, 100.0, 1.0, 150.0, 50.0, HOUR)
    assert exits.close_bar(x, e, roi, side, 100.0, 1.0, 150.0, 50.0, 2 * HOUR)
    assert x[exits.X_STOP] == before


# --- exactly at a bound ---------------------------------------------------------------------------


def stop_after(wanted: Wanted, high: float, low: float, side: int = 1):
    """The stop of a position from 100 after one bar."""
    e, roi = wanted.arrays()
    x = fresh(100.0, None)
    exits.set_levels(x, e, roi, side, 100.0, 0.01, 0)
    exits.close_bar(x, e, roi, side, 100.0, 0.01, high, low, HOUR)
    return seen(x, exits.X_STOP, exits.X_STOP_REASON)


@pytest.mark.parametrize(
    ("wanted", "high", "stop"),
    [
        (Wanted(stop=0.1, trail=0.1), 100.0, (90.0, STOP_LOSS)),  # of equal ones the earlier stays
        (Wanted(stop=0.1, break_even=0.5, trail=0.5), 200.0, (100.0, BREAK_EVEN)),
        (Wanted(break_even=0.5), 150.0, (100.0, BREAK_EVEN)),  # reached
        (Wanted(break_even=0.5), 149.99, None),
        (Wanted(trail=0.1, arm=0.5), 150.0, (135.0, TRAILING_STOP)),  # reached
        (Wanted(trail=0.1, arm=0.5), 149.99, None),
        (Wanted(trail=0.1, offset=0.5, after=0.02), 150.0, (135.0, TRAILING_STOP)),  # not beyond
        (Wanted(trail=0.1, offset=0.5, after=0.02), 150.5, (147.49, TRAILING_STOP)),
    ],
)
def test_stop_at_the_very_bound_is_that_of_the_document(wanted, high, stop) -> None:
    assert stop_after(wanted, high, 95.0) == stop


def test_split_of_lots_that_divide_evenly_loses_none() -> None:
    lots = np.array([99, 253], np.int64)  # 99 / (11 / 5) is 44.99... in floats
    exits.split_levels(fresh(100.0, None), 1, 11 / 5, 0.01, np.array([110.0, 120.0]), lots)
    assert lots.tolist() == [45, 115]


@pytest.mark.parametrize(
    ("wanted", "is_entry", "bar", "exit_"),
    [
        # the high of the entry bar trails the stop to 135; the worst case from the open lies lower
        (Wanted(stop=0.3, trail=0.1), True, (100, 150, 80), (TRAILING_STOP, 90.0)),
        (Wanted(stop=0.3, trail=0.1), True, (100, 150, 95), (TRAILING_STOP, 95.0)),  # not below low
        (Wanted(stop=0.3, trail=0.1, arm=0.25), True, (100, 150, 80), (TRAILING_STOP, 115.0)),
        (Wanted(stop=0.3, trail=0.1), False, (100, 150, 80), (TRAILING_STOP, 135.0)),
        # a profit exactly at the arming one does not arm, and so the first stop stands
        (Wanted(stop=0.3, trail=0.1, arm=0.5), False, (100, 150, 75), None),
        (Wanted(stop=0.3, trail=0.1, arm=0.5), False, (100, 150, 65), (STOP_LOSS, 70.0)),
        # a bar that touches the stop that it found does not move it
        (Wanted(stop=0.25, trail=0.1), False, (100, 150, 75), (STOP_LOSS, 75.0)),
        # trailed at a profit exactly at the offset: still the wider distance
        (
            Wanted(stop=0.3, trail=0.1, offset=0.5, after=0.02), False, (100, 150, 80),
            (TRAILING_STOP, 135.0),
        ),
        (Wanted(stop=0.3, trail=0.1, take=0.2), False, (100, 150, 80), (TAKE_PROFIT, 120.0)),
        (Wanted(stop=0.3, take=0.5), False, (100, 150, 80), None),  # above, not at, the value
    ],
)  # fmt: skip
def test_freqtrade_bar_at_its_bounds_ends_as_the_document_says(wanted, is_entry, bar, exit_):
    e, roi = wanted.arrays(exits.FREQTRADE)
    x = fresh(100.0, None)
    exits.set_levels(x, e, roi, 1, 100.0, 0.01, 0)
    reason, price = np.zeros(1, np.int64), np.zeros(1)
    open_, high, low = map(float, bar)
    found = exits.freqtrade_exit(
        x, e, roi, 1, 100.0, open_, high, low, HOUR, is_entry, reason, price
    )
    assert found == (exit_ is not None)
    if exit_ is not None:
        assert (int(reason[0]), float(price[0])) == (exit_[0], pytest.approx(exit_[1], rel=1e-12))
