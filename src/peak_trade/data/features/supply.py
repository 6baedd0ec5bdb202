"""Features on bars: computed when a strategy asks for them, from the rows that it is given alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature
from peak_trade.data.features.given import Given, Shelf
from peak_trade.data.features.registry import feature_of, id_of_feature, is_feature
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError, PeakTradeError, StrategyError
from peak_trade.domain.strategy import ORDERS, HasTargets, declared, features_of, kind_of

if TYPE_CHECKING:
    from peak_trade.data.series import SeriesKey
    from peak_trade.data.store import Store

Floats = npt.NDArray[np.float64]


class FeatureSupply:
    """Computes features by their texts, from bars and from what a store holds beside them.

    What was computed over the same bars is remembered with them, so a sweep computes each feature
    once. Bars that end earlier are computed anew, and see stored rows that were known by then alone.

    Parameters
    ----------
    shelf : Shelf
        Where stored series are read from.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @property
    def versions(self) -> "dict[SeriesKey, int]":
        """Versions of the stored series that were read so far."""
        return self._shelf.versions

    def features(self, bars: Bars, wanted: Mapping[str, str]) -> Mapping[str, Floats]:
        """Values as known at each close, (T, 1) or (T, N) and read-only, under the names wanted.

        Raises
        ------
        ParameterError, DataError
            A text that is no feature, or a feature that cannot be computed on these bars.
        """
        return {
            name: bars.features[name]
            if _rides(bars, name, text)
            else self._computed(bars, feature_of(text))
            for name, text in wanted.items()
        }

    def _computed(self, bars: Bars, feature: Feature) -> Floats:
        key = ("feature", self._shelf, feature)
        return bars.memory.recall(key, lambda: self._made(bars, feature))

    def _made(self, bars: Bars, feature: Feature) -> Floats:
        given = Given(bars, self._shelf, lambda text: self._computed(bars, feature_of(text)))
        try:
            found = np.array(feature.values(given), dtype=np.float64)
        except PeakTradeError:
            raise
        except Exception as error:
            raise DataError(
                f"feature {feature.text} raised {type(error).__name__}: {error} on {len(bars)} rows",
                hint="a feature must take any number of rows; give NaN where it has no value",
                feature=feature.called,
            ) from error
        if found.shape == (len(bars),):
            found = found.reshape(-1, 1)
        if found.shape not in ((len(bars), 1), bars.close.shape):
            raise DataError(
                f"feature {feature.text} has the shape {found.shape}, {(len(bars), 1)} or "
                f"{bars.close.shape} expected",
                hint="give one value for each row, or for each row and instrument",
                feature=feature.called,
            )
        return found


def supplied(bars: Bars, *, store: "Store | Callable[[], Store] | None" = None) -> Bars:
    """Bars that can compute the features a strategy declares; those that can already stay as they are.

    Parameters
    ----------
    bars : Bars
    store : Store or callable, optional
        Where stored series are read from, or what opens it; the default store where left out. It is
        opened when a feature first asks for something that is stored.
    """
    if store is None and bars.supply is not None:
        return bars
    return replace(bars, supply=FeatureSupply(Shelf(_opener(store))))


def with_features(
    bars: Bars, wanted: object, *, store: "Store | Callable[[], Store] | None" = None
) -> Bars:
    """Bars with features in ``bars.features``, as they were known at each close.

    Parameters
    ----------
    bars : Bars
    wanted : strategy, str, sequence of str or mapping
        A strategy that declares features, a text such as ``rsi(period=14)``, several of them, or
        names and the texts behind them.
    store : Store or callable, optional
        Where stored series are read from; the default store where left out.

    Raises
    ------
    ParameterError, DataError
        A text that is no feature, or a feature that cannot be computed on these bars.
    StrategyError
        A strategy whose declaration is no texts, or an order strategy that declares features.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 11.0])
    >>> with_features(bars, "returns").features["returns"].ravel().round(3)
    array([   nan,  0.1  ,  0.091, -0.083])
    """
    if isinstance(wanted, str):
        wanted = (wanted,)
    texts = features_of(_Asked(wanted) if isinstance(wanted, Sequence | Mapping) else wanted)
    return supplied(bars, store=store).featured(texts)


def check_features(strategy: object, bars: Bars) -> None:
    """Refuse a strategy whose declared features cannot be made, before anything is computed.

    Strategies that it is made of count too. A name that rides along with the bars already, and that
    is no feature's, is taken as it is.

    Raises
    ------
    ParameterError, DataError, StrategyError
        What is wrong with the declaration.
    """
    for member in _members(strategy):
        texts = features_of(member)
        if texts and kind_of(member) == ORDERS:
            raise StrategyError(
                f"{type(member).__name__} asks for orders and declares features, which it is not "
                "given",
                hint="compute what it needs from its events, or make it a strategy of targets",
            )
        for name, text in texts.items():
            if not _rides(bars, name, text):
                feature_of(text)


def prepared(strategy: object, bars: Bars) -> None:
    """Compute what a strategy declares ahead, so that what is missing is found before a session begins.

    Raises
    ------
    ParameterError, DataError, StrategyError
        A feature that cannot be made or computed.
    """
    check_features(strategy, bars)
    for member in _members(strategy):
        bars.featured(features_of(member))


def feature_facts(strategy: object, bars: Bars) -> dict[str, object]:
    """What a run has to say of its features: their ids, and versions of the stored series they read.

    Nothing where neither the strategy nor those that it is made of declare any.
    """
    names = {
        name if _rides(bars, name, text) else _stated(feature_of(text))
        for member in _members(strategy)
        for name, text in features_of(member).items()
    }
    if not names:
        return {}
    versions = bars.supply.versions if isinstance(bars.supply, FeatureSupply) else {}
    read = {str(key): version for key, version in sorted(versions.items())}
    return {"features": sorted(names), **({"features_read": read} if read else {})}


def _members(strategy: object) -> Iterator[object]:
    """A strategy and those that it is made of."""
    yield strategy
    for item in declared(type(strategy)):
        value = getattr(strategy, item.name, None)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, HasTargets) and not isinstance(part, type):
                yield from _members(part)


def _stated(feature: Feature) -> str:
    """A feature's id; its text alone where its source is not to be found."""
    try:
        return id_of_feature(feature)
    except DataError:
        return feature.text


def _rides(bars: Bars, name: str, text: str) -> bool:
    """Whether a declared name is one of values that were handed in with the bars."""
    return name == text and name in bars.features and not is_feature(text)


class _Asked:
    def __init__(self, features: object) -> None:
        self.features = features


def _opener(store: "Store | Callable[[], Store] | None") -> "Callable[[], Store]":
    if store is None:
        return _default_store
    if callable(store):
        return store
    found = store
    return lambda: found


def _default_store() -> "Store":
    from peak_trade.data.store import Store, default_store

    return Store.open(default_store())
