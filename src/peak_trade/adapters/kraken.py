"""Kraken spot: bars of its last 720, every trade that ever was, and instrument rules."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from peak_trade.adapters.ccxt_bridge import Bridge, Exchange, Market
from peak_trade.adapters.ccxt_source import CcxtSource, bars_frame
from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.paging import IdSteps, TimeSteps, pages_by_id, pages_by_time
from peak_trade.adapters.patience import Patience
from peak_trade.data.findings import stamp_text
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Estimate, Listed, Offer, Page, Setup, SourceError, Trouble, Want

if TYPE_CHECKING:
    import polars as pl

WINDOW = 720
"""How many bars the OHLC call gives, whatever it is asked."""

TRADES = 1000
"""Trades in a full page."""

_SECOND_NS = 1_000_000_000
_MINUTES = {
    "1m": "1", "5m": "5", "15m": "15", "30m": "30", "1h": "60", "4h": "240", "1d": "1440",
    "1w": "10080", "15d": "21600",
}  # fmt: skip


class KrakenSource(CcxtSource):
    """Bars, trades and instrument rules of Kraken's spot market; it has no funding rates.

    Its OHLC call answers the last 720 bars whatever it is asked; older bars are built from its
    trades, of which it keeps every one, or imported from the archive that it publishes. A bar in
    which nothing traded is made up by Kraken from the last close: ``is_filled``.

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
    >>> KrakenSource(Setup())
    KrakenSource(kraken: bars, trades, instruments; verified; no key)
    """

    offer = Offer(
        "kraken",
        frozenset({"bars", "trades"}),
        is_verified=True,
        keys=Credentials.names("kraken"),
        note="spot; bars: the last 720, older ones from trades",
    )

    def __init__(
        self,
        setup: Setup,
        *,
        patience: Patience | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(KrakenSource.offer, setup, patience=patience, now_ns=now_ns)

    def intervals(self) -> dict[str, str]:
        """The intervals of its bars: the name here to minutes there."""
        return dict(_MINUTES)

    def estimate(self, want: Want) -> Estimate:
        """Tell how many calls an answer takes; of bars before the last 720, how many trades do."""
        self._check(want)
        if want.key.kind == "trades":
            return self._estimate_trades(want)
        if want.start_ns is None or want.start_ns >= self._window_ns(want):
            return Estimate(1, self.bridge.seconds_a_call())
        trades = Want(SeriesKey("trades", self.name, want.key.symbol), want.start_ns, want.stop_ns)
        told = self._estimate_trades(trades)
        return Estimate(told.calls, told.seconds, "bars before the last 720 are built from trades")

    def pages(self, want: Want) -> Iterator[Page]:
        """Give the rows page by page, oldest first; see :class:`Source`.

        Raises
        ------
        SourceError
            Bars before the last 720 are wanted, besides what :class:`Source` says.
        """
        self._check(want)
        if want.key.kind == "trades":
            yield from pages_by_id(want, self._trade_steps(want), self._clock)
            return
        interval = self._interval(want.key)
        steps = TimeSteps(
            f"kraken, asked for bars of {want.key},",
            lambda start, _: self._ohlc(want, start),
            span_ns=WINDOW * interval.ns,
            row_ns=interval.ns,
        )
        yield from pages_by_time(want, steps, self._clock)

    def _listed(self, market: Market) -> Listed:
        info, precision = market.get("info"), market.get("precision")
        tick = info.get("tick_size") if isinstance(info, Mapping) else None
        if tick is not None and isinstance(precision, Mapping):  # coarser than the decimals shown
            market = {**market, "precision": {**precision, "price": tick}}
        return super()._listed(market)

    def _window_ns(self, want: Want) -> int:
        """The open of the oldest bar that the OHLC call gives."""
        interval = self._interval(want.key)
        now_ns = self._clock.at_least(want.stop_ns)
        return now_ns - now_ns % interval.ns - (WINDOW - 1) * interval.ns

    def _ohlc(self, want: Want, start_ns: int) -> "pl.DataFrame":
        key, interval = want.key, self._interval(want.key)
        pair = str(self.bridge.market(key.symbol)["id"])
        params = {"pair": pair, "interval": self._interval_there(key)}
        if start_ns:
            params["since"] = str(max(0, start_ns - interval.ns) // _SECOND_NS)

        def read(exchange: Exchange) -> "pl.DataFrame":
            rows = _rows(Bridge.asked(exchange, "publicGetOHLC", params))
            sides = [[float(row[k]) for row in rows] for k in (1, 2, 3, 4, 6)]
            opens = [int(row[0]) * _SECOND_NS for row in rows]
            quiet = [int(row[7]) == 0 for row in rows]
            return bars_frame(opens, sides, interval, is_filled=quiet)

        rows = self.bridge.call(f"bars of {key}", read)
        self._refuse_older(want, rows)
        return rows.filter(rows["open_ns"] >= start_ns)

    def _refuse_older(self, want: Want, rows: "pl.DataFrame") -> None:
        """Refuse to give bars where older ones were wanted that a full answer does not hold."""
        interval = self._interval(want.key)
        if want.start_ns is None or rows.height < WINDOW:
            return
        first = int(rows["open_ns"][0])
        if first - want.start_ns < interval.ns:
            return
        told = self._estimate_trades(
            Want(SeriesKey("trades", self.name, want.key.symbol), want.start_ns, want.stop_ns)
        )
        cost = f" ({told.calls:,} calls, {_lasting(told.seconds)})" if told.calls else ""
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"kraken gives the last {WINDOW} bars of {want.key} whatever it is asked: from "
            f"{stamp_text(first)} on, not from {stamp_text(want.start_ns)}",
            f"build the older ones from its trades with --from-trades{cost}, import the archive "
            f"that Kraken publishes with peak data import, or say --since {stamp_text(first)} "
            "or later",
            first_ns=first,
            calls=told.calls,
            seconds=told.seconds,
        )

    def _trade_steps(self, want: Want) -> IdSteps:
        """A cursor is the time of the last trade, as Kraken gives it, and the trade's id."""
        start, _, last_id = want.cursor.partition(":")
        name = f"kraken, asked for trades of {want.key.symbol},"
        if start:
            return IdSteps(name, lambda at: self._trades(want.key, at), start, int(last_id or -1))
        begin = max(0, (want.start_ns or 0) - 1)
        return IdSteps(name, lambda at: self._trades(want.key, at), str(begin))

    def _trades(self, key: SeriesKey, cursor: str) -> "tuple[pl.DataFrame, str]":
        """Trades behind a cursor; those at its very time are given again, so that none is lost."""
        at = int(cursor.partition(":")[0])
        pair = str(self.bridge.market(key.symbol)["id"])
        params = {"pair": pair, "since": str(max(0, at - 1) if ":" in cursor else at)}

        def read(exchange: Exchange) -> "tuple[pl.DataFrame, str]":
            Bridge.asked(exchange, "publicGetTrades", {**params, "count": TRADES})
            # The text itself: a float does not hold the nanoseconds of its times.
            answer = json.loads(exchange.last_http_response or "", parse_float=str)
            rows, last = _rows(answer), int(answer["result"]["last"])
            frame = _trades_frame(rows)
            return frame, f"{last}:{frame['seq'][-1]}" if rows else cursor

        return self.bridge.call(f"trades of {key.symbol}", read)

    def _estimate_trades(self, want: Want) -> Estimate:
        """Trades are numbered: what lies between two numbers is known from two calls."""
        first = self._id_at(want.key, want.start_ns or 0)
        last = self._id_at(want.key, want.stop_ns)
        if first is None or last is None:
            return Estimate(1, self.bridge.seconds_a_call())
        calls = max(1, -(-(last - first) // TRADES)) + 1
        return Estimate(calls, calls * self.bridge.seconds_a_call())

    def _id_at(self, key: SeriesKey, time_ns: int) -> int | None:
        """The number of the first trade at or after a time, or of the newest."""
        pair = str(self.bridge.market(key.symbol)["id"])

        def read(exchange: Exchange, params: Mapping[str, object]) -> list[int]:
            rows = _rows(Bridge.asked(exchange, "publicGetTrades", params))
            return [int(row[6]) for row in rows]

        def asked(params: Mapping[str, object]) -> list[int]:
            return self.bridge.call(f"trades of {key.symbol}", lambda ex: read(ex, params))

        ids = asked({"pair": pair, "since": str(max(0, time_ns - 1)), "count": 1})
        if ids:
            return ids[0]
        newest = asked({"pair": pair})
        return newest[-1] if newest else None


def _rows(answer: object) -> list[list[str]]:
    """The rows of an answer, whose pair may be called by another name than it was asked by."""
    if not isinstance(answer, dict) or not isinstance(answer.get("result"), dict):
        raise TypeError("no JSON object with a result")
    tables = [value for name, value in answer["result"].items() if name != "last"]
    if len(tables) != 1 or not isinstance(tables[0], list):
        raise TypeError("no rows of one pair in its result")
    return tables[0]


def _trades_frame(rows: list[list[str]]) -> "pl.DataFrame":
    import polars as pl

    sides = {"b": 1, "s": -1}
    return pl.DataFrame(
        {
            "time_ns": [int(Decimal(row[2]) * _SECOND_NS) for row in rows],
            "seq": [int(row[6]) for row in rows],
            "trade_id": [str(row[6]) for row in rows],
            "price": [float(row[0]) for row in rows],
            "size": [float(row[1]) for row in rows],
            "side": [sides[row[3]] for row in rows],
        },
        schema={
            "time_ns": pl.Int64(), "seq": pl.Int64(), "trade_id": pl.String(),
            "price": pl.Float64(), "size": pl.Float64(), "side": pl.Int8(),
        },
    )  # fmt: skip


def _lasting(seconds: float | None) -> str:
    """A length of time in words.

    Examples
    --------
    >>> _lasting(5400)
    'about 1 h 30 min'
    """
    whole = round(seconds or 0)
    if whole < 120:
        return f"about {whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"about {hours} h {minutes} min" if hours else f"about {minutes} min"
