"""Keep bars in a store, trade on features, correct a bar, and repeat the backtest as it was.

Run it with: python examples/store_and_features.py
"""

import tempfile
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

import peak_trade as pt
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store


class Calm(pt.Strategy):
    """Long while volatility is below its usual level and the market is not overbought."""

    period: int = pt.param(default=20, low=5, high=250, doc="days of the volatility")
    level: float = pt.param(default=70.0, low=50, high=100, doc="flat above it")

    @property
    def features(self) -> Mapping[str, str]:
        volatility = f"yang_zhang(period={self.period})"
        return {
            "strength": "rsi",
            "volatility": volatility,
            "usual": f"sma(of='{volatility}', period=250)",
        }

    def targets(self, bars: pt.Bars) -> npt.NDArray[np.bool_]:
        is_calm = bars.features["volatility"] < bars.features["usual"]
        return is_calm & (bars.features["strength"] < self.level)


def rows_of(bars: pt.Bars) -> pl.DataFrame:
    """Bars of one instrument as rows of a stored series."""
    names = ("open", "high", "low", "close", "volume")
    opens = bars.open_time[:, 0].astype("datetime64[ns]").astype(np.int64)
    columns = {name: getattr(bars, name)[:, 0] for name in names}
    return pl.DataFrame({"open_ns": opens, "close_ns": opens + 86_400 * 10**9, **columns})


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, key = Store.open(folder), SeriesKey("bars", "yahoo", "SP500", "1d")
        rows = rows_of(pt.load("builtin:sp500"))
        store.upsert(key, rows, source="builtin:sp500", received_ns=1)

        costs = pt.Costs(commission=0.001)
        first = pt.backtest(Calm(), pt.load("yahoo:SP500", interval="1d", store=store), costs=costs)
        print(first)

        mended = rows.slice(4000, 1).with_columns(pl.col("open", "high", "low", "close") * 1.001)
        store.upsert(key, mended, source="example", received_ns=2, note="a correction")
        for version in store.versions(key):
            print(
                f"version {version.version}: {version.added:,} rows added, {version.corrected} corrected"
            )

        pinned = pt.load("yahoo:SP500", interval="1d", version=1, store=store)
        again = pt.backtest(Calm(), pinned, costs=costs)
        newest = pt.load("yahoo:SP500", interval="1d", store=store)
        print(f"the same on version 1: {again.stats == first.stats}")
        print(f"the same bars in the newest: {newest.fingerprint == pinned.fingerprint}")
        print(f"looks ahead: {not pt.check_causality(Calm(), newest, every=500).is_causal}")


if __name__ == "__main__":
    main()
