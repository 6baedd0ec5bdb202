"""What market data is measured by: each module of this package has ``measure(scale)``."""

PARTS = ("store", "crash", "imports", "fetch", "feed", "features")
"""Modules of this package, in the order of the table."""
