"""Accounts and orders for the tests of the gate."""

from dataclasses import replace

import numpy as np

from peak_trade.domain.approval import Refused
from peak_trade.domain.order import Order, OrderKind, Reason
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.limits import RiskLimits, ScopedLimits

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


def book_of(
    width: int = 2, *, symbols: tuple[str, ...] = (), held=None, buying=None, selling=None, **given
) -> Book:
    """An account of 10,000 with instruments at 100; one lot is one unit."""
    symbols = symbols or tuple(f"S{i}/USD" for i in range(width))
    width = len(symbols)

    def lots(values) -> np.ndarray:
        return np.array([0] * width if values is None else values, np.int64)

    terms = {
        "symbols": symbols,
        "ticks": np.full(width, 0.5),
        "steps": np.ones(width, np.int64),
        "minima": np.zeros(width),
        "units": np.ones(width),
        "lot_sizes": np.ones(width),
        "held": lots(held),
        "buying": lots(buying),
        "selling": lots(selling),
        "marks": np.full(width, 100.0),
        "mids": np.full(width, 100.0),
        "volumes": np.full(width, 1000.0),
        "daily_volumes": np.full(width, 10_000.0),
        "equity": 10_000.0,
        "cash": 10_000.0,
        "peak": 10_000.0,
        "yesterday": 10_000.0,
        "version": 7,
        "now_ns": NOW_NS,
        "data_ns": np.full(width, NOW_NS),
        "quarantined": np.zeros(width, np.bool_),
        "closed": np.zeros(width, np.bool_),
    }
    return Book(**{**terms, **given})


def order_of(lots: int, instrument: int = 0, *, name: str = "", **given) -> Order:
    """A market order of a strategy, or a limit order where it has a price in ticks of a half."""
    is_priced = given.get("price_ticks") is not None
    terms = {
        "kind": OrderKind.LIMIT if is_priced else OrderKind.MARKET,
        "reason": Reason.ORDER,
        "decided_ns": NOW_NS - 1,
        "tick": 0.5 if is_priced else 0.0,
        "strategy": "trend",
    }
    return Order(name or f"n{lots}.{instrument}", instrument, lots, **{**terms, **given})


def gate_of(
    *, symbols=None, strategies=None, portfolio=None, gate: dict | None = None, **limits: float
) -> RiskGate:
    """A gate on paper whose limits are wide but for those given."""
    scoped = ScopedLimits(
        replace(RiskLimits.wide(), **limits), strategies=strategies or {}, symbols=symbols or {}
    )
    if portfolio is not None:
        scoped = replace(scoped, portfolio=portfolio)
    terms = {"environment": "paper", "account": "a1", **(gate or {})}
    return RiskGate(scoped, terms.pop("kill", MemoryKillSwitch("paper")), **terms)


def rules_of(refused: list[Refused], which: int = 0) -> list[str]:
    return [breach.rule for breach in refused[which].breaches]


def broken(gate: RiskGate, order: Order | Proposal, book: Book | None = None) -> list[str]:
    """The rules that one order violates; none where it is approved."""
    proposal = order if isinstance(order, Proposal) else Proposal(order)
    approved, refused = gate.review([proposal], book or book_of())
    assert len(approved) + len(refused) == 1
    return rules_of(refused) if refused else []
