"""Asking again where a read failed: how often, how long, and when not."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

T = TypeVar("T")

# Who asks again says so in its own words; the library's own line names neither venue nor reason.
logging.getLogger("stamina").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source is asked again that does not answer.

    Attributes
    ----------
    attempts : int
        How often it is asked at most, the first time counted.
    first_wait_s, longest_wait_s : float
        Pause before the second attempt, doubled from then on, up to the longest; a jitter is added.
    longest_limit_s : float
        The longest pause that a venue may ask for when a limit is reached; if it asks for more, it
        is not asked again.
    """

    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    longest_limit_s: float = 120.0


def patiently(
    call: Callable[[], T], patience: Patience, *, retry: Callable[[Exception], bool | float]
) -> T:
    """Give what ``call`` gives, asked again while ``retry`` says so. For reads alone.

    Parameters
    ----------
    call : callable
        The read.
    patience : Patience
        How often and how long.
    retry : callable
        Of what was raised: False to raise it on, True to ask again after the usual pause, a number
        to ask again after that many seconds.

    Examples
    --------
    >>> answers = iter([OSError("reset"), "pong"])
    >>> def ask():
    ...     answer = next(answers)
    ...     if isinstance(answer, Exception):
    ...         raise answer
    ...     return answer
    >>> patiently(ask, Patience(first_wait_s=0.0), retry=lambda error: isinstance(error, OSError))
    'pong'
    """
    for attempt in stamina.retry_context(
        retry,
        attempts=patience.attempts,
        timeout=None,
        wait_initial=patience.first_wait_s,
        wait_max=patience.longest_wait_s,
        wait_jitter=patience.first_wait_s / 2,
    ):
        with attempt:
            return call()
    raise RuntimeError("no attempt was made")  # stamina raises the last error itself
