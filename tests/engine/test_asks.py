"""What an order strategy is told, and what becomes of what it asks for."""

import pytest
from laws.order_scripts import minutes
from laws.papers import NO_COLLAR, Memory, Paper

import peak_trade as pt
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Costs
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.event import BarsClosed, KillSeen
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import OrderKind, OrderState
from peak_trade.domain.order_strategy import Cancel, OrderStrategy, Request
from peak_trade.domain.terms import Terms
from peak_trade.engine.replay import Retracing
from peak_trade.engine.session import Session

BARS = minutes(20, 1)


def run(strategy: OrderStrategy, bars: Bars = BARS, **terms) -> Session:
    """A backtest of it, with the very copy that ran at ``_source``."""
    session = Session(bars, strategy, start=0, stop=len(bars), terms=Terms(**terms))
    session.run()
    return session


class Noted(OrderStrategy):
    """Remembers what it was told; what it does stands in ``plan``, by row."""

    def on_start(self, view):
        self.told = TOLD
        self.told.clear()

    def on_bar(self, bar, view):
        self.told.append(("bar", bar.row, view.lots(), [o.lots for o in view.orders()]))
        return PLAN.get(bar.row, ())

    def on_fill(self, fill, tag, view):
        self.told.append(("fill", tag, fill.lots, view.lots()))
        return ()

    def on_end(self, order, state, tag, view):
        self.told.append(("end", tag, order.lots, state.value))
        return ()


TOLD: list[tuple] = []
PLAN: dict[int, list] = {}


@pytest.fixture(autouse=True)
def _empty():
    TOLD.clear()
    PLAN.clear()


def test_strategy_is_told_of_bars_and_fills_in_their_order() -> None:
    PLAN[2] = [Request(7, tag="in")]
    PLAN[4] = [Request(-7, tag="out")]
    run(Noted())
    around = [told for told in TOLD if told[0] == "fill" or told[1] in (2, 3, 4, 5)]
    assert around == [
        ("bar", 2, 0, []),
        ("fill", "in", 7, 7),
        ("bar", 3, 7, []),
        ("bar", 4, 7, []),
        ("fill", "out", -7, 0),
        ("bar", 5, 0, []),
    ]


def test_strategy_is_told_of_its_cancel_once() -> None:
    far = BARS.close[2, 0] / 2
    PLAN[2] = [Request(7, kind=OrderKind.LIMIT, price=round(far, 2), tag="low")]
    PLAN[5] = [Cancel("low")]
    run(Noted())
    assert [told for told in TOLD if told[0] == "end"] == [("end", "low", 7, "canceled")]
    assert ("bar", 5, 0, [7]) in TOLD
    assert ("bar", 6, 0, []) in TOLD


def test_cancel_names_a_tag_or_everything() -> None:
    def low(tag: str) -> Request:
        return Request(7, kind=OrderKind.LIMIT, price=50.0, tag=tag)

    PLAN[2] = [low("a"), low("b"), low("b")]
    PLAN[3] = [Cancel("b")]
    PLAN[4] = [low("c"), Cancel()]  # in its order: the one just asked for is cancelled too
    run(Noted())
    assert [told[1] for told in TOLD if told[0] == "end"] == ["b", "b", "a", "c"]


def test_strategy_is_told_what_was_refused() -> None:
    PLAN[2] = [Request(7, kind=OrderKind.LIMIT, price=200.0, tag="high")]
    paper = Paper(BARS, Noted(), Terms())
    ran = paper.go_on()
    assert ran.denied == {"collar_mid": 1}
    assert [told for told in TOLD if told[0] == "end"] == [("end", "high", 7, "denied")]


def test_strategy_that_asks_again_for_what_is_refused_is_stopped() -> None:
    class Stubborn(OrderStrategy):
        def on_bar(self, bar, view):
            return [Request(7, kind=OrderKind.LIMIT, price=200.0)] if bar.row == 2 else ()

        def on_end(self, order, state, tag, view):
            return [Request(7, kind=OrderKind.LIMIT, price=200.0)]

    with pytest.raises(StrategyError, match="on_end"):
        Paper(BARS, Stubborn(), Terms()).go_on()


