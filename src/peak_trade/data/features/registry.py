"""Every feature that there is: ours, those of installed packages, and those of imported files."""

from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points

from peak_trade.data.features.definition import REGISTERED, Feature, digest_of
from peak_trade.data.features.texts import FeatureText
from peak_trade.domain.errors import DataError, ParameterError, did_you_mean
from peak_trade.domain.strategy import check_required, parameters

FEATURE_GROUP = "peak_trade.features"
"""Entry points of installed packages: each names a module that registers features."""

LIBRARY = (
    "price_features", "volatility_features", "trade_features", "quote_features",
    "calendar_features", "released_features", "stored_features",
)  # fmt: skip
"""Modules of this package that register features."""

TALIB = "talib."
"""What the names of TA-Lib's indicators begin with."""

_LIMIT_DEPTH = 16


def feature_of(text: str) -> Feature:
    """Make the feature of a text.

    Parameters
    ----------
    text : str
        Such as ``rsi(period=14)``; ``rsi@1(period=14)`` insists on a version.

    Raises
    ------
    ParameterError
        A text that cannot be read, a name or a parameter that is not known, a value out of range;
        the hint names the close ones.
    DataError
        A feature of an extra that is not installed.

    Examples
    --------
    >>> feature_of("rsi(period=14)").text
    "rsi@1(of='close', period=14)"
    >>> feature_of("rsy")
    Traceback (most recent call last):
    peak_trade.domain.errors.ParameterError: feature 'rsy' is not known; did you mean rsi?
    """
    read = FeatureText.parse(text)
    kind = feature_class(read.name, read.version)
    known = [item.name for item in parameters(kind)]
    for name in read.params:
        if name not in known:
            raise ParameterError(
                f"feature {read.name} has no parameter {name!r}",
                hint=did_you_mean(name, known) if known else "it takes none",
                field=name,
            )
    _check_required(kind, read)
    return kind(**read.params)


def _check_required(kind: type[Feature], read: FeatureText) -> None:
    try:
        check_required(kind, read.params)
    except ParameterError as error:
        name = str(error.fields.get("name", ""))
        raise ParameterError(
            f"feature {read.name} needs a value for {name}, which has no default",
            hint=f"write {read.name}({name}=...)",
            field=name,
        ) from None


def feature_class(name: str, version: int = 0) -> type[Feature]:
    """Find the class of a feature by its name, and by its version where one is given.

    Raises
    ------
    ParameterError
        A name or a version that is not known.
    DataError
        A feature of TA-Lib where the extra is not installed.
    """
    _load(with_talib=name.startswith(TALIB))
    versions = [held for called, held in REGISTERED if called == name]
    if not versions:
        if name.startswith(TALIB):
            _require_talib()
        names = {called for called, _ in REGISTERED}
        raise ParameterError(
            f"feature {name!r} is not known", hint=did_you_mean(name, names), feature=name
        )
    wanted = version or max(versions)
    if wanted not in versions:
        raise ParameterError(
            f"version {version} of feature {name} is not offered",
            hint=f"it is at version {max(versions)}: write {name}@{max(versions)}",
            feature=name,
        )
    return REGISTERED[name, wanted]


def is_feature(text: str) -> bool:
    """Whether a text names a feature, whatever its parameters."""
    try:
        read = FeatureText.parse(text)
    except ParameterError:
        return False
    _load(with_talib=read.name.startswith(TALIB))
    return any(called == read.name for called, _ in REGISTERED)


def features_known(*, with_talib: bool = True) -> tuple[type[Feature], ...]:
    """Every registered feature in its newest version, by name; TA-Lib's where it is installed.

    Examples
    --------
    >>> [kind.name for kind in features_known(with_talib=False) if kind.group == "volatility"]
    ['close_to_close', 'garman_klass', 'parkinson', 'rogers_satchell', 'yang_zhang']
    """
    _load(with_talib=with_talib)
    newest: dict[str, int] = {}
    for name, version in REGISTERED:
        newest[name] = max(version, newest.get(name, 0))
    return tuple(REGISTERED[name, newest[name]] for name in sorted(newest))


def id_of(text: str) -> str:
    """The name that values of a feature are stored under: its whole text, and its definition's digest.

    Examples
    --------
    >>> id_of("rsi(period=14)").partition("#")[0]
    "rsi@1(of='close', period=14)"
    """
    return _id(feature_of(text), _LIMIT_DEPTH)


def id_of_feature(feature: Feature) -> str:
    """The same of a feature that is made already."""
    return _id(feature, _LIMIT_DEPTH)


def _id(feature: Feature, depth: int) -> str:
    if depth == 0:
        raise ParameterError(
            f"feature {feature.called} is made of more than {_LIMIT_DEPTH} features in a row",
            hint="write a feature of your own that computes it at once",
        )
    parts = [_id(feature_of(part), depth - 1) for part in feature.parts]
    return f"{feature.text}#{digest_of(feature, parts)}"


def has_talib() -> bool:
    """Whether TA-Lib is installed."""
    from importlib.util import find_spec

    return find_spec("talib") is not None


def _require_talib() -> None:
    if not has_talib():
        raise DataError(
            "TA-Lib, which talib.* features are computed with, is not installed",
            hint="pip install 'peak-trade[indicators]'",
            package="TA-Lib",
        )


def _load(*, with_talib: bool) -> None:
    _load_ours()
    if with_talib and has_talib():
        import_module("peak_trade.data.features.talib_features").register_all()


@lru_cache(maxsize=1)
def _load_ours() -> None:
    for module in LIBRARY:
        import_module(f"peak_trade.data.features.{module}")
    for point in entry_points(group=FEATURE_GROUP):
        try:
            point.load()
        except Exception as error:
            raise DataError(
                f"features {point.name!r} cannot be loaded from {point.value}: "
                f"{type(error).__name__}: {error}",
                hint="mend or remove the package that brings them",
            ) from error
