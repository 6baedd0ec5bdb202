"""Rows of a stored series as a file that people and other programs read, and an import reads back."""

from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

_NAMES = {
    "open_ns": "time",
    "time_ns": "time",
    "close_ns": "close_time",
    "known_ns": "known",
    "received_ns": "received",
}


def as_table(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Give rows with times in UTC instead of nanoseconds, under the names that files have.

    Parameters
    ----------
    rows : polars.DataFrame
        As the store reads them.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"time_ns": [1], "price": [2.0], "received_ns": [3]})
    >>> as_table(rows).columns
    ['time', 'price', 'received']
    """
    import polars as pl

    there = {old: new for old, new in _NAMES.items() if old in rows.columns}
    times = [pl.col(old).cast(pl.Datetime("ns", "UTC")) for old in there]
    return rows.with_columns(times).rename(there)


def write_rows(rows: "pl.DataFrame", path: Path) -> None:
    """Write rows to a file: ``.csv``, ``.parquet`` or ``.jsonl`` (one JSON object a line).

    Times are ISO in UTC, to the nanosecond; a value that is not known is an empty field, or null.

    Raises
    ------
    DataError
        Another ending.
    """
    import polars.selectors as cs

    table = as_table(rows)
    ending = path.suffix.lower()
    if ending == ".parquet":
        table.write_parquet(path)
        return
    text = table.with_columns(cs.datetime().dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ"))
    text = text.with_columns(cs.float().fill_nan(None))
    if ending == ".csv":
        text.write_csv(path)
    elif ending == ".jsonl":
        text.write_ndjson(path)
    else:
        raise DataError(
            f"{path} ends in {ending or 'nothing'!r}", hint="use .csv, .parquet or .jsonl"
        )
