"""Public data over REST: candles rebuild the bars that are played, pages fit together."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from simulation.binance.worlds import Asker, bars, market_at, pass_time

from peak_trade.simulation.binance.server import Running, running

MINUTE_MS = 60_000
START_MS = 1_709_253_000_000  # 2024-03-01T00:30Z
HISTORY = 300


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    market, _ = market_at(history=HISTORY)
    with running(market) as served:
        pass_time(served, 200.0)
        yield served


@pytest.fixture
def asker(venue: Running) -> Asker:
    return Asker(venue)


def test_klines_of_a_minute_are_the_bars_that_are_played(asker: Asker) -> None:
    rows = asker.get("klines", symbol="BTCUSDT", interval="1m", limit=1000)
    played = bars(30_000.0, seed=0)

    assert len(rows) == HISTORY + 4
    assert [row[0] for row in rows] == [
        START_MS + MINUTE_MS * (k - HISTORY) for k in range(HISTORY + 4)
    ]
    closed = rows[:-1]  # the last one is forming
    for column, values in ((1, played.open), (2, played.high), (3, played.low), (4, played.close)):
        wanted = [f"{Decimal(int(np.rint(v * 100))).scaleb(-2):.8f}" for v in values[: len(closed)]]
        assert [row[column] for row in closed] == wanted
    volumes = [Decimal(int(np.rint(v * 1e5))).scaleb(-5) for v in played.volume[: len(closed)]]
    assert [Decimal(row[5]) for row in closed] == volumes
    assert all(row[6] == row[0] + MINUTE_MS - 1 and row[11] == "0" for row in rows)
    assert Decimal(rows[-1][5]) < Decimal(str(played.volume[len(closed)]))


def test_klines_of_longer_intervals_are_made_of_those_of_a_minute(asker: Asker) -> None:
    minutes = asker.get("klines", symbol="BTCUSDT", interval="1m", limit=1000)
    for interval, width in (("5m", 5), ("1h", 60), ("4h", 240), ("1d", 1_440)):
        rows = asker.get("klines", symbol="BTCUSDT", interval=interval)
        groups: dict[int, list[list[str]]] = {}
        for row in minutes:
            groups.setdefault(row[0] // (width * MINUTE_MS) * width * MINUTE_MS, []).append(row)
        assert [row[0] for row in rows] == list(groups)
        for row, parts in zip(rows, groups.values(), strict=True):
            assert row[1] == parts[0][1]
            assert row[4] == parts[-1][4]
            assert Decimal(row[2]) == max(Decimal(part[2]) for part in parts)
            assert Decimal(row[3]) == min(Decimal(part[3]) for part in parts)
            for column in (5, 7, 8, 9, 10):
                assert Decimal(row[column]) == sum(Decimal(part[column]) for part in parts)


def test_klines_of_weeks_begin_on_mondays_and_months_on_the_first(asker: Asker) -> None:
    (week,) = asker.get("klines", symbol="BTCUSDT", interval="1w")
    months = asker.get("klines", symbol="BTCUSDT", interval="1M")

    assert datetime.fromtimestamp(week[0] / 1e3, UTC).isoformat() == "2024-02-26T00:00:00+00:00"
    assert [datetime.fromtimestamp(row[0] / 1e3, UTC).isoformat() for row in months] == [
        "2024-02-01T00:00:00+00:00",
        "2024-03-01T00:00:00+00:00",
    ]
    assert months[0][6] == months[1][0] - 1
    assert sum(row[8] for row in months) == week[8]
    assert (months[0][1], months[1][4]) == (week[1], week[4])
    assert asker.get("klines", symbol="BTCUSDT", interval="1M", limit=1) == months[1:]
    assert (
        asker.get("klines", symbol="BTCUSDT", interval="1M", startTime=months[0][0] + 1)
        == (months[1:])
    )


def test_klines_are_chosen_by_start_end_and_limit(asker: Asker) -> None:
    def opens(**params: int) -> list[int]:
        rows = asker.get("klines", symbol="BTCUSDT", interval="1m", **params)
        return [(row[0] - START_MS) // MINUTE_MS for row in rows]

    at = START_MS - 100 * MINUTE_MS
    assert opens(startTime=at, limit=3) == [-100, -99, -98]
    assert opens(startTime=at + 1, limit=2) == [-99, -98]
    assert opens(startTime=at, endTime=at + 2 * MINUTE_MS) == [-100, -99, -98]
    assert opens(startTime=at, endTime=at + 2 * MINUTE_MS - 1) == [-100, -99]
    assert opens(endTime=at, limit=2) == [-101, -100]
    assert opens(limit=2) == [2, 3]
    assert opens(startTime=START_MS + 60 * MINUTE_MS) == []
    assert opens(startTime=0, limit=1) == [-HISTORY]
    assert opens(endTime=0) == []


@pytest.mark.parametrize("interval", ["1m", "5m", "1h"])
def test_pages_of_klines_have_whole_candles(asker: Asker, interval: str) -> None:
    rows = asker.get("klines", symbol="BTCUSDT", interval=interval, limit=1000)
    for start in (0, rows[0][0] - 30_000, rows[0][0] + 1, rows[1][0] + 17):
        page = asker.get("klines", symbol="BTCUSDT", interval=interval, startTime=start, limit=2)
        assert page == [row for row in rows if row[0] >= start][:2]
    assert (
        asker.get("klines", symbol="BTCUSDT", interval=interval, endTime=rows[1][0] + 17)
        == (rows[:2])
    )


def test_trades_page_by_id_and_time_without_gaps(asker: Asker) -> None:
    last = asker.get("trades", symbol="BTCUSDT", limit=1000)
    ids = [row["id"] for row in last]
    assert ids == list(range(ids[0], ids[-1] + 1))

    paged, first = [], ids[0]
    while rows := asker.get("aggTrades", symbol="BTCUSDT", fromId=first, limit=300):
        paged += rows
        first = rows[-1]["a"] + 1
    assert [(row["a"], row["p"], row["q"], row["T"], row["m"]) for row in paged] == [
        (row["id"], row["price"], row["qty"], row["time"], row["isBuyerMaker"]) for row in last
    ]
    assert asker.get("historicalTrades", symbol="BTCUSDT", fromId=ids[0], limit=1000) == last
    assert asker.get("historicalTrades", symbol="BTCUSDT", limit=2) == last[-2:]
    start, stop = last[10]["time"], last[50]["time"]
    rows = asker.get("aggTrades", symbol="BTCUSDT", startTime=start, endTime=stop, limit=1000)
    assert [row["a"] for row in rows] == [r["id"] for r in last if start <= r["time"] <= stop]
    for row in last[:50]:
        assert Decimal(row["quoteQty"]) == Decimal(row["price"]) * Decimal(row["qty"])


def test_tickers_and_average_agree_with_trades(asker: Asker) -> None:
    trades = asker.get("trades", symbol="BTCUSDT", limit=1000)
    ticker = asker.get("ticker/24hr", symbol="BTCUSDT")
    both = asker.get("ticker/24hr")

    assert ticker["lastPrice"] == trades[-1]["price"]
    assert ticker["lastId"] == trades[-1]["id"]
    assert ticker["count"] == ticker["lastId"] - ticker["firstId"] + 1
    assert [row["symbol"] for row in both] == ["BTCUSDT", "ETHUSDT"]
    assert both[0] == ticker
    mini = asker.get("ticker/24hr", symbols='["ETHUSDT"]', type="MINI")
    assert mini == [{name: both[1][name] for name in mini[0]}]
    assert "priceChange" not in mini[0]
    assert asker.get("ticker/price", symbol="BTCUSDT")["price"] == trades[-1]["price"]
    book, best = (
        asker.get("depth", symbol="BTCUSDT", limit=5),
        asker.get("ticker/bookTicker", symbol="BTCUSDT"),
    )
    assert [best["bidPrice"], best["bidQty"]] == book["bids"][0]
    assert [best["askPrice"], best["askQty"]] == book["asks"][0]

    said = asker.get("avgPrice", symbol="BTCUSDT")
    now_ms = START_MS + 200_000
    recent = [row for row in trades if row["time"] > now_ms - 300_000]
    value = sum(Decimal(row["quoteQty"]) for row in recent)
    assert abs(Decimal(said["price"]) - value / sum(Decimal(r["qty"]) for r in recent)) < 1e-4
    assert (said["mins"], said["closeTime"]) == (5, trades[-1]["time"])


def test_exchange_info_lists_what_was_asked_for(asker: Asker) -> None:
    info = asker.get("exchangeInfo")
    assert [one["symbol"] for one in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert info["serverTime"] == START_MS + 200_000
    one = asker.get("exchangeInfo", symbol="ETHUSDT")
    assert one["symbols"] == info["symbols"][1:]
    assert (
        asker.get("exchangeInfo", symbols='["ETHUSDT","BTCUSDT"]')["symbols"][0]
        == (one["symbols"][0])
    )


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("klines?symbol=BTCUSDT", -1102, "Mandatory parameter 'interval'"),
        ("klines?symbol=NOPE&interval=1m", -1121, "Invalid symbol."),
        ("klines?symbol=BTC/USDT&interval=1m", -1100, "Illegal characters found in parameter 'sy"),
        ("klines?symbol=BTCUSDT&interval=7m", -1120, "Invalid interval."),
        ("klines?symbol=BTCUSDT&interval=1m&limit=x", -1100, "Illegal characters"),
        ("klines?symbol=BTCUSDT&interval=1m&limit=0", -1130, "Data sent for parameter 'limit'"),
        ("klines?symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", -1023, "Start time is greater"),
        ("klines?symbol=BTCUSDT&interval=1m&more=1", -1101, "Too many parameters; expected '2' an"),
        ("klines?symbol=BTCUSDT&symbol=ETHUSDT", -1101, "Duplicate values for a parameter"),
        ("klines?symbol=&interval=1m", -1102, "Mandatory parameter 'symbol'"),
        ("aggTrades?symbol=BTCUSDT&fromId=1&startTime=1", -1128, "Combination of optional"),
        ("exchangeInfo?symbols=[]", -1130, "Data sent for parameter 'symbols' is not valid."),
        ("exchangeInfo?symbols=BTCUSDT", -1100, "Illegal characters"),
        ('exchangeInfo?symbols=["BTCUSDT","BTCUSDT"]', -1151, "Symbol is present multiple times"),
        ("exchangeInfo?symbol=BTCUSDT&symbols=[]", -1128, "Combination of optional"),
        ("ticker/24hr?type=HALF", -1139, "Invalid ticker type."),
    ],
)
def test_questions_that_are_wrong_are_refused(
    asker: Asker, path: str, code: int, text: str
) -> None:
    status, said, _ = asker.ask("GET", f"/api/v3/{path}")
    assert (status, said["code"]) == (400, code)
    assert said["msg"].startswith(text)


def test_paths_that_are_not_offered_are_not_found(asker: Asker) -> None:
    for method, path in (
        ("GET", "/api/v3/nope"),
        ("DELETE", "/api/v3/time"),
        ("GET", "/eapi/v1/x"),
    ):
        status, said, _ = asker.ask(method, path)
        assert (status, said["code"]) == (404, -1020)
    status, said, _ = asker.ask("GET", "/api/v3/time", headers={"X-MBX-TIME-UNIT": "MICROSECOND"})
    assert (status, said["code"]) == (400, -1020)


def test_funding_rates_page_and_stay_the_same(asker: Asker) -> None:
    def rates(query: str) -> list[dict[str, object]]:
        status, said, _ = asker.ask("GET", f"/fapi/v1/fundingRate?{query}")
        assert status == 200
        return list(said)

    found = rates("symbol=BTCUSDT")
    assert [row["fundingTime"] for row in found] == [1_709_251_200_000]  # 2024-03-01T00:00Z
    assert rates("symbol=BTCUSDT&startTime=1709251200000") == found
    assert rates("symbol=BTCUSDT&startTime=1709251200001") == []
    assert [row["symbol"] for row in rates("")] == ["BTCUSDT", "ETHUSDT"]
    assert abs(float(str(found[0]["fundingRate"]))) <= 0.0003
    now = asker.ask("GET", "/fapi/v1/premiumIndex?symbol=BTCUSDT")[1]
    assert now["nextFundingTime"] == 1_709_280_000_000
    perpetual = asker.ask("GET", "/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=2")[1]
    assert perpetual == asker.get("klines", symbol="BTCUSDT", interval="1h", limit=2)
