"""Made-up bars, the same on every machine: M1, minutes of one instrument, and D1, days of 500.

Both come of one stream of draws (PCG64, seed 42), so that figures can be compared with those that
others measured on the same numbers.
"""

import os

import numpy as np
import numpy.typing as npt

from benchmarks import cache
from benchmarks.job import MINUTES_PER_YEAR

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SEED = 42
MINUTES = 1_000_000
DAYS, STOCKS = 5_040, 500
MINUTE_NS = 60_000_000_000
_VERSION = "v1"


def minutes(rows: int = MINUTES) -> tuple[Ints, Floats]:
    """M1: open stamps (T,) in ns, and (5, T) open, high, low, close, volume."""
    columns = _kept("minutes")[:, :rows]
    first = np.datetime64("2021-01-01", "ns").astype(np.int64)
    return first + np.arange(columns.shape[1], dtype=np.int64) * MINUTE_NS, columns


def days() -> tuple[Ints, Floats]:
    """D1: stamps (T,) of business days in ns, and (5, T, N) open, high, low, close, volume."""
    dates = np.busday_offset("2004-01-01", np.arange(DAYS), roll="forward")
    return dates.astype("datetime64[ns]").astype(np.int64), _kept("days")


def make() -> tuple[Floats, Floats]:
    """Draw (5, T) minutes and (5, T, N) days."""
    rng = np.random.default_rng(SEED)
    return _draw_minutes(rng), _draw_days(rng)


def _draw_minutes(rng: np.random.Generator) -> Floats:
    # A walk of four steps a bar at 60 % a year, so that open, high, low and close go together,
    # and a small gap between a close and the next open.
    steps = 4
    sigma = 0.60 / np.sqrt(MINUTES_PER_YEAR)
    moves = rng.standard_normal((MINUTES, steps)) * sigma / np.sqrt(steps)
    walk = np.cumsum(moves.ravel()).reshape(MINUTES, steps)
    gaps = rng.standard_normal(MINUTES) * sigma * 0.05
    gaps[0] = 0
    opens = np.concatenate(([0.0], walk[:-1, -1])) + gaps
    prices = 100.0 * np.exp(np.column_stack([opens, walk]))
    volume = np.round(rng.lognormal(3.0, 1.0, MINUTES), 2)
    quotes = (prices[:, 0], prices.max(1), prices.min(1), prices[:, -1])
    return np.stack([*(np.round(quote, 4) for quote in quotes), volume])


def _draw_days(rng: np.random.Generator) -> Floats:
    # One market factor and a residual; the order of the draws is part of the recipe.
    beta = rng.uniform(0.5, 1.5, STOCKS)
    market = rng.standard_normal(DAYS) * 0.01 + 0.0002
    noise = rng.standard_normal((DAYS, STOCKS))
    scale = rng.uniform(0.008, 0.025, STOCKS)
    drift = rng.normal(0.0001, 0.0002, STOCKS)
    log_returns = market[:, None] * beta + (noise * scale + drift)
    close = np.exp(np.cumsum(log_returns, axis=0)) * rng.uniform(10, 200, STOCKS)
    before = np.vstack([close[:1] / np.exp(log_returns[:1]), close[:-1]])

    def around(size: float) -> Floats:
        return rng.standard_normal((DAYS, STOCKS)) * size

    opens = before * np.exp(around(0.003))
    high = np.maximum(opens, close) * np.exp(np.abs(around(1.0)) * 0.004)
    low = np.minimum(opens, close) * np.exp(-np.abs(around(1.0)) * 0.004)
    volume = np.round(rng.lognormal(13, 1, (DAYS, STOCKS)))
    return np.stack([*(np.round(x, 4) for x in (opens, high, low, close)), volume])


def _kept(name: str) -> Floats:
    path = cache.folder() / f"{name}-{_VERSION}.npy"
    if not path.exists():
        for kept, drawn in zip(("minutes", "days"), make(), strict=True):
            _write(kept, drawn)
    table = np.asarray(np.load(path), dtype=np.float64)
    table.flags.writeable = False  # bars copy what could still be written to
    return table


def _write(name: str, drawn: Floats) -> None:
    # Renamed when whole, so that a run beside this one never reads half a file.
    path = cache.folder() / f"{name}-{_VERSION}.npy"
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as handle:
        np.save(handle, drawn)
    part.replace(path)


if __name__ == "__main__":
    minutes()
    days()
