"""Trading hours and the bars that are missing from them, against recorded facts about exchanges."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data import sessions as module
from peak_trade.data.sessions import Sessions, missing_bars, outside_sessions
from peak_trade.domain.calendar import CALENDARS, DAY_NS, MINUTE_NS, Interval
from peak_trade.domain.errors import DataError, ParameterError

HOUR_NS = 60 * MINUTE_NS
EXCHANGES = sorted(name for name in CALENDARS if name.isalpha())


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def between(calendar: str, first: str, last: str, *, daily: bool = False) -> Sessions:
    return Sessions.of(calendar, ns(first), ns(last), daily=daily)


def days(*texts: str) -> np.ndarray:
    return np.array([ns(text) for text in texts])


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("2012-10-26", "2012-10-31", 0),  # Sandy closed the exchange on Monday and Tuesday
        ("2001-09-10", "2001-09-17", 0),
        ("2018-12-04", "2018-12-06", 0),  # a day of mourning
        ("2024-03-28", "2024-04-01", 0),  # Good Friday
        ("2024-07-03", "2024-07-05", 0),
        ("2024-01-08", "2024-01-10", 1),
        ("2024-01-05", "2024-01-16", 5),  # of which the 15th was a holiday
    ],
)
def test_missing_days_of_new_york_leave_out_its_holidays(before, after, missing) -> None:
    market, opens = between("XNYS", before, after, daily=True), days(before, after)
    assert missing_bars(market, Interval.parse("1d"), opens, opens + DAY_NS).tolist() == [missing]


@pytest.mark.parametrize("into", [0, 5 * HOUR_NS, 14 * HOUR_NS + 30 * MINUTE_NS])
def test_missing_days_do_not_depend_on_the_time_that_a_day_is_stamped_with(into) -> None:
    opens = days("2024-01-05", "2024-01-08", "2024-01-10") + into
    market = between("XNYS", "2024-01-01", "2024-02-01", daily=True)
    found = missing_bars(market, Interval.parse("1d"), opens, opens + DAY_NS)
    assert found.tolist() == [0, 1]


def test_missing_minutes_end_early_on_a_half_day() -> None:
    # The Friday after Thanksgiving closes at 13:00 in New York, 18:00 UTC.
    market = between("XNYS", "2023-11-20", "2023-12-01")
    opens = days("2023-11-24T17:59", "2023-11-27T14:30")
    minute = Interval.parse("1m")
    assert missing_bars(market, minute, opens, opens + MINUTE_NS).tolist() == [0]
    opens = days("2023-11-24T17:49", "2023-11-27T14:35")
    assert missing_bars(market, minute, opens, opens + MINUTE_NS).tolist() == [15]


def test_missing_minutes_leave_out_the_lunch_of_tokyo() -> None:
    market = between("XTKS", "2024-01-09", "2024-01-12")  # 11:30 to 12:30 there
    opens = days("2024-01-10T02:29", "2024-01-10T03:30")
    assert missing_bars(market, Interval.parse("1m"), opens, opens + MINUTE_NS).tolist() == [0]


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("2024-01-05T20:00", "2024-01-07T22:00", 0),  # Friday to Sunday, winter
        ("2024-07-05T20:00", "2024-07-07T21:00", 0),  # and summer
        ("2024-01-05T18:00", "2024-01-07T23:00", 3),
        ("2024-01-09T10:00", "2024-01-09T11:00", 0),
    ],
)
def test_missing_hours_of_currencies_leave_out_the_weekend(before, after, missing) -> None:
    opens = days(before, after)
    market = between("24/5", before, after)
    assert missing_bars(market, Interval.parse("1h"), opens, opens + HOUR_NS).tolist() == [missing]


@pytest.mark.parametrize(
    ("interval", "stamps", "missing"),
    [
        ("1mo", ("2024-01-01", "2024-02-01", "2024-05-01"), [0, 2]),
        ("3mo", ("2024-01-01", "2024-04-01", "2024-10-01"), [0, 1]),
        ("1y", ("2020-01-01", "2021-01-01", "2023-01-01"), [0, 1]),
        ("1w", ("2024-01-01", "2024-01-08", "2024-01-29"), [0, 2]),
    ],
)
def test_missing_long_bars_are_counted_in_the_calendar(interval, stamps, missing) -> None:
    opens, market = days(*stamps), between("24/7", stamps[0], stamps[-1], daily=True)
    step = Interval.parse(interval)
    assert missing_bars(market, step, opens, opens + 7 * DAY_NS).tolist() == missing


@given(
    calendar=st.sampled_from(["24/7", "24/5", "XNYS", "XTKS"]),
    minutes=st.sampled_from([1, 5, 30]),
    gone=st.sets(st.integers(1, 198), max_size=40),
)
def test_missing_bars_are_as_many_as_were_taken_out(calendar, minutes, gone) -> None:
    market = between(calendar, "2024-03-04", "2024-05-04")
    step = minutes * MINUTE_NS
    grid = [
        np.arange(first, last, step)
        for first, last in zip(market.opens, market.closes, strict=True)
    ]
    opens = np.concatenate(grid)[100:300]
    kept = np.delete(opens, sorted(gone))
    found = missing_bars(market, Interval.parse(f"{minutes}m"), kept, kept + step)
    assert found.sum() == len(gone)


def test_outside_sessions_are_weekends_and_nights() -> None:
    market = between("XNYS", "2024-01-02", "2024-01-12")
    opens = days("2024-01-05T14:30", "2024-01-05T20:59", "2024-01-05T21:00", "2024-01-06T15:00")
    assert outside_sessions(market, opens, opens + MINUTE_NS).tolist() == [False, False, True, True]


def test_outside_sessions_take_both_openings_of_the_week_of_currencies() -> None:
    market = between("24/5", "2024-01-01", "2024-12-31")
    opens = days("2024-01-07T21:30", "2024-07-05T21:30", "2024-07-06T12:00")
    assert outside_sessions(market, opens, opens + MINUTE_NS).tolist() == [False, False, True]


@pytest.mark.parametrize("name", EXCHANGES)
def test_calendar_of_exchange_has_its_mean_year(name: str) -> None:
    market = between(name, "2006-01-08", "2025-12-24", daily=True)
    inside = (market.day_closes >= ns("2006-01-01")) & (market.day_closes < ns("2026-01-01"))
    assert inside.sum() / 20 == pytest.approx(CALENDARS[name].sessions, abs=0.6)
    recent = market.opens > ns("2025-01-01")
    minutes = (market.closes - market.opens)[recent].sum() / MINUTE_NS
    per_day = minutes / (market.day_closes > ns("2025-01-01")).sum()
    assert per_day == pytest.approx(CALENDARS[name].minutes, rel=0.02)


def test_sessions_of_an_unknown_calendar_are_refused() -> None:
    with pytest.raises(ParameterError, match="did you mean XNYS"):
        Sessions.of("XNYZ", 0, 1, daily=True)


def test_sessions_without_the_extra_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        module, "find_spec", lambda name: None if name == "exchange_calendars" else real(name)
    )
    with pytest.raises(DataError, match=r"pip install peak-trade\[calendars\]"):
        Sessions.of("XNYS", 0, DAY_NS, daily=True)
    assert len(Sessions.of("24/7", 0, DAY_NS, daily=True).opens) > 0


def test_sessions_before_the_exchange_is_known_are_refused() -> None:
    with pytest.raises(DataError, match="sessions of XTKS are known from 1997-01-01"):
        between("XTKS", "1980-01-01", "1981-01-01")
