"""The Session books what docs/simulation.md says of costs, exits, limits, margin and actions."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from laws import oracle
from laws.markets import HOUR, Case
from laws.rich_markets import rich_cases

from peak_trade.domain.actions import Actions, Delisting, Dividend, FundingRate, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Fees, FeeTier
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.limits import Limits, Margin
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Costs, Exits, Terms
from peak_trade.engine.detail import Detail
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.engine.sheet import Sheet
from peak_trade.portfolio.size import DrawdownScaled

DAY = 24 * HOUR

# What a law over random cases must have met, or it says little; and how often in 2,000.
MUST_OCCUR: dict[str, int] = {
    "action inside a bar": 124,
    "amended to nothing": 13,
    "amendment": 46,
    "below minimum at the order": 21,
    "booked before its bar closes": 30,
    "borrow": 42,
    "borrow of a short": 42,
    "capped after a partial exit": 1,
    "capped fee": 40,
    "cash lent": 18,
    "change inside the band": 12,
    "change within a period": 121,
    "closed 11": 2,
    "closed 3": 3,
    "closed 5": 31,
    "delisting": 10,
    "delisting of an order": 2,
    "dividend": 17,
    "dividend of a short": 9,
    "drawdown at its floor": 1,
    "entry bar exit": 107,
    "entry beyond a profit": 22,
    "entry beyond its stop": 48,
    "entry without an ATR": 44,
    "exit 1": 50,
    "exit 2": 38,
    "exit 4": 32,
    "exit 6": 32,
    "exit 7": 14,
    "exit 9": 6,
    "exit cancels an increase": 14,
    "exit cancels an order": 21,
    "exit inside a finer bar": 32,
    "exit of what its target had left": 33,
    "financing": 14,
    "first of a period": 64,
    "flip": 74,
    "free again after zero": 60,
    "funding": 19,
    "funding of a short": 12,
    "gap 1": 9,
    "gap 2": 5,
    "gap 4": 15,
    "gap 6": 18,
    "gap 7": 11,
    "gap 8": 4,
    "gap of a bar that closes later": 14,
    "gap through a stop": 32,
    "gap through a target": 26,
    "halt by max_daily_loss": 22,
    "halt by max_drawdown": 13,
    "halt while held": 21,
    "halt while working": 3,
    "impact": 50,
    "interest": 148,
    "kelly": 16,
    "kelly between its bounds": 3,
    "later return on investment": 23,
    "later schedule": 70,
    "least fee": 21,
    "order step not met by an exit": 7,
    "ordered without a bar": 78,
    "outside the band": 13,
    "partial": 26,
    "partial beyond a profit": 12,
    "partial cancels an order": 4,
    "partial of no lots": 16,
    "partial reduction": 58,
    "partial, then stop": 4,
    "reduction with partials left": 9,
    "refused by gross": 9,
    "refused by net": 19,
    "refused by order": 39,
    "refused by participation": 34,
    "refused by position": 17,
    "reject": 20,
    "ruin": 11,
    "ruin of a short": 2,
    "rules changed while held": 6,
    "scaled": 16,
    "scaled anew": 2,
    "scaled several": 1,
    "scaled targets brought back": 11,
    "scaled with margin": 4,
    "several exits in one bar": 18,
    "share below one": 40,
    "share without volume": 19,
    "slip of a sale cut": 2,
    "split": 11,
    "split of a position": 24,
    "split of a short": 5,
    "split of a working order": 8,
    "split of levels": 13,
    "split to nothing": 2,
    "stated again": 61,
    "stop and target in one bar": 26,
    "stop at zero": 7,
    "stop of a short": 37,
    "tier reached": 70,
    "time stop": 31,
    "too small to act on": 137,
    "trails closer": 6,
    "unfilled at the end": 62,
    "volume too old": 13,
    "waits for a closing": 17,
}


def run_oracle(case: Case) -> oracle.Outcome:
    return oracle.simulate(
        case.bars, case.targets, case.start, case.terms, actions=case.actions, detail=case.detail
    )


def by_session(case: Case) -> Record:
    sheet = Sheet.of(case.bars, case.terms, case.actions, case.start)
    return Session(
        case.bars, StoredRows(case.targets), start=case.start, stop=len(case.bars),
        terms=case.terms, sheet=sheet,
        detail=None if case.detail is None else Detail(case.bars, case.detail),
    ).run()  # fmt: skip


@settings(max_examples=1500)
@given(rich_cases(everything=True))
def test_session_books_what_the_document_says_with_anything_switched_on(case: Case) -> None:
    tolerance = 1e-9 if case.terms.costs.impact else 0.0  # logs and roots aside, bit for bit
    assert oracle.difference(by_session(case), run_oracle(case), tolerance=tolerance) == ""


def test_rich_markets_hit_every_rule_of_the_document() -> None:
    hits: Counter = Counter()

    @settings(max_examples=2000, derandomize=True, database=None)
    @given(rich_cases(everything=True))
    def count(case: Case) -> None:
        hits.update({name: 1 for name, times in run_oracle(case).events.items() if times})

    count()
    missed = {name: (hits[name], least) for name, least in MUST_OCCUR.items() if hits[name] < least}
    assert not missed


# --- by hand --------------------------------------------------------------------------------------

FLAT = (100.0, 100.0, 100.0, 100.0)


def days(
    rows: list[tuple[float, float, float, float]],
    targets: list[float],
    terms: Terms,
    *,
    volume: float = 1e6,
    actions: Actions | None = None,
) -> Case:
    """Daily bars of one instrument, one lot a unit, from the first of January 2024 on."""
    open_, high, low, close = (list(column) for column in zip(*rows, strict=True))
    time = 19_723 * DAY + (np.arange(len(rows), dtype=np.int64) + 1) * DAY
    bars = Bars.from_arrays(
        close, open=open_, high=high, low=low, volume=[volume] * len(rows), time=time,
        instruments=[Instrument("X/USD", tick=0.01, lot=1.0)], interval="1d",
    )  # fmt: skip
    stated = np.full((len(rows), 1), np.nan)
    stated[: len(targets), 0] = targets
    return Case(bars, stated, 0, terms, actions or Actions())


def booked(case: Case) -> oracle.Outcome:
    """What the oracle books, which the Session must book too."""
    outcome = run_oracle(case)
    assert oracle.difference(by_session(case), outcome) == ""
    return outcome


def brief(outcome: oracle.Outcome) -> list[tuple[int, int, float, int]]:
    return [(f.row, f.lots, round(f.price, 9), f.reason) for f in outcome.fills]


def test_fee_schedule_adds_its_parts_and_keeps_to_its_bounds() -> None:
    # 5 units at 100: 1 + 5 x 0.01 + 0.002 x 500 = 2.05; at least 3; at most 0.4 % of 500 = 2.
    base = Fees(fixed=1.0, per_unit=0.01, taker=0.002)
    for fees, fee in (
        (base, 2.05),
        (replace(base, minimum=3.0), 3.0),
        (replace(base, minimum=3.0, cap=0.004), 2.0),
    ):
        case = days([FLAT] * 3, [0.5], Terms(1000.0, Costs(fees=(fees,))))
        assert [f.fee for f in booked(case).fills] == [pytest.approx(fee)]


def test_fee_tier_follows_the_volume_of_thirty_days() -> None:
    # 500 are traded on days 1 and 3, which is the tier from 400 on; on day 40 they are too old.
    fees = Fees(taker=0.002, tiers=(FeeTier(400.0, 0.0, 0.001),))
    targets = [0.5, math.nan, 0.0, *[math.nan] * 35, 0.5]
    outcome = booked(days([FLAT] * 41, targets, Terms(1000.0, Costs(fees=(fees,)))))
    assert [f.row for f in outcome.fills] == [1, 3, 39]
    expected = [0.002, 0.001, 0.002]
    rates = [f.fee / abs(f.lots) / f.price for f in outcome.fills]
    assert rates == pytest.approx(expected)


def test_slip_adds_spread_and_share_of_volume() -> None:
    # 5 of a volume of 20 is a quarter: 0.1 x 1/16 = 0.00625; the spread is 0.25 / 100; 0.001 more.
    costs = Costs(slippage=0.001, half_spread=0.25, volume_share=0.1)
    outcome = booked(days([FLAT] * 3, [0.5], Terms(1000.0, costs), volume=20.0))
    assert outcome.fills[0].price == pytest.approx(100 * (1 + 0.001 + 0.0025 + 0.00625))
    assert outcome.fills[0].slippage == pytest.approx(5 * 0.975)


def test_slip_of_impact_is_the_square_root_of_the_share_of_mean_volume() -> None:
    # Log returns ln 1.1 and ln 0.9, whose deviation is their distance over the root of 2.
    closes = [(c, c, c, c) for c in (100.0, 110.0, 99.0)]
    case = days([*closes, FLAT], [math.nan, math.nan, 0.1], Terms(1000.0, Costs(impact=2.0)),
                volume=25.0)  # fmt: skip
    sigma = (math.log(1.1) - math.log(0.9)) / math.sqrt(2)
    assert booked(case).fills[0].price == pytest.approx(100 * (1 + 2 * sigma * math.sqrt(1 / 25)))


def test_short_pays_borrow_and_free_cash_earns_interest() -> None:
    # 5 short at 100: borrow 500 x 0.73 / 365 = 1 a day, then what is free, 1499 - 500 = 999, earns
    # 999 x 0.365 / 365 = 0.999.
    outcome = booked(days([FLAT] * 3, [-0.5], Terms(1000.0, Costs(borrow=0.73, interest=0.365))))
    paid = [(f.row, f.kind, round(f.amount, 6)) for f in outcome.flows[:3]]
    assert paid == [(1, "borrow", -1.0), (1, "interest", 0.999), (2, "borrow", -1.0)]


EXITS = {
    "trailing": (
        Exits(trailing=0.1),
        [FLAT, (100, 120, 100, 119), (118, 119, 107, 110)],
        [(1, 5, 100.0, 0), (2, -5, 108.0, 4)],
    ),
    "trailing armed by nothing yet": (
        Exits(trailing=0.1, trailing_arm=0.3),
        [FLAT, (100, 120, 100, 119), (118, 119, 107, 110)],
        [(1, 5, 100.0, 0)],
    ),
    "trailing closer": (
        Exits(trailing=0.5, trailing_offset=0.1, trailing_after=0.05),
        [FLAT, (100, 120, 100, 119), (118, 119, 107, 110)],
        [(1, 5, 100.0, 0), (2, -5, 114.0, 4)],
    ),
    "break-even": (
        Exits(stop_loss=0.2, break_even=0.05),
        [FLAT, (100, 105, 90, 104), (104, 105, 99, 99.5)],
        [(1, 5, 100.0, 0), (2, -5, 100.0, 7)],
    ),
    "time stop": (
        Exits(max_bars=2),
        [FLAT, FLAT, FLAT, (103, 104, 102, 103), FLAT],
        [(1, 5, 100.0, 0), (3, -5, 103.0, 5)],
    ),
    "return on investment": (  # entered at the open of day 1, two days at the close of day 2
        Exits(roi=((0, 0.1), (2880, 0.02))),
        [FLAT, (100, 105, 100, 100), (100, 105, 100, 100), (100, 103, 99, 100)],
        [(1, 5, 100.0, 0), (3, -5, 102.0, 6)],
    ),
    "partials, then the rest": (
        Exits(take_profit=0.1, partials=((0.04, 0.4), (0.06, 0.2))),
        [FLAT, (100, 105, 100, 105), (105, 111, 104, 110)],
        [(1, 5, 100.0, 0), (1, -2, 104.0, 8), (2, -1, 106.0, 8), (2, -2, 110.0, 2)],
    ),
    "worst first": (
        Exits(stop_loss=0.05, take_profit=0.05),
        [FLAT, (100, 106, 94, 100)],
        [(1, 5, 100.0, 0), (1, -5, 95.0, 1)],
    ),
    "best first": (
        Exits(stop_loss=0.05, take_profit=0.05, convention="favourable"),
        [FLAT, (100, 106, 94, 100)],
        [(1, 5, 100.0, 0), (1, -5, 105.0, 2)],
    ),
    "average true range": (  # of one bar: the range of day 0 to day 1, 4 wide
        Exits(stop_atr=1.5, atr_window=1),
        [FLAT, (100, 103, 99, 100), FLAT, (100, 101, 93, 98)],
        [(2, 5, 100.0, 0), (3, -5, 94.0, 1)],
    ),
}


@pytest.mark.parametrize("name", EXITS)
def test_exit_fills_where_the_document_puts_it(name: str) -> None:
    exits, rows, fills = EXITS[name]
    targets = [math.nan, 0.5] if "range" in name else [0.5]
    assert brief(booked(days(rows, targets, Terms(1000.0, exits=exits)))) == fills


def test_partial_exit_caps_the_target_until_it_changes() -> None:
    exits, up = Exits(partials=((0.05, 0.4),)), (100.0, 106.0, 100.0, 100.0)
    case = days([FLAT, up, FLAT, FLAT, FLAT], [0.5, 0.5, 0.5, 0.4],
                Terms(1000.0, exits=exits, rebalance="bar"))  # fmt: skip
    # 5 bought, 2 sold at 105; then 5 would be wanted again at every bar, and 3 are kept. The new
    # target asks for 0.4 x 1010 / 100 = 4.
    assert brief(booked(case)) == [(1, 5, 100.0, 0), (1, -2, 105.0, 8), (4, 1, 100.0, 0)]


def test_limits_refuse_and_count_by_the_first_violated_rule() -> None:
    for limits, name in (
        (Limits(max_order=400.0, max_position=0.3), "order"),
        (Limits(max_participation=0.04, max_position=0.3), "participation"),
        (Limits(max_position=0.3, max_gross=0.3), "position"),
        (Limits(max_gross=0.3, max_net=0.3), "gross"),
        (Limits(max_net=0.3), "net"),
    ):
        case = days([FLAT] * 3, [0.5], Terms(1000.0, limits=limits), volume=100.0)
        outcome = booked(case)
        assert outcome.refused == {k: int(k == name) for k in outcome.refused}
        assert not outcome.fills


def test_drawdown_beyond_its_limit_halts_and_flattens() -> None:
    # 10 at 100; the close at 89 is a loss of 11 %.
    falls = [FLAT, FLAT, (100.0, 100.0, 89.0, 89.0), (90.0, 91.0, 90.0, 91.0), FLAT]
    for flatten, fills in (
        (True, [(1, 10, 100.0, 0), (3, -10, 90.0, 11)]),
        (False, [(1, 10, 100.0, 0)]),
    ):
        limits = Limits(max_drawdown=0.1, flatten=flatten)
        outcome = booked(days(falls, [1.0, 1.0, 0.5, 0.0], Terms(1000.0, limits=limits)))
        assert (outcome.halted, brief(outcome)) == ("max_drawdown", fills)


def test_leveraged_position_is_liquidated_at_its_price() -> None:
    # 20 bought with 1,000: cash -1,000; 0.25 of gross is left at 1000 / (20 - 0.25 x 20) = 66.67.
    falls = (100.0, 100.0, 60.0, 80.0)
    margin = Margin(max_leverage=2.0, maintenance=0.25, liquidation_fee=0.01)
    outcome = booked(days([FLAT, FLAT, falls, FLAT], [2.0], Terms(1000.0, margin=margin)))
    price = 1000 / 15
    assert brief(outcome) == [(1, 20, 100.0, 0), (2, -20, round(price, 9), 9)]
    assert outcome.fills[1].fee == pytest.approx(0.01 * 20 * price)


def test_margin_call_at_the_close_closes_at_the_next_open() -> None:
    # Shorts of closes alone have no liquidation price inside the bar.
    closes = [100.0, 100.0, 140.0, 130.0, 100.0]
    bars = Bars.from_arrays(closes, instruments=[Instrument("X/USD", lot=1.0)])
    margin = Margin(max_leverage=2.0, maintenance=0.25)
    targets = np.array([[-2.0], [-2.0], [-2.0], [-2.0], [-2.0]])
    outcome = booked(Case(bars, targets, 0, Terms(1000.0, margin=margin)))
    assert brief(outcome) == [(1, -20, 100.0, 0), (3, 20, 130.0, 9)]


def test_lent_cash_is_financed() -> None:
    margin = Margin(max_leverage=2.0, maintenance=0.25, rate=0.365)
    outcome = booked(days([FLAT] * 3, [2.0], Terms(1000.0, margin=margin)))
    assert [(f.row, f.kind) for f in outcome.flows] == [(1, "financing"), (2, "financing")]
    assert [f.amount for f in outcome.flows] == pytest.approx([-1.0, -1.001])


def at(day: float) -> int:
    """A time so many days after the first bar opens."""
    return 19_723 * DAY + int(day * DAY)


def test_actions_pay_and_split_what_is_held() -> None:
    # 5 long from day 1 on. Day 2: 2 a unit; funding of 1 % of 500 at the last close; a split 3 for 2
    # leaves 7 of 7.5, and pays half a unit at 100 x 2 / 3; delisted at 60 in the bar of day 3.
    actions = Actions.of(
        [
            Dividend("X/USD", at(2), 2.0),
            FundingRate("X/USD", at(2.25), 0.01, None),
            StockSplit("X/USD", at(2.5), 3, 2),
            Delisting("X/USD", at(3.5), 60.0),
        ]
    )
    outcome = booked(days([FLAT] * 5, [0.5], Terms(1000.0), actions=actions))
    paid = [(f.row, f.kind, round(f.amount, 9)) for f in outcome.flows]
    assert paid == [(2, "dividend", 10.0), (2, "funding", -5.0), (2, "split", round(100 / 3, 9))]
    assert brief(outcome) == [(1, 5, 100.0, 0), (3, -7, 60.0, 10)]


def test_split_moves_levels_with_the_price() -> None:
    # The stop at 95 becomes 47.5 after a split 2 for 1 at the open of day 2.
    rows = [FLAT, FLAT, (50.0, 50.0, 48.0, 49.0), (49.0, 49.0, 47.0, 47.0)]
    split = Actions.of([StockSplit("X/USD", at(2), 2, 1)])
    case = days(rows, [0.5], Terms(1000.0, exits=Exits(stop_loss=0.05)), actions=split)
    assert brief(booked(case)) == [(1, 5, 100.0, 0), (3, -10, 47.5, 1)]


RISES = [(c, c, c, c) for c in (100.0, 100.0, 200.0, 200.0, 200.0)]


def test_rebalance_at_every_bar_brings_the_weight_back() -> None:
    # 5 at 100 become 1,000 of 1,500 at the close of day 2; half of that is 3.75 units.
    outcome = booked(days(RISES, [0.5], Terms(1000.0, rebalance="bar")))
    assert brief(outcome) == [(1, 5, 100.0, 0), (3, -2, 200.0, 0)]


@pytest.mark.parametrize(("band", "trades"), [(0.16, 2), (0.17, 1)])
def test_rebalance_by_band_waits_until_the_weight_has_left_it(band: float, trades: int) -> None:
    # The weight is 2/3 after the rise, 0.1667 from its target.
    outcome = booked(days(RISES, [0.5], Terms(1000.0, rebalance="band", band=band)))
    assert len(outcome.fills) == trades


def test_rebalance_by_month_acts_on_the_first_bar_of_a_month_alone() -> None:
    # The first bar is of the 1st of January, the 32nd of the 1st of February.
    targets = [0.5, *[math.nan] * 9, 0.8]
    outcome = booked(days([FLAT] * 34, targets, Terms(1000.0, rebalance="month")))
    assert brief(outcome) == [(1, 5, 100.0, 0), (32, 3, 100.0, 0)]


def test_sizer_takes_the_drawdown_from_a_target() -> None:
    # 10 at 100 fall to 90: a drawdown of 10 % of a limit of 20 %, half of all targets is left.
    rows = [FLAT, FLAT, (90.0, 90.0, 90.0, 90.0), (90.0, 90.0, 90.0, 90.0)]
    terms = Terms(1000.0, sizer=DrawdownScaled(limit=0.2, floor=0.1))
    outcome = booked(days(rows, [1.0, math.nan, 0.9], terms))
    assert brief(outcome) == [(1, 10, 100.0, 0), (3, -6, 90.0, 0)]
