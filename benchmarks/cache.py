"""Where data and peers' environments are kept between runs. Standard library only."""

import os
import sys
from pathlib import Path


def folder() -> Path:
    """``$PEAK_BENCH_CACHE``, or the platform's cache folder; made where it is not there."""
    named = os.environ.get("PEAK_BENCH_CACHE")
    path = Path(named).expanduser() if named else _platform_cache() / "peak-trade" / "bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def _platform_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
