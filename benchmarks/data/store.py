"""Times of the store, beside plain Parquet in the same run; and how much memory a stream takes."""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.figures import Figure
from peak_trade.data.load import load
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

ROOT = Path(__file__).resolve().parents[2]
MINUTE_NS, DAY_NS = 60_000_000_000, 86_400_000_000_000
MINUTES = 2_600_000
STOCKS, DAYS = 500, 5_040
SEED = 20_261_121
OHLCV = ("open", "high", "low", "close", "volume")
BTC = SeriesKey("bars", "bench", "BTC/USD", "1m")
_FIRST_NS = 1_577_836_800_000_000_000  # 2020-01-01
_DAY = 1_440
_YEAR = 525_600

Arrays = list[npt.NDArray[np.generic]]


def bars(rows: int, *, step_ns: int, first_ns: int = _FIRST_NS, seed: int = SEED) -> pl.DataFrame:
    """Bars of a walk with ticks of 0.1, as a venue would quote it."""
    rng = np.random.default_rng(seed)
    opens = first_ns + np.arange(rows, dtype=np.int64) * step_ns
    open_ = np.round(30_000 * np.exp(np.cumsum(rng.normal(0, 1e-4, rows))), 1)
    close = np.round(open_ + rng.normal(0, 3, rows), 1)
    high = np.maximum(open_, close) + np.round(rng.exponential(5, rows), 1)
    low = np.minimum(open_, close) - np.round(rng.exponential(5, rows), 1)
    volume = np.round(rng.exponential(3, rows), 4)
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    return pl.DataFrame({"open_ns": opens, "close_ns": opens + step_ns, **columns})


def median_s(work: Callable[[], object], repeats: int = 9) -> float:
    """Median of some runs, in seconds, after one that warms the files up."""
    work()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _plain(folder: Path, frame: pl.DataFrame) -> list[Path]:
    """One Parquet file as polars writes it, and one as pyarrow does where that is there."""
    ours = folder / "polars.parquet"
    frame.write_parquet(ours)
    found = [ours]
    try:
        import pyarrow.parquet as pq
    except ImportError:
        return found
    pq.write_table(frame.to_arrow(), folder / "pyarrow.parquet")
    return [*found, folder / "pyarrow.parquet"]


def _arrays(path: Path) -> Arrays:
    frame = pl.read_parquet(path, columns=["open_ns", *OHLCV])
    return [frame[name].to_numpy() for name in frame.columns]


def _stored_arrays(store: Store, key: SeriesKey) -> Arrays:
    frame = store.read(key, columns=["open_ns", *OHLCV])
    return [frame[name].to_numpy() for name in frame.columns]


def _ratio(part: str, what: str, ours: float, plain: float, target: float) -> Figure:
    ratio = ours / plain
    return Figure(
        part, what, f"<= {target:g} x plain Parquet",
        f"{ours * 1e3:.0f} ms, plain {plain * 1e3:.0f} ms: {ratio:.2f} x", ratio <= target, True,
    )  # fmt: skip


def minutes(scale: float) -> list[Figure]:
    """One instrument of minutes: into arrays, a range of it, a day appended to it."""
    rows = max(20_000, round(MINUTES * scale))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame = bars(rows, step_ns=MINUTE_NS)
        paths = _plain(folder, frame)
        store = Store.open(folder / "store")
        for start in range(0, rows, 500_000):
            store.upsert(BTC, frame[start : start + 500_000], source="bench", received_ns=1)
        _check_equal(_stored_arrays(store, BTC), _arrays(paths[0]))
        plain = min(median_s(lambda path=path: _arrays(path)) for path in paths)  # type: ignore[misc]
        figures = [
            _ratio("store", f"{rows:,} minute bars, OHLCV, into arrays",
                   median_s(lambda: _stored_arrays(store, BTC)), plain, 1.2),
        ]  # fmt: skip
        whole = median_s(lambda: load("bench:BTC/USD", interval="1m", store=store), 3)
        figures.append(
            Figure("store", f"pt.load of {rows:,} minute bars, checked", "",
                   f"{whole * 1e3:.0f} ms", True, True)
        )  # fmt: skip
        figures += [_a_range(store, rows), _append(store, rows), *_arctic(frame, plain)]
    return figures


def _check_equal(one: Arrays, other: Arrays) -> None:
    if not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)):
        raise RuntimeError("the store gave other numbers than the file")


