"""What the safety core is measured by: each module of this package has ``measure(scale)``."""

from benchmarks.figures import Figure

__all__ = ["PARTS", "Figure"]

PARTS = ("crash", "kill", "gate", "journal", "faults", "session", "order_strategy")
"""Modules of this package, in the order of the table."""
