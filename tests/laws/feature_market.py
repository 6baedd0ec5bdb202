"""Markets with everything that features read: bars, and stored rows beside them, some at the very close."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import polars as pl

from peak_trade.data.features import id_of
from peak_trade.data.series import KINDS, SeriesKey
from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument

HOUR = 3_600_000_000_000
START = 1_709_200_800_000_000_000  # 29 February 2024, 10:00 UTC: a summer time change is near


def known_column(kind: str) -> str:
    """Which column of a kind says when a row was known."""
    columns = KINDS[kind].columns
    return next((name for name in ("known_ns", "close_ns") if name in columns), KINDS[kind].time)


@dataclass
class Kept:
    """A store in memory: the rows of each series, all of them or those known by a moment."""

    frames: dict[SeriesKey, pl.DataFrame]

    def as_of(self, moment_ns: int) -> "Kept":
        """The store as it was at a moment."""
        return Kept(
            {
                key: rows.filter(pl.col(known_column(key.kind)) <= moment_ns)
                for key, rows in self.frames.items()
            }
        )

    def stored(self, key: SeriesKey) -> SimpleNamespace | None:
        if key not in self.frames:
            return None
        times = self.frames[key][key.shape.time]
        first, last = (times.min(), times.max()) if len(times) else (2**62, 0)
        return SimpleNamespace(key=key, version=7, first_ns=first, last_ns=last, updated_ns=0)

    def read(self, key, *, start_ns=None, stop_ns=None, version=None, columns=None, where=None):
        rows = self.frames[key].sort(list(key.shape.key)).filter(**where or {})
        time = pl.col(key.shape.time)
        if start_ns is not None:
            rows = rows.filter(time >= start_ns)
        if stop_ns is not None:
            rows = rows.filter(time < stop_ns)
        return rows.select(columns) if columns else rows


def market(seed: int, kinds: frozenset[str], rows: int, width: int, interval: str = "1h") -> Bars:
    """A random walk with ranges and volumes, flat, gapping or with missing bars."""
    rng = np.random.default_rng(seed)
    moves = rng.standard_normal((rows, width)) * 0.01
    if "flat" in kinds:
        moves[rng.random((rows, width)) < 0.7] = 0.0
    if "gapping" in kinds:
        moves += (rng.random((rows, width)) < 0.1) * rng.choice([-0.7, 0.7], (rows, width))
    close = np.round(100.0 * np.exp(np.cumsum(moves, axis=0)), 2) + 0.01
    before = np.concatenate((close[:1], close[:-1]))
    opened = before if "flat" in kinds else np.round(before * np.exp(moves / 3), 2) + 0.01
    wick = 0.0 if "flat" in kinds else rng.random((rows, width)) * 0.02
    tradable = np.ones((rows, width), bool)
    if "missing" in kinds:
        tradable[1:] = rng.random((rows - 1, width)) < 0.8
    if "late" in kinds:
        tradable[: rng.integers(0, rows // 2), 0] = False
    volume = np.round(rng.exponential(50.0, (rows, width)), 3)
    if "silent" in kinds:
        volume[rng.random((rows, width)) < 0.2] = 0.0
    step = {"1h": HOUR, "1d": 24 * HOUR}[interval]
    time = START + (np.arange(rows) + 1) * step
    if "holes" in kinds:
        time = time + np.cumsum(rng.integers(0, 3, rows)) * step
    return Bars.from_arrays(
        close,
        open=opened,
        high=np.maximum(opened, close) * (1 + wick),
        low=np.minimum(opened, close) * (1 - wick),
        volume=volume,
        tradable=tradable,
        time=time,
        open_time=time - step,
        interval=interval,
        instruments=[
            Instrument(f"I{k}", calendar=("24/7", "XNYS", "24/5")[k % 3]) for k in range(width)
        ],
        name="sim:" + ",".join(f"I{k}" for k in range(width)),
    )


def beside(bars: Bars, seed: int) -> Kept:
    """Trades, quotes, books, rates, releases, news and kept features of a market."""
    rng = np.random.default_rng(seed + 1)
    frames: dict[SeriesKey, pl.DataFrame] = {}
    for k, one in enumerate(bars.instruments):
        for kind, make in (("trades", trades), ("quotes", quotes), ("book", book)):
            frames[SeriesKey(kind, "sim", one.symbol)] = make(bars, rng)
        rates = pl.DataFrame(
            {"time_ns": bars.time[::8], "rate": rng.normal(0, 1e-4, len(bars))[::8]}
        )
        frames[SeriesKey("funding", "sim", one.symbol)] = rates.with_columns(mark=pl.lit(0.0))
        step = str(bars.interval)
        frames[SeriesKey("features", "sim", one.symbol, step)] = kept_feature(bars, k, rng)
    frames[SeriesKey("series", "fred", "CPI")] = releases(bars, rng)
    frames[SeriesKey("news", "rss", "markets")] = news(bars, rng)
    return Kept(frames)


def moments(bars: Bars, rng: np.random.Generator, count: int) -> np.ndarray:
    """Ascending times around the bars; some at the very opens and closes."""
    span = int(bars.time[-1] - bars.first_open)
    any_time = bars.first_open - span // 20 + rng.integers(0, span + span // 10, count)
    edges = rng.choice(np.concatenate((bars.time, bars.time - 1, bars.time + 1)), count // 2)
    return np.sort(np.concatenate((any_time, edges)))


def trades(bars: Bars, rng: np.random.Generator) -> pl.DataFrame:
    times = moments(bars, rng, 6 * len(bars))
    count = len(times)
    return pl.DataFrame(
        {
            "time_ns": times,
            "seq": np.arange(count),
            "trade_id": [str(i) for i in range(count)],
            "price": np.round(100 + np.cumsum(rng.normal(0, 0.05, count)), 2),
            "size": np.round(rng.exponential(1.0, count), 3),
            "side": rng.choice([-1, 0, 1], count).astype(np.int8),
            "condition": [""] * count,
        }
    )


def quotes(bars: Bars, rng: np.random.Generator) -> pl.DataFrame:
    times = moments(bars, rng, 3 * len(bars))
    count = len(times)
    bid = np.round(100 + np.cumsum(rng.normal(0, 0.05, count)), 2)
    return pl.DataFrame(
        {
            "time_ns": times,
            "seq": np.arange(count),
            "bid": bid,
            "bid_size": np.round(rng.exponential(3.0, count), 2),
            "ask": bid + np.round(rng.exponential(0.1, count) + 0.01, 2),
            "ask_size": np.round(rng.exponential(3.0, count), 2),
            "exchange": [""] * count,
        }
    )


def book(bars: Bars, rng: np.random.Generator) -> pl.DataFrame:
    rows = []
    for seq, time in enumerate(moments(bars, rng, len(bars)).tolist()):
        is_snapshot = seq % 25 == 0
        for _ in range(6 if is_snapshot else 2):
            side = int(rng.choice([-1, 1]))
            price = round(100 - side * (0.01 + 0.01 * float(rng.integers(0, 20))), 2)
            size = (
                0.0
                if not is_snapshot and rng.random() < 0.3
                else round(float(rng.random()) + 0.1, 2)
            )
            rows.append((time, seq, side, price, size, is_snapshot))
    schema = KINDS["book"].schema()
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.unique(["time_ns", "seq", "side", "price"], maintain_order=True)


def releases(bars: Bars, rng: np.random.Generator) -> pl.DataFrame:
    events = np.sort(moments(bars, rng, max(16, len(bars) // 8)))
    later = rng.integers(0, 30, len(events)) * HOUR
    revised = rng.random(len(events)) < 0.5
    return pl.DataFrame(
        {
            "time_ns": np.concatenate((events, events[revised])),
            "known_ns": np.concatenate((events + later, (events + later)[revised] + 12 * HOUR)),
            "value": rng.normal(0, 1, len(events) + int(revised.sum())),
        }
    ).unique(["time_ns", "known_ns"], maintain_order=True)


def news(bars: Bars, rng: np.random.Generator) -> pl.DataFrame:
    events = np.sort(moments(bars, rng, len(bars)))
    count = len(events)
    return pl.DataFrame(
        {
            "time_ns": events,
            "known_ns": events + rng.integers(0, 3, count) * HOUR,
            "news_id": [str(i) for i in range(count)],
            "headline": rng.choice(["Rates RISE", "calm", "a rise, again"], count),
            "body": [""] * count,
            "url": [""] * count,
        }
    )


def kept_feature(bars: Bars, column: int, rng: np.random.Generator) -> pl.DataFrame:
    # one value from before the bars: what was never kept at all is an error
    times = np.concatenate(([bars.first_open], bars.time))
    late = np.concatenate(([0], rng.choice([0, HOUR // 2, 3 * HOUR], len(bars))))
    values = rng.normal(0, 1, len(times))
    values[:5] = np.nan
    return pl.DataFrame(
        {
            "time_ns": times,
            "feature": [id_of("rsi(period=14)")] * len(times),
            "known_ns": times + late,
            "value": values,
        }
    )
