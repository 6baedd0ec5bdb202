"""What the simulated Kraken says against recorded messages: the same keys, and values of the same types.

And recorded trades, candles and a recorded book, played through it.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from peak_trade.simulation.kraken.server import listings
from peak_trade.simulation.kraken.wire import checksum
from peak_trade.simulation.market.clock import ManualClock
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.quotes import Frame, RecordedQuotes
from peak_trade.simulation.market.tape import BarTape, TapeBars, TradeTape
from tests.simulation.kraken.krakens_at_hand import Bench, Wire, bench, wired
from tests.simulation.market.markets_at_hand import SECOND

Found = list[str]

QUOTED = {"userref", "opentm", "closetm", "starttm", "expiretm", "last"}
"""Numbers that one of the recordings has as texts, because ccxt keeps them so."""

NO_MARGIN = {"long_position_limit", "short_position_limit", "ml"}
"""What pairs and accounts without margin do not say."""


def fixture(shared: Path, name: str, part: str) -> dict[str, Any]:
    path = shared / "shapes" / "fixtures" / name
    if not path.is_file():
        pytest.skip(f"needs {name} among the shared shapes, which is not there")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))[part]
    return read


@pytest.fixture(scope="module")
def messages(shared: Path) -> dict[str, Any]:
    return fixture(shared, "kraken_spot_messages.json", "messages")


@pytest.fixture(scope="module")
def responses(shared: Path) -> dict[str, Any]:
    return fixture(shared, "ccxt_kraken_http.json", "responses")


def kind(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def differences(recorded: Any, said: Any, at: str = "") -> Found:
    """Keys that are missing or more, and values of another type, with where they stand."""
    if isinstance(recorded, dict) and isinstance(said, dict):
        found = [f"{at}.{name} is missing" for name in recorded.keys() - said.keys()]
        found += [f"{at}.{name} is more" for name in said.keys() - recorded.keys()]
        for name in recorded.keys() & said.keys():
            found += differences(recorded[name], said[name], f"{at}.{name}")
        return found
    if isinstance(recorded, list) and isinstance(said, list):
        if recorded and said and isinstance(recorded[0], list | dict):
            return [d for one in said for d in differences(recorded[0], one, f"{at}[]")]
        if at.endswith("[]"):  # a row: place by place
            found = [] if len(recorded) == len(said) else [f"{at} has {len(said)} places"]
            pairs = zip(recorded, said, strict=False)
            return found + [
                d for k, (r, s) in enumerate(pairs) for d in differences(r, s, f"{at}.{k}")
            ]
        return [
            d for r, s in zip(recorded, said, strict=False) for d in differences(r, s, f"{at}[]")
        ]
    if kind(recorded) != kind(said) and None not in (recorded, said):
        return [f"{at} is {kind(said)}, recorded as {kind(recorded)}"]
    return []


def only(result: dict[str, Any]) -> Any:
    """The value of a mapping by ids."""
    return next(iter(result.values()))


def told(found: Found, *, but: set[str] = frozenset()) -> Found:  # type: ignore[assignment]
    """Differences besides those that are known."""
    return [one for one in found if not any(f".{name}" in one.split(" ")[0] for name in but)]


@pytest.fixture(scope="module")
def shop() -> Iterator[Bench]:
    with bench() as made:
        yield made


def test_differences_finds_what_is_planted() -> None:
    recorded = {"a": ["1", 2, {"b": 1}], "c": {"d": None}, "e": [[1, "x"]]}
    said = {"a": [1, 2, {}], "c": {"d": 1, "more": 1}, "e": [[1, 2], [1]]}
    assert sorted(differences(recorded, said)) == [
        ".a[] is number, recorded as str",
        ".a[].b is missing",
        ".c.more is more",
        ".e[] has 1 places",
        ".e[].1 is number, recorded as str",
    ]
    assert differences(recorded, recorded) == []


@pytest.mark.parametrize(
    ("name", "call", "query"),
    [
        ("http_server_time", "Time", {}),
        ("http_system_status", "SystemStatus", {}),
        ("http_asset_pairs", "AssetPairs", {"pair": "XBTUSD"}),
        ("http_ticker", "Ticker", {"pair": "XBTUSD"}),
        ("http_ohlc", "OHLC", {"pair": "XBTUSD"}),
        ("http_trades", "Trades", {"pair": "XBTUSD"}),
        ("http_order_book", "Depth", {"pair": "XBTUSD", "count": 5}),
    ],
)
def test_public_answer_has_the_recorded_shape(
    messages: dict[str, Any], shop: Bench, name: str, call: str, query: dict[str, Any]
) -> None:
    recorded = json.loads(json.dumps(messages[name]).replace("XBTUSDT", "XXBTZUSD"))
    said = shop.public(call, **query)
    assert told(differences(recorded, said), but=NO_MARGIN) == []


def test_private_answers_have_the_recorded_shape(
    messages: dict[str, Any], responses: dict[str, Any], shop: Bench
) -> None:
    limit = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "50"}
    made = shop.private("AddOrder", **limit, oflags="post")
    assert differences(responses["AddOrder"], made) == []
    (txid,) = made["result"]["txid"]
    recorded = only(responses["QueryOrders_open_limit"]["result"])
    assert told(differences(recorded, shop.done("QueryOrders", txid=txid)[txid]), but=QUOTED) == []
    market = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.1"}
    (bought,) = shop.done("AddOrder", **market)["txid"]
    recorded = only(responses["QueryOrders_closed_market"]["result"])
    said = shop.done("QueryOrders", txid=bought, trades="true")[bought]
    assert told(differences(recorded, said), but=QUOTED) == []
    for name, order in (
        ("take_profit", {"ordertype": "take-profit", "price": "500"}),
        ("stop_loss_limit", {"ordertype": "stop-loss-limit", "price": "60", "price2": "59"}),
        ("trailing_stop", {"ordertype": "trailing-stop", "price": "+40%"}),
    ):
        (txid,) = shop.done("AddOrder", **(limit | {"type": "sell"} | order))["txid"]
        recorded = only(responses[f"OpenOrders_{name}"]["result"]["open"])
        said = shop.done("OpenOrders")["open"][txid]
        assert told(differences(recorded, said), but=QUOTED) == [], name
    recorded = only(messages["http_open_orders"]["result"]["open"])
    assert differences(recorded, only(shop.done("OpenOrders")["open"])) in (
        [],
        [".trigger is more"],
    )
    assert (
        differences(messages["http_cancel_order_spot"], shop.private("CancelOrder", txid=txid))
        == []
    )
    recorded = only(messages["http_closed_orders"]["result"]["closed"])
    assert differences(recorded, shop.done("ClosedOrders")["closed"][bought]) == []
    recorded = only(messages["http_trades_history"]["result"]["trades"])
    assert differences(recorded, only(shop.done("TradesHistory")["trades"])) == []
    assert kind(only(shop.done("Balance"))) == kind(only(messages["http_spot_balance"]["result"]))
    recorded = messages["http_spot_trade_balance"]["result"]
    assert told(differences(recorded, shop.done("TradeBalance")), but=NO_MARGIN) == []


async def heard(shop: Bench, line: Wire, channel: str, **params: object) -> dict[str, Any]:
    """The ack, the snapshot and an update of a channel."""
    symbol = {"symbol": ["BTC/USD"]}
    await line.say(
        method="subscribe",
        params={"channel": channel, "snapshot": True, **symbol, **params},
        req_id=1,
    )
    ack = await line.until(method="subscribe")
    first = await line.until(channel=channel, type="snapshot")
    await asyncio.to_thread(shop.pass_time, 20.0)
    return {
        "ack": ack,
        "snapshot": first,
        "update": await line.until(channel=channel, type="update"),
    }


def test_socket_messages_have_the_recorded_shape(messages: dict[str, Any], shop: Bench) -> None:
    async def scene() -> None:
        async with wired(shop.venue.urls.ws) as line:
            line.parse_float = float
            await line.say(method="ping", req_id=3)
            assert differences(messages["ws_pong"], await line.until(method="pong")) == []
            ticker = await heard(shop, line, "ticker")
            assert (
                told(
                    differences(messages["ws_subscribe_response"], ticker["ack"]),
                    but={"result.event_trigger"},
                )
                == []
            )
            assert differences(messages["ws_ticker_snapshot"], ticker["snapshot"]) == []
            trade = await heard(shop, line, "trade")
            assert differences(messages["ws_trade_update"], trade["update"]) == []
            book = await heard(shop, line, "book")
            assert differences(messages["ws_book_snapshot"], book["snapshot"]) == []
            assert differences(messages["ws_book_update"], book["update"]) == []
            ohlc = await heard(shop, line, "ohlc", interval=1)
            found = differences(messages["ws_ohlc_update"], ohlc["update"])
            assert told(found, but={"timestamp", "data[].timestamp"}) == []
        async with wired(shop.venue.urls.ws_auth) as line:
            line.parse_float = float
            params = messages["ws_add_order_request"]["params"] | {"limit_price": 50.0}
            params["token"] = shop.done("GetWebSocketsToken")["token"]
            await line.say(**(messages["ws_add_order_request"] | {"params": params}))
            assert (
                differences(
                    messages["ws_add_order_response_success"], await line.until(method="add_order")
                )
                == []
            )
            params["order_qty"], params["cl_ord_id"] = 90_000.0, "other"
            await line.say(**(messages["ws_add_order_request"] | {"params": params}))
            failed = await line.until(method="add_order")
            assert differences(messages["ws_add_order_response_failure"], failed) == []
            assert failed["error"] == messages["ws_add_order_response_failure"]["error"]

    asyncio.run(asyncio.wait_for(scene(), 60))


# --- recorded data, played -----------------------------------------------------------------------


def table(shared: Path, name: str) -> pl.DataFrame:
    path = shared / "data" / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"needs {name} among the shared data, which is not there")
    return pl.read_parquet(path)


def test_recorded_trades_come_back_as_they_were(shared: Path) -> None:
    rows = table(shared, "ticks/kraken_xbtusdt_trades_1000").sort("trade_id")
    (listing,) = listings(["BTC/USDT"])
    times = rows["ts"].dt.epoch("ns").to_numpy()
    side = np.where(rows["side"].to_numpy() == "b", 1, -1).astype(np.int8)
    order = np.argsort(times, kind="stable")
    tape = TradeTape(
        listing, times[order], rows["price"].to_numpy()[order], rows["size"].to_numpy()[order],
        side=side[order],
    )  # fmt: skip
    market = Market([listing], {"BTC/USDT": tape}, ManualClock(int(times.max()) + 1))
    found = market.trades("BTC/USDT", after_id=0)
    assert [t.ticks / 10 for t in found] == rows["price"].to_numpy()[order].tolist()
    assert [t.lots / 1e8 for t in found] == pytest.approx(rows["size"].to_numpy()[order], abs=1e-12)
    assert [t.side for t in found] == side[order].tolist()
    assert [t.time_ns for t in found] == times[order].tolist()


def test_recorded_candles_are_rebuilt_by_the_trades_made_of_them(shared: Path) -> None:
    rows = table(shared, "crypto/kraken_xbtusdt_1m_720")
    (listing,) = listings(["BTC/USDT"])
    o, h, low, c, v = (rows[n].to_numpy() for n in ("open", "high", "low", "close", "volume"))
    lots = np.rint(v * 1e8)
    needed = np.where(lots == 0, 0, np.where(h == low, 1, 4))
    kept = lots >= needed
    assert kept.mean() > 0.99
    played = TapeBars(o[kept], h[kept], low[kept], c[kept], v[kept])
    count, start = len(played), 1_800_000_000 * SECOND
    tape = BarTape(
        listing,
        played,
        start_ns=start,
        bar_ns=60 * SECOND,
        history=count,
        is_endless=False,
        history_trades=20,
    )
    market = Market([listing], {"BTC/USDT": tape}, ManualClock(start))
    found = market.candles("BTC/USDT", 60 * SECOND, limit=count + 1)[:-1]
    traded = [k for k in range(count) if np.rint(played.volume[k] * 1e8) > 0]
    by_time = {candle.open_ns: candle for candle in found}
    first = start - count * 60 * SECOND
    for k in traded:
        candle = by_time[first + k * 60 * SECOND]
        prices = [p / 10 for p in (candle.open, candle.high, candle.low, candle.close)]
        assert prices == [played.open[k], played.high[k], played.low[k], played.close[k]]
        assert candle.lots == round(played.volume[k] * 1e8)


def test_recorded_book_has_every_checksum(shared: Path) -> None:
    listing = Listing("BTC/USD", price_decimals=1, lot_decimals=8)
    texts = fixture(shared, "kraken_ws_v2_book_capture.json", "messages")
    frames, sums = [], []
    for k, text in enumerate(texts):
        message = json.loads(text, parse_float=str)
        (data,) = message["data"]
        sides = [
            tuple(
                (listing.ticks_of(level["price"]), int(level["qty"].replace(".", "")))
                for level in data[name]
            )
            for name in ("bids", "asks")
        ]
        frames.append(Frame(k, sides[0], sides[1], message["type"] == "snapshot"))
        sums.append(data["checksum"])
    quotes = RecordedQuotes(frames, depth=10)
    assert [checksum(listing, quotes.levels(k + 1)) for k in range(len(frames))] == sums
    assert len(sums) == 41
