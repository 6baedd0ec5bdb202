"""Polygon against a server that answers as its documentation says."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from peak_trade.adapters.patience import Patience
from peak_trade.adapters.polygon import PolygonSource
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Page, Setup, SourceError, Trouble, Want

KEY = "poly-key-0123456789"
QUICK = Patience(attempts=3, first_wait_s=0.0, longest_wait_s=0.0)
NEW_YORK = ZoneInfo("America/New_York")
BEGIN = datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
MINUTE_NS = 60 * 10**9


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def _bar(moment: datetime, close: float) -> dict[str, float]:
    return {"v": 100.0, "vw": close, "o": close, "c": close, "h": close + 1, "l": close - 1,
            "t": int(moment.timestamp() * 1000), "n": 7}  # fmt: skip


MINUTES = [_bar(BEGIN + timedelta(minutes=k), 100.0 + k) for k in range(10) if k != 4]


def _json(told: object, status: int = 200) -> Response:
    return Response(json.dumps(told), status=status, content_type="application/json")


def _bars(rows: list[dict[str, float]], page: int) -> object:
    def answer(request: Request) -> Response:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert KEY not in request.url
        assert request.args.get("adjusted") == "false" or request.args.get("cursor")
        first, last = (int(part) for part in request.path.split("/")[-2:])
        begin = int(request.args.get("cursor", first))
        found = [row for row in rows if begin <= row["t"] <= last]
        told = {"ticker": "AAPL", "queryCount": 9, "resultsCount": len(found[:page]),
                "adjusted": False, "results": found[:page], "status": "OK", "request_id": "x"}  # fmt: skip
        if found[page:]:
            told["next_url"] = (
                f"https://api.polygon.io{request.path}?cursor={int(found[page]['t'])}&apiKey={KEY}"
            )
        return _json(told)

    return answer


@pytest.fixture
def source(httpserver: HTTPServer) -> Iterator[PolygonSource]:
    setup = Setup(base_url=httpserver.url_for(""), environment={"PEAK_POLYGON_KEY": KEY})
    with PolygonSource(setup, patience=QUICK) as made:
        yield made


def _want(interval: str = "1m", symbol: str = "AAPL", start: datetime = BEGIN) -> Want:
    stop = _ns(start + timedelta(days=3))
    return Want(SeriesKey("bars", "polygon", symbol, interval), _ns(start), stop)


@pytest.mark.parametrize("page", [1, 2, 4, 100])
def test_minutes_page_by_page_are_all_there_once(
    httpserver: HTTPServer, source: PolygonSource, page: int
) -> None:
    import re

    path = re.compile(r"/v2/aggs/ticker/AAPL/range/1/minute/\d+/\d+")
    httpserver.expect_request(path).respond_with_handler(_bars(MINUTES, page))  # type: ignore[arg-type]
    pages: list[Page] = list(source.pages(_want()))
    rows = [row for one in pages for row in one.rows.rows(named=True)]
    assert [(row["open_ns"], row["close"]) for row in rows] == [
        (int(bar["t"]) * 10**6, bar["c"]) for bar in MINUTES
    ]
    assert all(row["close_ns"] - row["open_ns"] == MINUTE_NS for row in rows)
    assert pages[-1].reached_ns == _want().stop_ns


def test_days_are_named_by_their_date_on_both_sides_of_a_clock_change(
    httpserver: HTTPServer, source: PolygonSource
) -> None:
    import re

    days = [datetime(2024, 3, day, tzinfo=NEW_YORK) for day in (7, 8, 11, 12)]
    rows = [_bar(day, 50.0) for day in days]
    path = re.compile(r"/v2/aggs/ticker/AAPL/range/1/day/\d+/\d+")
    httpserver.expect_request(path).respond_with_handler(_bars(rows, 100))  # type: ignore[arg-type]
    want = Want(
        SeriesKey("bars", "polygon", "AAPL", "1d"),
        _ns(datetime(2024, 3, 7, tzinfo=UTC)),
        _ns(datetime(2024, 3, 20, tzinfo=UTC)),
    )
    opens = [ns for page in source.pages(want) for ns in page.rows["open_ns"]]
    assert opens == [_ns(datetime(2024, 3, day, tzinfo=UTC)) for day in (7, 8, 11, 12)]


def test_unknown_ticker_is_told_from_one_without_bars(
    httpserver: HTTPServer, source: PolygonSource
) -> None:
    import re

    empty = {"ticker": "X", "queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"}
    httpserver.expect_request(re.compile("/v2/aggs/.*")).respond_with_json(empty)
    httpserver.expect_request("/v3/reference/tickers/NOPE").respond_with_json(
        {"status": "NOT_FOUND", "request_id": "x", "message": "Ticker not found."}, status=404
    )
    httpserver.expect_request("/v3/reference/tickers/QUIET").respond_with_json(
        {"status": "OK", "results": {"ticker": "QUIET", "market": "stocks", "active": True}}
    )
    with pytest.raises(SourceError, match="does not list it") as caught:
        list(source.pages(_want(symbol="NOPE")))
    assert caught.value.trouble is Trouble.UNKNOWN_SYMBOL
    assert [page.rows.height for page in source.pages(_want(symbol="QUIET"))] == [0]


def test_actions_of_one_day_are_added_up(httpserver: HTTPServer, source: PolygonSource) -> None:
    splits = [{"execution_date": "2020-08-31", "split_from": 1, "split_to": 4, "ticker": "AAPL"}]
    dividends = [
        {"ex_dividend_date": "2020-08-07", "cash_amount": 0.82, "currency": "USD"},
        {"ex_dividend_date": "2020-11-06", "cash_amount": 0.205, "currency": "USD"},
        {"ex_dividend_date": "2020-11-06", "cash_amount": 0.5, "currency": "USD"},
    ]
    httpserver.expect_request("/v3/reference/splits").respond_with_json(
        {"status": "OK", "results": splits}
    )
    page = {"status": "OK", "results": dividends[:2],
            "next_url": "https://api.polygon.io/v3/reference/dividends?cursor=abc"}  # fmt: skip
    httpserver.expect_request(
        "/v3/reference/dividends", query_string="cursor=abc"
    ).respond_with_json({"status": "OK", "results": dividends[2:]})
    httpserver.expect_request("/v3/reference/dividends").respond_with_json(page)
    want = Want(SeriesKey("actions", "polygon", "AAPL"), None, 2**62)
    (only,) = source.pages(want)
    told = [
        (str(datetime.fromtimestamp(row[0] / 1e9, UTC).date()), *row[1:])
        for row in only.rows.rows()
    ]
    assert told == [
        ("2020-08-07", "dividend", 0.82, "USD"),
        ("2020-08-31", "split", 4.0, ""),
        ("2020-11-06", "dividend", pytest.approx(0.705), "USD"),
    ]


def test_instruments_have_their_class_and_calendar(
    httpserver: HTTPServer, source: PolygonSource
) -> None:
    rows = [
        {"ticker": "AAPL", "market": "stocks", "type": "CS", "active": True, "currency_name": "usd"},
        {"ticker": "SPY", "market": "stocks", "type": "ETF", "active": True, "currency_name": "usd"},
        {"ticker": "X:BTCUSD", "market": "crypto", "active": True, "currency_symbol": "USD"},
    ]  # fmt: skip
    httpserver.expect_request("/v3/reference/tickers").respond_with_json(
        {"status": "OK", "results": rows}
    )
    found = [(one.symbol, one.instrument.asset_class, one.instrument.calendar, one.instrument.quote)
             for one in source.instruments()]  # fmt: skip
    assert found == [
        ("AAPL", "equity", "XNYS", "USD"),
        ("SPY", "etf", "XNYS", "USD"),
        ("X:BTCUSD", "crypto", "24/7", "USD"),
    ]


@pytest.mark.parametrize(
    ("status", "told", "trouble"),
    [
        (401, {"status": "ERROR", "error": "Unknown API Key"}, Trouble.NO_PERMISSION),
        (403, {"status": "NOT_AUTHORIZED", "message": "not entitled"}, Trouble.NO_PERMISSION),
        (429, {"status": "ERROR", "error": "exceeded"}, Trouble.LIMIT_REACHED),
        (500, {"status": "ERROR"}, Trouble.UNREACHABLE),
        (200, {"status": "ERROR"}, Trouble.BAD_ANSWER),
        (200, {"status": "OK", "results": [{"t": 1}]}, Trouble.BAD_ANSWER),
        (200, [1, 2], Trouble.BAD_ANSWER),
    ],
)
def test_refusal_says_why(
    httpserver: HTTPServer, source: PolygonSource, status: int, told: object, trouble: Trouble
) -> None:
    import re

    httpserver.expect_request(re.compile("/v2/aggs/.*")).respond_with_json(told, status=status)
    with pytest.raises(SourceError) as caught:
        list(source.pages(_want()))
    assert caught.value.trouble is trouble
    assert KEY not in str(caught.value) + repr(source)


def test_key_that_is_not_set_is_asked_for() -> None:
    with (
        PolygonSource(Setup(base_url="http://127.0.0.1:9")) as source,
        pytest.raises(SourceError, match="set PEAK_POLYGON_KEY") as caught,
    ):
        list(source.pages(_want()))
    assert caught.value.trouble is Trouble.NO_PERMISSION


def test_weeks_are_not_offered(source: PolygonSource) -> None:
    with pytest.raises(SourceError, match="fetch days, and resample them"):
        list(source.pages(_want("1w")))
