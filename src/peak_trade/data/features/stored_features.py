"""Features that were computed before and are read from the store."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature, feature, param, required
from peak_trade.data.features.given import Given
from peak_trade.data.features.joins import in_force, ttl_ns
from peak_trade.data.features.registry import feature_of, id_of
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError

Floats = npt.NDArray[np.float64]


@feature("stored", group="stored")
class Stored(Feature):
    """A feature that was materialized, of these bars, of another instrument or of another interval.

    Only values of the definition in force are read: after a change of the feature they have to be
    materialized again.
    """

    reads: ClassVar[tuple[str, ...]] = ("features",)
    feature: str = required(doc="text of the feature, such as rsi(period=14)")
    series: str = param(default="", doc="VENUE:SYMBOL; the bars' own where left out")
    interval: str = param(default="", doc="of the bars it was computed on; these bars' if empty")
    ttl: str = param(default="", doc="age up to which a value counts, such as 1d; any if empty")
    data_version: int = param(default=0, low=0, doc="version of the features; 0 for the newest")

    @property
    def parts(self) -> tuple[str, ...]:
        """The feature that was stored: its definition belongs to this one's."""
        return (self.feature,)

    @property
    def lookback(self) -> int | None:
        """No row before: values are looked up, not bars."""
        return 0

    def check(self) -> None:
        """Refuse a text that is no feature, and lengths of time that are none."""
        feature_of(self.feature)
        ttl_ns(self.ttl)
        if self.interval:
            Interval.parse(self.interval)

    def values(self, given: Given) -> Floats:
        """The value in force at each close, (T, N); (T, 1) of a named series."""
        width = 1 if self.series else len(given.bars.instruments)
        return np.column_stack([self._of(given, k) for k in range(width)])

    def _of(self, given: Given, column: int) -> Floats:
        step = self.interval or str(given.bars.interval)
        wanted = id_of(self.feature)
        mine = given.rows(
            "features", self.series, column=column, interval=step, version=self.data_version,
            feature=wanted,
        )  # fmt: skip
        if not len(mine) and not given.is_stored(
            wanted, self.series, column, step, self.data_version
        ):
            key = given.key("features", self.series, column, step)
            name = f"{key.venue}:{key.symbol}"
            raise DataError(
                f"feature {self.feature} of {name} {step} is not stored as it is defined now",
                hint=f'peak features materialize "{self.feature}" --data {name} --interval {step}',
                feature=self.feature,
            )
        return in_force(
            given.bars.time,
            mine["time_ns"].to_numpy(),
            mine["known_ns"].to_numpy(),
            mine["value"].to_numpy(),
            live_ns=ttl_ns(self.ttl),
        )
