"""Archives of exchanges whose files have no line of column names."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from peak_trade.domain.errors import DataError, did_you_mean


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of an archive's files, in their order.

    Attributes
    ----------
    name : str
        What it is called, such as ``kraken-ohlcvt``.
    kind : str
        What its rows are.
    columns : tuple of str
        Names of the columns; those behind the last one that is ``needed`` may be absent.
    needed : int
        How many columns there are at least.
    description : str
        Where the files come from.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    needed: int
    description: str


_BARS = ("open", "high", "low", "close", "volume")

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            Layout(
                "kraken-ohlcvt", "bars", ("time", *_BARS, "trades"), 6,
                "Kraken's archive of candles, seconds; minutes without a trade are absent",
            ),
            Layout(
                "kraken-trades", "trades", ("time", "price", "volume"), 3,
                "Kraken's archive of trades, seconds; without ids or sides",
            ),
            Layout(
                "binance-klines", "bars",
                ("open_time", *_BARS, "close_time", "quote_volume", "trades", "taker_base",
                 "taker_quote", "ignore"), 6,
                "Binance's public candles, milliseconds until 2024, microseconds since (spot)",
            ),
            Layout(
                "binance-trades", "trades",
                ("trade_id", "price", "size", "quote_size", "time", "is_buyer_maker",
                 "is_best_match"), 6,
                "Binance's public trades",
            ),
            Layout(
                "binance-aggtrades", "trades",
                ("trade_id", "price", "size", "first_id", "last_id", "time", "is_buyer_maker",
                 "is_best_match"), 7,
                "Binance's public aggregate trades",
            ),
        )
    }
)  # fmt: skip
"""Archives that are read by position, by name."""


def layout_named(name: str) -> Layout:
    """Find a layout; raises DataError with the known names.

    Examples
    --------
    >>> layout_named("kraken-trades").columns
    ('time', 'price', 'volume')
    """
    if name not in LAYOUTS:
        raise DataError(f"layout {name!r} is not known", hint=did_you_mean(name, LAYOUTS))
    return LAYOUTS[name]
