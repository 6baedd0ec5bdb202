"""Scores of series: each part by hand, and what they are together."""

import math
from dataclasses import replace

import numpy as np
import pytest
from data.test_resample import stamp, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.quality import WEIGHTS, Quality, age_in_bars, data_quality
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.instrument import Instrument

FIRST = stamp("2024-01-01")
WAVE = 100 + np.sin(np.arange(400.0))


def daily(closes: np.ndarray, kept: np.ndarray | None = None) -> Bars:
    rows = np.arange(len(closes)) if kept is None else kept
    return Bars.from_arrays(
        closes[rows], time=FIRST + (rows + 1) * DAY_NS, instruments=[Instrument("X")]
    )


def part(name: str, bars: Bars, **more: object) -> float:
    return data_quality(bars, **more)[0].parts[name]  # type: ignore[arg-type]


def test_clean_series_is_worth_a_hundred() -> None:
    (found,) = data_quality(daily(WAVE), now_ns=FIRST + 401 * DAY_NS, other=daily(WAVE))
    assert dict(found.parts) == dict.fromkeys(WEIGHTS, 100.0)
    assert found.score == pytest.approx(100.0)
    assert (found.rows, found.missing) == (400, 0)


def test_completeness_is_the_share_that_is_there() -> None:
    bars = daily(WAVE, np.setdiff1d(np.arange(400), np.arange(100, 140)))
    assert part("completeness", bars) == pytest.approx(100 * 360 / 400)
    assert data_quality(bars)[0].missing == 40


def test_completeness_takes_filled_rows_for_missing() -> None:
    bars = daily(WAVE)
    real = np.ones((400, 1), bool)
    real[100:140] = False
    assert part("completeness", replace(bars, tradable=real, _facts={})) == pytest.approx(90.0)


def test_completeness_of_a_calendar_is_not_hurt_by_weekends() -> None:
    weekdays = np.flatnonzero((np.arange(400) % 7) < 5)  # 2024-01-01 was a Monday
    bars = daily(WAVE, weekdays)
    assert part("completeness", bars, calendar="24/5") == 100.0
    assert part("completeness", bars, calendar="24/7") == pytest.approx(
        100 * len(weekdays) / (weekdays[-1] + 1)
    )


def test_consistency_loses_five_points_a_percent_of_suspect_bars() -> None:
    closes = WAVE.copy()
    closes[[50, 150, 250, 350]] *= 1.5  # four spikes in 400 bars are one percent
    assert part("consistency", daily(closes)) == pytest.approx(95.0)


@pytest.mark.parametrize(("age", "points"), [(0, 100), (2, 100), (4, 50), (20, 10), (9999, 10)])
def test_freshness_halves_with_twice_the_age(age: int, points: float) -> None:
    now = FIRST + (400 + age) * DAY_NS
    assert part("freshness", daily(WAVE), now_ns=now) == pytest.approx(points)


def test_agreement_is_the_share_of_equal_closes() -> None:
    other = WAVE.copy()
    other[10:30] *= 1.1
    assert part("agreement", daily(WAVE), other=daily(other)) == pytest.approx(95.0)


def test_parts_that_were_not_looked_at_do_not_count() -> None:
    (found,) = data_quality(daily(WAVE))
    assert math.isnan(found.parts["freshness"])
    assert math.isnan(found.parts["agreement"])
    assert found.score == pytest.approx(100.0)
    assert "freshness" not in str(found)


def test_score_is_a_geometric_mean_by_hand() -> None:
    parts = {"completeness": 81.0, "validity": 100.0, "consistency": 50.0}
    found = Quality("X", 9, 1, {**parts, "freshness": math.nan}, None)
    assert found.score == pytest.approx(100 * (0.81**3 * 1 * 0.5**2) ** (1 / 8))


@settings(max_examples=50)
@given(
    parts=st.dictionaries(st.sampled_from(sorted(WEIGHTS)), st.floats(0.1, 100), min_size=1),
    name=st.sampled_from(sorted(WEIGHTS)),
    worse=st.floats(0, 1),
)
def test_score_lies_between_its_parts_and_falls_with_each(
    parts: dict[str, float], name: str, worse: float
) -> None:
    score = Quality("X", 9, 0, parts, None).score
    assert min(parts.values()) - 1e-9 <= score <= max(parts.values()) + 1e-9
    if name in parts:
        poorer = Quality("X", 9, 0, {**parts, name: parts[name] * worse}, None).score
        assert poorer <= score + 1e-9


def test_series_without_bars_is_worth_nothing() -> None:
    bars = walk(np.arange(3) * DAY_NS, "1d")
    none = replace(bars, tradable=np.zeros((3, 1), bool), _facts={})
    (found,) = data_quality(none)
    assert found.score == 0.0


def test_panel_has_a_score_an_instrument() -> None:
    closes = np.column_stack([WAVE, WAVE])
    closes[100:200, 1] = np.nan
    bars = Bars.from_arrays(closes, instruments=["A", "B"])
    found = data_quality(bars)
    assert [one.name for one in found] == ["A", "B"]
    assert found[0].score > found[1].score
    assert found[1].parts["completeness"] == pytest.approx(75.0)


@pytest.mark.parametrize(
    ("close", "now", "step", "calendar", "bars"),
    [
        ("2024-03-08T21:00", "2024-03-11T14:30", "1h", "XNYS", 1.0),  # a weekend is no age
        ("2024-03-08T00:00", "2024-03-12T01:00", "1d", "24/5", 2.0),
        ("2024-03-08T21:00", "2024-03-11T21:00", "1h", "24/7", 72.0),
        ("2024-03-08T21:00", "2024-03-08T20:00", "1h", "24/7", 0.0),
    ],
)
def test_age_counts_trading_time(
    close: str, now: str, step: str, calendar: str, bars: float
) -> None:
    assert age_in_bars(stamp(close), stamp(now), Interval.parse(step), calendar) == bars
