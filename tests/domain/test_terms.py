"""Costs, exits and the account: what is in range."""

import numpy as np
import pytest

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.terms import Costs, Exits, Limits, Margin, Terms

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name", ["commission", "slippage"])
@pytest.mark.parametrize("value", [-0.001, 1.0, 10, NAN, INF])
def test_costs_out_of_range_are_refused(name, value):
    with pytest.raises(ParameterError, match=f"{name} .* of Costs is out of range.*0.01 is 1 %"):
        Costs(**{name: value})


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1]])
def test_costs_that_are_no_number_are_refused(value):
    with pytest.raises(ParameterError, match=r"commission .* of Costs is not a number"):
        Costs(commission=value)


def test_costs_are_free_only_where_both_are_zero():
    assert Costs().are_free
    assert not Costs(commission=0.001).are_free
    assert not Costs(slippage=np.float64(0.001)).are_free


@pytest.mark.parametrize("value", [0, -0.1, 1.0, NAN, INF])
def test_stop_loss_out_of_range_is_refused(value):
    with pytest.raises(ParameterError, match="stop_loss"):
        Exits(stop_loss=value)


@pytest.mark.parametrize("value", [0, -0.1, NAN, INF])
def test_take_profit_out_of_range_is_refused(value):
    with pytest.raises(ParameterError, match="take_profit"):
        Exits(take_profit=value)


def test_take_profit_may_be_above_one():
    assert Exits(take_profit=2.5).are_set


def test_exits_with_unknown_reentry_are_refused():
    with pytest.raises(ParameterError, match="reentry 'never' is not known"):
        Exits(reentry="never")


@pytest.mark.parametrize("cash", [0, -1.0, NAN, INF, "100", None, True])
def test_cash_that_is_not_positive_is_refused(cash):
    with pytest.raises(ParameterError, match=r"cash .* is not a positive number"):
        Terms(cash=cash)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cash_buffer": 1.0}, "cash_buffer 1.0 of Terms is out of range"),
        ({"cash_buffer": -0.1}, "cash_buffer"),
        ({"min_change": -0.1}, "min_change"),
        ({"min_change": 2.0}, "min_change"),
        ({"shortfall": "ignore"}, "shortfall 'ignore' is not known; choose scale or reject"),
        ({"costs": 0.001}, r"costs 0.001 is no Costs; write costs=pt.Costs\(commission=0.001\)"),
        ({"exits": 0.05}, r"exits 0.05 is no Exits; write exits=pt.Exits\(stop_loss=0.05\)"),
    ],
)
def test_terms_out_of_range_are_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        Terms(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limits": 0.2}, r"limits 0.2 is no Limits; write limits=pt.Limits\(max_drawdown=0.2\)"),
        ({"margin": 2}, r"margin 2 is no Margin; write margin=pt.Margin\(max_leverage=2\)"),
        ({"sizer": 0.5}, "sizer 0.5 is no Sizer; give one of peak_trade.portfolio.size"),
        ({"rebalance": "monthly"}, "rebalance 'monthly' is not known; did you mean month?"),
        ({"rebalance": None}, "rebalance None is not known; choose one of band, bar, change"),
        ({"rebalance": "band"}, "rebalance 'band' and band None do not go together; give both"),
        ({"band": 0.1}, "rebalance 'change' and band 0.1 do not go together"),
        ({"rebalance": "bar", "band": 0.1}, "rebalance 'bar' and band 0.1 do not go together"),
        ({"rebalance": "band", "band": 0}, "band 0 of Terms is out of range: above 0 and below 2"),
        ({"rebalance": "band", "band": 2.0}, "band 2.0 of Terms is out of range"),
        ({"rebalance": "band", "band": NAN}, "band nan of Terms is out of range"),
        ({"rebalance": "band", "band": "0.1"}, "band '0.1' of Terms is not a number"),
        ({"min_change": True}, "min_change True of Terms is not a number"),
    ],
)
def test_terms_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        Terms(**given)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({}, True),
        ({"cash_buffer": 0.1, "min_change": 0.0, "shortfall": "reject"}, True),
        ({"limits": Limits(flatten=True)}, True),
        ({"limits": Limits(max_order=10.0)}, False),
        ({"margin": Margin(max_leverage=1.0)}, False),
        ({"rebalance": "bar"}, False),
        ({"costs": Costs(borrow=0.01)}, False),
        ({"exits": Exits(trailing=0.1)}, False),
    ],
)
def test_terms_are_plain_only_where_nothing_else_is_asked_for(given, plain):
    assert Terms(**given).are_plain == plain


def test_targets_may_add_up_to_one_or_to_the_leverage():
    assert Terms().max_weight == 1.0 + 1e-9
    assert Terms(margin=Margin(max_leverage=3.0)).max_weight == 3.0 + 1e-9
