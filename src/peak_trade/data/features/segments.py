"""Stretches of stored rows that belong to a bar: from its open, taken in, to its close, left out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Stretches of K rows in order of time: row ``first[t]`` to, not including, ``stop[t]`` of each.

    Examples
    --------
    >>> parts = Segments.between(np.array([1, 2, 3, 7]), np.array([0, 2, 4]), np.array([2, 4, 6]))
    >>> parts.sums(np.array([1.0, 10.0, 100.0, 1000.0])), parts.counts
    (array([  1., 110.,   0.]), array([1, 2, 0]))
    """

    first: Ints
    stop: Ints

    @classmethod
    def between(cls, times: Ints, opens: Ints, closes: Ints) -> "Segments":
        """Rows of ``times`` (ascending) from each open, taken in, to each close, left out."""
        return cls(
            np.searchsorted(times, opens, side="left").astype(np.int64),
            np.searchsorted(times, closes, side="left").astype(np.int64),
        )

    @property
    def counts(self) -> Ints:
        """Rows of each stretch."""
        return self.stop - self.first

    def sums(self, values: Floats) -> Floats:
        """Sum of the values of each stretch, 0 where it is empty; it depends on these values alone."""
        if not len(self.first):
            return np.zeros(0)
        padded = np.append(values, 0.0)  # a place to stop at behind the last row
        edges = np.stack((self.first, self.stop), axis=1).reshape(-1)
        found = np.add.reduceat(padded, edges)[::2]
        return np.where(self.counts > 0, found, 0.0)

    def last(self, values: Floats) -> Floats:
        """Last value of each stretch, NaN where it is empty."""
        if not len(values):
            return np.full(len(self.stop), np.nan)
        return np.where(self.counts > 0, values[np.maximum(self.stop - 1, 0)], np.nan)
