"""The arithmetic of costs, against plain twins written from the words of docs/simulation.md."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peak_trade.kernels import costs, fills

NAN, INF = math.nan, math.inf
DAY = 86_400_000_000_000

rates = st.floats(0, 0.05)
amounts = st.sampled_from([0.0, 0.01, 1.0, 4.95, 30.0])
caps = st.one_of(st.just(NAN), st.floats(0.0001, 0.2))
fee_rows = st.builds(
    lambda *values: np.array(values),
    amounts, st.sampled_from([0.0, 0.0035, 0.5]), amounts, caps, rates, rates,
)  # fmt: skip


def fee_in_words(row, rests: bool, quantity: float, value: float) -> float:
    """``fixed + per_unit x |quantity| + rate x |value|``, then the minimum, then the cap."""
    fixed, per_unit, minimum, cap, maker, taker = row.tolist()
    fee = fixed + per_unit * abs(quantity) + (maker if rests else taker) * abs(value)
    fee = max(fee, minimum)
    return fee if math.isnan(cap) else min(fee, cap * abs(value))


signed = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(fee_rows, st.booleans(), signed, signed)
def test_fee_of_a_fill_is_what_the_document_writes(row, rests, quantity, value) -> None:
    assert costs.fee_at(row, rests, quantity, value) == fee_in_words(row, rests, quantity, value)


@given(fee_rows, st.booleans(), signed, signed)
def test_fee_lies_between_its_minimum_and_its_cap(row, rests, quantity, value) -> None:
    fee = costs.fee_at(row, rests, quantity, value)
    assert fee >= 0.0
    cap = row[costs.FEE_CAP] * abs(value)
    if math.isnan(cap):
        assert fee >= row[costs.FEE_MINIMUM]
    else:
        assert fee <= cap
        assert fee >= min(row[costs.FEE_MINIMUM], cap)
    assert costs.fee_at(row, rests, -quantity, -value) == fee


@pytest.mark.parametrize(
    ("shares", "price", "fee"),
    [
        # Interactive Brokers, fixed pricing of US stocks: the examples of its fee page
        (100, 25.0, 1.00),
        (1000, 25.0, 5.00),
        (1000, 0.25, 2.50),
    ],
)
def test_fee_of_a_published_example_is_found(shares, price, fee) -> None:
    row = np.array([0.0, 0.005, 1.0, 0.01, 0.0, 0.0])
    assert costs.fee_at(row, False, shares, shares * price) == pytest.approx(fee, rel=1e-12)


# --- schedules and tiers --------------------------------------------------------------------------


@st.composite
def schedules(draw):
    """Ascending dates, fee parameters, and tiers by ascending volume, padded with infinity."""
    count = draw(st.integers(1, 4))
    since = sorted(draw(st.sets(st.integers(-50, 50), min_size=count, max_size=count)))
    table = np.array([draw(fee_rows) for _ in since])
    tiers = np.full((count, 3, 3), INF)
    for s in range(count):
        volumes = sorted(draw(st.sets(st.integers(0, 20), max_size=3)))
        for k, volume in enumerate(volumes):
            tiers[s, k] = volume, draw(rates), draw(rates)
    return np.array(since, np.int64) * DAY, table, tiers


@given(schedules(), st.integers(-60, 60), st.integers(0, 25))
def test_fees_of_a_row_are_those_of_its_date_and_volume(found, day, volume) -> None:
    since, table, tiers = found
    out = np.empty(costs.FEES)
    costs.fees_at(since, table, tiers, day * DAY, float(volume), out)
    begun = [s for s in range(len(since)) if since[s] <= day * DAY]
    s = begun[-1] if begun else 0
    reached = [tier for tier in tiers[s] if tier[0] <= volume]
    maker, taker = reached[-1][1:] if reached else table[s, 4:]
    np.testing.assert_array_equal(out, [*table[s, :4], maker, taker])


def test_schedule_and_tier_begin_exactly_at_their_bounds() -> None:
    since = np.array([0, 100], np.int64)
    table = np.zeros((2, costs.FEES))
    table[:, costs.FEE_TAKER] = 0.004, 0.003
    tiers = np.array([[[50.0, 0.0, 0.002]], [[50.0, 0.0, 0.001]]])
    out = np.empty(costs.FEES)
    takers = []
    for time_ns, volume in [(99, 49.9), (99, 50.0), (100, 49.9), (100, 50.0), (-5, 0.0)]:
        costs.fees_at(since, table, tiers, time_ns, volume, out)
        takers.append(float(out[costs.FEE_TAKER]))
    assert takers == [0.004, 0.002, 0.003, 0.001, 0.004]


@given(schedules(), st.integers(-60, 60), st.integers(0, 25), st.integers(0, 25))
def test_more_volume_never_costs_more_where_tiers_fall(found, day, one, other) -> None:
    since, table, tiers = found
    for s in range(len(since)):
        ladder = sorted([table[s, 5], *tiers[s, :, 2][np.isfinite(tiers[s, :, 0])]], reverse=True)
        table[s, 5] = ladder[0]
        tiers[s, : len(ladder) - 1, 2] = ladder[1:]
    few, many = np.empty(costs.FEES), np.empty(costs.FEES)
    costs.fees_at(since, table, tiers, day * DAY, float(min(one, other)), few)
    costs.fees_at(since, table, tiers, day * DAY, float(max(one, other)), many)
    assert costs.fee_at(many, False, 3.0, 700.0) <= costs.fee_at(few, False, 3.0, 700.0)


# --- slip -----------------------------------------------------------------------------------------

factors = st.one_of(st.just(0.0), st.floats(1e-6, 2.0))
volumes = st.one_of(st.sampled_from([0.0, 1e-9]), st.floats(1e-3, 1e9))
sigmas = st.one_of(st.just(NAN), st.floats(0, 1))
positive = st.floats(0.01, 1e5)


def slip_in_words(slips, price, quantity, half_spread, volume, sigma, mean_volume) -> float:
    """``slippage + half_spread / price + volume_share x share^2 + impact x sigma x sqrt(q / V)``."""
    fraction, has_spread, volume_share, impact = slips.tolist()
    share = 1.0 if volume == 0 else min(abs(quantity) / volume, 1.0)
    terms = [fraction, half_spread / price if has_spread else 0.0, volume_share * share * share]
    if impact and not math.isnan(sigma) and mean_volume > 0:
        terms.append(impact * sigma * math.sqrt(abs(quantity) / mean_volume))
    total = 0.0
    for term in terms:
        total += term
    return total


@given(
    st.tuples(st.floats(0, 0.5), st.sampled_from([0.0, 1.0]), factors, factors),
    positive, st.floats(-1e6, 1e6), st.floats(0, 10), volumes, sigmas,
    st.one_of(st.just(NAN), volumes),
)  # fmt: skip
@example((0.0, 0.0, 0.1, 1.0), 10.0, 5.0, 0.0, 0.0, NAN, NAN)
@example((0.0, 0.0, 0.1, 1.0), 10.0, 0.0, 0.0, 0.0, 0.1, 0.0)
def test_slip_is_the_sum_of_its_terms_and_never_negative(
    slips, price, quantity, half, volume, sigma, mean
) -> None:
    found = costs.slip_of(np.array(slips), price, quantity, half, volume, sigma, mean)
    words = slip_in_words(np.array(slips), price, quantity, half, volume, sigma, mean)
    assert found == pytest.approx(words, rel=1e-15)
    assert found >= 0.0
    assert found == costs.slip_of(np.array(slips), price, -quantity, half, volume, sigma, mean)


@given(st.floats(0, 1e6), st.floats(0, 1e6), volumes, st.floats(0, 1), volumes)
def test_larger_order_never_slips_less(one, other, volume, sigma, mean) -> None:
    slips = np.array([0.001, 0.0, 0.1, 1.0])
    small, large = sorted((one, other))
    least = costs.slip_of(slips, 10.0, small, 0.0, volume, sigma, mean)
    most = costs.slip_of(slips, 10.0, large, 0.0, volume, sigma, mean)
    assert least <= most


@given(positive, st.integers(-9, 9).filter(bool), st.floats(0, 3))
def test_slipped_price_is_worse_and_never_negative(price, lots, slip) -> None:
    found = fills.market_price(price, lots, slip)
    assert found >= price if lots > 0 else 0.0 <= found <= price
    assert costs.slippage_paid(lots, 0.5, price, found) >= 0.0
    exact = abs(lots * 0.5 * found - lots * 0.5 * price)
    assert costs.slippage_paid(lots, 0.5, price, found) == exact


def test_sale_that_slips_by_more_than_everything_fills_at_zero() -> None:
    assert fills.market_price(10.0, -1, 1.5) == 0.0
    assert fills.market_price(10.0, 1, 1.5) == 25.0


# --- impact ---------------------------------------------------------------------------------------


def impact(close, volume, real, window):
    rows, logs = np.empty(len(close), np.int64), np.empty(len(close))
    sigma, mean = np.empty(len(close)), np.empty(len(close))
    costs.impact_inputs(close, volume, real, window, rows, logs, sigma, mean)
    return sigma, mean


bars = st.lists(st.tuples(positive, st.floats(0, 1e6), st.booleans()), min_size=1, max_size=40)


@given(bars, st.integers(3, 9))
def test_impact_reads_the_deviation_and_the_mean_of_the_real_bars_before(rows, window) -> None:
    close, volume = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    real = np.array([r[2] for r in rows])
    sigma, mean = impact(close, volume, real, window)
    for t in range(len(rows)):
        before = np.flatnonzero(real[:t])[-window:]
        if not real[t] or len(before) < 3:
            assert math.isnan(sigma[t])
            assert math.isnan(mean[t])
            continue
        returns = np.diff(np.log(close[before]))
        assert sigma[t] == pytest.approx(np.std(returns, ddof=1), rel=1e-9, abs=1e-12)
        assert mean[t] == pytest.approx(np.mean(volume[before]), rel=1e-12)


@given(bars, st.integers(3, 9), st.integers(0, 39))
def test_impact_of_a_bar_reads_nothing_of_it_or_of_later_ones(rows, window, t) -> None:
    t = min(t, len(rows) - 1)
    close, volume = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    real = np.array([r[2] for r in rows])
    before = [values[: t + 1].copy() for values in impact(close, volume, real, window)]
    close[t:], volume[t:], real[t + 1 :] = 7.0, 3.0, True
    after = [values[: t + 1] for values in impact(close, volume, real, window)]
    np.testing.assert_array_equal(before, after)


# --- what holding costs ---------------------------------------------------------------------------


@given(st.floats(-1e7, 1e7), st.floats(0, 1), st.integers(0, 400 * DAY))
def test_borrow_and_interest_are_rates_of_a_year_of_365_days(value, rate, dt_ns) -> None:
    years = Fraction(dt_ns, 365 * DAY)
    exact = float(Fraction(value) * Fraction(rate) * years)
    assert costs.carry_of(value, rate, dt_ns) == pytest.approx(exact, rel=1e-14, abs=1e-300)
    borrowed = costs.borrow_cost(value, rate, dt_ns)
    assert borrowed == pytest.approx(max(-exact, 0.0), rel=1e-14, abs=1e-300)
    assert borrowed >= 0.0


# --- what increases may cost ----------------------------------------------------------------------


def cost_in_words(wanted, units, lots, prices, fees, leverage) -> Fraction:
    """Values and ``leverage`` times the fees of increases, exactly."""
    total = Fraction(0)
    for quantity, unit, lot, price in zip(wanted.tolist(), units, lots, prices, strict=True):
        if quantity:
            value = abs(quantity * unit * price)
            total += Fraction(value)
            fee = fee_in_words(fees, False, quantity * lot, value)
            total += Fraction(leverage) * Fraction(fee)
    return total


@st.composite
def increases(draw):
    """Orders of an instant: lots, units, lot sizes, prices, steps, minima."""
    count = draw(st.integers(1, 4))
    step = [draw(st.integers(1, 50)) for _ in range(count)]
    size = st.one_of(st.integers(-3000, 3000), st.integers(-(10**15), 10**15))
    wanted = [draw(size) // s * s for s in step]
    unit = [draw(st.sampled_from([1e-12, 1e-8, 0.01, 1.0, 50.0])) for _ in range(count)]
    price = [draw(positive) for _ in range(count)]
    minimum = [draw(st.sampled_from([0.0, 0.0, 10.0])) for _ in range(count)]
    return (
        np.array(wanted, np.int64), np.array(unit), np.array(unit), np.array(price),
        np.array(step, np.int64), np.array(minimum),
    )  # fmt: skip


cash = st.one_of(st.floats(-1e3, 1e5), st.sampled_from([0.0, 5e-324, 1e12, 1e18]))
leverages = st.sampled_from([1.0, 2.0, 5.0])


@given(increases(), fee_rows, leverages)
def test_total_cost_is_the_values_and_the_fees(orders, fees, leverage) -> None:
    wanted, units, lots, prices, _, _ = orders
    found = costs.total_cost(wanted, units, lots, prices, fees, leverage)
    exact = cost_in_words(wanted, units, lots, prices, fees, leverage)
    assert found == pytest.approx(float(exact), rel=1e-13)


@given(increases(), fee_rows, leverages, cash, st.booleans())
def test_scaled_increases_are_paid_and_never_grow(orders, fees, leverage, left, reject) -> None:
    wanted, units, lots, prices, steps, minima = orders
    asked = wanted.copy()
    costs.scale_to_cash(
        wanted, units, lots, prices, steps, minima, fees, leverage, left, reject, True
    )
    before = costs.total_cost(asked, units, lots, prices, fees, leverage)
    after = costs.total_cost(wanted, units, lots, prices, fees, leverage)
    if before <= left:
        assert (wanted == asked).all()
        return
    assert after <= max(left, 0.0)
    assert (np.abs(wanted) <= np.abs(asked)).all()
    assert (wanted * np.sign(asked) >= 0).all()
    assert (wanted % steps == 0).all()
    held = wanted != 0
    assert (np.abs(wanted * units * prices)[held] >= minima[held]).all()
    if reject:
        assert not wanted.any()


@given(increases(), rates, leverages, st.one_of(st.floats(-1e3, 1e5), st.just(1e12)))
def test_scaling_for_a_commission_takes_one_factor(orders, rate, leverage, left) -> None:
    """What each keeps is its part of what is left, within the order steps that rounding takes."""
    wanted, units, lots, prices, steps, _ = orders
    fees = np.array([0.0, 0.0, 0.0, NAN, rate, rate])
    asked, minima = wanted.copy(), np.zeros(len(wanted))
    costs.scale_to_cash(
        wanted, units, lots, prices, steps, minima, fees, leverage, left, False, False
    )
    cost = cost_in_words(asked, units, lots, prices, fees, leverage)
    if costs.total_cost(asked, units, lots, prices, fees, leverage) <= left:
        assert (wanted == asked).all()
        return
    factor = max(Fraction(left), Fraction(0)) / cost
    for kept, whole, step in zip(wanted.tolist(), asked.tolist(), steps.tolist(), strict=True):
        exact = abs(whole) * factor
        assert abs(kept) <= exact * (1 + Fraction(1, 10**12))
        assert abs(kept) >= exact * (1 - Fraction(1, 10**12)) - 2 * step


def scaled_once(wanted, price, fees, left, *, repeat, lot=1.0, step=1, minimum=0.0, reject=False):
    found = np.array(wanted, np.int64)
    width = len(found)
    costs.scale_to_cash(
        found, np.full(width, lot), np.full(width, lot), np.full(width, price),
        np.full(width, step), np.full(width, minimum), np.array(fees), 1.0, left, reject, repeat,
    )  # fmt: skip
    return found.tolist()


def test_fixed_fee_larger_than_cash_buys_nothing() -> None:
    assert scaled_once([10, -10], 1.0, [500.0, 0, 0, NAN, 0, 0], 400.0, repeat=True) == [0, 0]


def test_fixed_fee_leaves_what_cash_pays_besides_it() -> None:
    # 100 x 10 and 50 of fee for 1,000: 95 shares are the most that 950 buys
    assert scaled_once([100], 10.0, [50.0, 0, 0, NAN, 0, 0], 1000.0, repeat=True) == [95]


def test_increases_that_a_factor_takes_to_nothing_are_cancelled() -> None:
    # two fees of 30 of 50 in cash: each round of the factor leaves less, and in the end no lot
    assert scaled_once([40, 40], 1.0, [30.0, 0, 0, NAN, 0, 0], 50.0, repeat=True) == [0, 0]


def test_increases_still_too_dear_after_all_rounds_are_cancelled_in_turn() -> None:
    # 64 rounds do not come down to the 1 that fees of 2 x 249.5 leave of 500
    fees = [249.5, 0, 0, NAN, 0, 0]
    first, second = scaled_once([10**15] * 2, 1.0, fees, 500.0, repeat=True, lot=1e-12)
    assert first == 0
    assert 0.5 < second * 1e-12 <= 500 - 249.5


def test_huge_order_of_tiny_lots_is_scaled_to_its_last_step() -> None:
    (found,) = scaled_once([10**15], 1.0, [0, 0, 0, NAN, 0, 0.001], 600.0, repeat=False, lot=1e-12)
    assert Fraction(found) * Fraction(1e-12) * Fraction(1001, 1000) <= 600
    assert found == pytest.approx(600 / 1.001 * 1e12, rel=1e-14)


def test_what_scaling_leaves_below_the_minimum_notional_is_cancelled() -> None:
    free = [0, 0, 0, NAN, 0, 0]
    assert scaled_once([100], 1.0, free, 9.0, repeat=False, minimum=10.0) == [0]
    assert scaled_once([100], 1.0, free, 11.0, repeat=False, minimum=10.0) == [11]


def test_buying_power_is_leverage_times_equity_less_gross() -> None:
    held, units = np.array([10, -5, 0]), np.array([1.0, 2.0, 1.0])
    prices = np.array([100.0, 40.0, NAN])
    # equity 500 + 1,000 - 400, gross 1,400
    assert costs.buying_power(500.0, held, units, prices, 3.0) == 3 * 1100.0 - 1400.0
