"""Bars from trades: exact, in order, proven or asked for, and never made up."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from data.live.made_trades import MINUTE, SECOND, made_trades, true_bars, wire

from peak_trade.data.candles import candles_of
from peak_trade.data.live.candles import CandleBuilder
from peak_trade.data.live.closing import Ask, Closing
from peak_trade.data.live.events import Candle, ClosedBar, FeedEvent, Missing, NoTrades
from peak_trade.data.live.messages import Trade
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import ParameterError

Answer = Callable[[Ask, int], Sequence[Candle] | None]


def trade(number: int, second: float, price: float = 10.0, size: str = "1") -> Trade:
    return Trade("X", number, int(second * SECOND), price, Decimal(size))


def builder(start_s: float = 60.0, **options: object) -> CandleBuilder:
    return CandleBuilder("kraken", "X", "1m", start_ns=int(start_s * SECOND), **options)  # type: ignore[arg-type]


def run(
    maker: CandleBuilder,
    arrivals: Sequence[tuple[int, Trade]],
    answer: Answer | None = None,
    *,
    until_ns: int,
    candles: Sequence[tuple[int, Candle, bool]] = (),
    tick_ns: int = SECOND // 2,
) -> list[FeedEvent]:
    """Let messages and time come in as they would; what is asked is answered after 0.2 s."""
    told: list[FeedEvent] = []
    inputs = [(at, 0, item) for at, item in arrivals] + [(at, 1, (c, f)) for at, c, f in candles]
    inputs.sort(key=lambda item: item[0])
    now = inputs[0][0]
    place = 0
    due: tuple[int, Ask] | None = None
    while now < until_ns:
        while place < len(inputs) and inputs[place][0] <= now:
            at, kind, item = inputs[place]
            place += 1
            if kind == 0:
                told += maker.on_trade(item, at)
            else:
                told += maker.on_candle(item[0], at, is_final=item[1])
        told += maker.advance(now, now)
        if due is not None and now >= due[0]:
            assert answer is not None
            told += maker.answer(due[1], answer(due[1], now), now)
            due = None
        asked = maker.ask(now, now)
        if asked is not None:
            due = (now + SECOND // 5, asked)
        now += tick_ns
    return told


def settled(told: Sequence[FeedEvent]) -> tuple[dict[int, Candle], set[int], set[int]]:
    """The last word on every bar: what it is, that it is empty, that it is missing."""
    bars: dict[int, Candle] = {}
    empty: set[int] = set()
    missing: set[int] = set()
    for event in told:
        if isinstance(event, ClosedBar):
            at = event.candle.open_ns
            assert (event.revision > 0) == (at in bars or at in empty or at in missing)
            bars[at] = event.candle
            empty.discard(at)
            missing.discard(at)
        elif isinstance(event, NoTrades):
            assert event.open_ns not in bars
            empty.add(event.open_ns)
        elif isinstance(event, Missing):
            for at in event.opens:
                bars.pop(at, None)
                empty.discard(at)
                missing.add(at)
    return bars, empty, missing


def same(found: Candle, true: Candle) -> bool:
    return (
        (found.open_ns, found.close_ns) == (true.open_ns, true.close_ns)
        and (found.open, found.high, found.low, found.close)
        == (true.open, true.high, true.low, true.close)
        and found.volume == true.volume
    )


def venue_answers(trades: Sequence[Trade]) -> Answer:
    bars = true_bars(trades)

    def answer(asked: Ask, now: int) -> Sequence[Candle]:
        assert asked.stop_ns <= now, "a bar was asked for before it was over"
        return [c for at, c in sorted(bars.items()) if asked.start_ns <= at < asked.stop_ns]

    return answer


# ---- examples


def test_bar_whose_ids_are_unbroken_is_closed_by_the_next_trade() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 60, 12.0, "0.1"), trade(3, 119.9, 11.0, "0.2")):
        assert maker.on_trade(one, 0) == []
    (bar,) = maker.on_trade(trade(4, 120), 7)
    assert isinstance(bar, ClosedBar)
    assert bar.candle == Candle(
        60 * SECOND, 120 * SECOND, 12.0, 12.0, 11.0, 11.0, float(Decimal("0.3")), 2
    )
    assert (bar.basis, bar.is_proven, bar.revision, bar.received_ns) == ("trades", True, 0, 7)


def test_minute_without_trades_between_two_ids_in_turn_is_told_as_such() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 61)):
        maker.on_trade(one, 0)
    told = maker.on_trade(trade(3, 250), 0)
    assert [type(event).__name__ for event in told] == ["ClosedBar", "NoTrades", "NoTrades"]


def test_trades_in_any_order_and_twice_make_the_same_bar() -> None:
    one, two, three = trade(2, 60, 9.0), trade(3, 80, 12.0), trade(4, 119, 11.0)
    maker = builder()
    maker.on_trade(trade(1, 59), 0)
    for some in (three, one, three, two, one):
        assert maker.on_trade(some, 0) == []
    (bar,) = maker.on_trade(trade(5, 121), 0)
    assert isinstance(bar, ClosedBar)
    assert bar.candle == true_bars([one, two, three])[MINUTE]
    assert maker.duplicates == 2


def test_lost_trade_without_anybody_to_ask_is_a_missing_bar_with_its_ids() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 60), trade(4, 119), trade(5, 121)):
        assert maker.on_trade(one, 0) == []
    assert maker.advance(121 * SECOND, 0) == []  # it may still come
    (event,) = maker.advance(122 * SECOND, 0)
    assert isinstance(event, Missing)
    assert event.opens == (60 * SECOND,)
    assert "1 trades between ids 2 and 4" in event.why


def test_lost_trade_that_comes_in_the_grace_closes_the_bar() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 60), trade(4, 119), trade(5, 121)):
        maker.on_trade(one, 0)
    (bar,) = maker.on_trade(trade(3, 100, 99.0), 0)
    assert isinstance(bar, ClosedBar)
    assert bar.candle.high == 99.0


def test_venue_candle_that_counts_the_lost_trades_is_taken() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 60), trade(4, 119)):
        maker.on_trade(one, 0)
    theirs = Candle(60 * SECOND, 120 * SECOND, 10.0, 50.0, 10.0, 10.0, 3.0, 3)
    maker.on_candle(theirs, 0, is_final=False)
    (bar,) = maker.on_trade(trade(5, 121), 0)
    assert isinstance(bar, ClosedBar)
    assert (bar.candle, bar.basis, bar.is_proven) == (theirs, "venue", True)


def test_venue_candle_that_counts_too_few_is_not_taken() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 60), trade(4, 119)):
        maker.on_trade(one, 0)
    theirs = Candle(60 * SECOND, 120 * SECOND, 10.0, 50.0, 10.0, 10.0, 2.0, 2)
    maker.on_candle(theirs, 0, is_final=False)
    assert maker.on_trade(trade(5, 121), 0) == []


def test_final_candle_closes_its_bar_at_once_and_late_trades_do_not_change_it() -> None:
    maker = builder()
    final = Candle(60 * SECOND, 120 * SECOND, 10.0, 11.0, 10.0, 10.0, 3.0, 2)
    maker.on_trade(trade(1, 59), 0)
    (bar,) = maker.on_candle(final, 5, is_final=True)
    assert isinstance(bar, ClosedBar)
    assert (bar.candle, bar.basis) == (final, "venue")
    assert maker.on_trade(trade(2, 60), 0) == []
    assert maker.on_trade(trade(3, 119, 11.0), 0) == []
    # The late trades count in the chain: the next bar is proven by them.
    maker.on_trade(trade(4, 121), 0)
    (bar,) = maker.on_trade(trade(5, 185), 0)
    assert isinstance(bar, ClosedBar)
    assert bar.basis == "trades"


def test_final_candle_without_trades_says_that_nothing_was_traded() -> None:
    nothing = Candle(60 * SECOND, 120 * SECOND, 10.0, 10.0, 10.0, 10.0, 0.0, 0)
    (event,) = builder().on_candle(nothing, 0, is_final=True)
    assert isinstance(event, NoTrades)


def test_final_candle_with_fewer_trades_than_came_is_not_believed() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 60), trade(3, 61)):
        maker.on_trade(one, 0)
    wrong = Candle(60 * SECOND, 120 * SECOND, 10.0, 10.0, 10.0, 10.0, 1.0, 1)
    assert maker.on_candle(wrong, 0, is_final=True) == []
    (bar,) = maker.on_trade(trade(4, 121), 0)
    assert isinstance(bar, ClosedBar)
    assert bar.basis == "trades"


def test_first_bar_that_the_feed_began_inside_is_missing_where_nobody_can_be_asked() -> None:
    maker = builder(start_s=90)
    maker.on_trade(trade(7, 95), 0)
    assert maker.on_trade(trade(8, 121), 0) == []
    (event,) = maker.advance(122 * SECOND, 0)
    assert isinstance(event, Missing)
    assert "began" in event.why


def test_quiet_bar_is_asked_for_and_the_answer_proves_it() -> None:
    maker = builder(has_backfill=True)
    maker.on_trade(trade(1, 59), 0)
    maker.on_trade(trade(2, 60), 0)
    assert maker.advance(121 * SECOND, 0) == []
    assert maker.ask(121 * SECOND, 0) is None
    assert maker.advance(122 * SECOND, 0) == []
    asked = maker.ask(122 * SECOND, 0)
    assert asked == Ask("X", "1m", 60 * SECOND, 120 * SECOND)
    assert maker.ask(122 * SECOND, 0) is None  # one at a time
    (bar,) = maker.answer(asked, [Candle(MINUTE, 2 * MINUTE, 10.0, 10.0, 10.0, 10.0, 1.0)], 3)
    assert isinstance(bar, ClosedBar)
    assert (bar.basis, bar.is_proven) == ("backfill", True)


def test_quiet_bar_where_only_doubts_are_asked_for_is_told_without_proof() -> None:
    maker = builder(has_backfill=True, closing=Closing(proof="doubt"))
    maker.on_trade(trade(1, 59), 0)
    maker.on_trade(trade(2, 60), 0)
    (bar,) = maker.advance(122 * SECOND, 0)
    assert isinstance(bar, ClosedBar)
    assert not bar.is_proven


def test_bar_told_without_proof_that_was_wrong_is_told_again() -> None:
    maker = builder(has_backfill=True, closing=Closing(proof="doubt"))
    trades = [trade(1, 59), trade(2, 60), trade(3, 61, 20.0), trade(4, 125), trade(5, 200)]
    arrivals = [(one.time_ns, one) for one in trades if one.trade_id != 3]
    told = run(maker, arrivals, venue_answers(trades), until_ns=260 * SECOND)
    mine = [e for e in told if isinstance(e, ClosedBar) and e.candle.open_ns == MINUTE]
    assert [(bar.revision, bar.is_proven, bar.candle.high) for bar in mine] == [
        (0, False, 10.0),
        (1, True, 20.0),
    ]


def test_bar_told_without_proof_that_cannot_be_asked_for_is_missing_afterwards() -> None:
    trades = [trade(1, 59), trade(2, 60), trade(3, 61, 20.0), trade(4, 125)]
    arrivals = [(one.time_ns, one) for one in trades if one.trade_id != 3]
    told = run(builder(), arrivals, until_ns=200 * SECOND)
    bars, _, missing = settled(told)
    assert isinstance(told[0], ClosedBar)
    assert not told[0].is_proven
    assert missing == {MINUTE, 2 * MINUTE}
    assert not bars


def test_answer_older_than_what_was_seen_is_asked_again_later_each_time() -> None:
    maker = builder(has_backfill=True)
    maker.on_trade(trade(1, 59), 0)
    maker.on_trade(trade(2, 60, size="2"), 0)
    now = 122 * SECOND
    waits = []
    for _ in range(4):
        asked = maker.ask(now, now)
        assert asked is not None
        stale = [Candle(MINUTE, 2 * MINUTE, 10.0, 10.0, 10.0, 10.0, 1.0)]
        assert maker.answer(asked, stale, now) == []
        begin = now
        while maker.ask(now, now) is None:
            now += SECOND // 10
        waits.append((now - begin) / SECOND)
        maker.answer(asked, None, now)
        now += 100 * SECOND
    assert waits == sorted(waits)
    assert waits[0] == 0.5


def test_nobody_answering_makes_a_quiet_bar_missing_only_after_patience() -> None:
    maker = builder(has_backfill=True, closing=Closing(patience_ns=30 * SECOND))
    arrivals = [(one.time_ns, one) for one in (trade(1, 59), trade(3, 70), trade(4, 125))]
    told = run(maker, arrivals, lambda *_: None, until_ns=400 * SECOND)
    first = told[0]
    assert isinstance(first, Missing)
    assert first.opens == (MINUTE,)
    assert "between ids 1 and 3" in first.why


def test_bars_during_a_break_wait_for_it_to_end_and_are_asked_for() -> None:
    trades = [trade(k, 59 + 10 * k) for k in range(60)]
    arrivals = [(t.time_ns, t) for t in trades if not 200 <= t.time_ns / SECOND < 520]
    maker = builder(has_backfill=True, closing=Closing(patience_ns=10 * SECOND))
    answers = venue_answers(trades)
    told = run(maker, [a for a in arrivals if a[0] < 200 * SECOND], answers, until_ns=200 * SECOND)
    maker.on_away(200 * SECOND)
    told += maker.advance(510 * SECOND, 510 * SECOND)
    assert not [event for event in told if isinstance(event, Missing)]
    maker.on_back(520 * SECOND, 520 * SECOND)
    rest = [a for a in arrivals if a[0] >= 520 * SECOND]
    told += run(maker, rest, answers, until_ns=640 * SECOND)
    bars, empty, missing = settled(told)
    truth = true_bars(trades)
    assert not missing
    assert not empty
    assert all(same(bars[at], truth[at]) for at in truth if MINUTE <= at < 600 * SECOND)


def test_break_without_lost_trades_is_proven_by_the_next_id() -> None:
    maker = builder()
    for one in (trade(1, 59), trade(2, 61)):
        maker.on_trade(one, 0)
    maker.on_away(62 * SECOND)
    maker.on_back(240 * SECOND, 0)
    told = maker.on_trade(trade(3, 250), 0)
    assert [type(event).__name__ for event in told] == ["ClosedBar", "NoTrades", "NoTrades"]


def test_bars_since_an_earlier_time_are_asked_for_at_the_start() -> None:
    trades = [trade(k, 20 * k) for k in range(100)]
    heard = 1000
    maker = builder(start_s=120, heard_ns=heard * SECOND, has_backfill=True)
    arrivals = [(t.time_ns, t) for t in trades if t.time_ns >= heard * SECOND]
    told = run(maker, arrivals, venue_answers(trades), until_ns=1900 * SECOND)
    bars, empty, missing = settled(told)
    truth = true_bars(trades)
    assert not missing
    assert not empty
    assert min(bars) == 120 * SECOND
    assert all(same(bars[at], truth[at]) for at in truth if 120 * SECOND <= at < 1860 * SECOND)


def test_ids_that_begin_again_are_not_taken_for_duplicates() -> None:
    maker = builder()
    for k in range(20):
        maker.on_trade(trade(100 + k, 59 + 10 * k), 0)
    told: list[FeedEvent] = []
    for k in range(20):
        told += maker.on_trade(trade(1 + k, 300 + 10 * k), 0)
        told += maker.advance((300 + 10 * k) * SECOND, 0)
    bars, _, missing = settled(told)
    assert missing == {240 * SECOND, 300 * SECOND}
    assert 360 * SECOND in bars


def test_quiet_minutes_with_a_hole_in_the_ids_are_not_said_to_be_empty() -> None:
    maker = builder()
    told: list[FeedEvent] = []
    for one in (trade(1, 59), trade(2, 61), trade(4, 250), trade(5, 310)):  # 3 was anywhere
        told += maker.on_trade(one, 0)
        told += maker.advance(one.time_ns + 3 * SECOND, 0)
    _, empty, missing = settled(told)
    assert not empty
    assert missing >= {120 * SECOND, 180 * SECOND}


def test_answer_without_the_trades_that_ids_tell_of_is_asked_again() -> None:
    maker = builder(has_backfill=True)
    for one in (trade(1, 59), trade(2, 60), trade(4, 119), trade(5, 121)):
        maker.on_trade(one, 0)
    now = 124 * SECOND
    asked = maker.ask(now, now)
    assert asked is not None
    old = Candle(MINUTE, 2 * MINUTE, 10.0, 10.0, 10.0, 10.0, 2.0)  # what was seen, and no more
    assert maker.answer(asked, [old], now) == []
    again = maker.ask(now + SECOND, now + SECOND)
    assert again == asked
    (bar,) = maker.answer(again, [Candle(MINUTE, 2 * MINUTE, 10.0, 10.0, 9.0, 10.0, 3.0)], now)
    assert isinstance(bar, ClosedBar)
    assert bar.candle.low == 9.0


def test_closing_that_cannot_be_is_refused() -> None:
    with pytest.raises(ParameterError):
        Closing(grace_ns=-1)


# ---- laws


@pytest.mark.parametrize("seed", range(12))
def test_trades_over_a_bad_wire_are_exactly_the_true_bars_with_a_backfill(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trades = made_trades(rng, 800)
    start = trades[30].time_ns
    arrivals = list(wire(rng, trades[30:], lost=0.02, doubled=0.05, late=0.1, late_s=6.0))
    answers = venue_answers(trades)

    def unreliable(asked: Ask, now: int) -> Sequence[Candle] | None:
        chance = rng.random()
        if chance < 0.3:
            return None
        found = answers(asked, now)
        return found[:-1] if chance < 0.4 else found  # an answer from before the last trade

    proof = "always" if seed % 2 else "doubt"
    maker = CandleBuilder(
        "kraken", "BTC/USD", "1m", start_ns=start, has_backfill=True,
        closing=Closing(proof=proof, patience_ns=600 * SECOND),
    )  # fmt: skip
    end = trades[-1].time_ns
    told = run(maker, arrivals, unreliable, until_ns=end + 300 * SECOND)
    bars, empty, missing = settled(told)
    truth = true_bars(trades)
    first, last = start // MINUTE * MINUTE, end // MINUTE * MINUTE
    wrong = [at for at, candle in bars.items() if at < last and not same(candle, truth[at])]
    assert not wrong
    assert not [at for at in empty if at in truth]
    assert not missing
    assert set(bars) | empty >= set(range(first, last, MINUTE))


@pytest.mark.parametrize("seed", range(8))
def test_trades_over_a_bad_wire_alone_are_true_or_said_to_be_missing(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    trades = made_trades(rng, 800)
    arrivals = list(wire(rng, trades, lost=0.01, doubled=0.05, late=0.1, late_s=1.9))
    maker = CandleBuilder("kraken", "BTC/USD", "1m", start_ns=trades[30].time_ns)
    told = run(maker, arrivals, until_ns=trades[-1].time_ns + 300 * SECOND)
    bars, empty, missing = settled(told)
    truth = true_bars(trades)
    last = trades[-1].time_ns // MINUTE * MINUTE
    assert not [at for at, candle in bars.items() if at < last and not same(candle, truth[at])]
    assert not [at for at in empty if at in truth and at < last]
    assert set(bars) | empty | missing >= set(range(min(bars), last, MINUTE))
    assert len(bars) > len(missing)


@pytest.mark.parametrize("seed", range(6))
def test_bars_are_told_in_order_and_proof_is_never_taken_back_by_the_truth(seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    trades = made_trades(rng, 600)
    truth = true_bars(trades)
    arrivals = list(wire(rng, trades, lost=0.03, late=0.2, late_s=4.0))
    maker = CandleBuilder("kraken", "BTC/USD", "1m", start_ns=trades[20].time_ns, has_backfill=True)
    told = run(maker, arrivals, venue_answers(trades), until_ns=trades[-1].time_ns + MINUTE)
    firsts = [
        e.candle.open_ns if isinstance(e, ClosedBar) else e.open_ns
        for e in told
        if isinstance(e, NoTrades) or (isinstance(e, ClosedBar) and e.revision == 0)
    ]
    assert firsts == sorted(set(firsts))
    last = trades[-1].time_ns // MINUTE * MINUTE
    for event in told:
        if isinstance(event, ClosedBar) and event.is_proven and event.candle.open_ns < last:
            assert same(event.candle, truth[event.candle.open_ns])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("interval", ["1m", "5m", "1h"])
def test_bars_built_one_by_one_equal_those_of_all_trades_at_once(seed: int, interval: str) -> None:
    trades = made_trades(np.random.default_rng(300 + seed), 700)
    step = Interval.parse(interval)
    start = (trades[0].time_ns // step.ns + 1) * step.ns  # the first bar is not whole
    maker = CandleBuilder("v", "BTC/USD", interval, start_ns=start)
    told = [event for one in trades for event in maker.on_trade(one, 0)]
    rows = pl.DataFrame(
        {
            "time_ns": [one.time_ns for one in trades],
            "seq": [one.trade_id for one in trades],
            "price": [one.price for one in trades],
            "size": [float(one.size) for one in trades],
        }
    )
    whole = candles_of(rows, step).filter(
        pl.col("open_ns") >= start,
        pl.col("close_ns") <= trades[-1].time_ns,
    )
    names = ("open_ns", "close_ns", "open", "high", "low", "close", "volume")
    mine = [
        tuple(getattr(event.candle, name) for name in names)
        for event in told
        if isinstance(event, ClosedBar)
    ]
    assert mine == whole.select(names).rows()
    assert mine
