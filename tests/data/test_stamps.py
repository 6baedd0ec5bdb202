"""Times in all their forms: zones, epoch numbers, and text."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peak_trade.data.stamps import Stamps, read_stamps
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError


def read(values: object, timezone: str | None = None) -> Stamps:
    table = Table(pl.DataFrame({"t": values}), "frame", "asset")
    return read_stamps(table, "t", timezone=timezone)


def iso(stamps: Stamps) -> list[str]:
    return [str(np.datetime64(int(value), "s")) for value in stamps.utc // 10**9]


MOMENT = st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001


@given(
    st.lists(MOMENT, min_size=1, max_size=5),
    st.sampled_from([10**9, 10**6, 10**3, 1]),
    st.booleans(),
)
@example([datetime(1990, 1, 1)], 10**3, False)  # noqa: DTZ001
@example([datetime(1990, 1, 1)], 10**6, False)  # noqa: DTZ001
@example([datetime(1990, 1, 1)], 1, True)  # noqa: DTZ001
@example([datetime(2099, 1, 1)], 10**9, True)  # noqa: DTZ001
def test_stamps_epoch_unit_is_told_by_size(
    moments: list[datetime], unit_ns: int, as_text: bool
) -> None:
    seconds = [int(moment.replace(tzinfo=UTC).timestamp()) for moment in moments]
    values = [second * 10**9 // unit_ns for second in seconds]
    found = read([str(value) for value in values] if as_text else values)
    assert found.utc.tolist() == [second * 10**9 for second in seconds]


@pytest.mark.parametrize("values", [[1.7e9, 1700000000.25], ["1700000000", "1700000000.25"]])
def test_stamps_epoch_fraction_is_kept(values: list[object]) -> None:
    assert read(values).utc.tolist() == [1_700_000_000_000_000_000, 1_700_000_000_250_000_000]


@pytest.mark.parametrize("values", [[20240131, 20240201], ["20240131", "20240201"]])
def test_stamps_eight_digits_are_dates(values: list[object]) -> None:
    found = read(values)
    assert found.are_dates
    assert iso(found) == ["2024-01-31T00:00:00", "2024-02-01T00:00:00"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31T00:00:00"),
        ("2024/01/31", "2024-01-31T00:00:00"),
        ("2024.01.31 09:30:00", "2024-01-31T09:30:00"),
        ("1/31/2024", "2024-01-31T00:00:00"),
        ("31/1/2024 9:30", "2024-01-31T09:30:00"),
        ("31.01.2024", "2024-01-31T00:00:00"),
        ("31-Jan-2024", "2024-01-31T00:00:00"),
        ("Jan 31, 2024", "2024-01-31T00:00:00"),
        ("2024-01-31 09:30", "2024-01-31T09:30:00"),
        ("2024-01-31T09:30:00", "2024-01-31T09:30:00"),
        (" 2024-01-31 09:30:00.250 ", "2024-01-31T09:30:00"),
        ("1/31/2024 1:05:00 PM", "2024-01-31T13:05:00"),
        ("2024-01-31T09:30:00Z", "2024-01-31T09:30:00"),
        ("2024-01-31 09:30:00+00:00", "2024-01-31T09:30:00"),
        ("2024-01-31 09:30:00 UTC", "2024-01-31T09:30:00"),
        ("2024-01-31T09:30:00+05:30", "2024-01-31T04:00:00"),
        ("2024-01-31T09:30:00-0500", "2024-01-31T14:30:00"),
        ("2024-01-31 09:30-05", "2024-01-31T14:30:00"),
    ],
)
def test_stamps_usual_text_is_read(text: str, expected: str) -> None:
    assert iso(read([text])) == [expected]


def test_stamps_text_keeps_nanoseconds() -> None:
    assert read(["2024-01-31 00:00:00.123456789"]).utc[0] % 10**9 == 123_456_789


def test_stamps_date_and_clock_are_joined() -> None:
    frame = pl.DataFrame({"d": ["20240131"], "c": ["09:30"]})
    found = read_stamps(Table(frame, "frame", "asset"), "d", clock="c")
    assert iso(found) == ["2024-01-31T09:30:00"]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Asia/Kolkata"])
@pytest.mark.parametrize("as_text", [True, False])
def test_stamps_local_time_follows_the_clocks(zone: str, as_text: bool) -> None:
    naive = [datetime(2024, month, 10, 9, 30) for month in range(1, 13)]  # noqa: DTZ001
    values = [moment.isoformat() for moment in naive] if as_text else naive
    expected = [int(m.replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9 for m in naive]
    found = read(values, zone)
    assert found.utc.tolist() == expected
    assert (found.wall // 10**9 % 86400 == 34200).all()


def test_stamps_with_zone_ignore_the_one_given() -> None:
    assert iso(read(["2024-07-01T09:30:00Z"], "America/New_York")) == ["2024-07-01T09:30:00"]


def test_stamps_summer_and_winter_offsets_of_one_zone_are_read() -> None:
    start = datetime(2024, 11, 3, 4, 30, tzinfo=UTC)
    moments = [start + timedelta(hours=hour) for hour in range(4)]
    text = [moment.astimezone(ZoneInfo("America/New_York")).isoformat() for moment in moments]
    assert {item[-6:] for item in text} == {"-04:00", "-05:00"}
    found = read(text)
    assert found.utc.tolist() == [int(moment.timestamp()) * 10**9 for moment in moments]


@pytest.mark.parametrize(
    ("values", "where"),
    [
        (["2024-01-02T10:00:00Z", "2024-01-02T11:00:00"], "at row 1 of frame has none"),
        (["2024-01-02T10:00:00", "2024-01-02T11:00:00+01:00"], "at row 1 of frame has a zone"),
        (["2024-01-02T10:00:00+01:00", "2024-01-02T11:00:00-05:00"], "-05:00 at row 1"),
        (
            ["2024-01-02T10:00:00+01:00", "2024-01-02T11:00:00+02:00", "2024-01-02T12:00:00+01:00"],
            "row 1",
        ),
    ],
)
def test_stamps_mixed_zones_are_an_error(values: list[str], where: str) -> None:
    with pytest.raises(DataError, match="mixed time zones") as caught:
        read(values)
    assert where in str(caught.value)


@pytest.mark.parametrize("moment", ["2024-11-03 01:30", "2024-03-10 02:30"])
def test_stamps_hour_twice_or_never_is_an_error(moment: str) -> None:
    with pytest.raises(DataError, match="happens twice or not at all in America/New_York"):
        read([moment], "America/New_York")


def test_stamps_unknown_zone_is_hinted() -> None:
    with pytest.raises(DataError, match="did you mean America/New_York"):
        read(["2024-01-02"], "America/NewYork")
    with pytest.raises(DataError, match="is not known"):
        read(["2024-01-02"], "../etc")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["tomorrow", "later"], "'tomorrow' at row 0 of frame is not a time"),
        (
            ["2024-01-02", "2024-01-32"],
            "'2024-01-32' at row 1 of frame does not read like '2024-01-02'",
        ),
        (["2024-01-02", "02.01.2024"], "does not read like"),
        (["01/02/2024", "02/02/2024"], "may be month/day or day/month"),
        (["2024-01-02", None], "no stamp in 't' at row 1"),
        ([1.7e9, float("nan")], "stamp nan at row 1"),
        ([1.7e9, float("inf")], "stamp inf at row 1"),
        ([5e10, 6e10], "read as s since 1970, is after 2261"),
        (["3000-01-01"], "is not between 1678 and 2261"),
        ([True, False], "is Boolean, not a time"),
    ],
)
def test_stamps_unreadable_are_an_error(values: list[object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(pl.Series(values, strict=False))
    assert message in str(caught.value)
