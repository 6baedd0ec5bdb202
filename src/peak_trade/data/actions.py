"""Dividends, splits, delistings and funding rates, read from a file or a frame."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.address import Address
from peak_trade.data.columns import find_time, key_of, match_column
from peak_trade.data.files import read_file
from peak_trade.data.frames import read_frame
from peak_trade.data.load import load
from peak_trade.data.series import SeriesKey
from peak_trade.data.stamps import Stamps, read_stamps
from peak_trade.data.stored import Pick, addresses
from peak_trade.data.table import Table
from peak_trade.domain.actions import (
    Action,
    Actions,
    Delisting,
    Dividend,
    FundingRate,
    StockSplit,
)
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame

    from peak_trade.data.store import Store

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KINDS = ("split", "dividend", "delisting", "funding")
_NAMES: dict[str, tuple[str, ...]] = {
    "time": ("ex date", "exdate", "ex dividend date", "effective date", "funding time",
             "fundingtime", "calc time"),
    "symbol": ("symbol", "ticker", "asset"),
    "kind": ("kind", "type", "action", "event", "action type", "event type"),
    "value": ("value", "amount", "ratio", "rate"),
    "price": ("price", "delisting price"),
    "mark": ("mark", "mark price", "markprice"),
    "split": ("split", "splits", "stock split", "stock splits", "split ratio",
              "split coefficient"),
    "dividend": ("dividend", "dividends", "dividend amount", "cash dividend", "cash amount"),
    "funding": ("funding rate", "fundingrate", "last funding rate", "funding"),
}  # fmt: skip
_WORDS = {
    "split": ("split", "splits", "stock split", "stock splits"),
    "dividend": ("dividend", "dividends", "cash dividend", "special dividend"),
    "delisting": ("delisting", "delisted", "delist"),
    "funding": ("funding", "funding rate"),
}
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*(?::|/|-?\s*for\s*-?)\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_HINT = "give the columns time, symbol, kind and value; or time and dividend, split or funding_rate"


def load_actions(
    source: "str | Path | IntoDataFrame | pl.LazyFrame",
    *,
    symbol: str | None = None,
    mark: "Bars | str | Path | IntoDataFrame | pl.LazyFrame | None" = None,
    tolerance: str = "1m",
    timezone: str | None = None,
    columns: Mapping[str, str] | None = None,
    store: "Store | str | Path | None" = None,
) -> Actions:
    """Load dividends, splits, delistings and funding rates from a file, a frame or the store, checked.

    Two shapes are read, whatever the case of the names:

    - one action a row: a time, ``symbol``, ``kind`` (split, dividend, delisting, funding) and
      ``value``, perhaps with ``price`` (of a delisting) or ``mark`` (of a funding rate);
    - one column a kind: a time and any of ``dividend``, ``split`` and ``funding_rate``, where an
      empty cell, a dividend of 0 and a split of 0 or 1 are no action.

    A split's value is new units for one old unit: 7, 0.125, or text such as ``7:1``; a decimal that
    a file rounded is read as the simple ratio it is near (1.999996 is 2 for 1, see
    :func:`split_ratio`). A delisting's value is its price; empty, the last
    close. Dates name days from 00:00 UTC, as they do in ``pt.load``.

    Parameters
    ----------
    source : str, Path or frame
        A path that ends in ``.csv``, ``.csv.gz`` or ``.parquet``, ``file:PATH``, a pandas or
        polars frame, or ``VENUE:SYMBOL`` (several symbols with commas): actions and funding rates
        of the store.
    symbol : str, optional
        The instrument, where there is no such column; otherwise the one to keep.
    mark : Bars, str, Path or frame, optional
        Mark candles. A funding rate gets the open of the candle that opens at its time (of closes
        alone, the close at its time), since stamps of funding are often some milliseconds late.
    tolerance : str
        How far a candle may be from the stamp, such as ``1m``.
    timezone : str, optional
        IANA zone of stamps that carry none; UTC where left out.
    columns : mapping of role to column name, optional
        Such as ``{"time": "ex_date"}``; roles are time, symbol, kind, value, price, mark, split,
        dividend and funding.
    store : Store, str or Path, optional
        The store, or its place; ``PEAK__DATA__STORE`` or a folder of the user's own where left out.

    Returns
    -------
    Actions
        By time, then by symbol.

    Raises
    ------
    DataError
        A column or a value that is missing or not understood, a split that is no ratio, the same
        action twice, a funding rate without a candle; the message names the row.

    Examples
    --------
    >>> import polars as pl
    >>> from peak_trade.data.actions import load_actions
    >>> frame = pl.DataFrame({"date": ["2014-05-08", "2014-06-09"], "kind": ["dividend", "split"],
    ...     "value": [3.29, 6.999997]})  # fmt: skip
    >>> load_actions(frame, symbol="AAPL").rows[1].numerator
    7
    """
    table = _read(source, store)
    roles = _roles(table, columns or {})
    symbols, stamps = _symbols(table, roles, symbol), _times(table, roles, timezone)
    actions = [_made(table, cell) for cell in _cells(table, roles, symbols, stamps)]
    if mark is not None:
        candles = mark if isinstance(mark, Bars) else load(mark)
        actions = _marked(actions, candles, Interval.parse(tolerance).ns)
    return Actions.of(actions)


def split_ratio(value: float | str) -> Fraction | None:
    """Read new units for one old unit as a ratio of whole numbers; None where it is none.

    Text such as ``3:2``, ``3/2`` or ``3 for 2`` is exact. A decimal means the simplest ratio within
    2e-5 of it (files round) whose smaller term is up to 20; else the ratio equal to it whose smaller
    term is up to 10,000; else one within 1e-6 whose smaller term is up to 100.

    Examples
    --------
    >>> [str(split_ratio(x)) for x in ("7:1", 1.999996, 0.033333, 1.0027, 3.14159265)]
    ['7', '2', '1/30', '10027/10000', 'None']
    """
    if isinstance(value, str):
        found = _RATIO.fullmatch(value.strip())
        if found is None:
            number = _number(value)
            return None if number is None else split_ratio(number)
        new, old = Fraction(found[1]), Fraction(found[2])
        return new / old if new and old else None
    if not (math.isfinite(value) and value > 0):
        return None
    if value < 1:
        inverse = split_ratio(1 / value)
        return None if inverse is None else 1 / inverse
    exact = Fraction(value).limit_denominator(10_000)
    is_exact = math.isclose(float(exact), value, rel_tol=1e-12)
    return _near(value, 20, 2e-5) or (exact if is_exact else _near(value, 100, 1e-6))


def _near(value: float, top: int, tolerance: float) -> Fraction | None:
    for term in range(1, top + 1):
        near = Fraction(value).limit_denominator(term)
        if abs(float(near) - value) <= tolerance * value:
            return near
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Cell:
    """One action as the table has it; ``value`` None is an empty cell."""

    row: int
    symbol: str
    kind: str
    time_ns: int
    value: object
    price: object = None
    mark: object = None


def _read(
    source: "str | Path | IntoDataFrame | pl.LazyFrame", store: "Store | str | Path | None"
) -> Table:
    if isinstance(source, str):
        place = Address.parse(source)
        if place.kind == "store":
            return _stored(source, Pick(store).opened())
        if place.kind != "file":
            raise DataError(f"{source} holds bars, no actions", hint="name a file or give a frame")
        return read_file(place.place)
    return read_file(source) if isinstance(source, Path) else read_frame(source)


def _stored(source: str, store: "Store") -> Table:
    """Actions and funding rates of the store, an action a row."""
    import polars as pl

    parts = []
    for venue, symbol in addresses(source):
        keys = [SeriesKey(kind, venue, symbol) for kind in ("actions", "funding")]
        found = [key for key in keys if store.stored(key) is not None]
        if not found:
            raise DataError(
                f"{venue}:{symbol} has neither actions nor funding rates in the store",
                hint="import a file of actions with peak data import --kind actions, or fetch "
                "funding rates with peak data fetch --kind funding",
            )
        for key in found:
            rows, is_funding = store.read(key), key.kind == "funding"
            parts.append(
                rows.select(
                    pl.from_epoch("time_ns", "ns").dt.replace_time_zone("UTC").alias("time"),
                    pl.lit(symbol).alias("symbol"),
                    (pl.lit("funding") if is_funding else pl.col("action")).alias("kind"),
                    pl.col("rate" if is_funding else "value").fill_nan(None).alias("value"),
                    (pl.col("mark").fill_nan(None) if is_funding else pl.lit(None, pl.Float64))
                    .alias("mark"),
                )
            )  # fmt: skip
    return Table(pl.concat(parts).sort("time", maintain_order=True), source, "")


def _roles(table: Table, mapping: Mapping[str, str]) -> dict[str, str]:
    """Names of the columns by what they mean, the mapped ones first."""
    columns = table.frame.columns
    for role, name in mapping.items():
        if role not in _NAMES:
            raise DataError(
                f"columns maps {role!r}, which is no part of an action",
                hint=did_you_mean(role, _NAMES),
            )
        if name not in columns:
            raise DataError(
                f"column {name!r}, mapped to {role}, is not in {table.name}",
                hint=did_you_mean(name, columns),
            )
    found = dict(mapping)
    for role, keys in _NAMES.items():
        rest = [name for name in columns if name not in found.values()]
        matches = (match_column(table, rest, key) for key in keys)
        first = next((name for name in matches if name is not None), None)
        if role not in found and first is not None:
            found[role] = first
    has_kinds = {"split", "dividend", "funding"} & set(found)
    if not has_kinds and not {"kind", "value"} <= set(found):
        shown = ", ".join(map(repr, columns[:12]))
        raise DataError(f"{table.name} has no actions; its columns are {shown}", hint=_HINT)
    return found


def _symbols(table: Table, roles: Mapping[str, str], symbol: str | None) -> list[str | None]:
    """The instrument of each row; None where the row is not to be kept."""
    if "symbol" not in roles:
        if symbol is None:
            raise DataError(
                f"{table.name} does not say of which instrument the actions are",
                hint='name it, as in symbol="AAPL", or add a column symbol',
            )
        return [symbol] * table.frame.height
    names = [_text(name) for name in table.frame[roles["symbol"]].to_list()]
    if "" in names:
        row = names.index("")
        raise DataError(f"no symbol at {table.at(row)}", hint="give each row one", row=row)
    if symbol is not None and symbol not in names:
        raise DataError(
            f"{symbol!r} is not in {table.name}", did_you_mean(symbol, set(names)), found=symbol
        )
    return [name if symbol in (None, name) else None for name in names]


def _times(table: Table, roles: Mapping[str, str], timezone: str | None) -> Stamps:
    name, clock = (roles["time"], None) if "time" in roles else find_time(table, "open")
    return read_stamps(table, name, clock=clock, timezone=timezone)


def _cells(
    table: Table, roles: Mapping[str, str], symbols: list[str | None], stamps: Stamps
) -> Iterator[_Cell]:
    """Every cell that may be an action, row by row."""
    frame = table.frame
    by_kind = "kind" in roles and "value" in roles
    kinds = ["value"] if by_kind else [kind for kind in KINDS if kind in roles]
    values = {role: frame[roles[role]].to_list() for role in (*kinds, "price", "mark", "kind")
              if role in roles}  # fmt: skip
    # Midnights name days, as in bars; funding is paid at instants.
    days = (stamps.wall if stamps.are_midnights else stamps.utc).tolist()
    instants = stamps.utc.tolist()
    nothing = [None] * frame.height
    for row, symbol in enumerate(symbols):
        if symbol is None:
            continue
        for role in kinds:
            kind = _kind(table, row, values["kind"][row]) if by_kind else role
            time_ns = (instants if kind == "funding" else days)[row]
            price = values.get("price", nothing)[row]
            mark = values.get("mark", nothing)[row]
            cell = _Cell(row, symbol, kind, time_ns, values[role][row], price, mark)
            if by_kind or not _is_blank(kind, cell.value):
                yield cell


def _kind(table: Table, row: int, found: object) -> str:
    word = key_of(_text(found))
    for kind, words in _WORDS.items():
        if word in words:
            return kind
    raise DataError(
        f"kind {_text(found)!r} at {table.at(row)} is not known",
        hint=did_you_mean(word, KINDS),
        row=row,
        found=found,
    )


def _is_blank(kind: str, value: object) -> bool:
    """Whether a cell of a column that has one a row says that nothing happened."""
    number = _number(_text(value))
    none = {"dividend": (0.0,), "split": (0.0, 1.0)}.get(kind, ())
    return not _text(value) or (number is not None and number in none)


def _made(table: Table, cell: _Cell) -> Action:
    """Make an action; what is wrong with it is told with its row."""
    try:
        if cell.kind == "split":
            return _split(table, cell)
        if cell.kind == "dividend":
            return Dividend(cell.symbol, cell.time_ns, _needed(table, cell))
        if cell.kind == "funding":
            mark = _optional(table, cell, cell.mark)
            return FundingRate(cell.symbol, cell.time_ns, _needed(table, cell), mark)
        price = cell.price if not _text(cell.value) else cell.value
        return Delisting(cell.symbol, cell.time_ns, _optional(table, cell, price))
    except DataError as error:
        if "row" in error.fields:
            raise
        where = f"{error.message} ({table.at(cell.row)})"
        raise DataError(where, error.hint, row=cell.row, **error.fields) from None


def _split(table: Table, cell: _Cell) -> StockSplit:
    text = cell.value.strip() if isinstance(cell.value, str) else ""
    found = text or _needed(table, cell)
    ratio = split_ratio(found)
    if ratio is None:
        raise DataError(
            f"split {found!r} of {cell.symbol} at {table.at(cell.row)} is not near a ratio of "
            "whole numbers",
            hint="give new units for one old unit, such as 7 or 0.125, or text such as 7:1",
            row=cell.row,
            found=found,
        )
    return StockSplit(cell.symbol, cell.time_ns, ratio.numerator, ratio.denominator)


def _needed(table: Table, cell: _Cell) -> float:
    number = _optional(table, cell, cell.value)
    if number is None:
        raise DataError(
            f"the {cell.kind} of {cell.symbol} at {table.at(cell.row)} has no value",
            hint="give it one, or leave the row out",
            row=cell.row,
        )
    return number


def _optional(table: Table, cell: _Cell, value: object) -> float | None:
    text = _text(value)
    number = _number(text)
    if text and number is None:
        raise DataError(
            f"{text!r} of the {cell.kind} of {cell.symbol} at {table.at(cell.row)} is no number",
            hint="write numbers with a decimal point and no thousands separator",
            row=cell.row,
            found=value,
        )
    return number


def _text(value: object) -> str:
    """A cell as text, empty where it is missing or NaN."""
    return "" if value is None or value != value else str(value).strip()


def _marked(actions: list[Action], candles: Bars, tolerance_ns: int) -> list[Action]:
    """Give every funding rate the mark price of its time."""
    marked: list[Action] = []
    for action in actions:
        if isinstance(action, FundingRate):
            action = replace(action, mark=_mark_at(action, candles, tolerance_ns))
        marked.append(action)
    if not any(isinstance(action, FundingRate) for action in actions):
        raise DataError(
            f"mark prices of {candles.name} were given, but there is no funding rate",
            hint="leave mark out",
        )
    return marked


def _mark_at(rate: FundingRate, candles: Bars, tolerance_ns: int) -> float:
    several = len(candles.symbols) > 1
    if several and rate.symbol not in candles.symbols:
        raise DataError(
            f"there are no mark prices of {rate.symbol} in {candles.name}",
            hint=did_you_mean(rate.symbol, candles.symbols),
        )
    column = candles.symbols.index(rate.symbol) if several else 0
    times = candles.fill_time[:, column]
    # The row at or before the stamp, or the one after it, whichever is nearer.
    after = int(np.searchsorted(times, rate.time_ns, side="right"))
    rows = [
        row for row in (after - 1, after) if 0 <= row < len(times) and candles.tradable[row, column]
    ]
    row = min(rows, key=lambda row: abs(int(times[row]) - rate.time_ns), default=-1)
    if row < 0 or abs(int(times[row]) - rate.time_ns) > tolerance_ns:
        stamp = np.datetime64(rate.time_ns, "ns")
        raise DataError(
            f"no candle of {candles.name} opens within {tolerance_ns / 1e9:g} s of the funding "
            f"rate of {rate.symbol} at {stamp}",
            hint="give candles that open at the times of funding, or a larger tolerance",
            time_ns=rate.time_ns,
        )
    return float(candles.open[row, column])
