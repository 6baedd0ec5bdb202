"""Intervals and what a usual year holds of them."""

import pytest

from peak_trade.domain.calendar import DAY_NS, MINUTE_NS, Interval, calendar_named
from peak_trade.domain.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1s", 10**9), ("1m", MINUTE_NS), ("15m", 15 * MINUTE_NS), ("4h", 240 * MINUTE_NS),
        ("1d", DAY_NS), ("1w", 7 * DAY_NS), ("1mo", 30 * DAY_NS), ("1y", 365 * DAY_NS),
    ],
)  # fmt: skip
def test_interval_of_a_text_has_its_length_and_writes_it_back(text, ns):
    interval = Interval.parse(f" {text} ")
    assert interval.ns == ns
    assert str(interval) == text


@pytest.mark.parametrize("text", ["", "m", "0m", "-1d", "1.5h", "1 d", "1D", "1M", "1min", "٣m", 5])
def test_interval_of_anything_else_is_refused(text):
    with pytest.raises(ParameterError, match="is not a number and a unit; write it like"):
        Interval.parse(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (10**9, "1s"), (90 * 10**9, "90s"), (5 * MINUTE_NS, "5m"), (90 * MINUTE_NS, "90m"),
        (60 * MINUTE_NS, "1h"), (DAY_NS, "1d"), (3 * DAY_NS, "3d"), (7 * DAY_NS, "1w"),
        (28 * DAY_NS, "1mo"), (31 * DAY_NS, "1mo"), (365 * DAY_NS, "1y"), (366 * DAY_NS, "1y"),
    ],
)  # fmt: skip
def test_interval_of_a_distance_is_named_by_its_largest_whole_unit(ns, text):
    assert str(Interval.from_ns(ns)) == text


@pytest.mark.parametrize("ns", [0, -DAY_NS, 1, 10**9 + 1])
def test_interval_of_an_odd_distance_is_refused(ns):
    with pytest.raises(ParameterError, match="no usual interval"):
        Interval.from_ns(ns)


@pytest.mark.parametrize(
    ("interval", "calendar", "bars"),
    [
        ("1d", "24/7", 365), ("1d", "24/5", 260), ("1d", "XNYS", 252), ("1w", "XNYS", 52),
        ("1mo", "24/7", 12), ("3mo", "24/7", 4), ("1y", "XNYS", 1), ("1h", "24/7", 8760),
        ("1h", "24/5", 6240), ("1d", "XLON", 253), ("1m", "XTKS", 80_850), ("1h", "XNYS", 1638), ("1m", "XNYS", 98_280),
        ("12h", "XNYS", 252),  # never fewer than one a session
    ],
)  # fmt: skip
def test_bars_per_year_count_sessions_and_their_minutes(interval, calendar, bars):
    assert Interval.parse(interval).bars_per_year(calendar) == bars


def test_calendar_that_is_not_known_names_the_known_ones():
    with pytest.raises(ParameterError, match="calendar 'XNYC' is not known; did you mean XNYS"):
        calendar_named("XNYC")
