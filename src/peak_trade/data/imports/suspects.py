"""What is possible but doubtful among the sound rows of a file."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.findings import Finding
from peak_trade.data.imports.flaws import suspect

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]

_MINUTE_NS = 60_000_000_000
_USUAL = 20  # rows from which on ids without a hole are the rule


def suspects(kind: str, rows: "pl.DataFrame") -> list[Finding]:
    """What is possible but doubtful among the sound rows of one instrument."""
    import polars as pl

    name = str(rows["name"][0])

    def of(flaw: str, mask: "pl.Expr", how: str = "") -> list[Finding]:
        bad = rows.filter(mask)
        if not bad.height:
            return []
        places, times = bad["row"].to_numpy(), bad["time_ns"].to_numpy()
        return [suspect(flaw, name, rows=places, stamps=times, how=how)]

    if kind == "trades":
        return _lost(name, rows)
    if kind == "quotes":
        one_sided = pl.col("bid").is_null() | pl.col("ask").is_null()
        return [
            *of("crossed", pl.col("bid") > pl.col("ask")),
            *of("one_sided", one_sided, "the other side did not change, or is not told"),
        ]
    if kind == "funding":
        return [*of("percent", pl.col("rate").abs() >= 0.1, "0.0001 is 1 basis point"),
                *_silent(name, rows)]  # fmt: skip
    if kind in ("series", "news"):
        return of("early", pl.col("known_ns") < pl.col("time_ns"))
    return []


def _lost(name: str, rows: "pl.DataFrame") -> list[Finding]:
    """Holes among trade ids."""
    at, missing = missing_ids(rows)
    if not len(at):
        return []
    return [
        suspect(
            "lost",
            name,
            rows=rows["row"].to_numpy()[at],
            stamps=rows["time_ns"].to_numpy()[at],
            texts=[f"{count:,} ids before it" for count in missing[:3]],
            bars=int(missing.sum()),
            how=f"{int(missing.sum()):,} in all",
        )
    ]


def _silent(name: str, rows: "pl.DataFrame") -> list[Finding]:
    """Stretches without a funding rate."""
    times = rows["time_ns"].to_numpy()
    at, missing, step_ns = missing_rates(times)
    if not len(at):
        return []
    return [
        suspect(
            "gap",
            name,
            rows=rows["row"].to_numpy()[at],
            stamps=times[at],
            texts=[f"{count:,} missing before it" for count in missing[:3]],
            bars=int(missing.sum()),
            how=f"{int(missing.sum()):,} in all, one each {step_ns / 3.6e12:g} h",
        )
    ]


def missing_ids(rows: "pl.DataFrame") -> tuple[Ints, Ints]:
    """Give the places before which trade ids are missing, and how many; ids that count up alone.

    Parameters
    ----------
    rows : polars.DataFrame
        Trades in the order of their ids, with ``trade_id``.

    Examples
    --------
    >>> import polars as pl
    >>> ids = [*range(30), 35]
    >>> missing_ids(pl.DataFrame({"trade_id": [str(k) for k in ids]}))
    (array([30]), array([5]))
    """
    import polars as pl

    none = np.empty(0, dtype=np.int64)
    ids = rows["trade_id"].cast(pl.Int64, strict=False) if "trade_id" in rows.columns else None
    if ids is None or len(ids) < _USUAL or ids.null_count():
        return none, none
    steps = np.diff(ids.to_numpy())
    if (steps == 1).mean() < 0.5:
        return none, none
    at = np.flatnonzero(steps > 1)
    return at + 1, steps[at] - 1


def missing_rates(times: Ints) -> tuple[Ints, Ints, int]:
    """Give the places before which funding rates are missing, how many, and their usual distance.

    Parameters
    ----------
    times : (K,) int64
        Times of the rates in order, UTC nanoseconds; they may be late by seconds.

    Examples
    --------
    >>> missing_rates(np.array([0, 8, 16, 24, 48, 56]) * 3_600_000_000_000)
    (array([4]), array([2]), 28800000000000)
    """
    none = np.empty(0, dtype=np.int64)
    steps = np.rint(np.diff(times) / _MINUTE_NS).astype(np.int64)
    lengths, counts = np.unique(steps[steps > 0], return_counts=True)
    if len(steps) < 3 or not len(lengths):
        return none, none, 0
    common = int(lengths[counts.argmax()])
    missing = np.rint(steps / common).astype(np.int64) - 1
    at = np.flatnonzero(missing > 0)
    return at + 1, missing[at], common * _MINUTE_NS
