"""What a strategy is: a pure, causal function from bars to target weights."""

import inspect
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform, runtime_checkable

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, StrategyError, did_you_mean

Value = TypeVar("Value")
Targets = npt.NDArray[np.float64] | npt.NDArray[np.bool_]
Features = Sequence[str] | Mapping[str, str]
"""Features that a strategy declares: their texts, or names of its own and the texts behind them."""


@runtime_checkable
class HasTargets(Protocol):
    """Anything that turns bars into target weights can be traded."""

    def targets(self, bars: Bars) -> Targets:
        """(T, N) or, for one instrument, (T,) signed fractions of equity."""
        ...


@runtime_checkable
class HasOrders(Protocol):
    """Anything that is told of bars and asks for orders: an ``OrderStrategy``."""

    def on_bar(self, bar: Any, view: Any) -> Any:
        """What to order or cancel after a bar has closed."""
        ...

    def fresh(self) -> Any:
        """A copy with the same parameters and nothing else."""
        ...


TARGETS, ORDERS = "targets", "orders"
"""The two kinds of strategies: those that say what to hold, and those that ask for orders."""


def kind_of(strategy: object) -> str:
    """Whether a strategy, or its class, says ``targets`` or asks for ``orders``; nothing: neither.

    Examples
    --------
    >>> kind_of(Strategy), kind_of(int)
    ('targets', '')
    """
    if callable(getattr(strategy, "targets", None)):
        return TARGETS
    is_told = all(callable(getattr(strategy, name, None)) for name in ("on_bar", "fresh"))
    return ORDERS if is_told else ""


def param(
    *, default: Value, low: float = -math.inf, high: float = math.inf, doc: str = ""
) -> Value:
    """Declare a parameter of a strategy with its search range, both ends included.

    Type checkers see its value: ``n: int = param(default=20)`` is an int with a default.

    Parameters
    ----------
    default : object
        The value where none is given.
    low, high : float
        What a number may be, and what a search tries.
    doc : str
        What the parameter is, with its unit.

    Examples
    --------
    >>> class Hold(Strategy):
    ...     '''Hold a fixed weight.'''
    ...
    ...     weight: float = param(default=1.0, low=0, high=1, doc="fraction of equity")
    ...
    ...     def targets(self, bars):
    ...         return np.full(bars.close.shape, self.weight)
    >>> Hold(weight=0.5)
    Hold(weight=0.5)
    >>> Hold(weight=2)
    Traceback (most recent call last):
    peak_trade.domain.errors.ParameterError: weight 2 of Hold is out of range: 0 to 1 expected
    """
    return field(default=default, metadata={"low": low, "high": high, "doc": doc})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(param, field))
class Strategy:
    """Base of strategies with typed parameters; subclasses become frozen dataclasses.

    Override ``targets``, and ``warmup`` and ``check`` where they say something.
    """

    source: ClassVar[str] = ""
    """Where the idea was published."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)

    def __post_init__(self) -> None:
        check_parameters(self)
        self.check()

    @property
    def warmup(self) -> int:
        """Rows before the first target that means something."""
        return 0

    @property
    def features(self) -> Features:
        """Features it reads in ``bars.features``, such as ``("rsi(period=14)",)``.

        An attribute of the class, or a property where they depend on parameters.
        """
        return ()

    def check(self) -> None:
        """Raise ParameterError where parameters do not go together, such as fast >= slow."""

    def targets(self, bars: Bars) -> Targets:
        """Signed fractions of equity, one for each row and instrument.

        Row t may use rows up to and including t. NaN means: the last target stands.
        """
        raise StrategyError(
            f"{type(self).__name__} does not define targets(bars)",
            hint="return an array of weights with one row a bar",
        )


def check_parameters(strategy: object) -> None:
    """Check the declared parameters of a strategy against type and range; numbers become plain ones.

    Raises
    ------
    ParameterError
        A value of another type, or out of its range.
    """
    for item in declared(type(strategy)):
        given = getattr(strategy, item.name)
        _check_parameter(type(strategy).__name__, item, given)
        object.__setattr__(strategy, item.name, _plain(item, given))


def declared(kind: type) -> tuple[Field[Any], ...]:
    """The declared parameters of a strategy class, as dataclass fields."""
    return tuple(item for item in fields(kind) if item.init) if is_dataclass(kind) else ()


def _check_parameter(owner: str, item: Field[Any], value: object) -> None:
    low, high = item.metadata.get("low", -math.inf), item.metadata.get("high", math.inf)
    wanted = _WANTED.get(_kind(item))
    if wanted is not None and not _is_of(_kind(item), value):
        raise ParameterError(f"{item.name} {value!r} of {owner} is not {wanted}", field=item.name)
    if isinstance(value, int | float | np.integer | np.floating) and not low <= value <= high:
        raise ParameterError(
            f"{item.name} {value} of {owner} is out of range: {low:g} to {high:g} expected",
            field=item.name,
        )


_WANTED: dict[object, str] = {int: "a whole number", float: "a number", bool: "True or False"}


def _is_of(kind: object, value: object) -> bool:
    if kind is bool or isinstance(value, bool | np.bool_):
        return kind is bool and isinstance(value, bool | np.bool_)
    if not isinstance(value, int | float | np.integer | np.floating):
        return False
    return math.isfinite(value) and (kind is float or float(value).is_integer())


def _plain(item: Field[Any], value: object) -> object:
    """A NumPy number as Python's own, and a whole number as int where one is declared."""
    found = value.item() if isinstance(value, np.generic) else value
    return int(found) if _kind(item) is int and isinstance(found, float) else found


