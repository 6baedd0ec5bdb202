"""Candles, tickers and books of a market against plain ones made from its trades."""

from collections import defaultdict

import pytest

from peak_trade.simulation.market.listing import AskRefusedError
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.orders import BookChanged, Told, TradeSeen
from peak_trade.simulation.market.track import Print
from tests.simulation.market.markets_at_hand import SECOND, trades_market, wave_market

MINUTE = 60 * SECOND


def plain_candles(trades: list[Print], span: int) -> dict[int, tuple[int, int, int, int, int, int]]:
    grouped: dict[int, list[Print]] = defaultdict(list)
    for trade in trades:
        grouped[trade.time_ns - trade.time_ns % span].append(trade)
    return {
        when: (
            group[0].ticks, max(t.ticks for t in group), min(t.ticks for t in group),
            group[-1].ticks, sum(t.lots for t in group), len(group),
        )
        for when, group in grouped.items()
    }  # fmt: skip


@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_candles_equal_those_made_of_the_trades_by_hand(minutes: int) -> None:
    market = wave_market(history=200)
    market.clock.pass_time(150.0)  # type: ignore[attr-defined]
    market.advance()
    expected = plain_candles(market.trades("BTC/USD", after_id=0, limit=10**6), minutes * MINUTE)
    found = market.candles("BTC/USD", minutes * MINUTE, limit=50)
    whole = [c for c in found if c.open_ns > min(expected)]
    assert len(whole) > 1
    assert whole[-1].close_ns > market.now_ns
    for candle in whole:
        row = (candle.open, candle.high, candle.low, candle.close, candle.lots, candle.trades)
        assert row == expected[candle.open_ns]


def test_candle_without_trades_is_flat_at_the_close_before_it() -> None:
    market = trades_market([(5, 100.0, 1.0, 1), (190, 101.0, 2.0, -1)], clock=None)
    market.clock.move_to(200 * SECOND)  # type: ignore[attr-defined]
    market.advance()
    rows = [(c.open, c.close, c.lots, c.trades) for c in market.candles("COIN/USD", MINUTE)]
    assert rows == [
        (1000, 1000, 100, 1),
        (1000, 1000, 0, 0),
        (1000, 1000, 0, 0),
        (1010, 1010, 200, 1),
    ]


def test_candles_from_a_time_give_the_first_or_the_newest() -> None:
    market = wave_market(history=100)
    start = market.candles("BTC/USD", MINUTE, limit=60)[0].open_ns
    newest = market.candles("BTC/USD", MINUTE, since_ns=start, limit=10)
    first = market.candles("BTC/USD", MINUTE, since_ns=start, limit=10, newest=False)
    assert first[0].open_ns == start
    assert len(first) == 10 == len(newest)
    assert newest[-1].close_ns > market.now_ns >= newest[-1].open_ns


@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_first_candles_of_all_are_whole(limit: int) -> None:
    market = wave_market(history=40)
    expected = plain_candles(market.trades("BTC/USD", after_id=0, limit=10**6), MINUTE)
    found = market.candles("BTC/USD", MINUTE, since_ns=0, limit=limit, newest=False)
    rows = {c.open_ns: (c.open, c.high, c.low, c.close, c.lots, c.trades) for c in found}
    assert len(found) == min(limit, len(expected))
    assert rows == {when: expected[when] for when in sorted(expected)[:limit]}


def test_trades_are_paged_by_number_and_by_time_without_a_gap() -> None:
    market = wave_market(history=50)
    everything = market.trades("BTC/USD", after_id=0, limit=10**6)
    found: list[Print] = []
    while page := market.trades("BTC/USD", after_id=found[-1].trade_id if found else 0, limit=37):
        found += page
    assert found == everything
    since = everything[20].time_ns
    assert market.trades("BTC/USD", since_ns=since, limit=5) == everything[20:25]
    assert market.trades("BTC/USD", limit=3) == everything[-3:]


def test_stale_read_is_what_was_answered_then() -> None:
    market = wave_market(history=100)
    clock = market.clock
    before = (
        market.candles("BTC/USD", MINUTE, limit=5), market.trades("BTC/USD", limit=5),
        market.book("BTC/USD", depth=5), market.ticker("BTC/USD"),
    )  # fmt: skip
    then = market.now_ns
    clock.pass_time(90.0)  # type: ignore[attr-defined]
    market.advance()
    assert market.trades("BTC/USD", limit=5) != before[1]
    assert before == (
        market.candles("BTC/USD", MINUTE, limit=5, as_of_ns=then),
        market.trades("BTC/USD", limit=5, as_of_ns=then),
        market.book("BTC/USD", depth=5, as_of_ns=then), market.ticker("BTC/USD", as_of_ns=then),
    )  # fmt: skip


def followed(market: Market, seconds: float) -> list[Told]:
    heard: list[Told] = []
    market.subscribe(heard.append)
    market.clock.pass_time(seconds)  # type: ignore[attr-defined]
    market.advance()
    return heard


def test_book_followed_by_its_changes_is_the_book() -> None:
    market = wave_market()
    first = market.book("BTC/USD")
    bids, asks, last = dict(first.bids), dict(first.asks), first.update_id
    changes = 0
    for told in followed(market, 180.0):
        if isinstance(told, BookChanged):
            assert told.before_id == last
            last, changes = told.update_id, changes + 1
            for side, levels in ((bids, told.bids), (asks, told.asks)):
                for ticks, lots in levels:
                    if lots:
                        side[ticks] = lots
                    else:
                        del side[ticks]
    now = market.book("BTC/USD")
    assert changes > 100
    assert last == now.update_id
    assert bids == dict(now.bids)
    assert asks == dict(now.asks)


def test_book_stands_around_every_trade() -> None:
    market = wave_market()
    heard: list[Told] = []

    def check(told: Told) -> None:
        heard.append(told)
        if isinstance(told, TradeSeen):
            book = market.book("BTC/USD")
            best = (book.asks if told.trade.side > 0 else book.bids)[0]
            assert best[0] == told.trade.ticks
            assert [t for t, _ in book.bids] == sorted({t for t, _ in book.bids}, reverse=True)
            assert [t for t, _ in book.asks] == sorted({t for t, _ in book.asks})
            assert book.bids[0][0] < book.asks[0][0]
            assert min(n for _, n in book.bids) > 0

    market.subscribe(check)
    market.clock.pass_time(120.0)  # type: ignore[attr-defined]
    market.advance()
    assert len(heard) > 200


def test_ticker_sums_the_last_day_and_today_by_hand() -> None:
    market = wave_market(history=800)
    everything = market.trades("BTC/USD", after_id=0, limit=10**6)
    day = [t for t in everything if t.time_ns >= market.now_ns - 86_400 * SECOND]
    today = [
        t for t in everything if t.time_ns >= market.now_ns - market.now_ns % (86_400 * SECOND)
    ]
    found = market.ticker("BTC/USD")
    assert found.day.lots == sum(t.lots for t in day)
    assert found.today.trades == len(today)
    assert found.day.high == max(t.ticks for t in day)
    assert found.last == everything[-1]
    assert found.day.average == pytest.approx(
        sum(t.ticks * t.lots for t in day) / sum(t.lots for t in day)
    )


def test_symbol_that_is_not_listed_is_refused() -> None:
    with pytest.raises(AskRefusedError):
        wave_market().trades("NO/USD")
