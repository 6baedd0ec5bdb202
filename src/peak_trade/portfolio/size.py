"""Position sizing: how much of a target is held, given equity and how bars have moved.

A sizer stands between targets and lots, in every engine. It multiplies a row's targets by factors
that it reads from bars (``scale``) and by one that the engine works out from the account
(``account``, by ``kernels/size.account_scale``).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.checks import check_amount, check_count, check_fraction
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.sizer import AccountScale, Sizer
from peak_trade.stats import indicators as ind

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FixedFraction:
    """Hold a fixed fraction of every target.

    Parameters
    ----------
    fraction : float
        Above 0 and at most 1.

    Raises
    ------
    ParameterError
        A fraction outside.

    Examples
    --------
    >>> FixedFraction(0.5).scale(Bars.from_arrays([10.0, 11.0])).ravel()
    array([0.5, 0.5])
    """

    fraction: float

    def __post_init__(self) -> None:
        _check_share("FixedFraction", "fraction", self.fraction)

    @property
    def account(self) -> AccountScale:
        """Nothing of the account is read."""
        return AccountScale()

    def scale(self, bars: Bars) -> Floats:
        """The fraction in every row: (T, N)."""
        return np.full(bars.close.shape, float(self.fraction))


@dataclass(frozen=True, slots=True)
class VolatilitySize:
    """Hold less of what moves more: each target times a volatility over the instrument's own.

    ``min(cap, target / volatility)``, with the annual volatility of the last ``window`` returns from
    close to close of real bars (``pt.ind.volatility``). Instruments count each for itself; the
    overlay ``VolatilityTarget`` looks at all of them together.

    Parameters
    ----------
    target : float
        Volatility a year of a target of 1, a fraction above 0.
    window : int
        Returns in the volatility, at least 2.
    cap : float
        Largest factor, above 0; also that of a price that did not move.

    Raises
    ------
    ParameterError
        A parameter outside its range.

    Examples
    --------
    >>> days = Bars.from_arrays([100.0, 101.0, 99.99, 100.9899])  # 1 %, -1 %, 1 %
    >>> VolatilitySize(target=0.1, window=2).scale(days).round(3).ravel()
    array([ nan,  nan, 0.37, 0.37])
    """

    target: float
    window: int = 60
    cap: float = 1.0

    def __post_init__(self) -> None:
        check_amount("VolatilitySize", "target", self.target, unit="a fraction a year", zero=False)
        check_count("VolatilitySize", "window", self.window, least=2)
        check_amount("VolatilitySize", "cap", self.cap, unit="the largest factor", zero=False)

    @property
    def account(self) -> AccountScale:
        """Nothing of the account is read."""
        return AccountScale()

    def scale(self, bars: Bars) -> Floats:
        """Target volatility over the instrument's, at most the cap; NaN in the warm-up: (T, N)."""
        return _capped(self.target, ind.volatility(bars, int(self.window)), self.cap)


@dataclass(frozen=True, slots=True)
class AtrRisk:
    """Size a position so that an adverse move of so many average true ranges costs a set risk.

    A target of 1 becomes ``risk / (multiple * ATR / close)`` of equity, at most ``cap``: with the
    stop ``multiple`` ATR away, being stopped out costs the fraction ``risk`` of equity, before costs
    and gaps. A target of 1/N risks 1/N of it. The Turtles risked 1 % an ATR of 20 days.

    Parameters
    ----------
    risk : float
        Fraction of equity at risk with a target of 1, above 0 and at most 1.
    window : int
        True ranges in Wilder's average, at least 1.
    multiple : float
        Average true ranges to the stop, above 0.
    cap : float
        Largest factor, above 0; also that of a price that did not move.

    Raises
    ------
    ParameterError
        A parameter outside its range.

    References
    ----------
    Faith, Way of the Turtle, 2007, on unit size.

    Examples
    --------
    >>> days = Bars.from_arrays([100.0, 100.0, 100.0], high=[100.0, 102.0, 102.0], open=[100.0] * 3)
    >>> AtrRisk(risk=0.01, window=2, multiple=2.0).scale(days).ravel()  # 1 % over 2 x 2 %
    array([ nan,  nan, 0.25])
    """

    risk: float
    window: int = 20
    multiple: float = 2.0
    cap: float = 1.0

    def __post_init__(self) -> None:
        _check_share("AtrRisk", "risk", self.risk)
        check_count("AtrRisk", "window", self.window, least=1)
        check_amount("AtrRisk", "multiple", self.multiple, unit="average true ranges", zero=False)
        check_amount("AtrRisk", "cap", self.cap, unit="the largest factor", zero=False)

    @property
    def account(self) -> AccountScale:
        """Nothing of the account is read."""
        return AccountScale()

    def scale(self, bars: Bars) -> Floats:
        """Risk over the fraction of the price that ``multiple`` ATR are; NaN in the warm-up: (T, N)."""
        move = self.multiple * ind.atr(bars, int(self.window)) / bars.close
        return _capped(self.risk, move, self.cap)


