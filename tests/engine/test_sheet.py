"""Terms and actions laid out on bars, against what other libraries and a search by hand give."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.actions import Actions, Delisting, Dividend, FundingRate, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Costs, Fees, FeeTier
from peak_trade.domain.errors import InputError
from peak_trade.domain.exits import Exits
from peak_trade.domain.limits import Limits
from peak_trade.domain.sizer import AccountScale
from peak_trade.domain.terms import Terms
from peak_trade.engine.sheet import DELISTING, DIVIDEND, FUNDING, SPLIT, Sheet
from peak_trade.kernels import costs, exits, limits

NAN = math.nan
HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def bars_of(close, symbols=("X",), **more) -> Bars:
    close = np.asarray(close, dtype=float)
    more.setdefault("open", close)
    more.setdefault("interval", "1d")
    return Bars.from_arrays(close, instruments=list(symbols), name="market", **more)


def sheet_of(bars: Bars, actions: Actions | None = None, start: int = 0, **terms) -> Sheet:
    return Sheet.of(bars, Terms(**terms), actions, start)


FOUR = bars_of([10.0, 11.0, 12.0, 13.0], volume=[5.0, 6.0, 7.0, 8.0])


# --- exits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("stop_loss", 0.1, exits.E_STOP),
        ("take_profit", 0.2, exits.E_TAKE),
        ("trailing", 0.3, exits.E_TRAIL),
        ("break_even", 0.4, exits.E_BREAK_EVEN),
        ("max_bars", 7, exits.E_MAX_BARS),
        ("stop_atr", 2.0, exits.E_STOP_ATR),
        ("take_atr", 3.0, exits.E_TAKE_ATR),
        ("trailing_atr", 4.0, exits.E_TRAIL_ATR),
    ],
)
def test_exit_stands_at_its_place_and_the_others_are_unset(name, value, place) -> None:
    found = sheet_of(FOUR, exits=Exits(**{name: value})).exits
    expected = np.full(exits.EXITS, NAN)
    expected[place], expected[exits.E_CONVENTION] = value, exits.ADVERSE
    np.testing.assert_array_equal(found, expected)


def test_trailing_and_the_tables_stand_at_their_places() -> None:
    declared = Exits(
        trailing=0.1, trailing_arm=0.2, trailing_offset=0.3, trailing_after=0.4,
        roi=((0, 0.5), (60, -1)), partials=((0.1, 0.25),), convention="favourable",
    )  # fmt: skip
    found = sheet_of(FOUR, exits=declared)
    assert found.exits[exits.E_ARM] == 0.2
    assert found.exits[exits.E_OFFSET] == 0.3
    assert found.exits[exits.E_AFTER] == 0.4
    assert found.exits[exits.E_CONVENTION] == exits.FAVOURABLE
    assert found.roi.tolist() == [[0.0, 0.5], [60.0, -1.0]]
    assert found.partials.tolist() == [[0.1, 0.25]]
    assert sheet_of(FOUR, exits=Exits(convention="freqtrade")).exits[-1] == exits.FREQTRADE


def test_tables_that_are_not_given_have_no_rows() -> None:
    found = sheet_of(FOUR)
    assert found.roi.shape == found.partials.shape == (0, 2)
    for name in ("atr", "half_spread", "sigma", "mean_volume", "scale", "fx"):
        assert getattr(found, name).shape == (0, 0)
    assert found.looks.shape == (0,)
    assert found.acts == ()
    assert not found.repeats


def wilder(high, low, close, window) -> list[float]:
    """Average true range by Wilder's recursion from the second bar's true range on."""
    ranges = [max(h, c) - min(x, c) for h, x, c in zip(high[1:], low[1:], close, strict=False)]
    out = [NAN] * len(high)
    for k in range(window, len(high)):
        first = k == window
        out[k] = (
            sum(ranges[:k]) / window
            if first
            else out[k - 1] + (ranges[k - 1] - out[k - 1]) / window
        )
    return out  # fmt: skip


@given(st.lists(st.tuples(st.booleans(), st.floats(50, 99)), min_size=1, max_size=25),
       st.integers(1, 4))  # fmt: skip
def test_atr_is_carried_on_from_the_last_real_bar(rows, window) -> None:
    real = np.array([is_real for is_real, _ in rows])
    close = np.array([price for _, price in rows])
    bars = bars_of(np.where(real, close, NAN), high=close + 2, low=close - 1)
    found = sheet_of(bars, exits=Exits(stop_atr=1.0, atr_window=window)).atr[:, 0]
    known = wilder(close[real] + 2, close[real] - 1, close[real], window)
    for t in range(len(rows)):
        count = int(real[: t + 1].sum())
        if count == 0 or math.isnan(known[count - 1]):
            assert math.isnan(found[t])
        else:
            assert found[t] == pytest.approx(known[count - 1], rel=1e-9)


# --- costs ----------------------------------------------------------------------------------------


def test_slips_stand_at_their_places() -> None:
    declared = Costs(slippage=0.1, half_spread=0.02, volume_share=0.3, impact=0.4)
    found = sheet_of(FOUR, costs=declared)
    assert found.slips[costs.SLIP_FRACTION] == 0.1
    assert found.slips[costs.SLIP_HALF_SPREAD] != 0.0
    assert found.slips[costs.SLIP_SHARE] == 0.3
    assert found.slips[costs.SLIP_IMPACT] == 0.4
    assert found.half_spread.tolist() == [[0.02]] * 4


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2)])
def test_half_spread_of_a_feature_serves_every_instrument(shape) -> None:
    values = np.arange(3 * len(shape) * 2, dtype=float)[: math.prod(shape)].reshape(shape) / 10
    bars = bars_of(np.full((3, 2), 10.0), ("X", "Y"), features={"spread": values})
    found = sheet_of(bars, costs=Costs(half_spread="spread"))
    expected = np.stack([values.reshape(3, -1)[:, 0], values.reshape(3, -1)[:, -1]], axis=1)
    np.testing.assert_array_equal(found.half_spread, expected)
    assert found.slips[costs.SLIP_HALF_SPREAD] == 1.0


def test_half_spread_of_an_unknown_feature_is_refused() -> None:
    bars = bars_of([10.0], features={"spread": [0.1]})
    with pytest.raises(InputError, match=r"feature 'sprad', and market has spread; did you mean"):
        sheet_of(bars, costs=Costs(half_spread="sprad"))
    with pytest.raises(InputError, match="has no features"):
        sheet_of(FOUR, costs=Costs(half_spread="spread"))


@pytest.mark.parametrize("value", [NAN, -0.1])
def test_half_spread_that_is_none_is_refused_where_a_bar_is_real(value) -> None:
    close, spread = [10.0, NAN, 10.0], [0.1, value, 0.1]
    gap = bars_of(close, features={"spread": spread})
    sheet_of(gap, costs=Costs(half_spread="spread"))
    whole = bars_of([10.0] * 3, features={"spread": spread})
    with pytest.raises(
        InputError, match=r"half spread .* in row 1 of feature 'spread' of market: 0"
    ):
        sheet_of(whole, costs=Costs(half_spread="spread"))


@pytest.mark.parametrize(
    "terms",
    [
        {"costs": Costs(volume_share=0.1)},
        {"costs": Costs(impact=1.0)},
        {"limits": Limits(max_participation=0.1)},
    ],
)
def test_terms_that_read_volumes_refuse_real_bars_without(terms) -> None:
    for volume in (None, [5.0, NAN, 5.0]):
        with pytest.raises(
            InputError, match=r"need volumes, and real bars of market have none; load"
        ):
            sheet_of(bars_of([10.0] * 3, volume=volume), **terms)
    sheet_of(bars_of([10.0, NAN, 10.0], volume=[5.0, NAN, 5.0]), **terms)
    sheet_of(bars_of([10.0] * 3), limits=Limits(max_order=10.0))


def test_impact_is_that_of_each_instrument_alone() -> None:
    rng = np.random.default_rng(5)
    close, volume = rng.uniform(50, 60, (12, 2)), rng.uniform(1, 9, (12, 2))
    close[4, 1] = NAN
    found = sheet_of(
        bars_of(close, ("X", "Y"), volume=volume), costs=Costs(impact=1.0, impact_window=5)
    )
    for i in range(2):
        rows = np.flatnonzero(~np.isnan(close[:11, i]))[-5:]
        sigma = np.std(np.diff(np.log(close[rows, i])), ddof=1)
        assert found.sigma[11, i] == pytest.approx(sigma, rel=1e-12)
        assert found.mean_volume[11, i] == pytest.approx(volume[rows, i].mean(), rel=1e-12)
    assert np.isnan(found.sigma[:3]).all()
    assert np.isnan(found.sigma[4, 1])


def test_commission_is_a_schedule_of_one_rate_without_a_cap() -> None:
    found = sheet_of(FOUR, costs=Costs(commission=0.002))
    assert found.fee_since.tolist() == [0]
    assert found.fee_tiers.shape[1] == 0
    assert costs.fee_at(found.fee_schedules[0], True, 10.0, -1000.0) == 2.0
    assert costs.fee_at(found.fee_schedules[0], False, 10.0, 1000.0) == 2.0
    assert not found.repeats


def test_schedules_keep_their_dates_fields_and_tiers() -> None:
    early = Fees(taker=0.004, maker=0.003, tiers=(FeeTier(10, 0.1, 0.2), FeeTier(20, 0.0, 0.1)))
    late = Fees(fixed=1.0, per_unit=2.0, minimum=3.0, cap=0.5, since_ns=DAY)
    found = sheet_of(FOUR, costs=Costs(fees=(early, late)))
    assert found.fee_since.tolist() == [0, DAY]
    np.testing.assert_array_equal(
        found.fee_schedules, [[0, 0, 0, NAN, 0.003, 0.004], [1, 2, 3, 0.5, 0, 0]]
    )
    assert found.fee_tiers[0].tolist() == [[10, 0.1, 0.2], [20, 0.0, 0.1]]
    assert np.isinf(found.fee_tiers[1, :, 0]).all()
    assert found.repeats


def test_limits_stand_at_their_places() -> None:
    found = sheet_of(FOUR, limits=Limits(1.5, 2.5, 3.5, 4.5, 5.5, 0.6, 0.7)).limits
    assert found[limits.LIMIT_POSITION] == 1.5
    assert found[limits.LIMIT_GROSS] == 2.5
    assert found[limits.LIMIT_NET] == 3.5
    assert found[limits.LIMIT_ORDER] == 4.5
    assert found[limits.LIMIT_PARTICIPATION] == 5.5
    assert found[limits.LIMIT_DAILY_LOSS] == 0.6
    assert found[limits.LIMIT_DRAWDOWN] == 0.7


# --- sizers ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """A sizer whose factors are given."""

    factors: tuple

    @property
    def account(self):
        return AccountScale(drawdown_limit=0.2, kelly_cap=3.0)

    def scale(self, bars):
        return np.array(self.factors, dtype=float)


def test_factor_that_is_not_known_counts_as_zero() -> None:
    found = sheet_of(FOUR, sizer=Given(((0.5,), (NAN,), (2.0,), (0.0,))))
    assert found.scale.tolist() == [[0.5], [0.0], [2.0], [0.0]]
    np.testing.assert_array_equal(found.account, [0.2, NAN, NAN, 3.0, NAN, NAN])
    assert np.isnan(sheet_of(FOUR).account).all()


@pytest.mark.parametrize(
    "factors", [(1.0, 1.0, 1.0, 1.0), ((1.0,),), ((1.0,), (-0.1,), (1.0,), (1.0,)),
                ((1.0,), (math.inf,), (1.0,), (1.0,))],
)  # fmt: skip
def test_factors_of_another_shape_or_below_zero_are_refused(factors) -> None:
    with pytest.raises(InputError, match=r"finite ones of 0 or more in \(4, 1\) expected"):
        sheet_of(FOUR, sizer=Given(factors))


# --- calendars ------------------------------------------------------------------------------------

PERIODS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}


@st.composite
def stamped(draw) -> Bars:
    """Bars of two instruments at times around 2023, some rows of which are real for neither."""
    count = draw(st.integers(1, 20))
    gaps = draw(st.lists(st.integers(1, 24 * 60), min_size=count, max_size=count))
    begin = int(np.datetime64("2023-12-20", "ns").astype(np.int64)) + draw(st.integers(0, 20)) * DAY
    time = begin + np.cumsum(np.array(gaps, np.int64)) * HOUR
    cells = st.tuples(st.booleans(), st.integers(0, 24 * 40))
    table = draw(st.lists(st.tuples(cells, cells), min_size=count, max_size=count))
    real = np.array([[cell[0] for cell in row] for row in table])
    opens = time[:, None] - np.array([[cell[1] for cell in row] for row in table]) * HOUR
    close = np.where(real, 10.0, NAN)
    return bars_of(close, ("X", "Y"), time=time, open_time=opens, tradable=real)


@given(stamped(), st.sampled_from(sorted(PERIODS)), st.integers(0, 19))
def test_calendar_looks_at_the_first_row_of_each_period(bars, period, start) -> None:
    start = min(start, len(bars) - 1)
    stamps = [
        max((int(o) for o, is_real in zip(opens, real, strict=True) if is_real), default=int(close))
        for opens, real, close in zip(bars.open_time, bars.tradable, bars.time, strict=True)
    ]
    begins = pl.Series(stamps).cast(pl.Datetime("ns")).dt.truncate(PERIODS[period]).to_list()
    looks = sheet_of(bars, start=start, rebalance=period).looks
    for t in range(len(bars)):
        is_first = t == 0 or begins[t] > max(begins[:t])
        assert looks[t] == (is_first or t == start)


def test_every_row_is_looked_at_bar_by_bar_and_none_in_a_band() -> None:
    assert sheet_of(FOUR, rebalance="bar").looks.tolist() == [True] * 4
    assert sheet_of(FOUR, rebalance="band", band=0.1).looks.shape == (0,)


def test_weeks_begin_on_mondays() -> None:
    days = np.arange(np.datetime64("2023-12-30"), np.datetime64("2024-01-10"))
    bars = bars_of(
        np.full(len(days), 10.0), time=(days + 1).astype("datetime64[ns]"),
        open_time=days.astype("datetime64[ns]"),
    )  # fmt: skip
    looks = sheet_of(bars, rebalance="week").looks
    assert days[looks].astype(str).tolist() == ["2023-12-30", "2024-01-01", "2024-01-08"]


# --- actions --------------------------------------------------------------------------------------


def test_action_acts_in_the_first_row_that_closes_after_it() -> None:
    close = [[10.0, 10.0], [NAN, 10.0], [10.0, 10.0]]
    bars = bars_of(close, ("X", "Y"))  # row t opens at t days and closes a day later
    actions = Actions.of(
        [
            Dividend("X", 0, 1.0),  # at the open of row 0: before it
            Dividend("Y", 1, 2.0),  # inside row 0
            Dividend("X", DAY, 3.0),  # at a close: the next row, where X has no bar: before
            Dividend("X", DAY + 5, 4.0),
            Dividend("Y", 2 * DAY - 1, 5.0),  # inside row 1
            Dividend("Y", 3 * DAY, 6.0),  # no row closes after it
        ]
    )
    found = [(act.row, act.inside, act.first) for act in sheet_of(bars, actions).acts]
    assert found == [
        (0, False, 1.0), (0, True, 2.0), (1, False, 3.0), (1, False, 4.0), (1, True, 5.0),
    ]  # fmt: skip


def test_actions_keep_what_their_kinds_say() -> None:
    actions = Actions.of(
        [
            Dividend("X", 1, 0.5),
            StockSplit("X", 2, 7, 2),
            FundingRate("X", 3, 0.01, 42.0),
            FundingRate("X", 4, -0.01),
            Delisting("X", 5, 4.0),
        ]
    )
    acts = sheet_of(FOUR, actions).acts
    found = [(act.kind, act.first, act.second, act.instrument, act.time_ns) for act in acts]
    np.testing.assert_equal(
        found,
        [
            (DIVIDEND, 0.5, NAN, 0, 1),
            (SPLIT, 7.0, 2.0, 0, 2),
            (FUNDING, 0.01, 42.0, 0, 3),
            (FUNDING, -0.01, NAN, 0, 4),
            (DELISTING, 4.0, NAN, 0, 5),
        ],
    )
    (last,) = sheet_of(FOUR, Actions.of([Delisting("X", 5)])).acts
    assert math.isnan(last.first)
