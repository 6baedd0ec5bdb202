"""TA-Lib's indicators as features: ``talib.adx(timeperiod=14)``, made from what it says of itself."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import talib
from talib import abstract

from peak_trade.data.features.definition import Feature, bases_of, code_of, feature, one_of, param
from peak_trade.data.features.given import Given
from peak_trade.data.features.registry import TALIB
from peak_trade.data.features.sourced import Sourced, column_of
from peak_trade.domain.bars import COLUMNS
from peak_trade.domain.errors import ParameterError
from peak_trade.stats.microstructure import on_rows

Floats = npt.NDArray[np.float64]

LEFT_OUT: Mapping[str, str] = {
    "MAVP": "its periods are a series of their own",
    "MAXINDEX": "places in an array mean nothing on their own",
    "MININDEX": "places in an array mean nothing on their own",
    "MINMAXINDEX": "places in an array mean nothing on their own",
    "ADD": "arithmetic of two series",
    "SUB": "arithmetic of two series",
    "MULT": "arithmetic of two series",
    "DIV": "arithmetic of two series",
    "BETA": "it takes two series",
    "CORREL": "it takes two series",
}
"""TA-Lib's functions that are no features, and why; the whole group Math Transform neither."""

_GROUPS_LEFT_OUT = ("Math Transform",)
_PROBE = 4  # rows on which TA-Lib says whether it takes the parameters


class TalibFeature(Feature):
    """Base of TA-Lib's indicators: computed over each instrument's real bars.

    A row in which an instrument has no bar keeps the value before it. Rows of the warm-up are NaN,
    those of patterns and states too, where TA-Lib itself gives 0.
    """

    extra: ClassVar[str] = "indicators"
    function: ClassVar[str] = ""
    """TA-Lib's name of it."""
    inputs: ClassVar[tuple[str, ...]] = ()
    """Columns of the bars; empty texts stand for ``of``."""
    outputs: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Refuse an output that is not offered, and parameters that TA-Lib does not take."""
        super().check()
        if len(self.outputs) > 1:
            one_of(self, "output", self.outputs)
        try:
            self._lines([np.ones(_PROBE) for _ in self.inputs])
        except Exception as error:  # TA-Lib raises nothing more special
            raise ParameterError(
                f"TA-Lib does not take {self.text}: {error}",
                hint="see the ranges in TA-Lib's documentation",
            ) from error

    @property
    def chosen(self) -> dict[str, int | float]:
        """TA-Lib's own parameters and their values."""
        return {name: getattr(self, name) for name in _facts(self.function)[1]}

    @property
    def own_warmup(self) -> int:
        """Rows before the first value, without those of its source."""
        return int(_described(self.function, **self.chosen).lookback)

    @property
    def warmup(self) -> int:
        """Rows before the first value."""
        return self.own_warmup + (super().warmup if isinstance(self, Sourced) else 0)

    @property
    def place(self) -> int:
        """Which of the outputs is meant."""
        name = str(getattr(self, "output", self.outputs[0]))
        return self.outputs.index(name)

    def definition(self) -> str:
        """TA-Lib's function, its version, and how it is called."""
        ours = "\n".join(code_of(kind) for kind in bases_of(type(self))[1:])
        return f"{ours}\n{self.function} {vars(talib)['__ta_version__']!r}"

    def values(self, given: Given) -> Floats:
        """What TA-Lib gives for each instrument, (T, N)."""
        bars = given.bars
        out = np.full(bars.close.shape, np.nan)
        names = [name or str(getattr(self, "of", "close")) for name in self.inputs]
        columns = [np.broadcast_to(column_of(given, name), out.shape) for name in names]
        for k in range(len(bars.instruments)):
            real = bars.tradable[:, k]
            lines = [np.array(column[real, k], dtype=np.float64) for column in columns]
            out[:, k] = on_rows(self._line(lines), real)
        return out

    def _line(self, lines: list[Floats]) -> Floats:
        found = np.full(len(lines[0]), np.nan)
        known = np.flatnonzero(~np.isnan(np.sum(lines, axis=0)))
        first = int(known[0]) if len(known) else len(found)
        begin = first + self.own_warmup
        if begin < len(found):
            whole = self._lines(lines)[self.place].astype(np.float64)
            found[begin:] = whole[begin:]
        return found

    def _lines(self, lines: list[Floats]) -> list[npt.NDArray[np.generic]]:
        found = getattr(talib, self.function)(*lines, **self.chosen)
        return list(found) if isinstance(found, tuple) else [found]


class TalibSourced(TalibFeature, Sourced):
    """Base of TA-Lib's indicators of one series: a column of the bars, or another feature."""


@lru_cache(maxsize=1)
def register_all() -> None:
    """Register every indicator that makes sense on bars."""
    for group, functions in vars(talib)["get_function_groups"]().items():
        for function in functions:
            if group not in _GROUPS_LEFT_OUT and function not in LEFT_OUT:
                _register(function, group)


class _Described(Protocol):
    info: dict[str, Any]
    lookback: int


def _described(function: str, **chosen: int | float) -> _Described:
    """What TA-Lib says of a function; it is made at run time, so no type checker knows of it."""
    found: _Described = vars(abstract)["Function"](function, **chosen)
    return found


@lru_cache(maxsize=512)
def _facts(function: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str]:
    """Inputs (empty for a price of one's choice), parameters, outputs and title of a function."""
    info = _described(function).info
    inputs: list[str] = []
    for name, given in info["input_names"].items():
        inputs += [""] if name == "price" else list(given)
    unknown = [name for name in inputs if name and name not in COLUMNS]
    if unknown:
        raise ParameterError(f"TA-Lib's {function} takes {unknown}, which bars do not have")
    return (
        tuple(inputs),
        tuple(info["parameters"]),
        tuple(info["output_names"]),
        str(info["display_name"]),
    )


def _register(function: str, group: str) -> None:
    inputs, names, outputs, title = _facts(function)
    defaults = _described(function).info["parameters"]
    space: dict[str, object] = {
        "__doc__": f"{title} (TA-Lib's {function}).",
        "__module__": __name__,
        "__qualname__": function,
        "function": function,
        "inputs": inputs,
        "outputs": outputs,
    }
    types: dict[str, object] = {}
    for name in names:
        kind = float if isinstance(defaults[name], float) else int
        space[name], types[name] = param(default=defaults[name], doc="see TA-Lib"), kind
    if len(outputs) > 1:
        space["output"] = param(default=outputs[0], doc=", ".join(outputs))
        types["output"] = str
    space["__annotations__"] = types
    base = TalibSourced if "" in inputs else TalibFeature
    kind_made = type(function, (base,), space)
    feature(f"{TALIB}{function.lower()}", group=f"talib: {group.lower()}")(kind_made)
