"""How far fills and trades touch suspect bars, counted by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.check import check_data
from peak_trade.data.leaning import leaning, suspect_rows
from peak_trade.domain.bars import Bars

ROWS = 400


def market(*, split: int = 0, silent: tuple[int, ...] = ()) -> Bars:
    """Two instruments; the second is split four for one, or has bars without volume."""
    rng = np.random.default_rng(4)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, (ROWS, 2)), axis=0))
    if split:
        closes[split:, 1] /= 4
    volume = np.ones((ROWS, 2))
    volume[list(silent), 1] = 0
    return Bars.from_arrays(closes, volume=volume, instruments=["X", "Y"])


def fills(*pairs: tuple[int, int]) -> SimpleNamespace:
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return SimpleNamespace(row=rows, instrument=columns)


def trades(*rows: tuple[int, int, int, float]) -> SimpleNamespace:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    instrument, entry, leave = (column.astype(np.int64) for column in columns[:3])
    return SimpleNamespace(instrument=instrument, entry_row=entry, exit_row=leave, pnl=columns[3])


def test_leaning_on_a_split_counts_the_trades_that_are_held_over_it() -> None:
    bars = market(split=200)
    done = trades((1, 100, 300, -75.0), (1, 210, 220, 20.0), (0, 100, 300, 5.0))
    ends = fills((100, 1), (300, 1), (210, 1), (220, 1), (100, 0), (300, 0))
    (lean,) = leaning(check_data(bars, calendar="24/7"), bars, fills=ends, trades=done)
    assert (lean.kind, lean.instrument, lean.fills, lean.trades) == ("split", "Y", 0, 1)
    assert lean.pnl == -75.0
    assert lean.pnl_share == pytest.approx(0.75)
    assert (
        "Trades that begin or end there, or are held over it: 1, net -75.00, 75.0% of"
        in lean.message
    )


@pytest.mark.parametrize(
    ("entry", "leave", "touched"),
    [(150, 199, 1), (150, 198, 0), (199, 300, 1), (201, 300, 1), (202, 300, 0), (150, 202, 1)],
)
def test_leaning_on_a_split_begins_and_ends_one_bar_beside_it(entry, leave, touched) -> None:
    bars = market(split=200)
    report = check_data(bars, calendar="24/7")
    found = leaning(report, bars, fills=fills(), trades=trades((1, entry, leave, 1.0)))
    assert len(found) == touched


def test_leaning_on_empty_bars_counts_the_fills_there_and_not_what_is_held() -> None:
    bars = market(silent=(50, 51, 90))
    done = trades((1, 10, 300, 8.0), (1, 49, 60, -2.0), (0, 50, 51, 100.0))
    ends = fills((10, 1), (300, 1), (49, 1), (60, 1), (90, 1), (50, 0), (51, 0))
    (lean,) = leaning(check_data(bars, calendar="24/7"), bars, fills=ends, trades=done)
    assert (lean.kind, lean.bars, lean.fills, lean.trades, lean.pnl) == (
        "zero_volume",
        3,
        2,
        1,
        -2.0,
    )
    assert lean.fills_share == pytest.approx(2 / 7)
    assert lean.pnl_share == pytest.approx(2 / 110)


def test_leaning_of_a_run_that_touches_nothing_is_empty() -> None:
    bars = market(split=200, silent=(50,))
    report = check_data(bars, calendar="24/7")
    assert leaning(report, bars, fills=fills((300, 1)), trades=trades((1, 300, 310, 1.0))) == ()
    assert leaning(report, bars, fills=fills(), trades=trades()) == ()


def test_leaning_without_any_profit_has_no_share() -> None:
    bars = market(split=200)
    done = trades((1, 100, 300, 0.0))
    (lean,) = leaning(check_data(bars, calendar="24/7"), bars, fills=fills(), trades=done)
    assert np.isnan(lean.pnl_share)
    assert lean.message.endswith("held over it: 1, net 0.00.")


@given(first=st.integers(0, ROWS - 2), length=st.integers(1, ROWS))
def test_suspect_rows_of_a_part_are_those_of_the_whole(first: int, length: int) -> None:
    bars = market(split=200, silent=(50, 51))
    report = check_data(bars, calendar="24/7")
    whole = suspect_rows(report, bars)
    assert np.argwhere(whole).tolist() == [[50, 1], [51, 1], [200, 1]]
    part = bars[first : first + length]
    assert (suspect_rows(report, part) == whole[first : first + length]).all()
    assert (suspect_rows(report, bars.select("Y"))[:, 0] == whole[:, 1]).all()


def test_suspect_rows_of_chosen_severities_leave_the_others_out() -> None:
    bars = market(split=200)
    report = check_data(bars, calendar="24/7")
    assert not suspect_rows(report, bars, severities=("error",)).any()
