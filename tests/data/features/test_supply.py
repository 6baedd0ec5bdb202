"""Features on bars: computed once, anew on other rows, and refused where they cannot be."""

import numpy as np
import pytest
from laws.feature_market import beside, market

import peak_trade as pt
from peak_trade.data.features import Feature, feature, param, supplied, with_features
from peak_trade.data.features.definition import REGISTERED
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError, InputError, StrategyError
from peak_trade.domain.strategy import features_of
from peak_trade.portfolio.weights import target_array
from peak_trade.research.backtest import backtest
from peak_trade.research.sweep import sweep

CALLS: list[int] = []


@pytest.fixture(autouse=True)
def _own_features():
    CALLS.clear()
    yield
    for key in [key for key in REGISTERED if key[0].startswith("own.")]:
        del REGISTERED[key]


@feature("kept.counted")
class Counted(Feature):
    """The close, and a note of each call."""

    times: float = param(default=1.0)

    def values(self, given):
        CALLS.append(len(given.bars))
        return given.bars.close * self.times


class Above(pt.Strategy):
    """Long while a feature is above a level."""

    level: float = pt.param(default=100.0)
    text: str = pt.param(default="kept.counted")

    @property
    def features(self):
        return {"signal": self.text}

    def targets(self, bars):
        return (bars.features["signal"] > self.level) / bars.close.shape[1]


def define(name, function):
    class Made(Feature):
        def values(self, given):
            return function(given.bars)

    return feature(f"own.{name}")(Made)


def test_a_sweep_computes_a_feature_once_where_parameters_do_not_change_it():
    bars = market(1, frozenset(), 60, 1)
    found = sweep(Above, bars, {"level": [90.0, 95.0, 100.0, 105.0, 110.0]}, threads=1)
    assert found.trials == 5
    assert CALLS == [60]


def test_every_row_of_a_sweep_equals_the_backtest_of_its_parameters():
    bars = market(2, frozenset({"missing"}), 60, 2)
    grid = {"level": [95.0, 100.0], "text": ["rsi(period=5)", "kept.counted(times=1.01)"]}
    for row in sweep(Above, bars, grid).rows:
        once = backtest(Above(**row.params), bars)
        assert once.stats["total_return"] == row.stats["total_return"]


def test_slices_compute_anew_and_keep_their_supply():
    bars = supplied(market(3, frozenset(), 60, 1))
    target_array(Above(), bars)
    target_array(Above(), bars[:40])
    target_array(Above(), bars)
    assert CALLS == [60, 40]
    assert bars[10:20].supply is bars.supply
    assert bars.select("I0").supply is bars.supply


def test_bars_that_can_compute_stay_the_bars_they_are():
    bars = supplied(market(3, frozenset(), 10, 1))
    assert supplied(bars) is bars
    assert supplied(bars, store=lambda: beside(bars, 1)) is not bars


def test_members_of_a_mean_get_what_each_declares():
    bars = market(4, frozenset(), 60, 2)
    mean = pt.Mean(strategies=(Above(text="rsi(period=5)", level=50.0), Above(level=99.0)))
    one, other = (target_array(child, supplied(bars)) for child in mean.strategies)
    np.testing.assert_allclose(target_array(mean, supplied(bars)), (one + other) / 2)
    facts = backtest(mean, bars).to_dict()["data"]["features"]
    assert [text.partition("@")[0] for text in facts] == ["kept.counted", "rsi"]


def test_a_backtest_says_which_features_and_versions_it_read():
    bars = market(5, frozenset(), 60, 1)
    kept = beside(bars, 5)
    ready = supplied(bars, store=lambda: kept)
    facts = backtest(Above(text="macro(series='fred:CPI')", level=0.0), ready).to_dict()["data"]
    assert facts["features_read"] == {"fred:CPI series": 7}
    assert facts["features"][0].startswith("macro@1(series='fred:CPI', ttl='', output='value'")
    assert "features" not in backtest(pt.strategies.MaCross(fast=2, slow=5), bars).to_dict()["data"]


def test_features_are_computed_on_what_the_strategy_reads():
    bars = market(6, frozenset(), 60, 1)
    columns = {name: getattr(bars, name) * 2 for name in ("open", "high", "low")}
    doubled = Bars.from_arrays(
        bars.close * 2, **columns, time=bars.time, open_time=bars.open_time, interval="1h",
        instruments=bars.instruments,
    )  # fmt: skip
    assert backtest(Above(level=1e6), bars, signals=doubled).stats["trades"] == 0
    raw = backtest(Above(level=150.0), bars)
    seen = backtest(Above(level=150.0), bars, signals=doubled)
    assert seen.stats["exposure"] > raw.stats["exposure"]


