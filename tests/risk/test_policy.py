"""What the house allows: hours against the calendar of the standard library, lists, digests."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import RiskError
from peak_trade.risk.policy import DAYS, Hours, Policy

INSTANTS = st.integers(0, 7_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(
    INSTANTS,
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 1438).flatmap(lambda a: st.tuples(st.just(a), st.integers(a + 1, 1440))),
)
def test_hours_hold_as_the_calendar_says(moment: datetime, days: set[str], span) -> None:
    hours = Hours(tuple(days), *span)
    is_day = moment.strftime("%a").lower() in days
    minute = moment.hour * 60 + moment.minute
    time_ns = (moment - EPOCH) // timedelta(microseconds=1) * 1000
    assert hours.holds(time_ns) == (is_day and span[0] <= minute < span[1])


@given(st.sets(st.sampled_from(DAYS), min_size=1), st.integers(0, 1438))
def test_hours_are_read_as_they_are_shown(days: set[str], start: int) -> None:
    hours = Hours(tuple(day for day in DAYS if day in days), start, 1440)
    assert Hours.parse(str(hours)) == hours


@pytest.mark.parametrize(
    "text",
    ["", "mon", "mon-fri", "mon 9-10", "mon 10:00-09:00", "mon 09:00-09:00", "xyz 09:00-10:00",
     "mon 09:60-10:00", "mon 09:00-24:01", "mon -1:00-02:00", "mon 09:00", "fri-mon 09:00-10:00",
     "mon \uff10\uff19:00-10:00", "mon 09:00-10:00-11:00"],
)  # fmt: skip
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RiskError, match="trading hours"):
        Hours.parse(text)


def test_policy_without_hours_is_always_open_and_with_them_in_any_of_them() -> None:
    tuesday_ns = 1_700_000_000_000_000_000  # 22:13 UTC
    assert Policy().is_open(tuesday_ns)
    early, late = Hours.parse("tue 00:00-01:00"), Hours.parse("tue 22:00-23:00")
    assert Policy(hours=(early, late)).is_open(tuesday_ns)
    assert not Policy(hours=(early,)).is_open(tuesday_ns)


def test_policies_that_differ_have_other_fingerprints() -> None:
    policies = [
        Policy(),
        Policy(strategies=()),
        Policy(strategies=("a",)),
        Policy(restricted=frozenset({"a"})),
        Policy(hours=(Hours.parse("tue 00:00-01:00"),)),
        Policy(promotions={"live": "a"}),
        Policy(max_notional=1.0),
    ]
    assert len({policy.fingerprint for policy in policies}) == len(policies)
    assert Policy(source="a").fingerprint == Policy(source="b").fingerprint
    assert (
        Policy(restricted=frozenset({"a", "b"})).fingerprint
        == Policy(restricted=frozenset({"b", "a"})).fingerprint
    )
