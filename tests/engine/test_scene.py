"""One run's setting: when it is laid out, what declines the fast path, and the law of the gate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.domain.actions import Actions, Dividend
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Costs, Fees
from peak_trade.domain.errors import DataError, InputError, ParameterError
from peak_trade.domain.exits import Exits
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.limits import Limits
from peak_trade.domain.terms import Terms
from peak_trade.engine.scene import Scene

HOUR = 3_600_000_000_000


def bars_of(close, symbols=("X",), *, interval="1h", **more) -> Bars:
    close = np.asarray(close, dtype=float)
    instruments = [
        s if isinstance(s, Instrument) else Instrument(s, lot=1.0, tick=0.01) for s in symbols
    ]
    return Bars.from_arrays(
        close, open=close, instruments=instruments, interval=interval, name="market", **more
    )


def scene_of(bars: Bars, terms: Terms | None = None, **more) -> Scene:
    chosen = terms or Terms(cash=1000.0)
    return Scene.of(bars, start=0, stop=len(bars), terms=chosen, **more)


ONE = bars_of([10.0, 11.0, 12.0, 13.0])
TWO = bars_of(np.full((4, 2), 10.0), ("X", "Y"))
GAPS = bars_of([10.0, math.nan, 12.0, 13.0])
DIVIDEND = Actions.of([Dividend("X", HOUR // 2, 0.5)])
TRAILING = Terms(cash=1000.0, exits=Exits(trailing=0.1))


def finer(factor: int = 4) -> Bars:
    time = (np.arange(4 * factor, dtype=np.int64) + 1) * (HOUR // factor)
    return bars_of(np.full(4 * factor, 10.0), time=time, interval=f"{60 // factor}m")


def test_plain_account_needs_nothing_laid_out() -> None:
    assert scene_of(ONE).sheet is None
    assert scene_of(TWO, actions=Actions.of([])).sheet is None


@pytest.mark.parametrize(
    ("terms", "actions"),
    [
        (Terms(costs=Costs(fees=Fees())), None),
        (Terms(limits=Limits(max_gross=1.0)), None),
        (Terms(currency="USD"), None),
        (TRAILING, None),
        (Terms(), DIVIDEND),
    ],
)
def test_terms_beyond_a_plain_account_are_laid_out(terms, actions) -> None:
    assert scene_of(ONE, terms, actions=actions).sheet is not None


def test_bars_of_several_quotes_are_laid_out_or_refused() -> None:
    stock = Instrument("SAP", quote="EUR", lot=1.0)
    bars = bars_of(np.full((4, 2), 10.0), (stock, "EUR/USD"))
    assert scene_of(bars, Terms(currency="USD")).sheet.fx.shape == (4, 2)
    with pytest.raises(InputError, match="quoted in EUR, USD"):
        scene_of(bars)


def test_actions_that_do_not_fit_the_bars_are_refused() -> None:
    with pytest.raises(DataError, match="is of no instrument of market"):
        scene_of(ONE, actions=Actions.of([Dividend("Q", 5, 1.0)]))


def test_other_terms_keep_bars_actions_and_finer_bars() -> None:
    scene = scene_of(ONE, actions=DIVIDEND, detail=finer())
    other = scene.with_terms(TRAILING)
    assert other.terms is TRAILING
    assert (other.bars, other.actions, other.detail) == (scene.bars, scene.actions, scene.detail)
    assert len(other.sheet.acts) == 1
    assert other.sheet.exits is not scene.sheet.exits


@pytest.mark.parametrize(
    ("scene", "why"),
    [
        (scene_of(ONE), ""),
        (scene_of(TWO), ""),
        (scene_of(GAPS), ""),
        (scene_of(ONE, TRAILING), ""),
        (scene_of(ONE, actions=DIVIDEND), ""),
        (scene_of(ONE, detail=finer()), "it does not read finer bars"),
        (scene_of(TWO, TRAILING), "several instruments under plain terms alone"),
        (scene_of(GAPS, TRAILING), "gaps or overlap under plain terms alone"),
        (scene_of(ONE, Terms(exits=Exits(stop_loss=0.1, convention="freqtrade"))), "freqtrade's"),
        (
            scene_of(
                bars_of(
                    np.full((4, 2), 10.0), (Instrument("SAP", quote="EUR", lot=1.0), "EUR/USD")
                ),
                Terms(currency="USD"),
            ),
            "in one currency",
        ),
    ],
)
def test_fast_path_says_why_it_declines(scene, why) -> None:
    assert (scene.declined == "") == (why == "")
    assert why in scene.declined
    targets = np.zeros(scene.bars.close.shape)
    if not why:
        assert scene.run(targets, "flat", "fast")[1] == ""
        return
    with pytest.raises(
        ParameterError, match=r"the fast path declines: .*; leave the engine to auto"
    ):
        scene.run(targets, "flat", "fast")
    record, note = scene.run(targets, "flat")
    assert record.engine == "session"
    assert note == scene.declined


def test_session_that_is_asked_for_runs_without_a_note() -> None:
    record, note = scene_of(ONE).run(np.zeros((4, 1)), "flat", "session")
    assert (record.engine, note) == ("session", "")


# --- law 6, on whole runs -------------------------------------------------------------------------

WIDTH = 4
MARKET = bars_of(np.full((3, WIDTH), 10.0), "ABCD", volume=np.full((3, WIDTH), 100.0))
shares = st.lists(st.integers(-5, 5), min_size=WIDTH, max_size=WIDTH).map(
    lambda row: np.array(row) / 20
)
given_limits = st.fixed_dictionaries(
    {},
    optional={
        "max_position": st.floats(0.01, 0.5),
        "max_gross": st.floats(0.01, 1.0),
        "max_net": st.floats(0.01, 1.0),
        "max_order": st.floats(10.0, 500.0),
        "max_participation": st.floats(0.01, 0.5),
    },
)


def ordered(targets, declared: dict[str, float]) -> set[int]:
    """Instruments whose orders of the first row were approved, from a flat account."""
    scene = scene_of(MARKET, Terms(cash=1000.0, limits=Limits(**declared)))
    record, _ = scene.run(np.tile(targets, (3, 1)), "law", "session")
    assert record.counts.shortfalls == 0
    return set(record.fills.instrument.tolist())


@settings(max_examples=40)
@given(shares, given_limits, given_limits)
def test_run_under_tighter_limits_orders_nothing_that_wider_ones_refuse(targets, one, other):
    tight = {name: min(value, one.get(name, value)) for name, value in {**one, **other}.items()}
    assert ordered(targets, tight) <= ordered(targets, one) <= ordered(targets, {})
    assert ordered(targets, {}) == set(np.flatnonzero(targets).tolist())
