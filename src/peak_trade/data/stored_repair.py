"""Repairs of stored bars, as corrections of a new version; the versions before it stay."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.faults import bad_bar, bad_price, bad_volume
from peak_trade.data.filling import missing_spans
from peak_trade.data.findings import stamp_text
from peak_trade.data.repair import Repair
from peak_trade.data.stored_bars import StoredBars

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.store import Commit, Store

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SOURCE = "repair"
"""What the provenance of repaired and filled-in bars says."""

_SIDES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, eq=False)
class StoredRepair:
    """What is to be done to a stored series.

    Attributes
    ----------
    rows : polars.DataFrame
        Bars that are new or corrected.
    repairs : tuple of Repair
        What is done; rows count those of the series, or of the filled-in bars.
    left : int
        Bars without a sound price, which nothing but their source can mend.
    """

    rows: "pl.DataFrame"
    repairs: tuple[Repair, ...]
    left: int

    @property
    def note(self) -> str:
        """What the version will be remembered by."""
        return "; ".join(f"{one.kind}: {one.count:,}" for one in self.repairs)


def plan_repair(bars: StoredBars, *, fill: bool = False) -> StoredRepair:
    """Tell what can be mended of a stored series without inventing a price that could be traded.

    Highs and lows are widened to take in open and close, and volumes that cannot be are emptied.
    With ``fill`` the bars that are missing in trading hours are filled in with the last close and a
    volume of 0; they are marked so, and no order ever fills in them.

    Parameters
    ----------
    bars : StoredBars
        The series.
    fill : bool
        Whether gaps are filled in.

    Raises
    ------
    DataError
        Gaps that cannot be filled, see :func:`peak_trade.data.filling.missing_spans`.
    """
    import polars as pl

    real = bars.real
    names = [*bars.key.shape.columns]
    sides = {name: real[name].to_numpy() for name in _SIDES}
    bad = bad_price(sides["close"])
    has_sides = not bool(np.isnan(sides["open"]).all())
    if has_sides:
        for name in _SIDES:
            bad = bad | bad_price(sides[name])
    wide = bad_bar(*(sides[name] for name in _SIDES)) & ~bad if has_sides else np.zeros_like(bad)
    empty = bad_volume(real["volume"].to_numpy())
    touched = np.flatnonzero(wide | empty)
    stack = np.stack([sides[name] for name in _SIDES])
    mended = real.select(names).with_columns(
        high=pl.Series(np.where(wide, stack[[0, 1, 3]].max(axis=0), sides["high"])),
        low=pl.Series(np.where(wide, stack[[0, 2, 3]].min(axis=0), sides["low"])),
        volume=pl.Series(np.where(empty, np.nan, real["volume"].to_numpy())),
    )
    opens = real["open_ns"].to_numpy()
    repairs = [
        _told(kind, bars, np.flatnonzero(mask), opens)
        for kind, mask in (("high or low widened", wide), ("volume emptied", empty))
        if mask.any()
    ]
    frames = [mended[touched]]
    if fill:
        made = _filled(bars, mended.filter(pl.Series(~bad)))
        if made.height:
            frames.append(made.select(names))
            stamps = made["open_ns"].to_numpy()
            repairs.append(_told("gap filled", bars, np.arange(len(stamps)), stamps))
    return StoredRepair(pl.concat(frames).sort("open_ns"), tuple(repairs), int(bad.sum()))


def write_repair(
    store: "Store", bars: StoredBars, done: StoredRepair, *, received_ns: int
) -> "Commit":
    """Write a repair as a new version of its series; the versions before it keep what they said."""
    return store.upsert(bars.key, done.rows, source=SOURCE, received_ns=received_ns, note=done.note)


def _filled(bars: StoredBars, sound: "pl.DataFrame") -> "pl.DataFrame":
    """Bars for what is missing between sound ones, and not filled in yet."""
    import polars as pl

    opens, closes = (sound[name].to_numpy() for name in ("open_ns", "close_ns"))
    begins, ends = missing_spans(opens, closes, interval=bars.interval, calendar=bars.calendar)
    is_new = ~np.isin(begins, bars.rows["open_ns"].to_numpy())
    begins, ends = begins[is_new], ends[is_new]
    is_close_only = bool(sound["open"].is_nan().all())
    last = sound["close"].to_numpy()[np.searchsorted(opens, begins, side="right") - 1]
    return pl.DataFrame(
        {
            "open_ns": begins,
            "close_ns": ends,
            **{
                name: np.full(len(last), np.nan) if is_close_only and name != "close" else last
                for name in _SIDES
            },
            "volume": np.zeros(len(begins)),
            "is_filled": np.ones(len(begins), dtype=np.bool_),
        },
        schema=bars.key.shape.schema(),
    )


def _told(kind: str, bars: StoredBars, rows: Ints, opens: Iterable[int]) -> Repair:
    stamps = np.asarray(opens)[rows]
    times = tuple(stamp_text(int(stamp)) for stamp in stamps)
    return Repair(kind, bars.key.symbol, len(rows), tuple(int(row) for row in rows), times)