def test_strategy_that_asks_again_now_and_then_is_not() -> None:
    class Patient(OrderStrategy):
        def on_start(self, view):
            self.left = 20

        def on_bar(self, bar, view):
            return [Request(7, kind=OrderKind.LIMIT, price=200.0)] if bar.row == 2 else ()

        def on_end(self, order, state, tag, view):
            self.left -= 1
            return [Request(7, kind=OrderKind.LIMIT, price=200.0 + self.left)] if self.left else ()

    assert Paper(BARS, Patient(), Terms()).go_on().denied == {"collar_mid": 20}


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("buy", "expected requests and cancels"),
        (Request(1, instrument=3), "there are 1"),
        (Request(1, instrument=-1), "there are 1"),
        (Request(1, kind=OrderKind.LIMIT, price=100.005), "lies on no tick"),
        (Request(1, kind=OrderKind.LIMIT, price=float("nan")), "finite prices"),
        (Request(1, kind=OrderKind.LIMIT, price=float("inf")), "finite prices"),
        (Request(1, kind=OrderKind.LIMIT, price=1e300), "finite prices"),
        (Request(1, kind=OrderKind.STOP_LIMIT, price=100.0, limit=100.001), "lies on no tick"),
        (Request(1, kind=OrderKind.TRAILING_STOP, trail=0.001), "lies on no tick"),
    ],
)
def test_wish_that_is_none_is_the_strategys_error(wish: object, said: str) -> None:
    PLAN[2] = [wish]
    with pytest.raises(StrategyError, match=said):
        run(Noted())


def test_bracket_protects_what_its_parent_filled() -> None:
    price = float(BARS.close[2, 0])
    PLAN[2] = [
        Request(7, stop_loss=round(price - 20, 2), take_profit=round(price + 20, 2), tag="x")
    ]
    paper = Paper(BARS, Noted(), Terms(), limits=NO_COLLAR)
    session = paper.go_on().session
    assert sorted(life.order.kind.value for life in session.orders.open) == ["limit", "stop"]
    assert {life.order.lots for life in session.orders.open} == {-7}
    assert len({life.order.group for life in session.orders.open}) == 1


def test_strategy_is_told_of_two_instruments_by_column() -> None:
    two = Bars.from_arrays(
        [[10.0, 20.0]] * 6,
        tradable=[[True, True], [True, False]] * 3,
        instruments=[Instrument("A", tick=0.01), Instrument("B", tick=0.01)],
    )

    class Seen(OrderStrategy):
        def on_bar(self, bar, view):
            TOLD.append((bar.row, bar.instrument, bar.close))
            return ()

    run(Seen(), two)
    assert TOLD[:4] == [(0, 0, 10.0), (0, 1, 20.0), (1, 0, 10.0), (2, 0, 10.0)]


def test_view_shows_the_account_as_the_books_have_it() -> None:
    seen = []

    class Looks(OrderStrategy):
        def on_bar(self, bar, view):
            seen.append((view.cash, view.equity, view.lots(), view.on_tick(bar.close + 0.004)))
            return [Request(1000)] if bar.row == 0 else ()

    session = run(Looks(), costs=Costs(commission=0.001), cash=1_000.0)
    record = session.record()
    assert [equity for _, equity, _, _ in seen] == record.equity.tolist()
    cost = 0.001 * 1000 * float(record.fills.price[0])
    assert seen[1][0] == pytest.approx(1_000.0 - cost - float(record.fills.fee[0]))
    assert (seen[0][2], seen[1][2]) == (0, 1000)
    assert [tick for *_, tick in seen] == pytest.approx(BARS.close[:, 0].round(2).tolist())


def test_kill_ends_a_strategys_orders() -> None:
    PLAN[2] = [Request(7, kind=OrderKind.LIMIT, price=50.0, tag="low")]
    paper = Paper(BARS, Noted(), Terms(), limits=NO_COLLAR)
    session = paper.open(Retracing((), Memory()), paper.kill)
    for row in range(4):
        session.step(BarsClosed(row, int(BARS.time[row])))
    assert len(session.orders.open) == 1
    session.step(KillSeen("strategy:case", "too hot", 2, session.book.now_ns))
    assert session.orders.open == []
    assert [life.state for life in session.orders] == [OrderState.CANCELED]


def test_run_works_on_a_copy_of_the_strategy() -> None:
    strategy = Noted()
    pt.backtest(strategy, BARS, costs=Costs())
    assert not hasattr(strategy, "told")


def test_strategy_is_told_of_orders_that_a_kill_cancels_once_all_are_gone() -> None:
    PLAN[2] = [
        Request(7, kind=OrderKind.LIMIT, price=50.0, tag="a"),
        Request(5, kind=OrderKind.LIMIT, price=40.0, tag="b"),
    ]
    session = Session(BARS, Noted(), start=0, stop=len(BARS), terms=Terms())
    for row in range(5):
        session.step(BarsClosed(row, int(BARS.time[row])))
    session.step(KillSeen("global", "a drill", 2, int(BARS.time[4])))
    assert [told for told in TOLD if told[0] == "end"] == [
        ("end", "a", 7, "canceled"),
        ("end", "b", 5, "canceled"),
    ]
    assert session.orders.open == []
