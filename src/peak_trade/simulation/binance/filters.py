"""A symbol's rules for orders, as exchangeInfo lists them and as orders are held to them."""

from dataclasses import dataclass
from decimal import Decimal

from peak_trade.simulation.binance.decimals import PLACES, places_of, text_of
from peak_trade.simulation.binance.refusals import filter_failure, too_precise

LARGEST_PRICE, LARGEST_LOT = Decimal(10**9), Decimal(10**9)
ALGO_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The numbers of an order that is to be placed.

    ``price``, ``stop`` and ``quantity`` are None where the order has none; ``average`` is
    the price of the last minutes, which stands for a market order's price; ``open_orders`` and
    ``open_algos`` are what the account has open on the symbol already.
    """

    kind: str
    is_buy: bool
    quantity: Decimal | None
    price: Decimal | None
    stop: Decimal | None
    average: Decimal
    open_orders: int = 0
    open_algos: int = 0


@dataclass(frozen=True, slots=True)
class Filters:
    """The rules of one symbol.

    Parameters
    ----------
    tick, step : Decimal
        Steps of price and quantity.
    min_quantity, max_quantity : Decimal
        Bounds of the quantity.
    min_notional : Decimal
        Least value of an order, price times quantity.
    band : Decimal
        An order's price lies between the average price over ``band`` and times ``band``.
    max_orders, max_algos : int
        How many orders, and how many stops and take-profits, may be open.

    Examples
    --------
    >>> rules = Filters(
    ...     Decimal("0.01"), Decimal("0.001"), Decimal("0.001"), min_notional=Decimal(5)
    ... )
    >>> rules.described()[0]["tickSize"]
    '0.01000000'
    """

    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal = LARGEST_LOT
    min_notional: Decimal = Decimal(0)
    band: Decimal = Decimal(5)
    max_orders: int = 200
    max_algos: int = 5
    average_minutes: int = 5

    def described(self) -> list[dict[str, object]]:
        """As exchangeInfo lists them."""
        low, high = f"{1 / self.band:f}", f"{self.band:f}"
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": text_of(self.tick),
                "maxPrice": text_of(LARGEST_PRICE),
                "tickSize": text_of(self.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": text_of(self.min_quantity),
                "maxQty": text_of(self.max_quantity),
                "stepSize": text_of(self.step),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": text_of(Decimal(0)),
                "maxQty": text_of(self.max_quantity),
                "stepSize": text_of(Decimal(0)),
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": high,
                "bidMultiplierDown": low,
                "askMultiplierUp": high,
                "askMultiplierDown": low,
                "avgPriceMins": self.average_minutes,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": text_of(self.min_notional),
                "applyMinToMarket": True,
                "maxNotional": text_of(Decimal(9_000_000)),
                "applyMaxToMarket": False,
                "avgPriceMins": self.average_minutes,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": self.max_orders},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": self.max_algos},
        ]

    def check(self, asked: Asked) -> None:
        """Refuse an order that breaks a rule.

        Raises
        ------
        Refusal
            -1111 for too many decimals, -1013 with the name of the first rule that is broken.
        """
        for name, value in (
            ("quantity", asked.quantity), ("price", asked.price), ("stopPrice", asked.stop),
        ):  # fmt: skip
            if value is not None and places_of(value) > PLACES:
                raise too_precise(name)
        for price in (asked.price, asked.stop):
            if price is not None and not self._is_price(price):
                raise filter_failure("PRICE_FILTER")
        if asked.price is not None:
            self._check_band(asked.price, asked.average)
        if asked.quantity is not None:
            self.check_quantity(asked.quantity)
            self._check_notional(asked)
        if asked.open_orders >= self.max_orders:
            raise filter_failure("MAX_NUM_ORDERS")
        if asked.kind in ALGO_TYPES and asked.open_algos >= self.max_algos:
            raise filter_failure("MAX_NUM_ALGO_ORDERS")

    def check_quantity(self, quantity: Decimal) -> None:
        """Refuse a quantity out of its bounds or off its step."""
        if (
            not self.min_quantity <= quantity <= self.max_quantity
            or quantity <= 0
            or quantity % self.step
        ):
            raise filter_failure("LOT_SIZE")

    def _is_price(self, price: Decimal) -> bool:
        return self.tick <= price <= LARGEST_PRICE and not price % self.tick

    def _check_band(self, price: Decimal, average: Decimal) -> None:
        if average > 0 and not average / self.band <= price <= average * self.band:
            raise filter_failure("PERCENT_PRICE_BY_SIDE")

    def _check_notional(self, asked: Asked) -> None:
        price = asked.price or asked.stop or asked.average
        if asked.quantity is not None and price * asked.quantity < self.min_notional:
            raise filter_failure("NOTIONAL")
