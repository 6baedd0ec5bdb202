"""What trading costs: fees by schedule and tier, slippage and impact, borrow and interest."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from peak_trade.domain.checks import check_amount, check_count, check_fraction, is_number
from peak_trade.domain.errors import ParameterError

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class FeeTier:
    """Rates from a 30-day traded volume on: ``volume`` in quote currency, fractions of value."""

    volume: float
    maker: float
    taker: float

    def __post_init__(self) -> None:
        check_amount("FeeTier", "volume", self.volume, unit="a 30-day volume in quote currency")
        check_fraction("FeeTier", "maker", self.maker, 1.0, zero=True)
        check_fraction("FeeTier", "taker", self.taker, 1.0, zero=True)


@dataclass(frozen=True, slots=True)
class Fees:
    """A venue's fees from a date on.

    The fee of a fill is ``fixed + per_unit x quantity + rate x value``, at least ``minimum``, at
    most ``cap x value``. The rate is ``taker`` for orders that take a price and ``maker`` for those
    that rest (take-profits), or that of the tier which the 30-day volume has reached.

    Parameters
    ----------
    maker, taker : float
        Fractions of a fill's value, at least 0 and below 1.
    tiers : tuple of FeeTier
        Rates by 30-day traded volume, from the lowest volume up; below the first, ``maker`` and
        ``taker`` hold.
    fixed : float
        Quote currency per fill.
    per_unit : float
        Quote currency per unit (share, coin, contract).
    minimum : float
        Smallest fee of a fill, quote currency.
    cap : float, optional
        Largest fee of a fill, as a fraction of its value.
    since_ns : int
        UTC nanoseconds from which on they hold.

    Raises
    ------
    ParameterError
        A rate out of range; tiers that overlap or do not ascend.

    Examples
    --------
    >>> Fees(per_unit=0.005, minimum=1.0, cap=0.005).minimum
    1.0
    """

    maker: float = 0.0
    taker: float = 0.0
    tiers: tuple[FeeTier, ...] = ()
    fixed: float = 0.0
    per_unit: float = 0.0
    minimum: float = 0.0
    cap: float | None = None
    since_ns: int = 0

    def __post_init__(self) -> None:
        check_fraction("Fees", "maker", self.maker, 1.0, zero=True)
        check_fraction("Fees", "taker", self.taker, 1.0, zero=True)
        for name in ("fixed", "per_unit", "minimum"):
            check_amount("Fees", name, getattr(self, name), unit="an amount in quote currency")
        if self.cap is not None:
            check_fraction("Fees", "cap", self.cap, 1.0, zero=False)
        if not is_number(self.since_ns) or self.since_ns % 1 != 0:
            raise ParameterError(
                f"since_ns {self.since_ns!r} of Fees is no whole number",
                hint="give UTC nanoseconds since 1970",
            )
        object.__setattr__(
            self, "tiers", _all_of(FeeTier, self.tiers, "tiers", "FeeTier(0, 0, 0.001)")
        )
        for lower, upper in pairwise(self.tiers):
            if not lower.volume < upper.volume:
                raise ParameterError(
                    f"fee tiers overlap: one from a volume of {lower.volume:g} is followed by one "
                    f"from {upper.volume:g}",
                    hint="sort the tiers by volume, and give each volume once",
                )


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs.

    Parameters
    ----------
    commission : float
        Fee on the value of every fill, at least 0 and below 1. Instead of ``fees``.
    slippage : float
        Fraction by which market and stop fills are worse than the price they are made at.
        Take-profits rest at their price and do not slip.
    fees : tuple of Fees
        A venue's fee schedule by date, ascending; the first holds from the beginning. A single
        ``Fees`` stands for a schedule of one.
    half_spread : float or str
        Half the bid-ask spread in quote currency, paid by fills that slip; or the name of a feature
        of the bars (T, N) that holds it.
    volume_share : float
        Price impact ``volume_share x share^2`` of a fill that is ``share`` of its bar's volume
        (Zipline's VolumeShareSlippage; its default is 0.1).
    impact : float
        Factor Y of the square-root law: impact ``Y x sigma x sqrt(quantity / V)``, sigma and V the
        standard deviation of log returns and the mean volume of the last ``impact_window`` bars
        (Almgren, Thum, Hauptmann and Li 2005; Toth et al. 2011). Around 1 is usual.
    impact_window : int
        Bars that sigma and V are taken over, at least 3.
    borrow : float
        Yearly rate on the value of shorts.
    interest : float
        Yearly rate earned on cash that is not short proceeds.

    Raises
    ------
    ParameterError
        A rate out of range, both ``commission`` and ``fees``, or schedules out of order.

    Examples
    --------
    >>> Costs(commission=0.001, slippage=0.0005).are_free
    False
    >>> Costs(fees=Fees(per_unit=0.005, minimum=1.0, cap=0.005)).fees[0].per_unit
    0.005
    """

    commission: float = 0.0
    slippage: float = 0.0
    fees: tuple[Fees, ...] | Fees = ()
    half_spread: float | str = 0.0
    volume_share: float = 0.0
    impact: float = 0.0
    impact_window: int = 20
    borrow: float = 0.0
    interest: float = 0.0

    def __post_init__(self) -> None:
        check_fraction("Costs", "commission", self.commission, 1.0, zero=True)
        check_fraction("Costs", "slippage", self.slippage, 1.0, zero=True)
        if not isinstance(self.half_spread, str):
            check_amount("Costs", "half_spread", self.half_spread, unit="quote currency")
        check_amount("Costs", "volume_share", self.volume_share, unit="a factor such as 0.1")
        check_amount("Costs", "impact", self.impact, unit="a factor such as 1")
        check_count("Costs", "impact_window", self.impact_window, least=3)
        object.__setattr__(self, "impact_window", int(self.impact_window))  # 20.0 is 20 in kernels
        check_fraction("Costs", "borrow", self.borrow, math.inf, zero=True)
        check_fraction("Costs", "interest", self.interest, math.inf, zero=True)
        given = (self.fees,) if isinstance(self.fees, Fees) else self.fees
        schedules = _all_of(Fees, given, "fees", "Fees(taker=0.001)")
        object.__setattr__(self, "fees", schedules)
        if schedules and self.commission:
            raise ParameterError(
                f"both a commission of {self.commission:g} and a fee schedule are given",
                hint="drop the commission; the schedule's taker rate takes its place",
            )
        since = [fees.since_ns for fees in schedules]
        if since != sorted(set(since)):
            raise ParameterError(
                "the fee schedules do not ascend in time",
                hint="sort them by since_ns, and give each date once",
            )

    @property
    def schedules(self) -> tuple[Fees, ...]:
        """The fee schedules by date."""
        return (self.fees,) if isinstance(self.fees, Fees) else self.fees

    @property
    def are_free(self) -> bool:
        """Whether fills cost nothing."""
        return not (self.commission or self.fees or self.slips)

    @property
    def slips(self) -> bool:
        """Whether market orders fill at worse prices than the bars'."""
        return bool(self.slippage or self.half_spread or self.volume_share or self.impact)

    @property
    def need_volume(self) -> bool:
        """Whether the bars must have volumes."""
        return bool(self.volume_share or self.impact)

    @property
    def are_plain(self) -> bool:
        """Whether a commission and a fraction of slippage are all there is."""
        return not (
            self.fees
            or self.half_spread
            or self.volume_share
            or self.impact
            or self.borrow
            or self.interest
        )


def _all_of(kind: type[Kind], given: object, name: str, written: str) -> tuple[Kind, ...]:
    """What is given as a tuple of one kind."""
    found: tuple[object, ...] = tuple(given) if isinstance(given, Iterable) else (given,)
    kept = tuple(value for value in found if isinstance(value, kind))
    if len(kept) < len(found):
        raise ParameterError(f"{name} {given!r} are no {kind.__name__}", hint=f"write pt.{written}")
    return kept
