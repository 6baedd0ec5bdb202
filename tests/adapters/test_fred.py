"""FRED against a server that answers as its documentation says."""

import logging
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import isnan
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from peak_trade.adapters import fred
from peak_trade.adapters.fred import FredSource
from peak_trade.adapters.patience import Patience
from peak_trade.data.fetch import fetch
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Setup, SourceError, Trouble, Want
from peak_trade.data.store import Store

KEY = "0123456789abcdef0123456789abcdef"
QUICK = Patience(attempts=3, first_wait_s=0.0, longest_wait_s=0.0)
FAR = 2**62

# What each publication said of each month: two are revised, one is withdrawn and comes back.
TOLD: dict[str, dict[str, str]] = {
    "2020-02-13": {"2020-01-01": "100.0"},
    "2020-03-12": {"2020-01-01": "100.0", "2020-02-01": "101.0"},
    "2020-04-10": {"2020-01-01": "100.5", "2020-02-01": "101.0", "2020-03-01": "102.0"},
    "2020-05-12": {
        "2020-01-01": "100.5",
        "2020-02-01": ".",
        "2020-03-01": "102.0",
        "2020-04-01": ".",
    },
    "2020-06-10": {"2020-01-01": "100.5", "2020-02-01": "101.0", "2020-03-01": "101.9"},
}
DAYS = sorted(TOLD)


def _known_on(day: str) -> dict[str, str]:
    known = [told for told in DAYS if told <= day]
    return TOLD[known[-1]] if known else {}


def _observations(start: str, end: str) -> list[dict[str, str]]:
    """Every figure with the days of the window in which it stood, day by day."""
    last = min(end, "2020-07-01")
    day, rows = date.fromisoformat(max(start, "2020-01-01")), []
    standing: dict[str, tuple[str, str]] = {}
    while day.isoformat() <= last:
        for month, value in _known_on(day.isoformat()).items():
            if standing.get(month, ("", ""))[1] != value:
                standing[month] = (day.isoformat(), value)
                rows.append({"realtime_start": day.isoformat(), "realtime_end": end,
                             "date": month, "value": value})  # fmt: skip
        day += timedelta(days=1)
    return sorted(rows, key=lambda row: (row["date"], row["realtime_start"]))


def _answer(request: Request) -> Response:
    query = {name: values[0] for name, values in parse_qs(request.query_string.decode()).items()}
    if query.get("api_key") != KEY:
        return _json({"error_code": 400, "error_message": "Bad Request.  The value for variable "
                      "api_key is not registered."}, 400)  # fmt: skip
    if query["series_id"] != "CPI":
        return _json(
            {"error_code": 400, "error_message": "Bad Request.  The series does not exist."}, 400
        )
    if request.path.endswith("vintagedates"):
        rows: list[object] = list(DAYS)
        field = "vintage_dates"
    else:
        rows = list(_observations(query["realtime_start"], query["realtime_end"]))
        field = "observations"
    offset = int(query["offset"])
    part = rows[offset : offset + min(int(query["limit"]), 4)]
    return _json({"count": len(rows), "offset": offset, "limit": 4, field: part}, 200)


def _json(told: object, status: int) -> Response:
    import json

    return Response(json.dumps(told), status=status, content_type="application/json")


@pytest.fixture
def source(httpserver: HTTPServer) -> Iterator[FredSource]:
    httpserver.expect_request("/fred/series/vintagedates").respond_with_handler(_answer)
    httpserver.expect_request("/fred/series/observations").respond_with_handler(_answer)
    with _source(httpserver, KEY) as made:
        yield made


def _source(httpserver: HTTPServer, key: str) -> FredSource:
    setup = Setup(base_url=httpserver.url_for(""), environment={"PEAK_FRED_KEY": key})
    return FredSource(setup, patience=QUICK)


def _want(symbol: str = "CPI", cursor: str = "", start_ns: int | None = None) -> Want:
    return Want(SeriesKey("series", "fred", symbol), start_ns, FAR, cursor)


def _rows(source: FredSource, want: Want) -> list[tuple[str, str, float | None]]:
    """Period, last moment on which it was not yet known, and figure."""
    found = []
    for page in source.pages(want):
        for time_ns, known_ns, value in page.rows.rows():
            period = datetime.fromtimestamp(time_ns / 1e9, UTC).date().isoformat()
            eve = datetime.fromtimestamp(known_ns / 1e9, UTC) - timedelta(hours=12)
            found.append((period, eve.date().isoformat(), None if isnan(value) else value))
    return sorted(found, key=lambda row: (row[1], row[0]))


