"""Orders and money at a market: kinds of orders by hand, and money that adds up whatever happens."""

import contextlib
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason, TimeInForce
from peak_trade.execution.matching import Matcher, PlainClearing
from peak_trade.simulation.market.account import Account, most_bought
from peak_trade.simulation.market.listing import AskRefusedError, Listing, Refusal
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.orders import Ask, Kind, OrderChanged, SimOrder, Told, What
from peak_trade.simulation.market.quotes import Frame
from tests.simulation.market.markets_at_hand import COIN, SECOND, Step, trades_market, wave_market

STILL: list[Step] = [(1, 100.0, 1.0, 1)]
FREE = replace(COIN, maker_ppm=0, taker_ppm=0)


def at(market: Market, seconds: float) -> None:
    market.clock.move_to(int(seconds * SECOND))  # type: ignore[attr-defined]
    market.advance()


def opened(
    steps: list[Step] = STILL, *, usd: str = "100000", coins: str = "1000", listing: Listing = COIN,
    book: list[Frame] | None = None,
) -> tuple[Market, Account]:  # fmt: skip
    market = trades_market(steps, listing=listing, book=book)
    at(market, 1)
    return market, market.open_account("me", {"USD": usd, "COIN": coins})


def buy(kind: Kind, lots: int, **more: object) -> Ask:
    return Ask("COIN/USD", 1, kind, lots, **more)  # type: ignore[arg-type]


def sell(kind: Kind, lots: int, **more: object) -> Ask:
    return Ask("COIN/USD", -1, kind, lots, **more)  # type: ignore[arg-type]


def fills(order: SimOrder) -> list[tuple[int, int, bool]]:
    return [(fill.ticks, fill.lots, fill.is_maker) for fill in order.fills]


# --- kinds ---------------------------------------------------------------------------------------


def test_market_order_walks_the_book_and_pays_the_takers_fee() -> None:
    market, account = opened()
    order = market.place(account, buy(Kind.MARKET, 700))
    assert fills(order) == [(1001, 500, False), (1002, 200, False)]
    cost = Fraction("100.1") * 5 + Fraction("100.2") * 2
    assert order.state is OrderState.FILLED
    assert Fraction(market.amount(account, "USD")) == 100_000 - cost * Fraction("1.002")
    assert market.amount(account, "COIN") == 1007


def test_market_order_larger_than_the_book_ends_with_what_there_was() -> None:
    market, account = opened(usd="10000000")
    order = market.place(account, buy(Kind.MARKET, 5_000))
    assert (order.state, order.filled_lots) == (OrderState.CANCELED, 1_300)
    assert account.held("USD") == 0


def test_limit_order_rests_holds_money_and_is_filled_by_trades_as_a_maker() -> None:
    market, account = opened([*STILL, (5, 99.0, 2.0, -1), (6, 98.0, 1.0, -1)])
    order = market.place(account, buy(Kind.LIMIT, 100, limit_ticks=985))
    held = Fraction(98.5) * Fraction("1.002")
    assert order.is_open
    assert Fraction(account.held("USD"), 10**4) == held
    at(market, 5)
    assert order.is_open
    at(market, 6)
    assert fills(order) == [(985, 100, True)]
    assert account.held("USD") == 0
    assert Fraction(order.fee, 10**4) == Fraction(98.5) / 1_000


def test_limit_order_at_the_price_of_trades_waits_for_what_is_ahead_in_the_book() -> None:
    market, account = opened([*STILL, (5, 99.9, 4.0, -1), (6, 99.9, 3.0, -1)])
    order = market.place(account, buy(Kind.LIMIT, 150, limit_ticks=999))  # 5.00 stand before it
    at(market, 5)
    assert order.filled_lots == 0
    at(market, 6)
    assert fills(order) == [(999, 150, True)]


