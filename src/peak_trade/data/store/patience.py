"""Doing again what another writer was first with, or what expired in the middle of a read."""

import logging
from collections.abc import Callable
from typing import TypeVar

import stamina

from peak_trade.data.store.troubles import ConflictError, GoneError
from peak_trade.domain.errors import DataError

PATIENCE_S = 120.0
"""How long a writer waits for others."""

_READS = 3
Answer = TypeVar("Answer")

# A conflict is usual where several write: it is not worth a line where no logging is set up.
logging.getLogger("stamina").addHandler(logging.NullHandler())


def patient(attempt: Callable[[], Answer]) -> Answer:
    """Do something again, a little later each time, until no other writer is first.

    Raises
    ------
    DataError
        Others were first for two minutes, or a file is missing for good.
    """
    missing = 0
    try:
        for trial in stamina.retry_context(
            on=ConflictError,
            attempts=None,
            timeout=PATIENCE_S,
            wait_initial=0.005,
            wait_max=0.5,
            wait_jitter=0.05,
        ):
            with trial:
                try:
                    return attempt()
                except GoneError as error:
                    missing += 1
                    if missing >= _READS:
                        raise missing_file(error) from None
                    raise ConflictError(str(error)) from None
    except ConflictError:
        raise DataError(
            f"other writers were first for {PATIENCE_S:g} s", hint="try again; nothing was written"
        ) from None
    raise DataError("nothing was tried")  # the loop above ends with an answer or an error


def steady(attempt: Callable[[], Answer]) -> Answer:
    """Read again where the files of a version went away in the middle of it.

    Raises
    ------
    DataError
        They are missing for good.
    """
    for last in (False, False, True):
        try:
            return attempt()
        except GoneError as error:
            if last:
                raise missing_file(error) from None
    raise DataError("nothing was tried")


def missing_file(error: GoneError) -> DataError:
    """Say that a file is missing, and what to do."""
    return DataError(
        f"a file of the store is missing: {error}",
        hint="put it back from a copy, read an earlier version, or fetch the series again",
    )
