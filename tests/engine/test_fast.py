"""The fast path beside the laws: which loop it takes, its errors, its scratch."""

import numpy as np
import pytest
from execution.scenes import FLAT, bars_of, terms

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError, StrategyError
from peak_trade.domain.instrument import Instrument
from peak_trade.engine import fast


def test_one_instrument_without_gaps_takes_the_segments() -> None:
    whole, panel = bars_of([FLAT] * 3), bars_of([FLAT] * 3, [FLAT] * 3)
    gaps = Bars.from_arrays([1.0, 1.0, 1.0], open=[1.0] * 3, tradable=[True, False, True])
    found = [fast.Trading.of(bars, 0, 3).is_single for bars in (whole, panel, gaps)]
    assert found == [True, False, False]


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("target", [1.01, -1.01])
def test_target_beyond_one_is_an_error_with_its_row(width: int, target: float) -> None:
    bars = bars_of(*[[FLAT] * 4] * width)
    targets = np.zeros((4, width))
    targets[2, 0] = target
    with pytest.raises(StrategyError, match=r"exceed 1\.0 at 1970-01-01T03:00:00") as caught:
        fast.run(fast.Trading.of(bars, 0, 4), targets, terms(), "Mine")
    assert caught.value.fields["row"] == 2
    assert "Mine.targets" in str(caught.value)


@pytest.mark.parametrize("width", [1, 2])
def test_infinite_target_is_an_error(width: int) -> None:
    bars = bars_of(*[[FLAT] * 3] * width)
    targets = np.full((3, width), np.inf)
    with pytest.raises(StrategyError):
        fast.run(fast.Trading.of(bars, 0, 3), targets, terms(), "Mine")


@pytest.mark.parametrize("width", [1, 2])
def test_target_of_more_lots_than_the_books_hold_is_refused(width: int) -> None:
    instruments = [Instrument(f"I{i}", tick=1e-8, lot=1e-12) for i in range(width)]
    bars = bars_of(*[[(1e-6,) * 4] * 3] * width, instruments=instruments)
    with pytest.raises(InputError, match="lots"):
        fast.run(fast.Trading.of(bars, 0, 3), np.full((3, width), 1 / width), terms(1e7), "Mine")


def test_rounding_may_add_up_to_a_billionth_above_one() -> None:
    bars = bars_of(*[[FLAT] * 3] * 3)
    targets = np.full((3, 3), 0.1 + 0.2 + 1 / 30 + 1e-11)
    assert targets[0].sum() > 1
    assert len(fast.run(fast.Trading.of(bars, 0, 3), targets, terms(), "Mine").fills) == 3


def test_run_that_never_trades_keeps_its_cash() -> None:
    bars = bars_of([FLAT] * 3)
    record = fast.run(fast.Trading.of(bars, 0, 3), np.zeros((3, 1)), terms(), "Mine")
    assert record.equity.tolist() == [1000.0] * 3
    assert not record.held.any()
    assert len(record.fills) == 0


def test_thousands_of_fills_find_their_room() -> None:
    rows = 5000
    for width in (1, 2):
        bars = bars_of(*[[FLAT] * rows] * width)
        targets = np.zeros((rows, width))
        targets[::2] = 0.5
        record = fast.run(fast.Trading.of(bars, 0, rows), targets, terms(), "Mine")
        assert len(record.fills) == width * (rows - 1)
        assert record.fills.lots.sum() == record.lots.sum()
