"""Which column of a table is the time, which the close, and so on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

PRICES = ("open", "high", "low", "close")
ROLES = ("time", "symbol", *PRICES, "volume")
Stamp = Literal["open", "close"]

_TIME = ("datetime", "date time", "timestamp", "ts", "open time", "opentime", "time", "date",
         "gmt time")  # fmt: skip
_NAMES: dict[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker", "asset"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c", "adj close", "adjclose", "adjusted close", "price"),
    "volume": ("volume", "vol", "tick volume", "v"),
}
# A column with one of these words is a fact about a market, not a market.
_FACTS = {"open", "high", "low", "close", "volume", "vol", "bid", "ask", "size", "qty", "quantity",
          "amount", "count", "trades", "id", "side", "rate", "value", "factor", "vwap", "weight",
          "return", "returns", "turnover", "spread", "funding", "notional", "unix"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a table's columns by what they mean.

    ``clock`` is a time of day beside a ``time`` that is a date. ``tickers`` are the columns of a
    wide table, one an instrument; ``prices`` is then empty.
    """

    time: str
    clock: str | None = None
    symbol: str | None = None
    prices: Mapping[str, str] = field(default_factory=dict)
    volume: str | None = None
    tickers: tuple[str, ...] = ()


def find_columns(
    table: Table, mapping: Mapping[str, str] | None = None, *, stamp: Stamp = "open"
) -> Columns:
    """Find the columns of a table by their names, whatever their case.

    Parameters
    ----------
    table : Table
        What was read.
    mapping : mapping of role to column name, optional
        Roles are time, symbol, open, high, low, close and volume. Where a price or the volume is
        mapped, only those mapped are read; a time and a symbol are looked for where not mapped.
    stamp : {"open", "close"}
        With ``close``, a column ``close_time`` goes before the others.

    Raises
    ------
    DataError
        No time or no close, only some of open, high and low, two columns for one role, or a
        mapping of something that is not there.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"Date": ["2020-01-01"], "Adj Close": [1.0]})
    >>> found = find_columns(Table(frame, "frame", "asset"))
    >>> found.time, dict(found.prices)
    ('Date', {'close': 'Adj Close'})
    """
    names = table.frame.columns
    given = _checked(table, mapping or {})
    time, clock = (given["time"], None) if "time" in given else find_time(table, stamp)
    rest = [name for name in names if name not in (time, clock)]
    mapped = {role: given[role] for role in (*PRICES, "volume") if role in given}
    roles = mapped or _price_roles(table, rest)
    symbol = given.get("symbol") or _first(table, rest, "symbol")
    if not mapped and symbol is None and _is_wide(table, rest, roles):
        tickers = tuple(name for name in rest if key_of(name) not in ("", "unnamed: 0"))
        return Columns(time, clock, tickers=tickers)
    prices = {role: roles[role] for role in PRICES if role in roles}
    _check_prices(table, prices)
    return Columns(time, clock, symbol, prices, roles.get("volume"))


def key_of(name: str) -> str:
    """Give a column's name as names are compared: lower case, one space between words."""
    return re.sub(r"[\s_\-]+", " ", name.strip().strip("<>").lower())


def _checked(table: Table, mapping: Mapping[str, str]) -> dict[str, str]:
    for role, name in mapping.items():
        if role not in ROLES:
            raise DataError(
                f"columns maps {role!r}, which is no part of a bar", hint=did_you_mean(role, ROLES)
            )
        if name not in table.frame.columns:
            raise DataError(
                f"column {name!r}, mapped to {role}, is not in {table.name}: {_shown(table)}",
                hint=did_you_mean(name, table.frame.columns),
                found=name,
            )
    return dict(mapping)


def _shown(table: Table) -> str:
    names = [repr(name) for name in table.frame.columns]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"its columns are {', '.join(names[:12])}{more}"


def match_column(table: Table, names: Sequence[str], key: str) -> str | None:
    """Give the column whose name reads as ``key``; two such are an error."""
    found = [name for name in names if key_of(name) == key]
    if len(found) > 1:
        raise DataError(
            f"columns {found[0]!r} and {found[1]!r} of {table.name} both read as {key}",
            hint="say which, as in columns={" + f'"{key}": "{found[0]}"' + "}",
        )
    return found[0] if found else None


