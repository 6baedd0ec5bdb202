"""Bars and corporate actions of Polygon; written from its documentation."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, quote, urlsplit
from zoneinfo import ZoneInfo

from peak_trade.adapters.ccxt_source import bars_frame
from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.paging import TimeSteps, VenueClock, pages_by_time
from peak_trade.adapters.patience import Patience
from peak_trade.adapters.web import Answer, Web
from peak_trade.adapters.web_source import WebSource
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Estimate, Listed, Offer, Page, Setup, Trouble, Want
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.instrument import AssetClass, Instrument

if TYPE_CHECKING:
    import polars as pl

PAGE = 50_000
"""Rows in a full page; of bars that are put together of minutes, the minutes count."""

_MS = 1_000_000
_SECONDS_A_CALL = 12.0  # five calls a minute, which every plan allows
_NEW_YORK = ZoneInfo("America/New_York")
_SPANS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_CLASSES: Mapping[str, tuple[AssetClass, str]] = {
    "stocks": ("equity", "XNYS"), "otc": ("equity", "XNYS"), "indices": ("index", "XNYS"),
    "crypto": ("crypto", "24/7"), "fx": ("fx", "24/5"),
}  # fmt: skip
_EPOCH = date(1970, 1, 1).toordinal()
_FUNDS = ("ETF", "ETV", "ETN", "ETS")


class PolygonSource(WebSource):
    """Bars, splits and dividends of stocks, currencies and coins at Polygon.

    Written from its documentation and shown against a server of the documented shapes, not against
    the service. Bars are asked for without adjustment; splits and dividends are a kind of their own.
    Stocks are called ``AAPL``, currencies ``C:EURUSD``, coins ``X:BTCUSD``, as there. Not to be
    shared by threads.

    Parameters
    ----------
    setup : Setup
        Where it is reached, and where its key is.
    patience : Patience, optional
        How long it is asked again.
    now_ns : callable
        This machine's clock, UTC nanoseconds.

    Examples
    --------
    >>> PolygonSource(Setup())
    PolygonSource(polygon: actions, bars; unverified; no key)
    """

    offer = Offer(
        "polygon",
        frozenset({"bars", "actions"}),
        is_verified=False,
        keys=Credentials.names("polygon")[:1],
        note="written from its documentation; unadjusted bars",
    )

    def __init__(
        self,
        setup: Setup,
        *,
        patience: Patience | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        keys = Credentials.read("polygon", setup.environment)
        web = Web(
            "polygon",
            "https://api.polygon.io",
            setup,
            keys=keys,
            headers={"Authorization": f"Bearer {keys.key}"} if keys.key else {},
            pace_s=_SECONDS_A_CALL,
            patience=patience,
            now_s=lambda: now_ns() / 1e9,
        )
        super().__init__(web, has_key=bool(keys.key))
        self._clock = VenueClock(now_ns)

    def instruments(self) -> tuple[Listed, ...]:
        """Every stock that it lists; a market of its size takes many calls."""
        query = {"market": "stocks", "active": "true", "limit": "1000", "sort": "ticker"}
        rows = self._all("/v3/reference/tickers", query, what="its stocks")
        return tuple(_listed(row) for row in rows)

    def listed(self, symbol: str) -> Listed:
        """One instrument.

        Raises
        ------
        SourceError
            It does not list it.
        """
        what = f"the ticker {symbol}"
        answer = self._web.get(f"/v3/reference/tickers/{quote(symbol, safe='')}", what=what)
        if answer.status == 404:
            raise self._web.bad(
                what, "does not list it", "tickers are spelled as there: AAPL, C:EURUSD, X:BTCUSD",
                trouble=Trouble.UNKNOWN_SYMBOL,
            )  # fmt: skip
        row = self._read(answer, what).get("results")
        if not isinstance(row, dict) or not isinstance(row.get("ticker"), str):
            raise self._web.bad(what, f"gave no ticker: {self._web.said(answer)}")
        return _listed(row)

    def estimate(self, want: Want) -> Estimate:
        """Tell what an answer will cost."""
        self._check(want)
        if want.key.kind == "actions":
            return Estimate(2, 2 * _SECONDS_A_CALL)
        if want.start_ns is None:
            return Estimate(None, None, "from the first bar that it has")
        base_ns = min(Interval.parse(want.key.interval).ns, DAY_NS)
        unit = base_ns if base_ns == DAY_NS else min(base_ns, 60 * 10**9)
        calls = max(1, -(-(want.stop_ns - want.start_ns) // (unit * PAGE)))
        return Estimate(calls, calls * _SECONDS_A_CALL)

    def pages(self, want: Want) -> Iterator[Page]:
        """Give the rows page by page, oldest first; see :class:`Source`.

        Raises
        ------
        SourceError
            It could not be asked, does not know the ticker, or the key may not read it.
        """
        self._check(want)
        self._check_key(want)
        if want.key.kind == "actions":
            yield Page(self._actions(want), "", want.stop_ns)
            return
        interval = Interval.parse(want.key.interval)
        steps = TimeSteps(
            f"polygon, asked for bars of {want.key},",
            lambda start, stop: self._bars(want.key, start, stop),
            span_ns=PAGE * interval.ns,
            row_ns=interval.ns,
        )
        given = False
        for page in pages_by_time(want, steps, self._clock):
            given = given or page.rows.height > 0
            if not given:
                self.listed(want.key.symbol)  # an unknown ticker is answered without a row
            yield page

    # --- steps -----------------------------------------------------------------------------------

    def _check(self, want: Want) -> None:
        self._check_kind(want)
        if want.key.interval and Interval.parse(want.key.interval).unit not in _SPANS:
            raise self._not_offered(
                str(want.key),
                f"cuts {want.key.interval} in a way of its own",
                "fetch days, and resample them",
            )

    def _bars(self, key: SeriesKey, start_ns: int, stop_ns: int) -> "pl.DataFrame":
        """The bars that begin in a range, or the first of them; a page without one leads to the next."""
        interval = Interval.parse(key.interval)
        first = max(0, start_ns - (DAY_NS if interval.unit == "d" else 0)) // _MS
        path = (
            f"/v2/aggs/ticker/{quote(key.symbol, safe='')}/range/{interval.count}/"
            f"{_SPANS[interval.unit]}/{first}/{(stop_ns - 1) // _MS}"
        )
        query = {"adjusted": "false", "sort": "asc", "limit": str(PAGE)}
        what = f"bars of {key}"
        while True:
            answer = self._web.get(path, query, what=what)
            told = self._read(answer, what)
            frame = self._bars_frame(told, interval, what)
            kept = frame.filter((frame["open_ns"] >= start_ns) & (frame["open_ns"] < stop_ns))
            following = told.get("next_url")
            if kept.height or not isinstance(following, str):
                return kept
            path, query = _next(following)

    def _bars_frame(
        self, told: Mapping[str, object], interval: Interval, what: str
    ) -> "pl.DataFrame":
        rows = told.get("results") or []
        try:
            table = cast("list[dict[str, float]]", rows)
            stamps = [int(row["t"]) for row in table]
            sides = [[float(row[name]) for row in table] for name in ("o", "h", "l", "c", "v")]
        except (KeyError, TypeError, ValueError) as error:
            raise self._web.bad(what, f"gave a bar of another shape: {error!r}") from None
        opens = [self._day(stamp, what) for stamp in stamps] if interval.unit == "d" else [
            stamp * _MS for stamp in stamps
        ]  # fmt: skip
        return bars_frame(opens, sides, interval)

    def _day(self, stamp_ms: int, what: str) -> int:
        """A day is stamped with its midnight in New York or, of what never closes, in UTC."""
        utc = datetime.fromtimestamp(stamp_ms / 1000, UTC)
        local = utc.astimezone(_NEW_YORK)
        for moment in (utc, local):
            if not (moment.hour or moment.minute or moment.second):
                return (moment.date().toordinal() - _EPOCH) * DAY_NS
        raise self._web.bad(what, f"gave a day that begins at {utc:%Y-%m-%d %H:%M} UTC")

    def _actions(self, want: Want) -> "pl.DataFrame":
        import polars as pl

        symbol, what = want.key.symbol, str(want.key)
        splits = self._all(
            "/v3/reference/splits",
            {"ticker": symbol, "order": "asc", "sort": "execution_date", "limit": "1000"},
            what=what,
        )
        dividends = self._all(
            "/v3/reference/dividends",
            {"ticker": symbol, "order": "asc", "sort": "ex_dividend_date", "limit": "1000"},
            what=what,
        )
        if not splits and not dividends:
            self.listed(symbol)
        try:
            rows = [_split(row) for row in splits] + [_dividend(row) for row in dividends]
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise self._web.bad(what, f"gave an action of another shape: {error!r}") from None
        frame = pl.DataFrame(
            rows,
            schema={"time_ns": pl.Int64, "action": pl.String, "value": pl.Float64,
                    "currency": pl.String},
            orient="row",
        )  # fmt: skip
        # A regular and a special dividend may go ex on one day: what is paid is their sum.
        added = frame.group_by("time_ns", "action", "currency").agg(pl.col("value").sum())
        begin = want.start_ns if want.start_ns is not None else -(2**63)
        kept = added.filter(pl.col("time_ns") >= begin, pl.col("time_ns") < want.stop_ns)
        return kept.select(*frame.columns).sort("time_ns", "action")

    def _all(self, path: str, query: Mapping[str, str], *, what: str) -> "list[dict[str, object]]":
        """Every row of a list, page after page."""
        found: list[dict[str, object]] = []
        seen: set[str] = set()
        while True:
            told = self._read(self._web.get(path, query, what=what), what)
            rows = told.get("results") or []
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise self._web.bad(what, "gave no list of results")
            found += rows
            following = told.get("next_url")
            if not isinstance(following, str):
                return found
            if following in seen:
                raise self._web.bad(what, "gave one page again and again")
            seen.add(following)
            path, query = _next(following)

    def _read(self, answer: Answer, what: str) -> dict[str, object]:
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise self._web.bad(what, f"gave no JSON object: {self._web.said(answer)}")
        if answer.status in (401, 403):
            raise self._web.bad(
                what, f"refused: {told.get('error') or told.get('message')}",
                f"check {self.offer.keys[0]}, and what its plan may read",
                trouble=Trouble.NO_PERMISSION,
            )  # fmt: skip
        if answer.status != 200 or told.get("status") not in ("OK", "DELAYED"):
            raise self._web.bad(what, f"gave status {answer.status}: {self._web.said(answer)}")
        return told


def _next(url: str) -> tuple[str, dict[str, str]]:
    """The path and the query of the next page, to be asked of the same service as the first."""
    parts = urlsplit(url)
    query = {name: value for name, value in parse_qsl(parts.query) if name.lower() != "apikey"}
    return parts.path, query


def _listed(row: Mapping[str, object]) -> Listed:
    ticker, market = str(row["ticker"]), str(row.get("market", "stocks"))
    asset_class, calendar = _CLASSES.get(market, ("other", "XNYS"))
    if asset_class == "equity" and row.get("type") in _FUNDS:
        asset_class = "etf"
    currency = str(row.get("currency_symbol") or row.get("currency_name") or "usd").upper()
    is_stock = calendar == "XNYS"
    instrument = Instrument(
        ticker,
        asset_class=asset_class,
        quote=currency,
        tick=0.01 if is_stock else 1e-5,
        lot=1.0 if is_stock else 1e-4,
        calendar=calendar,
    )
    return Listed(ticker, ticker, instrument, is_active=bool(row.get("active", True)))


def _split(row: Mapping[str, object]) -> tuple[int, str, float, str]:
    ratio = float(str(row["split_to"])) / float(str(row["split_from"]))
    return _date_ns(str(row["execution_date"])), "split", ratio, ""


def _dividend(row: Mapping[str, object]) -> tuple[int, str, float, str]:
    currency = str(row.get("currency") or "USD").upper()
    cash = float(str(row["cash_amount"]))
    return _date_ns(str(row["ex_dividend_date"])), "dividend", cash, currency


def _date_ns(text: str) -> int:
    return (date.fromisoformat(text).toordinal() - _EPOCH) * DAY_NS
