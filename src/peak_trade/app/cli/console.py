"""What commands print: tables for people, one JSON object for programs, progress on the side."""

import json
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[int, int], None]

_PIPE_WIDTH = 100_000


def print_json(value: Mapping[str, object]) -> None:
    """Write one JSON object; what is not a finite number becomes null.

    Examples
    --------
    >>> print_json({"sharpe": float("nan"), "trades": 3})
    {
      "sharpe": null,
      "trades": 3
    }
    """
    print(json_text(value))


def json_text(value: Mapping[str, object]) -> str:
    r"""Write a mapping as JSON; what is not a finite number becomes null.

    Examples
    --------
    >>> json_text({"trades": 3})
    '{\n  "trades": 3\n}'
    """
    return json.dumps(as_json(value), indent=2, allow_nan=False)


def as_json(value: object) -> object:
    """Turn values into what JSON knows: arrays into lists, NaN and infinity into None."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if hasattr(value, "tolist"):  # an array or a scalar of NumPy
        return as_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, words: Collection[int] = ()
) -> None:
    """Write a table: ruled on a terminal, plain columns elsewhere; nothing is cut off.

    Parameters
    ----------
    columns : sequence of str
        Headings; where all are empty there is no heading row.
    rows : sequence of sequence of str
        Cells, formatted already.
    words : collection of int
        Positions of columns of words; the others hold numbers and stand to the right.

    Examples
    --------
    >>> print_table(("name", "bars"), [("a", "5,031"), ("bcd", "12")], words={0})
    name   bars
    a     5,031
    bcd      12
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = _console()
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        show_header=any(columns),
        show_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for position, name in enumerate(columns):
        side: Literal["left", "right"] = "left" if position in words else "right"
        is_last = position == len(columns) - 1  # the one that may wrap
        table.add_column(Text(name), justify=side, overflow="fold", no_wrap=not is_last)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if _narrowest([columns, *rows]) > console.width:
        console.width = _PIPE_WIDTH  # the terminal breaks lines, which loses nothing
    with console.capture() as drawn:
        console.print(table)
    print("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def _narrowest(rows: Sequence[Sequence[str]]) -> int:
    """Characters a line needs where only the last column wraps, between its words."""
    *whole, last = zip(*rows, strict=True)
    words = max((len(word) for cell in last for word in cell.split()), default=0)
    return sum(max(len(cell) for cell in column) + 2 for column in whole) + words


def print_facts(facts: Mapping[str, str], *, numbers: bool = False) -> None:
    """Write names and values in two columns; ``numbers`` stand to the right."""
    print_table(("", ""), list(facts.items()), words={0} if numbers else {0, 1})


def _console() -> "Console":
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(file=sys.stdout, highlight=False)
    return Console(file=sys.stdout, highlight=False, no_color=True, width=_PIPE_WIDTH)


def announce_compilation() -> None:
    """Say on standard error, before the first run ever, why it takes longer."""
    from peak_trade.kernels.jit import is_compiled

    if not is_compiled():
        print("Compiling the engine, once: about 20 seconds ...", file=sys.stderr, flush=True)


@contextmanager
def progress(label: str, *, wanted: bool) -> Iterator[Progress | None]:
    """Give a function to report (done, total) to, or None where nobody watches."""
    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(),
        console=Console(file=sys.stderr),
        transient=True,
    )
    with bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def working(label: str, *, wanted: bool) -> Iterator[None]:
    """Show that work goes on, where standard error is a terminal."""
    if not (wanted and sys.stderr.isatty()):
        yield
        return
    from rich.console import Console

    with Console(file=sys.stderr).status(label):
        yield
