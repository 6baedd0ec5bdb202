"""Lists that fit the terminal: columns that can be spared are left out where it is narrow."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from peak_trade.app.cli.console import print_table

PADDING = 2
"""Characters between two columns on a terminal."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: its heading, whether it holds words, and whether it can be spared.

    Of those that can be spared, the lowest ``spare`` has the first claim to room; 0 always stays.
    """

    name: str
    is_words: bool = False
    spare: int = 0


def print_list(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Write a table of the columns that fit the terminal; all of them where there is none.

    Examples
    --------
    >>> print_list([Column("name", is_words=True), Column("lots")], [("a", "12")])
    name lots
    a      12
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    kept = fitting(columns, rows, width)
    print_table(
        [columns[k].name for k in kept],
        [[row[k] for k in kept] for row in rows],
        words={place for place, k in enumerate(kept) if columns[k].is_words},
    )
    left_out = [column.name for k, column in enumerate(columns) if k not in kept]
    if left_out:
        print(f"Too narrow for {', '.join(left_out)}; --json has everything.")


def fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> list[int]:
    """Positions of the columns that are shown in so many characters; None is as many as it takes.

    Examples
    --------
    >>> columns = [Column("id"), Column("why", is_words=True, spare=1)]
    >>> rows = [("1", "a long story")]
    >>> fitting(columns, rows, 80), fitting(columns, rows, 10)
    ([0, 1], [0])
    """
    sizes = [
        max(len(column.name), *(len(row[k]) for row in rows)) if rows else len(column.name)
        for k, column in enumerate(columns)
    ]
    kept = {k for k, column in enumerate(columns) if not column.spare}
    for k in sorted(set(range(len(columns))) - kept, key=lambda k: columns[k].spare):
        if width is None or sum(sizes[j] + PADDING for j in kept | {k}) <= width:
            kept.add(k)
    return sorted(kept)


def print_more(shown: int, total: int) -> None:
    """Say how many there are where not all are shown."""
    if shown < total:
        print(f"{shown:,} of {total:,}, the newest first; --limit {total} shows all.")
