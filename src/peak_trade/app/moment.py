"""The present moment on both clocks, and which start of the machine it counts from."""

import time
from pathlib import Path

from peak_trade.risk.kills import Instant

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """A name of the machine's present start; another one after each restart.

    Where the system does not name it, it is the second of the start by the wall clock, to the minute:
    a clock that is set counts as a restart then, which makes a cooldown longer, never shorter.
    """
    try:
        return _BOOT.read_text(encoding="utf-8").strip()
    except OSError:
        return f"started in minute {int(time.time() - time.monotonic()) // 60}"


def now() -> Instant:
    """The present moment."""
    return Instant(time.time_ns(), time.monotonic_ns(), boot_id())
