"""Binance: spot and USD-margined perpetuals; bars, trades, funding rates and instrument rules."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from peak_trade.adapters.ccxt_bridge import Bridge, Exchange
from peak_trade.adapters.ccxt_source import MS, CcxtSource, bars_frame
from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.paging import IdSteps, TimeSteps, pages_by_id, pages_by_time
from peak_trade.adapters.patience import Patience
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Estimate, Listed, Offer, Page, Setup, SourceError, Trouble, Want
from peak_trade.domain.calendar import DAY_NS

if TYPE_CHECKING:
    import polars as pl

PAGE = 1000
"""Rows in a full page."""

_FUNDING_NS = 8 * 3600 * 1_000_000_000
_KLINES = {"spot": "publicGetKlines", "perpetual": "fapiPublicGetKlines"}
_TRADES = {"spot": "publicGetAggTrades", "perpetual": "fapiPublicGetAggTrades"}
_COST = {"spot": 2.0, "perpetual": 5.0}  # weight of a page of bars, of 1000 rows
_TRADES_COST = {"spot": 4.0, "perpetual": 20.0}


class BinanceSource(CcxtSource):
    """Bars, trades, funding rates and instrument rules of Binance.

    Spot is named like ``BTC/USDT``, a perpetual like ``BTC/USDT:USDT``. Trades are Binance's
    aggregate trades: what one order took at one price counts as one. A bar in which nothing traded
    is made up by Binance from the last close: ``is_filled``. Coin-margined contracts, dated futures
    and options are not offered.

    Parameters
    ----------
    setup : Setup
        Where it is reached, and where its keys are.
    patience : Patience, optional
        How long it is asked again.
    now_ns : callable
        This machine's clock, UTC nanoseconds.

    Examples
    --------
    >>> BinanceSource(Setup())
    BinanceSource(binance: bars, funding, trades, instruments; verified; no key)
    """

    offer = Offer(
        "binance",
        frozenset({"bars", "trades", "funding"}),
        is_verified=True,
        keys=Credentials.names("binance"),
        note="spot BTC/USDT, USD-margined perpetuals BTC/USDT:USDT",
    )

    def __init__(
        self,
        setup: Setup,
        *,
        patience: Patience | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(BinanceSource.offer, setup, patience=patience, now_ns=now_ns)
        # Two bridges, so that who asks for spot does not load the futures' list too.
        self.bridge = self._bridge(_options("spot"))
        self._perpetuals = self._bridge(_options("linear"))
        self._clock = type(self._clock)(self.bridge.venue_ns)

    def instruments(self) -> tuple[Listed, ...]:
        """Everything it lists on spot, then the perpetuals, with their rules, by symbol."""
        spot = super().instruments()
        swaps = self._perpetuals.markets()
        return spot + tuple(
            self._listed(swaps[name]) for name in sorted(swaps) if swaps[name].get("swap")
        )

    def estimate(self, want: Want) -> Estimate:
        """Tell how many calls an answer takes, and for how long."""
        self._check(want)
        where = _where(want.key)
        if want.key.kind == "trades":
            return self._estimate_trades(want)
        if want.key.kind == "funding":
            return self._estimate_rows(want, _FUNDING_NS, PAGE)
        return self._estimate_rows(want, self._interval(want.key).ns, PAGE, _COST[where])

    def pages(self, want: Want) -> Iterator[Page]:
        """Give the rows page by page, oldest first; see :class:`Source`."""
        self._check(want)
        if want.key.kind == "trades":
            yield from pages_by_id(want, self._trade_steps(want), self._clock)
            return
        yield from pages_by_time(want, self._steps(want), self._clock)

    def close(self) -> None:
        """Close its connections."""
        super().close()
        self._perpetuals.close()

    def _bridge_of(self, symbol: str) -> Bridge:
        return self._perpetuals if ":" in symbol else self.bridge

    def _check(self, want: Want) -> None:
        if want.key.kind == "funding" and ":" not in want.key.symbol:
            raise SourceError(
                Trouble.NOT_OFFERED,
                f"{want.key.symbol} of binance is spot, which has no funding rate",
                f"name the perpetual: {want.key.symbol}:{want.key.symbol.rpartition('/')[2]}",
            )
        if want.key.interval == "1s" and ":" in want.key.symbol:
            raise SourceError(
                Trouble.NOT_OFFERED,
                f"binance has no bars of 1s of the perpetual {want.key.symbol}",
                "its shortest there is 1m",
            )
        super()._check(want)

    def _steps(self, want: Want) -> TimeSteps:
        name = f"binance, asked for {want.key.kind} of {want.key},"
        if want.key.kind == "funding":
            return TimeSteps(
                name, lambda start, stop: self._rates(want.key, start, stop), span_ns=30 * DAY_NS
            )
        interval = self._interval(want.key)
        return TimeSteps(
            name,
            lambda start, stop: self._klines(want.key, start, stop),
            span_ns=PAGE * interval.ns,
            row_ns=interval.ns,
        )

    def _klines(self, key: SeriesKey, start_ns: int, stop_ns: int) -> "pl.DataFrame":
        method, interval = _KLINES[_where(key)], self._interval(key)
        span = self._span(key, start_ns, stop_ns + interval.ns)  # and the one that follows
        params = {**span, "interval": self._interval_there(key)}

        def read(exchange: Exchange) -> "pl.DataFrame":
            rows = _table(Bridge.asked(exchange, method, params))
            sides = [[float(row[k]) for row in rows] for k in range(1, 6)]
            quiet = [int(row[8]) == 0 for row in rows]
            opens = [int(row[0]) * MS for row in rows]
            return bars_frame(opens, sides, interval, is_filled=quiet)

        return self._bridge_of(key.symbol).call(f"bars of {key}", read)

    def _rates(self, key: SeriesKey, start_ns: int, stop_ns: int) -> "pl.DataFrame":
        import polars as pl

        params = self._span(key, start_ns, stop_ns)

        def read(exchange: Exchange) -> "pl.DataFrame":
            rows = _table(Bridge.asked(exchange, "fapiPublicGetFundingRate", params), dict)
            return pl.DataFrame(
                {
                    "time_ns": [int(row["fundingTime"]) * MS for row in rows],
                    "rate": [float(row["fundingRate"]) for row in rows],
                    "mark": [float(row.get("markPrice") or "nan") for row in rows],
                },
                schema={"time_ns": pl.Int64(), "rate": pl.Float64(), "mark": pl.Float64()},
            )

        return self._perpetuals.call(f"funding rates of {key.symbol}", read)

    def _span(self, key: SeriesKey, start_ns: int, stop_ns: int) -> dict[str, object]:
        symbol = self._bridge_of(key.symbol).market(key.symbol)["id"]
        start_ms, stop_ms = -(-start_ns // MS), -(-stop_ns // MS) - 1
        return {"symbol": symbol, "startTime": start_ms, "endTime": stop_ms, "limit": PAGE}

    def _trade_steps(self, want: Want) -> IdSteps:
        """A cursor is the id of the next trade; the first is found by its time."""
        name = f"binance, asked for trades of {want.key.symbol},"
        if want.cursor:
            last_id = int(want.cursor) - 1
            return IdSteps(name, lambda at: self._trades(want.key, at), want.cursor, last_id)
        start = f"time:{-(-(want.start_ns or 0) // MS)}" if want.start_ns else "0"
        return IdSteps(name, lambda at: self._trades(want.key, at), start)

    def _trades(self, key: SeriesKey, cursor: str) -> "tuple[pl.DataFrame, str]":
        kind, _, number = cursor.rpartition(":")
        where = {"startTime" if kind == "time" else "fromId": int(number), "limit": PAGE}
        frame = self._asked_trades(key, where)
        return frame, str(int(frame["seq"][-1]) + 1) if frame.height else cursor

    def _asked_trades(self, key: SeriesKey, where: Mapping[str, object]) -> "pl.DataFrame":
        bridge, method = self._bridge_of(key.symbol), _TRADES[_where(key)]
        params = {"symbol": bridge.market(key.symbol)["id"], **where}
        return bridge.call(
            f"trades of {key.symbol}",
            lambda exchange: _trades_frame(_table(Bridge.asked(exchange, method, params), dict)),
        )

    def _estimate_trades(self, want: Want) -> Estimate:
        """Trades are numbered: what lies between two numbers is known from two calls."""
        seconds = self.bridge.seconds_a_call(_TRADES_COST[_where(want.key)])
        begin = {"startTime": -(-(want.start_ns or 0) // MS)} if want.start_ns else {"fromId": 0}
        first = self._asked_trades(want.key, {**begin, "limit": 1})
        last = self._asked_trades(want.key, {"startTime": -(-want.stop_ns // MS), "limit": 1})
        if last.is_empty():
            last = self._asked_trades(want.key, {"limit": 1})
        if first.is_empty() or last.is_empty():
            return Estimate(1, seconds)
        calls = max(1, -(-int(last["seq"][0] - first["seq"][0]) // PAGE)) + 1
        return Estimate(calls, calls * seconds)


def _options(kind: str) -> dict[str, object]:
    """Load one list of instruments alone, and nothing that would be asked with a key."""
    return {"fetchMarkets": {"types": [kind]}, "fetchCurrencies": False, "fetchMargins": False}


def _where(key: SeriesKey) -> str:
    return "perpetual" if ":" in key.symbol else "spot"


def _table(answer: object, kind: type = list) -> list:  # type: ignore[type-arg]
    """Rows of an answer, each of which is a list or an object."""
    if not isinstance(answer, list) or any(not isinstance(row, kind) for row in answer):
        raise TypeError(f"no JSON array of {kind.__name__}s")
    return answer


def _trades_frame(rows: list[dict[str, object]]) -> "pl.DataFrame":
    import polars as pl

    if any(not isinstance(row["m"], bool) for row in rows):
        raise TypeError("a trade does not say which side took it")
    return pl.DataFrame(
        {
            "time_ns": [int(str(row["T"])) * MS for row in rows],
            "seq": [int(str(row["a"])) for row in rows],
            "trade_id": [str(row["a"]) for row in rows],
            "price": [float(str(row["p"])) for row in rows],
            "size": [float(str(row["q"])) for row in rows],
            "side": [-1 if row["m"] else 1 for row in rows],  # m: the buyer was the maker
        },
        schema={
            "time_ns": pl.Int64(), "seq": pl.Int64(), "trade_id": pl.String(),
            "price": pl.Float64(), "size": pl.Float64(), "side": pl.Int8(),
        },
    )  # fmt: skip
