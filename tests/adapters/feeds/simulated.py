"""Venue simulators on this machine, with a market that is known, for feeds to listen to."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from data.live.made_trades import MINUTE

from peak_trade.simulation.binance import server as binance_server
from peak_trade.simulation.frames import MessageFaults
from peak_trade.simulation.kraken import server as kraken_server
from peak_trade.simulation.market.clock import SimClock
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.service import Running
from peak_trade.simulation.market.tape import BarTape, TapeBars

SYMBOLS = {"kraken": ("BTC/USD", "ETH/USD"), "binance": ("BTC/USDT", "ETH/USDT")}


def market(venue: str, speed: float) -> Market:
    make = kraken_server if venue == "kraken" else binance_server
    listed = make.listings(list(SYMBOLS[venue]))
    clock = SimClock(speed=speed)
    rng = np.random.default_rng(5)
    close = 1000 * np.exp(np.cumsum(rng.normal(0, 0.002, 300)))
    open_ = np.concatenate(([1000.0], close[:-1]))
    bars = TapeBars(
        open_, np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999, close,
        rng.uniform(5, 50, 300),
    )  # fmt: skip
    tapes = {
        one.symbol: BarTape(
            one, bars, start_ns=clock.now_ns(), bar_ns=MINUTE, history=60, trades=30,
            history_trades=6, seed=k,
        )
        for k, one in enumerate(listed)
    }  # fmt: skip
    return Market(listed, tapes, clock)


@contextmanager
def served(venue: str, made: Market, faults: str) -> Iterator[tuple[str, str, Running]]:
    told = MessageFaults.parse(faults) if faults else None
    if venue == "kraken":
        with kraken_server.running(made, faults=told, seed=3) as up:
            yield up.urls.ws, up.urls.rest, up.running
    else:
        with binance_server.running(made, faults=told, seed=3) as at:
            yield at.urls.streams, at.urls.rest, at.served
