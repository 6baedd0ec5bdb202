"""10,000 messages over wires that lose, double, mix and delay them: the true bars, or said to be missing."""

from collections.abc import Sequence

import numpy as np
import pytest
from adapters.feeds.wires import Faults, Sent, binance_tape, kraken_tape, kraken_trade
from data.live.made_trades import MINUTE, SECOND, made_trades, true_bars

from peak_trade.adapters.feeds.binance import BinanceDialect
from peak_trade.adapters.feeds.dialect import Dialect
from peak_trade.adapters.feeds.kraken import KrakenDialect
from peak_trade.data.live.closing import Ask, Closing
from peak_trade.data.live.events import Candle, ClosedBar, FeedEvent, Missing, NoTrades
from peak_trade.data.live.messages import Trade
from peak_trade.data.live.source import FeedOptions
from peak_trade.data.live.state import FeedState

SYMBOLS = ("BTC/USD", "ETH/USD")
ROUGH = {"drop": 0.02, "double": 0.03, "late": 0.02, "reorder": 0.2, "breaks": 6}


class Venue:
    """What the venue really traded, and what it answers afterwards, more or less well."""

    def __init__(self, seed: int, count: int, *, is_reliable: bool = True) -> None:
        self.rng = np.random.default_rng(seed)
        self.trades: dict[str, list[Trade]] = {
            symbol: made_trades(self.rng, count, mean_gap_s=6.0, symbol=symbol)
            for symbol in SYMBOLS
        }
        self.bars = {symbol: true_bars(trades) for symbol, trades in self.trades.items()}
        self.is_reliable = is_reliable
        self.asked: list[Ask] = []

    def bars_of(self, asked: Ask, now_ns: int) -> Sequence[Candle] | None:
        assert asked.stop_ns <= now_ns
        self.asked.append(asked)
        chance = 1.0 if self.is_reliable else self.rng.random()
        if chance < 0.3:
            return None
        bars = self.bars[asked.symbol]
        found = [bars[at] for at in sorted(bars) if asked.start_ns <= at < asked.stop_ns]
        return found[:-1] if chance < 0.4 else found


