"""Volatility from ranges: worked by hand, against a simulated price, and by how efficient each is."""

import math

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.instrument import Instrument
from peak_trade.stats import range_volatility as rv

YEAR = math.sqrt(365.0)  # daily bars of the calendar 24/7
ALL = {
    "close_to_close": rv.close_to_close,
    "parkinson": rv.parkinson,
    "garman_klass": rv.garman_klass,
    "rogers_satchell": rv.rogers_satchell,
    "yang_zhang": rv.yang_zhang,
}


def days(open_, high, low, close):
    return Bars.from_arrays(close, open=open_, high=high, low=low, interval="1d")


# Two days on paper: O 100 H 110 L 95 C 105, then O 106 H 108 L 100 C 101 (and C 100 the day before).
PAPER = days(
    [100.0, 100.0, 106.0], [100.0, 110.0, 108.0], [100.0, 95.0, 100.0], [100.0, 105.0, 101.0]
)

BY_HAND = {  # variance a day over the last two bars, to six digits, worked with a pocket calculator
    # ln 1.05 = .048790, ln(101/105) = -.038840; mean .004975; 2 x .043815^2
    "close_to_close": 0.003839,
    # (ln(110/95)^2 + ln(108/100)^2) / (2 x 2.772589) = (.021492 + .005923) / 5.545177
    "parkinson": 0.004944,
    # half of the above sum x .5 = .006854, less .386294 x (.048790^2 + .048318^2) / 2 = .000911
    "garman_klass": 0.005943,
    # day 1: ln(110/105) ln(110/100) + ln(95/105) ln(95/100) = .046520 x .095310 + .100083 x .051293
    # day 2: ln(108/101) ln(108/106) + ln(100/101) ln(100/106) = .067001 x .018692 + .009950 x .058269
    "rogers_satchell": 0.005700,
    # jumps 0 and ln(106/105) = .009479: .0000449; inside .048790 and -.048318: .0047149;
    # k = .34 / (1.34 + 3) = .078341: .0000449 + .0003694 + .921659 x .005700
    "yang_zhang": 0.005668,
}


@pytest.mark.parametrize("name", ALL)
def test_estimate_equals_the_figure_worked_by_hand(name):
    found = ALL[name](PAPER, 2)[-1, 0] / YEAR
    assert found**2 == pytest.approx(BY_HAND[name], abs=6e-7)


def walk(seed, rows, *, sigma=0.2, mu=0.0, jump=0.0, steps=50):
    """Daily bars of a geometric Brownian motion that is watched without a pause.

    Between two moments of a day the highest price is drawn from the law of the highest point of a
    Brownian bridge, ``(a + b + sqrt((b - a)^2 - 2 v ln U)) / 2``, and the lowest likewise.
    """
    rng = np.random.default_rng(seed)
    part = sigma / YEAR / math.sqrt(steps)
    path = np.cumsum(rng.normal(mu / 365 / steps, part, (rows, steps)), axis=1)
    opened = np.concatenate(([0.0], np.cumsum(path[:, -1])[:-1]))
    opened += np.cumsum(rng.normal(0.0, jump / YEAR, rows)) if jump else 0.0
    path = opened[:, None] + np.concatenate((np.zeros((rows, 1)), path), axis=1)
    left, right = path[:, :-1], path[:, 1:]
    up, down = (
        np.sqrt((right - left) ** 2 - 2 * part**2 * np.log(rng.random((rows, steps))))
        for _ in range(2)
    )
    highest, lowest = ((left + right + up) / 2).max(axis=1), ((left + right - down) / 2).min(axis=1)
    return days(*np.exp([path[:, 0], highest, lowest, path[:, -1]]))


@pytest.mark.parametrize("name", ALL)
def test_estimate_of_a_simulated_price_is_its_volatility(name):
    found = ALL[name](walk(1, 4000), 4000 - 1)[-1, 0]
    assert found == pytest.approx(0.2, rel=0.025)