@pytest.mark.parametrize(
    ("ask", "price", "expected"),
    [
        (sell(Kind.STOP, 100, trigger_ticks=950), 95.0, [(999, 100, False)]),
        (sell(Kind.STOP, 100, trigger_ticks=950), 95.1, []),
        (sell(Kind.STOP_LIMIT, 100, trigger_ticks=950, limit_ticks=990), 94.0, [(999, 100, False)]),
        (buy(Kind.STOP, 100, trigger_ticks=1050), 105.0, [(1001, 100, False)]),
        (sell(Kind.TAKE_PROFIT, 100, trigger_ticks=1100), 110.0, [(999, 100, False)]),
        (sell(Kind.TAKE_PROFIT, 100, trigger_ticks=1100), 109.9, []),
        (sell(Kind.TAKE_PROFIT_LIMIT, 100, trigger_ticks=1100, limit_ticks=995), 111.0, [(999, 100, False)]),
        (sell(Kind.TAKE_PROFIT_LIMIT, 100, trigger_ticks=1100, limit_ticks=1095), 110.0, []),
        (buy(Kind.TAKE_PROFIT_LIMIT, 100, trigger_ticks=950, limit_ticks=1010), 95.0, [(1001, 100, False)]),
    ],
)  # fmt: skip
def test_order_with_a_trigger_trades_once_the_market_does(
    ask: Ask, price: float, expected: list[tuple[int, int, bool]]
) -> None:
    market, account = opened([*STILL, (5, price, 1.0, 1)])
    order = market.place(account, ask)
    assert order.is_open
    assert not order.fills
    at(market, 5)
    assert fills(order) == expected


def test_take_profit_limit_rests_at_its_limit_after_the_trigger() -> None:
    market, account = opened([*STILL, (5, 110.0, 1.0, 1), (6, 112.0, 1.0, 1)])
    order = market.place(
        account, sell(Kind.TAKE_PROFIT_LIMIT, 100, trigger_ticks=1100, limit_ticks=1115)
    )
    at(market, 5)
    assert order.is_triggered
    assert order.is_open
    at(market, 6)
    assert fills(order) == [(1115, 100, True)]


def test_trailing_stop_follows_the_best_price_and_sells_below_it() -> None:
    steps = [*STILL, (2, 104.0, 1.0, 1), (3, 103.1, 1.0, -1), (4, 103.0, 1.0, -1)]
    market, account = opened(steps)
    order = market.place(account, sell(Kind.TRAILING_STOP, 100, trail_ticks=10))
    at(market, 3)
    assert order.is_open
    at(market, 4)
    assert fills(order) == [(999, 100, False)]


def test_immediate_order_trades_what_there_is_and_ends() -> None:
    market, account = opened()
    order = market.place(account, buy(Kind.LIMIT, 900, limit_ticks=1001, force=TimeInForce.IOC))
    assert (order.filled_lots, order.state) == (500, OrderState.CANCELED)


def test_fill_or_kill_trades_in_full_on_its_levels_or_not_at_all() -> None:
    market, account = opened()
    whole = market.place(account, buy(Kind.LIMIT, 900, limit_ticks=1002, force=TimeInForce.FOK))
    assert fills(whole) == [(1001, 500, False), (1002, 400, False)]
    none = market.place(account, buy(Kind.LIMIT, 900, limit_ticks=1002, force=TimeInForce.FOK))
    assert (none.state, none.fills) == (OrderState.EXPIRED, [])


def test_order_until_a_time_expires_then_and_frees_its_money() -> None:
    market, account = opened()
    order = market.place(
        account, buy(Kind.LIMIT, 100, limit_ticks=900, force=TimeInForce.GTD, expires_ns=9 * SECOND)
    )
    at(market, 8.9)
    assert order.is_open
    at(market, 9)
    assert (order.state, account.held("USD")) == (OrderState.EXPIRED, 0)


def test_reduce_only_order_ends_where_nothing_is_owned() -> None:
    market, account = opened(coins="0")
    order = market.place(account, sell(Kind.MARKET, 100, reduce_only=True))
    assert (order.state, order.filled_lots) == (OrderState.CANCELED, 0)


def test_market_order_by_value_buys_what_the_money_pays() -> None:
    market, account = opened(listing=FREE)
    order = market.place(
        account, buy(Kind.MARKET, 0, quote_atoms=FREE.cost_atoms(1001, 500) + 10_000 * 500)
    )
    assert order.ask.lots == 500 + int(Fraction(500) / Fraction("100.2") * 100)
    assert order.state is OrderState.FILLED