@dataclass(frozen=True, slots=True)
class Kelly:
    """Hold a share of Kelly's fraction, from the trades that the account has closed so far.

    ``f = W - (1 - W) / R`` with ``W`` the share of closed trades that won and ``R`` their mean win
    over the mean loss; targets are multiplied by ``fraction * f``, within 0 and ``cap``. Without an
    edge that is 0, and as no trade closes then, it stays 0.

    Parameters
    ----------
    fraction : float
        Share of Kelly's fraction, above 0 and at most 1; a half gives three quarters of the growth
        at half the volatility.
    cap : float
        Largest factor, above 0.
    min_trades : int
        Closed trades before which the factor is ``start``, at least 1.
    start : float
        Above 0 and at most ``cap``.

    Raises
    ------
    ParameterError
        A parameter outside its range.

    References
    ----------
    Kelly, A New Interpretation of Information Rate, Bell System Technical Journal 1956; Thorp, The
    Kelly Criterion in Blackjack, Sports Betting and the Stock Market, 2006.

    Examples
    --------
    >>> from dataclasses import astuple
    >>> from peak_trade.kernels.size import account_scale
    >>> half = Kelly(fraction=0.5, min_trades=10)
    >>> params = np.array(astuple(half.account))
    >>> account_scale(0.0, 5, 0.10, 5, 0.05, params)  # W 0.5, R 2: half of 0.25
    0.125
    """

    fraction: float = 0.5
    cap: float = 1.0
    min_trades: int = 30
    start: float = 0.25

    def __post_init__(self) -> None:
        _check_share("Kelly", "fraction", self.fraction)
        check_amount("Kelly", "cap", self.cap, unit="the largest factor", zero=False)
        check_count("Kelly", "min_trades", self.min_trades, least=1)
        check_amount(
            "Kelly", "start", self.start, unit="the factor of the first trades", zero=False
        )
        if self.start > self.cap:
            raise ParameterError(
                f"start {self.start} of Kelly is above its cap {self.cap}",
                hint="begin with the cap or less",
                start=self.start,
                cap=self.cap,
            )

    @property
    def account(self) -> AccountScale:
        """What the engine works the factor out from, trade by trade."""
        return AccountScale(
            kelly_fraction=float(self.fraction),
            kelly_cap=float(self.cap),
            kelly_min_trades=float(self.min_trades),
            kelly_start=float(self.start),
        )

    def scale(self, bars: Bars) -> Floats:
        """Ones: bars are not read, (T, N)."""
        return np.ones(bars.close.shape)


