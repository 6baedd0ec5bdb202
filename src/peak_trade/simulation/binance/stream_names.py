"""Names of market streams: ``btcusdt@kline_1m``, ``btcusdt@depth@100ms``, ``!miniTicker@arr``."""

from dataclasses import dataclass

from peak_trade.simulation.binance.intervals import INTERVALS, SECOND_NS

LEVELS = (5, 10, 20)
PLAIN = frozenset({"trade", "aggTrade", "bookTicker", "ticker", "miniTicker", "avgPrice"})
OF_ALL = frozenset({"ticker", "miniTicker"})
FAST_NS = SECOND_NS // 10


@dataclass(frozen=True, slots=True)
class StreamName:
    """What a stream carries.

    Attributes
    ----------
    text : str
        The name as it was asked for.
    venue_symbol : str
        Of which symbol, such as ``BTCUSDT``; empty for all.
    kind : str
        ``trade``, ``aggTrade``, ``kline``, ``depth``, ``levels``, ``bookTicker``, ``ticker``,
        ``miniTicker`` or ``avgPrice``.
    interval : str
        Of its candles.
    levels : int
        How many levels of the book each of its messages has.
    every_ns : int
        Market time from one of its messages to the next; 0: at every change.
    """

    text: str
    venue_symbol: str
    kind: str
    interval: str = ""
    levels: int = 0
    every_ns: int = 0


def stream_named(text: str) -> StreamName | None:
    """Read a stream's name; None for one that there is none of.

    Examples
    --------
    >>> stream_named("btcusdt@depth20@100ms").levels
    20
    >>> stream_named("btcusdt@nonsense") is None, stream_named("BTCUSDT@trade") is None
    (True, True)
    """
    if text.startswith("!") and text.endswith("@arr"):
        kind = text[1:-4]
        return StreamName(text, "", kind, every_ns=SECOND_NS) if kind in OF_ALL else None
    symbol, _, rest = text.partition("@")
    if not symbol or not rest or symbol != symbol.lower():
        return None
    name, venue_symbol = rest.removesuffix("@100ms"), symbol.upper()
    every_ns = FAST_NS if rest.endswith("@100ms") else SECOND_NS
    if name == "depth":
        return StreamName(text, venue_symbol, "depth", every_ns=every_ns)
    if name.startswith("depth") and name[5:] in map(str, LEVELS):
        return StreamName(text, venue_symbol, "levels", levels=int(name[5:]), every_ns=every_ns)
    if rest != name:
        return None
    if name.startswith("kline_") and name[6:] in INTERVALS:
        pace = SECOND_NS if name == "kline_1s" else 2 * SECOND_NS
        return StreamName(text, venue_symbol, "kline", interval=name[6:], every_ns=pace)
    if name not in PLAIN:
        return None
    is_slow = name in ("ticker", "miniTicker", "avgPrice")
    return StreamName(text, venue_symbol, name, every_ns=SECOND_NS if is_slow else 0)
