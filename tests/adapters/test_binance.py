"""Binance's source against its documented shapes."""

import polars as pl
import pytest
from adapters.source_contract import KEY, SECRET, SourceContract, World, same
from adapters.truths import HASTY, failing, repeating, true_bars, true_trades
from adapters.venues import MINUTE_NS, BinanceLike, Trade, told

from peak_trade.adapters.binance import BinanceSource
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Setup, SourceError, Trouble, Want

MS = 1_000_000
KEYS = {"PEAK_BINANCE_KEY": KEY, "PEAK_BINANCE_SECRET": SECRET}


def made(setup, binance):
    return BinanceSource(setup, patience=HASTY, now_ns=lambda: binance.now_ns)


class TestBinanceBars(SourceContract):
    """The contract, over bars."""

    @pytest.fixture
    def world(self, binance: BinanceLike, trades: list[Trade]) -> World:
        truth = true_bars(trades, MINUTE_NS, until_ns=binance.now_ns)
        return World(
            binance.url,
            lambda setup: made(setup, binance),
            SeriesKey("bars", "binance", "BTC/USDT", "1m"),
            truth["open_ns"][0],
            truth["open_ns"][-1] + MINUTE_NS,
            truth,
            SeriesKey("bars", "binance", "BTX/USDT", "1m"),
            failing(binance),
            repeating(binance),
            lambda: binance.calls("klines"),
            KEYS,
        )


TRADES = SeriesKey("trades", "binance", "BTC/USDT")
FUNDING = SeriesKey("funding", "binance", "BTC/USDT:USDT")


class TestBinanceTrades(SourceContract):
    """The contract, over aggregate trades."""

    @pytest.fixture
    def world(self, binance: BinanceLike, trades: list[Trade]) -> World:
        stop = trades[-1].time_ns // MS * MS
        return World(
            binance.url,
            lambda setup: made(setup, binance),
            TRADES,
            trades[0].time_ns // MS * MS,
            stop,
            true_trades([t for t in trades if t.time_ns < stop], unit_ns=MS),
            SeriesKey("trades", "binance", "BTX/USDT"),
            failing(binance),
            repeating(binance),
            lambda: binance.calls("aggTrades"),
            KEYS,
        )


class TestBinanceFunding(SourceContract):
    """The contract, over funding rates of a perpetual."""

    @pytest.fixture
    def world(self, binance: BinanceLike) -> World:
        stop = binance.rates[-1][0] * MS + MS
        binance.now_ns = stop + MINUTE_NS
        return World(
            binance.url,
            lambda setup: made(setup, binance),
            FUNDING,
            binance.rates[0][0] * MS,
            stop,
            pl.DataFrame(
                {
                    "time_ns": [at * MS for at, _ in binance.rates],
                    "rate": [float(rate) for _, rate in binance.rates],
                    "mark": [30000.1] * len(binance.rates),
                }
            ),
            SeriesKey("funding", "binance", "BTX/USDT:USDT"),
            failing(binance),
            repeating(binance),
            lambda: binance.calls("fundingRate"),
            KEYS,
        )


@pytest.fixture
def source(binance: BinanceLike):
    with made(Setup(base_url=binance.url), binance) as one:
        yield one


def rows(pages) -> pl.DataFrame:
    return pl.concat([page.rows for page in pages])


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
def test_a_bar_whose_end_the_venue_has_not_reached_is_absent(binance, source, symbol) -> None:
    key = SeriesKey("bars", "binance", symbol, "1m")
    last = binance.now_ns // MINUTE_NS * MINUTE_NS
    for now_ns, newest in ((last + MINUTE_NS - MS, last - MINUTE_NS), (last + MINUTE_NS, last)):
        binance.now_ns = now_ns
        given = rows(source.pages(Want(key, last - 5 * MINUTE_NS, last + 10 * MINUTE_NS)))
        assert given["open_ns"][-1] == newest


def test_all_that_there_is_begins_with_the_first(binance, source, trades) -> None:
    key = SeriesKey("bars", "binance", "BTC/USDT", "1m")
    given = rows(source.pages(Want(key, None, binance.now_ns)))
    same(given, true_bars(trades, MINUTE_NS, until_ns=binance.now_ns))
    assert source.estimate(Want(key, None, binance.now_ns)).calls is None


def test_a_perpetual_is_asked_of_the_futures(binance, source) -> None:
    key = SeriesKey("bars", "binance", "BTC/USDT:USDT", "1m")
    list(source.pages(Want(key, binance.now_ns - 10 * MINUTE_NS, binance.now_ns)))
    paths = [path for path, _ in binance.asked]
    assert "/fapi/v1/klines" in paths
    assert "/api/v3/exchangeInfo" not in paths


def test_funding_of_spot_is_refused_with_the_perpetual_s_name(binance, source) -> None:
    key = SeriesKey("funding", "binance", "BTC/USDT")
    with pytest.raises(SourceError, match="name the perpetual: BTC/USDT:USDT"):
        list(source.pages(Want(key, 0, binance.now_ns)))


def test_instruments_are_those_of_spot_and_the_perpetuals(source) -> None:
    listed = {one.symbol: one for one in source.instruments()}
    assert list(listed) == ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"]
    spot, swap = listed["BTC/USDT"].instrument, listed["BTC/USDT:USDT"].instrument
    assert (spot.tick, spot.lot, spot.min_notional, spot.multiplier) == (0.01, 1e-5, 5.0, 1.0)
    assert (swap.tick, swap.lot, swap.min_notional, swap.quote) == (0.1, 0.001, 100.0, "USDT")
    assert listed["BTC/USDT"].min_size == 1e-5


def test_an_interval_of_spot_alone_is_refused_for_a_perpetual(binance, source) -> None:
    key = SeriesKey("bars", "binance", "BTC/USDT:USDT", "1s")
    with pytest.raises(SourceError, match="no bars of 1s of the perpetual"):
        list(source.pages(Want(key, 0, binance.now_ns)))


def test_a_month_ends_with_the_month(binance, source, trades) -> None:
    intervals = source.intervals()
    assert intervals["1mo"] == "1M"
    assert intervals["1m"] == "1m"


def test_months_are_not_taken_for_minutes_of_the_same_length(binance, source) -> None:
    key = SeriesKey("bars", "binance", "BTC/USDT", "43200m")  # 30 days
    with pytest.raises(SourceError, match="no bars of 43200m"):
        list(source.pages(Want(key, 0, binance.now_ns)))


def test_a_time_that_the_venue_refuses_is_told_as_the_clock(binance, source) -> None:
    binance.always = told(400, '{"code":-1021,"msg":"Timestamp for this request is outside"}')
    with pytest.raises(SourceError) as caught:
        list(source.pages(Want(TRADES, 1, binance.now_ns)))
    assert caught.value.trouble is Trouble.CLOCK_SKEW


def test_a_region_that_is_refused_is_told(binance, source) -> None:
    binance.always = told(451, '{"code":0,"msg":"Service unavailable from a restricted location"}')
    with pytest.raises(SourceError) as caught:
        list(source.pages(Want(TRADES, 1, binance.now_ns)))
    assert caught.value.trouble is Trouble.NO_PERMISSION
    assert "restricted location" in caught.value.message


def test_keys_go_to_no_public_call(binance) -> None:
    with made(Setup(base_url=binance.url, environment=KEYS), binance) as source:
        source.instruments()
        with pytest.raises(SourceError):
            source.check_keys()
    signed = [path for path, asked in binance.asked if "signature" in asked]
    assert signed == ["/api/v3/account"]
