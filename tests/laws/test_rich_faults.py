"""The law over the oracle catches what it is for, also beyond a plain account: faults planted here."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import oracle
from laws.markets import Case
from laws.rich_markets import rich_cases
from laws.test_rich_oracle import by_session, run_oracle

from peak_trade.domain.errors import PeakTradeError
from peak_trade.domain.limits import Margin
from peak_trade.engine.payments import Payments
from peak_trade.engine.session import Session
from peak_trade.execution.desk import Desk
from peak_trade.execution.protect import Protection
from peak_trade.execution.sim import SimVenue
from peak_trade.kernels import costs, exits
from peak_trade.risk.gate import RiskGate

SAMPLE = 1500


def levered(case: Case) -> Case:
    """The same case on four times the leverage, so that margin matters."""
    return replace(
        case,
        targets=np.clip(4.0 * case.targets, -4.0, 4.0),
        terms=replace(case.terms, margin=Margin(max_leverage=5.0, maintenance=0.15), sizer=None),
    )


@pytest.fixture(scope="module")
def sample() -> list[tuple[Case, oracle.Outcome]]:
    """The same cases in every run, and what the oracle books in them."""
    found: list[tuple[Case, oracle.Outcome]] = []

    @settings(max_examples=SAMPLE, derandomize=True, database=None)
    @given(rich_cases(everything=True), st.booleans())
    def collect(case: Case, on_margin: bool) -> None:
        case = levered(case) if on_margin else case
        try:
            outcome = run_oracle(case)
        except (oracle.LeverageError, oracle.TooLargeError):
            return
        if outcome.fills:
            found.append((case, outcome))

    collect()
    return found


def first_difference(sample: list[tuple[Case, oracle.Outcome]]) -> str:
    for case, outcome in sample:
        try:
            found = oracle.difference(by_session(case), outcome, tolerance=1e-9)
        except (PeakTradeError, ArithmeticError, LookupError, ValueError) as error:
            found = repr(error)
        if found:
            return found
    return ""


def nothing(*values: object, **named: object) -> None:
    return None


def untrue(*values: object, **named: object) -> bool:
    return False


def first_price(venue: SimVenue, price: float, i: int, lots: int, bar: int) -> float:
    return price


def taker_always(fees: np.ndarray, rests: bool, quantity: float, value: float) -> float:
    return ORIGINAL_FEE(fees, False, quantity, value)


def low_tier(since: object, table: object, tiers: np.ndarray, time: int, volume: float, out):
    return ORIGINAL_FEES_AT(since, table, tiers, time, 0.0, out)


def raw_targets(desk: Desk, decision: object) -> np.ndarray:
    return desk.last


def approves_all(gate: RiskGate, proposals: list, book: object) -> tuple[list, list]:
    return [gate.approvals.issue(p.order, book.version, gate.kill.epoch) for p in proposals], []


def never_far(desk: Desk, i: int, target: float, decision: object) -> bool:
    return True


def no_exits(*values: object) -> int:
    return 0


def whole_interest(amount: float, rate: float, dt_ns: int) -> float:
    return amount * rate


ORIGINAL_FEE, ORIGINAL_FEES_AT = costs.fee_at, costs.fees_at

FAULTS = {
    "prices without a slip": (SimVenue, "_worse", first_price),
    "resting orders that pay the taker's rate": (costs, "fee_at", taker_always),
    "volume that reaches no tier": (costs, "fees_at", low_tier),
    "no borrow, interest and financing": (Payments, "accrue", nothing),
    "interest for a year a row": (costs, "carry_of", whole_interest),
    "levels that never move": (Protection, "after_close", untrue),
    "levels that a split leaves alone": (Protection, "after_split", nothing),
    "levels that a fill leaves alone": (Protection, "after_market_fill", nothing),
    "partial take-profits that come again": (Protection, "take_partial", nothing),
    "exits at the open alone": (exits, "exits_in_bar", no_exits),
    "exits inside the bar alone": (exits, "exits_at_open", no_exits),
    "orders that no limit refuses": (RiskGate, "review", approves_all),
    "halts that cancel nothing": (Desk, "cancel_all", nothing),
    "positions without a liquidation price": (SimVenue, "_find_liquidation", nothing),
    "targets that no sizer scales": (Desk, "_sized", raw_targets),
    "an account that scales nothing": (Session, "_factors", None),
    "bands that are always left": (Desk, "_is_off_one", never_far),
    "actions that come to nothing": (Payments, "act", nothing),
    "trades that nobody counts": ("peak_trade.engine.session", "tally_fill", nothing),
    "increases that cash does not limit": (costs, "scale_to_cash", nothing),
}


@settings(max_examples=600)
@given(rich_cases(everything=True))
def test_session_on_margin_books_what_the_document_says(case: Case) -> None:
    case = levered(case)
    try:
        outcome = run_oracle(case)
    except (oracle.LeverageError, oracle.TooLargeError):
        with pytest.raises(PeakTradeError):
            by_session(case)
        return
    tolerance = 1e-9 if case.terms.costs.impact else 0.0
    assert oracle.difference(by_session(case), outcome, tolerance=tolerance) == ""


def plant(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    owner, method, fault = FAULTS[name]
    if isinstance(owner, str):
        monkeypatch.setattr(f"{owner}.{method}", fault)
    elif fault is None:
        monkeypatch.setattr(owner, method, lambda run, row, equity: run._sheet.scale[row])
    else:
        monkeypatch.setattr(owner, method, fault)


def test_session_without_a_fault_books_what_the_oracle_books(sample) -> None:
    assert len(sample) > SAMPLE / 3
    assert first_difference(sample) == ""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FAULTS)
def test_fault_in_the_session_is_found(name: str, sample, monkeypatch) -> None:
    plant(monkeypatch, name)
    assert first_difference(sample) != ""
