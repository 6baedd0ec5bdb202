"""How large an account may become, and when it stops: limits and margin."""

import math
from dataclasses import dataclass, fields

from peak_trade.domain.checks import check_amount, check_fraction
from peak_trade.domain.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may hold and lose. Every limit is there, wide by default.

    An order that exceeds a limit of position, gross or net, and exceeds what was there before, is
    refused; so is one beyond the order limits. A loss or drawdown beyond its limit halts trading.

    Parameters
    ----------
    max_position : float
        Largest absolute position of one instrument, as a fraction of equity.
    max_gross, max_net : float
        Largest sum of absolute positions, and largest absolute sum of positions.
    max_order : float
        Largest value of one order, quote currency.
    max_participation : float
        Largest order as a fraction of the volume of the last bar; 1e9 and more never binds.
    max_daily_loss : float
        Loss since the last close of the day before, as a fraction of equity there, beyond which
        trading halts; 1 and more never does.
    max_drawdown : float
        Drawdown from the highest equity beyond which trading halts; 1 and more never does.
    flatten : bool
        Whether a halt closes positions at the next open; without it they stay.

    Examples
    --------
    >>> Limits().are_wide
    True
    >>> Limits(max_drawdown=0.2).are_wide
    False
    """

    max_position: float = 1e6
    max_gross: float = 1e6
    max_net: float = 1e6
    max_order: float = 1e15
    max_participation: float = 1e9
    max_daily_loss: float = 1.0
    max_drawdown: float = 1.0
    flatten: bool = False

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self) if field.name != "flatten"):
            check_amount("Limits", name, getattr(self, name), unit="a limit above 0", zero=False)
        if not isinstance(self.flatten, bool):
            raise ParameterError(
                f"flatten {self.flatten!r} of Limits is neither True nor False",
                hint="give True to close positions after a halt",
            )

    @property
    def are_wide(self) -> bool:
        """Whether all limits are the wide defaults."""
        return self == Limits(flatten=self.flatten)

    @property
    def halt(self) -> bool:
        """Whether a loss can halt trading."""
        return self.max_daily_loss < 1 or self.max_drawdown < 1


@dataclass(frozen=True, slots=True)
class Margin:
    """A margin account: leverage up to a cap, financing, and liquidation.

    Parameters
    ----------
    max_leverage : float
        Largest gross exposure over equity that an order may lead to; at least 1.
    maintenance : float
        Equity below this fraction of gross exposure is liquidated; above 0 and below 1.
    rate : float
        Yearly rate paid on negative cash.
    liquidation_fee : float
        Fee on the value of a liquidation, besides the commission.

    Raises
    ------
    ParameterError
        A value out of range, or a maintenance that the largest leverage would breach at once.

    Examples
    --------
    >>> Margin(max_leverage=2.0).maintenance
    0.25
    """

    max_leverage: float = 2.0
    maintenance: float = 0.25
    rate: float = 0.0
    liquidation_fee: float = 0.0

    def __post_init__(self) -> None:
        check_amount("Margin", "max_leverage", self.max_leverage, unit="1 or more", zero=False)
        check_fraction("Margin", "maintenance", self.maintenance, 1.0, zero=False)
        check_fraction("Margin", "rate", self.rate, math.inf, zero=True)
        check_fraction("Margin", "liquidation_fee", self.liquidation_fee, 1.0, zero=True)
        if self.max_leverage < 1 or self.max_leverage * self.maintenance >= 1:
            raise ParameterError(
                f"max_leverage {self.max_leverage:g} with a maintenance of {self.maintenance:g} "
                "is not possible: 1 <= max_leverage < 1 / maintenance expected",
                hint="lower the leverage or the maintenance",
            )
