"""Any exchange of ccxt, against servers that answer as exchanges do, and as they should not."""

import polars as pl
import pytest
from adapters.source_contract import KEY, SECRET, SourceContract, World, same
from adapters.truths import HASTY, failing, repeating, true_bars
from adapters.venues import DAY_NS, MINUTE_NS, BinanceLike, KrakenLike, Trade

from peak_trade.adapters.ccxt_source import CcxtFamily, CcxtSource
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Setup, SourceError, Trouble, Want

KEYS = {"PEAK_BINANCEUS_KEY": KEY, "PEAK_BINANCEUS_SECRET": SECRET}
MINUTES = SeriesKey("bars", "binanceus", "BTC/USDT", "1m")


def made(setup: Setup, now_ns, venue: str = "binanceus") -> CcxtSource:
    return CcxtSource(CcxtFamily.offer(venue), setup, patience=HASTY, now_ns=now_ns)


class TestAnyExchange(SourceContract):
    """The contract, over an exchange that answers like Binance."""

    @pytest.fixture
    def world(self, binance: BinanceLike, trades: list[Trade]) -> World:
        truth = true_bars(trades, MINUTE_NS, until_ns=binance.now_ns)
        return World(
            binance.url,
            lambda setup: made(setup, lambda: binance.now_ns),
            MINUTES,
            truth["open_ns"][0],
            truth["open_ns"][-1] + MINUTE_NS,
            truth.drop("is_filled"),
            SeriesKey("bars", "binanceus", "BTX/USDT", "1m"),
            failing(binance),
            repeating(binance),
            lambda: binance.calls("klines"),
            KEYS,
        )


def test_an_exchange_that_gives_its_newest_bars_alone_is_refused(kraken: KrakenLike) -> None:
    key = SeriesKey("bars", "kraken", "BTC/USD", "1m")
    old = kraken.now_ns - 3000 * MINUTE_NS
    with made(Setup(base_url=kraken.url), lambda: kraken.now_ns, "kraken") as source:
        kraken.respond = ignoring_since(kraken)
        with pytest.raises(SourceError) as caught:
            list(source.pages(Want(key, old, kraken.now_ns)))
    assert caught.value.trouble is Trouble.NOT_OFFERED
    assert "newest bars" in caught.value.message


def ignoring_since(kraken: KrakenLike):
    """Bars of the last two hours, whatever is asked: as many exchanges answer."""
    honest = kraken.respond

    def respond(path, asked, request):
        if path.endswith("OHLC"):
            asked = {**asked, "since": str(kraken.now_ns // 10**9 - 7200)}
        return honest(path, asked, request)

    return respond


def test_a_begin_before_the_listing_is_walked_up_to_it(binance, trades) -> None:
    truth = true_bars(trades, MINUTE_NS, until_ns=binance.now_ns).drop("is_filled")
    begin = int(truth["open_ns"][0]) - 30 * DAY_NS
    with made(Setup(base_url=binance.url), lambda: binance.now_ns) as source:
        pages = list(source.pages(Want(MINUTES, begin, binance.now_ns)))
    same(pl.concat([page.rows for page in pages]), truth)


def test_all_that_there_is_has_to_be_given_a_begin(binance) -> None:
    with (
        made(Setup(base_url=binance.url), lambda: binance.now_ns) as source,
        pytest.raises(SourceError, match="--since"),
    ):
        list(source.pages(Want(MINUTES, None, binance.now_ns)))


def test_trades_of_any_exchange_are_not_offered(binance) -> None:
    key = SeriesKey("trades", "binanceus", "BTC/USDT")
    with (
        made(Setup(base_url=binance.url), lambda: binance.now_ns) as source,
        pytest.raises(SourceError, match="it offers bars, funding"),
    ):
        list(source.pages(Want(key, 0, 1)))


def test_an_exchange_that_ccxt_does_not_know_is_told() -> None:
    with pytest.raises(SourceError, match="ccxt has no venue 'nowhere'"):
        made(Setup(), lambda: 0, "nowhere").instruments()


def test_every_exchange_has_a_name_that_a_series_may_have() -> None:
    for name in CcxtFamily.names():
        SeriesKey("bars", name, "BTC/USD", "1h")
        assert not CcxtFamily.offer(name).is_verified
