"""From target to order: what is due, what scales it, what limits refuse."""

import math
from datetime import UTC, datetime, timedelta

from laws.rich_costs import Costing
from laws.rich_state import LIMITS, MOST_LOTS, LeverageError, TooLargeError, sign

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CALENDAR = ("day", "week", "month", "quarter", "year")


class Deciding(Costing):
    """Looks at the targets of a row at its close."""

    gross: float
    net_up: float
    net_down: float

    def decide(self, row: int, equity: float, *, called: bool) -> None:
        """State, check and act on the targets of a row; a margin call blocks them all."""
        before = [h.standing for h in self.at]
        stated = [self.stated(row, i) for i in range(self.n)]
        for h, target in zip(self.at, stated, strict=True):
            h.standing = h.standing if math.isnan(target) else target
        if math.fsum(abs(h.standing) for h in self.at) > self.terms.max_weight:
            raise LeverageError(f"row {row}: {[h.standing for h in self.at]}")
        for h, target, old in zip(self.at, stated, before, strict=True):
            h.capped = 0 if not math.isnan(target) and target != old else h.capped
        if called:
            self.block_all()
        scaled = self.scaled_targets(row, equity)
        self.gross, self.net_up, self.net_down = self.exposure()
        for i, target in enumerate(stated):
            if called and not self.at[i].lots:
                self.at[i].waiting = False
                continue
            is_stated = not math.isnan(target)
            self.events["target left unsaid"] += not is_stated
            changed = is_stated and target != before[i]
            again = self.freed(i, is_stated=is_stated)
            if self.at[i].blocked or self.at[i].delisted:
                self.at[i].waiting = False
                continue
            is_due = self.is_due(row, i, scaled[i], equity, stated=changed or again)
            self.due(row, i, scaled[i], equity, is_due)

    def block_all(self) -> None:
        """After a margin call: what stands for flat instruments is blocked."""
        for h in self.at:
            if not h.lots:
                h.blocked, h.awaits, h.acted = sign(h.standing), True, 0.0
                self.events["blocked by a margin call"] += h.blocked != 0

    def stated(self, row: int, i: int) -> float:
        """The target of a row; at the first traded row, what stood before counts."""
        target = self.targets[row][i]
        if row == self.start:
            for line in self.targets[: row + 1]:
                target = line[i] if not math.isnan(line[i]) else target
            kept = math.isnan(self.targets[row][i]) and not math.isnan(target) and target != 0
            self.events["standing before the start"] += kept
        return target

    def freed(self, i: int, *, is_stated: bool) -> bool:
        """Free what a statement frees after an exit; whether the same target enters again."""
        h = self.at[i]
        if self.terms.exits.reentry == "zero":
            if h.blocked and is_stated and sign(h.standing) != h.blocked:
                h.blocked = 0
                self.events["free again after zero"] += 1
            return False
        if not (h.awaits and is_stated and h.standing != 0) or h.forced is not None:
            return False
        h.awaits, h.blocked = False, 0
        self.events["stated again"] += 1
        return True

    # Scaling.

    def scaled_targets(self, row: int, equity: float) -> list[float]:
        """The targets that stand, times what the sizer leaves of them."""
        if self.scales is None:
            return [h.standing for h in self.at]
        account = self.account_scale(equity)
        scaled = [h.standing * self.scales[row][i] * account for i, h in enumerate(self.at)]
        total, top = 0.0, 1.0 if self.margin is None else self.margin.max_leverage
        for x in scaled:
            total += abs(x)
        if total > top:
            self.events["scaled targets brought back"] += 1
            scaled = [x / total for x in scaled]
            return scaled if self.margin is None else [x * top for x in scaled]
        return scaled

    def account_scale(self, equity: float) -> float:
        """What the drawdown and the closed trades leave of every target."""
        part, scale = self.terms.sizer.account, 1.0
        if not math.isnan(part.drawdown_limit):
            drawdown = 1 - equity / self.peak
            self.events["drawdown at its floor"] += (
                1 - drawdown / part.drawdown_limit < part.drawdown_floor
            )
            scale *= max(part.drawdown_floor, 1 - drawdown / part.drawdown_limit)
        if not math.isnan(part.kelly_fraction):
            if len(self.returns) < part.kelly_min_trades:
                return scale * part.kelly_start
            self.events["kelly"] += 1
            f = kelly(self.returns) * part.kelly_fraction
            self.events["kelly between its bounds"] += 0 < f < part.kelly_cap
            scale *= min(max(f, 0.0), part.kelly_cap)
        return scale

    # Due, and worth acting on.

    def period(self, row: int) -> object:
        """The period that a row belongs to."""
        opens = [self.opened[row][i] for i in range(self.n) if self.tradable[row][i]]
        when = EPOCH + timedelta(microseconds=(max(opens) if opens else self.time[row]) // 1000)
        return {
            "day": (when.date(),),
            "week": when.isocalendar()[:2],
            "month": (when.year, when.month),
            "quarter": (when.year, (when.month - 1) // 3),
            "year": (when.year,),
        }[self.terms.rebalance]

    def begins_period(self, row: int) -> bool:
        """Whether a row is the first of its period."""
        if row == self.start:
            return True
        return self.period(row) > max(self.period(t) for t in range(row))

    def is_due(self, row: int, i: int, target: float, equity: float, *, stated: bool) -> bool:
        """Whether a target is looked at in a row; ``stated`` where it changed or enters again."""
        match self.terms.rebalance:
            case "change":
                return stated
            case "bar":
                return stated or self.tradable[row][i]
            case "band":
                outside = self.tradable[row][i] and self.is_outside(i, target, equity)
                self.events["outside the band"] += outside and not stated
                return stated or outside
        first = self.begins_period(row)
        self.events["change within a period"] += stated and not first
        self.events["first of a period"] += first and row > self.start
        return first

    def is_outside(self, i: int, target: float, equity: float) -> bool:
        """Whether a position's weight has left the band around its target."""
        return abs(self.marked(i) / equity - target) > self.terms.band

    def due(self, row: int, i: int, target: float, equity: float, due: bool) -> None:
        """Act on a due target where it is worth it, and turn it into an order."""
        h = self.at[i]
        due = due or h.waiting
        is_priced = not math.isnan(h.last * self.unit[i])
        h.waiting = due and (not is_priced or h.forced is not None)
        self.events["waits for its first bar"] += due and math.isnan(h.last)
        self.events["waits for a closing"] += due and h.forced is not None
        if not due or h.waiting:
            return
        rules, lot_price = self.rules(row, i), h.last * self.unit[i]
        if target != 0 and not self.acts(i, target, equity, rules.order_step, lot_price):
            self.events["too small to act on"] += 1
            return
        h.acted = target
        lots = math.trunc(target * equity * (1 - self.terms.cash_buffer) / lot_price)
        if abs(lots) >= MOST_LOTS:
            raise TooLargeError(f"row {row}: {lots} lots of instrument {i}")
        lots = self.cut(row, i, lots)
        if h.capped and h.lots and sign(lots) == h.capped:
            self.events["capped after a partial exit"] += abs(lots) > abs(h.lots)
            lots = sign(lots) * min(abs(lots), abs(h.lots))
        self.order(row, i, lots - h.lots - h.working, equity)

    def acts(self, i: int, target: float, equity: float, step: int, lot_price: float) -> bool:
        """Whether the change of a target is worth an order."""
        h, current = self.at[i], self.at[i].acted
        if self.terms.rebalance != "change" or self.terms.sizer is not None:
            current = self.value(i, h.lots + h.working, h.last) / equity
        if self.terms.rebalance == "band" and not self.is_outside(i, target, equity):
            self.events["change inside the band"] += 1
            return False
        change = abs(target - current)
        if self.terms.min_change is not None:
            return change > self.terms.min_change
        return change * equity * (1 - self.terms.cash_buffer) / lot_price >= step

    def order(self, row: int, i: int, quantity: int, equity: float) -> None:
        """Send an order, or amend the one that waits for its bar."""
        h = self.at[i]
        if quantity == 0:
            return
        if abs(self.value(i, quantity, h.last)) < self.rules(row, i).min_notional:
            self.out.below_minimum += 1
            self.events["below minimum at the order"] += 1
            return
        limit = None if h.working == -quantity else self.violated(row, i, quantity, equity)
        if limit is not None:
            self.out.refused[limit] += 1
            self.events[f"refused by {limit}"] += 1
            return
        self.events["amendment"] += h.working != 0
        self.events["amended to nothing"] += h.working == -quantity
        self.events["ordered without a bar"] += not self.tradable[row][i]
        self.out.ordered += 1
        h.working += quantity

    # Limits.

    def exposure(self) -> tuple[float, float, float]:
        """Gross, and net if all that waits buys or all that waits sells, at the last closes."""
        gross = up = down = 0.0
        for i, h in enumerate(self.at):
            if not h.lots and not h.working:
                continue
            held = self.value(i, h.lots, h.last)
            then = self.value(i, h.lots + h.working, h.last)
            gross += max(abs(held), abs(then))
            up += max(held, then)
            down += min(held, then)
        return gross, up, down

    def violated(self, row: int, i: int, quantity: int, equity: float) -> str | None:
        """The first limit that an order violates; what it adds counts for the later ones."""
        h, limits = self.at[i], self.terms.limits
        value = self.value(i, quantity, h.last)
        before = abs(self.value(i, h.lots + h.working, h.last))
        after = abs(self.value(i, h.lots + h.working + quantity, h.last))
        there = self.net_up if value > 0 else self.net_down
        gross, net = self.gross + (after - before), there + value
        there_now, there_then = h.lots + h.working, h.lots + h.working + quantity
        closer = after <= before and there_now * there_then >= 0
        bars = [t for t in self.real[i] if t <= row]
        share = limits.max_participation * self.volume[bars[-1]][i]
        broken = {
            "order": abs(value) > limits.max_order,
            "participation": limits.max_participation < 1e9
            and abs(quantity * self.instruments[i].lot) > share,
            "position": after > limits.max_position * equity and after > before,
            "gross": gross > limits.max_gross * equity and gross > self.gross,
            "net": not closer and abs(net) > limits.max_net * equity and abs(net) > abs(there),
        }
        self.gross += max(after - before, 0.0)
        self.net_up += max(value, 0.0)
        self.net_down += min(value, 0.0)
        assert set(broken) == set(LIMITS)
        return next((name for name, is_broken in broken.items() if is_broken), None)


def kelly(returns: list[float]) -> float:
    """W - (1 - W) / R of closed trades: the share that won, and mean win over mean loss."""
    won = [r for r in returns if r > 0]
    lost = [-r for r in returns if r <= 0]
    if not won:
        return 0.0
    share = len(won) / len(returns)
    if not any(lost):
        return share
    return share - (1 - share) / ((sum(won) / len(won)) / (sum(lost) / len(lost)))
