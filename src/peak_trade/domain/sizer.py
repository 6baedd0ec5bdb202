"""What scales a target before it becomes lots, in every engine."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from peak_trade.domain.bars import Bars


@dataclass(frozen=True, slots=True)
class AccountScale:
    """The part of a sizer that reads the account; NaN where it does not.

    Parameters
    ----------
    drawdown_limit, drawdown_floor : float
        The scale falls from 1 to the floor as the drawdown goes from 0 to the limit (fractions).
    kelly_fraction, kelly_cap : float
        Share of the Kelly fraction that is taken, and the largest scale it may give.
    kelly_min_trades, kelly_start : float
        Closed trades before which the scale is ``kelly_start``.
    """

    drawdown_limit: float = math.nan
    drawdown_floor: float = math.nan
    kelly_fraction: float = math.nan
    kelly_cap: float = math.nan
    kelly_min_trades: float = math.nan
    kelly_start: float = math.nan


class Sizer(Protocol):
    """Scales targets by what bars and the account are like; a frozen value."""

    @property
    def account(self) -> AccountScale:
        """The part that reads the account."""
        ...

    def scale(self, bars: "Bars") -> npt.NDArray[np.float64]:
        """(T, N) factors on the targets, from bars up to and including each row; NaN counts as 0."""
        ...
