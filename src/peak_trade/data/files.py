"""Reading CSV and Parquet files into tables."""

import gzip
from pathlib import Path

from peak_trade.data.address import FILE_SUFFIXES
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError, did_you_mean


def read_file(place: str | Path) -> Table:
    """Read a CSV (``,``, ``;`` or tab; plain or gzipped) or Parquet file.

    Raises
    ------
    DataError
        No such file, an ending that is not known, no rows, or a file that cannot be read.
    """
    path, name = Path(place), f"file:{place}"
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
    symbol = path.name[: -len(suffix)]
    if path.stat().st_size == 0:
        raise _empty(name)
    table = _parquet(path, name, symbol) if suffix == ".parquet" else _csv(path, name, symbol)
    if table.frame.height == 0:
        raise _empty(name)
    return table


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


def _csv(path: Path, name: str, symbol: str) -> Table:
    import polars as pl

    try:
        separator, header = _separator(path)
        # Text throughout: a wrong value can then be shown as it stands in the file.
        frame = pl.read_csv(path, separator=separator, infer_schema=False, glob=False)
    except pl.exceptions.NoDataError as error:
        raise _empty(name) from error
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{name} cannot be read as CSV: {_line(error)}", hint=_BROKEN) from error
    if header and all(_is_number(field) for field in header):
        raise DataError(
            f"{name} has no column names: its first line is {separator.join(header)[:80]!r}",
            hint="put a line such as time,open,high,low,close,volume on top",
        )
    return Table(frame, name, symbol, first_line=2)


_BROKEN = "check that the file is complete and has the same number of fields on every line"


def _separator(path: Path) -> tuple[str, list[str]]:
    """Find the delimiter of the first line that is not blank, and its fields."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline=None) as lines:
        line = next((line.strip("\r\n") for line in lines if line.strip()), "")
    separator = max(",;\t", key=line.count)
    return separator, [field.strip().strip('"') for field in line.split(separator) if line]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
