"""The one way kernels are compiled: cached on disk, without the interpreter lock, IEEE division."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile ``function`` exactly: no reordering of floating point operations.

    ``error_model="numpy"`` lets divisions vectorise (a zero divisor gives inf or NaN, never an
    exception), ``nogil`` lets threads run kernels side by side.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def inlined(function: F) -> F:
    """Compile ``function`` for use inside other kernels; it is copied into its callers."""
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")(function)
    return cast(F, compiled)


def reduction(function: F) -> F:
    """Compile a sum or an extreme over an array, whose terms may be taken in any order.

    Only for figures that are allowed to differ in the last digits (sums) or that cannot differ
    (minima and maxima of numbers that are not NaN).
    """
    compiled = numba.njit(
        cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nnan", "nsz"}
    )(function)
    return cast(F, compiled)
