"""The exchange keeps the truth: cash, positions and orders add up, and it remembers how they were."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.domain.errors import InputError
from peak_trade.simulation.exchange import Exchange, Look, Refusal, Trade, Wanted

CASH = 1_000_000
STEP_NS = 1_000

ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("place"),
            st.integers(0, 3),
            st.integers(-9, 9).filter(bool),
            st.sampled_from(["market", "limit"]),
            st.sampled_from(["gtc", "ioc", "fok"]),
            st.integers(-3, 3),
            st.booleans(),
            st.booleans(),
        ),
        st.tuples(st.just("cancel"), st.integers(0, 3)),
        st.tuples(st.just("step"), st.integers(1, 4)),
    ),
    max_size=40,
)


def wanted(name: str, lots: int, **more) -> Wanted:
    given = {"symbol": 0, "kind": "market", "price": None, "tif": "gtc", "post_only": False}
    given |= {"reduce_only": False, "sent_ns": 0, "deadline_ns": 10**18}
    return Wanted(id=name, lots=lots, **(given | more))


def exchange(seed: int = 1, *, log=None, race: float = 0.5) -> Exchange:
    rng = np.random.default_rng(seed)
    return Exchange(["X", "Y"], cash_cents=CASH, rng=rng, cancel_race=race, log=log)


def played(actions, made: Exchange):
    """Play actions a moment apart; yields the time after each."""
    for turn, action in enumerate(actions):
        now_ns = (turn + 1) * STEP_NS
        if action[0] == "place":
            _, name, lots, kind, tif, away, post_only, reduce_only = action
            price = made.mids[0] + away if kind == "limit" else None
            order = wanted(
                f"o{name}", lots, kind=kind, price=price, tif=tif,
                post_only=post_only, reduce_only=reduce_only,
            )  # fmt: skip
            made.place(order, now_ns)
        elif action[0] == "cancel":
            made.cancel(f"o{action[1]}", now_ns)
        else:
            for _ in range(action[1]):
                made.step(now_ns)
        yield now_ns


@given(ACTIONS, st.integers(0, 5))
@settings(max_examples=80, deadline=None)
def test_exchange_books_add_up_to_the_cent(actions, seed) -> None:
    log: list[dict] = []
    made = exchange(seed, log=log.append)
    list(played(actions, made))
    cash, lots = Decimal(CASH), [0, 0]
    filled: dict[str, int] = {}
    asked = {record["order"]: record for record in log if record["do"] == "accepted"}
    for record in log:
        if record["do"] != "traded":
            continue
        value = Decimal(record["lots"] * record["price"])
        fee = (abs(value) / 1000).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        cash -= value + fee
        lots[record["symbol"]] += record["lots"]
        order = asked[record["order"]]
        filled[record["order"]] = filled.get(record["order"], 0) + abs(record["lots"])
        assert record["lots"] * order["lots"] > 0
        assert filled[record["order"]] <= abs(order["lots"])
        side = 1 if order["lots"] > 0 else -1
        assert order["price"] is None or side * record["price"] <= side * order["price"]
    assert made.cash_cents == cash
    assert made.lots == lots


@given(ACTIONS, st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_exchange_asked_of_the_past_answers_as_it_did_then(actions, seed) -> None:
    made = exchange(seed)
    seen = []
    for now_ns in played(actions, made):
        looks = [made.find(f"o{i}", now_ns) for i in range(4)]
        still = sorted(look for look in looks if look and look.state in ("accepted", "partially_filled"))  # fmt: skip
        seen.append((now_ns, looks, still, len(made.trades), list(made.lots), made.cash_cents))
    for now_ns, looks, still, count, lots, cash in seen:
        assert [made.find(f"o{i}", now_ns) for i in range(4)] == looks
        assert sorted(made.open_at(now_ns)) == still
        assert len(made.trades_at(now_ns)) == count
        assert made.balances_at(now_ns) == (lots, cash)
    assert made.balances_at(0) == ([0, 0], CASH)
    assert made.open_at(0) == []


@given(ACTIONS, st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_exchange_reduce_only_order_never_turns_a_position(actions, seed) -> None:
    log: list[dict] = []
    made = exchange(seed, log=log.append)
    list(played(actions, made))
    reducing = {r["order"] for r in log if r["do"] == "accepted" and r["reduce_only"]}
    held = [0, 0]
    for record in log:
        if record["do"] == "traded":
            before = held[record["symbol"]]
            held[record["symbol"]] += record["lots"]
            if record["order"] in reducing:
                after = held[record["symbol"]]
                assert before * after >= 0
                assert abs(after) < abs(before)


def test_exchange_given_the_same_seed_tells_the_same() -> None:
    actions = [("place", i % 4, 5 - i % 9 or 1, "limit", "gtc", 1, False, False) for i in range(30)]
    actions += [("step", 3)] * 20
    logs = []
    for seed in (4, 4, 5):
        log: list[dict] = []
        list(played(actions, exchange(seed, log=log.append)))
        logs.append(log)
    assert logs[0] == logs[1] != logs[2]


def test_exchange_client_id_is_checked_among_open_orders_alone() -> None:
    made = exchange()
    resting = wanted("a", 5, kind="limit", price=made.mids[0] - 500)
    assert isinstance(made.place(resting, 1), Look)
    assert made.place(resting, 2) == Refusal("the client id is that of an open order", True)
    made.cancel_race = 0.0
    assert made.cancel("a", 3).state == "canceled"
    again = made.place(resting, 4)
    assert isinstance(again, Look)
    assert again.order == "V2", "a second order of the same id is taken once the first has ended"


def test_exchange_cancel_that_comes_too_late_finds_nothing() -> None:
    made = exchange(race=1.0)
    ends = []
    for i in range(40):
        name = f"r{i}"
        made.place(wanted(name, 3, kind="limit", price=made.mids[0] - 500), 2 * i + 1)
        ends.append((made.cancel(name, 2 * i + 2), made.find(name, 2 * i + 2)))
    assert {look.state for _, look in ends} == {"filled", "canceled"}
    assert all((answer is None) == (look.state == "filled") for answer, look in ends)
    assert any(look.state == "canceled" and look.filled for _, look in ends)
    assert made.cancel("nobody", 100) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"deadline_ns": 4}, "deadline"),
        ({"symbol": 2}, "no such symbol"),
        ({"symbol": -1}, "no such symbol"),
        ({"lots": 0}, "no lots"),
        ({"kind": "stop"}, "only market and limit"),
        ({"tif": "gtd"}, "only market and limit"),
        ({"price": 100}, "a market order none"),
        ({"kind": "limit"}, "a price above 0"),
        ({"kind": "limit", "price": 0}, "a price above 0"),
        ({"post_only": True}, "post-only"),
        ({"post_only": True, "kind": "limit", "price": 20_000}, "post-only"),
        ({"reduce_only": True}, "reduce-only"),
    ],
)
def test_exchange_order_that_cannot_be_taken_is_refused_with_the_reason(change, reason) -> None:
    log: list[dict] = []
    made = exchange(log=log.append)
    answer = made.place(wanted("a", 5)._replace(**change), 5)
    assert isinstance(answer, Refusal)
    assert reason in answer.reason
    assert [record["do"] for record in log] == ["begun", "refused"]
    assert made.open_count == 0


def test_exchange_order_at_its_deadline_is_taken() -> None:
    assert isinstance(exchange().place(wanted("a", 5, deadline_ns=5), 5), Look)


def test_exchange_orders_trade_late_and_in_parts() -> None:
    made = exchange(3)
    for i in range(30):
        made.place(wanted(f"m{i}", 50), 1)
    at_once = {trade.id for trade in made.trades}
    assert 0 < len(at_once) < 30
    for turn in range(40):
        made.step(2 + turn)
    counts = [len(made.trades_of(f"m{i}", 1_000)) for i in range(30)]
    assert max(counts) > 1
    assert made.open_count == 0
    assert all(isinstance(trade, Trade) for trade in made.trades)


@pytest.mark.parametrize("tif", ["ioc", "fok"])
def test_exchange_order_at_once_never_rests(tif: str) -> None:
    made = exchange(2)
    looks = [made.place(wanted(f"a{i}", 9, tif=tif), i + 1) for i in range(30)]
    assert made.open_count == 0
    states = {(look.state, look.filled) for look in looks}
    if tif == "fok":
        assert states == {("filled", 9)}
    else:
        assert {state for state, _ in states} == {"filled", "canceled"}


def test_exchange_without_symbols_is_refused() -> None:
    with pytest.raises(InputError, match="lists nothing"):
        Exchange([], cash_cents=1, rng=np.random.default_rng(1))
