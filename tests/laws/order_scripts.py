"""Markets and scripts for laws on order strategies: every kind of order, in Python and compiled."""

import numpy as np

import peak_trade as pt
from peak_trade.domain.compiled import (
    CLOSE,
    EXPIRES_S,
    FORCE,
    GROUP,
    LIMIT_PRICE,
    POST_ONLY,
    PROFIT,
    REDUCE_ONLY,
    ROW,
    STOP_LOSS,
    TRAIL,
    CompiledStrategy,
    ask,
    cancel,
)
from peak_trade.domain.order import OrderKind, TimeInForce
from peak_trade.domain.order_strategy import Cancel, OrderStrategy, Request

# as rows of a compiled strategy count them
CODES = {
    OrderKind.MARKET: 0,
    OrderKind.LIMIT: 1,
    OrderKind.STOP: 2,
    OrderKind.STOP_LIMIT: 3,
    OrderKind.TRAILING_STOP: 4,
    OrderKind.TAKE_PROFIT: 5,
}
FORCES = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD)
ASKS = 8  # numbers a row of the script has


def minutes(rows, seed, *, jumpy=False, gaps=False):
    """A walk on a tick of 0.01 whose bars touch, gap and stand still."""
    rng = np.random.default_rng(seed)
    moves = rng.standard_normal(rows) * (0.004 if jumpy else 0.001)
    close = np.round(100 * np.exp(np.cumsum(moves)), 2)
    before = np.concatenate([[100.0], close[:-1]])
    open_ = np.round(before * (1 + (rng.random(rows) < 0.3) * rng.standard_normal(rows) * 0.002), 2)
    spread = np.round(np.abs(rng.standard_normal((2, rows))) * 0.1, 2)
    high = np.round(np.maximum(open_, close) + spread[0], 2)
    low = np.round(np.minimum(open_, close) - spread[1], 2)
    tradable = np.ones((rows, 1), np.bool_)
    if gaps:
        tradable[1:, 0] = rng.random(rows - 1) < 0.8
        for row in range(1, rows):
            if not tradable[row, 0]:
                close[row] = open_[row] = high[row] = low[row] = close[row - 1]
    return pt.Bars.from_arrays(
        close,
        open=open_,
        high=high,
        low=low,
        tradable=tradable,
        instruments=[pt.Instrument("I", tick=0.01, lot=0.001)],
    )


class Scripted(OrderStrategy):
    """Asks for what a table of numbers says, in Python and compiled."""

    seed: int = pt.param(default=0)

    def script(self, rows=200):
        """At each row: action, kind, lots, distance, second distance, force, flags, bracket."""
        rng = np.random.default_rng(self.seed)
        table = np.zeros((rows, ASKS))
        table[:, 0] = rng.choice([0, 0, 1, 1, 2, 3], rows)  # nothing, order, cancel, pair
        table[:, 1] = rng.integers(0, 6, rows)
        table[:, 2] = rng.integers(1, 40, rows) * rng.choice([-1, 1], rows)
        table[:, 3] = rng.integers(-30, 31, rows)
        table[:, 4] = rng.integers(1, 20, rows)
        table[:, 5] = rng.choice([0, 0, 0, 1, 2, 3], rows)
        table[:, 6] = rng.choice([0, 0, 0, 1, 2], rows)
        table[:, 7] = rng.choice([0, 0, 1], rows)
        return table

    def on_start(self, view):
        self.rows = self.script().tolist()

    def on_bar(self, bar, view):
        action, kind, lots, off, more, force, flags, bracket = self.rows[bar.row % 200]
        lots = int(lots)

        def near(ticks):
            return view.on_tick(bar.close + ticks * 0.01)

        if action == 0:
            return ()
        if action == 2:
            return [Cancel("a" if lots > 0 else "")]
        if action == 3:
            return [
                Request(lots, kind=OrderKind.LIMIT, price=near(-abs(off) - 1), group="x", tag="b"),
                Request(lots, kind=OrderKind.STOP, price=near(abs(off) + 1), group="x", tag="b"),
            ]
        kind = next(k for k, code in CODES.items() if code == kind)
        side = 1 if lots > 0 else -1
        needs = kind not in (OrderKind.MARKET, OrderKind.TRAILING_STOP)
        return [
            Request(
                lots,
                kind=kind,
                price=near(off) if needs else None,
                limit=near(off + side * more) if kind is OrderKind.STOP_LIMIT else None,
                trail=view.on_tick(more * 0.01) if kind is OrderKind.TRAILING_STOP else None,
                time_in_force=FORCES[int(force)],
                expires_ns=bar.time_ns + int(more) * 43_200_000_000_000 if force == 3 else 0,
                post_only=flags == 1,
                reduce_only=flags == 2,
                stop_loss=near(-side * 40) if bracket else None,
                take_profit=near(side * 45) if bracket else None,
                tag="a",
            )
        ]

    def compiled(self, instrument):
        return CompiledStrategy(
            on_bar=scripted_on_bar,
            state=np.zeros(1),
            params=self.script().ravel(),
            room=4,
            max_orders=500,
        )


def scripted_on_bar(_state, params, bar, _account, _orders, asked):
    k = (int(bar[ROW]) % 200) * 8
    action, kind, lots, off = params[k], params[k + 1], params[k + 2], params[k + 3]
    more, force, flags, bracket = params[k + 4], params[k + 5], params[k + 6], params[k + 7]
    close, side = bar[CLOSE], 1.0 if lots > 0 else -1.0
    if action == 0:
        return 0
    if action == 2:
        return cancel(asked, 0, 1 if lots > 0 else 0)
    if action == 3:
        n = ask(asked, 0, 1, int(lots), np.rint((close + (-abs(off) - 1) * 0.01) / 0.01) / 100.0, 2)
        n = ask(asked, n, 2, int(lots), np.rint((close + (abs(off) + 1) * 0.01) / 0.01) / 100.0, 2)
        asked[0, GROUP] = 7.0
        asked[1, GROUP] = 7.0
        return n
    price = np.nan
    if kind != 0 and kind != 4:
        price = np.rint((close + off * 0.01) / 0.01) / 100.0
    n = ask(asked, 0, int(kind), int(lots), price, 1)
    if kind == 3:
        asked[0, LIMIT_PRICE] = np.rint((close + (off + side * more) * 0.01) / 0.01) / 100.0
    if kind == 4:
        asked[0, TRAIL] = more / 100.0
    asked[0, FORCE] = force
    if force == 3:
        asked[0, EXPIRES_S] = more * 43_200.0
    asked[0, POST_ONLY] = 1.0 if flags == 1 else 0.0
    asked[0, REDUCE_ONLY] = 1.0 if flags == 2 else 0.0
    if bracket > 0:
        asked[0, STOP_LOSS] = np.rint((close - side * 40 * 0.01) / 0.01) / 100.0
        asked[0, PROFIT] = np.rint((close + side * 45 * 0.01) / 0.01) / 100.0
    return n
