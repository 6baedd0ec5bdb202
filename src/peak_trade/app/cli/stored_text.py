"""Stored series in words and tables: what there is, versions, rows."""

from typing import TYPE_CHECKING

from peak_trade.app.cli.console import print_facts
from peak_trade.app.cli.listing import Column, print_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from peak_trade.data.series import SeriesKey
    from peak_trade.data.store import Stored, Version

CUT = 40
"""Characters of a cell that are shown."""

SOURCE = 24
"""Characters of a source that are shown."""


def stored_facts(one: "Stored") -> dict[str, object]:
    """Give what ``--json`` prints of a stored series."""
    key = one.key
    return {
        "series": str(key),
        "kind": key.kind,
        "venue": key.venue,
        "symbol": key.symbol,
        "interval": key.interval,
        "rows": one.rows,
        "first_ns": one.first_ns,
        "last_ns": one.last_ns,
        "version": one.version,
        "bytes": one.bytes,
        "updated_ns": one.updated_ns,
    }


def print_stored(found: "Sequence[Stored]", *, most: int) -> None:
    """Write a table of stored series, where a table of the store has more than ``most`` as one line."""
    tables: dict[tuple[str, str, str], list[Stored]] = {}
    for one in found:
        tables.setdefault((one.key.kind, one.key.venue, one.key.interval), []).append(one)
    lines = [line for each in tables.values() for line in (each if len(each) <= most else [each])]
    print_list(
        [
            Column("stored", is_words=True),
            Column("rows"),
            Column("from", is_words=True),
            Column("to", is_words=True),
            Column("version", spare=1),
            Column("size", spare=3),
            Column("updated", is_words=True, spare=2),
        ],
        [_line(one if isinstance(one, list) else [one]) for one in lines],
    )


def _line(found: "Sequence[Stored]") -> tuple[str, ...]:
    """A line of the list: one series, or all of a table with their number."""
    key = found[0].key
    kind = f"{key.kind} {key.interval}" if key.kind != "bars" else key.interval
    name = f"{key.venue}:* {kind.strip()} ({len(found):,})"
    return (
        str(key) if len(found) == 1 else name,
        f"{sum(one.rows for one in found):,}",
        _day(min(one.first_ns for one in found)),
        _day(max(one.last_ns for one in found)),
        str(found[0].version),
        size_text(sum(one.bytes for one in found)),
        second(max(one.updated_ns for one in found)),
    )


def difference_text(key: "SeriesKey", row: "dict[str, object]") -> str:
    """What changed in a row: each value before and after, or those of a row that is new or gone."""
    if row["change"] == "corrected":
        changed = [
            f"{name} {cell_text(row[f'was_{name}'], is_time=False)} -> {cell_text(row[name], is_time=False)}"
            for name in key.shape.columns
            if f"was_{name}" in row and _differs(row[name], row[f"was_{name}"])
        ]
        return ", ".join(changed)
    was = "was_" if row["change"] == "removed" else ""
    given = {name: row.get(was + name) for name in _VALUES}
    shown = [name for name, value in given.items() if value is not None and value == value]
    return ", ".join(f"{name} {cell_text(row[was + name], is_time=False)}" for name in shown[:3])


def _differs(one: object, other: object) -> bool:
    return one != other and not (one != one and other != other)


def moment(stamp_ns: int) -> str:
    """A time to the second, or finer where it is; midnights as dates."""
    from peak_trade.data.findings import stamp_text

    return stamp_text(stamp_ns).removesuffix("T00:00:00").replace("T", " ")


def _day(stamp_ns: int) -> str:
    return moment(stamp_ns)[:10]


def second(stamp_ns: int) -> str:
    """A time to the second, UTC."""
    return moment(stamp_ns // 1_000_000_000 * 1_000_000_000)


def short_source(source: object) -> str:
    """A source in so many characters that a table has room for it."""
    text = str(source)
    return text if len(text) <= SOURCE else f"{text[: SOURCE - 9]}...{text[-6:]}"


def size_text(count: int) -> str:
    """Bytes in the unit that fits."""
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def tell_series(
    facts: "dict[str, object]", stored: "Stored", version: int | None, *, filled: bool
) -> None:
    """Write what a series is: its span, its size, its version."""
    lines = {
        "series": str(facts["series"]),
        "kind": str(facts["kind"]),
        "rows": f"{facts['rows']:,}",
        "from": moment(int(str(facts["first_ns"]))),
        "to": moment(int(str(facts["last_ns"]))),
        "version": f"{facts['version']}" + ("" if version is None else f" of {stored.version}"),
        "size": size_text(stored.bytes),
        "updated": second(stored.updated_ns),
        "corrected": f"{facts['corrected']:,} row{'' if facts['corrected'] == 1 else 's'}",
    }
    if filled:
        lines["filled in"] = f"{facts['filled']:,} bars, not tradable"
    print_facts(lines)


def version_facts(one: "Version") -> dict[str, object]:
    """Give what ``--json`` prints of a version."""
    from dataclasses import asdict

    return asdict(one)


def print_versions(found: "Sequence[Version]") -> None:
    """Write a table of versions."""
    if not found:
        print("The versions that changed it have expired; its rows are all there.")
        return
    print_list(
        [
            Column("version"),
            Column("committed", is_words=True),
            Column("added"),
            Column("corrected"),
            Column("rows", spare=1),
            Column("source", is_words=True),
            Column("note", is_words=True, spare=2),
        ],
        [
            (
                str(one.version),
                second(one.committed_ns),
                f"{one.added:,}",
                f"{one.corrected:,}",
                f"{one.rows:,}",
                short_source(one.source),
                one.note,
            )
            for one in found
        ],
    )


_VALUES = ("close", "price", "rate", "value", "bid", "ask", "headline", "volume", "size", "mark")
"""Columns that tell a row from others at a glance."""

_SPARE = ("is_filled", "close_time", "exchange", "condition", "body", "url", "source", "revision",
          "received")  # fmt: skip
_AT_ALL = ("is_filled", "condition", "exchange", "currency", "url", "body")
"""Columns that are shown only where a row says something in them."""


def print_rows(rows: "pl.DataFrame") -> None:
    """Rows of a series as a table; what says where they are from is spared first."""
    from peak_trade.data.exports import as_table

    names = dict(zip(as_table(rows).columns, rows.columns, strict=True))
    blank = [name for name in _AT_ALL if name in names and not any(rows[name])]
    shown = [name for name in names if name not in blank]
    times = {name for name in shown if name != names[name]}
    columns = [
        Column(
            name,
            is_words=name in times or rows[names[name]].dtype.is_(rows["source"].dtype),
            spare=1 + _SPARE.index(name) if name in _SPARE else 0,
        )
        for name in shown
    ]
    cells = rows.select([names[name] for name in shown]).rows()
    print_list(
        columns,
        [
            [cell_text(cell, is_time=name in times) for cell, name in zip(row, shown, strict=True)]
            for row in cells
        ],
    )


def cell_text(value: object, *, is_time: bool) -> str:
    """Write a value of a row, cut where it is long; what is not known is empty."""
    if is_time and isinstance(value, int):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.12g}"
    text = " ".join(str(value).split())
    return text if len(text) <= CUT else text[: CUT - 3] + "..."
