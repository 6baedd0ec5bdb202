"""Recorded trades as a market: all of them, exactly, at their own pace."""

import json
import urllib.request
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from peak_trade.data.series import KINDS
from peak_trade.domain.errors import DataError, ParameterError
from peak_trade.simulation.kraken import server as kraken
from peak_trade.simulation.market.clock import ManualClock
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.replaying import exact_listing, replayed_market

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
BEGIN = 1_600_000_020 * SECOND + 500_000_000
NOW = 1_700_000_000 * SECOND


def trades(count: int = 300, seed: int = 1) -> pl.DataFrame:
    """Trades at odd times, prices of five decimals, sizes of up to eight, of either side."""
    rng = np.random.default_rng(seed)
    time_ns = BEGIN + np.cumsum(rng.integers(0, 4_000, count)) * 1_000_000
    return pl.DataFrame(
        {
            "time_ns": time_ns,
            "seq": np.arange(count),
            "trade_id": [str(k) for k in range(count)],
            "price": (0.5 + rng.integers(-500, 500, count) / 100_000).round(5),
            "size": (rng.integers(1, 10**9, count) / 10**8).round(8),
            "side": rng.choice([-1, 1], count),
            "condition": [""] * count,
        },
        schema=KINDS["trades"].schema(),
    )


def test_venue_answers_with_the_trades_that_were_recorded() -> None:
    rows = trades()
    clock = ManualClock(NOW)
    replay = replayed_market(
        {"BTC/USD": rows}, kraken.listings(["BTC/USD"]), clock, start_ns=int(rows["time_ns"][-1])
    )
    assert replay.shift_ns % MINUTE == 0
    clock.move_to(NOW + MINUTE)
    with kraken.running(replay.market) as venue:
        url = f"{venue.urls.rest}/0/public/Trades?pair=XBTUSD&since=0&count=1000"
        with urllib.request.urlopen(url, timeout=10) as answer:
            said = json.load(answer, parse_float=Decimal)
    assert said["error"] == []
    (found,) = [value for key, value in said["result"].items() if key != "last"]
    assert [float(one[0]) for one in found] == rows["price"].to_list()
    assert [float(one[1]) for one in found] == rows["size"].to_list()
    assert [int(one[2] * SECOND) - replay.shift_ns for one in found] == rows["time_ns"].to_list()
    assert [{"b": 1, "s": -1}[one[3]] for one in found] == rows["side"].to_list()


def test_trades_come_one_by_one_at_their_own_times() -> None:
    rows = trades(50)
    clock = ManualClock(NOW)
    replay = replayed_market({"X/USD": rows}, [Listing("X/USD")], clock)
    market, times = replay.market, rows["time_ns"].to_numpy() + replay.shift_ns
    behind = len(market.trades("X/USD"))
    assert behind == np.sum(times < NOW)
    # A tenth of the time lies behind, less the seconds of the minute that it was moved by.
    lead = NOW - replay.shift_ns - BEGIN
    assert 0 <= lead - (times[-1] - times[0]) // 10 < MINUTE + 4 * SECOND
    for k in range(behind, 50):
        clock.move_to(int(times[k]))
        market.advance()
        assert market.trades("X/USD")[-1].time_ns == times[k]
        assert len(market.trades("X/USD")) == np.sum(times <= times[k])
    clock.pass_time(1e6)
    market.advance()  # it stands still from then on
    assert len(market.trades("X/USD")) == 50


def test_symbols_without_trades_of_their_own_play_those_there_are() -> None:
    rows = {"A/USD": trades(seed=1), "B/USD": trades(seed=2)}
    listings = [Listing(f"{name}/USD") for name in "BCA"]
    market = replayed_market(rows, listings, ManualClock(NOW), start_ns=BEGIN + 5 * MINUTE).market
    played = {name: market.trades(f"{name}/USD")[0].lots for name in "ABC"}
    firsts = {name: round(float(frame["size"][0]) * 10**8) for name, frame in rows.items()}
    assert played == {"A": firsts["A/USD"], "B": firsts["B/USD"], "C": firsts["B/USD"]}


def test_listing_gets_the_decimals_that_the_recording_has_and_no_fewer() -> None:
    listing = Listing("X/USD", price_decimals=2, lot_decimals=2, min_lots=5, step_lots=1)
    same = exact_listing(listing, np.array([1.25, 3.0]), np.array([0.5]))
    assert same == listing
    finer = exact_listing(listing, np.array([0.000012]), np.array([0.12345]))
    assert (finer.price_decimals, finer.lot_decimals) == (6, 5)
    assert (finer.min_lots, finer.step_lots) == (5_000, 1_000)  # the same sizes as before
    assert exact_listing(listing, np.array([1.0]), np.array([1 / 3])).lot_decimals == 10


@pytest.mark.parametrize(
    ("rows", "start_ns", "says"),
    [
        ({}, None, "no trades of any symbol"),
        ({"X/USD": trades(0)}, None, "no trades of X/USD"),
        ({"X/USD": trades()}, BEGIN - 1, "is not within the recording"),
        ({"X/USD": trades()}, BEGIN + 1000 * MINUTE, "is not within the recording"),
        ({"X/USD": trades().reverse()}, BEGIN, "."),
        ({"X/USD": trades().with_columns(price=-pl.col("price"))}, None, "below a tick"),
    ],
)
def test_recording_that_cannot_be_played_says_why(
    rows: dict[str, pl.DataFrame], start_ns: int | None, says: str
) -> None:
    with pytest.raises((DataError, ParameterError), match=says):
        replayed_market(rows, [Listing("X/USD")], ManualClock(NOW), start_ns=start_ns)
