"""Which column of a file is the price of a trade, the bid of a quote, and so on, by their names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from peak_trade.data.columns import find_time, match_column
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

Names = tuple[str, ...]

_SYMBOL: Names = ("symbol", "ticker", "asset", "instrument")
_SIZE: Names = ("size", "qty", "quantity", "amount", "volume", "vol")
_UPDATE: Names = ("update id", "last update id", "final update id", "u", "seq", "sequence")
_KNOWN: Names = ("known", "known at", "released", "release date", "released at", "realtime start",
                 "vintage", "published", "published at")  # fmt: skip

ROLES: Mapping[str, Mapping[str, Names]] = MappingProxyType(
    {
        "trades": {
            "price": ("price", "px", "trade price"),
            "size": (*_SIZE, "trade size"),
            "trade_id": ("trade id", "tradeid", "id", "tid", "agg trade id", "aggtradeid"),
            "side": ("side", "taker side", "aggressor side"),
            "maker": ("is buyer maker", "buyer maker", "isbuyermaker", "m"),
            "condition": ("condition", "conditions", "sale condition"),
            "seq": ("seq", "sequence"),
            "symbol": _SYMBOL,
        },
        "quotes": {
            "bid": ("bid", "bid price", "bidprice", "best bid price", "best bid", "bid close"),
            "bid_size": ("bid size", "bidsize", "bid qty", "best bid qty", "bid quantity",
                         "bid amount"),
            "ask": ("ask", "ask price", "askprice", "best ask price", "best ask", "ask close"),
            "ask_size": ("ask size", "asksize", "ask qty", "best ask qty", "ask quantity",
                         "ask amount"),
            "exchange": ("exchange",),
            "seq": _UPDATE,
            "symbol": _SYMBOL,
        },
        "book": {
            "side": ("side",),
            "price": ("price", "px"),
            "size": _SIZE,
            "snapshot": ("is snapshot", "snapshot", "update type", "type"),
            "seq": _UPDATE,
            "symbol": _SYMBOL,
        },
        "funding": {
            "rate": ("funding rate", "fundingrate", "last funding rate", "rate", "funding"),
            "mark": ("mark", "mark price", "markprice"),
            "symbol": _SYMBOL,
        },
        "series": {
            "value": ("value",),
            "known": _KNOWN,
            "symbol": ("series", "series id", *_SYMBOL),
        },
        "news": {
            "headline": ("headline", "title"),
            "body": ("body", "text", "content", "description", "summary"),
            "url": ("url", "link"),
            "news_id": ("id", "news id", "guid"),
            "known": ("known", "known at", "received"),
            "symbol": _SYMBOL,
        },
    }
)  # fmt: skip
"""Names that columns go by, by kind of data and role; whatever their case."""

NEEDED: Mapping[str, Names] = MappingProxyType(
    {
        "trades": ("price", "size"),
        "quotes": ("bid", "ask"),
        "book": ("side", "price", "size"),
        "funding": ("rate",),
        "series": (),
        "news": ("headline",),
    }
)
"""Roles without which a kind of data cannot be read."""

_TIMES: Mapping[str, Names] = MappingProxyType(
    {
        "funding": ("funding time", "fundingtime", "calc time"),
        "trades": ("transact time", "transacttime", "trade time"),
        "series": ("observation date", "period"),
        "news": ("published", "published at", "pubdate", "pub date"),
        "quotes": ("event time", "eventtime"),
        "book": ("event time", "eventtime"),
    }
)


def find_roles(table: Table, kind: str, mapping: Mapping[str, str] | None) -> dict[str, str]:
    """Give the columns of a table by role; those that the user mapped go first.

    Raises
    ------
    DataError
        A role or column that is not there, two columns for one role, a needed one that is missing.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"T": [0], "Price": [1.0], "qty": [2.0]}).rename({"T": "time"})
    >>> find_roles(Table(frame, "frame", "x"), "trades", None)
    {'time': 'time', 'price': 'Price', 'size': 'qty'}
    """
    known, columns = ROLES[kind], table.frame.columns
    found = dict(mapping or {})
    for role, name in found.items():
        if role not in (*known, "time"):
            hint = did_you_mean(role, (*known, "time"))
            raise DataError(f"columns maps {role!r}, which is no part of {kind}", hint=hint)
        if name not in columns:
            hint = did_you_mean(name, columns)
            raise DataError(f"column {name!r}, mapped to {role}, is not in {table.name}", hint=hint)
    if "time" not in found:
        found = {"time": _time(table, kind), **found}
    for role, names in known.items():
        rest = [name for name in columns if name not in found.values()]
        matches = (match_column(table, rest, key) for key in names)
        first = next((name for name in matches if name is not None), None)
        if role not in found and first is not None:
            found[role] = first
    absent = [role for role in NEEDED[kind] if role not in found]
    if absent:
        shown = ", ".join(map(repr, columns[:12]))
        raise DataError(
            f"{table.name} has no column for the {absent[0]} of {kind}; its columns are {shown}",
            hint="map it, as in columns={" + f'"{absent[0]}": NAME' + "}",
            missing=absent[0],
        )
    return found


def value_columns(table: Table, roles: Mapping[str, str]) -> tuple[str, ...]:
    """Give the columns of numbers that are a series each, where none is called ``value``."""
    if "value" in roles:
        return (roles["value"],)
    rest = [name for name in table.frame.columns if name not in roles.values()]
    found = tuple(name for name in rest if name and _is_numeric(table.frame[name]))
    if not found:
        raise DataError(f"{table.name} has no column of values", hint="map it to value")
    return found


def _is_numeric(values: "pl.Series") -> bool:
    import polars as pl

    if values.dtype != pl.String:
        return values.dtype.is_numeric()
    text = values.drop_nulls().str.strip_chars()
    numbers = text.filter((text != "") & (text != ".")).head(5).cast(pl.Float64, strict=False)
    return 2 * numbers.null_count() <= len(numbers) > 0


def _time(table: Table, kind: str) -> str:
    for key in _TIMES[kind]:
        name = match_column(table, table.frame.columns, key)
        if name is not None:
            return name
    return find_time(table, "open")[0]
