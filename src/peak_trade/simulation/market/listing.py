"""What a simulated venue lists, and its rules, in whole numbers; what it says where it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType

from peak_trade.domain.errors import ParameterError, PeakTradeError

MILLION = 1_000_000


class Refusal(StrEnum):
    """Why a simulated venue does not do what it is asked."""

    UNKNOWN_SYMBOL = "unknown symbol"
    UNKNOWN_ORDER = "unknown order"
    BAD_ARGUMENT = "bad argument"
    BAD_PRICE = "price not on the tick"
    BAD_SIZE = "size not on the step"
    BELOW_MIN_SIZE = "size below the minimum"
    BELOW_MIN_COST = "cost below the minimum"
    NO_FUNDS = "not enough funds"
    POST_ONLY = "post-only, and it would trade at once"
    DUPLICATE_CLIENT_ID = "an open order has this client id"
    TOO_MANY_ORDERS = "too many open orders"
    NOT_OFFERED = "not offered"
    IS_CLOSED = "the market takes no orders"


class AskRefusedError(PeakTradeError):
    """What the venue answers instead of doing it: an expected outcome that its wire form is made of.

    Attributes
    ----------
    why : Refusal
        The kind of refusal.
    detail : str
        Which argument, or what was found.
    """

    def __init__(self, why: Refusal, detail: str = "") -> None:
        super().__init__(f"{why.value}: {detail}" if detail else why.value)
        self.why, self.detail = why, detail


def number_of(text: object, what: str = "number") -> Decimal:
    """Read a decimal number that came in a message.

    Raises
    ------
    AskRefusedError
        No finite number (``BAD_ARGUMENT``, with ``what``).

    Examples
    --------
    >>> number_of("0.10")
    Decimal('0.10')
    """
    try:
        found = Decimal(str(text).strip())
    except InvalidOperation:
        raise AskRefusedError(Refusal.BAD_ARGUMENT, what) from None
    if not found.is_finite() or found.adjusted() > 30 or found.adjusted() < -30:
        raise AskRefusedError(Refusal.BAD_ARGUMENT, what)
    return found


def decimal_text(units: int, decimals: int) -> str:
    """Write a whole number of 10^-decimals out, with all its decimals.

    Examples
    --------
    >>> decimal_text(150, 2), decimal_text(-5, 3), decimal_text(7, 0)
    ('1.50', '-0.005', '7')
    """
    digits = str(abs(units)).rjust(decimals + 1, "0")
    sign = "-" if units < 0 else ""
    if decimals == 0:
        return sign + digits
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def rounded(numerator: int, denominator: int) -> int:
    """A quotient rounded to the nearest whole number, halves away from zero.

    Examples
    --------
    >>> rounded(5, 2), rounded(-5, 2), rounded(7, 3)
    (3, -3, 2)
    """
    sign = 1 if (numerator >= 0) == (denominator > 0) else -1
    whole = (2 * abs(numerator) + abs(denominator)) // (2 * abs(denominator))
    return sign * whole


@dataclass(frozen=True, slots=True)
class Listing:
    """A symbol that a simulated venue lists, with its rules in whole numbers.

    Prices are counted in ticks of ``tick_units`` x 10^-``price_decimals``, sizes in lots of
    10^-``lot_decimals``, money in atoms: 10^-``base_decimals`` of the base asset and
    10^-``quote_decimals`` of the quote asset.

    Parameters
    ----------
    symbol : str
        Such as ``BTC/USD``.
    price_decimals, lot_decimals : int
        Decimals of prices and of sizes.
    tick_units : int
        The tick, in units of the last decimal of prices.
    step_lots, min_lots : int
        Sizes of orders are whole multiples of the one and at least the other.
    min_cost : str
        The least value of an order, in quote currency.
    maker_ppm, taker_ppm : int
        Fees in millionths of a trade's value: 2,500 is 0.25 %.
    base_decimals, quote_decimals : int
        Decimals that balances of the two assets are kept with.

    Raises
    ------
    ParameterError
        A symbol that is no pair, or decimals that do not fit each other.

    Examples
    --------
    >>> btc = Listing("BTC/USD", price_decimals=1, lot_decimals=8)
    >>> btc.ticks_of("30000.5"), btc.lots_of("0.01"), btc.cost_atoms(300005, 1_000_000)
    (300005, 1000000, 30000500)
    >>> btc.price_text(300005), btc.size_text(1_000_000)
    ('30000.5', '0.01000000')
    """

    symbol: str
    price_decimals: int = 2
    lot_decimals: int = 8
    tick_units: int = 1
    step_lots: int = 1
    min_lots: int = 1
    min_cost: str = "0"
    maker_ppm: int = 2_500
    taker_ppm: int = 4_000
    base_decimals: int = 10
    quote_decimals: int = 5

    def __post_init__(self) -> None:
        base, _, quote = self.symbol.partition("/")
        if not base or not quote:
            raise ParameterError(
                f"symbol {self.symbol!r} is no pair", hint="name it base/quote, such as BTC/USD"
            )
        is_whole = self.tick_units >= 1 and self.step_lots >= 1 and self.min_lots >= 1
        is_known = min(self.price_decimals, self.lot_decimals) >= 0
        if not is_whole or not is_known or self.base_decimals < self.lot_decimals:
            raise ParameterError(
                f"rules of {self.symbol} do not fit each other",
                hint="tick, step and least size of 1 or more; base_decimals of at least lot_decimals",
            )

    @property
    def base(self) -> str:
        """The asset that is bought."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The asset that pays for it."""
        return self.symbol.partition("/")[2]

    @property
    def tick(self) -> float:
        """The price step, quote currency."""
        return float(self.tick_units / 10**self.price_decimals)

    @property
    def lot_atoms(self) -> int:
        """Atoms of the base asset in a lot."""
        return int(10 ** (self.base_decimals - self.lot_decimals))

    # --- texts -----------------------------------------------------------------------------------

    def price_text(self, ticks: int) -> str:
        """A price in ticks as text, with all its decimals."""
        return decimal_text(ticks * self.tick_units, self.price_decimals)

    def size_text(self, lots: int) -> str:
        """A size in lots as text, with all its decimals."""
        return decimal_text(lots, self.lot_decimals)

    def cost_text(self, atoms: int) -> str:
        """An amount of the quote asset as text."""
        return decimal_text(atoms, self.quote_decimals)

    def ticks_of(self, price: object, what: str = "price") -> int:
        """Read a price that came in a message.

        Raises
        ------
        AskRefusedError
            No number, not above 0 (``BAD_ARGUMENT``), not on the tick (``BAD_PRICE``).
        """
        units = number_of(price, what).scaleb(self.price_decimals)
        if units <= 0:
            raise AskRefusedError(Refusal.BAD_ARGUMENT, what)
        if units % self.tick_units != 0:
            raise AskRefusedError(Refusal.BAD_PRICE, what)
        return int(units) // self.tick_units

    def lots_of(self, size: object, what: str = "volume") -> int:
        """Read a size that came in a message.

        Raises
        ------
        AskRefusedError
            No number, not above 0 (``BAD_ARGUMENT``), not on the step (``BAD_SIZE``).
        """
        lots = number_of(size, what).scaleb(self.lot_decimals)
        if lots <= 0:
            raise AskRefusedError(Refusal.BAD_ARGUMENT, what)
        if lots % self.step_lots != 0:
            raise AskRefusedError(Refusal.BAD_SIZE, what)
        return int(lots)

    # --- money -----------------------------------------------------------------------------------

    def cost_atoms(self, ticks: int, lots: int) -> int:
        """What lots cost at a price, in atoms of the quote asset, rounded to the nearest."""
        units = ticks * self.tick_units * lots
        shift = self.price_decimals + self.lot_decimals - self.quote_decimals
        return rounded(units, 10**shift) if shift > 0 else units * int(10**-shift)

    @property
    def min_cost_atoms(self) -> int:
        """The least value of an order, in atoms of the quote asset."""
        return int(Decimal(self.min_cost).scaleb(self.quote_decimals))

    def fee_atoms(self, cost_atoms: int, *, is_maker: bool) -> int:
        """The fee of a trade of a value, in the same atoms, rounded to the nearest."""
        return rounded(cost_atoms * (self.maker_ppm if is_maker else self.taker_ppm), MILLION)


def listed_by_symbol(listings: "tuple[Listing, ...] | list[Listing]") -> Mapping[str, Listing]:
    """Listings by symbol, each asset with the same decimals everywhere.

    Raises
    ------
    ParameterError
        A symbol twice, or an asset with two counts of decimals.
    """
    found = {listing.symbol: listing for listing in listings}
    if len(found) != len(listings):
        raise ParameterError("a symbol is listed twice", hint="list each once")
    decimals_by_asset(found)
    return MappingProxyType(found)


def decimals_by_asset(listings: Mapping[str, Listing]) -> dict[str, int]:
    """With how many decimals balances of each asset are kept.

    Raises
    ------
    ParameterError
        An asset with two counts of decimals.
    """
    found: dict[str, int] = {}
    for one in listings.values():
        for asset, decimals in ((one.base, one.base_decimals), (one.quote, one.quote_decimals)):
            if found.setdefault(asset, decimals) != decimals:
                raise ParameterError(
                    f"{asset} is listed with {found[asset]} and with {decimals} decimals",
                    hint="give an asset the same decimals in every pair",
                )
    return found
