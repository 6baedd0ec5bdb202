"""What goes wrong with a store, told so that its user knows what to do; never with a credential."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from peak_trade.data.store.place import Place
from peak_trade.domain.errors import DataError, PeakTradeError

_LONGEST = 600
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL_WORDS = ("no space left", "file too large", "quota exceeded", "os error 28", "os error 27")
_DENIED_WORDS = ("permission denied", "read-only file system", "accessdenied", "forbidden",
                 "invalidaccesskeyid", "signaturedoesnotmatch", "not authorized")  # fmt: skip
_AWAY_WORDS = ("error sending request", "connection refused", "dns error", "timed out",
               "after 10 retries", "max_retries")  # fmt: skip
_GAP_WORDS = ("contiguous commit files", "no files in log segment", "logsegment end version")
_NEWER_WORDS = ("reader version", "writer version", "reader feature", "writer feature",
                "unsupported", "unknown table feature", "minreaderversion")  # fmt: skip


class ConflictError(Exception):
    """Another writer was first; what was planned has to be planned again."""


class GoneError(Exception):
    """A file that a version names is no longer there."""


@contextmanager
def told(place: Place, what: str) -> Iterator[None]:
    """Turn what libraries raise into errors that name the place and the next step.

    Parameters
    ----------
    place : Place
        The store.
    what : str
        What was being done, such as ``writing kraken 1h``.

    Raises
    ------
    DataError
        Anything that is wrong with the place, its files or its log.
    GoneError
        A file that is not there.
    """
    import polars as pl
    from deltalake.exceptions import DeltaError, DeltaProtocolError

    try:
        yield
    except (PeakTradeError, ConflictError, GoneError):
        raise
    except DeltaProtocolError as error:
        raise _newer(place, what, error) from None
    except FileNotFoundError as error:
        raise GoneError(_plain(place, error)) from None
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise _error(place, what, error) from None


def _error(place: Place, what: str, error: Exception) -> DataError | GoneError:
    text = _plain(place, error)
    lower, number = text.lower(), getattr(error, "errno", None)
    if number in _FULL or any(word in lower for word in _FULL_WORDS):
        return DataError(
            f"no space was left while {what} in {place.root}",
            hint="make room and try again: nothing that was committed is lost",
        )
    if number in _DENIED or any(word in lower for word in _DENIED_WORDS):
        return DataError(
            f"no permission for {what} in {place.root}: {text}",
            hint="check who owns the folder, or the credentials of the object store",
        )
    if any(word in lower for word in _AWAY_WORDS):
        return DataError(
            f"the store {place.root} could not be reached while {what}: {text}",
            hint="check the address and the network; nothing was written",
        )
    if "nosuchbucket" in lower or "bucket does not exist" in lower:
        return DataError(
            f"the bucket of {place.root} is not there, seen while {what}",
            hint="create it, or name another",
        )
    if any(word in lower for word in ("not found", "no such file", "os error 2)")):
        return GoneError(text)
    if any(word in lower for word in _GAP_WORDS):
        return DataError(
            f"the log of {place.root} is not whole, seen while {what}: {text[:200]}",
            hint="put back the files of _delta_log from a copy; the Parquet files are untouched",
        )
    if any(word in lower for word in _NEWER_WORDS):
        return _newer(place, what, error)
    return DataError(
        f"the store {place.root} cannot be read or written while {what}: {text}",
        hint="a file is damaged: an earlier version may still be whole (peak data versions)",
    )


def _newer(place: Place, what: str, error: Exception) -> DataError:
    text = _plain(place, error)
    return DataError(
        f"the store {place.root} was written in a format that this program cannot use, seen while "
        f"{what}: {text}",
        hint="install a newer version of peak-trade",
    )


def _plain(place: Place, error: Exception) -> str:
    """The text of an error on one line, without colours, backtrace and credentials."""
    text = re.sub(r"\x1b\[\d+m|\u21b3|\s\d+: <unknown>[\s\S]*", "", str(error))
    return place.hidden(" ".join(text.split()))[:_LONGEST]
