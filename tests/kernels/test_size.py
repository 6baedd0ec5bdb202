"""Sizing kernels against plain twins, and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import size

NONE = math.nan
COUNT = st.integers(0, 50)
SUM = st.just(0.0) | st.floats(1e-9, 20)


def params(limit=NONE, floor=NONE, fraction=NONE, cap=NONE, fewest=NONE, start=NONE):
    return np.array([limit, floor, fraction, cap, fewest, start])


def twin(drawdown, wins, won, losses, lost, limits):
    """The product of the parts, from the trades' returns as lists."""
    limit, floor, fraction, cap, fewest, start = limits
    scale = 1.0
    if not math.isnan(limit):
        scale *= max(floor, 1 - drawdown / limit)
    if math.isnan(fraction):
        return scale
    trades = [won / wins for _ in range(wins)] + [-lost / losses for _ in range(losses)]
    if len(trades) < fewest:
        return scale * start
    gains = [r for r in trades if r > 0]
    pains = [-r for r in trades if r < 0]
    if not gains:
        return 0.0
    rate = wins / (wins + losses)
    edge = rate
    if pains:
        ratio = np.mean(gains) / np.mean(pains)
        edge = rate - (1 - rate) / ratio
    return scale * float(np.clip(fraction * edge, 0.0, cap))


@given(
    drawdown=st.floats(0, 1),
    wins=COUNT,
    won=SUM,
    losses=COUNT,
    lost=SUM,
    limit=st.sampled_from([NONE, 0.1, 0.5, 1.0]),
    fraction=st.sampled_from([NONE, 0.5, 1.0]),
    cap=st.floats(0.1, 3),
    fewest=st.integers(1, 40),
)
def test_account_scale_equals_its_parts_written_out(
    drawdown, wins, won, losses, lost, limit, fraction, cap, fewest
):
    given_params = params(limit, 0.2, fraction, cap, float(fewest), 0.1)
    won, lost = won if wins else 0.0, lost if losses else 0.0
    found = size.account_scale(drawdown, wins, won, losses, lost, given_params)
    expected = twin(drawdown, wins, won, losses, lost, given_params.tolist())
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_account_scale_without_parts_is_one():
    assert size.account_scale(0.9, 1, 0.1, 9, 5.0, params()) == 1.0


@pytest.mark.parametrize(
    ("drawdown", "expected"), [(0.0, 1.0), (0.05, 0.75), (0.1, 0.5), (0.2, 0.0), (0.6, 0.0)]
)
def test_drawdown_scale_falls_in_a_line_to_its_limit(drawdown, expected):
    assert size.drawdown_scale(drawdown, 0.2, 0.0) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("wins", "won", "losses", "lost", "expected"),
    [
        (60, 60.0, 40, 40.0, 0.2),  # even money at 60 %: Kelly 1956 bets p - q
        (50, 1.0, 50, 0.5, 0.25),  # twice the loss at even odds: Thorp's (bp - q) / b
        (40, 0.4, 60, 0.6, -0.2),
        (10, 0.5, 0, 0.0, 1.0),
        (3, 0.3, 1, 0.0, 0.75),  # the loss cost nothing
        (0, 0.0, 5, 0.1, -1.0),
        (0, 0.0, 0, 0.0, 0.0),
        (2, 5e-324, 2, 0.0, -1.0),  # a mean win too small for a float
        (1, 1e-320, 1, 1.0, -math.inf),
    ],
)
def test_kelly_share_of_known_bets_is_the_published_one(wins, won, losses, lost, expected):
    assert size.kelly_share(wins, won, losses, lost) == pytest.approx(expected, abs=1e-12)


def test_kelly_share_is_where_the_expected_logarithm_peaks():
    # 55 % of trades win 3 %, the others lose 2 %: in units of the loss, as the formula bets.
    rate, ratio = 0.55, 1.5
    bets = np.linspace(0.001, 0.999, 99_801)
    growth = rate * np.log1p(ratio * bets) + (1 - rate) * np.log1p(-bets)
    assert size.kelly_share(55, 55 * 0.03, 45, 45 * 0.02) == pytest.approx(
        bets[growth.argmax()], abs=2e-5
    )


@given(first=st.floats(0, 1), second=st.floats(0, 1), limit=st.floats(0.01, 1))
def test_account_scale_never_rises_with_the_drawdown(first, second, limit):
    less, more = sorted((first, second))
    given_params = params(limit, 0.1)
    shallow = size.account_scale(less, 0, 0.0, 0, 0.0, given_params)
    deep = size.account_scale(more, 0, 0.0, 0, 0.0, given_params)
    assert 0.1 <= deep <= shallow <= 1.0


def volatility_twin(weights, returns, n, target, leverage):
    out = []
    for t, held in enumerate(weights):
        if not held.any():
            out.append(1.0)
            continue
        window = returns[max(t + 1 - n, 0) : t + 1][:, held != 0] @ held[held != 0]
        deviation = np.std(window, ddof=1) if len(window) == n else NONE
        most = leverage / np.abs(held).sum()
        unknown = np.isnan(deviation)
        out.append(NONE if unknown else most if deviation == 0 else min(target / deviation, most))
    return np.array(out)


@given(seed=st.integers(0, 2**32), n=st.integers(2, 10), width=st.integers(1, 3))
def test_volatility_scales_equal_numpy_row_by_row(seed, n, width):
    rng = np.random.default_rng(seed)
    weights = rng.choice([-0.5, 0.0, 0.3], (40, width)) / width
    returns = rng.standard_normal((40, width)) * 0.01
    returns[: rng.integers(0, 12), 0] = np.nan
    found = np.empty(40)
    size.volatility_scales(weights, returns, n, 0.006, 1.0, found)
    expected = volatility_twin(weights, returns, n, 0.006, 1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_volatility_scales_of_what_does_not_move_give_the_whole_leverage():
    out = np.empty(5)
    size.volatility_scales(np.full((5, 2), 0.2), np.full((5, 2), 0.01), 3, 0.001, 0.8, out)
    np.testing.assert_allclose(out, [NONE, NONE, 2.0, 2.0, 2.0])
