"""The laws catch what they are for: each fault planted here must be found by a law's own check."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from laws import oracle
from laws.markets import Case, cases
from laws.test_causality import market
from laws.test_substitution import difference

import peak_trade as pt
from peak_trade.domain.errors import PeakTradeError
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Terms
from peak_trade.engine import fast
from peak_trade.engine.rows import LiveRows, StoredRows
from peak_trade.engine.session import Session
from peak_trade.execution.desk import Desk
from peak_trade.execution.protect import Protection
from peak_trade.execution.sim import SimVenue
from peak_trade.kernels import simulate
from peak_trade.portfolio.weights import target_array
from peak_trade.research.causality import check_causality

KERNELS = Path(simulate.__file__).parent
SAMPLE = 1200

# --- look-ahead -----------------------------------------------------------------------------------


class FullSampleMean(pt.Strategy):
    """Long below the mean of the whole sample, which only the end knows."""

    def targets(self, bars):
        return bars.close < np.nanmean(bars.close)


class NextBar(pt.Strategy):
    """Long where the next close is higher."""

    def targets(self, bars):
        return np.vstack([bars.close[1:] > bars.close[:-1], np.zeros((1, bars.close.shape[1]))])


class NextOpen(pt.Strategy):
    """Long where the next bar opens above the close, shifted by one row by mistake."""

    def targets(self, bars):
        return np.roll(bars.open, -1, axis=0) > bars.close


PEEKING = [FullSampleMean, NextBar, NextOpen]


@pytest.mark.parametrize("kind", PEEKING)
def test_strategy_that_looks_ahead_is_found_by_the_causality_check(kind: type) -> None:
    report = check_causality(kind(), market(5, frozenset({"gapping"}), 60, 1), every=1)
    assert not report.is_causal


@pytest.mark.parametrize("kind", PEEKING)
def test_strategy_that_looks_ahead_books_something_else_when_live(kind: type) -> None:
    bars, strategy, terms = market(5, frozenset({"gapping"}), 60, 1), kind(), Terms()
    sources = [LiveRows(strategy, bars), StoredRows(target_array(strategy, bars))]
    live, stored = (Session(bars, s, start=0, stop=60, terms=terms).run() for s in sources)
    assert difference(live, stored) != ""


# --- engines with a fault -------------------------------------------------------------------------

Fault = list[tuple[str, str, str]]  # kernel module, what stands there, what stands there instead

LONG_STOP_FIRST = """if low <= stop:
            return STOP_LOSS
        return TAKE_PROFIT if high >= take else NO_EXIT"""
LONG_TAKE_FIRST = """if high >= take:
            return TAKE_PROFIT
        return STOP_LOSS if low <= stop else NO_EXIT"""

FAULTS: dict[str, Fault] = {
    "long stop needs a lower low": [("fills", "if low <= stop:", "if low < stop:")],
    "short stop needs a higher high": [("fills", "if high >= stop:", "if high > stop:")],
    "take-profit needs a higher high": [
        ("fills", "TAKE_PROFIT if high >= take", "TAKE_PROFIT if high > take")
    ],
    "favourable extreme first": [
        (
            "fills",
            LONG_STOP_FIRST,
            LONG_TAKE_FIRST,
        )
    ],
    "gap fills at the level": [
        ("simulate", "kind = opens_beyond(side, open_[t, i], stop[i], take[i])", "kind = NO_EXIT"),
        ("simulate", "kind = opens_beyond(side, open_[leaves], stop, take)", "kind = NO_EXIT"),
    ],
    "levels rounded towards the entry": [("fills", "if side > 0 else np.floor", "if side < 0 else np.floor")],
    "slippage in favour": [("fills", "(1.0 + slippage) if lots > 0", "(1.0 + slippage) if lots < 0")],
    "take-profit slips": [("fills", "if kind == STOP_LOSS else level", "if kind != 0 else level")],
    "fee left out of cash": [("accounting", "return cash - (value + fee)", "return cash - value")],
    "sales earn their fee": [("accounting", "return abs(value) * commission", "return value * commission")],
    "shorts pay for longs": [("accounting", "2.0 * value_of(held", "0.0 * value_of(held")],
    "lots rounded up": [("accounting", "lots = int(wanted)", "lots = int(np.rint(wanted))")],
    "change of one step is too small": [("accounting", "(price * unit) >= step", "(price * unit) > step")],
    "min_change itself is acted on": [("accounting", "return change > min_change", "return change >= min_change")],
    "order step ignored": [("accounting", "lots // step * step", "lots")],
    "average forgets what was held": [
        ("accounting", "return (abs(held) * average + abs(lots) * price) / abs(after)", "return price")
    ],
    "fills a bar late": [
        ("simulate", "open_[min(rows[k] + 1, len(open_) - 1)]", "open_[min(rows[k] + 2, len(open_) - 1)]")
    ],
    "fills at the close of the bar": [
        ("simulate", "market_price(open_[bar, i], working[i]", "market_price(close[bar, i], working[i]")
    ],
    "entry bar without exits": [("simulate", "seen = d + 1", "seen = d + 2")],
    "increases before reductions": [
        ("simulate", "instant = _NEVER", "instant, early = _NEVER, cash"),
        ("simulate", "left = spendable(cash,", "left = spendable(early,"),
    ],
    "no latch after an exit": [("simulate", "latch[i] = side", "latch[i] = 0")],
    "ruin is not seen": [("simulate", "if not is_ruin and equity <= 0.0", "if not is_ruin and equity < -1e300")],
    "first rules for ever": [
        ("simulate", "rule + 1 < len(rule_rows) and rule_rows[rule + 1] <=", "rule < -1 and rule_rows[0] <=")
    ],
}  # fmt: skip


def plain_simulation(fault: Fault) -> ModuleType:
    """The kernels as plain Python, with some of their text replaced."""
    modules = {}
    for name in ("accounting", "fills", "simulate"):
        source = (KERNELS / f"{name}.py").read_text(encoding="utf-8")
        for module, old, new in fault:
            if module == name:
                assert old in source, f"{old!r} no longer stands in {name}: plant the fault anew"
                source = source.replace(old, new)
        source = re.sub(r"peak_trade\.kernels\.(accounting|fills)\b", r"planted_\1", source)
        source = re.sub(
            r"from peak_trade\.kernels\.jit import .*",
            "kernel = allocating = reduction = lambda function: function",
            source,
        )
        modules[name] = sys.modules[f"planted_{name}"] = ModuleType(f"planted_{name}")
        exec(compile(source, f"planted {name}", "exec"), modules[name].__dict__)
    for name in modules:
        del sys.modules[f"planted_{name}"]
    return modules["simulate"]


@pytest.fixture(scope="module")
def sample() -> list[tuple[Case, oracle.Outcome]]:
    """The same cases in every run, and what the oracle books in them."""
    found: list[tuple[Case, oracle.Outcome]] = []

    @settings(max_examples=SAMPLE, derandomize=True, database=None)
    @given(cases())
    def collect(case: Case) -> None:
        outcome = oracle.simulate(case.bars, case.targets, case.start, case.terms)
        if outcome.fills:
            found.append((case, outcome))

    collect()
    return found


def by_fast_path(case: Case) -> Record:
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    return fast.run(trading, case.targets, case.terms, "case")


def by_session(case: Case) -> Record:
    stop = len(case.bars)
    source = StoredRows(case.targets)
    return Session(case.bars, source, start=case.start, stop=stop, terms=case.terms).run()


def first_difference(engine, sample: list[tuple[Case, oracle.Outcome]]) -> str:
    """What the law over the oracle finds first; a run that ends in an error is found too."""
    for case, outcome in sample:
        try:
            found = oracle.difference(engine(case), outcome)
        except (PeakTradeError, ArithmeticError, LookupError, StopIteration) as error:
            found = repr(error)
        if found:
            return found
    return ""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # plain NumPy scalars warn of overflow
def test_plain_kernels_without_a_fault_book_what_the_oracle_books(sample, monkeypatch) -> None:
    monkeypatch.setattr(fast, "simulate", plain_simulation([]))
    assert first_difference(by_fast_path, sample) == ""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FAULTS)
def test_fault_in_a_kernel_is_found(name: str, sample, monkeypatch) -> None:
    monkeypatch.setattr(fast, "simulate", plain_simulation(FAULTS[name]))
    assert first_difference(by_fast_path, sample) != ""


def no_gaps(venue: SimVenue, bars: dict[int, int], row: int) -> list:
    return []


def never_reduces(venue: SimVenue, due: list, prices, row: int, left: dict[int, int]) -> list:
    left.update({order.instrument: order.lots for order, _ in due})
    return []


def never_protects(protection: Protection, i: int, **position: object) -> None:
    return None


def keeps_orders(desk: Desk, time_ns: int) -> None:
    return None


SESSION_FAULTS = {
    "exits after the increases": (SimVenue, "_gaps", no_gaps),
    "reductions among the increases": (SimVenue, "_reduce", never_reduces),
    "positions without exits": (Protection, "after_market_fill", never_protects),
    "ruined account trades on": (Desk, "close_account", keeps_orders),
}


def test_session_without_a_fault_books_what_the_oracle_books(sample) -> None:
    assert first_difference(by_session, sample) == ""


@pytest.mark.parametrize("name", SESSION_FAULTS)
def test_fault_in_the_session_is_found(name: str, sample, monkeypatch) -> None:
    owner, method, fault = SESSION_FAULTS[name]
    monkeypatch.setattr(owner, method, fault)
    assert first_difference(by_session, sample) != ""
