"""How quickly a file gets into the store with every row checked, and whether a planted fault hides."""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figures import Figure
from peak_trade.data.imports import Form, Mend, import_file, import_parts, store_import
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

ROWS = 500_000
TARGET_S = 2.0
TIMES = 5
SEED = 20_260
MINUTE_S = 60
FIRST_S = 1_577_836_800  # 2020-01-01


def measure(scale: float) -> list[Figure]:
    """Import made-up minutes and trades from CSV; ``scale`` 1 is 500,000 bars."""
    folder = Path(tempfile.mkdtemp())
    rows = max(1_000, int(ROWS * scale))
    try:
        return [
            *_speed(folder, rows, is_whole=scale >= 1),
            _planted(folder, rows),
            _parts(folder, rows),
        ]
    finally:
        shutil.rmtree(folder)


def minutes(rows: int, *, seed: int = SEED) -> pl.DataFrame:
    """Sound bars of minutes: a random walk in cents that never stands still."""
    generator = np.random.default_rng(seed)
    closes = 3_000_000 + np.cumsum(
        generator.integers(1, 500, rows) * generator.choice([-1, 1], rows)
    )
    closes = np.abs(closes) + 100_000
    opens = np.concatenate(([closes[0]], closes[:-1]))
    sides = {
        "open": opens,
        "high": np.maximum(opens, closes) + generator.integers(0, 200, rows),
        "low": np.minimum(opens, closes) - generator.integers(0, 200, rows),
        "close": closes,
    }
    times = FIRST_S + MINUTE_S * np.arange(rows)
    prices = {name: (cents / 100).round(2) for name, cents in sides.items()}
    volume = generator.integers(1, 10**9, rows) / 1e6
    return pl.DataFrame({"time": times, **prices, "volume": volume})


def _speed(folder: Path, rows: int, *, is_whole: bool) -> list[Figure]:
    """The median time of one import into an empty store, beside that of a bare copy to Parquet."""
    path = folder / "bars.csv"
    frame = minutes(rows).with_columns(pl.from_epoch("time").dt.strftime("%Y-%m-%d %H:%M:%S"))
    frame.write_csv(path)
    taken, bare = [], []
    for turn in range(TIMES):
        begun = time.perf_counter()
        found = import_file(path, "bars", "bench:A", form=Form(interval="1m"))
        store = Store.open(folder / f"store{turn}")
        (commit,) = store_import(store, found, source="bench", received_ns=1)
        taken.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        pl.read_csv(path, try_parse_dates=True).write_parquet(folder / "bare.parquet")
        bare.append(time.perf_counter() - begun)
    median, copied = statistics.median(taken), statistics.median(bare)
    kept = Store.open(folder / "store0").read(SeriesKey("bars", "bench", "A", "1m"))
    same = all(
        (kept[name] == frame[name]).all() for name in ("open", "high", "low", "close", "volume")
    )
    return [
        Figure(
            "imports", f"{rows:,} CSV rows checked and stored",
            f"{TARGET_S:g} s" if is_whole else "", f"{median:.2f} s (bare Parquet {copied:.2f} s)",
            median <= TARGET_S, is_speed=True,
        ),
        Figure(
            "imports", "rows in the store that are those of the file", f"{rows:,}",
            f"{commit.added if same else 0:,}", same and commit.added == rows == kept.height,
        ),
    ]  # fmt: skip


def _planted(folder: Path, rows: int) -> Figure:
    """Break one row in a hundred in a known way; every one is to be named, and no other."""
    frame = minutes(rows)
    generator = np.random.default_rng(SEED + 1)
    places = np.sort(generator.choice(np.arange(2, rows), rows // 100, replace=False))
    places = places[np.diff(places, prepend=-2) > 1]  # neighbours would mask each other
    cells = {name: frame[name].cast(pl.String).to_list() for name in frame.columns}
    want: dict[int, str] = {}
    for turn, row in enumerate(places.tolist()):
        kind, column, text = FAULTS[turn % len(FAULTS)]
        cells[column][row] = cells[column][row - 1] if text == "before" else text
        want[row] = kind
    path = folder / "planted.csv"
    pl.DataFrame(cells).write_csv(path)
    flaws = import_file(path, "bars", "bench:A", form=Form(interval="1m")).flaws
    found = dict(flaws.select("row", "kind").rows())
    skipped = import_file(
        path, "bars", "bench:A", form=Form(interval="1m"), mend=Mend(skips=True)
    ).rows
    # A stamp that stands twice contradicts: neither of its rows is kept.
    lost = len(want) + sum(kind == "conflict" for kind in want.values())
    holds = found == want and flaws.height == len(want) and skipped == rows - lost
    return Figure(
        "imports", f"planted faults named, of {rows:,} rows", f"{len(want):,}, no other",
        f"{sum(found.get(row) == kind for row, kind in want.items()):,}, "
        f"{sum(row not in want for row in found):,} other",
        holds,
    )  # fmt: skip


FAULTS = (
    ("price", "close", "0"),
    ("price", "open", "-5"),
    ("price", "close", "nan"),
    ("price", "low", ""),
    ("unreadable", "close", "12,5"),
    ("inconsistent", "high", "0.01"),
    ("inconsistent", "low", "99999999"),
    ("volume", "volume", "-1"),
    ("stamp", "time", ""),
    ("conflict", "time", "before"),
)
"""What is planted: the kind that is to be found, the column, and what stands in it."""


def _parts(folder: Path, rows: int) -> Figure:
    """Trades in parts of a tenth: all of them stored, each once, whatever the parts."""
    generator = np.random.default_rng(SEED + 2)
    seconds = np.sort(generator.integers(0, rows // 3, rows)) + FIRST_S
    frame = pl.DataFrame(
        {
            "time": seconds,
            "price": generator.integers(1, 10**6, rows) / 100,
            "size": generator.integers(1, 10**9, rows) / 1e8,
        }
    )
    path = folder / "trades.csv"
    frame.write_csv(path)
    store, key = Store.open(folder / "ticks"), SeriesKey("trades", "bench", "A")
    added = 0
    for part in import_parts(path, "trades", "bench:A", rows=rows // 10):
        added += store_import(store, part, source="bench", received_ns=1)[0].added
    kept = store.read(key)
    same = kept.height == rows and (kept["price"] == frame["price"]).all()
    return Figure(
        "imports", "trades stored in ten parts, in their order", f"{rows:,}",
        f"{kept.height if same else 0:,}", same and added == rows,
    )  # fmt: skip
