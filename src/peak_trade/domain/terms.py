"""Under what terms a strategy trades: costs, exits, limits, cash."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from peak_trade.domain.checks import check_fraction, is_number
from peak_trade.domain.costs import Costs
from peak_trade.domain.errors import ParameterError, did_you_mean
from peak_trade.domain.exits import Exits
from peak_trade.domain.limits import Limits, Margin
from peak_trade.domain.matching import Matching
from peak_trade.domain.sizer import Sizer

__all__ = ["Costs", "Exits", "Limits", "Margin", "Matching", "Rebalance", "Terms"]

Rebalance = Literal["change", "band", "bar", "day", "week", "month", "quarter", "year"]

_WRITTEN: dict[type, str] = {
    Costs: "Costs(commission=0.001)",
    Exits: "Exits(stop_loss=0.05)",
    Limits: "Limits(max_drawdown=0.2)",
    Margin: "Margin(max_leverage=2)",
    Matching: "Matching(touch=True)",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """The account that a run trades, and how targets become orders.

    Parameters
    ----------
    cash : float
        Starting cash in the account's currency, above 0.
    costs, exits : Costs, Exits
        What trading costs, and when positions are closed by price or time.
    cash_buffer : float
        Fraction of equity that sizing leaves out, at least 0 and below 1.
    min_change : float, optional
        An order follows when the target moves by more than this fraction of equity. Left out: when
        it moves by at least one order step.
    shortfall : {"scale", "reject"}
        What happens to the increases of an instant that cash does not pay in full.
    limits : Limits
        What the account may hold and lose.
    margin : Margin, optional
        Leverage and its price. Left out: absolute targets may add up to 1 and cash is never lent.
    rebalance : str
        When a standing target is looked at again: on a ``change`` of it (default), where the
        position's weight has left a ``band`` around it, at every ``bar``, or on the first bar of a
        ``day``, ``week``, ``month``, ``quarter`` or ``year`` alone.
    band : float, optional
        Half width of the band, as a fraction of equity; with ``rebalance="band"`` alone.
    sizer : Sizer, optional
        Scales targets by what equity and bars are like, before they become lots.
    currency : str
        The account's currency; left out, the quote currency that all instruments share.
    matching : Matching
        How the orders of order strategies are matched; targets do not know it.
    """

    cash: float = 100_000.0
    costs: Costs = field(default_factory=Costs)
    exits: Exits = field(default_factory=Exits)
    cash_buffer: float = 0.0
    min_change: float | None = None
    shortfall: Literal["scale", "reject"] = "scale"
    limits: Limits = field(default_factory=Limits)
    margin: Margin | None = None
    rebalance: Rebalance = "change"
    band: float | None = None
    sizer: Sizer | None = None
    currency: str = ""
    matching: Matching = field(default_factory=Matching)

    def __post_init__(self) -> None:
        if not (is_number(self.cash) and math.isfinite(self.cash) and self.cash > 0):
            raise ParameterError(
                f"cash {self.cash!r} is not a positive number",
                hint="start with more than 0",
                cash=self.cash,
            )
        kinds: tuple[tuple[str, object, type], ...] = (
            ("costs", self.costs, Costs),
            ("exits", self.exits, Exits),
            ("limits", self.limits, Limits),
            ("matching", self.matching, Matching),
        )
        if self.margin is not None:
            kinds = (*kinds, ("margin", self.margin, Margin))
        for name, given, kind in kinds:
            if not isinstance(given, kind):
                raise ParameterError(
                    f"{name} {given!r} is no {kind.__name__}",
                    hint=f"write {name}=pt.{_WRITTEN[kind]}",
                )
        if self.sizer is not None and not hasattr(self.sizer, "scale"):
            raise ParameterError(
                f"sizer {self.sizer!r} is no Sizer",
                hint="give one of peak_trade.portfolio.size, such as VolatilitySize(target=0.1)",
            )
        check_fraction("Terms", "cash_buffer", self.cash_buffer, 1.0, zero=True)
        if self.min_change is not None:
            check_fraction("Terms", "min_change", self.min_change, 2.0, zero=True)
        if self.shortfall not in ("scale", "reject"):
            raise ParameterError(
                f"shortfall {self.shortfall!r} is not known", hint="choose scale or reject"
            )
        self._check_rebalance()

    def _check_rebalance(self) -> None:
        if self.rebalance not in get_args(Rebalance):
            raise ParameterError(
                f"rebalance {self.rebalance!r} is not known",
                hint=did_you_mean(str(self.rebalance), get_args(Rebalance)),
            )
        if (self.rebalance == "band") != (self.band is not None):
            raise ParameterError(
                f"rebalance {self.rebalance!r} and band {self.band!r} do not go together",
                hint="give both rebalance='band' and the band's half width, or neither",
            )
        if self.band is not None:
            check_fraction("Terms", "band", self.band, 2.0, zero=False)

    @property
    def max_weight(self) -> float:
        """What absolute targets of a row may add up to, rounding included."""
        return (1.0 if self.margin is None else self.margin.max_leverage) + 1e-9

    @property
    def are_plain(self) -> bool:
        """Whether the quick loops for a plain account hold: nothing here but what they know."""
        return (
            self.costs.are_plain
            and self.exits.are_plain
            and self.limits.are_wide
            and self.margin is None
            and self.rebalance == "change"
            and self.sizer is None
        )
