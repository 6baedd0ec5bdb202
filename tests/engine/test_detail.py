"""Finer bars inside coarse ones, against a search by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError
from peak_trade.engine.detail import Detail

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE


def bars_of(close, interval, symbols=("X",), *, length=None, offset=0, **more) -> Bars:
    close = np.asarray(close, dtype=float)
    time = offset + (np.arange(len(close), dtype=np.int64) + 1) * (length or HOUR)
    more.setdefault("open", close)
    return Bars.from_arrays(
        close, time=time, open_time=time - (length or HOUR), interval=interval,
        instruments=list(symbols), name=f"{interval} bars", **more,
    )  # fmt: skip


def ranged(close):
    """High and low that tell bars apart."""
    close = np.asarray(close, dtype=float)
    return {"high": close + 1, "low": close - 1}


@given(
    st.integers(1, 5), st.integers(0, 90), st.sampled_from([5, 20, 25]),
    st.lists(st.booleans(), min_size=1, max_size=60),
)  # fmt: skip
def test_finer_bars_inside_are_those_between_open_and_close(rows, offset, minutes, real) -> None:
    close = 100.0 + np.arange(len(real))
    close = np.where(real, close, np.nan)
    finer = bars_of(
        close, f"{minutes}m", length=minutes * MINUTE, offset=offset * MINUTE, **ranged(close)
    )
    coarse = bars_of(np.full(rows, 100.0), "1h")
    detail = Detail(coarse, finer)
    for row in range(rows):
        wanted = []
        for k, is_real in enumerate(real):
            opens = (offset + k * minutes) * MINUTE
            inside = row * HOUR <= opens and opens + minutes * MINUTE <= (row + 1) * HOUR
            if is_real and inside:
                wanted.append([close[k], close[k] + 1, close[k] - 1])
        found = detail.inside(row, 0)
        assert found.shape == (len(wanted), 3)
        assert found.tolist() == wanted


def test_finer_bars_are_matched_by_symbol_and_others_left_aside() -> None:
    finer = bars_of([[1.0, 2.0, 3.0]] * 4, "15m", ("Z", "Y", "X"), length=15 * MINUTE)
    detail = Detail(bars_of([[9.0, 9.0]], "1h", ("X", "Y")), finer)
    assert detail.inside(0, 0)[:, 0].tolist() == [3.0] * 4
    assert detail.inside(0, 1)[:, 0].tolist() == [2.0] * 4


def test_finer_bars_without_an_instrument_are_refused() -> None:
    finer = bars_of([[1.0]], "15m", ("Z",))
    with pytest.raises(
        InputError, match=r"the finer bars 15m bars have Z, and not X, Y; give finer"
    ):
        Detail(bars_of([[9.0, 9.0]], "1h", ("X", "Y")), finer)


def test_finer_bars_of_closes_alone_are_refused() -> None:
    finer = bars_of([1.0], "15m", open=None)
    with pytest.raises(
        InputError, match="15m bars have closes alone; exits need open, high and low"
    ):
        Detail(bars_of([9.0], "1h"), finer)


@pytest.mark.parametrize("interval", ["1h", "4h"])
def test_bars_that_are_not_finer_are_refused(interval) -> None:
    with pytest.raises(InputError, match=rf"\({interval}\) are not finer than 1h bars \(1h\)"):
        Detail(bars_of([9.0], "1h"), bars_of([9.0], interval))