@dataclass(frozen=True, slots=True)
class DrawdownScaled:
    """Hold less the further equity is below its peak, and little or nothing at a limit.

    Targets are multiplied by ``max(floor, 1 - drawdown / limit)``. With a floor of 0 an account at
    its limit is flat, and stays so, as its equity no longer moves.

    Parameters
    ----------
    limit : float
        Drawdown at which the floor is reached at the latest, a fraction above 0 and at most 1.
    floor : float
        Smallest factor, 0 or more and below 1.

    Raises
    ------
    ParameterError
        A parameter outside its range.

    References
    ----------
    Grossman and Zhou, Optimal Investment Strategies for Controlling Drawdowns, Mathematical Finance
    1993: exposure in proportion to the cushion above the lowest equity that is allowed.

    Examples
    --------
    >>> from dataclasses import astuple
    >>> from peak_trade.kernels.size import account_scale
    >>> params = np.array(astuple(DrawdownScaled(limit=0.2, floor=0.1).account))
    >>> [account_scale(drawdown, 0, 0.0, 0, 0.0, params) for drawdown in (0.0, 0.05, 0.3)]
    [1.0, 0.75, 0.1]
    """

    limit: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_share("DrawdownScaled", "limit", self.limit)
        check_fraction("DrawdownScaled", "floor", self.floor, 1.0, zero=True)

    @property
    def account(self) -> AccountScale:
        """What the engine works the factor out from, row by row."""
        return AccountScale(drawdown_limit=float(self.limit), drawdown_floor=float(self.floor))

    def scale(self, bars: Bars) -> Floats:
        """Ones: bars are not read, (T, N)."""
        return np.ones(bars.close.shape)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Chain:
    """Several sizers at once: their factors are multiplied.

    Parameters
    ----------
    *sizers : Sizer
        At least one; of them at most one reads the drawdown, and one the closed trades.

    Raises
    ------
    ParameterError
        No sizer, something that is none, or two that read the same of the account.

    Examples
    --------
    >>> both = Chain(FixedFraction(0.5), DrawdownScaled(limit=0.2))
    >>> both
    Chain(FixedFraction(fraction=0.5), DrawdownScaled(limit=0.2, floor=0.0))
    >>> both.scale(Bars.from_arrays([10.0, 11.0])).ravel(), both.account.drawdown_limit
    (array([0.5, 0.5]), 0.2)
    """

    sizers: tuple[Sizer, ...]

    def __init__(self, *sizers: Sizer) -> None:
        object.__setattr__(self, "sizers", sizers)
        if not sizers:
            raise ParameterError("Chain has no sizers", hint="write Chain(first, second)")
        for sizer in sizers:
            if not isinstance(getattr(sizer, "account", None), AccountScale):
                raise ParameterError(
                    f"{sizer!r} in Chain is no sizer",
                    hint="give objects with account and scale(bars)",
                )
        for part in ("drawdown_limit", "kelly_fraction"):
            if sum(not math.isnan(getattr(sizer.account, part)) for sizer in sizers) > 1:
                raise ParameterError(
                    f"two sizers of {self!r} set {part}", hint="keep one of them", part=part
                )

    def __repr__(self) -> str:
        return f"Chain({', '.join(map(repr, self.sizers))})"

    @property
    def account(self) -> AccountScale:
        """The parts that the sizers read of the account, together."""
        whole = AccountScale()
        for sizer in self.sizers:
            found = sizer.account
            if not math.isnan(found.drawdown_limit):
                whole = replace(
                    whole, drawdown_limit=found.drawdown_limit, drawdown_floor=found.drawdown_floor
                )
            if not math.isnan(found.kelly_fraction):
                whole = replace(
                    whole,
                    kelly_fraction=found.kelly_fraction,
                    kelly_cap=found.kelly_cap,
                    kelly_min_trades=found.kelly_min_trades,
                    kelly_start=found.kelly_start,
                )
        return whole

    def scale(self, bars: Bars) -> Floats:
        """The product of the sizers' factors; NaN where one is not known: (T, N)."""
        product = np.ones(bars.close.shape)
        for sizer in self.sizers:
            product *= sizer.scale(bars)
        return product


SIZERS: Mapping[str, type] = MappingProxyType(
    {
        "fixed_fraction": FixedFraction,
        "volatility": VolatilitySize,
        "atr_risk": AtrRisk,
        "kelly": Kelly,
        "drawdown": DrawdownScaled,
    }
)
"""The sizers by the names that configuration and the command line call them."""


def _check_share(owner: str, name: str, value: float) -> None:
    check_fraction(owner, name, value, math.nextafter(1.0, 2.0), zero=False)


def _capped(wanted: float, moves: Floats, cap: float) -> Floats:
    with np.errstate(divide="ignore"):
        return np.minimum(wanted / moves, cap)
