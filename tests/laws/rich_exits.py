"""Levels, what fills at them, and the liquidation price: Exits and Margin of the document."""

import math

from laws.rich_costs import Costing
from laws.rich_state import (
    BREAK_EVEN,
    LIQUIDATION,
    PARTIAL,
    ROI,
    STOP_LOSS,
    STOPS,
    TAKE_PROFIT,
    TIME_STOP,
    TRAILING_STOP,
    Holding,
    Level,
    on_tick,
    sign,
)


class Protection(Costing):
    """Sets levels with fills, fills them inside bars, moves them at closes."""

    liquidations: list[float | None]

    # What a fill sets.

    def set_levels(self, row: int, i: int, before: int, time: int, bar: int) -> None:
        """Levels after a market fill of a position that was ``before`` lots."""
        h = self.at[i]
        side = sign(h.lots)
        h.rules = self.rules(row, i)
        h.stop = h.take = h.base_take = None
        if not side or self.out.halted:
            h.partials = []
            return
        is_new = sign(before) != side
        if is_new:
            self.begin(i, time, bar)
        elif row > self.start:  # with the minutes to the close of the row before
            h.minutes = max(self.time[row - 1] - h.opened, 0) / 60e9
        h.stop = self.level(row, i, self.stop_price(h, side), STOP_LOSS, -side)
        h.base_take = h.take = self.level(row, i, self.take_price(h, side), TAKE_PROFIT, side)
        self.move_stop(row, i)
        self.rest_roi(row, i)
        if is_new or abs(h.lots) > abs(before):
            self.set_partials(row, i)

    def begin(self, i: int, time: int, bar: int) -> None:
        """What is remembered of a position from its entry on."""
        h = self.at[i]
        h.best, h.opened, h.entered, h.bars, h.minutes = h.average, time, bar, 0, 0.0
        h.atr = math.nan
        if self.terms.exits.need_atr:
            closed = [t for t in self.real[i] if self.time[t] <= time]
            h.atr = self.atr[closed[-1]][i] if closed else math.nan
            self.events["entry without an ATR"] += math.isnan(h.atr)

    def level(self, row: int, i: int, price: float, reason: int, direction: int) -> Level | None:
        """A level on its tick, or none where its price is not known."""
        if math.isnan(price):
            return None
        tick = self.rules(row, i).tick
        found = Level(on_tick(price, tick, direction), reason, tick=tick)
        if reason in STOPS and found.price <= 0:  # of a short sold for nothing, say
            self.events["stop at zero"] += 1
            return None
        return found

    def stop_price(self, h: Holding, side: int) -> float:
        """Where the stop-loss lies; NaN where there is none."""
        exits = self.terms.exits
        if exits.stop_loss is not None:
            return h.average * (1 - side * exits.stop_loss)
        return h.average - side * (exits.stop_atr * h.atr) if exits.stop_atr else math.nan

    def take_price(self, h: Holding, side: int) -> float:
        """Where the take-profit lies; NaN where there is none."""
        exits = self.terms.exits
        if exits.take_profit is not None:
            return h.average * (1 + side * exits.take_profit)
        return h.average + side * (exits.take_atr * h.atr) if exits.take_atr else math.nan

    def set_partials(self, row: int, i: int) -> None:
        """All partial take-profits of a position, those of no lots left out."""
        h = self.at[i]
        side = sign(h.lots)
        h.partials = []
        for profit, share in self.terms.exits.partials:
            lots = self.cut(row, i, math.trunc(share * abs(h.lots)))
            level = self.level(row, i, h.average * (1 + side * profit), PARTIAL, side)
            if lots and level:
                level.lots = lots
                h.partials.append(level)
            self.events["partial of no lots"] += lots == 0

    # What closes move.

    def at_close_of_bar(self, row: int, i: int) -> None:
        """Best price, stop, return on investment and the bar count of a position held."""
        h = self.at[i]
        side = sign(h.lots)
        if not side:
            return
        price = (self.high if side > 0 else self.low)[row][i]
        h.best = price if (price - h.best) * side > 0 else h.best
        self.move_stop(row, i)
        h.minutes = (self.time[row] - h.opened) / 60e9
        self.rest_roi(row, i)
        h.bars += 1
        longest = self.terms.exits.max_bars
        if longest is not None and h.bars >= longest and h.forced is None:
            h.forced, h.working = TIME_STOP, 0
            self.events["time stop"] += 1

    def move_stop(self, row: int, i: int) -> None:
        """The nearest of the stop as it is, the break-even stop and the trailing stop."""
        h = self.at[i]
        side = sign(h.lots)
        for price, reason in ((self.break_even(h, side), BREAK_EVEN),
                              (self.trail(h, side), TRAILING_STOP)):  # fmt: skip
            level = self.level(row, i, price, reason, -side)
            if level and (h.stop is None or (level.price - h.stop.price) * side > 0):
                h.stop = level

    def break_even(self, h: Holding, side: int) -> float:
        """The average, once the best price has reached the profit."""
        profit = self.terms.exits.break_even
        reached = profit is not None and (h.best - h.average * (1 + side * profit)) * side >= 0
        return h.average if reached else math.nan

    def trail(self, h: Holding, side: int) -> float:
        """A distance from the best price, once it is armed."""
        exits = self.terms.exits
        if exits.trailing is None and exits.trailing_atr is None:
            return math.nan
        arm = exits.trailing_arm
        if arm is not None and (h.best - h.average * (1 + side * arm)) * side < 0:
            return math.nan
        offset, distance = exits.trailing_offset, exits.trailing
        if offset is not None and (h.best - h.average * (1 + side * offset)) * side > 0:
            distance = exits.trailing_after
            self.events["trails closer"] += 1
        if distance is None:
            return h.best - side * (exits.trailing_atr * h.atr)
        return h.best * (1 - side * distance)

    def rest_roi(self, row: int, i: int) -> None:
        """The nearer of the take-profit and the return that suffices by now."""
        h = self.at[i]
        side, h.take = sign(h.lots), h.base_take
        passed = [profit for minutes, profit in self.terms.exits.roi if minutes <= h.minutes]
        if passed:
            level = self.level(row, i, h.average * (1 + side * passed[-1]), ROI, side)
            if level and (h.take is None or (level.price - h.take.price) * side < 0):
                h.take = level
            self.events["later return on investment"] += len(passed) > 1

    # Liquidation.

    def liquidation(self, i: int) -> float | None:
        """The price of one instrument at which equity is the maintenance of gross."""
        h, margin = self.at[i], self.margin
        if margin is None or not h.lots or self.close_only[i]:
            return None
        rest, gross = self.cash, 0.0
        for j in range(self.n):
            if j != i and self.at[j].lots:
                rest += self.marked(j)
                gross += abs(self.marked(j))
        units, m = h.lots * self.unit[i], margin.maintenance
        price = (m * gross - rest) / (units - m * abs(units))
        return price if price > 0 else None

    def nearest_stop(self, i: int, liquidation: float | None) -> Level | None:
        """The stop, or the liquidation price where it lies nearer to the market."""
        stop = self.at[i].stop
        if liquidation is None:
            return stop
        if stop is None or (liquidation - stop.price) * sign(self.at[i].lots) > 0:
            return Level(liquidation, LIQUIDATION)
        return stop

    # Inside the bar.

    def reach_open(
        self, row: int, i: int, price: float, bar: int, time: int, liquidation: float | None
    ) -> int | None:
        """Levels that an open has reached or passed fill there; the reason of the last one."""
        h = self.at[i]
        side = sign(h.lots)
        stop = self.nearest_stop(i, liquidation) if side else None
        if stop and (price - stop.price) * side <= 0:
            self.exit(row, i, stop.reason, price, bar, time)
            return stop.reason
        if side and h.take and (price - h.take.price) * side >= 0:
            hit = h.take.reason
            self.take(row, i, h.take, price, bar, time)
            return hit
        hit = None
        for level in list(h.partials) if side else []:
            if h.lots and (price - level.price) * side >= 0:
                self.take(row, i, level, price, bar, time)
                hit = PARTIAL
        return hit

    def inside(self, row: int, i: int) -> None:
        """The open, then the two extremes in the order of the convention."""
        h = self.at[i]
        if not h.lots or self.close_only[i]:
            return
        self.foresee(row, i)
        before = len(self.out.fills)
        time = self.opened[row][i]
        for bar in self.finer(row, i):
            if h.lots:
                self.inside_one(row, i, bar, time)
            time = self.time[row]
        fills = self.out.fills[before:]
        self.events["several exits in one bar"] += len(fills) > 1
        self.events["partial, then stop"] += len(fills) > 1 and fills[-1].reason in STOPS
        self.events["exit inside a finer bar"] += bool(fills) and self.is_fine(row, i)

    def is_fine(self, row: int, i: int) -> bool:
        """Whether finer bars take the place of a bar."""
        return bool(self.detail) and bool(self.detail[row][i])

    def finer(self, row: int, i: int) -> list[tuple[float, float, float]]:
        """Open, high and low of the bars that a bar is looked at by."""
        if self.is_fine(row, i):
            return self.detail[row][i]
        return [(self.open[row][i], self.high[row][i], self.low[row][i])]

    def inside_one(self, row: int, i: int, bar: tuple[float, float, float], time: int) -> None:
        """The open (at a time), then the two extremes in the order of the convention."""
        h = self.at[i]
        side = sign(h.lots)
        open_, high, low = bar
        before = len(self.out.fills)
        hit = self.reach_open(row, i, open_, row, time, self.liquidations[i])
        if hit is not None:
            self.events["entry beyond its stop"] += hit in STOPS
            self.events["entry beyond a profit"] += hit not in STOPS
        bad, good = (low, high) if side > 0 else (high, low)
        extremes = [(self.adverse, bad), (self.favourable, good)]
        if self.terms.exits.convention == "favourable":
            extremes.reverse()
        for reach, price in extremes:
            if h.lots:
                reach(row, i, price)
        self.events["entry bar exit"] += len(self.out.fills) > before and h.entered == row

    def foresee(self, row: int, i: int) -> None:
        """Count the bars whose range reaches both sides."""
        h = self.at[i]
        side = sign(h.lots)
        bad, good = (self.low, self.high) if side > 0 else (self.high, self.low)
        stop = self.nearest_stop(i, self.liquidations[i])
        self.events["stop and target in one bar"] += bool(
            stop and h.take and (bad[row][i] - stop.price) * side <= 0
            and (good[row][i] - h.take.price) * side >= 0
        )  # fmt: skip

    def adverse(self, row: int, i: int, price: float) -> None:
        """A stop fills at its level."""
        side = sign(self.at[i].lots)
        stop = self.nearest_stop(i, self.liquidations[i])
        if stop and (price - stop.price) * side <= 0:
            self.exit(row, i, stop.reason, stop.price, row, self.time[row])

    def favourable(self, row: int, i: int, price: float) -> None:
        """Partials that lie before the take-profit, in order, then it, at their levels."""
        h = self.at[i]
        side, last = sign(h.lots), h.take
        nearer = [p for p in h.partials if last is None or (last.price - p.price) * side > 0]
        self.events["partial beyond a profit"] += len(nearer) < len(h.partials)
        for level in [*nearer, last]:
            if level and h.lots and (price - level.price) * side >= 0:
                self.take(row, i, level, level.price, row, self.time[row])

    def take(self, row: int, i: int, level: Level, price: float, bar: int, time: int) -> None:
        """A profit that rests: a part of the position, or all of it."""
        h = self.at[i]
        if level.reason != PARTIAL:
            self.exit(row, i, level.reason, price, bar, time)
            return
        h.partials = [other for other in h.partials if other is not level]
        if level.lots >= abs(h.lots):
            self.events["partial that takes all"] += 1
            self.exit(row, i, PARTIAL, price, bar, time)
            return
        side = sign(h.lots)
        self.events["partial cancels an order"] += h.working != 0
        self.book(row, i, -side * level.lots, price, PARTIAL, made_at=price, time=time)
        h.working, h.capped = 0, side
        self.events["partial"] += 1

    def exit(self, row: int, i: int, reason: int, price: float, bar: int, time: int) -> None:
        """Close a position by its level, and stay flat."""
        h, lots = self.at[i], -self.at[i].lots
        self.events[f"exit {reason}"] += 1
        self.events["stop of a short"] += reason == STOP_LOSS and lots > 0
        self.events["order step not met by an exit"] += (
            abs(lots) % self.rules(row, i).order_step != 0
        )
        self.events["rules changed while held"] += self.rules(row, i) != h.rules
        self.events["exit cancels an order"] += h.working != 0
        fill = self.slipped(i, price, lots, bar) if reason in STOPS else price
        self.book(row, i, lots, fill, reason, made_at=price, time=time)
        self.after_exit(i, -sign(lots))

    def after_exit(self, i: int, side: int) -> None:
        """Nothing works any more, and the targets of the closed side are blocked."""
        h = self.at[i]
        h.stop = h.take = h.base_take = h.forced = None
        h.partials, h.working, h.acted, h.capped = [], 0, 0.0, 0
        left_already = sign(h.standing) != side
        h.blocked = 0 if left_already else side
        h.awaits = True
        self.events["exit of what its target had left"] += left_already
