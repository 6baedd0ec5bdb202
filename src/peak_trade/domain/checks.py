"""Checks of numbers that several declarations share."""

import math
from numbers import Real

from peak_trade.domain.errors import ParameterError


def is_number(value: object) -> bool:
    """Whether a value is a real number; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_fraction(owner: str, name: str, value: float, top: float, *, zero: bool) -> None:
    """Refuse what is no fraction from 0 (or above 0) to below ``top``.

    Raises
    ------
    ParameterError
        The value is not a number, or outside.
    """
    if not is_number(value):
        raise ParameterError(
            f"{name} {value!r} of {owner} is not a number",
            hint="fractions are expected: 0.01 is 1 %",
        )
    if not (math.isfinite(value) and (0 <= value if zero else 0 < value) and value < top):
        low = "0 or more" if zero else "above 0"
        bound = "" if top == math.inf else f" and below {top:g}"
        raise ParameterError(
            f"{name} {value} of {owner} is out of range: {low}{bound} expected",
            hint="fractions are expected: 0.01 is 1 %",
            **{name: value},
        )


def check_amount(owner: str, name: str, value: float, *, unit: str, zero: bool = True) -> None:
    """Refuse what is no finite amount of 0 or more (or above 0).

    Raises
    ------
    ParameterError
        The value is not a number, not finite, or too small.
    """
    low = "0 or more" if zero else "above 0"
    if not is_number(value) or not math.isfinite(value) or not (value >= 0 if zero else value > 0):
        raise ParameterError(
            f"{name} {value!r} of {owner} is out of range: {low} expected",
            hint=f"give {unit}",
            **{name: value},
        )


def check_count(owner: str, name: str, value: int, *, least: int) -> None:
    """Refuse what is no whole number of at least ``least``.

    Raises
    ------
    ParameterError
        The value is not a whole number, or too small.
    """
    if not is_number(value) or not math.isfinite(value) or value != int(value) or value < least:
        raise ParameterError(
            f"{name} {value!r} of {owner} is out of range: a whole number of at least {least} "
            "expected",
            hint=f"give {least} or more",
            **{name: value},
        )
