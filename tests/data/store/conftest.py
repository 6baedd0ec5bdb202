"""What the tests of the store share: a store in a folder of its own, and rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store, parts
from peak_trade.data.store import layout as layouts

MINUTE_NS = 60_000_000_000


class Rows:
    """Makes bars of a minute: opens are counted in minutes from 1970."""

    key = SeriesKey("bars", "kraken", "BTC/USD", "1m")

    def __call__(
        self, minutes: Sequence[int], close: float | Sequence[float] = 1.0
    ) -> pl.DataFrame:
        opens = np.asarray(minutes, dtype=np.int64) * MINUTE_NS
        closes = np.broadcast_to(np.asarray(close, dtype=np.float64), opens.shape)
        return pl.DataFrame({"open_ns": opens, "close_ns": opens + MINUTE_NS, "close": closes})


@pytest.fixture
def bars() -> Rows:
    return Rows()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and row groups of a few rows, so that few rows go through all that many would."""
    monkeypatch.setattr(layouts, "SMALL_ROWS", 24)
    monkeypatch.setattr(layouts, "SETTLED_ROWS", 60)
    monkeypatch.setattr(layouts, "FAN", 3)
    monkeypatch.setattr(layouts, "_TIER_ROWS", 3)
    monkeypatch.setattr(parts, "GROUP_ROWS", 4)
