"""Both engines book what docs/simulation.md says, as a plain simulation written from it reads it."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from laws import oracle
from laws.markets import HOUR, Case, cases
from laws.test_substitution import both

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError
from peak_trade.domain.instrument import Instrument, TradingRules
from peak_trade.domain.terms import Costs, Exits, Terms
from peak_trade.engine import fast
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session

# What a law over random cases must have met, or it says little; and how often in 1,500.
MUST_OCCUR = {
    "gap through a stop": 10,
    "gap through a target": 10,
    "stop and target in one bar": 20,
    "entry bar exit": 100,
    "entry beyond its stop": 10,
    "stop of a short": 50,
    "flip": 100,
    "partial reduction": 50,
    "scaled": 50,
    "scaled several": 5,
    "reject": 20,
    "ruin": 5,
    "ruin of a short": 5,
    "below minimum at the order": 50,
    "below minimum after scaling": 3,
    "rules changed while held": 5,
    "booked before its bar closes": 20,
    "ordered without a bar": 50,
    "amendment": 50,
    "amended to nothing": 10,
    "exit cancels an increase": 3,
    "standing before the start": 30,
    "target left unsaid": 100,
    "too small to act on": 50,
    "order step not met by an exit": 3,
    "huge lots": 2,
    "waits for its first bar": 30,
    "stated again": 20,
    "free again after zero": 20,
    "close-only fill": 20,
    "unfilled at the end": 50,
    "gave up a step": 1,
}


def run_oracle(case: Case) -> oracle.Outcome:
    return oracle.simulate(case.bars, case.targets, case.start, case.terms)


@settings(max_examples=1500)
@given(cases())
def test_engines_book_what_the_document_says(case: Case) -> None:
    expected = run_oracle(case)
    for record in both(case):
        assert oracle.difference(record, expected) == "", record.engine


def test_random_markets_hit_every_rule_of_the_document() -> None:
    hits: Counter = Counter()

    @settings(max_examples=1500, derandomize=True, database=None)
    @given(cases())
    def count(case: Case) -> None:
        hits.update({name: 1 for name, times in run_oracle(case).events.items() if times})

    count()
    missed = {name: (hits[name], least) for name, least in MUST_OCCUR.items() if hits[name] < least}
    assert not missed


def test_oracle_on_the_five_bars_of_the_document_finds_their_numbers() -> None:
    bars = Bars.from_arrays(
        [10.00, 10.20, 10.30, 9.60, 9.70],
        open=[10.00, 10.10, 10.20, 10.20, 9.60],
        high=[10.10, 10.30, 10.40, 10.20, 9.80],
        low=[9.90, 10.00, 10.10, 9.50, 9.50],
        instruments=[Instrument("X/USD", tick=0.01, lot=1.0)],
    )
    terms = Terms(1000.0, Costs(0.001, 0.0005), Exits(stop_loss=0.05))
    found = oracle.simulate(bars, np.ones((5, 1)), 0, terms)
    by_hand = [1000.0, 1008.3148051, 1018.1148051, 947.12554501, 947.12554501]
    assert np.allclose(found.equity, by_hand, rtol=0, atol=1e-9)
    assert [fill.lots for fill in found.fills] == [98, -98]


def two_speeds(slow: list[tuple[float, float, float, float]], targets: list[float]) -> Case:
    """A flat hourly instrument, and a slow one whose bars close every second hour."""
    rows = 2 * len(slow)
    time = (np.arange(rows, dtype=np.int64) + 1) * HOUR
    shape = (rows, 2)
    open_, high, low, close = (np.full(shape, 100.0) for _ in range(4))
    tradable, open_time = np.ones(shape, bool), np.repeat(time[:, None] - HOUR, 2, axis=1)
    for k, bar in enumerate(slow):
        for array, price in zip((open_, high, low, close), bar, strict=True):
            array[2 * k + 1, 1] = price
        open_time[2 * k + 1, 1] -= HOUR
    tradable[::2, 1] = False
    bars = Bars.from_arrays(
        close, open=open_, high=high, low=low, time=time, open_time=open_time, tradable=tradable,
        instruments=[Instrument("FAST", lot=1.0), Instrument("SLOW", lot=1.0)], interval="1h",
    )  # fmt: skip
    stated = np.column_stack([np.zeros(rows), targets])
    return Case(bars, stated, 0, Terms(1000.0, exits=Exits(stop_loss=0.05)))


FLAT = (100.0, 100.0, 100.0, 100.0)


def assert_as_documented(case: Case) -> None:
    expected = run_oracle(case)
    for record in both(case):
        assert oracle.difference(record, expected) == "", record.engine


def test_slow_bar_that_opens_beyond_its_stop_exits_at_its_open() -> None:
    # Bought at hour 2; the slow bar of hours 4 to 6 opens at 90, below the stop at 95: the exit
    # happens at hour 4 and is booked by the row that closes at hour 5, not at hour 6.
    falls = (90.0, 90.0, 90.0, 90.0)
    case = two_speeds([FLAT, FLAT, falls, falls], [0.5] * 8)
    assert [(f.row, f.reason) for f in run_oracle(case).fills] == [(2, 0), (4, 1)]
    assert_as_documented(case)


def test_slow_bar_that_opens_beyond_its_stop_cancels_the_increase() -> None:
    falls = (90.0, 90.0, 90.0, 90.0)
    case = two_speeds([FLAT, FLAT, falls, falls], [0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9])
    assert [(f.row, f.lots, f.reason) for f in run_oracle(case).fills] == [(2, 5, 0), (4, -5, 1)]
    assert_as_documented(case)


def test_exit_after_the_target_went_to_zero_leaves_the_instrument_free() -> None:
    # Zero is stated at hour 5 and waits for the open at hour 6; the bar of hours 4 to 6 is stopped.
    # The target of hour 8 is a new one.
    stopped = (100.0, 100.0, 94.0, 100.0)
    case = two_speeds(
        [FLAT, FLAT, stopped, FLAT, FLAT], [0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5]
    )
    assert [(f.row, f.lots) for f in run_oracle(case).fills] == [(2, 5), (5, -5), (8, 4)]
    assert_as_documented(case)


def test_exit_after_a_refused_closing_leaves_the_instrument_free() -> None:
    # One instrument, no gaps: the closing order at row 2 is worth 450, less than the minimum of
    # 500, and is refused. The stop at 40 closes at row 4; the minimum is lifted; 1 is a new target.
    prices = [100.0, 100.0, 45.0, 45.0, 40.0, 40.0, 40.0, 40.0]
    lifted = TradingRules(6 * HOUR, 0.01, 1, 0.0)
    instrument = Instrument("X", lot=1.0, min_notional=500.0, rules=(lifted,))
    bars = Bars.from_arrays(prices, open=prices, instruments=[instrument], interval="1h")
    targets = np.array([[1.0], [1.0], [0.0], [0.0], [0.0], [1.0], [1.0], [1.0]])
    case = Case(bars, targets, 0, Terms(1000.0, exits=Exits(stop_loss=0.6)))
    assert [(f.row, f.lots) for f in run_oracle(case).fills] == [(1, 10), (4, -10), (6, 10)]
    assert_as_documented(case)


def too_large() -> Case:
    prices = [1e-6, 1e-6, 1e-6]
    instrument = Instrument("X", tick=1e-8, lot=1e-12)
    bars = Bars.from_arrays(prices, open=prices, instruments=[instrument])
    return Case(bars, np.ones((3, 1)), 0, Terms(1e7))


def test_target_of_more_lots_than_the_books_hold_is_refused_by_the_fast_path() -> None:
    case = too_large()
    with pytest.raises(oracle.TooLargeError):
        run_oracle(case)
    with pytest.raises(InputError, match="lots"):
        fast.run(fast.Trading.of(case.bars, 0, 3), case.targets, case.terms, "case")


def test_target_of_more_lots_than_the_books_hold_is_refused_by_the_session() -> None:
    case = too_large()
    session = Session(case.bars, StoredRows(case.targets), start=0, stop=3, terms=case.terms)
    with pytest.raises(InputError, match="lots"):
        session.run()
