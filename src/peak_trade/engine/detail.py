"""Finer bars of a run's instruments: what happened inside its bars."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError

Floats = npt.NDArray[np.float64]


class Detail:
    """Finds the finer bars that lie inside a coarse one.

    Parameters
    ----------
    bars : Bars
        The bars of the run.
    finer : Bars
        Finer bars of all its instruments, by symbol; others are left aside.

    Raises
    ------
    InputError
        An instrument that the finer bars do not have, closes alone, or bars that are not finer.
    """

    def __init__(self, bars: Bars, finer: Bars) -> None:
        columns = {symbol: k for k, symbol in enumerate(finer.symbols)}
        missing = [symbol for symbol in bars.symbols if symbol not in columns]
        if missing:
            raise InputError(
                f"the finer bars {finer.name} have {', '.join(finer.symbols)}, and not "
                f"{', '.join(missing)}",
                hint="give finer bars of every instrument that is traded",
            )
        if finer.close_only.any():
            raise InputError(
                f"the finer bars {finer.name} have closes alone",
                hint="exits need open, high and low",
            )
        if finer.interval.ns >= bars.interval.ns:
            raise InputError(
                f"the finer bars {finer.name} ({finer.interval}) are not finer than {bars.name} "
                f"({bars.interval})",
                hint="give bars of a shorter interval",
            )
        self._bars = bars
        self._found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]] = []
        for symbol in bars.symbols:
            k = columns[symbol]
            real = finer.tradable[:, k]
            prices = [np.asarray(getattr(finer, name)[real, k]) for name in ("open", "high", "low")]
            self._found.append(
                (finer.open_time[real, k], finer.time[real], np.stack(prices, axis=1))
            )

    def inside(self, row: int, i: int) -> Floats:
        """(K, 3) Open, high and low of the finer bars inside a bar; none where there are none."""
        opens, closes, prices = self._found[i]
        first = int(np.searchsorted(opens, self._bars.open_time[row, i], side="left"))
        last = int(np.searchsorted(closes, self._bars.time[row], side="right"))
        return prices[first:last]
