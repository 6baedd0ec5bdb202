"""From names to objects: strategies by name or file, parameters and grids by their text."""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib.abc import Loader
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType

from peak_trade.domain.errors import ParameterError, StrategyError, did_you_mean

STRATEGY_GROUP = "peak_trade.strategies"
USER_MODULE = "peak_trade_user_"
LARGEST_AXIS = 1_000_000


@dataclass(frozen=True, slots=True)
class RegisteredStrategy:
    """A strategy that an installed package offers under a name.

    ``location`` is its module and class, ``package`` the distribution that brought it.
    """

    name: str
    location: str
    package: str


def registered_strategies() -> tuple[RegisteredStrategy, ...]:
    """Every strategy of the entry-point group ``peak_trade.strategies``, by name.

    Examples
    --------
    >>> [item.name for item in registered_strategies() if item.name == "ma_cross"]
    ['ma_cross']
    """
    return tuple(
        RegisteredStrategy(name, point.value, point.dist.name if point.dist else "")
        for name, point in sorted(_points().items())
    )


def strategy_class(reference: str) -> type:
    """Find a strategy by its registered name, or in a file of one's own.

    Parameters
    ----------
    reference : str
        A name such as ``ma_cross``, or a file and a class such as ``mine.py:Mine``. The file is
        run, like any Python module that is imported.

    Raises
    ------
    StrategyError
        No such name, file or class, or a file that fails on import (with its line); the message
        names the close ones.

    Examples
    --------
    >>> strategy_class("ma_cros")
    Traceback (most recent call last):
    peak_trade.domain.errors.StrategyError: strategy 'ma_cros' is not known; did you mean ...
    """
    path, colon, name = reference.rpartition(":")
    if colon and path.endswith(".py"):
        return _class_of_file(Path(path), name)
    if reference.endswith(".py"):
        return _class_of_file(Path(reference), "")
    points = _points()
    if reference not in points:
        raise StrategyError(
            f"strategy {reference!r} is not known",
            hint=f"{did_you_mean(reference, points)} (a file of your own is mine.py:Class)",
            strategy=reference,
        )
    try:
        return _tradable(points[reference].load(), reference)
    except (ImportError, AttributeError) as error:
        raise StrategyError(
            f"strategy {reference!r} cannot be loaded from {points[reference].value}: {error}",
            hint="install the package that brings it again",
        ) from error


def location_of(kind: type) -> str:
    """Where a strategy class stands: ``FILE.py:CLASS`` or ``module:CLASS``."""
    if kind.__module__.startswith(USER_MODULE):
        return f"{Path(inspect.getfile(kind)).name}:{kind.__qualname__}"
    return f"{kind.__module__}:{kind.__qualname__}"


def place_in_user_code(error: BaseException) -> str:
    """The line of a user's own file that an error came from; empty where it came from none."""
    place, trace = "", error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if str(frame.f_globals.get("__name__", "")).startswith(USER_MODULE):
            place = f"line {trace.tb_lineno} of {Path(frame.f_code.co_filename).name}"
        trace = trace.tb_next
    return place


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=STRATEGY_GROUP)}


def _class_of_file(path: Path, name: str) -> type:
    if not path.is_file():
        raise StrategyError(
            f"strategy file {str(path)!r} does not exist",
            hint="check the path; it is read from the working folder",
        )
    module = _imported(path)
    classes = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    if name not in classes:
        found = f"no class {name!r}" if name else "no class named"
        raise StrategyError(
            f"{found} in {path}" if name else f"{found} for {path}",
            hint=f"write {path}:Class; {did_you_mean(name, classes)}",
        )
    return _tradable(classes[name], f"{path}:{name}")


def _tradable(found: object, reference: str) -> type:
    from peak_trade.domain.strategy import kind_of

    if isinstance(found, type) and kind_of(found):
        return found
    raise StrategyError(
        f"{reference} is no strategy: it has no method targets(bars), and none on_bar(bar, view)",
        hint="define targets(self, bars), which returns one weight a row; or make an OrderStrategy",
    )


