"""What market data is kept as: kinds of series, their columns, and the name of one series."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

Column = Literal["int64", "int32", "int8", "float64", "string", "bool"]

PROVENANCE: Mapping[str, Column] = MappingProxyType(
    {"source": "string", "received_ns": "int64", "revision": "int32"}
)
"""What every stored row says of itself: who said it, when it came, how often it was corrected."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of market data: what a row holds, and what makes two rows the same row.

    Attributes
    ----------
    name : str
        Such as ``bars``.
    columns : mapping of str to str
        Columns that a source gives, with their types; prices in quote currency, sizes in units, times
        in UTC nanoseconds, rates as fractions.
    key : tuple of str
        The columns that name a row within its series; a later row with the same key corrects it.
    optional : tuple of str
        Columns that a source may leave out: null (NaN, empty, 0) is stored.
    has_interval : bool
        Whether a series has an interval.

    Examples
    --------
    >>> KINDS["bars"].key
    ('open_ns',)
    """

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    optional: tuple[str, ...] = ()
    has_interval: bool = False

    @property
    def time(self) -> str:
        """The column that rows are ordered and cut by."""
        return self.key[0]

    @property
    def stored(self) -> Mapping[str, Column]:
        """Columns as they are stored: those of the kind, then those of provenance."""
        return MappingProxyType({**self.columns, **PROVENANCE})

    def schema(self) -> "dict[str, pl.DataType]":
        """Types of the columns that a source gives, for a polars frame."""
        import polars as pl

        types: dict[Column, pl.DataType] = {
            "int64": pl.Int64(), "int32": pl.Int32(), "int8": pl.Int8(), "float64": pl.Float64(),
            "string": pl.String(), "bool": pl.Boolean(),
        }  # fmt: skip
        return {name: types[column] for name, column in self.columns.items()}


_OHLCV: Mapping[str, Column] = dict.fromkeys(("open", "high", "low", "close", "volume"), "float64")

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            # is_filled: made up where a venue was silent; never tradable.
            Kind(
                "bars",
                {"open_ns": "int64", "close_ns": "int64", **_OHLCV, "is_filled": "bool"},
                ("open_ns",),
                ("open", "high", "low", "volume", "is_filled"),
                has_interval=True,
            ),
            # side: 1 the taker bought, -1 the taker sold, 0 unknown; seq keeps the venue's order.
            Kind(
                "trades",
                {"time_ns": "int64", "seq": "int64", "trade_id": "string", "price": "float64",
                 "size": "float64", "side": "int8", "condition": "string"},
                ("time_ns", "seq", "trade_id"),
                ("seq", "trade_id", "side", "condition"),
            ),
            # bid, ask: NaN where a side did not change, or is not told.
            Kind(
                "quotes",
                {"time_ns": "int64", "seq": "int64", "bid": "float64", "bid_size": "float64",
                 "ask": "float64", "ask_size": "float64", "exchange": "string"},
                ("time_ns", "seq"),
                ("seq", "bid", "bid_size", "ask", "ask_size", "exchange"),
            ),
            # One row a level: side 1 a bid, -1 an ask; size 0 removes it; a snapshot replaces all.
            Kind(
                "book",
                {"time_ns": "int64", "seq": "int64", "side": "int8", "price": "float64",
                 "size": "float64", "is_snapshot": "bool"},
                ("time_ns", "seq", "side", "price"),
            ),
            Kind(
                "funding",
                {"time_ns": "int64", "rate": "float64", "mark": "float64"},
                ("time_ns",),
                ("mark",),
            ),
            # action: dividend, split, delisting; value: cash a share, new shares per old, last price.
            Kind(
                "actions",
                {"time_ns": "int64", "action": "string", "value": "float64", "currency": "string"},
                ("time_ns", "action"),
                ("currency",),
            ),
            # time_ns: begin of what was measured; known_ns: when it was published.
            Kind(
                "series",
                {"time_ns": "int64", "known_ns": "int64", "value": "float64"},
                ("time_ns", "known_ns"),
            ),
            Kind(
                "news",
                {"time_ns": "int64", "known_ns": "int64", "news_id": "string", "headline": "string",
                 "body": "string", "url": "string"},
                ("time_ns", "news_id"),
                ("body", "url"),
            ),
            # One row a value of a feature: event time, and when it was known.
            Kind(
                "features",
                {"time_ns": "int64", "feature": "string", "known_ns": "int64", "value": "float64"},
                ("time_ns", "feature", "known_ns"),
                has_interval=True,
            ),
        )
    }
)  # fmt: skip
"""Every kind of market data that is kept, by name."""


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """The name of one stored series: its kind, where it is from, what it is of, and its interval.

    Raises
    ------
    DataError
        A kind that is not known, an empty venue or symbol, an interval where none belongs.
    ParameterError
        An interval that is not valid.

    Examples
    --------
    >>> str(SeriesKey("bars", "kraken", "BTC/USD", "1h"))
    'kraken:BTC/USD 1h'
    >>> str(SeriesKey("trades", "kraken", "BTC/USD"))
    'kraken:BTC/USD trades'
    """

    kind: str
    venue: str
    symbol: str
    interval: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(
                f"kind {self.kind!r} of data is not known", hint=did_you_mean(self.kind, KINDS)
            )
        for what, text in (("venue", self.venue), ("symbol", self.symbol)):
            if not text or text != text.strip() or not text.isprintable():
                raise DataError(
                    f"{what} {text!r} of a series is not valid",
                    hint="name it as the venue does, such as kraken and BTC/USD",
                )
        if self.has_interval != bool(self.interval):
            raise DataError(
                f"{self.kind} of {self.venue}:{self.symbol} "
                + ("have an interval" if self.has_interval else "have no interval"),
                hint="give one, such as 1h" if self.has_interval else "leave it out",
            )
        if self.interval:
            object.__setattr__(self, "interval", str(Interval.parse(self.interval)))

    @property
    def has_interval(self) -> bool:
        """Whether series of this kind have an interval."""
        return KINDS[self.kind].has_interval

    @property
    def shape(self) -> Kind:
        """Columns and keys of its rows."""
        return KINDS[self.kind]

    def __str__(self) -> str:
        name = f"{self.venue}:{self.symbol}"
        if self.kind == "bars":
            return f"{name} {self.interval}"
        return f"{name} {self.kind}" + (f" {self.interval}" if self.interval else "")
