"""Files as tables: by the names in their first line, by a layout, or by position; whole or in parts."""

from collections.abc import Iterator
from pathlib import Path

from peak_trade.data.files import first_fields, is_number, read_file
from peak_trade.data.imports.form import Form
from peak_trade.data.imports.layouts import LAYOUTS, layout_named
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError


def read_table(path: Path, kind: str, form: Form) -> Table:
    """Read a whole file.

    Raises
    ------
    DataError
        A file that is not there or cannot be read, or that has neither names nor a layout.
    """
    return read_file(path, names=_names(path, kind, form))


def read_parts(path: Path, kind: str, form: Form, *, rows: int) -> Iterator[Table]:
    """Read a file in parts of so many rows; what is in memory at once is one part.

    Raises
    ------
    DataError
        As :func:`read_table` says.
    """
    import polars as pl

    names = _names(path, kind, form)
    name = f"file:{path}"
    try:
        if path.name.lower().endswith(".parquet"):
            frames, first_line = pl.scan_parquet(path, glob=False), None
        else:
            separator, _ = first_fields(path)
            frames = pl.scan_csv(
                path,
                separator=separator,
                infer_schema=False,
                glob=False,
                has_header=not names,
                new_columns=list(names) or None,
            )
            first_line = 1 if names else 2
        done = 0
        for frame in frames.collect_batches(chunk_size=rows, maintain_order=True):
            places = pl.int_range(done, done + frame.height, eager=True).to_numpy()
            yield Table(frame, name, path.name.partition(".")[0], "polars", first_line, places)
            done += frame.height
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{name} cannot be read: {line}", hint="check that it is whole") from error


def _names(path: Path, kind: str, form: Form) -> tuple[str, ...]:
    """Names for the columns of a file that has none; empty where it has its own."""
    if form.layout is not None:
        _check_kind(form.layout, kind)
    if path.name.lower().endswith(".parquet") or not path.is_file() or not path.stat().st_size:
        if form.layout is not None and path.is_file():
            raise DataError(
                f"layout {form.layout} is of CSV files, file:{path} is none", hint="leave it out"
            )
        return ()
    try:
        _, fields = first_fields(path)
    except (OSError, EOFError, UnicodeDecodeError):
        return ()  # reading says what is wrong
    has_names = not fields or not is_number(fields[0])
    if has_names:
        return ()
    if form.layout is not None:
        layout = layout_named(form.layout)
        if not layout.needed <= len(fields) <= len(layout.columns):
            raise DataError(
                f"file:{path} has {len(fields)} columns, layout {layout.name} has "
                f"{layout.needed} to {len(layout.columns)}",
                hint="check the file, or name the columns by position, as in time=1,close=5",
            )
        return layout.columns[: len(fields)]
    given = form.columns or {}
    if given and all(position.isdigit() for position in given.values()):
        return tuple(str(k + 1) for k in range(len(fields)))
    fitting = [
        layout.name
        for layout in LAYOUTS.values()
        if layout.kind == kind and layout.needed <= len(fields) <= len(layout.columns)
    ]
    known = f"layout {' or '.join(fitting)}, or " if fitting else ""
    raise DataError(
        f"file:{path} has no column names: its first line is {','.join(fields)[:80]!r}",
        hint=f"say what it is: {known}columns by position, as in time=1,close=5",
    )


def _check_kind(name: str, kind: str) -> None:
    layout = layout_named(name)
    if layout.kind != kind:
        raise DataError(
            f"layout {name} holds {layout.kind}, not {kind}", hint=f"import it as {layout.kind}"
        )
