"""General orders at the simulated venue, through a whole session."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from execution.scenes import HOUR, bars_of
from execution.scenes import terms as terms_of

from peak_trade.domain.approval import Approvals
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Costs, Fees
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Fill
from peak_trade.domain.matching import Matching
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason, TimeInForce
from peak_trade.domain.order_strategy import Asked, Bar, Cancel, OrderStrategy, Request, View
from peak_trade.domain.terms import Terms
from peak_trade.engine.session import Session
from peak_trade.execution.sim import FillCosts, SimVenue
from peak_trade.kernels import costs

LIMIT, STOP = OrderKind.LIMIT, OrderKind.STOP
Script = dict[int, Sequence[Asked]]


def run(
    bars: Bars, script: Script, chosen: Terms | None = None
) -> tuple[Session, list[tuple[str, str]]]:
    """Ask for what a script has for each row; the session, and how orders ended without a full fill."""
    ended: list[tuple[str, str]] = []

    class Scripted(OrderStrategy):
        """Reads its orders from a script."""

        def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
            return script.get(bar.row, ()) if bar.instrument == 0 else ()

        def on_end(self, order: Order, state: OrderState, tag: str, view: View) -> Iterable[Asked]:
            ended.append((tag, state.value))
            return ()

    session = Session(
        bars, Scripted(), start=0, stop=len(bars), terms=chosen or terms_of(), name="scripted"
    )
    session.run()
    return session, ended


def booked(session: Session) -> list[tuple[int, int, float, bool]]:
    """Row, lots, price and whether it happened at the open, of every fill."""
    record = session.record()
    fills, stamps = record.fills, record.bars.time
    return [
        (
            int(fills.row[k]),
            int(fills.lots[k]),
            float(fills.price[k]),
            bool(fills.time[k] < stamps[fills.row[k]]),
        )
        for k in range(len(fills))
    ]


ROWS = [
    (100.0, 101.0, 99.0, 100.0),
    (100.0, 103.0, 98.0, 102.0),
    (101.0, 106.0, 100.0, 105.0),
    (104.0, 104.0, 90.0, 92.0),
    (93.0, 95.0, 91.0, 94.0),
]


def test_market_order_fills_at_the_next_open_as_a_targets_order_does() -> None:
    session, _ = run(bars_of(ROWS), {0: [Request(3)]}, terms_of(commission=0.001, slippage=0.01))
    assert booked(session) == [(1, 3, 100.0 * 1.01, True)]
    assert session.venue.cash == pytest.approx(1000.0 - 303.0 - 0.303, abs=1e-12)


def test_resting_limit_pays_the_maker_fee_and_a_stop_the_takers() -> None:
    chosen = Terms(1000.0, Costs(fees=Fees(maker=0.0, taker=0.01)))
    asked = [
        Request(1, kind=LIMIT, price=99.0, tag="in"),
        Request(-1, kind=STOP, price=91.0, tag="out"),
    ]
    session, _ = run(bars_of(ROWS), {0: asked}, chosen)
    assert booked(session) == [(1, 1, 99.0, False), (3, -1, 91.0, False)]
    assert session.venue.cash == pytest.approx(1000.0 - 99.0 + 91.0 * 0.99, abs=1e-12)


def test_bracket_sells_once_and_its_other_leg_is_told_to_have_ended() -> None:
    asked = [Request(2, stop_loss=95.0, take_profit=104.0, tag="b")]
    session, ended = run(bars_of(ROWS), {0: asked})
    assert booked(session) == [(1, 2, 100.0, True), (2, -2, 104.0, False)]
    assert ended == [("b", "canceled")]
    assert session.orders.open == []


def test_increase_that_cash_does_not_pay_is_cut_and_its_rest_cancelled() -> None:
    session, ended = run(bars_of(ROWS), {0: [Request(12, tag="big")]})
    assert booked(session) == [(1, 10, 100.0, True)]
    assert ended == [("big", "canceled")]
    assert session.record().counts.shortfall_lots == 2


def test_increase_that_cash_does_not_pay_is_rejected_where_the_account_says_so() -> None:
    session, ended = run(bars_of(ROWS), {0: [Request(12, tag="big")]}, terms_of(shortfall="reject"))
    assert booked(session) == []
    assert ended == [("big", "rejected")]


def test_flip_of_an_account_that_is_all_in_is_two_fills_paid_as_a_targets_are() -> None:
    bars = bars_of([(100.0, 100.0, 100.0, 100.0)] * 4)
    session, ended = run(bars, {0: [Request(10)], 1: [Request(-20, tag="flip")]})
    assert booked(session) == [(1, 10, 100.0, True), (2, -10, 100.0, True), (2, -10, 100.0, True)]
    assert ended == []
    assert int(session.ledger.lots[0]) == -10


def test_dated_order_expires_while_its_instrument_has_no_bar() -> None:
    table = np.array(ROWS)
    open_, high, low, close = table.T.copy()
    real = np.array([True, True, False, False, True])
    bars = Bars.from_arrays(
        close, open=open_, high=high, low=low, tradable=real,
        instruments=[Instrument("I0", tick=0.01, lot=1.0)], interval="1h",
    )  # fmt: skip
    until = int(bars.time[0]) + 2 * HOUR
    asked = [
        Request(1, kind=LIMIT, price=90.0, time_in_force=TimeInForce.GTD, expires_ns=until, tag="d")
    ]
    session, ended = run(bars, {0: asked})
    assert booked(session) == []
    assert ended == [("d", "expired")]


def test_bar_that_was_filled_in_fills_nothing() -> None:
    table = np.array(ROWS)
    open_, high, low, close = table.T.copy()
    real = np.array([True, False, False, True, True])
    bars = Bars.from_arrays(
        close, open=open_, high=high, low=low, tradable=real,
        instruments=[Instrument("I0", tick=0.01, lot=1.0)], interval="1h",
    )  # fmt: skip
    session, _ = run(bars, {0: [Request(1)]})
    assert booked(session) == [(3, 1, 104.0, True)]


def test_orders_of_one_open_are_taken_as_accepted_over_all_instruments() -> None:
    bars = bars_of(ROWS, ROWS)
    first, _ = run(bars, {0: [Request(8, 1), Request(8, 0)]})
    fills = first.record().fills
    assert [(int(i), int(n)) for i, n in zip(fills.instrument, fills.lots, strict=True)] == [
        (1, 8),
        (0, 2),
    ]


def test_cancel_from_a_fill_takes_effect_before_the_rest_of_the_bar() -> None:
    ended = []

    class Once(OrderStrategy):
        """Cancels its other order as soon as one fills."""

        def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
            if bar.row:
                return ()
            return [Request(1), Request(1, kind=LIMIT, price=99.0, tag="second")]

        def on_fill(self, fill: Fill, tag: str, view: View) -> Iterable[Asked]:
            return [Cancel("second")]

        def on_end(self, order: Order, state: OrderState, tag: str, view: View) -> Iterable[Asked]:
            ended.append((tag, state))
            return ()

    bars = bars_of(ROWS)
    session = Session(bars, Once(), start=0, stop=len(bars), terms=terms_of(), name="once")
    session.run()
    assert booked(session) == [(1, 1, 100.0, True)]
    assert ended == [("second", OrderState.CANCELED)]


def _random_requests(rng: np.random.Generator, close: float) -> list[Asked]:
    asked: list[Asked] = [Cancel()] if rng.random() < 0.3 else []
    for _ in range(int(rng.integers(0, 4))):
        kind = rng.choice([OrderKind.MARKET, LIMIT, STOP, OrderKind.TAKE_PROFIT])
        off = float(rng.integers(-5, 6))
        asked.append(
            Request(
                int(rng.choice([-3, -2, -1, 1, 2, 3])),
                kind=kind,
                price=None if kind is OrderKind.MARKET else close + off,
                time_in_force=rng.choice([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
                reduce_only=bool(rng.random() < 0.2),
                stop_loss=close - 8.0 if rng.random() < 0.2 else None,
                take_profit=close + 8.0 if rng.random() < 0.2 else None,
            )
        )
    return asked


@pytest.mark.parametrize("seed", range(12))
def test_random_session_keeps_cash_positions_and_states_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.integers(-4, 5, 80).cumsum() + 200.0
    rows = []
    for before, close in zip([200.0, *steps[:-1]], steps, strict=True):
        high = max(before, close) + float(rng.integers(0, 4))
        low = min(before, close) - float(rng.integers(0, 4))
        rows.append((before, high, low, close))
    bars = bars_of(rows)
    script = {k: _random_requests(rng, float(rows[k][3])) for k in range(len(rows))}
    chosen = terms_of(cash=3000.0, commission=0.001, slippage=0.0005)
    session, _ = run(bars, script, chosen)
    record = session.record()
    fills = record.fills
    assert len(fills) > 5
    spent = sum(
        float(n) * float(p) + float(f)
        for n, p, f in zip(fills.lots, fills.price, fills.fee, strict=True)
    )
    assert session.venue.cash == pytest.approx(3000.0 - spent, abs=1e-6)
    assert session.venue.cash == session.ledger.cash["USD"]
    assert int(session.venue.held[0]) == int(session.ledger.lots[0]) == int(fills.lots.sum())
    for k in range(len(fills)):
        high, low = rows[int(fills.row[k])][1:3]
        assert low * (1 - 0.0005) - 1e-9 <= float(fills.price[k]) <= high * (1 + 0.0005) + 1e-9
    at_venue = [(order.client_id, done) for order, done in session.venue.matcher.open_orders()]
    assert at_venue == [(life.order.client_id, life.filled) for life in session.orders.open]


def test_market_orders_of_a_strategy_cost_what_the_same_targets_cost() -> None:
    """Buying with orders, and with a target that sizes to the same lots, books the same fills."""
    from execution.scenes import session_of

    chosen = terms_of(commission=0.002, slippage=0.003)
    bars = bars_of(ROWS)
    by_target = session_of(bars, [[0.5], [0.5], [0.5], [0.0], [0.0]], chosen).run()
    lots = int(by_target.fills.lots[0])
    by_orders, _ = run(bars, {0: [Request(lots)], 3: [Request(-lots)]}, chosen)
    found = by_orders.record().fills
    for name in ("row", "lots", "price", "fee", "cash", "slippage"):
        assert getattr(found, name).tolist() == getattr(by_target.fills, name).tolist(), name


def _venue_of(bars: Bars, **chosen: int) -> SimVenue:
    width = len(bars.instruments)
    empty = np.zeros((0, 0))
    return SimVenue(
        Approvals(),
        bars,
        terms_of(),
        charges=FillCosts(np.zeros(costs.SLIPS), empty, empty, empty, repeats=False),
        steps=np.ones(width, np.int64),
        minima=np.zeros(width),
        last_row=len(bars) - 1,
        matching=Matching(**chosen),
    )


def _limit(name: str, lots: int, price: float, decided_ns: int) -> Order:
    return Order(
        name, 0, lots, LIMIT, Reason.ORDER, decided_ns, price_ticks=round(price * 100), tick=0.01
    )


def _match(venue: SimVenue, row: int) -> list[Fill]:
    booked = [fill for matched in venue.match_open(row) for fill in matched.fills]
    return booked + [fill for fills in venue.match_inside(row) for fill in fills]


def test_split_ends_the_orders_of_its_instrument() -> None:
    bars = bars_of(ROWS)
    venue = _venue_of(bars)
    venue._place(_limit("a", 1, 50.0, int(bars.time[0])))
    venue.split(0, 0)
    assert venue.has_orders
    assert [(name, state.value) for name, state, _ in venue.take_ended()] == [("a", "canceled")]
    assert not venue.has_orders


@pytest.mark.parametrize(
    ("latency_ns", "filled"), [(HOUR, ["gap", "inside"]), (HOUR // 2, ["gap"])]
)
def test_cancel_on_its_way_leaves_an_order_the_open_and_the_inside_of_bars_that_close_by_then(
    latency_ns: int, filled: list[str]
) -> None:
    bars = bars_of(ROWS)
    venue = _venue_of(bars, latency_ns=latency_ns)
    for name, price in (("gap", 102.0), ("inside", 100.5)):
        venue._place(_limit(name, 1, price, int(bars.time[0])))
    assert _match(venue, 1) == []  # they are on their way
    for name in ("gap", "inside"):
        assert venue.cancel(name).state is OrderState.PENDING_CANCEL
    assert [fill.client_id for fill in _match(venue, 2)] == filled
    left = [(name, state) for name, state, _ in venue.take_ended()]
    assert left == [(name, OrderState.CANCELED) for name in ("gap", "inside") if name not in filled]


def test_bar_that_closes_later_is_not_met_by_an_order_that_came_after_its_open() -> None:
    """One instrument has hourly bars, the other two-hourly ones."""
    close = np.array([100.0, 100.0, 100.0, 100.0, 100.0, 100.0])
    hours = np.arange(1, 7) * HOUR
    table = np.column_stack([close, close])
    low = table.copy()
    low[:, 1] = 90.0
    opened = np.column_stack([hours - HOUR, hours - 2 * HOUR])
    real = np.column_stack([np.ones(6, bool), np.arange(6) % 2 == 1])
    bars = Bars.from_arrays(
        table, open=table, high=table, low=low, tradable=real, time=hours, open_time=opened,
        instruments=[Instrument("A", tick=0.01, lot=1.0), Instrument("B", tick=0.01, lot=1.0)],
    )  # fmt: skip
    asked = [Request(1, 1, kind=LIMIT, price=95.0)]
    session, _ = run(bars, {2: asked})
    assert [(row, price) for row, _, price, _ in booked(session)] == [(5, 95.0)]
