"""When positions are closed by price or by time."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from peak_trade.domain.checks import check_count, check_fraction, is_number
from peak_trade.domain.errors import ParameterError, did_you_mean

Convention = Literal["adverse", "favourable", "freqtrade"]


@dataclass(frozen=True, slots=True)
class Exits:
    """Protective exits of every position, as fractions of its average entry price.

    Levels move only with a fill of the position and at a bar's close, so that a bar is judged by
    what was known at its open.

    Parameters
    ----------
    stop_loss : float, optional
        Exit when the price falls (for a short: rises) this far. Fills as a market order.
    take_profit : float, optional
        Exit when the price gains this far. Fills as a resting limit order.
    reentry : {"zero", "stated"}
        After an exit the instrument stays flat until its target passes through zero or changes
        sign (``zero``), or until a row states a nonzero target again, not NaN (``stated``).
    trailing : float, optional
        Trailing stop: this far below the best price since the entry (for a short: above).
    trailing_arm : float, optional
        Profit that the best price must have reached before the stop trails.
    trailing_offset, trailing_after : float, optional
        Once the best price has gone beyond a profit of ``trailing_offset``, the stop trails at a
        distance of ``trailing_after``. Given together.
    break_even : float, optional
        Once the best price has reached this profit, the stop moves to the average entry price.
    max_bars : int, optional
        Time stop: close at the open after this many bars held; the entry bar is the first.
    roi : tuple of (minutes, profit)
        Return on investment that suffices after a time: a take-profit whose level is that of the
        last entry whose minutes have passed. Minutes ascend; a profit of -1 closes at any price.
    stop_atr, take_atr, trailing_atr : float, optional
        Distances as multiples of the average true range at the row that decided the entry.
    atr_window : int
        Bars of the average true range (Wilder 1978).
    partials : tuple of (profit, share)
        Partial take-profits: at each profit, sell this share of the position. Profits ascend,
        shares add up to less than 1.
    convention : {"adverse", "favourable", "freqtrade"}
        What happened inside a bar whose range reaches several levels: the worst (default), the
        best, or what freqtrade's backtests assume.

    Raises
    ------
    ParameterError
        A value out of range, or values that contradict one another.

    Examples
    --------
    >>> Exits(stop_loss=0.05).are_set
    True
    >>> Exits(trailing=0.02, trailing_arm=0.01, max_bars=100).are_plain
    False
    """

    stop_loss: float | None = None
    take_profit: float | None = None
    reentry: Literal["zero", "stated"] = "zero"
    trailing: float | None = None
    trailing_arm: float | None = None
    trailing_offset: float | None = None
    trailing_after: float | None = None
    break_even: float | None = None
    max_bars: int | None = None
    roi: tuple[tuple[float, float], ...] = ()
    stop_atr: float | None = None
    take_atr: float | None = None
    trailing_atr: float | None = None
    atr_window: int = 14
    partials: tuple[tuple[float, float], ...] = ()
    convention: Convention = "adverse"

    def __post_init__(self) -> None:
        for name in ("stop_loss", "trailing", "trailing_after"):
            if getattr(self, name) is not None:
                check_fraction("Exits", name, getattr(self, name), 1.0, zero=False)
        for name in (
            "take_profit", "trailing_arm", "trailing_offset", "break_even",
            "stop_atr", "take_atr", "trailing_atr",
        ):  # fmt: skip
            if getattr(self, name) is not None:
                check_fraction("Exits", name, getattr(self, name), math.inf, zero=False)
        if self.max_bars is not None:
            check_count("Exits", "max_bars", self.max_bars, least=1)
        check_count("Exits", "atr_window", self.atr_window, least=1)
        object.__setattr__(self, "atr_window", int(self.atr_window))  # indicators count in ints
        for name, value, choices in (
            ("reentry", self.reentry, ("zero", "stated")),
            ("convention", self.convention, get_args(Convention)),
        ):
            if value not in choices:
                raise ParameterError(
                    f"{name} {value!r} is not known", hint=did_you_mean(str(value), choices)
                )
        object.__setattr__(self, "roi", _pairs("roi", self.roi, "minutes", "profit"))
        object.__setattr__(self, "partials", _pairs("partials", self.partials, "profit", "share"))
        self._check_tables()
        self._check_together()

    def _check_tables(self) -> None:
        for minutes, profit in self.roi:
            if minutes < 0 or profit < -1:
                raise ParameterError(
                    f"roi entry ({minutes:g}, {profit:g}) is out of range",
                    hint="give minutes of 0 or more and a profit of -1 or more",
                )
        for profit, share in self.partials:
            check_fraction("Exits", "profit of partials", profit, math.inf, zero=False)
            check_fraction("Exits", "share of partials", share, 1.0, zero=False)
        if sum(share for _, share in self.partials) >= 1:
            raise ParameterError(
                f"shares of partials add up to {sum(s for _, s in self.partials):g}, less than 1 "
                "expected",
                hint="close the rest with take_profit",
            )

    def _check_together(self) -> None:
        for one, other in (("stop_loss", "stop_atr"), ("take_profit", "take_atr"),
                           ("trailing", "trailing_atr")):  # fmt: skip
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ParameterError(
                    f"both {one} and {other} are given", hint=f"drop one of {one} and {other}"
                )
        if (self.trailing_offset is None) != (self.trailing_after is None):
            raise ParameterError(
                "trailing_offset and trailing_after are given together, and one is missing",
                hint="give the profit and the distance from there on",
            )
        trails = self.trailing is not None or self.trailing_atr is not None
        for name in ("trailing_arm", "trailing_offset"):
            if getattr(self, name) is not None and not trails:
                raise ParameterError(
                    f"{name} is given without a trailing stop", hint="give trailing too"
                )
        if self.take_profit is not None and any(p >= self.take_profit for p, _ in self.partials):
            raise ParameterError(
                f"a partial take-profit lies at or beyond take_profit {self.take_profit:g}",
                hint="partial profits come before the last one",
            )
        if self.convention == "freqtrade":
            for name in ("partials", "break_even", "stop_atr", "take_atr", "trailing_atr"):
                if getattr(self, name) not in (None, ()):
                    raise ParameterError(
                        f"the freqtrade convention knows no {name}",
                        hint=f"drop {name}, or take convention adverse",
                    )

    @property
    def are_set(self) -> bool:
        """Whether there is any exit."""
        return self.have_levels or self.max_bars is not None

    @property
    def have_levels(self) -> bool:
        """Whether there is any exit at a price."""
        return bool(self.roi or self.partials) or any(
            getattr(self, name) is not None
            for name in (
                "stop_loss", "take_profit", "trailing", "break_even",
                "stop_atr", "take_atr", "trailing_atr",
            )
        )  # fmt: skip

    @property
    def need_atr(self) -> bool:
        """Whether levels are multiples of the average true range."""
        return any(x is not None for x in (self.stop_atr, self.take_atr, self.trailing_atr))

    @property
    def are_plain(self) -> bool:
        """Whether a stop-loss and a take-profit, the worse first, are all there is."""
        plain = Exits(self.stop_loss, self.take_profit, self.reentry, atr_window=self.atr_window)
        return self == plain


def _pairs(name: str, given: object, first: str, second: str) -> tuple[tuple[float, float], ...]:
    """A table of pairs with ascending first entries, as floats."""
    rows: tuple[object, ...] = tuple(given) if isinstance(given, Iterable) else (given,)
    pairs = tuple(tuple(row) if isinstance(row, Iterable) else (row,) for row in rows)
    if any(len(pair) != 2 or not all(map(is_number, pair)) for pair in pairs):
        raise ParameterError(
            f"{name} {given!r} is not a table of pairs", hint=f"give pairs of {first} and {second}"
        )
    table = tuple((float(a), float(b)) for a, b in pairs)
    if not all(math.isfinite(x) for pair in table for x in pair):
        raise ParameterError(f"{name} {given!r} is not finite", hint="give finite numbers")
    if any(not a[0] < b[0] for a, b in pairwise(table)):
        raise ParameterError(
            f"{name} {given!r} does not ascend", hint=f"sort by {first}, and give each once"
        )
    return table
