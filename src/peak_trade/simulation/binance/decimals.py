"""Numbers as Binance writes them: decimal texts of a fixed number of places."""

from decimal import ROUND_DOWN, Decimal

PLACES = 8
"""Decimals of every asset, price and quantity."""


def text_of(value: Decimal, places: int = PLACES) -> str:
    """A number with a fixed number of decimals; what lies beyond is cut off.

    Examples
    --------
    >>> text_of(Decimal("0.1")), text_of(Decimal("-2.5"), 2), text_of(Decimal("1E+2"))
    ('0.10000000', '-2.50', '100.00000000')
    """
    return f"{value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN):f}"


def places_of(value: Decimal) -> int:
    """How many decimals a number has, trailing zeros aside.

    Examples
    --------
    >>> places_of(Decimal("0.00100")), places_of(Decimal("120"))
    (3, 0)
    """
    exponent = value.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