def _kind(item: Field[Any]) -> object:
    names = {"int": int, "float": float, "bool": bool, "str": str}
    return names.get(item.type, item.type) if isinstance(item.type, str) else item.type


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a strategy: its type, default and search range (both ends included)."""

    name: str
    kind: str
    default: object
    low: float
    high: float
    doc: str


def parameters(kind: type) -> tuple[Parameter, ...]:
    """The parameters of a strategy class: its declared ones, or those of its ``__init__``."""
    if is_dataclass(kind):
        return tuple(
            Parameter(
                item.name,
                getattr(_kind(item), "__name__", str(item.type)),
                None if item.default is MISSING else item.default,
                item.metadata.get("low", -math.inf),
                item.metadata.get("high", math.inf),
                item.metadata.get("doc", ""),
            )
            for item in declared(kind)
        )
    found = inspect.signature(kind).parameters.values()
    return tuple(
        Parameter(
            item.name,
            getattr(item.annotation, "__name__", "") if item.annotation is not item.empty else "",
            None if item.default is item.empty else item.default,
            -math.inf,
            math.inf,
            "",
        )
        for item in found
        if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    )


def check_required(kind: type, given: Collection[str]) -> None:
    """Refuse to make a strategy without the parameters that have no default.

    Raises
    ------
    ParameterError
        The first of them that is not among those ``given``.
    """
    for name, item in inspect.signature(kind).parameters.items():
        is_bag = item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
        if item.default is item.empty and not is_bag and name not in given:
            raise ParameterError(
                f"{kind.__name__} needs a value for {name}, which has no default",
                hint=f"give it one; on the command line with --set {name}=VALUE",
                name=name,
            )


def make(kind: type, values: Mapping[str, object]) -> HasTargets | HasOrders:
    """Build a strategy; an unknown parameter is an error that names the close ones."""
    known = [item.name for item in parameters(kind)]
    for name in values:
        if name not in known:
            raise ParameterError(
                f"{kind.__name__} has no parameter {name!r}", hint=did_you_mean(name, known)
            )
    check_required(kind, values)
    made = kind(**values)
    if not isinstance(made, HasTargets | HasOrders):
        raise StrategyError(
            f"{kind.__name__} has no method targets(bars), and none on_bar(bar, view)",
            hint="define one of them; see the strategy guides",
        )
    return made


def parameter_values(strategy: object) -> dict[str, Any]:
    """Parameters and their values, as far as the object keeps them under their names."""
    names = [item.name for item in parameters(type(strategy))]
    return {name: getattr(strategy, name) for name in names if hasattr(strategy, name)}


def warmup_of(strategy: object) -> int:
    """The strategy's ``warmup`` in rows, 0 where it does not say.

    Raises
    ------
    StrategyError
        A warm-up that is no number of rows.
    """
    warmup = getattr(strategy, "warmup", 0)
    if not isinstance(warmup, int | np.integer) or warmup < 0:
        found = "a method" if callable(warmup) else repr(warmup)
        raise StrategyError(
            f"the warm-up of {type(strategy).__name__} is {found}, expected a number of rows",
            hint="make it an attribute, or a method marked @property",
        )
    return int(warmup)


def features_of(strategy: object) -> dict[str, str]:
    """The features that a strategy declares: the names it reads them by, and their texts.

    Raises
    ------
    StrategyError
        A declaration that is neither texts nor a mapping of names to texts.

    Examples
    --------
    >>> class Oversold(Strategy):
    ...     features = {"strength": "rsi(period=14)"}
    >>> features_of(Oversold())
    {'strength': 'rsi(period=14)'}
    """
    given: object = getattr(strategy, "features", ())
    pairs: Mapping[object, object] | None = None
    if isinstance(given, Mapping):
        pairs = given
    elif isinstance(given, Sequence) and not isinstance(given, str):
        pairs = {text: text for text in given}
    if pairs is None or not all(isinstance(part, str) for pair in pairs.items() for part in pair):
        raise StrategyError(
            f"features of {type(strategy).__name__} are {given!r}, texts are expected",
            hint="write features = ('rsi(period=14)',), or a mapping of names to such texts",
        )
    return {str(name): str(text) for name, text in pairs.items()}
