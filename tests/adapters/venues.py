"""Small servers that answer as the venues document it, over made-up trades; and what goes wrong."""

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 1440 * MINUTE_NS
BEGIN_NS = 1_700_000_040 * SECOND_NS  # 2023-11-14 22:14:00 UTC, a whole minute

Fault = Callable[[Request], Response | None]


@dataclass(frozen=True)
class Trade:
    id: int
    time_ns: int
    price: float
    size: float
    buys: bool


def made_trades(count: int, *, seed: int = 5, mean_gap_ns: int = 38 * SECOND_NS) -> list[Trade]:
    """A walk of prices with random pauses, some of them longer than a minute, some of none."""
    draw = np.random.default_rng(seed)
    gaps = draw.exponential(mean_gap_ns, count).astype(np.int64)
    gaps[draw.random(count) < 0.01] += 3 * MINUTE_NS
    gaps[draw.random(count) < 0.05] = 0
    prices = np.round(30_000 + np.cumsum(draw.normal(0, 2, count)), 1)
    sizes = np.round(draw.exponential(0.1, count) + 1e-5, 5)
    sides = draw.random(count) < 0.5
    times = BEGIN_NS + np.cumsum(gaps)
    return [
        Trade(k + 1, int(times[k]) // 100 * 100, float(prices[k]), float(sizes[k]), bool(sides[k]))
        for k in range(count)
    ]


@dataclass
class Bar:
    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    count: int


def plain_bars(trades: Iterable[Trade], width_ns: int, *, until_ns: int) -> list[Bar]:
    """Bars one trade after the other; an interval without a trade repeats the last close."""
    bars: list[Bar] = []

    def quiet_until(open_ns: int) -> None:
        while bars and bars[-1].open_ns + width_ns < open_ns:
            last = bars[-1]
            bars.append(Bar(last.open_ns + width_ns, *[last.close] * 4, 0.0, 0))

    for trade in trades:
        if trade.time_ns >= until_ns:
            break
        open_ns = trade.time_ns // width_ns * width_ns
        quiet_until(open_ns)
        if not bars or bars[-1].open_ns != open_ns:
            bars.append(Bar(open_ns, *[trade.price] * 4, 0.0, 0))
        bar = bars[-1]
        bar.high, bar.low = max(bar.high, trade.price), min(bar.low, trade.price)
        bar.close, bar.count = trade.price, bar.count + 1
        bar.volume = round(bar.volume + trade.size, 8)
    quiet_until(until_ns // width_ns * width_ns + width_ns)
    return bars


def told(status: int, body: str, **headers: str) -> Fault:
    """An answer with another status, whatever is asked."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: Response(body, status, named, content_type="application/json")


@dataclass
class Venue:
    """A server of a venue, the trades it saw, its clock, and the faults of its next answers."""

    server: HTTPServer
    trades: list[Trade]
    now_ns: int = 0
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    data_paths: tuple[str, ...] = ()
    _made: dict[tuple[int, int, int], list[Bar]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now_ns = self.now_ns or self.trades[-1].time_ns + 30 * SECOND_NS
        self.server.expect_request(_Any()).respond_with_handler(self._answer)

    @property
    def url(self) -> str:
        return f"http://{self.server.host}:{self.server.port}"

    def calls(self, ending: str) -> int:
        return sum(path.endswith(ending) for path, _ in self.asked)

    def bars(self, width_ns: int) -> list[Bar]:
        """Its bars now, the forming one too; made once a moment."""
        made = (width_ns, self.now_ns, len(self.trades))
        if made not in self._made:
            self._made[made] = plain_bars(self.trades, width_ns, until_ns=self.now_ns)
        return self._made[made]

    def _answer(self, request: Request) -> Response:
        arguments = {**request.args.to_dict(), **request.form.to_dict()}
        self.asked.append((request.path, arguments))
        if request.path.endswith(self.data_paths):
            fault = self.faults.popleft() if self.faults else self.always
            answer = fault(request) if fault else None
            if answer is not None:
                return answer
        return self.respond(request.path, arguments, request)

    def respond(self, path: str, asked: dict[str, str], request: Request) -> Response:
        raise AssertionError("a subclass answers")


class _Any(str):
    """A path that equals every path."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


def as_json(value: object, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(json.dumps(value), status, named, content_type="application/json")


class KrakenLike(Venue):
    """Kraken's public calls, and Balance."""

    def __init__(self, server: HTTPServer, trades: list[Trade], now_ns: int = 0) -> None:
        super().__init__(server, trades, now_ns, data_paths=("OHLC", "Trades"))

    def respond(self, path: str, asked: dict[str, str], request: Request) -> Response:
        name = path.rpartition("/")[2]
        seconds = self.now_ns // SECOND_NS
        if name == "Time":
            return self._ok({"unixtime": seconds, "rfc1123": ""})
        if name == "Assets":
            assets = {"XXBT": ("XBT", 10), "ZUSD": ("USD", 4), "XETH": ("ETH", 10)}
            return self._ok(
                {
                    key: {
                        "aclass": "currency", "altname": alt, "decimals": places,
                        "display_decimals": 5, "status": "enabled",
                    }
                    for key, (alt, places) in assets.items()
                }
            )  # fmt: skip
        if name == "AssetPairs":
            return self._ok(
                {
                    "XXBTZUSD": kraken_pair("XBTUSD", "XBT/USD", "XXBT", 1, "0.5"),
                    "XETHZUSD": kraken_pair("ETHUSD", "ETH/USD", "XETH", 2, "0.05"),
                }
            )
        if name in ("OHLC", "Trades") and asked.get("pair") not in ("XXBTZUSD", "XETHZUSD"):
            return as_json({"error": ["EQuery:Unknown asset pair"]})
        if name == "OHLC":
            return self._ohlc(asked)
        if name == "Trades":
            return self._trades(asked)
        if name == "Balance" or name == "BalanceEx":
            return as_json({"error": ["EAPI:Invalid key"]})
        return Response("", 404)

    def _ok(self, result: object) -> Response:
        return as_json({"error": [], "result": result})

    def _ohlc(self, asked: dict[str, str]) -> Response:
        width = int(asked["interval"]) * MINUTE_NS
        bars = self.bars(width)[-721:]
        since = int(asked.get("since", 0)) * SECOND_NS
        rows = [
            [
                b.open_ns // SECOND_NS, f"{b.open:.1f}", f"{b.high:.1f}", f"{b.low:.1f}",
                f"{b.close:.1f}", "0.0", f"{b.volume:.8f}", b.count,
            ]
            for b in bars
            if b.open_ns > since
        ]  # fmt: skip
        last = rows[-2][0] if len(rows) > 1 else asked.get("since", 0)
        return self._ok({asked["pair"]: rows, "last": last})

    def _trades(self, asked: dict[str, str]) -> Response:
        seen = [t for t in self.trades if t.time_ns <= self.now_ns]
        count = int(asked.get("count", 1000))
        if "since" in asked:
            since = int(asked["since"])
            page = [t for t in seen if t.time_ns > since][:count]
        else:
            page = seen[-count:]
        rows = [
            f'["{t.price:.5f}","{t.size:.8f}",{_seconds(t.time_ns)},'
            f'"{"b" if t.buys else "s"}","m","",{t.id}]'
            for t in page
        ]
        last = page[-1].time_ns if page else int(asked.get("since", 0))
        text = f'{{"error":[],"result":{{"{asked["pair"]}":[{",".join(rows)}],"last":"{last}"}}}}'
        return Response(text, content_type="application/json")


def _seconds(time_ns: int) -> str:
    return f"{time_ns // SECOND_NS}.{time_ns % SECOND_NS // 100:07d}"


def kraken_pair(alt: str, ws: str, base: str, decimals: int, tick: str) -> dict[str, object]:
    return {
        "altname": alt, "wsname": ws, "aclass_base": "currency", "base": base,
        "aclass_quote": "currency", "quote": "ZUSD", "lot": "unit", "cost_decimals": 5,
        "pair_decimals": decimals, "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [],
        "leverage_sell": [], "fees": [[0, 0.4], [10000, 0.35]],
        "fees_maker": [[0, 0.25], [10000, 0.2]], "fee_volume_currency": "ZUSD",
        "margin_call": 80, "margin_stop": 40, "ordermin": "0.00005", "costmin": "0.5",
        "tick_size": tick, "status": "online",
    }  # fmt: skip


class BinanceLike(Venue):
    """Binance's public calls of spot and of USD-margined futures, and the account."""

    def __init__(self, server: HTTPServer, trades: list[Trade], now_ns: int = 0) -> None:
        super().__init__(server, trades, now_ns, data_paths=("klines", "aggTrades", "fundingRate"))
        self.rates = [
            (BEGIN_NS // SECOND_NS * 1000 + k * 28_800_000 + k % 3, f"{(k % 7 - 3) * 1e-5:.8f}")
            for k in range(2_500)
        ]

    def respond(self, path: str, asked: dict[str, str], request: Request) -> Response:
        name = path.rpartition("/")[2]
        if name == "time":
            return as_json({"serverTime": self.now_ns // 1_000_000})
        if name == "exchangeInfo":
            symbols = [_perpetual()] if "/fapi/" in path else [_spot("BTC"), _spot("ETH")]
            return as_json(
                {
                    "timezone": "UTC", "serverTime": self.now_ns // 1_000_000, "rateLimits": [],
                    "exchangeFilters": [], "symbols": symbols,
                }
            )  # fmt: skip
        if name == "account":
            return as_json({"code": -2015, "msg": "Invalid API-key, IP, or permissions."}, 401)
        if asked.get("symbol") not in ("BTCUSDT", "ETHUSDT"):
            return as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
        if name == "klines":
            return self._klines(asked)
        if name == "aggTrades":
            return self._agg_trades(asked)
        if name == "fundingRate":
            return self._funding(asked)
        return Response("", 404)

    def _klines(self, asked: dict[str, str]) -> Response:
        width = {"1m": MINUTE_NS, "1h": 60 * MINUTE_NS, "1d": DAY_NS}[asked["interval"]]
        start, end = (int(asked.get(name, 10**14)) for name in ("startTime", "endTime"))
        bars = [bar for bar in self.bars(width) if start <= bar.open_ns // 10**6 <= end]
        rows = [
            [
                b.open_ns // 10**6, f"{b.open:.8f}", f"{b.high:.8f}", f"{b.low:.8f}",
                f"{b.close:.8f}", f"{b.volume:.8f}", (b.open_ns + width) // 10**6 - 1, "0.0",
                b.count, "0.0", "0.0", "0",
            ]
            for b in bars[: int(asked.get("limit", 500))]
        ]  # fmt: skip
        return as_json(rows)

    def _agg_trades(self, asked: dict[str, str]) -> Response:
        seen = [t for t in self.trades if t.time_ns <= self.now_ns]
        limit = int(asked.get("limit", 500))
        if "fromId" in asked:
            page = [t for t in seen if t.id >= int(asked["fromId"])][:limit]
        elif "startTime" in asked:
            page = [t for t in seen if t.time_ns // 10**6 >= int(asked["startTime"])][:limit]
        else:
            page = seen[-limit:]
        return as_json(
            [
                {
                    "a": t.id, "p": f"{t.price:.8f}", "q": f"{t.size:.8f}", "f": t.id, "l": t.id,
                    "T": t.time_ns // 10**6, "m": not t.buys, "M": True,
                }
                for t in page
            ]
        )  # fmt: skip

    def _funding(self, asked: dict[str, str]) -> Response:
        start, end = int(asked.get("startTime", 0)), int(asked.get("endTime", 10**14))
        now = self.now_ns // 10**6
        rows = [
            {"symbol": "BTCUSDT", "fundingTime": at, "fundingRate": rate, "markPrice": "30000.1"}
            for at, rate in self.rates
            if start <= at <= min(end, now)
        ]
        return as_json(rows[: int(asked.get("limit", 100))])


def _spot(base: str) -> dict[str, object]:
    return {
        "symbol": f"{base}USDT", "status": "TRADING", "baseAsset": base, "baseAssetPrecision": 8,
        "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"], "icebergAllowed": True, "ocoAllowed": True,
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00",
             "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000",
             "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
        ],
        "permissions": [], "permissionSets": [["SPOT"]],
    }  # fmt: skip


def _perpetual() -> dict[str, object]:
    return {
        "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000, "onboardDate": 1569398400000, "status": "TRADING",
        "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2,
        "quantityPrecision": 3, "baseAssetPrecision": 8, "quotePrecision": 8,
        "filters": [
            {"minPrice": "556.80", "maxPrice": "4529764", "filterType": "PRICE_FILTER",
             "tickSize": "0.10"},
            {"stepSize": "0.001", "filterType": "LOT_SIZE", "maxQty": "1000", "minQty": "0.001"},
            {"notional": "100", "filterType": "MIN_NOTIONAL"},
        ],
        "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC", "IOC"],
    }  # fmt: skip
