"""What a page of bars costs beside the request itself: reading, checking, keeping."""

import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlsplit

import numpy as np

from benchmarks.figures import Figure
from peak_trade.adapters.binance import PAGE, BinanceSource
from peak_trade.data.fetch import fetch
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Setup, Want
from peak_trade.data.store import Store

PART = "fetch"
PAGES = 500
BEGIN_MS = 1_577_836_800_000  # 2020-01-01
MINUTE_MS = 60_000
PAGE_MS_TARGET = 20.0
ROUNDS = 3


@dataclass
class Answer:
    """What the library reads of an answer over HTTP."""

    text: str
    status_code: int = 200
    reason: str = "OK"
    encoding: str = "utf-8"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def raise_for_status(self) -> None:
        """Nothing is wrong with it."""


class Wire:
    """A session that answers at once, and measures how long its own answers take to make.

    Parameters
    ----------
    pages : int
        How many pages of minutes there are.
    """

    def __init__(self, pages: int) -> None:
        draw = np.random.default_rng(11)
        closes = np.round(30_000 + np.cumsum(draw.normal(0, 5, pages * PAGE + 1)), 2)
        self.rows = [_row(k, closes[k], closes[k + 1]) for k in range(pages * PAGE)]
        self.stop_ms = BEGIN_MS + len(self.rows) * MINUTE_MS
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.own_s = 0.0
        self.pages = 0

    def request(
        self,
        method: str,
        url: str,
        *,
        data: object = None,
        headers: object = None,
        timeout: object = None,
        proxies: object = None,
        verify: object = None,
        files: object = None,
    ) -> Answer:
        """Answer a call."""
        began = time.perf_counter()
        answer = Answer(self._text(url))
        self.own_s += time.perf_counter() - began
        return answer

    def close(self) -> None:
        """Nothing is open."""

    def _text(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.path.endswith("time"):
            return json.dumps({"serverTime": self.stop_ms + 10 * MINUTE_MS})
        if parts.path.endswith("exchangeInfo"):
            return json.dumps({"symbols": [_SYMBOL]})
        self.pages += 1
        asked = parse_qs(parts.query)
        first = (int(asked["startTime"][0]) - BEGIN_MS) // MINUTE_MS
        return "[" + ",".join(self.rows[first : first + PAGE]) + "]"


def measure(scale: float) -> list[Figure]:
    """Time pages of 1,000 minutes through the source alone, and into a store."""
    pages = max(4, round(PAGES * scale))
    alone = median(_alone_ms(pages) for _ in range(ROUNDS))
    kept = median(_kept_ms(pages) for _ in range(ROUNDS))
    return [
        Figure(
            PART,
            f"a page of {PAGE:,} bars read, {pages:,} pages, without the request",
            f"at most {PAGE_MS_TARGET:.0f} ms",
            f"{alone:.1f} ms",
            alone <= PAGE_MS_TARGET,
            is_speed=True,
        ),
        Figure(
            PART,
            "the same, checked and kept in the store",
            f"at most {PAGE_MS_TARGET:.0f} ms",
            f"{kept:.1f} ms",
            kept <= PAGE_MS_TARGET,
            is_speed=True,
        ),
    ]


def _source(wire: Wire) -> tuple[BinanceSource, Want]:
    setup = Setup(base_url="http://127.0.0.1:9", is_clock_checked=False)
    source = BinanceSource(setup)
    source.bridge.exchange.session.close()
    source.bridge.exchange.session = wire
    source.bridge.market("BTC/USDT")
    key = SeriesKey("bars", "binance", "BTC/USDT", "1m")
    return source, Want(key, BEGIN_MS * 1_000_000, wire.stop_ms * 1_000_000)


def _alone_ms(pages: int) -> float:
    wire = Wire(pages)
    source, want = _source(wire)
    wire.own_s, began = 0.0, time.perf_counter()
    rows = sum(page.rows.height for page in source.pages(want))
    return _ms(wire, began, rows, pages)


def _kept_ms(pages: int) -> float:
    wire = Wire(pages)
    source, want = _source(wire)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        wire.own_s, began = 0.0, time.perf_counter()
        done = fetch(source, store, want)
        return _ms(wire, began, done.added, pages)


def _ms(wire: Wire, began: float, rows: int, pages: int) -> float:
    spent = time.perf_counter() - began - wire.own_s
    if rows != pages * PAGE:
        raise RuntimeError(f"{rows} rows came, not {pages * PAGE}")
    return spent / wire.pages * 1000


def _row(k: int, opens: float, closes: float) -> str:
    at = BEGIN_MS + k * MINUTE_MS
    high, low = max(opens, closes) + 1, min(opens, closes) - 1
    return json.dumps(
        [
            at, f"{opens:.8f}", f"{high:.8f}", f"{low:.8f}", f"{closes:.8f}", "12.34567890",
            at + MINUTE_MS - 1, "370370.36700000", 123, "6.17283945", "185185.18350000", "0",
        ]
    )  # fmt: skip


_SYMBOL = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
    "baseAssetPrecision": 8, "quotePrecision": 8, "orderTypes": [], "permissions": [],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ],
}  # fmt: skip