def _a_range(store: Store, rows: int) -> Figure:
    start = _FIRST_NS + (rows // 2) * MINUTE_NS
    taken = median_s(lambda: store.read(BTC, start_ns=start, stop_ns=start + DAY_NS))
    return Figure(
        "store", f"one day out of {rows:,} minute bars", "", f"{taken * 1e3:.1f} ms", True, True
    )


def _append(store: Store, rows: int) -> Figure:
    """A day at a time, of which an hour is there already."""
    taken = []
    for turn in range(12):
        first = rows + turn * _DAY - 60
        day = bars(_DAY + 60, step_ns=MINUTE_NS, first_ns=_FIRST_NS + first * MINUTE_NS, seed=turn)
        known = store.read(BTC, start_ns=_FIRST_NS + first * MINUTE_NS)
        known = known.select(day.columns)
        day = pl.concat([known, day[known.height :]])
        begun = time.perf_counter()
        commit = store.upsert(BTC, day, source="bench", received_ns=2)
        taken.append(time.perf_counter() - begun)
        if (commit.added, commit.unchanged) != (day.height - known.height, known.height):
            raise RuntimeError(f"a day was not appended: {commit}")
    middle, worst = statistics.median(taken) * 1e3, max(taken) * 1e3
    return Figure(
        "store", f"a day of minutes appended and deduplicated into {rows:,} bars", "<= 150 ms",
        f"{middle:.0f} ms (at most {worst:.0f} ms)", middle <= 150, True,
    )  # fmt: skip


def _arctic(frame: pl.DataFrame, plain: float) -> list[Figure]:
    """The same in ArcticDB, where it is installed."""
    try:
        import arcticdb  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return []
    with tempfile.TemporaryDirectory() as folder:
        library = arcticdb.Arctic(f"lmdb://{folder}").get_library("bars", create_if_missing=True)
        library.write("BTC", frame.to_pandas().set_index("open_ns"))

        def arrays() -> object:
            return library.read("BTC").data.to_numpy()

        taken = median_s(arrays)
    found = f"{taken * 1e3:.0f} ms, plain {plain * 1e3:.0f} ms"
    return [Figure("store", "the same bars out of ArcticDB", "", found, True, True)]


def days(scale: float) -> list[Figure]:
    """A panel of days: one import, then a day at a time, read into (T, N) arrays."""
    stocks, count = max(20, round(STOCKS * scale)), DAYS if scale >= 0.1 else 1_000
    keys = [SeriesKey("bars", "bench", f"S{number:04d}", "1d") for number in range(stocks)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = {
            key: bars(count, step_ns=DAY_NS, first_ns=0, seed=number)
            for number, key in enumerate(keys)
        }
        long = pl.concat(
            frame.select(pl.lit(key.symbol).alias("symbol"), pl.all())
            for key, frame in frames.items()
        )
        paths = _plain(folder, long)
        store = Store.open(folder / "store")
        store.upsert_many(frames, source="bench", received_ns=1)

        def beside(path: Path) -> list[npt.NDArray[np.float64]]:
            frame = pl.read_parquet(path, columns=list(OHLCV))
            return [
                np.ascontiguousarray(frame[n].to_numpy().reshape(stocks, count).T) for n in OHLCV
            ]

        panel = store.panel(keys)
        for ours, plain in zip(panel.values.values(), beside(paths[0]), strict=True):
            if not np.array_equal(ours, plain):
                raise RuntimeError("the store gave another panel than the file")
        plain_s = min(median_s(lambda path=path: beside(path)) for path in paths)  # type: ignore[misc]
        what = f"{stocks} x {count:,} days, OHLCV, into (T, N) arrays"
        figures = [_ratio("store", what, median_s(lambda: store.panel(keys)), plain_s, 1.5)]
        for turn in range(20):
            first = (count + turn) * DAY_NS
            day = {key: bars(1, step_ns=DAY_NS, first_ns=first, seed=turn) for key in keys}
            store.upsert_many(day, source="bench", received_ns=2 + turn)
        figures.append(
            _ratio("store", f"{what}, after 20 commits of a day each",
                   median_s(lambda: store.panel(keys)), plain_s, 1.5)
        )  # fmt: skip
        source = [f"bench:{key.symbol}" for key in keys]
        whole = median_s(lambda: load(source, interval="1d", store=store), 3)
        figures.append(
            Figure("store", f"pt.load of {stocks} x {count + 20:,} days, checked", "",
                   f"{whole * 1e3:.0f} ms", True, True)
        )  # fmt: skip
    return figures


def streamed(folder: str, symbols: int) -> dict[str, float]:
    """Stream a store's minutes through this process; give rows a second and the peak of its memory."""
    store = Store.open(folder)
    keys = [one.key for one in store.series()][:symbols]
    begun, rows, total = time.perf_counter(), 0, 0.0
    for frame in store.scan(keys):
        rows += frame.height
        total += float(frame["close"].sum())
    seconds = time.perf_counter() - begun
    return {"rows": rows, "seconds": seconds, "peak_mb": _peak_mb(), "total": total}


def _peak_mb() -> float:
    """The most memory that this process has held; what its parent held before does not count."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stream(scale: float) -> list[Figure]:
    """Memory of a stream over few and over four times as many instruments: it must not grow."""
    few = max(2, round(10 * scale))
    rows = _YEAR if scale >= 0.1 else 60_000
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        for number in range(few * 4):
            key = SeriesKey("bars", "bench", f"S{number:03d}", "1m")
            frame = bars(rows, step_ns=MINUTE_NS, seed=number)
            store.upsert(key, frame, source="bench", received_ns=1)
        found = [_streamed_alone(folder, symbols) for symbols in (few, few * 4)]
    one, four = found
    grown = four["peak_mb"] - one["peak_mb"]
    hours = 500 * 10 * _YEAR / (four["rows"] / four["seconds"]) / 3600
    return [
        Figure(
            "store",
            f"memory of a stream over {four['rows']:,.0f} minute bars of {few * 4} instruments, "
            f"beside one over {one['rows']:,.0f}",
            "<= 60 MB more",
            f"{four['peak_mb']:.0f} MB, {one['peak_mb']:.0f} MB; "
            f"{four['rows'] / four['seconds'] / 1e6:.1f} million bars/s "
            f"(500 instruments x 10 years: {hours * 60:.0f} min)",
            grown <= 60,
        )
    ]


def _streamed_alone(folder: str, symbols: int) -> dict[str, float]:
    code = (
        "import json, sys; from benchmarks.data.store import streamed; "
        "print(json.dumps(streamed(sys.argv[1], int(sys.argv[2]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder, str(symbols)],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(scale: float) -> list[Figure]:
    """The figures of the store; ``scale`` 1 is the full size, less is a sample."""
    return [*minutes(scale), *days(scale), *stream(scale)]


if __name__ == "__main__":
    for figure in measure(float(sys.argv[1]) if len(sys.argv) > 1 else 0.01):
        print(figure)
