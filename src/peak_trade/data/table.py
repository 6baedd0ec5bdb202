"""A file or a frame as it was read: named columns, nothing interpreted yet."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns in the file's own terms, with what errors need to point into it.

    Attributes
    ----------
    frame : polars.DataFrame
        The columns; those of a CSV file are text.
    name : str
        Where the table came from, such as ``file:prices.csv``.
    symbol : str
        What to call the instrument where the table does not say.
    kind : {"polars", "pandas"}
        The kind of frame that was handed in; files count as polars.
    first_line : int, optional
        Line of the first row in a text file, counted from 1.
    rows : (K,) int64, optional
        Where the rows stand in what was read, counted from 0, if these are not all of its rows.

    Examples
    --------
    >>> import polars as pl
    >>> Table(pl.DataFrame({"close": [1.0]}), "file:p.csv", "p", first_line=2).at(3)
    'row 3 (line 5) of file:p.csv'
    """

    frame: "pl.DataFrame"
    name: str
    symbol: str
    kind: Literal["polars", "pandas"] = "polars"
    first_line: int | None = None
    rows: "npt.NDArray[np.int64] | None" = None

    def place(self, row: int) -> int:
        """Where a row (counted from 0) stands in what was read."""
        return row if self.rows is None else int(self.rows[row])

    def at(self, row: int) -> str:
        """Name a row (counted from 0) as the user finds it."""
        row = self.place(row)
        line = "" if self.first_line is None else f" (line {row + self.first_line})"
        return f"row {row}{line} of {self.name}"