@pytest.mark.parametrize(
    ("fee_in", "usd", "coin"),
    [
        ("quote", Fraction("100000") - Fraction("100.1") * Fraction("1.002"), Fraction(1001)),
        ("base", Fraction("100000") - Fraction("100.1"), Fraction(1001) - Fraction("0.002")),
        ("received", Fraction("100000") - Fraction("100.1"), Fraction(1001) - Fraction("0.002")),
    ],
)
def test_fee_is_paid_in_the_asset_that_was_asked_for(
    fee_in: str, usd: Fraction, coin: Fraction
) -> None:
    market, account = opened()
    market.place(account, buy(Kind.MARKET, 100, fee_in=fee_in))
    assert Fraction(market.amount(account, "USD")) == usd
    assert Fraction(market.amount(account, "COIN")) == coin


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (Ask("NO/USD", 1, Kind.MARKET, 1), Refusal.UNKNOWN_SYMBOL),
        (buy(Kind.LIMIT, 100), Refusal.BAD_ARGUMENT),
        (sell(Kind.STOP, 100), Refusal.BAD_ARGUMENT),
        (sell(Kind.TRAILING_STOP, 100), Refusal.BAD_ARGUMENT),
        (buy(Kind.LIMIT, 4, limit_ticks=900), Refusal.BELOW_MIN_SIZE),
        (buy(Kind.LIMIT, 13, limit_ticks=900), Refusal.BAD_SIZE),
        (buy(Kind.LIMIT, 10, limit_ticks=1), Refusal.BELOW_MIN_COST),
        (buy(Kind.LIMIT, 200_000, limit_ticks=900), Refusal.NO_FUNDS),
        (buy(Kind.MARKET, 100_000, quote_atoms=1), Refusal.BAD_ARGUMENT),
        (sell(Kind.LIMIT, 100_010, limit_ticks=1100), Refusal.NO_FUNDS),
        (buy(Kind.LIMIT, 10, limit_ticks=1001, post_only=True), Refusal.POST_ONLY),
        (buy(Kind.LIMIT, 10, limit_ticks=900, client_id="taken"), Refusal.DUPLICATE_CLIENT_ID),
        (buy(Kind.LIMIT, 10, limit_ticks=900, force=TimeInForce.GTD, expires_ns=SECOND), Refusal.BAD_ARGUMENT),
    ],
)  # fmt: skip
def test_order_that_breaks_a_rule_is_refused_and_changes_nothing(ask: Ask, why: Refusal) -> None:
    rules = replace(COIN, step_lots=5, min_lots=5, min_cost="1")
    market, account = opened(listing=rules)
    market.place(account, buy(Kind.LIMIT, 10, limit_ticks=900, client_id="taken"))
    before = (dict(account.totals), account.held("USD"), len(account.orders))
    with pytest.raises(AskRefusedError) as refused:
        market.place(account, ask)
    assert refused.value.why is why
    assert before == (dict(account.totals), account.held("USD"), len(account.orders))


def test_client_id_is_free_again_once_its_order_has_ended() -> None:
    market, account = opened()
    ask = buy(Kind.LIMIT, 100, limit_ticks=900, client_id="mine")
    first = market.place(account, ask)
    market.cancel(account, first)
    assert market.place(account, ask).serial != first.serial


def test_too_many_open_orders_are_refused() -> None:
    market, account = opened()
    market.max_open = 3
    for k in range(3):
        market.place(account, buy(Kind.LIMIT, 100, limit_ticks=900 + k))
    with pytest.raises(AskRefusedError, match="too many"):
        market.place(account, buy(Kind.LIMIT, 100, limit_ticks=800))


# --- changes -------------------------------------------------------------------------------------


def test_amended_order_keeps_its_number_and_trades_at_its_new_price() -> None:
    market, account = opened([*STILL, (5, 98.0, 1.0, -1)])
    order = market.place(account, buy(Kind.LIMIT, 100, limit_ticks=900))
    market.amend(account, order, lots=200, limit_ticks=985)
    assert Fraction(account.held("USD"), 10**4) == Fraction(197) * Fraction("1.002")
    at(market, 5)
    assert fills(order) == [(985, 200, True)]


def test_amendment_that_would_trade_at_once_is_refused_for_post_only_and_the_order_stands() -> None:
    market, account = opened()
    order = market.place(account, buy(Kind.LIMIT, 100, limit_ticks=900, post_only=True))
    with pytest.raises(AskRefusedError):
        market.amend(account, order, limit_ticks=1005)
    assert order.is_open
    assert order.ask.limit_ticks == 900
    market.amend(account, order, limit_ticks=998)
    assert order.is_open


def test_amendment_below_what_is_filled_is_refused() -> None:
    market, account = opened([*STILL, (5, 99.9, 6.0, -1)])
    order = market.place(account, buy(Kind.LIMIT, 150, limit_ticks=999))
    at(market, 5)
    assert order.filled_lots == 100
    with pytest.raises(AskRefusedError):
        market.amend(account, order, lots=100)
    market.amend(account, order, lots=120)
    assert order.left == 20


