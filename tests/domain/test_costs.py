"""Fees and costs as they are declared: what is refused, and what is said."""

import math
from dataclasses import replace

import pytest

from peak_trade.domain.costs import Costs, Fees, FeeTier
from peak_trade.domain.errors import ParameterError

NAN, INF = math.nan, math.inf


def refusal(make, *args, **given) -> str:
    with pytest.raises(ParameterError) as caught:
        make(*args, **given)
    assert caught.value.hint
    return str(caught.value)


# --- fees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((-1, 0, 0), "volume -1 of FeeTier is out of range: 0 or more expected"),
        ((NAN, 0, 0), "volume nan of FeeTier"),
        ((0, -0.1, 0), "maker -0.1 of FeeTier is out of range: 0 or more and below 1 expected"),
        ((0, 0, 1.0), "taker 1.0 of FeeTier is out of range"),
        ((0, 0, "0.1"), "taker '0.1' of FeeTier is not a number"),
    ],
)
def test_fee_tier_out_of_range_is_refused(given, message) -> None:
    assert refusal(FeeTier, *given).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"maker": -0.001}, "maker -0.001 of Fees is out of range"),
        ({"taker": 1}, "taker 1 of Fees is out of range"),
        ({"taker": None}, "taker None of Fees is not a number"),
        ({"fixed": -1}, "fixed -1 of Fees is out of range: 0 or more expected"),
        ({"per_unit": NAN}, "per_unit nan of Fees is out of range"),
        ({"minimum": INF}, "minimum inf of Fees is out of range"),
        ({"cap": 0}, "cap 0 of Fees is out of range: above 0 and below 1 expected"),
        ({"cap": 1.0}, "cap 1.0 of Fees is out of range"),
        ({"since_ns": "2024-01-01"}, "since_ns '2024-01-01' of Fees is no whole number"),
        ({"since_ns": 0.5}, "since_ns 0.5 of Fees is no whole number"),
        ({"since_ns": NAN}, "since_ns nan of Fees is no whole number"),
        ({"tiers": 5}, "tiers 5 are no FeeTier; write pt.FeeTier("),
        ({"tiers": ((0, 0.1, 0.1),)}, "tiers ((0, 0.1, 0.1),) are no FeeTier"),
    ],
)
def test_fees_out_of_range_are_refused(given, message) -> None:
    assert refusal(Fees, **given).startswith(message)


@pytest.mark.parametrize(
    ("volumes", "message"),
    [
        ((100, 100), "one from a volume of 100 is followed by one from 100; sort the tiers"),
        ((0, 200, 100), "one from a volume of 200 is followed by one from 100; sort the tiers"),
    ],
)
def test_fee_tiers_that_overlap_are_refused(volumes, message) -> None:
    tiers = [FeeTier(volume, 0.0, 0.001) for volume in volumes]
    assert message in refusal(Fees, tiers=tiers)


def test_fee_tiers_may_come_as_a_list_and_be_hashed() -> None:
    tier = FeeTier(100.0, 0.0, 0.001)
    fees = Fees(tiers=[tier])  # type: ignore[arg-type]
    assert fees.tiers == (tier,)
    assert hash(fees) == hash(Fees(tiers=(tier,)))


# --- costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"commission": 1}, "commission 1 of Costs is out of range"),
        ({"slippage": -0.1}, "slippage -0.1 of Costs is out of range"),
        ({"half_spread": -0.01}, "half_spread -0.01 of Costs is out of range: 0 or more expected"),
        ({"half_spread": None}, "half_spread None of Costs is out of range"),
        ({"volume_share": -1}, "volume_share -1 of Costs is out of range"),
        ({"volume_share": INF}, "volume_share inf of Costs is out of range"),
        ({"impact": NAN}, "impact nan of Costs is out of range"),
        ({"impact_window": 2}, "impact_window 2 of Costs is out of range: a whole number of at"),
        ({"impact_window": 5.5}, "impact_window 5.5 of Costs is out of range"),
        ({"impact_window": NAN}, "impact_window nan of Costs is out of range"),
        ({"borrow": -0.01}, "borrow -0.01 of Costs is out of range: 0 or more expected"),
        ({"interest": INF}, "interest inf of Costs is out of range"),
        ({"fees": None}, "fees None are no Fees; write pt.Fees(taker=0.001)"),
        ({"fees": 0.001}, "fees 0.001 are no Fees"),
        ({"fees": "kraken"}, "fees 'kraken' are no Fees"),
        ({"fees": (Fees(), 0.001)}, "are no Fees"),
    ],
)
def test_costs_out_of_range_are_refused_by_name(given, message) -> None:
    assert message in refusal(Costs, **given)


def test_commission_beside_fees_is_refused() -> None:
    said = refusal(Costs, commission=0.001, fees=Fees(taker=0.002))
    assert said.startswith("both a commission of 0.001 and a fee schedule are given; drop")


@pytest.mark.parametrize("since", [(5, 3), (3, 3), (0, 9, 8)])
def test_fee_schedules_out_of_order_are_refused(since) -> None:
    said = refusal(Costs, fees=tuple(Fees(since_ns=ns) for ns in since))
    assert said.startswith("the fee schedules do not ascend in time; sort them by since_ns")


def test_single_fees_stand_for_a_schedule_of_one() -> None:
    fees = Fees(taker=0.001)
    assert Costs(fees=fees) == Costs(fees=(fees,)) == Costs(fees=[fees])  # type: ignore[arg-type]
    assert Costs(fees=fees).schedules == (fees,)


def test_window_written_as_a_float_counts_in_whole_bars() -> None:
    assert repr(Costs(impact=1.0, impact_window=20.0).impact_window) == "20"


@pytest.mark.parametrize(
    ("given", "free", "slips", "need_volume", "plain"),
    [
        ({}, True, False, False, True),
        ({"commission": 0.001}, False, False, False, True),
        ({"slippage": 0.001}, False, True, False, True),
        ({"fees": Fees()}, False, False, False, False),
        ({"half_spread": 0.01}, False, True, False, False),
        ({"half_spread": "spread"}, False, True, False, False),
        ({"volume_share": 0.1}, False, True, True, False),
        ({"impact": 1.0}, False, True, True, False),
        ({"borrow": 0.01}, True, False, False, False),
        ({"interest": 0.01}, True, False, False, False),
    ],
)
def test_costs_say_what_they_ask_for(given, free, slips, need_volume, plain) -> None:
    costs = Costs(**given)
    found = (costs.are_free, costs.slips, costs.need_volume, costs.are_plain)
    assert found == (free, slips, need_volume, plain)


def test_costs_are_checked_again_when_replaced() -> None:
    with pytest.raises(ParameterError, match="both a commission"):
        replace(Costs(fees=Fees()), commission=0.001)
