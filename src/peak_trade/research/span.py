"""Which rows of bars a run sees and trades, and which code ran it."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError, ParameterError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """Rows ``start`` to ``stop`` of bars are traded; the rows before feed indicators."""

    bars: Bars
    start: int
    stop: int

    @classmethod
    def of(cls, bars: Bars, start: str | int | None, end: str | int | None) -> "Span":
        """Find the rows whose bars open from ``start`` to ``end``, both included.

        Raises
        ------
        InputError
            No row is left.
        ParameterError
            A text that is no ISO date or time.
        """
        if start is None and end is None:
            return cls(bars, 0, len(bars))
        if not len(bars):
            raise InputError(f"{bars.name} has no rows", hint="give more data")
        opens = _opens(bars)
        first = 0 if start is None else int(np.argmax(np.append(opens >= _ns(start), True)))
        stop = (
            len(bars)
            if end is None
            else int(np.argmax(np.append(opens > _ns(end, end=True), True)))
        )
        if first >= stop:
            raise InputError(
                f"no bar of {bars.name} opens from {start or 'its first'} to {end or 'its last'}; "
                f"it has {stamp_text(bars, 0)} to {stamp_text(bars, len(bars) - 1)}",
                hint="widen --from and --to",
            )
        return cls(bars[:stop] if stop < len(bars) else bars, first, stop)


def _opens(bars: Bars) -> npt.NDArray[np.int64]:
    """(T,) When the earliest real bar of each row opens; of a row without one, the earliest of all."""
    late = np.iinfo(np.int64).max
    opens: npt.NDArray[np.int64] = np.where(bars.tradable, bars.open_time, late).min(axis=1)
    unreal = ~bars.tradable.any(axis=1)
    opens[unreal] = bars.open_time[unreal].min(axis=1)
    return opens


def _ns(moment: str | int, *, end: bool = False) -> int:
    """UTC nanoseconds of a moment; the last ones of its day where a date ends a span."""
    if isinstance(moment, int | np.integer):
        return int(moment)
    try:
        when = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        raise ParameterError(
            f"{moment!r} is not an ISO date or time",
            hint="write it like '2000-01-31' or '2000-01-31T14:30'",
        ) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    if end and _is_date(moment):
        when += timedelta(days=1) - timedelta(microseconds=1)
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def stamp_text(bars: Bars, row: int) -> str:
    """When the earliest real bar of a row opens, ISO 8601 in UTC."""
    real = bars.open_time[row][bars.tradable[row]]
    stamp = int(real.min() if len(real) else bars.open_time[row].min())
    return f"{np.datetime64(stamp, 'ns').astype('datetime64[s]')}Z"


@cache
def code_version() -> str:
    """Version of the package and a hash of its source, such as ``0.1.0+3f9a1c2b``."""
    root = Path(__file__).parent.parent
    digest = hashlib.blake2b(digest_size=4)
    for source in sorted(root.rglob("*.py")):
        digest.update(source.read_bytes())
    return f"{version('peak-trade')}+{digest.hexdigest()}"
