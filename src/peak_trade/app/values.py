"""Settings that are lists, as a file writes them or as one text of the command line."""

import math
from dataclasses import dataclass

_NEITHER = "a number of at least 0, or a name, is expected"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a setting takes, in words, where its type does not say it."""

    words: str


def pairs_of(given: object) -> tuple[tuple[float, float], ...]:
    """Read pairs of numbers: rows of two, or a text such as ``0:0.1,60:0.02``.

    Raises
    ------
    ValueError
        Something that is no pair of finite numbers.

    Examples
    --------
    >>> pairs_of("0:0.1, 60:0.02"), pairs_of([[0, 0.1]]), pairs_of("")
    (((0.0, 0.1), (60.0, 0.02)), ((0.0, 0.1),), ())
    """
    rows = given
    if isinstance(given, str):
        parts = [part for part in given.split(",") if part.strip()]
        rows = [part.split(":") for part in parts]
    if not isinstance(rows, list | tuple):
        raise ValueError(  # noqa: TRY004 - what pydantic reports
            "pairs are expected, such as [[0, 0.1], [60, 0.02]]"
        )
    return tuple(_pair(row, is_text=isinstance(given, str)) for row in rows)


def _pair(row: object, *, is_text: bool) -> tuple[float, float]:
    if not isinstance(row, list | tuple) or len(row) != 2:
        shown = ":".join(map(str, row)) if isinstance(row, list | tuple) else row
        raise ValueError(f"{shown} is no pair of numbers such as 60:0.02")
    first, second = (_number(item, is_text=is_text) for item in row)
    return first, second


def _number(item: object, *, is_text: bool) -> float:
    is_number = isinstance(item, int | float) and not isinstance(item, bool)
    try:
        found = float(str(item)) if is_text or is_number else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{str(item).strip() or 'nothing'} is not a finite number")
    return found


def names_of(given: object) -> tuple[str, ...]:
    """Read a list of texts: a list, or one text whose parts a semicolon divides.

    Raises
    ------
    ValueError
        Something that is no text.

    Examples
    --------
    >>> names_of("kelly; drawdown,limit=0.2"), names_of(["kelly"]), names_of("")
    (('kelly', 'drawdown,limit=0.2'), ('kelly',), ())
    """
    rows = given.split(";") if isinstance(given, str) else given
    if not isinstance(rows, list | tuple) or not all(isinstance(row, str) for row in rows):
        raise ValueError("a text or a list of texts is expected")
    return tuple(part.strip() for row in rows for part in row.split(";") if part.strip())


def number_or_name(given: object) -> float | str:
    """Read a number of 0 or more, or else a name.

    Raises
    ------
    ValueError
        A number below 0 or not finite, nothing, or something that is neither.

    Examples
    --------
    >>> number_or_name("0.01"), number_or_name("half_spread"), number_or_name(0)
    (0.01, 'half_spread', 0.0)
    """
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise ValueError(_NEITHER)  # noqa: TRY004 - what pydantic reports
    try:
        number = float(given)
    except ValueError:
        name = str(given).strip()
        if not name:
            raise ValueError(_NEITHER) from None
        return name
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{given} is no number of at least 0")
    return number
