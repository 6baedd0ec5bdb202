"""What a feature is: a named, versioned, causal function of what was known at each close."""

import ast
import hashlib
import inspect
import math
import textwrap
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, TypeVar, dataclass_transform

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import DataError, ParameterError, did_you_mean
from peak_trade.domain.strategy import check_parameters, declared, param, parameters

if TYPE_CHECKING:
    from peak_trade.data.features.given import Given

Floats = npt.NDArray[np.float64]

_DIGITS = 12


def required(*, doc: str) -> str:
    """Declare a text that has to be given, such as the name of a series.

    Parameters
    ----------
    doc : str
        What it is.
    """
    declared_field: str = field(metadata={"doc": doc})
    return declared_field


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(param, required, field)
)
class Feature:
    """Base of features with typed parameters; subclasses become frozen dataclasses.

    Give it a name with the decorator :func:`~peak_trade.data.features.definition.feature`, and override
    ``values``; ``warmup``, ``lookback``, ``parts`` and ``check`` where they say something.

    Examples
    --------
    >>> class Body(Feature):
    ...     '''How far a bar closed from its open, as a fraction.'''
    ...
    ...     def values(self, given):
    ...         return given.bars.close / given.bars.open - 1.0
    >>> Body()
    Body()
    """

    name: ClassVar[str] = ""
    """What texts call it."""
    version: ClassVar[int] = 0
    """Raised whenever what it computes changes."""
    group: ClassVar[str] = "own"
    """What it is listed with."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Kinds of stored data that it reads besides bars, such as ``trades``."""
    extra: ClassVar[str] = ""
    """The extra of this project that it needs."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)

    def __post_init__(self) -> None:
        check_parameters(self)
        for item in parameters(type(self)):
            value = getattr(self, item.name)
            if item.kind == "str" and not isinstance(value, str):
                raise ParameterError(
                    f"{item.name} {value!r} of {self.called} is not a text",
                    hint=f"put it in quotes: {item.name}='...'",
                    field=item.name,
                )
            if item.kind == "float" and isinstance(value, int):
                object.__setattr__(self, item.name, float(value))
        self.check()

    @property
    def called(self) -> str:
        """Its name, or that of its class where it has none."""
        return self.name or type(self).__name__

    @property
    def text(self) -> str:
        """Name, version and every parameter, such as ``rsi@1(period=14)``."""
        given = ", ".join(
            f"{item.name}={getattr(self, item.name)!r}" for item in declared(type(self))
        )
        return f"{self.called}@{self.version}" + (f"({given})" if given else "")

    @property
    def warmup(self) -> int:
        """Rows before the first value that means something."""
        return 0

    @property
    def lookback(self) -> int | None:
        """Rows before a row that its value may depend on; None where it is all of them."""
        return None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those of ``reads`` that it reads with its parameters."""
        return self.reads

    @property
    def parts(self) -> tuple[str, ...]:
        """Texts of the features that it is made of."""
        return ()

    def check(self) -> None:
        """Raise ParameterError where parameters do not go together."""

    def values(self, given: "Given") -> Floats:
        """A value for each row, (T,) or (T, 1), or for each row and instrument, (T, N).

        Row t may use what was known at the close of row t alone; NaN means that there is none.
        """
        raise DataError(
            f"feature {self.called} does not define values(given)",
            hint="return an array with one row a bar",
        )

    def definition(self) -> str:
        """What it computes, as text: the code of its class and of those it is derived from.

        Comments, docstrings and the way it is set do not count. Functions that it calls are not part
        of it: raise the version where one of them changes what comes out.

        Raises
        ------
        DataError
            A class whose source is not to be found, such as one typed into a prompt.
        """
        try:
            return "\n".join(code_of(kind) for kind in bases_of(type(self)))
        except (OSError, TypeError) as error:
            raise DataError(
                f"the source of feature {self.called} cannot be read",
                hint="define it in a file, so that its values can be named by its definition",
            ) from error


