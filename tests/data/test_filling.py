"""The bars that are missing, by the calendar, are those that were taken away."""

import numpy as np
import pytest
from data.test_resample import MARKETS, stamp, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.filling import missing_spans
from peak_trade.data.resample import resample
from peak_trade.data.sessions import Sessions, missing_bars
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.errors import DataError


@settings(max_examples=25)
@given(
    calendar=st.sampled_from(sorted(MARKETS)),
    step=st.sampled_from(["1m", "30m", "1d"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_missing_spans_are_those_that_were_taken_away(calendar: str, step: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = resample(walk(MARKETS[calendar], calendar=calendar), step)
    opens, closes = whole.open_time[:, 0], whole.time
    kept = rng.random(len(opens)) < rng.choice([0.3, 0.9, 1.0])
    kept[[0, -1]] = True
    begins, ends = missing_spans(
        opens[kept], closes[kept], interval=Interval.parse(step), calendar=calendar
    )
    if calendar == "24/5" and step != "1d":
        # An hour around the weekend is neither expected nor refused there.
        week = Sessions.of("24/5", int(opens[0]), int(closes[-1]), daily=False)
        expected = week.traded(closes) > week.traded(opens)
        assert begins.tolist() == opens[~kept & expected].tolist()
        return
    assert begins.tolist() == opens[~kept].tolist()
    assert ends.tolist() == closes[~kept].tolist()


def test_missing_spans_of_dated_days_are_dates() -> None:
    days = np.array([stamp(f"2024-03-{day}") for day in ("25", "26", "28")] + [stamp("2024-04-02")])
    begins, _ = missing_spans(days, days + DAY_NS, interval=Interval.parse("1d"), calendar="XNYS")
    # Good Friday is the 29th; Wednesday the 27th and Monday the 1st are missing.
    assert begins.tolist() == [stamp("2024-03-27"), stamp("2024-04-01")]


def test_filling_leaves_nothing_missing() -> None:
    bars = walk(MARKETS["XNYS"], calendar="XNYS")
    kept = np.random.default_rng(0).random(len(bars)) < 0.5
    kept[[0, -1]] = True
    opens, closes = bars.open_time[kept, 0], bars.time[kept]
    step = Interval.parse("1m")
    begins, ends = missing_spans(opens, closes, interval=step, calendar="XNYS")
    every = np.sort(np.concatenate([opens, begins]))
    sessions = Sessions.of("XNYS", int(opens[0]), int(closes[-1]), daily=False)
    shut = np.sort(np.concatenate([closes, ends]))
    assert missing_bars(sessions, step, every, shut).sum() == 0


def test_gaps_that_cannot_be_filled_are_refused() -> None:
    weeks = np.array([0, 7, 28]) * DAY_NS
    with pytest.raises(DataError, match="gaps of bars of 1w are not filled"):
        missing_spans(weeks, weeks + 7 * DAY_NS, interval=Interval.parse("1w"), calendar="24/7")
    minutes = MARKETS["XNYS"][::60] + 17 * 60_000_000_000
    kept = np.delete(minutes, [3, 4])
    hour = Interval.parse("1h")
    with pytest.raises(DataError, match="of the bars of 1h open where the sessions of XNYS"):
        missing_spans(kept, kept + hour.ns, interval=hour, calendar="XNYS")


def test_series_without_gaps_or_bars_has_nothing_to_fill() -> None:
    for count in (0, 1, 9):
        opens = np.arange(count) * DAY_NS
        day = Interval.parse("1d")
        assert len(missing_spans(opens, opens + DAY_NS, interval=day, calendar="24/7")[0]) == 0
