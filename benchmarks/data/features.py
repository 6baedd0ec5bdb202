"""How quickly features are computed, joined and kept, and whether any of them knows what comes later."""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.figures import Figure
from peak_trade.data.features import joined, materialize, with_features
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument

BARS = 1_000_000
RELEASES = 10_000
CUTS = 20
PIECES = 20
SEED = 20_261
MINUTE_NS = 60_000_000_000
FIRST_NS = 1_577_836_800_000_000_000  # 2020-01-01
COMPUTE_S, JOIN_S = 10.0, 0.25
TIMES = 3

TEXTS = (
    "sma(period=50)", "ema(period=50)", "rsi(period=14)", "macd(output='histogram')",
    "bollinger(period=20)", "donchian(period=55)", "atr(period=14)", "zscore(period=100)",
    "returns(period=60, log=True)", "lag(of='rsi(period=14)', by=5)", "parkinson(period=30)",
    "garman_klass(period=30)", "rogers_satchell(period=30)", "yang_zhang(period=30)",
    "amihud(period=30)", "talib.adx(timeperiod=14)", "talib.stoch(output='slowd')",
    "talib.obv", "day_of_week", "minutes_to_close(calendar='XNYS')",
)  # fmt: skip
"""Twenty features of all groups that bars alone give."""


def measure(scale: float) -> list[Figure]:
    """Compute, join and keep features; ``scale`` 1 is 1,000,000 bars and 10,000 releases."""
    rows = max(1_000, int(BARS * scale))
    bars = minutes(rows)
    folder = Path(tempfile.mkdtemp())
    try:
        return [
            _computed(bars, is_whole=scale >= 1),
            _causal(bars),
            *_joined(bars, max(100, int(RELEASES * scale)), is_whole=scale >= 1),
            *_kept(bars, folder),
        ]
    finally:
        shutil.rmtree(folder)


def minutes(rows: int, *, seed: int = SEED) -> Bars:
    """Made-up minutes of one instrument that trades around the clock."""
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 5e-4, rows))), 2)
    opened = np.concatenate((close[:1], close[:-1]))
    wick = np.round(rng.exponential(0.03, (2, rows)), 2)
    closes = FIRST_NS + (1 + np.arange(rows, dtype=np.int64)) * MINUTE_NS
    return Bars.from_arrays(
        close,
        open=opened,
        high=np.maximum(opened, close) + wick[0],
        low=np.maximum(np.minimum(opened, close) - wick[1], 0.01),
        volume=np.round(rng.exponential(5.0, rows), 3) + 0.001,
        time=closes,
        interval="1m",
        instruments=[Instrument("BTC/USD", tick=0.01)],
        name="made:BTC/USD",
    )


def _computed(bars: Bars, *, is_whole: bool) -> Figure:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        with_features(bars[:], TEXTS)
        took.append(time.perf_counter() - begun)
    seconds = float(np.median(took))
    return Figure(
        "features",
        f"{len(TEXTS)} features over {len(bars):,} bars",
        f"at most {COMPUTE_S:g} s" if is_whole else "told",
        f"{seconds:.2f} s",
        seconds <= COMPUTE_S or not is_whole,
        is_speed=True,
    )


def _causal(bars: Bars) -> Figure:
    """The last row of shorter histories against the row of the whole one, bit for bit."""
    rng = np.random.default_rng(SEED)
    whole = with_features(bars[:], TEXTS).features
    differing = 0
    for row in sorted(rng.choice(min(len(bars), 100_000), CUTS, replace=False).tolist()):
        cut = with_features(bars[: row + 1], TEXTS).features
        differing += sum(not _same(cut[text][row], whole[text][row]) for text in TEXTS)
    return Figure(
        "features",
        f"values at {CUTS} rows, {len(TEXTS)} features, that differ from those of a history that "
        "ends there",
        "0",
        str(differing),
        differing == 0,
    )


def _joined(bars: Bars, releases: int, *, is_whole: bool) -> list[Figure]:
    rng = np.random.default_rng(SEED)
    span = int(bars.time[-1] - bars.time[0])
    events = np.sort(rng.integers(0, span, releases)) + bars.time[0]
    known = events + rng.integers(0, span // 50, releases)
    rows = pl.DataFrame({"time_ns": events, "known_ns": known, "value": rng.normal(size=releases)})
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        found = joined(bars, rows, ttl=span // 20)
        took.append(time.perf_counter() - begun)
    seconds = float(np.median(took))
    sample = rng.choice(len(bars), min(len(bars), 500), replace=False)
    wrong = sum(
        not _same(found[t : t + 1], _slow(int(bars.time[t]), events, known, rows, span // 20))
        for t in sample.tolist()
    )
    return [
        Figure(
            "features",
            f"{releases:,} released values joined to {len(bars):,} bars",
            f"at most {JOIN_S:g} s" if is_whole else "told",
            f"{1000 * seconds:.0f} ms",
            seconds <= JOIN_S or not is_whole,
            is_speed=True,
        ),
        Figure(
            "features",
            f"joined values of {len(sample)} bars that differ from those of a search through all",
            "0",
            str(wrong),
            wrong == 0,
        ),
    ]


def _slow(
    close: int,
    events: npt.NDArray[np.int64],
    known: npt.NDArray[np.int64],
    rows: pl.DataFrame,
    ttl: int,
) -> npt.NDArray[np.float64]:
    seen = np.flatnonzero(known <= close)
    if not len(seen):
        return np.array([np.nan])
    best = max(seen.tolist(), key=lambda k: (events[k], known[k]))
    is_old = close - known[best] > ttl
    return np.array([np.nan if is_old else rows["value"][best]])


def _kept(bars: Bars, folder: Path) -> list[Figure]:
    texts = ("rsi(period=14)", "yang_zhang(period=30)")
    store = Store.open(folder / "store")
    columns = {
        name: getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close", "volume")
    }
    frame = pl.DataFrame({"open_ns": bars.open_time[:, 0], "close_ns": bars.time, **columns})
    store.upsert(
        SeriesKey("bars", "made", "BTC/USD", "1m"), frame, source="benchmark", received_ns=1
    )
    rng = np.random.default_rng(SEED)
    stops = [*np.sort(rng.choice(len(bars) - 1, PIECES - 1, replace=False) + 1), len(bars)]
    begun = time.perf_counter()
    for stop in stops:
        materialize(bars[: int(stop)], texts, store, received_ns=2)
    seconds = time.perf_counter() - begun
    again = materialize(bars, texts, store, received_ns=3)
    values = {text: f"stored(feature={text!r})" for text in texts}
    kept = with_features(bars, values, store=store).features
    whole = with_features(bars, texts).features
    differing = sum(
        int((kept[text].view(np.int64) != whole[text].view(np.int64)).sum())
        - int((np.isnan(kept[text]) & np.isnan(whole[text])).sum())
        for text in texts
        if not _same(kept[text], whole[text])
    )
    return [
        Figure(
            "features",
            f"{len(texts)} features of {len(bars):,} bars kept in {PIECES} pieces",
            "told",
            f"{seconds:.1f} s",
            holds=True,
            is_speed=True,
        ),
        Figure(
            "features",
            "kept values that differ from those of one go, and bars computed again for nothing",
            "0 and 0",
            f"{differing} and {sum(one.computed for one in again)}",
            differing == 0 and not any(one.computed for one in again),
        ),
    ]


def _same(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> bool:
    bits = one.view(np.int64) == other.view(np.int64)
    return bool((bits | (np.isnan(one) & np.isnan(other))).all())
