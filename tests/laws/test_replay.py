"""Law 4: a session on paper books what the backtest books, and its journal alone makes it again."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from laws.markets import Case, cases
from laws.order_scripts import Scripted, minutes
from laws.papers import NO_COLLAR, SHIPPED, Paper, Ran, limits_of
from laws.rich_markets import rich_cases
from laws.test_causality import make, market
from laws.test_rich_substitution import sheet_of
from laws.test_substitution import difference

import peak_trade as pt
from peak_trade.app.wiring import registered_strategies, strategy_class
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Costs
from peak_trade.domain.errors import InputError
from peak_trade.domain.exits import Exits
from peak_trade.domain.order_strategy import OrderStrategy
from peak_trade.domain.record import Record
from peak_trade.domain.strategy import kind_of
from peak_trade.domain.terms import Terms
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.journal.record import Entry
from peak_trade.portfolio.weights import target_array
from peak_trade.strategies import Grid, MarketMaker

ASKING = {
    "grid": lambda k: Grid(spacing=0.002 + 0.001 * k, lots=1 + k),
    "market_maker": lambda k: MarketMaker(),
}
TARGETING = tuple(
    item.name
    for item in registered_strategies()
    if item.package == "peak-trade" and kind_of(strategy_class(item.name)) == "targets"
)
COSTS = Costs(commission=0.001, slippage=0.0005)


def backtested(case: Case, sheet=None) -> Record:
    source = StoredRows(case.targets)
    stop = len(case.bars)
    return Session(
        case.bars, source, start=case.start, stop=stop, terms=case.terms, sheet=sheet
    ).run()


def ranged(bars: Bars) -> Bars:
    """Bars that reach a little beyond the closes that they are made of."""
    before = np.vstack([bars.close[:1], bars.close[:-1]])
    return Bars.from_arrays(
        bars.close,
        open=before,
        high=np.round(np.maximum(before, bars.close) * 1.004, 2),
        low=np.round(np.minimum(before, bars.close) * 0.996, 2),
        tradable=bars.tradable,
        instruments=bars.instruments,
    )


def assert_replays(paper: Paper, ran: Ran) -> None:
    trace = paper.replay(ran.entries)
    assert trace.parted == 0, str(trace.differences[0])
    assert trace.compared == len(ran.entries)


# --- every strategy ----------------------------------------------------------------------------------


def test_law_covers_every_registered_strategy() -> None:
    ours = {item.name for item in registered_strategies() if item.package == "peak-trade"}
    assert ours == {*TARGETING, *ASKING}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", TARGETING)
def test_strategy_on_paper_books_what_its_backtest_books(name: str, seed: int) -> None:
    strategy = make(name, np.random.default_rng(seed))
    bars = ranged(market(seed, frozenset(("missing",)), 250, 1 + seed % 3))
    given = {
        "costs": COSTS,
        "exits": Exits(stop_loss=0.05, take_profit=0.3) if seed % 2 else Exits(),
    }
    result = pt.backtest(strategy, bars, cash=50_000.0, **given)
    terms = Terms(cash=50_000.0, **given)
    paper = Paper(bars, target_array(strategy, bars), terms, limits=SHIPPED)
    ran = paper.go_on()
    assert ran.denied == {}
    assert difference(ran.record, result.record) == ""
    assert_replays(paper, ran)
    assert len(result.record.fills)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ASKING)
def test_order_strategy_on_paper_books_what_its_backtest_books(name: str, seed: int) -> None:
    strategy = ASKING[name](seed)
    bars = minutes(600, seed, jumpy=seed % 2 == 1, gaps=seed > 2)
    result = pt.backtest(strategy, bars, costs=COSTS)
    paper = Paper(bars, strategy, Terms(costs=COSTS), limits=NO_COLLAR)
    ran = paper.go_on()
    assert ran.denied == {}
    assert difference(ran.record, result.record) == ""
    assert_replays(paper, ran)
    assert len(result.record.fills)


def test_collar_refuses_what_lies_far_beyond_the_market_and_the_journal_tells_of_it() -> None:
    class Reaching(OrderStrategy):
        def on_bar(self, bar, view):
            price = view.on_tick(bar.close * 1.1)
            kind = pt.OrderKind.LIMIT
            return [pt.Request(1, kind=kind, price=price)] if bar.row % 10 == 0 else ()

    bars = minutes(50, 1)
    paper = Paper(bars, Reaching(), Terms())
    ran = paper.go_on()
    told = ran.kinds("order.denied")
    assert len(told) == 5
    rules = [[breach["rule"] for breach in entry.payload["breaches"]] for entry in told]
    assert rules == [["collar_mid", "collar_close"]] * 5
    first = told[0].payload["breaches"][0]
    assert first["limit"] == pytest.approx(bars.close[0, 0] * 1.02)
    assert first["value"] == pytest.approx(bars.close[0, 0] * 1.1, rel=1e-3)
    assert len(ran.record.fills) == 0
    assert_replays(paper, ran)


# --- any market, any terms ---------------------------------------------------------------------------


@settings(max_examples=300)
@given(cases())
def test_paper_books_what_the_backtest_books_where_it_refuses_nothing(case: Case) -> None:
    try:
        expected = backtested(case)
    except InputError:
        assume(False)
    paper = Paper(case.bars, case.targets, case.terms, case.start, limits=SHIPPED)
    ran = paper.go_on()
    assert_replays(paper, ran)
    if not ran.denied:
        assert difference(ran.record, expected) == ""


def test_most_random_sessions_are_refused_nothing() -> None:
    """The law above would say little if it did not hold for most of them."""
    found: Counter[bool] = Counter()

    @settings(max_examples=150, derandomize=True, database=None)
    @given(cases())
    def count(case: Case) -> None:
        try:
            paper = Paper(case.bars, case.targets, case.terms, case.start, limits=NO_COLLAR)
            found[not paper.go_on().denied] += 1
        except InputError:
            pass

    count()
    assert found[True] > 8 * found[False]


@settings(max_examples=300)
@given(rich_cases())
def test_paper_under_rich_terms_books_what_the_backtest_books(case: Case) -> None:
    limits = replace(case.terms.limits, max_daily_loss=1.0, max_drawdown=1.0)  # which trip a switch
    case = replace(case, terms=replace(case.terms, limits=limits))
    sheet = sheet_of(case)
    try:
        expected = backtested(case, sheet)
    except InputError:
        assume(False)
    paper = Paper(
        case.bars,
        case.targets,
        case.terms,
        case.start,
        sheet=sheet_of(case),
        limits=limits_of(case.terms),
    )
    ran = paper.go_on()
    assert_replays(replace(paper, sheet=sheet_of(case)), ran)
    if not ran.denied:
        assert difference(ran.record, expected) == ""


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_any_orders_on_paper_book_what_their_backtest_books(seed: int, jumpy: bool) -> None:
    strategy = Scripted(seed=seed)
    bars = minutes(120, seed, jumpy=jumpy, gaps=seed % 2 == 0)
    paper = Paper(bars, strategy, Terms(costs=COSTS), limits=NO_COLLAR)
    ran = paper.go_on()
    assert_replays(paper, ran)
    if not ran.denied:
        expected = Session(bars, strategy, start=0, stop=len(bars), terms=Terms(costs=COSTS)).run()
        assert difference(ran.record, expected) == ""


# --- what was changed is named -----------------------------------------------------------------------


def traded() -> tuple[Paper, Ran]:
    bars = minutes(300, 5, jumpy=True)
    targets = np.where(np.arange(300) % 40 < 20, 0.9, 0.0)[:, None]
    terms = Terms(costs=COSTS, exits=Exits(stop_loss=0.03, take_profit=0.03))
    paper = Paper(bars, targets, terms)
    return paper, paper.go_on()


def changed(entries: list[Entry], kind: str, change) -> tuple[list[Entry], int]:
    """The entries with the third of a kind changed, and its number."""
    k = [k for k, entry in enumerate(entries) if entry.kind == kind][2]
    payload = change(dict(entries[k].payload))
    return [*entries[:k], entries[k]._replace(payload=payload), *entries[k + 1 :]], k + 1


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("targets", lambda p: p | {"targets": {"0": 0.5}}),
        ("fill", lambda p: p | {"price": np.nextafter(p["price"], 0.0)}),
        ("fill", lambda p: p | {"fee": 0.0}),
        ("fill", lambda p: p | {"lots": p["lots"] + 1}),
        ("order.intent", lambda p: {"order": p["order"] | {"lots": p["order"]["lots"] + 1}}),
        ("order.intent", lambda p: {"order": p["order"] | {"client_id": "other"}}),
        ("order.state", lambda p: p | {"state": "rejected"}),
        ("order.cancel", lambda p: p | {"id": "other"}),
        ("equity", lambda p: p | {"equity": np.nextafter(p["equity"], 0.0)}),
        ("bars", lambda p: p | {"digest": "0" * 16}),
    ],
)
def test_replay_names_the_record_that_was_changed(kind: str, change) -> None:
    paper, ran = traded()
    assert_replays(paper, ran)
    entries, seq = changed(ran.entries, kind, change)
    trace = paper.replay(entries)
    assert trace.parted >= 1
    assert (trace.differences[0].seq, trace.differences[0].kind.split(" / ")[0]) == (seq, kind)


@pytest.mark.parametrize("kind", ["fill", "order.intent", "order.state", "equity", "targets"])
def test_replay_names_where_a_record_was_left_out_or_put_in(kind: str) -> None:
    paper, ran = traded()
    k = [k for k, entry in enumerate(ran.entries) if entry.kind == kind][2]
    less = paper.replay([*ran.entries[:k], *ran.entries[k + 1 :]])
    assert less.differences[0].seq == ran.entries[k + 1].seq
    more = paper.replay([*ran.entries[: k + 1], *ran.entries[k:]])
    assert more.differences[0].seq == ran.entries[k].seq
    assert more.differences[0].kind.startswith(kind)


def test_replay_names_a_time_that_was_changed() -> None:
    paper, ran = traded()
    entries = list(ran.entries)
    k = next(k for k, entry in enumerate(entries) if entry.kind == "fill")
    entries[k] = entries[k]._replace(time_ns=entries[k].time_ns + 1)
    assert paper.replay(entries).differences[0].seq == k + 1


def test_replay_of_other_bars_names_the_first_row_that_differs() -> None:
    paper, ran = traded()
    high = paper.bars.high.copy()
    high[100] += 0.01
    other = replace(paper.bars, high=high)
    trace = replace(paper, bars=other).replay(ran.entries)
    assert trace.differences[0].kind.startswith("bars")
    found = next(entry for entry in ran.entries if entry.seq == trace.differences[0].seq)
    assert found.payload["row"] == 100


def test_exit_that_the_collar_refused_rests_once_the_market_is_known() -> None:
    """The open fell far below the last close, which is all that the gate knew when the exit was set."""
    close = np.array([100.0, 100.0, 80.0, 80.0, 80.0, 90.0])
    open_ = np.array([100.0, 100.0, 80.0, 80.0, 80.0, 80.0])
    bars = Bars.from_arrays(
        close,
        open=open_,
        high=np.maximum(open_, close) + 0.1,
        low=np.minimum(open_, close) - 0.1,
        instruments=[pt.Instrument("I", tick=0.01)],
    )
    targets = np.array([np.nan, 0.5, np.nan, np.nan, np.nan, np.nan])[:, None]
    paper = Paper(bars, targets, Terms(exits=Exits(stop_loss=0.1, take_profit=0.1)))
    ran = paper.go_on()
    assert ran.denied == {"collar_mid": 1}
    assert [entry.payload["reason"] for entry in ran.kinds("fill")] == ["TARGET", "TAKE_PROFIT"]
    assert_replays(paper, ran)
