"""What a session is told, one thing at a time."""

from typing import NamedTuple


class BarsClosed(NamedTuple):
    """The bars of one row are complete."""

    row: int
    time_ns: int
