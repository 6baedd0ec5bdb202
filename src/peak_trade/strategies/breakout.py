"""Breakouts: follow a price out of the range that it has kept."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.strategy import Strategy, Targets, param
from peak_trade.stats import indicators as ind
from peak_trade.strategies.share import equal_share, held_between

Floats = npt.NDArray[np.float64]


class DonchianBreakout(Strategy):
    """Long from a close above the highest high of the ``entry`` bars before it, Turtle style.

    It leaves at a close below the lowest low of the ``exit`` bars before. With ``allow_short`` it is
    also short from a close below the lowest low of the ``entry`` bars before until one above the
    highest high of the ``exit`` bars before. The Turtles traded inside the bar; here the close
    decides. Each of N instruments gets 1/N of equity.

    Raises
    ------
    ParameterError
        If ``exit`` is above ``entry``.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 13.0, 12.5, 11.5])
    >>> DonchianBreakout(entry=3, exit=2).targets(bars).ravel()
    array([False, False, False,  True,  True, False])
    """

    source: ClassVar[str] = "Donchian's channels, as in Faith, Way of the Turtle, 2007"
    entry: int = param(default=20, low=1, high=10_000, doc="bars in the channel that is entered")
    exit: int = param(default=10, low=1, high=10_000, doc="bars in the channel that is left")
    allow_short: bool = param(default=False, doc="go short below the channel too")

    def check(self) -> None:
        """Refuse to leave by a longer channel than the one that was entered by."""
        if self.exit > self.entry:
            raise ParameterError(
                f"exit {self.exit} is above entry {self.entry}",
                hint="the channel that is left has as many bars as the one entered, or fewer",
                exit=self.exit,
                entry=self.entry,
            )

    @property
    def warmup(self) -> int:
        """Rows before the first channel is known to a later bar."""
        return self.entry

    def indicators(self, bars: Bars) -> dict[str, Floats]:
        """The edges that each close is compared with, (T, N) in units of price."""
        low, high = _edges_before(bars, self.entry)
        below, above = _edges_before(bars, self.exit)
        lines = {f"high {self.entry}": high, f"low {self.exit}": below}
        if self.allow_short:
            lines |= {f"low {self.entry}": low, f"high {self.exit}": above}
        return lines

    def targets(self, bars: Bars) -> Targets:
        """1/N where long, -1/N where short, else 0: (T, N)."""
        low, high = _edges_before(bars, self.entry)
        below, above = _edges_before(bars, self.exit)
        long = held_between(bars.close > high, bars.close < below)
        if not self.allow_short:
            return equal_share(long)
        short = held_between(bars.close < low, bars.close > above)
        return equal_share(long.astype(np.float64) - short)


def _edges_before(bars: Bars, n: int) -> tuple[Floats, Floats]:
    """Lowest low and highest high of the n bars before each row; NaN where there are fewer."""
    lower, _, upper = ind.donchian(bars, n)
    first = np.full((1, lower.shape[1]), np.nan)
    return np.vstack((first, lower[:-1]))[: len(bars)], np.vstack((first, upper[:-1]))[: len(bars)]