def test_cancel_all_after_its_timeout_ends_everything_unless_it_is_renewed() -> None:
    market, account = opened()
    order = market.place(account, buy(Kind.LIMIT, 100, limit_ticks=900))
    market.cancel_all_after(account, 10)
    at(market, 9)
    market.cancel_all_after(account, 10)
    at(market, 18)
    assert order.is_open
    at(market, 19)
    assert order.state is OrderState.CANCELED
    assert market.cancel_all_after(account, 0) == 0


def test_order_is_told_of_at_every_step_with_money_booked_before() -> None:
    market, account = opened()
    heard: list[tuple[What, int]] = []

    def hear(told: Told) -> None:
        if isinstance(told, OrderChanged):
            heard.append((told.what, account.total("COIN")))

    end = market.subscribe(hear)
    market.place(account, buy(Kind.MARKET, 700))
    had = 1000 * 10**4
    assert [what for what, _ in heard] == [What.NEW, What.TRADED, What.TRADED, What.FILLED]
    assert heard[-1][1] == had + 7 * 10**4
    end()
    market.place(account, buy(Kind.MARKET, 10))
    assert len(heard) == 4


def test_account_that_is_open_or_asset_that_is_not_listed_is_refused() -> None:
    market, _ = opened()
    for name, money in (("me", {}), ("you", {"EUR": "1"})):
        with pytest.raises(ParameterError):
            market.open_account(name, money)


# --- the matcher ---------------------------------------------------------------------------------


def test_fills_equal_those_of_the_matcher_fed_by_hand() -> None:
    """The market only hands over books and trades: the matcher alone, fed the same, fills the same."""
    steps: list[Step] = [
        (2.0 + k, 99.0 + 0.1 * ((7 * k) % 23), 1.0 + k % 4, 1 if k % 3 else -1) for k in range(60)
    ]
    book = Frame(0, ((999, 500), (998, 800)), ((1001, 500), (1002, 800)), True)
    market, account = opened([*STILL, *steps], listing=FREE, book=[book])
    tick, unit = 0.1, 0.01
    clearing = PlainClearing(1e9, [Instrument("COIN/USD", tick=tick, lot=unit)])
    clearing.held[0] = 100_000
    twin = Matcher(clearing)
    twin.on_book(0, [(99.9, 500), (99.8, 800)], [(100.1, 500), (100.2, 800)], SECOND, tick=tick)
    expected: list[tuple[str, int, int]] = []
    orders = []
    for k in range(12):
        side, ticks = (1, 985 + k) if k % 2 else (-1, 1010 - k)
        orders.append(
            market.place(account, Ask("COIN/USD", side, Kind.LIMIT, 130 + k, limit_ticks=ticks))
        )
        twin.place(
            Order(str(k), 0, side * (130 + k), OrderKind.LIMIT, Reason.ORDER, SECOND, price_ticks=ticks, tick=tick),
            SECOND,
        )  # fmt: skip
    at(market, 100)
    for second, price, size, side in steps:
        came = twin.on_trade(
            0, round(price, 1), int(size * 100), int(second * SECOND), aggressor=side
        )
        expected += [
            (item.client_id, abs(item.lots), round(item.price / tick))
            for item in came
            if isinstance(item, Fill)
        ]
    found = [(str(f.order - 1), f.lots, f.ticks) for f in account.fills]
    assert found == expected
    assert len(found) > 5


# --- money adds up -------------------------------------------------------------------------------

MOVES = st.tuples(
    st.sampled_from(
        ("market", "limit", "stop", "profit", "trail", "cancel", "amend", "time", "all")
    ),
    st.sampled_from((1, -1)),
    st.integers(1, 60),
    st.integers(-25, 25),
    st.sampled_from(("quote", "base", "received")),
)


def act(market: Market, account: Account, move: tuple[str, int, int, int, str]) -> None:
    name, side, size, away, fee_in = move
    symbol = "BTC/USD"
    lots, price = size * 1_000_000, market.ticker(symbol).bid[0] + away * 4
    open_ = list(account.open.values())
    shared = {"fee_in": fee_in}
    if name == "time":
        market.clock.pass_time(size / 2)  # type: ignore[attr-defined]
        market.advance()
    elif name == "all":
        market.cancel_all(account)
    elif name == "cancel" and open_:
        market.cancel(account, open_[size % len(open_)])
    elif name == "amend" and open_:
        order = open_[size % len(open_)]
        limit = price if order.ask.kind.has_limit else None
        market.amend(account, order, lots=lots, limit_ticks=limit)
    elif name == "market":
        market.place(account, Ask(symbol, side, Kind.MARKET, lots, **shared))  # type: ignore[arg-type]
    elif name == "limit":
        market.place(account, Ask(symbol, side, Kind.LIMIT, lots, limit_ticks=price, **shared))  # type: ignore[arg-type]
    elif name == "stop":
        market.place(account, Ask(symbol, side, Kind.STOP, lots, trigger_ticks=price, **shared))  # type: ignore[arg-type]
    elif name == "profit":
        kind = Kind.TAKE_PROFIT_LIMIT
        market.place(
            account, Ask(symbol, side, kind, lots, trigger_ticks=price, limit_ticks=price, **shared)
        )  # type: ignore[arg-type]
    elif name == "trail":
        market.place(
            account,
            Ask(symbol, side, Kind.TRAILING_STOP, lots, trail_ticks=abs(away) + 1, **shared),
        )  # type: ignore[arg-type]


