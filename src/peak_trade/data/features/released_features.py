"""Features of what is published beside prices: economic series, news and funding rates."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature, feature, one_of, param, required
from peak_trade.data.features.given import Given
from peak_trade.data.features.joins import ages, in_force, ttl_ns
from peak_trade.domain.calendar import DAY_NS

Floats = npt.NDArray[np.float64]

MACRO, NEWS, FUNDING = "macro", "news", "funding"


@feature("macro", group=MACRO)
class Macro(Feature):
    """The last released value of an economic series, as it was known at the close.

    A revision counts from the day it was published; one of an older period changes nothing.
    """

    reads: ClassVar[tuple[str, ...]] = ("series",)
    series: str = required(doc="VENUE:SYMBOL of a stored series, such as fred:CPIAUCSL")
    ttl: str = param(default="", doc="age since its release up to which it counts; any if empty")
    output: str = param(default="value", doc="value, or age: days since it was released")
    data_version: int = param(default=0, low=0, doc="version of the series; 0 for the newest")

    @property
    def lookback(self) -> int | None:
        """No row before: releases are looked up, not bars."""
        return 0

    def check(self) -> None:
        """Refuse an output that is not offered, and a time to live that is none."""
        one_of(self, "output", ("value", "age"))
        ttl_ns(self.ttl)

    def values(self, given: Given) -> Floats:
        """The value in force at each close, or its age in days, (T,)."""
        rows = given.rows("series", self.series, version=self.data_version)
        closes = given.bars.time
        times, known = rows["time_ns"].to_numpy(), rows["known_ns"].to_numpy()
        live = ttl_ns(self.ttl)
        if self.output == "value":
            return in_force(closes, times, known, rows["value"].to_numpy(), live_ns=live)
        age = ages(closes, times, known)
        return np.where(age <= live, age, np.nan) / DAY_NS if live is not None else age / DAY_NS


@feature("news_count", group=NEWS)
class NewsCount(Feature):
    """How many news items became known in the time before the close."""

    reads: ClassVar[tuple[str, ...]] = ("news",)
    series: str = required(doc="VENUE:SYMBOL of stored news, such as rss:markets")
    window: str = param(default="1d", doc="length of time before the close, such as 6h")
    contains: str = param(default="", doc="count items whose headline or body has this text alone")
    data_version: int = param(default=0, low=0, doc="version of the news; 0 for the newest")

    @property
    def lookback(self) -> int | None:
        """No row before: news are looked up, not bars."""
        return 0

    def check(self) -> None:
        """Refuse a window that is no length of time."""
        ttl_ns(self.window or "none")

    def values(self, given: Given) -> Floats:
        """Items known after the close less the window, up to the close, (T,); case does not matter."""
        import polars as pl

        rows = given.rows("news", self.series, version=self.data_version)
        if self.contains:
            wanted = self.contains.lower()
            rows = rows.filter(
                pl.any_horizontal(
                    pl.col(name).fill_null("").str.to_lowercase().str.contains(wanted, literal=True)
                    for name in ("headline", "body")
                )
            )
        # an item that is told again with a correction became known once
        first = rows.group_by("news_id").agg(pl.col("known_ns").min())
        known = np.sort(first["known_ns"].to_numpy())
        closes = given.bars.time
        by_then = np.searchsorted(known, closes, side="right")
        before = np.searchsorted(known, closes - (ttl_ns(self.window) or 0), side="right")
        return (by_then - before).astype(np.float64)


@feature("funding", group=FUNDING)
class Funding(Feature):
    """The last funding rate of a perpetual that was paid by the close."""

    reads: ClassVar[tuple[str, ...]] = ("funding",)
    series: str = param(default="", doc="VENUE:SYMBOL; the bars' own where left out")
    ttl: str = param(default="", doc="age up to which it counts, such as 8h; any if empty")
    data_version: int = param(default=0, low=0, doc="version of the rates; 0 for the newest")

    @property
    def lookback(self) -> int | None:
        """No row before: rates are looked up, not bars."""
        return 0

    def check(self) -> None:
        """Refuse a time to live that is none."""
        ttl_ns(self.ttl)

    def values(self, given: Given) -> Floats:
        """Fraction a funding period, (T, N); (T, 1) of a named series."""
        width = 1 if self.series else len(given.bars.instruments)
        return np.column_stack([self._of(given, k) for k in range(width)])

    def _of(self, given: Given, column: int) -> Floats:
        rows = given.rows("funding", self.series, column=column, version=self.data_version)
        times = rows["time_ns"].to_numpy()
        rates = rows["rate"].to_numpy()
        return in_force(given.bars.time, times, times, rates, live_ns=ttl_ns(self.ttl))
