"""Features of one series of numbers: a column of the bars, or another feature."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature, param
from peak_trade.data.features.given import Given
from peak_trade.data.features.registry import feature_of
from peak_trade.domain.bars import COLUMNS, Bars

Floats = npt.NDArray[np.float64]


class Sourced(Feature):
    """Base of features of one series: a column of the bars, or another feature by its text."""

    of: str = param(
        default="close", doc="open, high, low, close, volume, or another feature's text"
    )

    def check(self) -> None:
        """Refuse a text that is neither a column nor a feature."""
        if self.of not in COLUMNS:
            feature_of(self.of)

    @property
    def parts(self) -> tuple[str, ...]:
        """The feature that it is made of, where it is no column."""
        return () if self.of in COLUMNS else (self.of,)

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on, without those of its source; None: all."""
        return None

    @property
    def lead(self) -> int:
        """Rows before its first value, without those of its source."""
        return 0

    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.lead + warmup_of_parts(self.parts)

    @property
    def lookback(self) -> int | None:
        """Its own rows and those of its source."""
        return sum_of_lookbacks(self.rows, self.parts)

    def source(self, given: Given) -> Bars | Floats:
        """What it is of: bars stand for their closes."""
        return source_of(given, self.of)

    def array(self, given: Given) -> Floats:
        """What it is of, (T, 1) or (T, N)."""
        return column_of(given, self.of)


def source_of(given: Given, of: str) -> Bars | Floats:
    """A column of the bars (the bars themselves for their closes), or another feature."""
    return given.bars if of == "close" else column_of(given, of)


def column_of(given: Given, of: str) -> Floats:
    """A column of the bars, (T, N), or another feature, (T, 1) or (T, N)."""
    if of in COLUMNS:
        found: Floats = getattr(given.bars, of)
        return found
    return given.feature(of)


def warmup_of_parts(parts: Sequence[str]) -> int:
    """The longest warm-up of some features."""
    return max((feature_of(part).warmup for part in parts), default=0)


def sum_of_lookbacks(own: int | None, parts: Sequence[str]) -> int | None:
    """Rows that a feature depends on through its parts; None where one depends on all."""
    others = [feature_of(part).lookback for part in parts]
    known = [rows for rows in others if rows is not None]
    if own is None or len(known) < len(others):
        return None
    return own + max(known, default=0)
