"""From names to objects: strategies, values and grids."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.app.wiring import (
    parse_grid,
    parse_settings,
    parse_value,
    registered_strategies,
    split_settings,
    strategy_class,
)
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.domain.strategy import make

MINE = '''
from __future__ import annotations
import numpy as np
from peak_trade.domain.strategy import Strategy, param

class Mine(Strategy):
    """Hold."""
    weight: float = param(default=1.0, low=0, high=1)
    def targets(self, bars):
        return np.full(bars.close.shape, self.weight)

class Plain:
    def targets(self, bars):
        return np.ones(len(bars))

class Other: ...
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["ma_cross", "donchian_breakout", "rsi_reversion", "xs_momentum"])
def test_strategy_class_registered_name_gives_a_strategy(name: str) -> None:
    assert name in {item.name for item in registered_strategies()}
    assert callable(strategy_class(name).targets)  # type: ignore[attr-defined]


def test_strategy_class_unknown_name_says_which_is_close() -> None:
    with pytest.raises(StrategyError, match="did you mean ma_cross"):
        strategy_class("ma_cros")


@pytest.mark.parametrize("name", ["Mine", "Plain"])
def test_strategy_class_of_a_file_can_be_traded(mine: Path, name: str) -> None:
    strategy = make(strategy_class(f"{mine}:{name}"), {})
    bars = Bars.from_arrays([1.0, 2.0])
    assert np.asarray(strategy.targets(bars)).ravel().tolist() == [1.0, 1.0]


def test_strategy_class_of_a_changed_file_is_the_new_one(mine: Path) -> None:
    first = strategy_class(f"{mine}:Mine")
    mine.write_text(MINE.replace("param(default=1.0", "param(default=0.25"), encoding="utf-8")
    assert strategy_class(f"{mine}:Mine")().weight == 0.25
    assert first().weight == 1.0


def test_strategy_class_of_a_file_may_import_its_neighbour(mine: Path) -> None:
    (mine.parent / "peak_neighbour_weight.py").write_text("W = 0.5\n", encoding="utf-8")
    text = MINE + "\nfrom peak_neighbour_weight import W\n"
    mine.write_text(text, encoding="utf-8")
    assert strategy_class(f"{mine}:Mine")


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        (":Mien", "no class 'Mien'.*did you mean Mine"),
        ("", "no class named.*mine.py:Class; choose one of Mine, Other, Plain"),
        (":Other", "no method targets"),
        (":Strategy", "no class 'Strategy'"),
    ],
)
def test_strategy_class_not_in_the_file_is_refused(mine: Path, suffix: str, message: str) -> None:
    with pytest.raises(StrategyError, match=f"(?s){message}"):
        strategy_class(f"{mine}{suffix}")


def test_strategy_class_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="does not exist"):
        strategy_class(str(tmp_path / "none.py") + ":X")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import numpy\n\nimport no_such_module_here\n", "line 3 of .*No module named"),
        ("x = 1\ndef f(:\n", "line 2 of .*SyntaxError"),
        ("\nraise SystemExit(3)\n", "line 2 of .*SystemExit"),
        ("def f():\n    return 1 / 0\n\nf()\n", "line 2 of .*ZeroDivisionError"),
    ],
)
def test_strategy_class_broken_file_names_the_line(mine: Path, text: str, message: str) -> None:
    mine.write_text(text, encoding="utf-8")
    with pytest.raises(StrategyError, match=message):
        strategy_class(f"{mine}:Mine")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20", 20),
        ("-3", -3),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        ("True", True),
        ("false", False),
        ("sma", "sma"),
        ("", ""),
    ],
)
def test_parse_value_gives_value_and_type(text: str, value: object) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["fast"], "not name=value"),
        (["=5"], "not name=value"),
        (["fast=5", "fast=6"], "given twice"),
    ],
)
def test_parse_settings_bad_item_is_refused(items: list[str], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_settings(items)


def test_split_settings_parts_by_the_dot() -> None:
    assert split_settings(["kind=a=b", "risk.max=1"]) == ({"kind": "a=b"}, {"risk.max": "1"})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=5:50:5", tuple(range(5, 51, 5))),
        ("x=5:52:5", tuple(range(5, 51, 5))),
        ("x=10:1:-3", (10, 7, 4, 1)),
        ("x=0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("x=1:2:0.5", (1.0, 1.5, 2.0)),
        ("x=5:5:1", (5,)),
        ("x=5,10,20", (5, 10, 20)),
        ("x=1:3:1,10", (1, 2, 3, 10)),
        ("x=true,false", (True, False)),
        ("x=sma", ("sma",)),
    ],
)
def test_parse_grid_axis_has_these_values(text: str, values: tuple[object, ...]) -> None:
    found = parse_grid([text])["x"]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x=5:50:0", "empty"),
        ("x=50:5:5", "empty"),
        ("x=5:50:-5", "empty"),
        ("x=5:50", "not start:stop:step"),
        ("x=a:b:c", "not start:stop:step"),
        ("x=1:nan:1", "not start:stop:step"),
        ("x=1:inf:1", "not start:stop:step"),
        ("x=", "empty value"),
        ("x=1,,2", "empty value"),
        ("x=1,2,1", "1 twice"),
        ("x=0:1e9:1", "values, 1,000,000 at most"),
        ("5:50:5", "not name=value"),
    ],
)
def test_parse_grid_bad_axis_is_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_grid([text])


@given(
    start=st.integers(-1000, 1000),
    count=st.integers(1, 50),
    step=st.integers(1, 500),
    places=st.integers(0, 4),
    sign=st.sampled_from([1, -1]),
)
def test_parse_grid_range_on_the_grid_ends_at_its_stop(
    start: int, count: int, step: int, places: int, sign: int
) -> None:
    unit = Decimal(1).scaleb(-places)
    first, by = start * unit, sign * step * unit
    last = first + (count - 1) * by
    values = parse_grid([f"x={first}:{last}:{by}"])["x"]
    assert len(values) == count
    assert values[0] == float(str(first))
    assert values[-1] == float(str(last))
    assert all(len(repr(value)) <= len(f"{value:.4f}") for value in values)


def test_file_that_changed_within_a_second_is_read_as_it_stands(tmp_path):
    path = tmp_path / "mine.py"
    text = "class Mine:\n    weight = {}\n    def targets(self, bars):\n        return None\n"
    for weight in (1, 2, 3):  # of one length, and mostly of one second
        path.write_text(text.format(weight))
        assert strategy_class(f"{path}:Mine").weight == weight
