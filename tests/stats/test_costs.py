import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.markets import Case, cases

from peak_trade.domain.errors import InputError
from peak_trade.engine import fast
from peak_trade.stats.costs import cost_split, costs_of

AMOUNTS = st.floats(-1e6, 1e6)
KINDS = st.sampled_from(["dividend", "funding", "borrow", "interest"])


@given(
    st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=20),
    st.lists(st.tuples(KINDS, AMOUNTS), max_size=20),
)
def test_cost_split_of_anything_adds_up_to_all_that_was_paid(fills, flows):
    fees, slippage = (np.array([fill[k] for fill in fills]) for k in (0, 1))
    kinds, amounts = [kind for kind, _ in flows], np.array([amount for _, amount in flows])
    found = cost_split(fees, slippage, kinds, amounts, traded=1000.0)
    assert list(found.kinds) == ["commission", "slippage", *dict.fromkeys(kinds)]
    paid = sum(a + b for a, b in fills) - sum(amounts)
    assert found.total == pytest.approx(paid, rel=1e-9, abs=1e-6)
    for kind in set(kinds):
        of_kind = -sum(amount for name, amount in flows if name == kind)
        assert found.kinds[kind] == pytest.approx(of_kind, rel=1e-9, abs=1e-6)
        assert found.of_traded[kind] == pytest.approx(of_kind / 1000, rel=1e-9, abs=1e-9)


def test_cost_split_of_nothing_traded_has_no_share():
    found = cost_split(np.zeros(0), np.zeros(0), traded=0.0)
    assert found.total == 0.0
    assert math.isnan(found.of_traded["commission"])


def test_cost_split_of_columns_that_do_not_fit_is_refused():
    with pytest.raises(InputError, match="one of each"):
        cost_split(np.zeros(2), np.zeros(1))
    with pytest.raises(InputError, match="one of each"):
        cost_split(np.zeros(1), np.zeros(1), ["funding"], np.zeros(2))


@given(cases())
def test_costs_of_random_runs_are_the_fees_and_slippage_of_their_fills(case: Case):
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    record = fast.run(trading, case.targets, case.terms, "case")
    found, fills = costs_of(record), record.fills
    assert found.kinds["commission"] == pytest.approx(sum(fills.fee))
    assert found.kinds["slippage"] == pytest.approx(sum(fills.slippage))
    value = sum(
        abs(int(fills.lots[k])) * record.bars.instruments[fills.instrument[k]].unit * fills.price[k]
        for k in range(len(fills))
    )
    assert found.traded == pytest.approx(value, rel=1e-9)
