"""From a file to sound rows of series, whole or in parts, and into the store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peak_trade.data.imports.actions import read_actions
from peak_trade.data.imports.bars import read_bars
from peak_trade.data.imports.form import Form, Target
from peak_trade.data.imports.found import Import, Mend
from peak_trade.data.imports.roles import ROLES, find_roles
from peak_trade.data.imports.rows import read_rows
from peak_trade.data.imports.tables import read_parts, read_table
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from peak_trade.data.store import Commit, Store

IMPORTED = ("bars", "trades", "quotes", "book", "funding", "actions", "series", "news")
"""Kinds of data that files are read as."""

IN_PARTS = ("trades", "quotes", "book")
"""Kinds that are read in parts where a file has many rows."""

PART_ROWS = 1_000_000
"""Rows of a part."""


def import_file(
    path: str | Path,
    kind: str,
    target: str | Target,
    *,
    form: Form = Form(),  # noqa: B008 - it is frozen
    mend: Mend = Mend(),  # noqa: B008
) -> Import:
    r"""Read a file for the store: sound rows by series, and every row that cannot be right.

    Nothing is stored and nothing raised for wrong rows: ``Import.check`` does that, and
    :func:`store_import` before it stores.

    Parameters
    ----------
    path : str or Path
        A file that ends in ``.csv``, ``.csv.gz`` or ``.parquet``, or ``builtin:NAME``.
    kind : str
        One of ``bars``, ``trades``, ``quotes``, ``book``, ``funding``, ``actions``, ``series``,
        ``news``.
    target : str or Target
        What the rows are called in the store: ``VENUE:SYMBOL``, or ``VENUE:*`` for a file of
        several instruments, which keep their names.
    form : Form
        How the file is to be read, where it does not say.
    mend : Mend
        What may be done to rows that cannot be right.

    Raises
    ------
    DataError
        A file that cannot be read as that kind at all.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "btc.csv"
    >>> _ = path.write_text("time,price,qty\n2024-01-01,100,1\n2024-01-02,-5,1\n")
    >>> found = import_file(path, "trades", "kraken:BTC/USD")
    >>> found.is_refused, found.flaws["kind"].to_list()
    (True, ['price'])
    >>> import_file(path, "trades", "kraken:BTC/USD", mend=Mend(skips=True)).rows
    1
    """
    wanted = _checked(kind, target)
    if isinstance(path, str) and path.startswith("builtin:"):
        table = _builtin(path.removeprefix("builtin:"), kind, form)
        form = replace(form, calendar=form.calendar or "XNYS")
    else:
        table = read_table(Path(path), kind, form)
    return _read(table, kind, form, wanted, mend)


def import_parts(
    path: str | Path,
    kind: str,
    target: str | Target,
    *,
    form: Form = Form(),  # noqa: B008
    mend: Mend = Mend(),  # noqa: B008
    rows: int = PART_ROWS,
) -> Iterator[Import]:
    """Read a file of trades, quotes or levels in parts, so that it need not fit into memory.

    Rows of one stamp are never parted. Ids that are doubled far apart are told by the store alone,
    which keeps the row once.

    Raises
    ------
    DataError
        As for :func:`import_file`, and a kind that is only read whole.
    """
    wanted = _checked(kind, target)
    if kind not in IN_PARTS:
        raise DataError(f"{kind} are read whole", hint=f"in parts: {', '.join(IN_PARTS)}")
    since: dict[str, int] = {}
    for table in _parts(Path(path), kind, form, rows):
        found = _read(table, kind, form, wanted, mend, since)
        for one in found.series:
            last = int(one.rows[one.key.shape.time][-1])
            since[one.key.symbol] = max(last, since.get(one.key.symbol, last))
        yield found


def is_large(path: str | Path, kind: str, *, rows: int = PART_ROWS) -> bool:
    """Whether a file is better read in parts: it surely has more rows than one, by its size."""
    place = Path(path)
    if kind not in IN_PARTS or not place.is_file():
        return False
    if place.name.lower().endswith(".parquet"):
        import pyarrow.parquet as pq

        try:
            return bool(pq.read_metadata(place).num_rows > rows)
        except (OSError, ValueError):
            return False
    least = 10 if place.name.lower().endswith(".gz") else 50  # bytes a row
    return place.stat().st_size > rows * least


def store_import(
    store: "Store", found: Import, *, source: str, received_ns: int, note: str = ""
) -> "tuple[Commit, ...]":
    """Store what was read, all series in one commit; one commit a series, in their order.

    Raises
    ------
    DataError
        Rows that cannot be right are left; nothing is stored then.
    """
    found.check()
    if not found.series:
        return ()
    return store.upsert_many(
        {one.key: one.rows for one in found.series},
        source=source,
        received_ns=received_ns,
        note=note,
    )


def _checked(kind: str, target: str | Target) -> Target:
    if kind not in IMPORTED:
        raise DataError(f"kind {kind!r} is not imported", hint=did_you_mean(kind, IMPORTED))
    return Target.parse(target) if isinstance(target, str) else target


def _builtin(name: str, kind: str, form: Form) -> Table:
    """The bars that an installed package ships, of which is known how they are to be read."""
    from peak_trade.data.builtin import read_builtin

    if kind != "bars":
        raise DataError(f"builtin:{name} holds bars, not {kind}", hint="import it as bars")
    if form.stamp != "open" or form.timezone or form.columns or form.layout or form.unit:
        raise DataError(f"how builtin:{name} is read is known", hint="leave the options out")
    return read_builtin(name)


def _read(
    table: Table,
    kind: str,
    form: Form,
    target: Target,
    mend: Mend,
    since: dict[str, int] | None = None,
) -> Import:
    if kind == "bars":
        return read_bars(table, form, target, mend)
    if kind == "actions":
        return read_actions(table, form, target, mend)
    return read_rows(table, kind, form, target, mend, since=since)


def _parts(path: Path, kind: str, form: Form, rows: int) -> Iterator[Table]:
    """Parts of a file, of which each ends where a stamp ends."""
    import polars as pl

    rest: Table | None = None
    for part in read_parts(path, kind, form, rows=rows):
        if rest is not None:
            places = np.concatenate((_rows(rest), _rows(part)))
            part = replace(part, frame=pl.concat([rest.frame, part.frame]), rows=places)
        cut = _last_stamp(part, kind, form)
        rest = replace(part, frame=part.frame[cut:], rows=_rows(part)[cut:])
        if cut:
            yield replace(part, frame=part.frame[:cut], rows=_rows(part)[:cut])
    if rest is None:
        raise DataError(f"file:{path} is empty", hint="give it rows")
    yield rest


def _rows(table: Table) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    return np.arange(table.frame.height) if table.rows is None else table.rows


def _last_stamp(table: Table, kind: str, form: Form) -> int:
    """Where the rows of the last stamp begin, as the file writes it."""
    time = find_roles(table, kind, form.columns)["time"] if kind in ROLES else ""
    values = table.frame[time]
    same = (values == values[-1]).fill_null(value=True).reverse()
    return table.frame.height - int((~same).arg_max() or 0) if not same.all() else 0
