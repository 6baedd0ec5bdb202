"""Tapes: trades that rebuild bars exactly, and recorded trades."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import DataError
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.playing import volume_scale
from peak_trade.simulation.market.tape import BarTape, TapeBars, TradeTape
from tests.simulation.market.markets_at_hand import COIN, wave

Bar = tuple[int, int, int, int, int]


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """Open, high, low, close in ticks and lots, with every way that prices can coincide."""
    low = draw(st.integers(1, 50))
    high = low + draw(st.sampled_from((0, 1, 2, 30)))
    open_, close = draw(st.integers(low, high)), draw(st.integers(low, high))
    needed = 1 if high == low else 2 + len({high, low} - {open_, close})
    return open_, high, low, close, needed + draw(st.sampled_from((0, 1, 2, 7, 500)))


def tape_of(rows: list[Bar], *, trades: int, is_endless: bool = True) -> BarTape:
    ticks = [np.array([row[k] for row in rows]) / 10 for k in range(4)]
    played = TapeBars(*ticks, np.array([row[4] for row in rows]) / 100)
    return BarTape(
        COIN, played, start_ns=0, bar_ns=1_000, history=0, trades=trades, is_endless=is_endless
    )


@given(st.lists(bars(), min_size=1, max_size=5), st.sampled_from((1, 2, 3, 4, 5, 40)))
def test_bar_tape_rebuilds_every_bar_exactly(rows: list[Bar], trades: int) -> None:
    tape = tape_of(rows, trades=trades)
    last = -1
    for k in range(2 * len(rows)):
        part = tape.part(k)
        assert part is not None
        is_back = k >= len(rows)
        open_, high, low, close, lots = rows[2 * len(rows) - 1 - k] if is_back else rows[k]
        if is_back:
            open_, close = close, open_
        prices = part.ticks.tolist()
        assert (prices[0], max(prices), min(prices), prices[-1]) == (open_, high, low, close)
        assert sum(part.lots.tolist()) == lots
        assert min(part.lots.tolist()) >= 1
        times = part.time_ns.tolist()
        assert times == sorted(set(times))
        assert times[0] > last
        assert k * 1_000 <= times[0]
        assert times[-1] < (k + 1) * 1_000
        last = times[-1]


def test_bar_tape_that_ends_has_no_part_after_its_bars() -> None:
    tape = tape_of([(5, 6, 4, 5, 9)], trades=5, is_endless=False)
    assert tape.part(0) is not None
    assert tape.part(1) is None


def test_bar_tape_asked_twice_gives_the_same_trades() -> None:
    first, again = (tape_of([(5, 60, 4, 5, 900)], trades=50).part(0) for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.ticks.tolist() == again.ticks.tolist()
    assert first.time_ns.tolist() == again.time_ns.tolist()


def test_bar_tape_without_volume_makes_sizes_of_its_own() -> None:
    one = [np.array([price]) for price in (10.0, 11.0, 9.0, 10.0)]
    part = BarTape(COIN, TapeBars(*one, np.array([np.nan])), start_ns=0, bar_ns=60, history=0).part(
        0
    )
    assert part is not None
    assert part.lots.min() >= 1
    assert part.ticks.max() == 110


def test_bar_tape_of_a_silent_bar_has_no_trades() -> None:
    one = [np.array([10.0]) for _ in range(4)]
    part = BarTape(COIN, TapeBars(*one, np.array([0.0])), start_ns=0, bar_ns=60, history=0).part(0)
    assert part is not None
    assert len(part) == 0


@pytest.mark.parametrize(
    ("prices", "volume", "text"),
    [
        ((10.0, 9.0, 8.0, 10.0), 5.0, "not valid"),
        ((10.0, 12.0, 11.0, 10.0), 5.0, "not valid"),
        ((0.01, 0.01, 0.01, 0.01), 5.0, "not valid"),
        ((10.0, np.nan, 9.0, 10.0), 5.0, "missing"),
        ((10.0, 12.0, 9.0, 11.0), 0.02, "4 trades and has 2 lots"),
        ((10.0, 12.0, 9.0, 11.0), 1e15, "fewer decimals"),
    ],
)
def test_bar_tape_of_impossible_bars_is_refused(
    prices: tuple[float, ...], volume: float, text: str
) -> None:
    one = [np.array([price]) for price in prices]
    with pytest.raises(DataError, match=text):
        BarTape(COIN, TapeBars(*one, np.array([volume])), start_ns=0, bar_ns=60)


def test_bar_tape_begins_its_history_before_the_start() -> None:
    tape = BarTape(
        COIN, wave(), start_ns=1_000_050, bar_ns=100, history=10, trades=7, history_trades=4
    )
    first, now = tape.part(0), tape.part(10)
    assert first is not None
    assert now is not None
    assert 999_000 <= first.time_ns[0] < 999_100
    assert 1_000_000 <= now.time_ns[0] < 1_000_100
    assert (len(first), len(now)) == (4, 7)


def test_trade_tape_without_sides_guesses_them_from_the_way_of_the_price() -> None:
    price = np.array([10.0, 10.1, 10.1, 10.0, 10.0])
    part = TradeTape(COIN, np.arange(5), price, np.ones(5)).part(0)
    assert part is not None
    assert part.side.tolist() == [1, 1, 1, -1, -1]
    known = TradeTape(
        COIN, np.arange(5), price, np.ones(5), side=np.array([-1, 0, -1, 1, 0], np.int8)
    )
    part = known.part(0)
    assert part is not None
    assert part.side.tolist() == [-1, 1, -1, 1, -1]


@pytest.mark.parametrize("times", [[2, 1], []])
def test_trade_tape_of_trades_out_of_order_is_refused(times: list[int]) -> None:
    with pytest.raises(DataError):
        TradeTape(COIN, np.array(times, np.int64), np.ones(len(times)), np.ones(len(times)))


def test_volumes_beyond_counting_are_made_smaller_by_a_power_of_ten() -> None:
    listing = Listing("X/USD", lot_decimals=8)
    scale = volume_scale(np.array([7.77e9, 1.0]), listing)
    assert 1e10 < 7.77e9 * scale * 1e8 <= 1e11