def bases_of(kind: type[Feature]) -> tuple[type, ...]:
    """A class and those it is derived from, up to the base of features."""
    kinds = kind.__mro__
    return kinds[: kinds.index(Feature)]


@lru_cache(maxsize=1024)
def code_of(kind: type) -> str:
    """The code of a class without comments and docstrings.

    Raises
    ------
    OSError, TypeError
        A class whose source is not to be found.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def digest_of(feature: Feature, parts: Collection[str] = ()) -> str:
    """12 hexadecimal digits that change with a feature's source, version, parameters and parts.

    Parameters
    ----------
    feature : Feature
    parts : collection of str
        Ids of the features that it is made of.
    """
    digest = hashlib.blake2b(digest_size=_DIGITS // 2)
    for text in (feature.text, feature.definition(), *parts):
        digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()


F = TypeVar("F", bound=Feature)


def feature(name: str, *, version: int = 1, group: str = "own") -> Callable[[type[F]], type[F]]:
    """Register a class of features under a name and a version.

    Parameters
    ----------
    name : str
        Letters, digits, ``_`` and ``.``, such as ``gap``.
    version : int
        At least 1; raise it when what the feature computes changes.
    group : str
        What it is listed with.

    Raises
    ------
    DataError
        A name that is not valid, or one that another class has in this version.

    Examples
    --------
    >>> @feature("doc_body", version=2)
    ... class Body(Feature):
    ...     '''How far a bar closed from its open, as a fraction.'''
    ...
    ...     def values(self, given):
    ...         return given.bars.close / given.bars.open - 1.0
    >>> Body().text
    'doc_body@2'
    """

    def register(kind: type[F]) -> type[F]:
        given: object = kind
        if not (isinstance(given, type) and issubclass(given, Feature)):
            raise DataError(f"{given!r} is no feature", hint="derive it from Feature")
        if not all(part.isidentifier() for part in name.split(".")):
            raise DataError(
                f"{name!r} is no name of a feature", hint="use letters, digits, _ and . alone"
            )
        if type(version) is not int or version < 1:
            raise DataError(
                f"version {version!r} of feature {name} is not at least 1", hint="count from 1"
            )
        held = REGISTERED.get((name, version))
        if held is not None and _home(held) != _home(kind):
            raise DataError(
                f"feature {name}@{version} is defined by {_home(held)} and by {_home(kind)}",
                hint="name one of them otherwise, or raise its version",
                feature=name,
            )
        kind.name, kind.version, kind.group = name, version, group
        REGISTERED[name, version] = kind
        return kind

    return register


REGISTERED: dict[tuple[str, int], type[Feature]] = {}
"""Classes of features by name and version, as far as their modules are imported."""


def _home(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def one_of(feature: Feature, name: str, options: Collection[str]) -> None:
    """Refuse a text parameter that is none of the options.

    Raises
    ------
    ParameterError
        The hint names the close ones.
    """
    value = getattr(feature, name)
    if value not in options:
        raise ParameterError(
            f"{name} {value!r} of {feature.called} is not offered",
            hint=did_you_mean(str(value), options),
            field=name,
        )


def defaults(kind: type[Feature]) -> bool:
    """Whether every parameter has a default, so that the bare name is a text."""
    return all(item.default is not inspect.Parameter.empty for item in _signature(kind))


def _signature(kind: type[Feature]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(kind).parameters.values())


def range_text(low: float, high: float) -> str:
    """A parameter's range as a list shows it; empty where it has none.

    Examples
    --------
    >>> range_text(1, math.inf), range_text(-math.inf, math.inf)
    ('1 ..', '')
    """
    if math.isinf(low) and math.isinf(high):
        return ""
    left = "" if math.isinf(low) else f"{low:g} "
    return f"{left}.." + ("" if math.isinf(high) else f" {high:g}")


__all__ = [
    "REGISTERED",
    "Feature",
    "defaults",
    "digest_of",
    "feature",
    "one_of",
    "param",
    "range_text",
    "required",
]