def run(
    dialect: Dialect,
    venue: Venue,
    arrived: Sequence[Sent],
    spans: Sequence[tuple[int, int]],
    *,
    has_backfill: bool,
) -> list[FeedEvent]:
    """Feed everything to the state, in the time in which it would come."""
    options = FeedOptions(
        backfill=object() if has_backfill else None,  # type: ignore[arg-type]
        closing=Closing(patience_ns=900 * SECOND),
    )
    state = FeedState("venue", SYMBOLS, interval="1m", options=options)
    dialect.subscriptions(SYMBOLS, "1m", 0)
    now = arrived[0][0]
    end = max(trades[-1].time_ns for trades in venue.trades.values()) + 200 * SECOND
    told = list(state.on_up(now))
    due: list[tuple[int, Ask]] = []
    place, is_up = 0, True
    while now < end:
        is_away = any(a <= now < b for a, b in spans)
        if is_away and is_up:
            told += state.on_down("cut", now)
        if is_up is False and not is_away:
            for trades in venue.trades.values():
                past = [t for t in trades if t.time_ns <= now][-50:]
                if isinstance(dialect, KrakenDialect):
                    frame = dialect.decode(kraken_trade(past, "snapshot"))
                    told += state.on_frame(frame, now)
            told += state.on_up(now)
        is_up = not is_away
        while place < len(arrived) and arrived[place][0] <= now:
            at, _, text = arrived[place]
            place += 1
            told += state.on_frame(dialect.decode(text), at)
        told += state.advance(now)
        for ready, asked in [one for one in due if one[0] <= now]:
            due.remove((ready, asked))
            told += state.answer(asked, venue.bars_of(asked, now), now)
        due += [(now + SECOND // 5, asked) for asked in state.asks(now)]
        now += SECOND // 2
    assert state.unreadable == 0, state.last_unreadable
    return told


def last_words(told: Sequence[FeedEvent]) -> dict[tuple[str, int], Candle | str]:
    words: dict[tuple[str, int], Candle | str] = {}
    for event in told:
        if isinstance(event, ClosedBar):
            words[event.symbol, event.candle.open_ns] = event.candle
        elif isinstance(event, NoTrades):
            words[event.symbol, event.open_ns] = "none"
        elif isinstance(event, Missing):
            words |= {(event.symbol, at): "missing" for at in event.opens}
    return words


def judged(venue: Venue, told: Sequence[FeedEvent]) -> tuple[int, int, list[str]]:
    """How many bars are true, how many are said to be missing, and what is wrong."""
    words = last_words(told)
    true, missing, wrong = 0, 0, []
    for symbol, bars in venue.bars.items():
        mine = [at for name, at in words if name == symbol]
        last = venue.trades[symbol][-1].time_ns // MINUTE * MINUTE
        for at in range(min(mine), last, MINUTE):
            word, real = words.get((symbol, at), "never told"), bars.get(at)
            if word == "missing":
                missing += 1
            elif isinstance(word, Candle) and real is not None and same(word, real):
                true += 1
            elif not (word == "none" and real is None):
                wrong.append(f"{symbol} {at}: {word} is really {real}")
    return true, missing, wrong


def same(found: Candle, real: Candle) -> bool:
    prices = [(c.open, c.high, c.low, c.close, c.volume) for c in (found, real)]
    return prices[0] == prices[1]


def sent_by(dialect: Dialect, venue: Venue) -> list[Sent]:
    tape = kraken_tape if isinstance(dialect, KrakenDialect) else binance_tape
    sent = [one for trades in venue.trades.values() for one in tape(trades)]
    return sorted(sent, key=lambda one: one[0])


@pytest.mark.parametrize("dialect", [KrakenDialect(), BinanceDialect()], ids=lambda d: d.venue)
def test_ten_thousand_messages_over_a_rough_wire_are_exactly_the_true_bars(
    dialect: Dialect,
) -> None:
    count = 2_600 if isinstance(dialect, KrakenDialect) else 4_600
    venue = Venue(3, count, is_reliable=False)
    sent = sent_by(dialect, venue)
    assert len(sent) >= 10_000
    faults = Faults(**ROUGH)
    arrived = faults.over(venue.rng, sent)
    assert len(arrived) < len(sent) * 1.01
    told = run(dialect, venue, arrived, faults.spans, has_backfill=True)
    true, missing, wrong = judged(venue, told)
    assert not wrong
    assert missing == 0
    assert true == sum(
        sum(at < venue.trades[s][-1].time_ns // MINUTE * MINUTE for at in bars if at >= first)
        for s, bars in venue.bars.items()
        for first in [min(at for name, at in last_words(told) if name == s)]
    )


@pytest.mark.parametrize("dialect", [KrakenDialect(), BinanceDialect()], ids=lambda d: d.venue)
def test_messages_lost_with_nobody_to_ask_are_true_bars_or_said_to_be_missing(
    dialect: Dialect,
) -> None:
    venue = Venue(5, 2_000)
    faults = Faults(**{**ROUGH, "late_s": 1.5})
    arrived = faults.over(venue.rng, sent_by(dialect, venue))
    told = run(dialect, venue, arrived, faults.spans, has_backfill=False)
    true, missing, wrong = judged(venue, told)
    assert not wrong
    assert missing > 0
    assert true > missing


@pytest.mark.parametrize("dialect", [KrakenDialect(), BinanceDialect()], ids=lambda d: d.venue)
def test_one_frame_lost_on_a_healthy_stream_is_made_good(dialect: Dialect) -> None:
    venue = Venue(7, 300)
    sent = sent_by(dialect, venue)
    for lost in range(400, 460, 12):
        arrived = [(at + 5_000_000, s, t) for k, (at, s, t) in enumerate(sent) if k != lost]
        told = run(dialect, venue, arrived, (), has_backfill=True)
        _, missing, wrong = judged(venue, told)
        assert not wrong
        assert not missing


def test_clean_stream_asks_for_little_and_is_exact() -> None:
    venue = Venue(9, 1_000)
    sent = [(at + 5_000_000, s, t) for at, s, t in sent_by(BinanceDialect(), venue)]
    told = run(BinanceDialect(), venue, sent, (), has_backfill=True)
    true, missing, wrong = judged(venue, told)
    assert (missing, wrong) == (0, [])
    assert true > 100
    # The venue's candles close every bar; only quiet ones after a tape has ended are asked for.
    end = min(trades[-1].time_ns for trades in venue.trades.values())
    assert not [asked for asked in venue.asked if asked.stop_ns < end]
