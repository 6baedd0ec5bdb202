"""Bars of a live feed on their way into the store: sound ones at once, held ones after release."""

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peak_trade.data.live.events import ClosedBar
    from peak_trade.data.quarantine_terms import Vetted
    from peak_trade.data.store import Store


class SavedBars:
    """What of a feed is kept in a store.

    A bar of a symbol that is held waits until the symbol is released, and is kept then if it is proven.
    One that is itself the trouble is never kept, nor one whose symbol is still held at the end: the
    venue has them, and ``peak data fetch`` asks for what is not there.

    Parameters
    ----------
    store : Store
        Where bars go.
    """

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._unkept: list[ClosedBar] = []
        self._held: dict[tuple[str, str], list[ClosedBar]] = {}
        self.kept = 0

    @property
    def has_unkept(self) -> bool:
        """Whether bars wait to be written."""
        return bool(self._unkept)

    def take(self, vetted: "Vetted") -> None:
        """Sort a bar to those that are kept, that wait for a release, or that are left out."""
        from peak_trade.data.live.events import ClosedBar
        from peak_trade.data.quarantine_terms import Released

        bar = vetted.event
        if isinstance(bar, ClosedBar) and not vetted.is_refused:
            if vetted.held:
                self._held.setdefault((bar.venue, bar.symbol), []).append(bar)
            else:
                self._release(bar.venue, bar.symbol)
                self._unkept.append(bar)
        for change in vetted.changes:
            if isinstance(change, Released):
                self._release(change.venue, change.symbol)

    def _release(self, venue: str, symbol: str) -> None:
        self._unkept += [bar for bar in self._held.pop((venue, symbol), ()) if bar.is_proven]

    def keep(self) -> None:
        """Write the bars that wait, those of one moment in one commit."""
        if not self._unkept:
            return
        import polars as pl

        from peak_trade.data.series import KINDS, SeriesKey

        bars, self._unkept = self._unkept, []
        rows: dict[SeriesKey, dict[int, dict[str, float | bool]]] = {}
        for bar in bars:
            key = SeriesKey("bars", bar.venue, bar.symbol, bar.interval)
            facts = asdict(bar.candle)
            del facts["trades"]
            rows.setdefault(key, {})[bar.candle.open_ns] = {**facts, "is_filled": False}
        schema = KINDS["bars"].schema()
        frames = {
            key: pl.DataFrame(list(some.values()), schema=schema).sort("open_ns")
            for key, some in rows.items()
        }
        received_ns = max(bar.received_ns for bar in bars)
        self._store.upsert_many(frames, source=f"{bars[0].venue} stream", received_ns=received_ns)
        self.kept += len(bars)
