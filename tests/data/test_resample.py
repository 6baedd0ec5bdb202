"""Coarse bars of fine ones: against polars, pandas and a plain twin, with sessions and clock changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.load import load
from peak_trade.data.resample import resample
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import DAY_NS, MINUTE_NS, Interval
from peak_trade.domain.errors import DataError, ParameterError
from peak_trade.domain.instrument import Instrument

HOUR_NS = 60 * MINUTE_NS
NEW_YORK = ZoneInfo("America/New_York")


def stamp(text: str, zone: ZoneInfo | None = None) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=zone or UTC)
    return int(moment.timestamp()) * 1_000_000_000


def walk(
    opens: npt.NDArray[np.int64],
    step: str = "1m",
    *,
    calendar: str = "24/7",
    seed: int = 0,
    symbol: str = "X",
) -> Bars:
    """Bars of a random walk, with whole volumes."""
    rng = np.random.default_rng(seed)
    length = Interval.parse(step).ns
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(opens))))
    first = close * np.exp(rng.normal(0, 0.002, len(opens)))
    return Bars.from_arrays(
        close,
        open=first,
        high=np.maximum(first, close) * 1.001,
        low=np.minimum(first, close) * 0.999,
        volume=rng.integers(0, 50, len(opens)).astype(float),
        time=opens + length,
        open_time=opens,
        interval=step,
        instruments=[Instrument(symbol, calendar=calendar)],
    )


def minutes_of(*sessions: tuple[int, int]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.arange(first, last, MINUTE_NS) for first, last in sessions])


def spans(bars: Bars) -> list[tuple[str, str]]:
    def text(value: int) -> str:
        return str(np.datetime64(int(value), "ns").astype("datetime64[m]"))

    return [(text(a), text(b)) for a, b in zip(bars.open_time[:, 0], bars.time, strict=True)]


def frame_of(bars: Bars) -> pl.DataFrame:
    names = ("open", "high", "low", "close", "volume")
    columns = {name: getattr(bars, name)[:, 0] for name in names}
    return pl.DataFrame({"at": bars.open_time[:, 0], **columns}).with_columns(
        pl.col("at").cast(pl.Datetime("ns"))
    )


OHLCV = (
    pl.col("open").first(),
    pl.col("high").max(),
    pl.col("low").min(),
    pl.col("close").last(),
    pl.col("volume").sum(),
)


@pytest.mark.parametrize("step", ["5m", "15m", "1h", "4h", "1d", "1w", "1mo", "3mo"])
def test_resample_of_regular_bars_equals_polars(step: str) -> None:
    bars = walk(np.arange(stamp("2024-01-10"), stamp("2024-07-02"), 5 * MINUTE_NS), "5m")
    ours = resample(bars, step, anchor="utc")
    if step == "5m":
        assert ours is bars
        return
    theirs = frame_of(bars).group_by_dynamic("at", every=step.replace("3mo", "1q")).agg(OHLCV)
    whole = theirs.head(len(ours))
    assert len(theirs) - len(ours) == (step in ("1w", "1mo", "3mo"))  # the last one is not whole
    assert whole["at"].to_physical().to_list() == ours.open_time[:, 0].tolist()
    for name in ("open", "high", "low", "close", "volume"):
        assert whole[name].to_list() == getattr(ours, name)[:, 0].tolist()


def test_resample_of_days_equals_pandas_weeks_and_months() -> None:
    pandas = pytest.importorskip("pandas")
    bars = walk(np.arange(stamp("2023-01-02"), stamp("2024-01-01"), DAY_NS), "1d")
    frame = frame_of(bars).to_pandas().set_index("at")
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    for step, rule in (("1w", "W-MON"), ("1mo", "MS"), ("1y", "YS")):
        ours = resample(bars, step)
        theirs = frame.resample(rule, label="left", closed="left").agg(how)
        stamps = theirs.index.astype("datetime64[ns]").astype(np.int64)
        assert ours.open_time[:, 0].tolist() == stamps.tolist()[: len(ours)]
        for name in how:
            assert theirs[name].tolist()[: len(ours)] == getattr(ours, name)[:, 0].tolist()
    assert isinstance(frame, pandas.DataFrame)


def test_resample_new_york_days_follow_the_clock_and_early_closes() -> None:
    # The exchange's published hours: Thanksgiving Friday 2023-11-24 closes at 13:00, and the
    # clocks went back on 2023-11-05.
    hours = [("2023-11-03", "16:00"), ("2023-11-06", "16:00"), ("2023-11-24", "13:00")]
    sessions = [
        (stamp(f"{day}T09:30", NEW_YORK), stamp(f"{day}T{end}", NEW_YORK)) for day, end in hours
    ]
    bars = walk(minutes_of(*sessions), calendar="XNYS")
    days = resample(bars, "1d")
    assert spans(days) == [
        ("2023-11-03T13:30", "2023-11-03T20:00"),
        ("2023-11-06T14:30", "2023-11-06T21:00"),
        ("2023-11-24T14:30", "2023-11-24T18:00"),
    ]
    assert days.features["present"].ravel().tolist() == [1.0, 1.0, 1.0]
    assert days.open[1, 0] == bars.open[390, 0]
    assert days.close[1, 0] == bars.close[779, 0]
    hourly = resample(bars, "1h")
    assert spans(hourly)[:7][0] == ("2023-11-03T13:30", "2023-11-03T14:30")
    assert spans(hourly)[6] == ("2023-11-03T19:30", "2023-11-03T20:00")
    assert spans(hourly)[-1] == ("2023-11-24T17:30", "2023-11-24T18:00")


def test_resample_bars_outside_the_session_count_by_the_clock_alone() -> None:
    day = stamp("2024-03-06")
    opens = np.arange(day + 13 * HOUR_NS, day + 23 * HOUR_NS, MINUTE_NS)
    bars = walk(opens, calendar="XNYS")
    regular = resample(bars, "1d")
    assert spans(regular) == [("2024-03-06T14:30", "2024-03-06T21:00")]
    assert regular.volume[0, 0] == bars.volume[90:480, 0].sum()
    whole = resample(bars, "5h", anchor="utc")
    assert whole.volume.sum() == bars.volume.sum()


def test_resample_lunch_breaks_end_a_bar() -> None:
    zone = ZoneInfo("Asia/Tokyo")
    halves = [
        (stamp("2024-03-06T09:00", zone), stamp("2024-03-06T11:30", zone)),
        (stamp("2024-03-06T12:30", zone), stamp("2024-03-06T15:00", zone)),
    ]
    bars = walk(minutes_of(*halves), calendar="XTKS")
    assert [end for _, end in spans(resample(bars, "2h"))] == [
        "2024-03-06T02:00", "2024-03-06T02:30", "2024-03-06T05:30", "2024-03-06T06:00",
    ]  # fmt: skip
    assert spans(resample(bars, "1d")) == [("2024-03-06T00:00", "2024-03-06T06:00")]


def test_resample_currencies_have_days_that_end_in_new_york() -> None:
    # 2024-03-10 the clocks went forward: the week before ends at 22:00 UTC, the one after at 21:00.
    opens = minutes_of(
        (stamp("2024-03-07T22:00"), stamp("2024-03-08T22:00")),
        (stamp("2024-03-10T21:00"), stamp("2024-03-12T21:00")),
    )
    bars = walk(opens, calendar="24/5")
    assert spans(resample(bars, "1d")) == [
        ("2024-03-07T22:00", "2024-03-08T22:00"),
        ("2024-03-10T21:00", "2024-03-11T21:00"),
        ("2024-03-11T21:00", "2024-03-12T21:00"),
    ]
    assert spans(resample(bars, "1w")) == [("2024-03-03T22:00", "2024-03-08T22:00")]


def test_resample_dated_days_make_weeks_of_trading_days() -> None:
    days = ["2024-03-25", "2024-03-26", "2024-03-27", "2024-03-28", "2024-04-01", "2024-04-02"]
    frame = pl.DataFrame({"date": days, "close": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    bars = load(frame, calendar="XNYS", symbol="SPY")
    weeks = resample(bars, "1w")
    # Good Friday 2024-03-29 is a holiday: the week is known when Thursday ends.
    assert spans(weeks) == [("2024-03-25T00:00", "2024-03-29T00:00")]
    assert weeks.close.ravel().tolist() == [4.0]
    assert weeks.close_only.all()
    assert spans(resample(bars, "1mo")) == [("2024-03-01T00:00", "2024-03-29T00:00")]
    assert resample(bars, "1mo").features["present"].ravel() == pytest.approx(4 / 20)


def test_resample_gaps_leave_a_bar_with_its_share() -> None:
    opens = np.delete(np.arange(0, 4 * HOUR_NS, MINUTE_NS), slice(30, 60))
    opens = np.delete(opens, slice(30, 90))  # the second hour is not there at all
    hours = resample(walk(opens), "1h")
    assert [end for _, end in spans(hours)] == [
        "1970-01-01T01:00", "1970-01-01T03:00", "1970-01-01T04:00",
    ]  # fmt: skip
    assert hours.features["present"].ravel().tolist() == [0.5, 1.0, 1.0]
    assert hours.tradable.all()


def test_resample_filled_rows_count_for_nothing() -> None:
    bars = walk(np.arange(0, 2 * HOUR_NS, 30 * MINUTE_NS), "30m")
    real = np.array([[True], [False], [False], [False]])
    hours = resample(replace(bars, tradable=real, _facts={}), "1h")
    assert len(hours) == 1
    assert hours.close[0] == bars.close[0]
    assert hours.volume[0] == bars.volume[0]
    assert hours.features["present"][0] == 0.5


def test_resample_volume_that_is_not_known_stays_unknown() -> None:
    bars = walk(np.arange(0, 2 * HOUR_NS, 30 * MINUTE_NS), "30m")
    volume = np.array([[1.0], [np.nan], [2.0], [3.0]])
    hours = resample(replace(bars, volume=volume, _facts={}), "1h")
    assert np.isnan(hours.volume[0, 0])
    assert hours.volume[1, 0] == 5.0


def test_resample_panel_has_each_instrument_by_its_own_calendar() -> None:
    day = stamp("2024-03-06")
    opens = np.arange(day, day + 2 * DAY_NS, 30 * MINUTE_NS)
    crypto = walk(opens, "30m", symbol="BTC/USD")
    inside = (opens % DAY_NS >= 14 * HOUR_NS + 30 * MINUTE_NS) & (opens % DAY_NS < 21 * HOUR_NS)
    shares = np.where(inside[:, None], crypto.close * 2, np.nan)
    bars = Bars.from_arrays(
        np.hstack([crypto.close, shares]),
        time=crypto.time,
        interval="30m",
        instruments=[Instrument("BTC/USD"), Instrument("SPY", calendar="XNYS")],
    )
    days = resample(bars, "1d")
    assert days.tradable.tolist() == [[False, True], [True, False], [False, True], [True, False]]
    assert days.close[0, 1] == 2 * crypto.close[41, 0]
    assert days.close[1].tolist() == [crypto.close[47, 0], days.close[0, 1]]


def test_resample_features_have_their_last_known_value() -> None:
    bars = walk(np.arange(0, 3 * HOUR_NS, 30 * MINUTE_NS), "30m")
    bars = replace(bars, features={"n": np.arange(6.0)[:, None]}, _facts={})
    assert resample(bars, "1h").features["n"].ravel().tolist() == [1.0, 3.0, 5.0]


@pytest.mark.parametrize(
    ("fine", "calendar", "coarse", "anchor", "match"),
    [
        ("1d", "24/7", "1h", "utc", "cannot be made of"),
        ("45m", "24/7", "1h", "utc", "lies across the end of a bar of 1h at 1970-01-01T01:00"),
        ("1w", "24/7", "1mo", "utc", "lies across the end"),
        ("4h", "XNYS", "1d", "session", "lies across the end of a bar of 1d at"),
        ("1h", "XNYS", "2d", "session", "cannot be counted in trading days"),
        ("1h", "24/7", "1d", "noon", "anchor 'noon' is not known"),
        ("1h", "24/7", "1 day", "utc", "is not a number and a unit"),
    ],
)
def test_resample_given_what_does_not_fit_says_so(
    fine: str, calendar: str, coarse: str, anchor: str, match: str
) -> None:
    opens = np.arange(40) * Interval.parse(fine).ns
    with pytest.raises((DataError, ParameterError), match=match):
        resample(walk(opens, fine, calendar=calendar), coarse, anchor=anchor)  # type: ignore[arg-type]


def test_resample_no_bars_gives_none() -> None:
    assert len(resample(walk(np.arange(3) * MINUTE_NS)[:0], "1h")) == 0


MARKETS = {
    "24/7": minutes_of((stamp("2024-03-08"), stamp("2024-03-12"))),
    "XNYS": minutes_of(
        *(
            (
                stamp(f"2024-03-{day:02d}T09:30", NEW_YORK),
                stamp(f"2024-03-{day:02d}T16:00", NEW_YORK),
            )
            for day in (4, 5, 6, 7, 8, 11, 12)
        )
    ),
    "24/5": minutes_of(
        (stamp("2024-03-05T22:00"), stamp("2024-03-08T22:00")),
        (stamp("2024-03-10T21:00"), stamp("2024-03-12T21:00")),
    ),
}
STEPS = ("5m", "30m", "1h", "4h", "1d", "1w")


def gappy(calendar: str, rng: np.random.Generator) -> Bars:
    """Minutes of some days, of which some are missing and some were filled in."""
    opens = MARKETS[calendar]
    first = int(rng.integers(0, len(opens) - 900))
    opens = opens[first : first + int(rng.integers(200, 3000))]
    opens = opens[rng.random(len(opens)) < rng.choice([0.05, 0.6, 1.0])]
    bars = walk(opens, calendar=calendar, seed=int(rng.integers(2**31)))
    real = (rng.random(len(bars)) < 0.9)[:, None]
    return replace(bars, tradable=real, _facts={})


def plain(bars: Bars, ends: list[int], begins: list[int]) -> list[list[float]]:
    """Coarse bars whose spans are known, one fine row after the other."""
    made = []
    for begin, end in zip(begins, ends, strict=True):
        bar: list[float] = []
        for row in range(len(bars)):
            if not bars.tradable[row, 0] or not begin < bars.time[row] <= end:
                continue
            o, h, low, c, v = (
                float(getattr(bars, name)[row, 0])
                for name in ("open", "high", "low", "close", "volume")
            )
            bar = (
                [bar[0], max(bar[1], h), min(bar[2], low), c, bar[4] + v]
                if bar
                else [o, h, low, c, v]
            )
        made.append(bar)
    return made


def session_of(calendar: str, time: int) -> tuple[int, int]:
    """The trading day that a close lies in, from the wall clock of New York; (0, 0) for none."""
    moment = datetime.fromtimestamp((time - 1) / 1e9, tz=NEW_YORK)
    if calendar == "24/7":
        day = (time - 1) // DAY_NS * DAY_NS
        return day, day + DAY_NS
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    hours = ((9, 30), (16, 0)) if calendar == "XNYS" else ((17, 0), (17, 0))
    first, last = (midnight.replace(hour=h, minute=m) for h, m in hours)
    if calendar == "24/5":
        if moment < last:
            first = (midnight - timedelta(days=1)).replace(hour=17)
        else:
            last = (midnight + timedelta(days=1)).replace(hour=17)
    return int(first.timestamp()) * 10**9, int(last.timestamp()) * 10**9


@settings(max_examples=25)
@given(calendar=st.sampled_from(sorted(MARKETS)), seed=st.integers(0, 2**32 - 1))
def test_resample_equals_a_plain_twin(calendar: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars = gappy(calendar, rng)[:400]
    step = Interval.parse(str(rng.choice(["30m", "1h", "1d"])))
    wanted = {}
    for row in np.flatnonzero(bars.tradable[:, 0]):
        time = int(bars.time[row])
        first, last = session_of(calendar, time)
        if step.unit != "d":
            origin = 0 if calendar == "24/7" else first
            begin = origin + (time - 1 - origin) // step.ns * step.ns
            first, last = (
                begin,
                (begin + step.ns if calendar == "24/7" else min(begin + step.ns, last)),
            )
        if last <= bars.time[-1]:
            wanted[last] = first
    ours = resample(bars, step)
    assert ours.time.tolist() == sorted(wanted)
    assert ours.open_time[:, 0].tolist() == [wanted[end] for end in sorted(wanted)]
    table = np.stack([getattr(ours, n)[:, 0] for n in ("open", "high", "low", "close", "volume")])
    assert table.T.tolist() == plain(bars, ours.time.tolist(), ours.open_time[:, 0].tolist())


@settings(max_examples=40)
@given(
    calendar=st.sampled_from(sorted(MARKETS)),
    anchor=st.sampled_from(["session", "utc"]),
    step=st.sampled_from(STEPS),
    seed=st.integers(0, 2**32 - 1),
)
def test_resample_row_depends_on_rows_known_by_its_close(
    calendar: str, anchor: str, step: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    bars = gappy(calendar, rng)
    row = int(rng.integers(1, len(bars) + 1))
    whole, cut = (resample(some, step, anchor=anchor) for some in (bars, bars[:row]))  # type: ignore[arg-type]
    known = int(np.searchsorted(whole.time, bars.time[row - 1], side="right"))
    assert len(cut) == known
    for name in ("time", "open_time", "open", "high", "low", "close", "volume", "tradable"):
        assert getattr(cut, name).tobytes() == getattr(whole, name)[:known].tobytes()
    assert cut.features["present"].tobytes() == whole.features["present"][:known].tobytes()


@settings(max_examples=25)
@given(
    calendar=st.sampled_from(sorted(MARKETS)),
    anchor=st.sampled_from(["session", "utc"]),
    path=st.sampled_from(
        [("5m", "30m"), ("30m", "1h"), ("5m", "1h", "1d"), ("1h", "1w"), ("1d", "1w")]
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_resample_of_a_resample_equals_resampling_once(
    calendar: str, anchor: str, path: tuple[str, ...], seed: int
) -> None:
    bars = gappy(calendar, np.random.default_rng(seed))
    end = bars.time[-1]
    through = bars
    for step in path:
        through = resample(through, step, anchor=anchor)  # type: ignore[arg-type]
    once = resample(bars, path[-1], anchor=anchor)  # type: ignore[arg-type]
    # The finer bars may end before the coarse one does, where its last minutes are missing.
    kept = len(through)
    assert kept == len(once) or (len(once) == kept + 1 and once.time[-1] <= end)
    for name in ("time", "open_time", "open", "high", "low", "close", "volume", "tradable"):
        assert getattr(through, name).tobytes() == getattr(once, name)[:kept].tobytes()
    assert through.features["present"] == pytest.approx(once.features["present"][:kept], abs=1e-9)
