"""What the writers of the crash soak write, and what must hold of it at every moment.

A batch is so many bars of two instruments, in one commit, all with one close. Some batches also
correct an earlier one of their writer, in the same commit. So a reader can tell a torn commit: a
batch that is there in part, or whose closes differ.
"""

import numpy as np
import polars as pl

from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

MINUTE_NS = 60_000_000_000
ROWS = 20
WRITERS = 2
KEYS = tuple(SeriesKey("bars", "soak", symbol, "1m") for symbol in ("A/USD", "B/USD"))
_CORRECTS_EVERY = 3
_BACK = 2


def closes_of(batch: int) -> dict[int, float]:
    """Batches that a commit touches, and the close of their bars after it."""
    touched = {batch: 1.0 + batch}
    if batch % _CORRECTS_EVERY == 0 and batch >= _BACK:
        touched[batch - _BACK] = 1e6 + batch
    return touched


def rows_of(writer: int, batch: int) -> pl.DataFrame:
    """Bars that a commit writes for each instrument."""
    frames = []
    for number, close in closes_of(batch).items():
        opens = ((number * WRITERS + writer) * ROWS + np.arange(ROWS)) * MINUTE_NS
        frames.append(
            pl.DataFrame(
                {
                    "open_ns": opens,
                    "close_ns": opens + MINUTE_NS,
                    "close": np.full(ROWS, close),
                }
            )
        )
    return pl.concat(frames)


def write(store: Store, writer: int, batch: int, *, planted: str = "") -> None:
    """Commit a batch; ``planted`` is a fault that the judge must find."""
    rows = rows_of(writer, batch)
    if planted == "torn":
        for key in KEYS:
            store.upsert(key, rows, source=f"writer {writer}", received_ns=batch)
    else:
        store.upsert_many(dict.fromkeys(KEYS, rows), source=f"writer {writer}", received_ns=batch)


def faults_of(frames: dict[SeriesKey, pl.DataFrame]) -> list[str]:
    """Batches that are there in part, twice, or with two closes."""
    found = []
    counts = []
    for key, frame in frames.items():
        opens = frame["open_ns"].to_numpy()
        if len(np.unique(opens)) != len(opens) or (np.diff(opens) < 0).any():
            found.append(f"{key}: bars twice or out of order")
        number = opens // MINUTE_NS // ROWS
        grouped = (
            pl.DataFrame({"batch": number, "close": frame["close"]})
            .group_by("batch")
            .agg(pl.len().alias("rows"), pl.col("close").n_unique().alias("closes"),
                 pl.col("close").first().alias("close"))
            .sort("batch")
        )  # fmt: skip
        torn = grouped.filter((pl.col("rows") != ROWS) | (pl.col("closes") != 1))
        if torn.height:
            found.append(f"{key}: {torn.height} batches are torn, such as {torn.row(0)}")
        counts.append(grouped)
    if len(counts) == len(KEYS) and not counts[0].equals(counts[1]):
        found.append("the two instruments of a commit differ")
    return found


def lost(frames: dict[SeriesKey, pl.DataFrame], acknowledged: dict[int, int]) -> list[str]:
    """Batches up to the last acknowledged one of each writer that are not there, or not as they should be.

    Parameters
    ----------
    frames : mapping of SeriesKey to polars.DataFrame
        All bars.
    acknowledged : mapping of int to int
        The last batch of each writer whose commit it was told of.
    """
    found = []
    for key, frame in frames.items():
        held = dict(zip(frame["open_ns"].to_list(), frame["close"].to_list(), strict=True))
        for writer, last in acknowledged.items():
            expected: dict[int, float] = {}
            for batch in range(last + 1):
                expected |= closes_of(batch)
            # The next batch may be in without having been acknowledged, with its correction.
            after = closes_of(last + 1)
            for number, close in expected.items():
                open_ns = (number * WRITERS + writer) * ROWS * MINUTE_NS
                if held.get(open_ns) not in (close, after.get(number, close)):
                    found.append(f"{key}: batch {number} of writer {writer} is lost or wrong")
    return found
