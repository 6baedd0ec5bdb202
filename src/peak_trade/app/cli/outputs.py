"""Files that a command writes: all of them whole, or none."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from peak_trade.domain.errors import InputError

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
