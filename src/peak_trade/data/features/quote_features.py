"""Features of quotes and order books: spread, middle, microprice, imbalance and depth at the close."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.books import Tops, tops_of
from peak_trade.data.features.definition import Feature, feature, one_of, param
from peak_trade.data.features.given import Given
from peak_trade.data.features.joins import ttl_ns
from peak_trade.domain.errors import ParameterError

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

QUOTES, BOOK = "quotes", "book"


class OfTops(Feature):
    """Base of features of the best prices that were quoted by each close.

    What was last quoted stands, up to the time to live; a quote at the very close counts.
    """

    reads: ClassVar[tuple[str, ...]] = (QUOTES, BOOK)
    source: str = param(default=QUOTES, doc="quotes, or book: the stored changes of an order book")
    series: str = param(default="", doc="VENUE:SYMBOL; the bars' own where left out")
    ttl: str = param(default="", doc="age up to which a quote counts, such as 5m; any if empty")
    data_version: int = param(default=0, low=0, doc="version of the data; 0 for the newest")

    @property
    def levels(self) -> int:
        """Levels a side that are read."""
        return 1

    @property
    def kinds(self) -> tuple[str, ...]:
        """The source that is read."""
        return (self.source,)

    @property
    def lookback(self) -> int | None:
        """No row before: quotes are looked up, not bars."""
        return 0

    def check(self) -> None:
        """Refuse a source that is not offered, and a time to live that is none."""
        one_of(self, "source", (QUOTES, BOOK))
        ttl_ns(self.ttl)

    def values(self, given: Given) -> Floats:
        """The measure of each instrument, (T, N); (T, 1) of a named series."""
        width = 1 if self.series else len(given.bars.instruments)
        return np.column_stack([self._fresh(given, k) for k in range(width)])

    def measured(self, tops: Tops) -> Floats:
        """The measure of the best prices, (T,)."""
        raise ParameterError(
            f"feature {self.called} does not define measured(tops)", hint="return one value a row"
        )

    def _fresh(self, given: Given, column: int) -> Floats:
        tops = (self._of_book if self.source == BOOK else self._of_quotes)(given, column)
        live = ttl_ns(self.ttl)
        age = given.bars.time - tops.changed_ns
        is_known = (
            (tops.changed_ns >= 0) if live is None else (tops.changed_ns >= 0) & (age <= live)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(is_known, self.measured(tops), np.nan)

    def _of_quotes(self, given: Given, column: int) -> Tops:
        rows = given.rows(QUOTES, self.series, column=column, version=self.data_version)
        times = rows["time_ns"].to_numpy()
        place = np.searchsorted(times, given.bars.time, side="right") - 1

        def at(name: str) -> Floats:
            if not len(times):
                return np.full(len(place), np.nan)
            values = rows[name].to_numpy()
            return np.where(place >= 0, values[np.maximum(place, 0)], np.nan)

        changed = np.where(place >= 0, times[np.maximum(place, 0)], -1) if len(times) else place
        bid_size, ask_size = at("bid_size"), at("ask_size")
        return Tops(
            at("bid"), bid_size, at("ask"), ask_size, bid_size, ask_size, changed.astype(np.int64)
        )

    def _of_book(self, given: Given, column: int) -> Tops:
        rows = given.rows(BOOK, self.series, column=column, version=self.data_version)
        return _replayed(rows, given.bars.time, self.levels)


def _replayed(rows: "pl.DataFrame", at: Ints, levels: int) -> Tops:
    times, seq = rows["time_ns"].to_numpy(), rows["seq"].to_numpy()
    is_next = (np.diff(times, prepend=times[:1]) != 0) | (np.diff(seq, prepend=seq[:1]) != 0)
    return tops_of(
        times,
        rows["side"].to_numpy(),
        rows["price"].to_numpy(),
        rows["size"].to_numpy(),
        rows["is_snapshot"].to_numpy(),
        at=at,
        levels=levels,
        batches=np.cumsum(is_next),
    )


@feature("spread", group=BOOK)
class Spread(OfTops):
    """Best ask less best bid."""

    relative: bool = param(default=True, doc="as a fraction of the middle")

    def measured(self, tops: Tops) -> Floats:
        """Fraction of the middle, or quote currency."""
        gap = tops.ask - tops.bid
        return np.asarray(gap / ((tops.ask + tops.bid) / 2.0) if self.relative else gap)


@feature("mid", group=BOOK)
class Mid(OfTops):
    """Middle between best bid and best ask."""

    def measured(self, tops: Tops) -> Floats:
        """Quote currency."""
        return np.asarray((tops.bid + tops.ask) / 2.0)


@feature("microprice", group=BOOK)
class Microprice(OfTops):
    """Middle that leans to the side with less size: each price weighted by the other side's size."""

    def measured(self, tops: Tops) -> Floats:
        """Quote currency; NaN where no size is known."""
        both = tops.bid_size + tops.ask_size
        return np.asarray((tops.bid * tops.ask_size + tops.ask * tops.bid_size) / both)


class _OfDepth(OfTops):
    """A measure of the best levels: of the book, or the one level that quotes have."""

    depth: int = param(default=1, low=1, high=1000, doc="levels a side; quotes have one")

    def check(self) -> None:
        """Refuse more levels than quotes have."""
        super().check()
        if self.depth > 1 and self.source != BOOK:
            raise ParameterError(
                f"{self.called} of {self.depth} levels is asked of quotes, which have one",
                hint="write source='book'",
            )

    @property
    def levels(self) -> int:
        """Levels a side that are read."""
        return self.depth


@feature("book_imbalance", group=BOOK)
class BookImbalance(_OfDepth):
    """Units bid less units offered in the best levels, over both."""

    def measured(self, tops: Tops) -> Floats:
        """-1 to 1."""
        both = tops.bid_depth + tops.ask_depth
        return np.asarray((tops.bid_depth - tops.ask_depth) / both)


@feature("depth", group=BOOK)
class Depth(_OfDepth):
    """Units in the best levels of a side, or of both."""

    side: str = param(default="both", doc="bid, ask or both")

    def check(self) -> None:
        """Refuse a side that there is not."""
        super().check()
        one_of(self, "side", ("bid", "ask", "both"))

    def measured(self, tops: Tops) -> Floats:
        """Units."""
        parts = {"bid": tops.bid_depth, "ask": tops.ask_depth}
        return np.asarray(parts["bid"] + parts["ask"] if self.side == "both" else parts[self.side])