def test_efficiencies_are_those_that_were_published():
    bars, n = walk(2, 20_000, steps=30), 5
    spread = {}
    for name, estimate in ALL.items():
        variances = estimate(bars, n)[n::n, 0] ** 2
        spread[name] = float(np.var(variances / variances.mean()))
    gain = {name: spread["close_to_close"] / spread[name] for name in ALL}
    # Against the variance of n returns without their mean, closes lose a part of (n - 1) / n.
    closes = (n - 1) / n
    assert gain["parkinson"] * closes == pytest.approx(4.9, rel=0.15)
    assert gain["garman_klass"] * closes == pytest.approx(7.4, rel=0.15)
    assert gain["rogers_satchell"] * closes == pytest.approx(6.0, rel=0.15)
    assert 5.0 < gain["yang_zhang"] < 14.0  # 1 + 1 / k at best: 7.3 (n = 5) without jumps


def test_a_trend_makes_close_based_and_range_estimates_too_high_but_not_rogers_satchell():
    bars, n = walk(3, 2000, mu=20.0), 1999
    found = {name: ALL[name](bars, n)[-1, 0] for name in ALL}
    assert found["rogers_satchell"] == pytest.approx(0.2, rel=0.04)
    assert found["yang_zhang"] == pytest.approx(0.2, rel=0.04)
    assert found["parkinson"] > 0.3
    assert found["garman_klass"] > 0.25


def test_only_closes_and_yang_zhang_see_jumps_between_bars():
    bars, n = walk(4, 3000, jump=0.3), 2999
    whole = math.hypot(0.2, 0.3)
    found = {name: ALL[name](bars, n)[-1, 0] for name in ALL}
    assert found["close_to_close"] == pytest.approx(whole, rel=0.04)
    assert found["yang_zhang"] == pytest.approx(whole, rel=0.04)
    assert found["parkinson"] == pytest.approx(0.2, rel=0.04)
    assert found["rogers_satchell"] == pytest.approx(0.2, rel=0.04)


@pytest.mark.parametrize("name", ALL)
def test_rows_without_a_bar_keep_the_estimate_of_the_bars_before(name):
    whole = walk(5, 60, steps=20)
    real = np.random.default_rng(5).random(60) < 0.7
    real[0] = True
    columns = {key: np.array(getattr(whole, key)) for key in ("open", "high", "low", "close")}
    gappy = Bars.from_arrays(columns.pop("close"), **columns, tradable=real[:, None], interval="1d")
    columns = {key: getattr(whole, key)[real] for key in ("open", "high", "low", "close")}
    alone = Bars.from_arrays(columns.pop("close"), **columns, interval="1d")
    expected = ALL[name](alone, 10)[np.cumsum(real) - 1]
    np.testing.assert_array_equal(ALL[name](gappy, 10), expected)


def test_years_are_counted_by_each_instruments_calendar():
    one = walk(6, 50, steps=20)
    columns = {key: np.repeat(getattr(one, key), 2, axis=1) for key in ("open", "high", "low")}
    both = Bars.from_arrays(
        np.repeat(one.close, 2, axis=1),
        **columns,
        instruments=[Instrument("A", calendar="24/7"), Instrument("B", calendar="XNYS")],
        interval="1d",
    )
    for estimate in ALL.values():
        found = estimate(both, 10)[-1]
        assert found[0] / found[1] == pytest.approx(math.sqrt(365 / 252))


@pytest.mark.parametrize("name", ["parkinson", "garman_klass", "rogers_satchell", "yang_zhang"])
def test_closes_alone_have_no_range_and_no_estimate(name):
    bars = Bars.from_arrays([10.0, 11.0, 12.0, 11.0])
    assert np.isnan(ALL[name](bars, 2)).all()
    assert not np.isnan(rv.close_to_close(bars, 2)[-1]).any()


@pytest.mark.parametrize(
    ("name", "n"), [("close_to_close", 1), ("yang_zhang", 1), ("parkinson", 0)]
)
def test_a_window_that_is_too_short_is_refused(name, n):
    with pytest.raises(ParameterError, match=name):
        ALL[name](PAPER, n)


def test_an_array_is_refused():
    with pytest.raises(ParameterError, match="takes bars"):
        rv.parkinson(np.ones(5), 2)