def test_values_handed_in_with_the_bars_are_taken_as_they_are():
    bars = market(7, frozenset(), 30, 1)
    own = np.linspace(90, 110, 30)
    ready = Bars.from_arrays(bars.close, features={"alpha": own}, interval="1h")

    class Alpha(pt.Strategy):
        features = ("alpha",)

        def targets(self, bars):
            return bars.features["alpha"][:, 0] > 100

    assert target_array(Alpha(), ready).sum() == 15
    assert backtest(Alpha(), ready).to_dict()["data"]["features"] == ["alpha"]
    with pytest.raises(InputError, match="feature 'alpha' is not known"):
        backtest(Alpha(), bars)
    with pytest.raises(DataError, match="'alpha' does not ride along"):
        target_array(Alpha(), bars)


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("short", lambda bars: bars.close[1:], "has the shape"),
        ("wide", lambda bars: np.ones((len(bars), 5)), "has the shape"),
        ("broken", lambda bars: 1 / 0, "ZeroDivisionError"),
        ("words", lambda bars: ["a"] * len(bars), "ValueError"),
        ("nothing", lambda bars: None, "has the shape"),
    ],
)
def test_a_feature_that_fails_is_named(name, function, message):
    define(name, function)
    with pytest.raises(DataError, match=message) as caught:
        with_features(market(8, frozenset(), 20, 2), f"own.{name}")
    assert f"own.{name}@1" in str(caught.value)


def test_values_cannot_be_written_to():
    found = with_features(market(9, frozenset(), 20, 1), ("rsi", "local_hour"))
    assert found.features["rsi"].shape == found.features["local_hour"].shape == (20, 1)
    with pytest.raises(ValueError, match="read-only"):
        found.features["rsi"][0] = 1.0


@pytest.mark.parametrize("wanted", ["rsi", 5, {"x": 5}, (1,), None])
def test_a_declaration_that_is_no_texts_is_refused(wanted):
    class Odd(pt.Strategy):
        @property
        def features(self):
            return wanted

        def targets(self, bars):
            return np.ones(len(bars))

    with pytest.raises(StrategyError, match="texts are expected"):
        features_of(Odd())


def test_an_order_strategy_cannot_declare_features():
    class Orders(pt.OrderStrategy):
        features = ("rsi",)

        def on_bar(self, bar, view):
            return ()

    with pytest.raises(StrategyError, match="asks for orders and declares features"):
        backtest(Orders(), market(10, frozenset(), 20, 1))


def test_a_name_cannot_be_registered_twice():
    define("once", lambda bars: bars.close)
    with pytest.raises(DataError, match=r"own.once@1 is defined by"):
        feature("own.once")(Counted)
    for name, version in (("1x", 1), ("a b", 1), ("x", 0), ("x", True)):
        with pytest.raises(DataError):
            feature(name, version=version)(Counted)
    with pytest.raises(DataError, match="is no feature"):
        feature("own.int")(int)


def test_a_feature_without_values_says_so():
    @feature("own.empty")
    class Empty(Feature):
        """Nothing."""

    with pytest.raises(DataError, match=r"does not define values\(given\)"):
        with_features(market(11, frozenset(), 20, 1), "own.empty")


def test_an_insisted_version_is_that_version():
    define("aged", lambda bars: bars.close)

    @feature("own.aged", version=2)
    class Aged(Feature):
        """Twice the close."""

        def values(self, given):
            return given.bars.close * 2

    bars = market(12, frozenset(), 20, 1)
    found = with_features(bars, {"old": "own.aged@1", "new": "own.aged", "same": "own.aged@2"})
    np.testing.assert_array_equal(found.features["new"], 2 * found.features["old"])
    np.testing.assert_array_equal(found.features["new"], found.features["same"])
    with pytest.raises(InputError, match=r"write own\.aged@2"):
        with_features(bars, "own.aged@3")


def test_features_of_packages_are_loaded_and_a_broken_one_is_named(monkeypatch):
    from peak_trade.data.features import registry

    class Point:
        name, value = "theirs", "theirs.features"

        def load(self):
            raise ImportError("no module named torch")

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    registry._load_ours.cache_clear()
    with pytest.raises(DataError, match=r"'theirs' cannot be loaded from theirs.features"):
        registry.features_known()
    monkeypatch.setattr(Point, "load", lambda self: define("theirs", lambda bars: bars.close))
    assert "own.theirs" in {kind.name for kind in registry.features_known()}
