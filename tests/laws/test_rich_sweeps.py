"""Law 3 for sweeps under any terms: every row equals the backtest of its parameters."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.markets import Case
from laws.rich_markets import rich_cases
from laws.test_sweep_equals_backtest import Sides, disagreement

import peak_trade as pt
from peak_trade.domain.errors import PeakTradeError
from peak_trade.domain.terms import Terms


def terms_as_options(terms: Terms) -> dict:
    names = (
        "cash", "costs", "exits", "cash_buffer", "min_change", "shortfall", "limits", "margin",
        "rebalance", "band", "sizer", "currency",
    )  # fmt: skip
    return {name: getattr(terms, name) for name in names}


def check_rows(case: Case, kind: type, grid: dict[str, list]) -> None:
    options = terms_as_options(case.terms) | {"actions": case.actions}
    wide = {"limits.max_position": [0.4, 1e6], **grid}
    expected = errors_of_backtests(case, kind, wide, options)
    if expected:
        with pytest.raises(tuple(expected)):
            pt.sweep(kind, case.bars, wide, threads=1, **options)
        return
    found = pt.sweep(kind, case.bars, wide, threads=1, **options)
    engines = set()
    for row in found.rows:
        run = backtest_of(case, kind, row.params, options)
        assert disagreement(row, run) == ""
        engines.add(run.engine)
    said = [text.split(" went")[0] for text in found.warnings if "Session" in text]
    whole = {"Each combination"} if engines == {"session"} else {"Some combinations"}
    assert set(said) == (whole if "session" in engines else set())


def backtest_of(case: Case, kind: type, params: dict[str, object], options: dict) -> pt.Backtest:
    own = {name: value for name, value in params.items() if "." not in name}
    limits = replace(case.terms.limits, max_position=params["limits.max_position"])
    return pt.backtest(kind(**own), case.bars, **options | {"limits": limits})


def errors_of_backtests(case: Case, kind: type, grid: dict[str, list], options: dict) -> set[type]:
    found = set()
    for values in itertools.product(*grid.values()):
        try:
            backtest_of(case, kind, dict(zip(grid, values, strict=True)), options)
        except PeakTradeError as error:
            found.add(type(error))
    return found


@settings(max_examples=100)
@given(case=rich_cases(1), kind=st.sampled_from([pt.strategies.MaCross, Sides]))
def test_rich_sweep_rows_equal_their_backtests(case: Case, kind: type) -> None:
    grid = {"n": [1, 3]} if kind is Sides else {"fast": [1, 2], "slow": [3]}
    check_rows(case, kind, grid)


@settings(max_examples=30)
@given(case=rich_cases(3))
def test_rich_sweep_of_several_instruments_equals_its_backtests(case: Case) -> None:
    check_rows(case, Sides, {"n": [1, 3]})
