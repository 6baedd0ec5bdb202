"""The gate: hostile orders against a judge of its own, and what a review costs."""

import time
from dataclasses import replace

import numpy as np

from benchmarks.safety import Figure
from benchmarks.safety.gate_twin import (
    Judge,
    hostile,
    random_book,
    random_limits,
    random_proposal,
)
from peak_trade.domain.limits import Limits
from peak_trade.domain.order import Order, OrderKind, Reason
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.limits import RiskLimits, ScopedLimits

ORDERS = 1_000_000
TIMED = 20_000
SEED = 20_240_517
ROUND = 60
TARGET_P99_US, TARGET_BACKTEST_US = 200.0, 15.0


def measure(scale: float) -> list[Figure]:
    """Hostile orders that passed a limit (none may), and the time of a review."""
    orders = max(int(ORDERS * scale), 500)
    approved, past, raised = run_hostile(orders, SEED)
    found = [
        Figure(
            "gate",
            "hostile orders past a limit",
            f"0 of {orders:,}",
            f"{past} past, {raised} raised, {approved:,} approved",
            past == 0 and raised == 0 and approved > 0,
        )
    ]
    timed = max(int(TIMED * scale), 500)
    for width in (1, 500):
        median, high = review_times(_full_gate(), width, timed)
        found.append(
            Figure(
                "gate",
                f"checks 1 to 18, {width} instruments, p99",
                f"at most {TARGET_P99_US:g} us",
                f"{high:.0f} us (median {median:.0f} us)",
                high <= TARGET_P99_US,
                is_speed=True,
            )
        )
    median, high = review_times(RiskGate.for_backtest(Limits(max_position=0.9)), 1, timed)
    found.append(
        Figure(
            "gate",
            "one order of a backtest, median",
            f"at most {TARGET_BACKTEST_US:g} us",
            f"{median:.1f} us (p99 {high:.0f} us)",
            median <= TARGET_BACKTEST_US,
            is_speed=True,
        )
    )
    return found


def run_hostile(orders: int, seed: int) -> tuple[int, int, int]:
    """Review random orders, most of them hostile: how many passed, were past a limit, and raised."""
    rng = np.random.default_rng(seed)
    approved = past = raised = done = 0
    while done < orders:
        limits = random_limits(rng)
        gate = RiskGate(limits, MemoryKillSwitch("paper"), environment="paper", account="a")
        judge = Judge(limits)
        book = random_book(rng)
        for k in range(ROUND):
            if k % 10 == 0:
                now_ns = book.now_ns
                book = random_book(rng)
                later_ns = max(now_ns - book.now_ns, 0) + int(rng.integers(0, 3)) * 900_000_000
                book.now_ns += later_ns
                book.data_ns += later_ns
            batch = _batch(rng, book, f"{done:x}")
            done += len(batch)
            try:
                yes, _ = gate.review(batch, book)
            except Exception:  # noqa: BLE001 - what is counted here
                raised += 1
                continue
            passed = {id(item.order) for item in yes}
            gate.approvals.withdraw()
            approved += len(passed)
            for j, proposal in enumerate(batch):
                broken = judge.past(proposal, batch[:j], book)
                past += bool(broken) and id(proposal.order) in passed
    return approved, past, raised


def _batch(rng: np.random.Generator, book: Book, name: str) -> list[Proposal]:
    found = []
    for k in range(int(rng.integers(1, 5))):
        own = "same" if rng.random() < 0.02 else f"{name}.{k}"
        proposal = random_proposal(rng, book, own)
        found.append(hostile(rng, proposal) if rng.random() < 0.5 else proposal)
    return found


def review_times(gate: RiskGate, width: int, count: int) -> tuple[float, float]:
    """Median and 99th percentile of the time of one order's review, microseconds."""
    book, times = _plain_book(width), np.empty(count)
    for k in range(count):
        book.now_ns += 2_000_000_000
        book.data_ns[:] = book.now_ns
        order = Order(
            f"o{k:x}", k % width, 1 + k % 7, OrderKind.MARKET, Reason.TARGET, 0, strategy="s"
        )
        begin = time.perf_counter_ns()
        yes, _ = gate.review([Proposal(order)], book)
        times[k] = (time.perf_counter_ns() - begin) / 1e3
        if not yes:
            raise RuntimeError("an order that is timed was refused")
        gate.approvals.withdraw()
    warm = times[min(100, count // 5) :]
    return float(np.median(warm)), float(np.percentile(warm, 99))


def _full_gate() -> RiskGate:
    account = replace(
        RiskLimits.wide(), duplicate_window_s=1.0, repeat_window_s=60.0, max_order=1e9
    )
    limits = ScopedLimits(account, symbols={"S1/USD": {"max_order": 1e8}})
    return RiskGate(limits, MemoryKillSwitch("paper"), environment="paper", account="a")


def _plain_book(width: int) -> Book:
    def ones(value: float) -> np.ndarray:
        return np.full(width, value)

    held = np.arange(width) % 3 * 10
    return Book(
        symbols=tuple(f"S{i}/USD" for i in range(width)),
        ticks=ones(0.01),
        steps=np.ones(width, np.int64),
        minima=ones(0.0),
        units=ones(1e-4),
        lot_sizes=ones(1e-4),
        held=held,
        buying=np.zeros(width, np.int64),
        selling=np.zeros(width, np.int64),
        marks=ones(100.0),
        mids=ones(100.0),
        volumes=ones(1e6),
        daily_volumes=ones(1e9),
        equity=1e5,
        cash=1e5,
        peak=1e5,
        yesterday=1e5,
        version=1,
        now_ns=10**18,
        data_ns=np.full(width, 10**18),
        interval_ns=60_000_000_000,
        quarantined=np.zeros(width, np.bool_),
        closed=np.zeros(width, np.bool_),
    )
