"""Strategies and their parameters."""

import json
import os
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.domain.strategy import (
    HasTargets,
    Strategy,
    make,
    param,
    parameter_values,
    parameters,
    warmup_of,
)


class Sized(Strategy):
    """One parameter of each kind."""

    source: ClassVar[str] = "nowhere"
    n: int = param(default=20, low=2, high=100, doc="rows")
    weight: float = param(default=0.5, low=0, high=1)
    both: bool = param(default=False)
    label: str = param(default="close")
    limit: float | None = param(default=None)

    def check(self):
        if self.n == 13:
            raise ParameterError("13 is refused")


class Plain:
    """No subclass of anything."""

    def __init__(self, n: int, weight=1.0, *rest):
        self.n, self._weight = n, weight

    def targets(self, bars):
        return np.full(bars.close.shape, self._weight)


def test_strategy_is_a_frozen_value():
    first = Sized(n=5)
    assert first == Sized(n=5)
    assert first != Sized(n=6)
    assert hash(first) == hash(Sized(n=5))
    assert repr(first) == "Sized(n=5, weight=0.5, both=False, label='close', limit=None)"
    with pytest.raises(AttributeError, match="cannot assign"):
        first.n = 7


def test_param_takes_names_alone():
    with pytest.raises(TypeError, match="positional"):
        param(3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": 1}, "n 1 of Sized is out of range: 2 to 100 expected"),
        ({"n": 101}, "n 101 of Sized is out of range"),
        ({"n": np.int64(1)}, "n 1 of Sized is out of range"),
        ({"n": 2.5}, "n 2.5 of Sized is not a whole number"),
        ({"n": "20"}, "n '20' of Sized is not a whole number"),
        ({"n": True}, "n True of Sized is not a whole number"),
        ({"n": None}, "n None of Sized is not a whole number"),
        ({"n": float("nan")}, "n nan of Sized is not a whole number"),
        ({"n": float("inf")}, "n inf of Sized is not a whole number"),
        ({"weight": float("nan")}, "weight nan of Sized is not a number"),
        ({"weight": "1"}, "weight '1' of Sized is not a number"),
        ({"weight": np.float64(1.5)}, "weight 1.5 of Sized is out of range"),
        ({"weight": True}, "weight True of Sized is not a number"),
        ({"both": "yes"}, "both 'yes' of Sized is not True or False"),
        ({"both": 1}, "both 1 of Sized is not True or False"),
        ({"n": 13}, "13 is refused"),
    ],
)
def test_parameter_that_is_not_valid_is_refused(given, message):
    with pytest.raises(ParameterError) as caught:
        Sized(**given)
    assert str(caught.value).startswith(message)


def test_parameters_at_both_ends_of_their_range_are_taken():
    assert (Sized(n=2).n, Sized(n=100).n, Sized(weight=0).weight, Sized(weight=1).weight) == (
        2, 100, 0, 1,
    )  # fmt: skip


@pytest.mark.parametrize("value", [5, 5.0, np.int64(5), np.int32(5), np.float64(5)])
def test_whole_number_of_any_type_becomes_an_int(value):
    made = Sized(n=value)
    assert type(made.n) is int
    assert made == Sized(n=5)
    assert json.dumps(parameter_values(made))


def test_numpy_booleans_and_floats_become_python_ones():
    made = Sized(both=np.bool_(True), weight=np.float32(0.25))
    assert made.both is True
    assert type(made.weight) is float


def test_strategy_without_targets_says_so():
    assert Sized().warmup == 0
    with pytest.raises(StrategyError, match=r"Sized does not define targets\(bars\)"):
        Sized().targets(None)


def test_subclass_of_a_strategy_keeps_its_parameters():
    class More(Sized):
        m: int = param(default=1)

    assert More(n=3, m=2).n == 3
    assert [item.name for item in parameters(More)][-1] == "m"


def test_parameters_of_a_strategy_have_type_default_range_and_meaning():
    found = {item.name: item for item in parameters(Sized)}
    assert list(found) == ["n", "weight", "both", "label", "limit"]
    n = found["n"]
    assert (n.kind, n.default, n.low, n.high, n.doc) == ("int", 20, 2, 100, "rows")
    assert found["both"].kind == "bool"


def test_parameters_of_a_plain_class_are_those_of_its_init():
    found = parameters(Plain)
    assert [(item.name, item.kind, item.default) for item in found] == [
        ("n", "int", None), ("weight", "", 1.0),
    ]  # fmt: skip
    assert parameter_values(Plain(3)) == {"n": 3}


def test_make_builds_either_kind_and_names_an_unknown_parameter():
    assert make(Sized, {"n": 7}).n == 7
    assert make(Plain, {"n": 7}).n == 7
    with pytest.raises(
        ParameterError, match="Sized has no parameter 'wieght'; did you mean weight"
    ):
        make(Sized, {"wieght": 1})


def test_make_of_a_class_without_targets_is_refused():
    class Nothing:
        pass

    assert not isinstance(Nothing(), HasTargets)
    with pytest.raises(StrategyError, match=r"Nothing has no method targets\(bars\)"):
        make(Nothing, {})


def test_warmup_of_a_strategy_that_does_not_say_is_none():
    assert warmup_of(Plain(1)) == 0


@pytest.mark.parametrize("warmup", [-1, 1.5, "20", None, lambda: 20])
def test_warmup_that_is_no_number_of_rows_is_refused(warmup):
    strategy = Plain(1)
    strategy.warmup = warmup
    with pytest.raises(StrategyError, match=r"warm-up of Plain is .*expected a number of rows"):
        warmup_of(strategy)


TYPED = """
import numpy as np
import peak_trade as pt

class S(pt.Strategy):
    n: int = pt.param(default=3, low=1)
    weight: float = pt.param(default=1)
    name: str = pt.param(default="x", doc="a name")

    def targets(self, bars: pt.Bars) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.full(bars.close.shape, self.weight * self.n)

S()
S(n=5, weight=0.5)
reveal_type(S().n)
"""
WRONG = """
import peak_trade as pt

class S(pt.Strategy):
    n: int = pt.param(default="three")

S(m=5)
S(5)
S().n = 4
"""


def mypy(text, folder):
    source = folder / "mine.py"
    source.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, str(source)]
    cache = ["--cache-dir", str(folder / "cache"), "--follow-imports", "silent"]
    return subprocess.run([*command, *cache], capture_output=True, text=True, check=False).stdout


def test_type_checker_reads_parameters_as_fields_with_defaults(tmp_path):
    pytest.importorskip("mypy", reason="needs mypy, a development dependency")
    told = mypy(TYPED, tmp_path)
    assert 'Revealed type is "int"' in told or "builtins.int" in told
    assert "Success" in told, told
    wrong = mypy(WRONG, tmp_path)
    for line in (5, 7, 8, 9):
        assert f"mine.py:{line}: error" in wrong, wrong
