"""Rows of a file in the columns of their kind: trades, quotes, books, funding rates, values, news."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from peak_trade.data.imports.cells import Stamped, numbers, rows_of
from peak_trade.data.imports.flaws import Flaws
from peak_trade.data.imports.form import Form
from peak_trade.data.imports.roles import value_columns
from peak_trade.data.spans import infer_interval
from peak_trade.data.stamps import read_stamps
from peak_trade.data.table import Table
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "trades": ("price", "size"),
    "quotes": ("bid", "bid_size", "ask", "ask_size"),
    "book": ("price", "size"),
    "funding": ("rate", "mark"),
    "series": (),
    "news": (),
}
_SAME: Mapping[str, tuple[str, ...]] = {
    "trades": ("trade_id",),
    "quotes": ("time_ns", "seq"),
    "book": ("time_ns", "seq", "side", "price"),
    "funding": ("time_ns",),
    "series": ("time_ns", "known_ns"),
    "news": ("time_ns", "news_id"),
}
"""What names a row of its series, where the file gives it."""

_BUY, _SELL = (
    ("b", "buy", "bid", "bids", "1", "buyer"),
    ("s", "sell", "ask", "asks", "a", "-1", "seller"),
)
_SNAPSHOT = ("snapshot", "snap", "partial", "true", "1")
_MISSING = ("", ".", "na", "n/a", "nan", "null", "#n/a", "-")


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A file's rows with their times, the columns by role, and what else a kind is read by."""

    kind: str
    placed: Stamped
    roles: Mapping[str, str]
    form: Form
    flaws: Flaws
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Shaped:
    """Rows with ``row`` (place in the file), ``name`` (instrument, in the file's words) and columns.

    ``is_named`` tells whether the file names their instruments, ``keys`` what names a row.
    """

    frame: "pl.DataFrame"
    is_named: bool
    keys: tuple[str, ...]
    notes: tuple[str, ...] = ()


def _base(given: Given) -> "pl.DataFrame":
    """Places, names and times of the rows."""
    import polars as pl

    placed, roles, label = given.placed, given.roles, given.label
    table = placed.table
    height = table.frame.height
    name = (
        table.frame[roles["symbol"]].cast(pl.String).alias("name")
        if "symbol" in roles
        else pl.Series("name", [label], dtype=pl.String).extend_constant(label, height - 1)
    )
    return pl.DataFrame(
        {
            "row": rows_of(table, np.arange(height)),
            "name": name,
            "time_ns": placed.stamps.utc,
        }
    )


def _with_numbers(given: Given) -> tuple["pl.DataFrame", Table]:
    import polars as pl

    base, roles, placed = _base(given), given.roles, given.placed
    there = [role for role in _NUMBERS[given.kind] if role in roles]
    names = base["name"].to_list() if "symbol" in roles else [given.label]
    table = numbers(
        placed.table, [roles[role] for role in there], flaws=given.flaws, stamps=placed.stamps,
        symbols=names,
    )  # fmt: skip
    columns = {role: table.frame[roles[role]].cast(pl.Float64) for role in there}
    return base.with_columns(**columns), table


def _trades(given: Given) -> Shaped:
    import polars as pl

    roles = given.roles
    frame, table = _with_numbers(given)
    raw = table.frame
    ids = _text(raw, roles, "trade_id")
    whole = ids.cast(pl.Int64, strict=False)
    is_whole = "trade_id" in roles and whole.null_count() == 0
    if "seq" in roles:
        seq = raw[roles["seq"]].cast(pl.Int64)
    else:
        seq = whole if is_whole else _places(frame)
    if "side" in roles:
        side = _sides(raw[roles["side"]])
    elif "maker" in roles:
        maker = raw[roles["maker"]].cast(pl.String).str.to_lowercase().str.strip_chars()
        side = pl.select(
            pl.when(maker.is_in(["true", "1"])).then(-1)
            .when(maker.is_in(["false", "0"])).then(1).otherwise(None)
        ).to_series().cast(pl.Int8)  # fmt: skip
    else:
        side = pl.zeros(raw.height, dtype=pl.Int8, eager=True)
    frame = frame.with_columns(
        seq=seq, trade_id=ids, side=side, condition=_text(raw, roles, "condition")
    )
    return Shaped(frame, "symbol" in roles, _SAME["trades"] if "trade_id" in roles else ())


def _quotes(given: Given) -> Shaped:
    import polars as pl

    placed, roles, form = given.placed, given.roles, given.form
    frame, table = _with_numbers(given)
    notes = []
    if "close" in roles["bid"].lower():  # a bar of quotes: its last quote is known at its close
        said = None if form.interval is None else Interval.parse(form.interval)
        step = said or infer_interval(table, [np.sort(placed.stamps.utc)])
        if form.stamp == "open":
            frame = frame.with_columns(pl.col("time_ns") + step.ns)
        notes.append(f"bars of quotes: the last quote of each {step}, at its close")
    # Some feeds write 0 for a side that did not change.
    for side in ("bid", "ask"):
        none = (pl.col(side) == 0) & (pl.col(f"{side}_size") == 0 if f"{side}_size" in frame.columns
                                      else pl.lit(value=True))  # fmt: skip
        sizes = [f"{side}_size"] if f"{side}_size" in frame.columns else []
        frame = frame.with_columns(none.fill_null(value=False).alias("none")).with_columns(
            pl.when("none").then(None).otherwise(pl.col(name)).alias(name)
            for name in (side, *sizes)
        )
    frame = frame.drop("none")
    has_seq = "seq" in roles
    seq = table.frame[roles["seq"]].cast(pl.Int64) if has_seq else _places(frame)
    frame = frame.with_columns(seq=seq, exchange=_text(table.frame, roles, "exchange"))
    return Shaped(frame, "symbol" in roles, _SAME["quotes"] if has_seq else (), tuple(notes))


