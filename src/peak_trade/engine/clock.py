"""The only clock of the engine, and the ids that it orders."""

import secrets
import time

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32


def now_ns() -> int:
    """The time in UTC nanoseconds."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Nanoseconds of a clock that never steps back, for durations on this machine."""
    return time.monotonic_ns()


def new_run_id() -> str:
    """A run id that sorts by the time it was made: 10 characters of milliseconds, 6 of chance.

    Examples
    --------
    >>> len(new_run_id())
    16
    """
    stamp = now_ns() // 1_000_000
    head = "".join(_DIGITS[(stamp >> (5 * place)) & 31] for place in range(9, -1, -1))
    return head + "".join(secrets.choice(_DIGITS) for _ in range(6))
