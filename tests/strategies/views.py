"""A view of an account that a test sets by hand."""

from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order_strategy import Bar


class HandView:
    """What an order strategy sees; ``held`` and ``open_tags`` are set by the test."""

    def __init__(self, *instruments):
        self.instruments = instruments or (Instrument("I", tick=0.01, lot=0.001),)
        self.cash = self.equity = 1e6
        self.held = [0] * len(self.instruments)
        self.open_tags = set()

    def lots(self, instrument=0):
        return self.held[instrument]

    def orders(self, tag=""):
        return [name for name in sorted(self.open_tags) if not tag or name == tag]

    def on_tick(self, price, instrument=0):
        tick = self.instruments[instrument].tick
        return round(round(price / tick) * tick, 10)


def bar_of(close, *, row=0, high=None, low=None, instrument=0):
    bar = Bar()
    bar.row, bar.time_ns, bar.instrument = row, row * 60_000_000_000, instrument
    bar.open = bar.close = close
    bar.high, bar.low = high or close, low or close
    bar.volume = 100.0
    return bar
