"""For those who come with signals: entries and exits as a strategy."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.strategy import Targets
from peak_trade.kernels.signals import stated_sides

Bools = npt.NDArray[np.bool_]


class Signals:
    """Trades given signals: one row a bar, one column an instrument."""

    def __init__(
        self, entries: Bools, exits: Bools, *, short_entries: Bools, short_exits: Bools
    ) -> None:
        self._signals = (entries, exits, short_entries, short_exits)

    def __repr__(self) -> str:
        entries, exits, short_entries, short_exits = (int(s.sum()) for s in self._signals)
        return (
            f"Signals({entries} entries, {exits} exits, {short_entries} short entries, "
            f"{short_exits} short exits)"
        )

    def targets(self, bars: Bars) -> Targets:
        """1/N at an entry, -1/N at a short entry, 0 at an exit, NaN between: (T, N)."""
        rows, width = bars.close.shape
        found = self._signals[0].shape
        if found[0] < rows or found[1] != width:
            raise StrategyError(
                f"signals have shape {found}, the bars {bars.close.shape} (rows, instruments)",
                hint="give one row a bar and one column an instrument",
            )
        targets = np.empty((rows, width))
        cut = [np.ascontiguousarray(signal[:rows]) for signal in self._signals]
        stated_sides(cut[0], cut[1], cut[2], cut[3], 1.0 / width, targets)
        return targets


def from_signals(
    entries: npt.ArrayLike,
    exits: npt.ArrayLike,
    short_entries: npt.ArrayLike | None = None,
    short_exits: npt.ArrayLike | None = None,
) -> Signals:
    """Make a strategy of entry and exit signals.

    A signal of row t is acted on at the next bar's open. Between signals nothing is stated, so the
    position stands; with ``Exits(reentry="stated")`` an entry signal after a stop enters again.

    Parameters
    ----------
    entries, exits : (T,) or (T, N) bool
        Where to go long, and where to leave a long position.
    short_entries, short_exits : (T,) or (T, N) bool, optional
        Where to go short, and where to leave a short position. An entry of the other side turns the
        position; an entry together with an exit of its own side does nothing.

    Raises
    ------
    StrategyError
        Signals of different shapes, or anything in them but True and False.

    Returns
    -------
    Signals
        A strategy; later changes of the given arrays do not reach it.

    Examples
    --------
    >>> strategy = from_signals([True, False, False], [False, False, True])
    >>> strategy.targets(Bars.from_arrays([1.0, 2.0, 3.0])).ravel()
    array([ 1., nan,  0.])
    """
    given = [entries, exits, short_entries, short_exits]
    arrays = [None if signal is None else _flags(signal) for signal in given]
    shapes = {array.shape for array in arrays if array is not None}
    if len(shapes) != 1:
        raise StrategyError(
            f"signals have shapes {', '.join(map(str, sorted(shapes)))}"
            if shapes
            else "no signals",
            hint="give all signals the same rows and columns",
        )
    none = np.zeros(shapes.pop(), np.bool_)
    long_in, long_out, short_in, short_out = (none if a is None else a for a in arrays)
    return Signals(long_in, long_out, short_entries=short_in, short_exits=short_out)


def _flags(signal: npt.ArrayLike) -> Bools:
    """(T, N) True and False, in memory of its own."""
    array = np.asarray(signal)
    if array.dtype != np.bool_:
        try:
            known = np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError):
            known = np.full(1, np.nan)
        if not np.isin(known, (0.0, 1.0)).all():
            raise StrategyError(
                "a signal holds something else than True and False",
                hint="fill missing values with False first",
            )
        array = known == 1.0
    if array.ndim not in (1, 2):
        raise StrategyError(
            f"a signal has shape {array.shape}, expected (rows,) or (rows, instruments)",
            hint="give one row a bar and one column an instrument",
        )
    return np.array(array[:, None] if array.ndim == 1 else array, dtype=np.bool_, order="C")
