"""What the store answers: commits, versions, and what is kept of a series."""

from dataclasses import dataclass

from peak_trade.data.series import SeriesKey


@dataclass(frozen=True, slots=True)
class Commit:
    """What came of rows that were handed to the store.

    Attributes
    ----------
    key : SeriesKey
        The series.
    version : int
        The version of its table that holds them: a new one, or the one before where nothing changed.
    added, corrected, unchanged : int
        Rows that were new, that replaced another, and that were there already.
    removed : int
        Rows that were taken out.
    """

    key: SeriesKey
    version: int
    added: int
    corrected: int
    unchanged: int
    removed: int = 0

    @property
    def is_change(self) -> bool:
        """Whether any row was added, corrected or taken out."""
        return bool(self.added or self.corrected or self.removed)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of a series.

    Attributes
    ----------
    key : SeriesKey
        The series.
    rows : int
        How many rows there are.
    first_ns, last_ns : int
        Times of the first and the last of them, UTC nanoseconds.
    version : int
        The newest version of its table.
    bytes : int
        Size of its files; of files with several instruments its share.
    updated_ns : int
        When its newest rows were received, UTC nanoseconds.
    """

    key: SeriesKey
    rows: int
    first_ns: int
    last_ns: int
    version: int
    bytes: int
    updated_ns: int


@dataclass(frozen=True, slots=True)
class Version:
    """A commit that touched a series.

    Attributes
    ----------
    version : int
        Its number, which counts the commits to all instruments of a table.
    committed_ns, received_ns : int
        When it was written, and when its rows were received; UTC nanoseconds.
    source, note : str
        Where the rows came from, and what was said of them.
    added, corrected, unchanged, removed : int
        Rows of the series that were new, that replaced another, that were there already, and that
        were taken out.
    rows : int
        Rows of the series afterwards.
    """

    version: int
    committed_ns: int
    received_ns: int
    source: str
    note: str
    added: int
    corrected: int
    unchanged: int
    removed: int
    rows: int


@dataclass(frozen=True, slots=True)
class Compaction:
    """What putting small files together came to: files before and after, over all tables concerned."""

    files_before: int
    files_after: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """What expired: versions that can no longer be read, and the files that were deleted with them."""

    versions: int
    files: int
    bytes: int