EXPECTED = [
    ("2020-01-01", "2020-02-13", 100.0),
    ("2020-02-01", "2020-03-12", 101.0),
    ("2020-01-01", "2020-04-10", 100.5),
    ("2020-03-01", "2020-04-10", 102.0),
    ("2020-02-01", "2020-05-12", None),
    ("2020-02-01", "2020-06-10", 101.0),
    ("2020-03-01", "2020-06-10", 101.9),
]


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
def test_series_read_in_parts_gives_each_figure_on_its_day(
    source: FredSource, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(fred, "VINTAGES", at_once)
    assert _rows(source, _want()) == EXPECTED


def test_series_read_on_from_a_cursor_gives_what_was_published_since(source: FredSource) -> None:
    assert _rows(source, _want(cursor="2020-04-10")) == EXPECTED[4:]
    assert [page.cursor for page in source.pages(_want())][-1] == "2020-06-10"
    assert _rows(source, _want(cursor="2020-06-10")) == []


def test_series_from_a_month_on_leaves_earlier_months_out(source: FredSource) -> None:
    march = int(datetime(2020, 3, 1, tzinfo=UTC).timestamp()) * 10**9
    assert {row[0] for row in _rows(source, _want(start_ns=march))} == {"2020-03-01"}


def test_fetch_keeps_every_revision_and_reads_on_behind_the_last(
    source: FredSource, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key, store = SeriesKey("series", "fred", "CPI"), Store.open(tmp_path)
    later = TOLD["2020-06-10"]
    monkeypatch.delitem(TOLD, "2020-06-10")
    monkeypatch.setattr(sys.modules[__name__], "DAYS", sorted(TOLD))
    first = fetch(source, store, Want(key, None, FAR))
    assert (first.added, fetch(source, store, Want(key, None, FAR)).added) == (5, 0)
    monkeypatch.setitem(TOLD, "2020-06-10", later)
    monkeypatch.setattr(sys.modules[__name__], "DAYS", sorted(TOLD))
    second = fetch(source, store, Want(key, None, FAR))
    assert (second.added, second.corrected) == (2, 0)
    asked = [entry[0].args.get("realtime_start") for entry in httpserver.log]
    assert min(asked[-2:]) == "2020-06-09"  # its eve, to know what stood
    values = store.read(key)["value"].to_list()
    assert [None if isnan(value) else value for value in values] == [
        100.0, 100.5, 101.0, None, 101.0, 102.0, 101.9,
    ]  # fmt: skip


def test_series_that_is_not_there_is_an_unknown_symbol(source: FredSource) -> None:
    with pytest.raises(SourceError, match="does not know it") as caught:
        _rows(source, _want("NOPE"))
    assert caught.value.trouble is Trouble.UNKNOWN_SYMBOL


@pytest.mark.parametrize("key", ["", "wrong-key-wrong-key"])
def test_series_without_a_good_key_is_refused_and_no_key_is_shown(
    source: FredSource, httpserver: HTTPServer, key: str
) -> None:
    with (
        _source(httpserver, key) as other,
        pytest.raises(SourceError, match="PEAK_FRED_KEY") as caught,
    ):
        _rows(other, _want())
    assert caught.value.trouble is Trouble.NO_PERMISSION
    assert not key or key not in str(caught.value) + repr(other)


def test_key_is_in_no_log(source: FredSource, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _rows(source, _want())
    ours = [one.getMessage() for one in caplog.records if one.name != "werkzeug"]
    assert ours
    assert KEY not in "\n".join(ours) + repr(source)


def test_key_is_in_no_error_that_repeats_the_address(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/fred/series/vintagedates").respond_with_data(
        f"cannot read /fred/series/vintagedates?api_key={KEY}", status=418
    )
    with _source(httpserver, KEY) as source, pytest.raises(SourceError) as caught:
        _rows(source, _want())
    assert KEY not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "status", "trouble"),
    [
        ("<html>", 200, Trouble.BAD_ANSWER),
        ('{"count": 2, "vintage_dates": []}', 200, Trouble.BAD_ANSWER),
        ('{"count": 2, "vintage_dates": ["2020-02-02", "2020-01-01"]}', 200, Trouble.BAD_ANSWER),
        ('{"error_code": 500}', 500, Trouble.UNREACHABLE),
        ('{"error_code": 429, "error_message": "Too Many Requests."}', 429, Trouble.LIMIT_REACHED),
    ],
)
def test_answer_that_is_broken_is_a_clear_error(
    httpserver: HTTPServer, body: str, status: int, trouble: Trouble
) -> None:
    httpserver.expect_request("/fred/series/vintagedates").respond_with_data(body, status=status)
    with _source(httpserver, KEY) as source, pytest.raises(SourceError) as caught:
        _rows(source, _want())
    assert caught.value.trouble is trouble
    asked = len(httpserver.log)
    assert asked == (3 if trouble in (Trouble.UNREACHABLE, Trouble.LIMIT_REACHED) else asked)


def test_failure_that_passes_is_asked_again(httpserver: HTTPServer) -> None:
    path = "/fred/series/vintagedates"
    httpserver.expect_ordered_request(path).respond_with_data("busy", status=503)
    httpserver.expect_ordered_request(path).respond_with_handler(_answer)
    httpserver.expect_ordered_request("/fred/series/vintagedates").respond_with_handler(_answer)
    httpserver.expect_ordered_request("/fred/series/observations").respond_with_handler(_answer)
    httpserver.expect_ordered_request("/fred/series/observations").respond_with_handler(_answer)
    httpserver.expect_ordered_request("/fred/series/observations").respond_with_handler(_answer)
    with _source(httpserver, KEY) as source:
        assert _rows(source, _want())[0] == EXPECTED[0]


def test_clock_that_is_off_is_said(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/fred/series/vintagedates").respond_with_handler(_answer)
    setup = Setup(base_url=httpserver.url_for(""), environment={"PEAK_FRED_KEY": KEY})

    def late_ns() -> int:
        return int((datetime.now(UTC) - timedelta(seconds=30)).timestamp() * 1e9)

    with (
        FredSource(setup, patience=QUICK, now_ns=late_ns) as source,
        pytest.raises(SourceError, match=r"clock is (29|30) s behind") as caught,
    ):
        _rows(source, _want())
    assert caught.value.trouble is Trouble.CLOCK_SKEW


def test_service_that_is_not_there_is_unreachable() -> None:
    setup = Setup(base_url="http://127.0.0.1:9", environment={"PEAK_FRED_KEY": KEY})
    with FredSource(setup, patience=QUICK) as source, pytest.raises(SourceError) as caught:
        _rows(source, _want())
    assert caught.value.trouble is Trouble.UNREACHABLE
    assert KEY not in str(caught.value)
