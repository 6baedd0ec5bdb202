"""Under what terms a strategy trades: costs, exits, cash."""

import math
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal

from peak_trade.domain.errors import ParameterError


def _fraction(owner: str, name: str, value: float, top: float, *, zero: bool) -> None:
    if not _is_number(value):
        raise ParameterError(
            f"{name} {value!r} of {owner} is not a number",
            hint="fractions are expected: 0.01 is 1 %",
        )
    if not (math.isfinite(value) and (0 <= value if zero else 0 < value) and value < top):
        low = "0 or more" if zero else "above 0"
        raise ParameterError(
            f"{name} {value} of {owner} is out of range: {low} and below {top:g} expected",
            hint="fractions are expected: 0.01 is 1 %",
            **{name: value},
        )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a fill costs, as fractions of its value.

    Parameters
    ----------
    commission : float
        Fee on the value of every fill, at least 0 and below 1.
    slippage : float
        How far market and stop fills are worse than the price they are made at. Take-profit fills
        rest at their price and do not slip.

    Examples
    --------
    >>> Costs(commission=0.001, slippage=0.0005)
    Costs(commission=0.001, slippage=0.0005)
    """

    commission: float = 0.0
    slippage: float = 0.0

    def __post_init__(self) -> None:
        _fraction("Costs", "commission", self.commission, 1.0, zero=True)
        _fraction("Costs", "slippage", self.slippage, 1.0, zero=True)

    @property
    def are_free(self) -> bool:
        """Whether fills cost nothing."""
        return self.commission == 0 and self.slippage == 0


@dataclass(frozen=True, slots=True)
class Exits:
    """Protective exits of every position, as fractions of its average entry price.

    Parameters
    ----------
    stop_loss : float, optional
        Exit when the price falls (for a short: rises) this far. Fills as a market order.
    take_profit : float, optional
        Exit when the price gains this far. Fills as a resting limit order.
    reentry : {"zero", "stated"}
        After an exit the instrument stays flat until its target passes through zero or changes
        sign (``zero``), or until a row states a nonzero target again, not NaN (``stated``).

    Examples
    --------
    >>> Exits(stop_loss=0.05).are_set
    True
    """

    stop_loss: float | None = None
    take_profit: float | None = None
    reentry: Literal["zero", "stated"] = "zero"

    def __post_init__(self) -> None:
        if self.stop_loss is not None:
            _fraction("Exits", "stop_loss", self.stop_loss, 1.0, zero=False)
        if self.take_profit is not None:
            _fraction("Exits", "take_profit", self.take_profit, math.inf, zero=False)
        if self.reentry not in ("zero", "stated"):
            raise ParameterError(
                f"reentry {self.reentry!r} is not known", hint="choose zero or stated"
            )

    @property
    def are_set(self) -> bool:
        """Whether there is any exit."""
        return self.stop_loss is not None or self.take_profit is not None


_WRITTEN: dict[type, str] = {Costs: "Costs(commission=0.001)", Exits: "Exits(stop_loss=0.05)"}


@dataclass(frozen=True, slots=True)
class Terms:
    """The account that a run trades, and how targets become orders.

    Parameters
    ----------
    cash : float
        Starting cash in quote currency, above 0.
    costs, exits : Costs, Exits
        What fills cost, and when positions are closed by price.
    cash_buffer : float
        Fraction of equity that sizing leaves out, at least 0 and below 1.
    min_change : float, optional
        An order follows when the target moves by more than this fraction of equity. Left out: when
        it moves by at least one order step.
    shortfall : {"scale", "reject"}
        What happens to the increases of an instant that cash does not pay in full.
    """

    cash: float = 100_000.0
    costs: Costs = field(default_factory=Costs)
    exits: Exits = field(default_factory=Exits)
    cash_buffer: float = 0.0
    min_change: float | None = None
    shortfall: Literal["scale", "reject"] = "scale"

    def __post_init__(self) -> None:
        if not (_is_number(self.cash) and math.isfinite(self.cash) and self.cash > 0):
            raise ParameterError(
                f"cash {self.cash!r} is not a positive number",
                hint="start with more than 0",
                cash=self.cash,
            )
        for name, given, kind in (("costs", self.costs, Costs), ("exits", self.exits, Exits)):
            if not isinstance(given, kind):
                raise ParameterError(
                    f"{name} {given!r} is no {kind.__name__}",
                    hint=f"write {name}=pt.{_WRITTEN[kind]}",
                )
        _fraction("Terms", "cash_buffer", self.cash_buffer, 1.0, zero=True)
        if self.min_change is not None:
            _fraction("Terms", "min_change", self.min_change, 2.0, zero=True)
        if self.shortfall not in ("scale", "reject"):
            raise ParameterError(
                f"shortfall {self.shortfall!r} is not known", hint="choose scale or reject"
            )
