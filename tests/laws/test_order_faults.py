"""The law on compiled orders can fail: each of these small faults in the loop's setting breaks it."""

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.engine import compiled
from peak_trade.kernels import orders
from tests.laws.order_scripts import Scripted, minutes
from tests.laws.test_order_substitution import assert_same

TERMS = {"costs": pt.Costs(commission=0.001, slippage=0.0005)}
POOR = {**TERMS, "cash": 4.0}


def fault(name, place, value):
    """A fault: one number of what ``compiled`` hands to the loop is another one."""

    def plant(monkeypatch):
        sound = getattr(compiled, name)

        def faulty(*arguments):
            found = sound(*arguments)
            found[place] = value(found[place])
            return found

        monkeypatch.setattr(compiled, name, faulty)

    return plant


FAULTS = {
    "a touch fills a resting limit": (fault("_counts", orders.N_TOUCH, lambda _: 1), TERMS),
    "no slip": (fault("_rules", orders.R_SLIP, lambda _: 0.0), TERMS),
    "another unit": (fault("_rules", orders.R_UNIT, lambda unit: unit * (1 + 1e-15)), TERMS),
    "part of a bar's volume": (fault("_rules", orders.R_SHARE, lambda _: 0.0005), TERMS),
    "what cash does not pay is refused whole": (
        fault("_counts", orders.N_REJECTS, lambda _: 1),
        POOR,
    ),
    "a halt is not looked for": (
        fault("_counts", orders.N_CAN_HALT, lambda _: 0),
        {**TERMS, "cash": 6.0, "limits": pt.Limits(max_drawdown=0.005)},
    ),
    "a halt leaves the position": (
        fault("_counts", orders.N_CAN_HALT, lambda _: orders.CAN_HALT),
        {**TERMS, "cash": 6.0, "limits": pt.Limits(max_drawdown=0.005, flatten=True)},
    ),
}


def runs(terms):
    for seed in range(12):
        assert_same(Scripted(seed=seed), with_volume(seed), **terms)


def with_volume(seed):
    bars = minutes(120, seed)
    return pt.Bars.from_arrays(
        bars.close,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        volume=np.full(120, 10.0),
        instruments=bars.instruments,
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_the_law(name, monkeypatch):
    plant, terms = FAULTS[name]
    runs(terms)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        runs(terms)