def _book(given: Given) -> Shaped:
    import polars as pl

    roles = given.roles
    frame, table = _with_numbers(given)
    raw = table.frame
    has_seq = "seq" in roles
    seq = (
        raw[roles["seq"]].cast(pl.Int64) if has_seq else pl.zeros(raw.height, pl.Int64, eager=True)
    )
    notes = () if "snapshot" in roles else ("no column says what is a snapshot: all are updates",)
    snapshot = _text(raw, roles, "snapshot").str.to_lowercase().is_in(_SNAPSHOT)
    frame = frame.with_columns(seq=seq, side=_sides(raw[roles["side"]]), is_snapshot=snapshot)
    return Shaped(frame, "symbol" in roles, _SAME["book"], notes)


def _funding(given: Given) -> Shaped:
    frame, _ = _with_numbers(given)
    return Shaped(frame, "symbol" in given.roles, _SAME["funding"])


def _series(given: Given) -> Shaped:
    import polars as pl

    placed, roles = given.placed, given.roles
    columns = value_columns(placed.table, roles)
    base = _base(given).with_columns(known_ns=_known(given))
    is_wide = "value" not in roles
    parts = []
    for column in columns:
        own = base
        if is_wide:
            name = pl.col("name") + f".{column}" if "symbol" in roles else pl.lit(column)
            own = base.with_columns(name.alias("name"))
        text = placed.table.frame[column]
        if text.dtype == pl.String:
            lower = text.str.to_lowercase().str.strip_chars()
            text = pl.select(pl.when(lower.is_in(_MISSING)).then(None).otherwise(text)).to_series()
        cells = replace(placed.table, frame=placed.table.frame.with_columns(text.alias(column)))
        cells = numbers(cells, [column], flaws=given.flaws, stamps=placed.stamps,
                        symbols=own["name"].to_list())  # fmt: skip
        value = cells.frame[column].cast(pl.Float64).fill_nan(None)
        parts.append(own.with_columns(value=value))
    frame = pl.concat(parts)
    blank = int(frame["value"].null_count())
    notes = (f"{blank:,} cells without a value were left out",) if blank else ()
    return Shaped(frame.filter(pl.col("value").is_not_null()), is_wide or "symbol" in roles,
                 _SAME["series"], notes)  # fmt: skip


def _news(given: Given) -> Shaped:
    import polars as pl

    roles = given.roles
    raw = given.placed.table.frame
    frame = _base(given).with_columns(
        known_ns=_known(given),
        headline=_text(raw, roles, "headline"),
        body=_text(raw, roles, "body"),
        url=_text(raw, roles, "url"),
    )
    ids = _text(raw, roles, "news_id")
    made = [
        found or hashlib.blake2b(f"{when}\n{text}".encode(), digest_size=8).hexdigest()
        for found, when, text in zip(ids, frame["time_ns"], frame["headline"], strict=True)
    ]
    frame = frame.with_columns(news_id=pl.Series(made, dtype=pl.String))
    return Shaped(frame, "symbol" in roles, _SAME["news"])


SHAPES: Mapping[str, Callable[[Given], Shaped]] = {
    "trades": _trades,
    "quotes": _quotes,
    "book": _book,
    "funding": _funding,
    "series": _series,
    "news": _news,
}


def _known(given: Given) -> "pl.Series":
    """When each value was known: by its column, or so long after its stamp."""
    import polars as pl

    placed, roles, form, kind = given.placed, given.roles, given.form, given.kind
    if "known" in roles:
        stamps = read_stamps(placed.table, roles["known"], timezone=form.timezone)
        return pl.Series(stamps.utc)
    if form.lag_ns is None and (kind == "series" or placed.stamps.are_midnights):
        what = "values" if kind == "series" else "news of a day"
        raise DataError(
            f"{placed.table.name} does not say when its {what} were known",
            hint="say how long after its stamp with --known-after, such as 14d (0s: at once), or "
            "map the column of release times to known",
        )
    return pl.Series(placed.stamps.utc + (form.lag_ns or 0))


def _text(raw: "pl.DataFrame", roles: Mapping[str, str], role: str) -> "pl.Series":
    import polars as pl

    if role not in roles:
        return pl.Series([""], dtype=pl.String).extend_constant("", raw.height - 1)
    return raw[roles[role]].cast(pl.String).fill_null("").str.strip_chars()


def _sides(values: "pl.Series") -> "pl.Series":
    """1 for buyers and bids, -1 for sellers and asks, 0 where none is said, null for other words."""
    import polars as pl

    word = values.cast(pl.String).fill_null("").str.to_lowercase().str.strip_chars()
    return pl.select(
        pl.when(word.is_in(_BUY)).then(1)
        .when(word.is_in(_SELL)).then(-1)
        .when(word.is_in(["", "0", "unknown", "none"])).then(0).otherwise(None)
    ).to_series().cast(pl.Int8)  # fmt: skip


def _places(frame: "pl.DataFrame") -> "pl.Series":
    """Place of each row among those of its instrument and stamp, in the order of the file."""
    import polars as pl

    return frame.select(pl.int_range(pl.len()).over("name", "time_ns")).to_series().cast(pl.Int64)