def _first(table: Table, names: Sequence[str], role: str) -> str | None:
    matches = (match_column(table, names, key) for key in _NAMES[role])
    return next((name for name in matches if name is not None), None)


def find_time(table: Table, stamp: Stamp) -> tuple[str, str | None]:
    """Give the column of times, and one of times of day beside it if it holds dates.

    Raises
    ------
    DataError
        No such column, or two whose names read the same.
    """
    import polars as pl

    names = table.frame.columns
    date, clock = match_column(table, names, "date"), match_column(table, names, "time")
    if date is not None and clock is not None and _is_clock(table.frame[clock]):
        return date, clock
    keys = ("close time", "closetime", *_TIME) if stamp == "close" else _TIME
    for key in (*keys, None, "", "unnamed: 0", "index"):
        if key is None:
            temporal = [n for n in names if table.frame[n].dtype in (pl.Date, pl.Datetime)]
            found = temporal[0] if len(temporal) == 1 else None
        else:
            found = match_column(table, names, key)
        if found is not None:
            return found, None
    raise _missing(table, "time", "no time column")


def _is_clock(values: "pl.Series") -> bool:
    import polars as pl

    if values.dtype == pl.Time:
        return True
    first = values.drop_nulls().head(1)
    return first.dtype == pl.String and bool(
        first.str.contains(r"^\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*$").all() and len(first)
    )


def _price_roles(table: Table, names: Sequence[str]) -> dict[str, str]:
    keys = {key_of(name) for name in names}
    # One letter may be a ticker (C, V, O); only o, h, l and c together are prices.
    short = {"o", "h", "l", "c"} <= keys
    roles = {}
    for role in (*PRICES, "volume"):
        options = [key for key in _NAMES[role] if short or len(key) > 1]
        matches = (match_column(table, names, key) for key in options)
        found = next((name for name in matches if name is not None), None)
        if found is not None:
            roles[role] = found
    return roles


def _is_wide(table: Table, names: Sequence[str], roles: Mapping[str, str]) -> bool:
    """Whether the columns are tickers: numbers, and none named like a fact about a market."""
    names = [name for name in names if key_of(name) not in ("", "unnamed: 0")]
    if not names or len(roles) > 1 or {"close", "volume"} & set(roles):
        return False
    facts = [name for name in names if _FACTS & set(key_of(name).split())]
    # LOW and SIZE are tickers among tickers; low, bid_size, or BID and ASK alone are not.
    if 2 * len(facts) >= len(names) or not all(map(str.isupper, facts)):
        return False
    if any(" " in key_of(name) for name in facts):
        return False
    return all(_is_numeric(table.frame[name]) for name in names)


def _is_numeric(values: "pl.Series") -> bool:
    import polars as pl

    if values.dtype == pl.String:
        first = values.drop_nulls().head(1).str.strip_chars()
        return bool(first.cast(pl.Float64, strict=False).is_not_null().all())
    return values.dtype.is_numeric() or values.dtype == pl.Null


def _check_prices(table: Table, prices: Mapping[str, str]) -> None:
    if "close" not in prices:
        raise _missing(table, "close", "no close column")
    absent = [role for role in ("open", "high", "low") if role not in prices]
    if absent and len(absent) < 3:
        there = [prices[role] for role in ("open", "high", "low") if role in prices]
        raise _missing(
            table, absent[0], f"{' and '.join(map(repr, there))} but no {' and no '.join(absent)}"
        )


def _missing(table: Table, role: str, what: str) -> DataError:
    guess = did_you_mean(role, table.frame.columns)
    hint = f"{guess} map it" if guess.startswith("did") else "map it"
    return DataError(
        f"{table.name} has {what}; {_shown(table)}",
        hint=f"{hint}, as in columns=" + "{" + f'"{role}": NAME' + "}",
        missing=role,
        columns=tuple(table.frame.columns),
    )
