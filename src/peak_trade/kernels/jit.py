"""The one way kernels are compiled: cached on disk, without the interpreter lock, IEEE division."""

import hashlib
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar, cast

import numba

_LINALG = "scipy.linalg"
if _LINALG not in sys.modules:  # numba asks for it at its first use, and it takes as long as numba
    sys.modules[_LINALG] = None  # type: ignore[assignment]  # an import of it fails until it is gone
    try:
        arraymath = import_module("numba.np.arraymath")
    finally:
        del sys.modules[_LINALG]
    vars(arraymath)["_HAVE_BLAS"] = find_spec("scipy") is not None  # what numba would have found

F = TypeVar("F", bound=Callable[..., object])


def cache_folder() -> Path:
    """Where compiled kernels are kept: one folder for each installation and state of their source.

    numba forgets to compile again when a kernel that another file calls has changed, so the
    folder's name carries a hash of every kernel's source. ``NUMBA_CACHE_DIR`` is respected.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "peak-trade"
    home = Path(__file__).resolve().parent
    digest = hashlib.blake2b(f"{numba.__version__} {home}".encode(), digest_size=6)
    for source in sorted(home.glob("*.py")):
        digest.update(source.read_bytes())
    return (Path(given) if given else base) / f"kernels-{digest.hexdigest()}"


_CACHE = str(cache_folder())


def is_compiled() -> bool:
    """Whether kernels of this source were compiled before; else the first calls take seconds."""
    return any(Path(_CACHE).rglob("*.nbi"))


def kernel(function: F) -> F:
    """Compile ``function`` exactly, for arrays that it is given: none is made inside.

    No floating point operation is reordered. ``error_model="numpy"`` lets divisions vectorise (a
    zero divisor gives inf or NaN, never an exception), ``nogil`` lets threads run kernels side by
    side, and without the reference counts of the run-time they do not wait for one another.
    """
    return cast(F, _njit(function, _nrt=False))


def part(function: F) -> F:
    """Compile ``function`` as ``kernel`` does, for a step of one other kernel: it becomes part of it.

    Arrays are handed to a kernel as seven words each, which costs more than a short step does.
    """
    return cast(F, _njit(function, _nrt=False, forceinline=True))


def allocating(function: F) -> F:
    """Compile ``function`` as ``kernel`` does, for one that makes arrays of its own."""
    return cast(F, _njit(function))


def extreme(function: F) -> F:
    """Compile minima and maxima of numbers that are not NaN, as a ``part`` of one other kernel."""
    return cast(F, _njit(function, fastmath={"nnan", "nsz"}, _nrt=False, forceinline=True))


def reduction(function: F) -> F:
    """Compile a sum or an extreme over an array, whose terms may be taken in any order.

    Only for figures that are allowed to differ in the last digits (sums) or that cannot differ
    (minima, maxima and counts over numbers that are not NaN).
    """
    return cast(F, _njit(function, fastmath={"reassoc", "nnan", "nsz"}, _nrt=False))


def _njit(function: Callable[..., object], **options: object) -> object:
    compiler = cast(Callable[..., Callable[..., object]], numba.njit)
    settings = vars(numba.config)
    before, settings["CACHE_DIR"] = settings["CACHE_DIR"], _CACHE
    try:
        return compiler(cache=True, nogil=True, error_model="numpy", **options)(function)
    finally:
        settings["CACHE_DIR"] = before
