"""Checks of an installation and its machine: versions, threads, caches, disk, clock, extras."""

import importlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from peak_trade.app.wiring import registered_strategies

DISTRIBUTION = "peak-trade"
ENOUGH_DISK = 1_000_000_000
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(\[[^\]]*\])?[^;]*(?:;(.*))?")


_MODULES = {"argon2-cffi": "argon2"}
"""Packages whose module has another name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    ``state`` is ``ok``, ``missing`` (an extra that nothing else needs), ``warning`` or ``broken``.
    """

    name: str
    state: Literal["ok", "missing", "warning", "broken"]
    text: str

    def to_dict(self) -> dict[str, object]:
        """The finding as plain values."""
        return {"name": self.name, "state": self.state, "found": self.text}


def examine() -> tuple[Finding, ...]:
    """Look at everything once.

    Examples
    --------
    >>> examine()[0].name
    'python'
    """
    return (
        _python(),
        *_packages(),
        *_extras(),
        _strategies(),
        _processors(),
        _kernel_cache(),
        _disk(),
        *_folders(),
        _clock(),
        _time_zones(),
    )


def _python() -> Finding:
    enough = sys.version_info >= (3, 11)
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("python", "ok" if enough else "broken", text)


def _packages() -> Iterator[Finding]:
    yield _package(DISTRIBUTION)
    for name, extra in _requirements():
        if not extra:
            yield _package(name)


def _package(name: str) -> Finding:
    found = _version(name)
    if found is None:
        return Finding(name, "broken", f"missing: pip install {DISTRIBUTION}")
    try:
        importlib.import_module(_MODULES.get(name, name.replace("-", "_")))
    except ImportError as error:
        return Finding(name, "broken", f"{found} cannot be imported: {error}")
    return Finding(name, "ok", found)


def _extras() -> Iterator[Finding]:
    """Every extra that a user may want; ``dev`` is for work on the project itself."""
    wanted: dict[str, list[str]] = {}
    for name, extra in _requirements():
        if extra and extra != "dev":
            wanted.setdefault(extra, []).append(name)
    for extra, names in wanted.items():
        absent = [name for name in names if _version(name) is None]
        if absent:
            command = f"pip install '{DISTRIBUTION}[{extra}]'"
            text = f"{', '.join(absent)} missing: {command}"
            yield Finding(f"extra {extra}", "missing", text)
        else:
            text = ", ".join(f"{name} {_version(name)}" for name in names)
            yield Finding(f"extra {extra}", "ok", text)


def _requirements() -> Iterator[tuple[str, str]]:
    """Names that the distribution requires, each with its extra or an empty text."""
    try:
        listed = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        listed = []
    for line in listed:
        match = _REQUIREMENT.match(line)
        if match:
            extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", match[3] or "")
            yield match[1], extra[1] if extra else ""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _strategies() -> Finding:
    names = [item.name for item in registered_strategies()]
    if not names:
        return Finding("strategies", "broken", "none registered: install the package again")
    return Finding("strategies", "ok", ", ".join(names))


def _processors() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{os.cpu_count()} processors, {usable} usable, so {usable} threads by default"
    return Finding("processors", "ok", text)


def _kernel_cache() -> Finding:
    from peak_trade.kernels.jit import cache_folder

    folder = cache_folder()
    if not _is_writable(folder):
        text = f"{folder} is not writable, so every start compiles: set NUMBA_CACHE_DIR"
        return Finding("kernel cache", "warning", text)
    is_filled = any(folder.rglob("*.nbi")) if folder.is_dir() else False
    state = "" if is_filled else ", empty: the first run compiles"
    return Finding("kernel cache", "ok", f"{folder}{state}")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    text = f"{free / 1e9:,.1f} GB free in the working folder"
    return Finding("disk", "ok" if free >= ENOUGH_DISK else "warning", text)


def _folders() -> Iterator[Finding]:
    for name, folder in (("working folder", Path.cwd()), ("temporary folder", _temporary())):
        if _is_writable(folder):
            yield Finding(name, "ok", str(folder))
        else:
            yield Finding(name, "warning", f"{folder} is not writable")


def _temporary() -> Path:
    return Path(tempfile.gettempdir())


def _is_writable(folder: Path) -> bool:
    """Whether a file can be made there, tried by making one."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _clock() -> Finding:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    resolution = time.get_clock_info("monotonic").resolution
    text = f"{now}, monotonic to {resolution:.0e} s"
    return Finding("clock", "ok", text)


def _time_zones() -> Finding:
    from zoneinfo import TZPATH, available_timezones

    count = len(available_timezones())
    if not count:
        return Finding("time zones", "warning", "none found: pip install tzdata")
    origin = next((path for path in TZPATH if Path(path).is_dir()), "package tzdata")
    return Finding("time zones", "ok", f"{count} from {origin}")
