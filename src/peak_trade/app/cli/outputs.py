"""Files that a command writes: all of them whole, or none."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.domain.errors import InputError

if TYPE_CHECKING:
    import polars as pl

TABLES = (".csv", ".parquet")
PAGES = (".html", ".htm")


class Outputs:
    """Files written beside their place and moved there together, once all are whole.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with outputs() as files:
    ...     files.write(folder / "a.csv", lambda path: path.write_text("x"))
    >>> [path.name for path in folder.iterdir()]
    ['a.csv']
    """

    def __init__(self) -> None:
        self._moves: list[tuple[Path, Path]] = []

    def write(self, path: Path, make: Callable[[Path], object]) -> None:
        """Have ``make`` write to a place beside ``path`` that has its ending."""
        part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
        self._moves.append((part, path))
        make(part)

    def write_beside(
        self, page: Path, facts: Mapping[str, object], frames: Mapping[str, "pl.DataFrame"]
    ) -> None:
        """Have a report's numbers stand beside it: one JSON file, and a Parquet file a table."""
        from peak_trade.app.cli.console import json_text

        text = json_text(facts) + "\n"
        self.write(beside(page, "json"), lambda path: path.write_text(text, encoding="utf-8"))
        for name, frame in frames.items():
            self.write(beside(page, f"{name}.parquet"), frame.write_parquet)

    def move(self) -> None:
        """Put every file in its place."""
        for part, path in self._moves:
            part.replace(path)
        self._moves.clear()

    def discard(self) -> None:
        """Remove what was not moved."""
        for part, _ in self._moves:
            part.unlink(missing_ok=True)


@contextmanager
def outputs() -> Iterator[Outputs]:
    """Collect files, and move them when the block ends well; leave nothing behind otherwise."""
    files = Outputs()
    try:
        yield files
        files.move()
    finally:
        files.discard()


def beside(page: Path, ending: str) -> Path:
    """Name a file that stands beside a report.

    Examples
    --------
    >>> beside(Path("reports/out.html"), "trades.parquet").as_posix()
    'reports/out.trades.parquet'
    """
    return page.with_name(f"{page.stem}.{ending}")


def check_wanted(page: Path | None, *, tables: bool, open_: bool) -> None:
    """Refuse options that say what to do with a report where none is written.

    Raises
    ------
    InputError
        ``open`` or ``tables`` without a report.
    """
    given = [name for name, wanted in (("tables", tables), ("open", open_)) if wanted]
    if page is None and given:
        raise InputError(f"--{given[0]} is given without --report", hint="add --report report.html")


def open_page(page: Path) -> None:
    """Show a report in the browser; where there is none, say so, and go on."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        print(f"No browser was found; open {page} in one.", file=sys.stderr)


def check_path(option: str, path: Path | None, endings: Sequence[str], source: str = "") -> None:
    """Refuse a path that could not be written, before the work that it is for.

    Raises
    ------
    InputError
        An ending that is not offered, a folder that is missing or read-only, a folder in the
        file's place, or the very file that the data (``source``) are read from.
    """
    if path is None:
        return
    parent = path.parent
    if path.suffix.lower() not in endings:
        raise InputError(
            f"{option} {path} ends in {path.suffix or 'nothing'}, expected {' or '.join(endings)}",
            hint=f"name it {path.with_suffix(endings[0]).name}",
        )
    if not parent.is_dir():
        raise InputError(f"{option} {path}: folder {parent} does not exist", hint="create it first")
    if path.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{option} {path} cannot be written", hint="choose another place")
    data = Path(source.removeprefix("file:")) if source else None
    if data is not None and path.exists() and data.exists() and path.samefile(data):
        raise InputError(
            f"{option} {path} is the file that the data are read from", hint="name another file"
        )


def check_distinct(paths: Sequence[Path | None]) -> None:
    """Refuse one path for two outputs."""
    named = [path.resolve() for path in paths if path is not None]
    for path in named:
        if named.count(path) > 1:
            raise InputError(f"{path} is named for two outputs", hint="name two files")
