"""What Kraken calls assets, pairs, orders and times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from peak_trade.simulation.kraken.wire import Number
from peak_trade.simulation.market.listing import AskRefusedError, Listing, Refusal

_COINS = ("ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC")
_MONEY = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")
_ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_MASK = 2**64 - 1


def altname(asset: str) -> str:
    """An asset's short name: ``XBT`` for BTC.

    Examples
    --------
    >>> altname("BTC"), altname("SOL")
    ('XBT', 'SOL')
    """
    return _ALTNAMES.get(asset, asset)


def asset_id(asset: str) -> str:
    """An asset's name in balances and pairs: with a letter before it where it is old.

    Examples
    --------
    >>> asset_id("BTC"), asset_id("USD"), asset_id("SOL")
    ('XXBT', 'ZUSD', 'SOL')
    """
    if asset in _COINS or asset in _ALTNAMES:
        return f"X{altname(asset)}"
    return f"Z{asset}" if asset in _MONEY else asset


@dataclass(frozen=True, slots=True)
class Pair:
    """A listed symbol with its names.

    Examples
    --------
    >>> pair = Pair(Listing("BTC/USD"))
    >>> pair.key, pair.altname, pair.wsname
    ('XXBTZUSD', 'XBTUSD', 'XBT/USD')
    >>> Pair(Listing("BTC/USDT")).key
    'XBTUSDT'
    """

    listing: Listing

    @property
    def altname(self) -> str:
        """Such as ``XBTUSD``."""
        return altname(self.listing.base) + altname(self.listing.quote)

    @property
    def wsname(self) -> str:
        """Such as ``XBT/USD``."""
        return f"{altname(self.listing.base)}/{altname(self.listing.quote)}"

    @property
    def key(self) -> str:
        """Such as ``XXBTZUSD``: what results are listed under."""
        base, quote = asset_id(self.listing.base), asset_id(self.listing.quote)
        is_lettered = base != self.listing.base and quote != self.listing.quote
        return base + quote if is_lettered and self.listing.base != "DOGE" else self.altname


class Pairs:
    """Listed symbols by every name that Kraken knows them by."""

    def __init__(self, listings: Mapping[str, Listing]) -> None:
        self.all = {symbol: Pair(listing) for symbol, listing in listings.items()}
        self._by_name = {
            name.upper(): pair
            for pair in self.all.values()
            for name in (pair.key, pair.altname, pair.wsname, pair.listing.symbol)
        }

    def named(self, name: str) -> Pair:
        """The pair of a name.

        Raises
        ------
        AskRefusedError
            There is none (``UNKNOWN_SYMBOL``).
        """
        found = self._by_name.get(name.upper())
        if found is None:
            raise AskRefusedError(Refusal.UNKNOWN_SYMBOL, name)
        return found

    def of(self, symbol: str) -> Pair:
        """The pair of a listed symbol."""
        return self.all[symbol]


def made_id(letter: str, serial: int) -> str:
    """An id of a kind (``O`` order, ``T`` trade, ``L`` ledger entry) for a whole number.

    Examples
    --------
    >>> made_id("O", 1), len(made_id("T", 2))
    ('OY5TYH-JQ3RP-VSYHCL', 19)
    """
    state, text = (serial * 1_000_003 + ord(letter)) & _MASK, ""
    for _ in range(2):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        z ^= z >> 31
        text += "".join(_BASE32[(z >> (5 * place)) & 31] for place in range(9))
    return f"{letter}{text[:5]}-{text[5:10]}-{text[10:16]}"


def seconds(time_ns: int) -> Number:
    """A time as REST answers give it: seconds with up to 7 digits behind the point.

    Examples
    --------
    >>> seconds(1_710_327_959_173_346_878), seconds(5_000_000_000)
    ('1710327959.1733468', '5.0')
    """
    whole, part = divmod(time_ns, 1_000_000_000)
    digits = f"{part // 100:07d}".rstrip("0") or "0"
    return Number(f"{whole}.{digits}")


def stamp(time_ns: int, *, digits: int = 6) -> str:
    """A time as messages give it.

    Examples
    --------
    >>> stamp(1_700_000_000_123_456_789), stamp(0, digits=9)
    ('2023-11-14T22:13:20.123456Z', '1970-01-01T00:00:00.000000000Z')
    """
    whole, part = divmod(time_ns, 1_000_000_000)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{part:09d}"[: 20 + digits] + "Z" if digits else f"{text}Z"


def read_stamp(text: str) -> int:
    """Read a time such as ``2023-11-14T22:13:20.5Z``.

    Raises
    ------
    ValueError
        It is none.

    Examples
    --------
    >>> read_stamp("1970-01-01T00:00:01.5Z")
    1500000000
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    span = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1_000
