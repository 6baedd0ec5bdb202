"""What is traded, and the venue's rules for its orders."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from peak_trade.domain.calendar import calendar_named
from peak_trade.domain.errors import ParameterError, did_you_mean

AssetClass = Literal["crypto", "equity", "etf", "index", "fx", "rate", "factor", "future", "other"]


@dataclass(frozen=True, slots=True)
class TradingRules:
    """Order rules that hold from ``since_ns`` (UTC nanoseconds) on.

    ``tick`` is the price step in quote currency, ``order_step`` the quantity step in lots,
    ``min_notional`` the smallest order value in quote currency.
    """

    since_ns: int
    tick: float
    order_step: int
    min_notional: float


@dataclass(frozen=True, slots=True)
class Instrument:
    """One thing that can be held, with its accounting unit and its venue's order rules.

    Parameters
    ----------
    symbol : str
        The name within its venue, such as ``BTC/USD`` or ``AAPL``.
    asset_class : str
        ``crypto``, ``equity``, ``etf``, ``index``, ``fx``, ``rate``, ``factor``, ``future``, ``other``.
    base, quote : str
        What is bought, and the currency that pays for it.
    tick : float
        Price step of orders, in quote currency. Binds order prices, never fill prices.
    lot : float
        The fixed accounting unit, in units of the instrument. Positions are whole numbers of it.
    order_step : int
        Quantity step of orders, in lots.
    multiplier : float
        Quote currency per unit and point of price (1 for spot, the contract size for futures).
    min_notional : float
        Smallest order value in quote currency.
    calendar : str
        ``24/7``, ``24/5`` or the code of a stock exchange, such as ``XNYS``; see CALENDARS.
    rules : tuple of TradingRules
        Tick, order step and minimum notional by date, ascending; before the first of them the
        instrument's own values hold.

    Raises
    ------
    ParameterError
        An empty symbol, a tick, lot, step or multiplier that is not positive, rules out of order,
        an unknown asset class or calendar.

    Examples
    --------
    >>> btc = Instrument("BTC/USD", asset_class="crypto", tick=0.1, lot=0.0001)
    >>> btc.base, btc.quote, btc.unit
    ('BTC', 'USD', 0.0001)
    """

    symbol: str
    asset_class: AssetClass = "other"
    base: str = ""
    quote: str = ""
    tick: float = 0.01
    lot: float = 0.0001
    order_step: int = 1
    multiplier: float = 1.0
    min_notional: float = 0.0
    calendar: str = "24/7"
    rules: tuple[TradingRules, ...] = ()

    def __post_init__(self) -> None:
        if not self.symbol:
            raise ParameterError("an instrument has no symbol", hint="name it, such as BTC/USD")
        if self.asset_class not in get_args(AssetClass):
            raise ParameterError(
                f"asset_class {self.asset_class!r} of {self.symbol} is not known",
                hint=did_you_mean(str(self.asset_class), get_args(AssetClass)),
            )
        base, _, quote = self.symbol.partition("/")
        object.__setattr__(self, "base", self.base or base)
        object.__setattr__(self, "quote", self.quote or quote or "USD")
        for name in ("tick", "lot", "multiplier"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ParameterError(
                    f"{name} {value} of {self.symbol} is not a positive number",
                    hint=f"give a {name} above 0",
                    **{name: value},
                )
            object.__setattr__(self, name, float(value))  # 1, 1.0 and NumPy's 1.0: one fingerprint
        self._check_rules()
        object.__setattr__(self, "order_step", int(self.order_step))
        object.__setattr__(self, "min_notional", float(self.min_notional))
        calendar_named(self.calendar)

    def _check_rules(self) -> None:
        own = TradingRules(0, self.tick, self.order_step, self.min_notional)
        for rule in (own, *self.rules):
            is_valid = (
                rule.order_step >= 1
                and rule.order_step % 1 == 0
                and 0 < rule.tick < math.inf
                and 0 <= rule.min_notional < math.inf
            )
            if not is_valid:
                raise ParameterError(
                    f"order rules of {self.symbol} are not valid: tick {rule.tick}, "
                    f"order_step {rule.order_step}, min_notional {rule.min_notional}",
                    hint="tick above 0, order_step a whole number of lots, min_notional 0 or more",
                )
        since = [rule.since_ns for rule in self.rules]
        if since != sorted(set(since)):
            raise ParameterError(
                f"order rules of {self.symbol} do not ascend in time",
                hint="sort them by since_ns and give each date once",
            )

    @property
    def unit(self) -> float:
        """Value of one lot at a price of 1, in quote currency."""
        return self.lot * self.multiplier

    def rules_at(self, time_ns: int) -> TradingRules:
        """The order rules in force at ``time_ns``."""
        current = TradingRules(0, self.tick, self.order_step, self.min_notional)
        for rule in self.rules:
            if rule.since_ns <= time_ns:
                current = rule
        return current
