"""What the safety core is measured by: each module of this package has ``measure(scale)``."""

from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table: what was counted or timed, its target, what was found, and whether it holds.

    ``is_speed`` figures may miss their target on a busy machine; the others are claims of safety.
    """

    part: str
    what: str
    target: str
    found: str
    holds: bool
    is_speed: bool = False


PARTS = ("crash", "kill", "gate", "journal", "faults", "session", "order_strategy")
"""Modules of this package, in the order of the table."""
