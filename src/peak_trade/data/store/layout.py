"""Which rows share a file: by instrument and period where there are many, else all instruments together.

A series of minutes is read alone, so its rows lie by instrument; daily bars are read as a panel, so
all instruments of a period lie together. Files hold rows of one period once there are enough of
them; small ones wait until eight of a size are put together, so that each row is rewritten only a
few times however many commits there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from peak_trade.domain.calendar import DAY_NS, Interval

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.store.table import Part

Period = Literal["D", "M", "Y", "E"]  # day, month, year, decade

SMALL_ROWS = 262_144
"""Rows below which a file may span several periods."""

FAN = 8
"""Files of one size that are put together."""

SETTLED_ROWS = 500_000
"""Rows from which on a file is left as it is."""

_TIER_ROWS = 512
_FILE_ROWS = 600_000  # rows of an instrument and period at most
_WIDE_ROWS = 3_000  # rows a year below which instruments share files
_YEAR_NS = 365 * DAY_NS
_LENGTHS: tuple[tuple[Period, float], ...] = (("E", 10.0), ("Y", 1.0), ("M", 1 / 12))


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a table are spread over files.

    Attributes
    ----------
    is_wide : bool
        Whether instruments share files.
    period : {"D", "M", "Y", "E"}
        Day, month, year or decade that a large file holds.
    """

    is_wide: bool
    period: Period

    @classmethod
    def of(cls, kind: str, interval: str) -> "Layout":
        """Choose a layout by how many rows a year there are of an instrument.

        Examples
        --------
        >>> Layout.of("bars", "1m"), Layout.of("bars", "1d")
        (Layout(is_wide=False, period='Y'), Layout(is_wide=True, period='Y'))
        """
        if kind in ("trades", "quotes"):
            return cls(False, "M")
        if kind == "book":
            return cls(False, "D")
        if not interval:
            return cls(True, "Y")
        yearly = _YEAR_NS / Interval.parse(interval).ns
        if yearly <= _WIDE_ROWS:
            return cls(True, "Y" if yearly >= 100 else "E")
        fits = (period for period, years in _LENGTHS if yearly * years <= _FILE_ROWS)
        return cls(False, next(fits, "D"))

    def lane(self, part: "Part") -> str:
        """What a file shares with those it may be put together with: its instrument, or nothing."""
        return "" if self.is_wide or not part.is_single else part.first_symbol

    def period_of(self, time_ns: int) -> int:
        """Give the number of the period that a time lies in."""
        stamp = np.datetime64(time_ns, "ns")
        if self.period == "E":
            return int(stamp.astype("datetime64[Y]").astype(np.int64) // 10)
        return int(stamp.astype(f"datetime64[{self.period}]").astype(np.int64))

    def split(self, rows: "pl.DataFrame", time_column: str) -> "Iterator[pl.DataFrame]":
        """Split sorted rows into those of each file: by instrument, and by period where many.

        Parameters
        ----------
        rows : polars.DataFrame
            Sorted by symbol and key, with a column ``symbol``.
        time_column : str
            Their time.
        """
        if self.is_wide or rows["symbol"].n_unique() == 1:
            yield from self._by_period(rows, time_column)
            return
        for lane in rows.partition_by("symbol", maintain_order=True):
            yield from self._by_period(lane, time_column)

    def _by_period(self, rows: "pl.DataFrame", time_column: str) -> "Iterator[pl.DataFrame]":
        import polars as pl

        if rows.height <= SMALL_ROWS:
            if rows.height:
                yield rows
            return
        unit = "Y" if self.period == "E" else self.period
        stamps = rows[time_column].to_numpy().astype("datetime64[ns]")
        number = stamps.astype(f"datetime64[{unit}]").astype(np.int64)
        if self.period == "E":
            number //= 10
        marked = rows.with_columns(pl.Series("_period", number))
        yield from marked.partition_by("_period", maintain_order=True, include_key=False)

    def crowded(self, parts: "Sequence[Part]", *, whole: bool = False) -> "list[list[Part]]":
        """Give groups of files that had better be one: too many of a size, or all (``whole``)."""
        groups: dict[tuple[str, int | None], list[Part]] = {}
        for part in parts:
            first, last = self.period_of(part.first_ns), self.period_of(part.last_ns)
            name = (self.lane(part), first if first == last else None)
            groups.setdefault(name, []).append(part)
        return [small for group in groups.values() if (small := _smallest(group, whole))]


def _smallest(group: "Sequence[Part]", whole: bool) -> "list[Part]":
    """The files of a group up to the size of which there are too many."""
    small = [part for part in group if part.rows < SETTLED_ROWS]
    if whole:
        return small if len(small) > 1 else []
    tiers = np.array([_tier(part.rows) for part in small])
    for tier in sorted(set(tiers.tolist()), reverse=True):
        if (tiers == tier).sum() >= FAN:
            return [part for part, own in zip(small, tiers, strict=True) if own <= tier]
    return []


def _tier(rows: int) -> int:
    return max(0, int(np.log(max(rows, 1) / _TIER_ROWS) / np.log(FAN)))
