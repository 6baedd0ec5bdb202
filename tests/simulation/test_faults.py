"""Faults are chances and bounds, nothing else."""

from dataclasses import fields

import pytest

from peak_trade.domain.errors import ParameterError
from peak_trade.simulation.faults import BOUNDS, CALM, ROUGH, Faults

NAMES = [item.name for item in fields(Faults)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-0.01, float("nan"), float("inf")])
def test_faults_with_an_impossible_value_are_refused(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        Faults(**{name: value})


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BOUNDS])
def test_faults_with_a_chance_above_one_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=name):
        Faults(**{name: 1.01})


def test_settle_is_the_latest_order_and_the_oldest_answer_together() -> None:
    assert Faults(late_s=0.25, stale_s=0.5).settle_s == 0.75


def test_rough_has_every_fault_that_leaves_the_account_trading() -> None:
    silent = [name for name in NAMES if name not in BOUNDS and not getattr(ROUGH, name)]
    assert silent == ["bad_nonce"]
    assert all(not getattr(CALM, name) for name in NAMES if name not in BOUNDS)
