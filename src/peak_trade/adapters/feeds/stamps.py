"""Times as venues write them."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=256)
def _second_ns(text: str) -> int:
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


def rfc3339_ns(text: str) -> int:
    """Read a time such as ``2023-10-06T17:35:55.440295Z``, to the last digit.

    Raises
    ------
    ValueError
        Anything else.

    Examples
    --------
    >>> rfc3339_ns("1970-01-01T00:00:01.5Z")
    1500000000
    """
    if not text.endswith("Z"):
        raise ValueError(f"{text!r} is no UTC time")
    whole, _, part = text[:-1].partition(".")
    if part and not (part.isdigit() and len(part) <= 9):
        raise ValueError(f"{text!r} is no UTC time")
    return _second_ns(whole) + (int(part.ljust(9, "0")) if part else 0)
