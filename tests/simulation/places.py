"""A faulty venue in this process, with a time of its own, and orders for it."""

from dataclasses import dataclass

import numpy as np

from peak_trade.domain.approval import Approvals
from peak_trade.domain.order import Order, OrderKind, Reason, TimeInForce
from peak_trade.simulation.exchange import TICK, Exchange
from peak_trade.simulation.faults import CALM, Faults
from peak_trade.simulation.faulty_client import FaultyClient
from peak_trade.simulation.faulty_venue import FaultyVenue
from peak_trade.simulation.judge import Truth
from peak_trade.simulation.wires import LocalWire, SteppedClock

START_NS = 1_700_000_000_000_000_000


@dataclass
class Place:
    clock: SteppedClock
    exchange: Exchange
    venue: FaultyVenue
    client: FaultyClient
    log: list[dict[str, object]]

    @property
    def truth(self) -> Truth:
        return Truth.of(self.log)


def place(faults: Faults = CALM, *, seed: int = 1, symbols=("X", "Y"), timeout_s=0.005) -> Place:
    clock = SteppedClock(START_NS)
    log: list[dict[str, object]] = []
    exchange = Exchange(
        symbols, cash_cents=100_000_000, rng=np.random.default_rng(seed), log=log.append
    )
    venue = FaultyVenue(exchange, faults, rng=np.random.default_rng(seed + 1))
    client = FaultyClient(
        LocalWire(venue, now_ns=clock.now_ns, sleep=clock.sleep),
        Approvals(),
        symbols=symbols,
        faults=faults,
        timeout_s=timeout_s,
        now_ns=clock.now_ns,
        sleep=clock.sleep,
    )
    return Place(clock, exchange, venue, client, log)


def market(name: str, lots: int, *, symbol: int = 0, **more) -> Order:
    return Order(name, symbol, lots, OrderKind.MARKET, Reason.ORDER, 0, **more)


def limit(name: str, lots: int, ticks: int, *, symbol: int = 0, **more) -> Order:
    return Order(
        name,
        symbol,
        lots,
        OrderKind.LIMIT,
        Reason.ORDER,
        0,
        price_ticks=ticks,
        tick=TICK,
        **{"time_in_force": TimeInForce.GTC, **more},
    )
