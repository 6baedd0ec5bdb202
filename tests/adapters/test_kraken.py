"""Kraken's source against its documented shapes."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import polars as pl
import pytest
from adapters.source_contract import KEY, SECRET, SourceContract, World, same
from adapters.truths import HASTY, failing, repeating, true_bars, true_trades
from adapters.venues import BEGIN_NS, MINUTE_NS, SECOND_NS, KrakenLike, Trade, told

from peak_trade.adapters.kraken import KrakenSource
from peak_trade.data.fetch import fetch
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Page, Setup, SourceError, Trouble, Want
from peak_trade.data.store import Store

KEYS = {"PEAK_KRAKEN_KEY": KEY, "PEAK_KRAKEN_SECRET": SECRET}
TRADES = SeriesKey("trades", "kraken", "BTC/USD")
MINUTES = SeriesKey("bars", "kraken", "BTC/USD", "1m")


def made(setup, kraken):
    return KrakenSource(setup, patience=HASTY, now_ns=lambda: kraken.now_ns)


class TestKrakenTrades(SourceContract):
    """The contract, over trades."""

    @pytest.fixture
    def world(self, kraken: KrakenLike, trades: list[Trade]) -> World:
        return World(
            kraken.url,
            lambda setup: made(setup, kraken),
            TRADES,
            trades[0].time_ns,
            trades[-1].time_ns,
            true_trades([t for t in trades if t.time_ns < trades[-1].time_ns], unit_ns=100),
            SeriesKey("trades", "kraken", "BTX/USD"),
            failing(kraken),
            repeating(kraken),
            lambda: kraken.calls("Trades"),
            KEYS,
        )


@pytest.fixture
def source(kraken: KrakenLike):
    with made(Setup(base_url=kraken.url), kraken) as one:
        yield one


def rows(pages: Iterator[Page]) -> pl.DataFrame:
    return pl.concat([page.rows for page in pages])


def test_bars_of_the_window_are_the_closed_ones(kraken, source, trades) -> None:
    pages = list(source.pages(Want(MINUTES, None, kraken.now_ns)))
    truth = true_bars(trades, MINUTE_NS, until_ns=kraken.now_ns)[-720:]
    assert pages[-1].reached_ns == truth["close_ns"][-1]
    same(rows(pages), truth)


def test_a_bar_whose_end_the_venue_has_not_reached_is_absent(kraken, source) -> None:
    last = kraken.now_ns // MINUTE_NS * MINUTE_NS
    kraken.now_ns = last + MINUTE_NS - SECOND_NS  # its last second
    given = rows(source.pages(Want(MINUTES, last - 5 * MINUTE_NS, last + 10 * MINUTE_NS)))
    assert given["open_ns"][-1] == last - MINUTE_NS
    kraken.now_ns = last + MINUTE_NS
    given = rows(source.pages(Want(MINUTES, last - 5 * MINUTE_NS, last + 10 * MINUTE_NS)))
    assert given["open_ns"][-1] == last


def test_minutes_without_a_trade_are_told_as_filled(kraken, source) -> None:
    given = rows(source.pages(Want(MINUTES, None, kraken.now_ns)))
    assert given.filter("is_filled")["volume"].sum() == 0.0
    assert given["is_filled"].any()
    assert (given.filter(~pl.col("is_filled"))["volume"] > 0).all()


def test_bars_before_the_last_720_are_refused_with_what_trades_would_cost(
    kraken, source, trades
) -> None:
    want = Want(MINUTES, trades[0].time_ns, kraken.now_ns)
    with pytest.raises(SourceError) as caught:
        list(source.pages(want))
    assert caught.value.trouble is Trouble.NOT_OFFERED
    assert "last 720 bars" in caught.value.message
    assert "--from-trades (5 calls" in caught.value.hint
    told = source.estimate(want)
    assert (told.calls, told.note) == (5, "bars before the last 720 are built from trades")
    assert source.estimate(Want(MINUTES, kraken.now_ns - 9 * MINUTE_NS, kraken.now_ns)).calls == 1


def test_a_young_pair_is_not_taken_for_one_cut_off(kraken, source, trades) -> None:
    kraken.trades = trades[:100]
    kraken.now_ns = trades[99].time_ns
    given = rows(source.pages(Want(MINUTES, trades[0].time_ns - 99 * MINUTE_NS, kraken.now_ns)))
    same(given, true_bars(trades[:100], MINUTE_NS, until_ns=kraken.now_ns))


def test_bars_built_from_trades_are_those_of_the_venue(kraken, source, trades, tmp_path) -> None:
    store = Store.open(tmp_path)
    start = trades[0].time_ns // MINUTE_NS * MINUTE_NS
    want = Want(MINUTES, start, kraken.now_ns)
    done = fetch(source, store, want, from_trades=True, commit_rows=300)
    truth = true_bars(trades, MINUTE_NS, until_ns=done.reached_ns)
    assert kraken.now_ns - done.reached_ns < 2 * MINUTE_NS
    built = store.read(MINUTES)
    same(built, truth.filter(~pl.col("is_filled")))
    assert set(built["source"]) == {"kraken trades"}
    asked = kraken.calls("Trades")
    kraken.now_ns += 3600 * SECOND_NS  # an hour without a trade
    more = fetch(source, store, Want(MINUTES, start, kraken.now_ns), from_trades=True)
    assert more.asked == ((done.reached_ns, kraken.now_ns),)
    assert kraken.calls("Trades") - asked == 2


def test_trades_of_one_moment_are_not_lost_at_the_edge_of_a_page(server) -> None:
    moment = BEGIN_NS + 5 * SECOND_NS
    several = [
        Trade(k + 1, moment if 990 <= k < 1010 else BEGIN_NS + k * 10**6 * (1 + (k > 999) * 9), 100.0, 1.0, True)
        for k in range(1500)
    ]  # fmt: skip
    several.sort(key=lambda trade: trade.time_ns)
    several = [Trade(k + 1, t.time_ns, t.price, t.size, t.buys) for k, t in enumerate(several)]
    kraken = KrakenLike(server, several)
    with made(Setup(base_url=kraken.url), kraken) as source:
        given = rows(source.pages(Want(TRADES, BEGIN_NS, kraken.now_ns)))
    assert given["seq"].to_list() == list(range(1, 1501))


def test_the_times_of_trades_keep_what_a_float_would_lose(kraken, source, trades) -> None:
    given = rows(source.pages(Want(TRADES, None, kraken.now_ns)))
    assert given["time_ns"].to_list() == [trade.time_ns for trade in trades]


def test_what_is_too_new_to_be_whole_is_not_said_to_be_reached(kraken, source, trades) -> None:
    kraken.now_ns = trades[-1].time_ns + 3 * SECOND_NS
    pages = list(source.pages(Want(TRADES, trades[-50].time_ns, kraken.now_ns)))
    assert pages[-1].reached_ns == max(trades[-1].time_ns, kraken.now_ns - 10 * SECOND_NS)


@pytest.mark.parametrize("offset_s", [10, -10])
def test_a_clock_ten_seconds_off_is_refused(kraken, offset_s: int) -> None:
    ours = kraken.now_ns
    kraken.now_ns += offset_s * SECOND_NS
    with (
        KrakenSource(Setup(base_url=kraken.url), patience=HASTY, now_ns=lambda: ours) as source,
        pytest.raises(SourceError) as caught,
    ):
        list(source.pages(Want(MINUTES, None, ours)))
    assert caught.value.trouble is Trouble.CLOCK_SKEW
    assert ("ahead of" if offset_s > 0 else "behind") in caught.value.message
    setup = Setup(base_url=kraken.url, is_clock_checked=False)
    with KrakenSource(setup, patience=HASTY, now_ns=lambda: ours) as source:
        assert list(source.pages(Want(MINUTES, None, ours)))


def test_instruments_have_the_rules_that_the_venue_states(source) -> None:
    listed = {one.symbol: one for one in source.instruments()}
    btc = listed["BTC/USD"]
    assert (btc.venue_symbol, btc.is_active) == ("XXBTZUSD", True)
    held = btc.instrument
    assert (held.tick, held.lot, held.min_notional) == (0.5, 1e-8, 0.5)  # tick_size, not decimals
    assert (btc.min_size, btc.maker_fee, btc.taker_fee) == (5e-5, 0.0025, 0.004)
    assert (held.base, held.quote, held.asset_class, held.calendar) == (
        "BTC",
        "USD",
        "crypto",
        "24/7",
    )
    assert source.listed("ETH/USD") == listed["ETH/USD"]


def test_a_symbol_written_as_the_venue_does_is_guessed(kraken, source) -> None:
    with pytest.raises(SourceError, match=r"did you mean BTC/USD\?"):
        list(source.pages(Want(SeriesKey("bars", "kraken", "BTCUSD", "1m"), None, kraken.now_ns)))


def test_an_interval_that_it_lacks_is_told_with_those_it_has(kraken, source) -> None:
    with pytest.raises(SourceError, match="it has 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w, 15d"):
        list(source.pages(Want(SeriesKey("bars", "kraken", "BTC/USD", "3m"), None, kraken.now_ns)))


def test_an_interval_written_otherwise_is_the_same(kraken, source) -> None:
    given = [
        rows(source.pages(Want(SeriesKey("bars", "kraken", "BTC/USD", text), None, kraken.now_ns)))
        for text in ("60m", "1h")
    ]
    assert given[0].equals(given[1])


def test_funding_is_not_offered(kraken, source) -> None:
    with pytest.raises(SourceError, match="kraken offers no funding"):
        list(source.pages(Want(SeriesKey("funding", "kraken", "BTC/USD"), None, kraken.now_ns)))


def test_a_wrong_key_is_told_without_it(kraken) -> None:
    setup = Setup(base_url=kraken.url, environment=KEYS)
    with made(setup, kraken) as source, pytest.raises(SourceError) as caught:
        source.check_keys()
    assert caught.value.trouble is Trouble.NO_PERMISSION
    assert "PEAK_KRAKEN_KEY" in caught.value.hint
    assert KEY not in str(caught.value)
    with (
        made(Setup(base_url=kraken.url), kraken) as source,
        pytest.raises(SourceError, match="no key of kraken is set"),
    ):
        source.check_keys()


def test_public_data_are_asked_for_without_a_key(kraken, trades) -> None:
    setup = Setup(base_url=kraken.url, environment=KEYS)
    with made(setup, kraken) as source:
        list(source.pages(Want(MINUTES, None, kraken.now_ns)))
    assert all("public" in path and "nonce" not in asked for path, asked in kraken.asked)


def test_a_limit_told_in_words_is_waited_for(kraken, source) -> None:
    text = '{"error":["EGeneral:Too many requests"]}'
    kraken.faults.extend([told(200, text)] * 2)
    assert rows(source.pages(Want(MINUTES, None, kraken.now_ns))).height == 720


@pytest.mark.parametrize("seed", range(4))
def test_any_range_in_any_pieces_gives_its_trades_once(kraken, source, trades, seed: int) -> None:
    """Whatever range is asked for, and wherever the walk is broken off and gone on with."""
    draw = np.random.default_rng(seed)
    first, last = sorted(draw.integers(0, len(trades), 2).tolist())
    shift = int(draw.integers(-2, 3)) * 100
    start, stop = trades[first].time_ns + shift, trades[last].time_ns + shift
    parts, cursor, at = [], "", start
    while at < stop:
        for page in islice(source.pages(Want(TRADES, at, stop, cursor)), int(draw.integers(1, 4))):
            parts.append(page.rows)
            at, cursor = page.reached_ns, page.cursor
    assert rows_ids(parts) == [t.id for t in trades if start <= t.time_ns < stop]


def rows_ids(parts: list[pl.DataFrame]) -> list[int]:
    return pl.concat(parts)["seq"].to_list()


def test_a_bar_of_an_answer_that_is_older_than_the_clock_is_not_taken_for_whole(
    kraken, source, trades
) -> None:
    """The clock says that the minute is over, but the answer was made before its last trade."""
    last = trades[-1]
    minute = last.time_ns // MINUTE_NS * MINUTE_NS
    kraken.now_ns = minute + MINUTE_NS + 2 * SECOND_NS
    honest = kraken.respond

    def stale(path, asked, request):
        if not path.endswith("OHLC"):
            return honest(path, asked, request)
        kraken.now_ns, now = last.time_ns - 1, kraken.now_ns
        answer = honest(path, asked, request)
        kraken.now_ns = now
        return answer

    kraken.respond = stale
    pages = list(source.pages(Want(MINUTES, None, kraken.now_ns)))
    assert pages[-1].rows["open_ns"][-1] == minute - MINUTE_NS
    assert pages[-1].reached_ns == minute
    kraken.respond = honest
    (page,) = source.pages(Want(MINUTES, minute, kraken.now_ns))
    assert page.rows["close"].to_list() == [last.price]