def check_books(market: Market, account: Account) -> None:
    """Everything from the fills alone, in fractions: no arithmetic of the account is used."""
    owned = {
        "USD": Fraction(account.deposits["USD"], 10**5),
        "BTC": Fraction(account.deposits["BTC"], 10**10),
    }
    for fill in account.fills:
        size, price = Fraction(fill.lots, 10**8), Fraction(fill.ticks, 10)
        exact = size * price
        assert abs(Fraction(fill.cost, 10**5) - exact) <= Fraction(1, 2 * 10**5)
        rate = Fraction(25 if fill.is_maker else 40, 10_000)
        in_base = fill.fee_asset == "BTC"
        fee = Fraction(fill.fee, 10**10 if in_base else 10**5)
        assert abs(fee - rate * (size if in_base else exact)) <= Fraction(1, 10**5)
        owned["BTC"] += fill.side * size
        owned["USD"] -= fill.side * Fraction(fill.cost, 10**5)
        owned[fill.fee_asset] -= fee
    assert Fraction(market.amount(account, "USD")) == owned["USD"] >= 0
    assert Fraction(market.amount(account, "BTC")) == owned["BTC"] >= 0
    for asset in ("USD", "BTC"):
        assert account.total(asset) + market.street.amounts.get(asset, 0) == account.deposits[asset]
        assert 0 <= account.held(asset)
    for order in account.orders:
        assert sum(f.lots for f in order.fills) == order.filled_lots <= order.ask.lots
        assert order.is_open == (order.serial in account.open) == (order.ended_ns == 0)
    if not account.open:
        assert account.held("USD") == account.held("BTC") == 0


@given(st.lists(MOVES, max_size=25))
@settings(max_examples=40)
def test_money_and_coins_add_up_whatever_is_done(
    moves: list[tuple[str, int, int, int, str]],
) -> None:
    market = wave_market(history=30)
    account = market.open_account("me", {"USD": "300", "BTC": "2"})
    for move in moves:
        with contextlib.suppress(AskRefusedError):
            act(market, account, move)
        check_books(market, account)


def test_order_without_a_known_price_spends_nothing_that_another_has_reserved() -> None:
    market = wave_market(("BTC/USD", "ETH/USD"), history=30)
    account = market.open_account("me", {"USD": "1000"})
    rests = market.place(account, Ask("ETH/USD", 1, Kind.LIMIT, 9 * 10**8, limit_ticks=500))
    held = account.held("USD")
    follows = market.place(
        account, Ask("BTC/USD", 1, Kind.TRAILING_STOP, 50 * 10**8, trail_ticks=1)
    )
    market.clock.pass_time(120)  # type: ignore[attr-defined]
    market.advance()
    assert rests.is_open
    assert account.held("USD") == held
    assert 0 < follows.filled_lots < 50 * 10**8
    assert 0 <= account.free("USD") < market.atoms_of("USD", "550") // 100


@given(st.integers(1, 10**6), st.integers(1, 10**9), st.integers(0, 10**13), st.booleans())
def test_most_bought_is_all_that_the_money_pays_and_no_more(
    ticks: int, lots: int, money: int, has_fee: bool
) -> None:
    listing = Listing("X/USD", price_decimals=1, lot_decimals=8)

    def paid(count: int) -> Fraction:
        cost = listing.cost_atoms(ticks, count)
        return Fraction(cost + (listing.fee_atoms(cost, is_maker=False) if has_fee else 0))

    found = most_bought(listing, ticks, lots, money, has_fee=has_fee)
    assert 0 <= found <= lots
    assert found == 0 or paid(found) <= money
    more = found + found // 10**6 + 4 * 10**4 // ticks + 2  # a few atoms of rounding
    assert more > lots or paid(more) > money