class _AsItStands(SourceFileLoader):
    """Compiles a file anew: bytecode that was kept may be of another text of the same second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def import_file(path: Path) -> ModuleType:
    """Run a Python file of one's own as a module, so that what it registers is known.

    Raises
    ------
    StrategyError
        No such file, or one that fails on import (with its line).
    """
    if not path.is_file():
        raise StrategyError(
            f"file {str(path)!r} does not exist",
            hint="check the path; it is read from the working folder",
        )
    return _imported(path)


def _imported(path: Path) -> ModuleType:
    """Run a file as a module. It may import its neighbours, as a script may."""
    name = USER_MODULE + path.stem
    loader = _AsItStands(name, str(path.resolve()))
    spec = importlib.util.spec_from_file_location(name, path.resolve(), loader=loader)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be imported", hint="give a Python file")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.modules[name] = module
    sys.path.insert(0, folder)
    try:
        _run(spec.loader, module, path)
    finally:
        sys.path.remove(folder)
    return module


def _run(loader: Loader, module: ModuleType, path: Path) -> None:
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        line = _line_of(error, path)
        where = f"line {line} of {path}" if line else str(path)
        raise StrategyError(
            f"{where} cannot be imported: {type(error).__name__}: {_reason(error)}",
            hint="run the file with python to see the whole traceback",
            line=line,
        ) from error


def _line_of(error: BaseException, path: Path) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if Path(frame.filename) == path.resolve()]
    return own[-1] if own else None


def _reason(error: BaseException) -> str:
    return str(error.msg) if isinstance(error, SyntaxError) else str(error)


def parse_value(text: str) -> int | float | bool | str:
    """Read a value as it is written on the command line: int, float, true or false, else text.

    Examples
    --------
    >>> [parse_value(text) for text in ("20", "2.5", "1e-3", "true", "close")]
    [20, 2.5, 0.001, True, 'close']
    """
    shown = text.strip()
    if shown.lower() in ("true", "false"):
        return shown.lower() == "true"
    for kind in (int, float):
        try:
            return kind(shown)
        except ValueError:
            continue
    return shown


def parse_settings(items: Sequence[str]) -> dict[str, str]:
    """Split ``name=value`` texts; a name without a value, or one given twice, is an error.

    Examples
    --------
    >>> parse_settings(["fast=20", "risk.max_weight=0.1"])
    {'fast': '20', 'risk.max_weight': '0.1'}
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ParameterError(f"{item!r} is not name=value", hint="write it like fast=20")
        if name in found:
            raise ParameterError(
                f"{name} is given twice, {found[name]} and {value}", hint="give it once"
            )
        found[name] = value.strip()
    return found


def parse_grid(items: Sequence[str]) -> dict[str, tuple[object, ...]]:
    """Read a grid: each item a range, a list or a value of one name.

    ``start:stop:step`` includes the stop where it falls on the grid; its values have the decimals
    that were written, without accumulated error.

    Raises
    ------
    ParameterError
        A step of zero or of the wrong sign, a range that is no number, a name without values.

    Examples
    --------
    >>> parse_grid(["fast=5:15:5", "weight=0.1:0.3:0.1", "kind=sma,ema", "slow=100"])
    {'fast': (5, 10, 15), 'weight': (0.1, 0.2, 0.3), 'kind': ('sma', 'ema'), 'slow': (100,)}
    """
    return {name: _axis(name, text) for name, text in parse_settings(items).items()}


def _axis(name: str, text: str) -> tuple[object, ...]:
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise ParameterError(
            f"grid {name}={text} has an empty value", hint="write fast=5:50:5 or fast=5,10,20"
        )
    values: list[object] = []
    for part in parts:
        values += _range(name, part) if ":" in part else [parse_value(part)]
    twice = [value for i, value in enumerate(values) if value in values[:i]][:1]
    if twice:
        raise ParameterError(f"grid {name}={text} has {twice[0]} twice", hint="give it once")
    return tuple(values)


def _range(name: str, text: str) -> list[object]:
    parts = text.split(":")
    try:
        start, stop, step = (Decimal(part.strip()) for part in parts)
        finite = start.is_finite() and stop.is_finite() and step.is_finite()
    except (ValueError, InvalidOperation):
        finite = False
    if not finite:
        raise ParameterError(
            f"grid {name}={text} is not start:stop:step", hint="write three numbers like 5:50:5"
        )
    if step == 0 or (stop - start) * step < 0:
        raise ParameterError(
            f"grid {name}={text} is empty: a step of {step} does not lead from {start} to {stop}",
            hint="give the step the sign of stop - start",
        )
    count = int((stop - start) / step) + 1
    if count > LARGEST_AXIS:
        raise ParameterError(
            f"grid {name}={text} has {count:,} values, {LARGEST_AXIS:,} at most",
            hint="take a larger step",
        )
    whole = all(part.as_tuple().exponent == 0 for part in (start, stop, step))
    exact = (start + k * step for k in range(count))
    return [int(value) if whole else float(value) for value in exact]


def split_settings(items: Sequence[str]) -> tuple[dict[str, object], dict[str, str]]:
    """Part ``--set`` items into parameters of the strategy and configuration keys (with a dot).

    Examples
    --------
    >>> split_settings(["fast=20", "backtest.cash=5000"])
    ({'fast': 20}, {'backtest.cash': '5000'})
    """
    found = parse_settings(items)
    parameters: dict[str, object] = {
        name: parse_value(text) for name, text in found.items() if "." not in name
    }
    return parameters, {name: text for name, text in found.items() if "." in name}
