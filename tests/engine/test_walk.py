"""The fast path under any terms: what it declines and says, its errors, its room."""

import numpy as np
import pytest
from execution.scenes import FLAT, bars_of

import peak_trade as pt
from peak_trade.domain.errors import InputError, ParameterError, StrategyError
from peak_trade.domain.terms import Costs, Exits, Limits, Margin, Terms
from peak_trade.engine import fast, walk
from peak_trade.engine.scene import Scene
from peak_trade.engine.sheet import Sheet

TRAILING = Exits(trailing=0.02)
LIMITED = Limits(max_drawdown=0.5)


def walk_prices(rows: int = 300, seed: int = 7) -> pt.Bars:
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows))), 2)
    opens = np.concatenate((close[:1], close[:-1]))
    return pt.Bars.from_arrays(
        close, open=opens, high=np.maximum(opens, close) + 0.5, low=np.minimum(opens, close) - 0.5
    )


def scene(bars: pt.Bars, **named: object) -> Scene:
    return Scene.of(bars, start=0, stop=len(bars), terms=Terms(**named))


def switching(rows: int, every: int) -> np.ndarray:
    return (np.arange(rows) // every % 2 == 0).astype(float)[:, None]


GAPS = pt.Bars.from_arrays(
    [1.0, 1.0, 1.0], open=[1.0] * 3, high=[1.0] * 3, low=[1.0] * 3, tradable=[True, False, True]
)
HOURS = bars_of([FLAT] * 3)


@pytest.mark.parametrize(
    ("bars", "named", "said"),
    [
        (HOURS, {"limits": LIMITED}, ""),
        (HOURS, {"exits": TRAILING}, ""),
        (HOURS, {"margin": Margin()}, ""),
        (HOURS, {"costs": Costs(interest=0.1)}, ""),
        (HOURS, {"rebalance": "bar"}, ""),
        (bars_of([FLAT] * 3, [FLAT] * 3), {"limits": LIMITED}, "several instruments"),
        (bars_of([FLAT] * 3, [FLAT] * 3), {}, ""),
        (GAPS, {"limits": LIMITED}, "gaps"),
        (GAPS, {}, ""),
        (HOURS, {"exits": Exits(stop_loss=0.1, convention="freqtrade")}, "freqtrade"),
    ],
)
def test_fast_path_says_what_it_declines(bars: pt.Bars, named: dict, said: str) -> None:
    declined = scene(bars, **named).declined
    assert (said in declined) if said else declined == ""


def test_finer_bars_are_declined() -> None:
    declined = fast.declines(HOURS, Terms(), None, has_detail=True)
    assert "finer bars" in declined


def test_forced_fast_path_that_declines_is_an_error() -> None:
    setting = scene(GAPS, limits=LIMITED)
    with pytest.raises(ParameterError, match="the fast path declines: it trades an instrument"):
        setting.run(np.ones((3, 1)), "Mine", "fast")


@pytest.mark.parametrize("target", [2.01, -2.01, np.inf])
def test_target_beyond_the_leverage_is_an_error_with_its_row(target: float) -> None:
    bars = walk_prices(8)
    targets = np.array([0.0, 2.0, np.nan, target, 0.0, 0.0, 0.0, 0.0])[:, None]
    with pytest.raises(StrategyError, match=r"exceed 2\.0 at 1970-01-05") as caught:
        scene(bars, margin=Margin(max_leverage=2.0)).run(targets, "Mine", "fast")
    assert caught.value.fields["row"] == 3
    assert "Mine.targets" in str(caught.value)


def test_position_that_the_books_cannot_hold_is_an_error() -> None:
    bars = pt.Bars.from_arrays(
        [1.0, 1.0], open=[1.0, 1.0], instruments=[pt.Instrument("X", lot=1e-18)]
    )
    with pytest.raises(InputError, match=r"more than 4e\+18 lots"):
        scene(bars, cash=1e6, limits=LIMITED).run(np.ones((2, 1)), "Mine", "fast")


def test_room_for_fills_grows_without_changing_what_is_booked() -> None:
    bars = walk_prices()
    chosen = Terms(exits=Exits(trailing=0.001, partials=((0.001, 0.3), (0.002, 0.3))))
    setting = walk.Setting.of(bars, 0, 300, chosen, Sheet.of(bars, chosen, None, 0))
    targets = switching(300, 2)
    whole = walk.run(setting, targets, "Mine")
    scratch = walk.Scratch(setting, keeps=False)
    room = len(scratch.fills[0])
    walk.summarise(setting, targets, "Mine", scratch)
    assert room < len(whole.fills) <= len(scratch.fills[0])
    used = scratch.fills[1][: len(whole.fills), 0]
    assert used.tobytes() == whole.fills.price.tobytes()


def test_run_that_carries_keeps_every_payment() -> None:
    bars = walk_prices(50)
    record, _ = scene(bars, costs=Costs(interest=0.05)).run(np.zeros((50, 1)), "Mine", "fast")
    assert record.flows.kind == ("interest",) * 49
    assert record.equity[-1] == pytest.approx(100_000.0 * (1 + 0.05 / 365) ** 49, rel=1e-12)
    assert np.all(np.diff(record.flows.amount) > 0)


def test_sweep_says_once_why_it_goes_bar_by_bar() -> None:
    bars = walk_prices(80)
    two = pt.Bars.from_arrays(
        np.repeat(bars.close, 2, axis=1), open=np.repeat(bars.open, 2, axis=1)
    )
    grid = {"fast": [2, 3], "slow": [5, 8]}
    costs = pt.Costs(commission=0.001)
    cross = pt.strategies.MaCross
    one = pt.sweep(cross, bars, grid, costs=costs, limits=LIMITED)
    several = pt.sweep(cross, two, grid, costs=costs, limits=LIMITED)
    assert one.warnings == ()
    assert len(several.warnings) == 1
    assert "Session, bar by bar" in several.warnings[0]


@pytest.mark.parametrize("name", ["exits.trailing", "limits.max_drawdown", "costs.interest"])
def test_sweep_over_numbers_of_the_terms_gives_other_figures(name: str) -> None:
    found = pt.sweep(pt.strategies.MaCross, walk_prices(), {"fast": [3], name: [0.02, 0.3]})
    assert found.trials == 2
    assert found.rows[0].stats != found.rows[1].stats
