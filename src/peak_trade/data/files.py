"""Reading CSV and Parquet files into tables."""

import gzip
from collections.abc import Sequence
from pathlib import Path

from peak_trade.data.address import FILE_SUFFIXES
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError, did_you_mean


def read_file(place: str | Path, *, names: Sequence[str] = ()) -> Table:
    """Read a CSV (``,``, ``;`` or tab; plain or gzipped) or Parquet file.

    Parameters
    ----------
    place : str or Path
        Where it is.
    names : sequence of str
        What to call the columns of a CSV file that has no line of names.

    Raises
    ------
    DataError
        No such file, an ending that is not known, no rows, or a file that cannot be read.
    """
    path, name = Path(place), f"file:{place}"
    suffix = _suffix(path, name)
    symbol = path.name[: -len(suffix)]
    is_parquet = suffix == ".parquet"
    table = _parquet(path, name, symbol) if is_parquet else _csv(path, name, symbol, names)
    if table.frame.height == 0:
        raise _empty(name)
    return table


def _suffix(path: Path, name: str) -> str:
    """The ending of a file that is there, is not empty and can be read."""
    lower = path.name.lower()
    suffix = next((known for known in FILE_SUFFIXES if lower.endswith(known)), None)
    if suffix is None:
        raise DataError(
            f"{name} ends in {path.suffix or 'nothing'!r}, which is not read",
            hint="use .csv, .csv.gz or .parquet",
            found=path.suffix,
        )
    if not path.is_file():
        raise DataError(f"{name} is not there", hint=_near(path), path=str(path))
    if path.stat().st_size == 0:
        raise _empty(name)
    return suffix


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either"
    beside = [p.name for p in path.parent.iterdir() if p.name.lower().endswith(FILE_SUFFIXES)]
    return did_you_mean(path.name, beside) if beside else f"{path.parent} holds no data file"


def _empty(name: str) -> DataError:
    return DataError(f"{name} is empty", hint="give it a line of column names and rows of bars")


def _parquet(path: Path, name: str, symbol: str) -> Table:
    import polars as pl

    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{name} cannot be read as Parquet: {_line(error)}", hint=_BROKEN
        ) from error
    return Table(frame, name, symbol)


def _csv(path: Path, name: str, symbol: str, names: Sequence[str]) -> Table:
    import polars as pl

    try:
        separator, header = first_fields(path)
        # Text throughout: a wrong value can then be shown as it stands in the file.
        frame = pl.read_csv(
            path,
            separator=separator,
            infer_schema=False,
            glob=False,
            has_header=not names,
            new_columns=list(names) or None,
        )
    except pl.exceptions.NoDataError as error:
        raise _empty(name) from error
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{name} cannot be read as CSV: {_line(error)}", hint=_BROKEN) from error
    if not names and header and all(is_number(field) for field in header):
        raise DataError(
            f"{name} has no column names: its first line is {separator.join(header)[:80]!r}",
            hint="put a line such as time,open,high,low,close,volume on top",
        )
    return Table(frame, name, symbol, first_line=1 if names else 2)


_BROKEN = "check that the file is complete and has the same number of fields on every line"


def first_fields(path: Path) -> tuple[str, list[str]]:
    """Find the delimiter of a CSV file's first line that is not blank, and its fields."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline=None) as lines:
        line = next((line.strip("\r\n") for line in lines if line.strip()), "")
    separator = max(",;\t", key=line.count)
    return separator, [field.strip().strip('"') for field in line.split(separator) if line]


def is_number(text: str) -> bool:
    """Whether a field of a file is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
