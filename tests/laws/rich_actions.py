"""Dividends, funding, splits and delistings: the actions of the document."""

from laws.rich_exits import Protection
from laws.rich_state import DELISTING, Level, on_tick, sign

from peak_trade.domain.actions import Action, Delisting, Dividend, FundingRate, StockSplit


class ActionTaking(Protection):
    """Takes the actions of a row, before its opens or inside its bars."""

    def comes_first(self, row: int, i: int, action: Action) -> bool:
        """Whether an action comes before the opens of its row."""
        return not self.tradable[row][i] or action.time_ns <= self.opened[row][i]

    def act(self, row: int, *, first: bool) -> bool:
        """Take the actions before the opens, or those inside the bars; whether there were any."""
        due = [
            (i, action)
            for i, action in self.actions.get(row, [])
            if self.comes_first(row, i, action) == first
        ]
        for i, action in due:
            self.events["action inside a bar"] += not first
            self.take_effect(row, i, action)
        return bool(due)

    def take_effect(self, row: int, i: int, action: Action) -> None:
        """One action on one holding."""
        h = self.at[i]
        match action:
            case Dividend() if h.lots:
                lot, multiplier = self.instruments[i].lot, self.instruments[i].multiplier
                amount = ((h.lots * lot) * action.amount) * multiplier * self.rate[i]
                self.flow(row, action.time_ns, i, "dividend", amount)
            case FundingRate() if h.lots:
                mark = h.last if action.mark is None else action.mark
                amount = -(self.value(i, h.lots, mark) * action.rate)
                self.flow(row, action.time_ns, i, "funding", amount)
            case StockSplit():
                self.split(row, i, action)
            case Delisting():
                self.delist(row, i, action)

    def split(self, row: int, i: int, action: StockSplit) -> None:
        """New lots for old, the rest in cash; prices that are remembered follow."""
        h = self.at[i]
        n, d, factor = action.numerator, action.denominator, action.denominator / action.numerator
        side, whole = sign(h.lots), shares(h.lots, n, d)
        rest = (h.lots * n - whole * d) / d
        h.last = h.last * factor
        if rest:
            self.flow(row, action.time_ns, i, "split", (rest * self.unit[i]) * h.last)
        self.events["split of a working order"] += h.working != 0
        self.events["split of a position"] += h.lots != 0
        h.lots, h.working = whole, shares(h.working, n, d)
        h.average, h.best, h.atr = h.average * factor, h.best * factor, h.atr * factor
        if not whole:
            self.events["split to nothing"] += side != 0
            h.stop = h.take = h.base_take = None
            h.partials, h.forced = [], None
        self.scale_levels(i, side, factor, n, d)

    def scale_levels(self, i: int, side: int, factor: float, n: int, d: int) -> None:
        """Levels times a factor, rounded as they were."""
        h = self.at[i]

        def moved(level: Level | None, direction: int) -> Level | None:
            if level is None:
                return None
            price = on_tick(level.price * factor, level.tick, direction)
            return Level(price, level.reason, shares(level.lots, n, d), level.tick)

        self.events["split of levels"] += bool(h.stop or h.take or h.partials)
        h.stop, h.base_take = moved(h.stop, -side), moved(h.base_take, side)
        h.take = moved(h.take, side)
        if h.take and h.base_take and h.take.price == h.base_take.price:  # rounding has joined them
            h.take = h.base_take
        h.partials = [p for p in (moved(p, side) for p in h.partials) if p and p.lots]

    def delist(self, row: int, i: int, action: Delisting) -> None:
        """The end of an instrument."""
        h = self.at[i]
        if h.lots:
            price = h.last if action.price is None else action.price
            self.book(row, i, -h.lots, price, DELISTING, made_at=price, time=action.time_ns)
            self.events["delisting"] += 1
        self.events["delisting of an order"] += h.working != 0
        h.working, h.forced, h.delisted, h.partials = 0, None, True, []
        h.stop = h.take = h.base_take = None


def shares(lots: int, n: int, d: int) -> int:
    """n for d of so many lots, cut towards zero."""
    return sign(lots) * (abs(lots) * n // d)
