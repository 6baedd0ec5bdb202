"""The targets of any strategy, as one checked array."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.strategy import HasTargets, Targets, features_of
from peak_trade.kernels import rolling

_HINT = "return one row a bar and one column an instrument; NaN means that the last target stands"


def target_array(strategy: HasTargets, bars: Bars) -> Targets:
    """Ask a strategy for its targets and give them as a (T, N) array.

    It is handed the bars with the features that it declares, computed from these rows alone.

    Parameters
    ----------
    strategy : HasTargets
        May give bool, integer or float values of shape (T, N) or, for one instrument, (T,): an
        array, a list, or a pandas or polars series or frame.
    bars : Bars

    Returns
    -------
    (T, N) bool or float64
        Signed fractions of equity, C-contiguous, read-only; NaN means that the last target stands.

    Raises
    ------
    StrategyError
        If the shape does not fit the bars, values are no numbers, or one is infinite.

    Examples
    --------
    >>> class Hold:
    ...     def targets(self, bars):
    ...         return [1] * len(bars)
    >>> target_array(Hold(), Bars.from_arrays([10.0, 11.0]))
    array([[1.],
           [1.]])
    """
    name = type(strategy).__name__
    seen = bars.featured(features_of(strategy))
    array = _number_array(name, strategy.targets(seen))
    shape = bars.close.shape
    if array.shape != shape and not (array.ndim == 1 and shape == (len(array), 1)):
        wanted = f"({shape[0]},) or {shape}" if shape[1] == 1 else str(shape)
        raise StrategyError(
            f"targets of {name} have shape {array.shape}, expected {wanted}",
            hint=_HINT,
            strategy=name,
        )
    array = array.reshape(shape).view()
    array.flags.writeable = False
    if array.dtype != np.bool_:
        _check_finite(name, np.asarray(array, dtype=np.float64), bars)
    return array


def _number_array(name: str, found: object) -> Targets:
    array = np.asarray(found)
    if array.dtype.kind == "b":
        return np.asarray(array, order="C")
    if array.dtype.kind in "iuf":
        return np.asarray(array, dtype=np.float64, order="C")
    raise StrategyError(
        f"targets of {name} are {_described(found, array)}, expected bool, integer or float values",
        hint=_HINT,
        strategy=name,
    )


def _described(found: object, array: npt.NDArray[np.generic]) -> str:
    return "None" if found is None else f"a {type(found).__name__} of {array.dtype}"


def _check_finite(name: str, array: npt.NDArray[np.float64], bars: Bars) -> None:
    index = rolling.first_infinite(array.reshape(-1))
    if index < 0:
        return
    row, column = divmod(index, array.shape[1])
    time, symbol = np.datetime64(int(bars.time[row]), "ns"), bars.symbols[column]
    raise StrategyError(
        f"target {array[row, column]} of {name} for {symbol} at {time} (row {row}) is not finite",
        hint="check the strategy's divisions; NaN means that the last target stands",
        strategy=name,
        row=row,
        symbol=symbol,
    )
