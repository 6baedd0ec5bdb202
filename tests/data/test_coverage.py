"""How much of each month is there, against counts by hand and by polars."""

import numpy as np
import polars as pl
import pytest
from data.test_resample import MINUTE_NS, minutes_of, stamp

from peak_trade.data.coverage import LEGEND, Covered, coverage
from peak_trade.domain.calendar import DAY_NS, Interval


def covered(opens: np.ndarray, step: str, *, calendar: str = "24/7", name: str = "X") -> Covered:
    length = Interval.parse(step)
    return Covered(name, opens, opens + length.ns, length, calendar)


def test_coverage_of_minutes_with_holes_equals_a_count_by_polars() -> None:
    opens = np.arange(stamp("2024-01-15"), stamp("2024-04-01"), 5 * MINUTE_NS)
    opens = opens[np.random.default_rng(0).random(len(opens)) < 0.8]
    found = coverage([covered(opens, "5m")])
    months = pl.Series(opens).cast(pl.Datetime("ns")).dt.strftime("%Y-%m")
    counts = dict(months.value_counts().sort("").iter_rows())
    assert found.periods == ("2024-01", "2024-02", "2024-03")
    assert found.bars[0].tolist() == list(counts.values())
    whole = np.array([31, 29, 31]) * 288
    assert found.share[0] == pytest.approx(np.array(list(counts.values())) / whole)
    assert found.shades() == ("░▒▒",)


def test_coverage_of_sessions_counts_trading_time_alone() -> None:
    # March 2024 had 20 sessions of 390 minutes in New York, Good Friday left out.
    dates = [f"2024-03-{day:02d}" for day in range(1, 29) if np.is_busday(f"2024-03-{day:02d}")]
    hours = [
        (stamp(f"{day}T{'14:30' if day < '2024-03-10' else '13:30'}"),
         stamp(f"{day}T{'21:00' if day < '2024-03-10' else '20:00'}"))
        for day in dates
    ]  # fmt: skip
    found = coverage([covered(minutes_of(*hours), "1m", calendar="XNYS")])
    assert len(dates) == 20
    assert found.share.tolist() == [[1.0]]
    half = coverage([covered(minutes_of(*hours[:10]), "1m", calendar="XNYS")])
    assert half.share.tolist() == [[0.5]]


def test_coverage_of_days_counts_trading_days() -> None:
    dates = np.arange("2024-03-01", "2024-04-01", dtype="datetime64[D]")
    dates = dates[np.is_busday(dates) & (dates != np.datetime64("2024-03-29"))]
    opens = dates.astype("datetime64[ns]").astype(np.int64)
    assert coverage([covered(opens, "1d", calendar="XNYS")]).share.tolist() == [[1.0]]
    assert coverage([covered(opens[:15], "1d", calendar="XNYS")]).share.tolist() == [[0.75]]


def test_coverage_of_months_and_weeks_counts_time() -> None:
    starts = np.arange("2024-01", "2024-07", dtype="datetime64[M]").astype("datetime64[ns]")
    opens = starts.astype(np.int64)
    ends = np.append(opens[3:4], stamp("2024-07-01"))
    quarters = Covered("Q", opens[::3], ends, Interval.parse("3mo"), "24/7")
    assert coverage([quarters]).share.tolist() == [[1.0] * 6]
    weeks = covered(np.arange(stamp("2024-01-01"), stamp("2024-03-04"), 7 * DAY_NS), "1w")
    assert coverage([weeks]).share[0] == pytest.approx([1.0, 1.0, 3 / 31])


def test_coverage_of_the_last_month_ends_now() -> None:
    opens = np.arange(stamp("2024-03-01"), stamp("2024-03-11"), DAY_NS)
    now = coverage([covered(opens, "1d")], until_ns=stamp("2024-03-11"))
    assert now.share.tolist() == [[1.0]]
    assert coverage([covered(opens, "1d")]).share[0] == pytest.approx(10 / 31)
    later = coverage([covered(opens, "1d")], until_ns=stamp("2024-03-21"))
    assert later.share[0] == pytest.approx(10 / 20)


@pytest.mark.parametrize(
    ("years", "period", "count"), [(4, "month", 48), (14, "quarter", 56), (40, "year", 40)]
)
def test_coverage_of_long_spans_has_longer_periods(years: int, period: str, count: int) -> None:
    opens = np.arange(stamp("1980-01-01"), stamp(f"{1980 + years}-01-01"), DAY_NS)
    found = coverage([covered(opens, "1d")])
    assert (found.period, len(found.periods)) == (period, count)
    assert found.shades() == ("█" * count,)


def test_picture_has_a_row_a_series_and_its_years() -> None:
    opens = np.arange(stamp("2023-11-01"), stamp("2024-03-01"), DAY_NS)
    nothing = covered(opens[:0], "1d", name="nothing")
    found = coverage([covered(opens, "1d", name="kraken:BTC/USD"), nothing])
    assert str(found).splitlines() == [
        "                2023",
        "kraken:BTC/USD  ████",
        "nothing         ····",
        LEGEND,
    ]
    assert found.to_dict()["series"][0]["bars"] == [30, 31, 31, 29]  # type: ignore[index]
    assert str(coverage([nothing])) == "no bars"


def test_coverage_without_the_calendar_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peak_trade.data.sessions.find_spec", lambda _: None)
    from peak_trade.data import sessions

    sessions._exchange.cache_clear()
    opens = np.arange(stamp("2024-03-01"), stamp("2024-03-11"), DAY_NS)
    found = coverage([covered(opens, "1d", calendar="XNYS")])
    assert np.isnan(found.share).all()
    assert found.shades() == ("?",)
