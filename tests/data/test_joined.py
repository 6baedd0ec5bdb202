"""Markets with other hours and intervals side by side."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from data.test_resample import HOUR_NS, MARKETS, stamp, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.joined import panel
from peak_trade.data.load import load
from peak_trade.data.resample import resample
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import DAY_NS
from peak_trade.domain.errors import DataError


def test_panel_of_calendars_has_the_union_of_closes() -> None:
    parts = [
        walk(MARKETS[calendar], calendar=calendar, symbol=calendar, seed=k)
        for k, calendar in enumerate(sorted(MARKETS))
    ]
    made = panel([resample(part, "1d") for part in parts])
    assert made.symbols == ("24/5", "24/7", "XNYS")
    closes = sorted({int(t) for part in parts for t in resample(part, "1d").time})
    assert made.time.tolist() == closes
    for column, part in enumerate(parts):
        days = resample(part, "1d")
        rows = np.flatnonzero(made.tradable[:, column])
        assert made.time[rows].tolist() == days.time.tolist()
        assert made.close[rows, column].tolist() == days.close[:, 0].tolist()
        assert made.open_time[rows, column].tolist() == days.open_time[:, 0].tolist()


def test_panel_equals_what_loading_the_same_rows_gives() -> None:
    days = [f"2024-03-{day:02d}" for day in range(1, 15)]
    rng = np.random.default_rng(3)
    frames = {
        name: pl.DataFrame(
            {"date": kept, "symbol": name, "close": 50 + rng.random(len(kept)).round(2)}
        )
        for name, kept in (("A", days), ("B", days[3:9]), ("C", days[::3]))
    }
    whole = load(pl.concat(list(frames.values())), calendar="24/7", interval="1d", tick=0.01)
    parts = [load(frame, calendar="24/7", interval="1d", tick=0.01) for frame in frames.values()]
    assert panel(parts).fingerprint == whole.fingerprint


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_panel_knows_nothing_before_it_closed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = [HOUR_NS, 4 * HOUR_NS, DAY_NS]
    parts = [
        walk(
            np.sort(rng.choice(np.arange(0, 5 * DAY_NS, step), rng.integers(1, 6), replace=False)),
            {HOUR_NS: "1h", 4 * HOUR_NS: "4h", DAY_NS: "1d"}[step],
            symbol=str(k),
            seed=k,
        )
        for k, step in enumerate(rng.choice(steps, 3))
    ]
    made = panel(parts)
    for column, part in enumerate(parts):
        for row, time in enumerate(made.time):
            closed = np.flatnonzero(part.time <= time)
            if len(closed) == 0:
                assert np.isnan(made.close[row, column])
            else:
                assert made.close[row, column] == part.close[closed[-1], 0]
            assert made.tradable[row, column] == (time in part.time)


def test_panel_of_mixed_intervals_counts_by_the_shortest() -> None:
    hours = walk(np.arange(stamp("2024-03-08"), stamp("2024-03-12"), HOUR_NS), "1h", symbol="H")
    days = walk(np.arange(stamp("2024-03-08"), stamp("2024-03-12"), DAY_NS), "1d", symbol="D")
    made = panel([days, hours])
    assert str(made.interval) == "1h"
    assert np.flatnonzero(made.tradable[:, 0]).tolist() == [23, 47, 71, 95]
    assert (made.open_time[23::24, 0] == made.time[23::24] - DAY_NS).all()


def test_panel_features_stay_with_their_part() -> None:
    hours = walk(np.arange(4) * HOUR_NS, "1h", symbol="H")
    hours = replace(hours, features={"x": np.arange(4.0)[:, None]}, _facts={})
    two = walk(np.arange(2) * 2 * HOUR_NS, "2h", symbol="D")
    two = replace(two, features={"y": np.array([[7.0], [8.0]])}, _facts={})
    made = panel([hours, two])
    assert made.features["x"][:, 0].tolist() == [0, 1, 2, 3]
    assert np.isnan(made.features["x"][:, 1]).all()
    assert made.features["y"][:, 1].tolist()[1:] == [7, 7, 8]
    assert np.isnan(made.features["y"][0, 1])
    assert panel([hours]).features["x"].shape == (4, 1)


def test_panel_given_nothing_or_the_same_twice_says_so() -> None:
    bars = walk(np.arange(4) * HOUR_NS, "1h")
    with pytest.raises(DataError, match="instrument 'X' is in more than one"):
        panel([bars, bars])
    with pytest.raises(DataError, match="made of several bars"):
        panel([])
    with pytest.raises(DataError, match="made of several bars"):
        panel(bars)  # type: ignore[arg-type]
    assert isinstance(panel([bars]), Bars)
