"""What the tests of sessions share: a database and a state folder of their own, and short sessions."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

MAIN = "from peak_trade.app.cli.main import main; raise SystemExit(main())"
SECONDS = 60.0
"""How long something is waited for at most."""

SHORT = (
    "run", "--strategy", "ma_cross,fast=3,slow=8", "--data", "file:bars.csv", "--commission", "10",
    "--no-report",
)  # fmt: skip
"""A session of 60 bars that ends at once."""

SLOW = (*SHORT, "--speed", "864000")
"""The same at ten bars a second."""

Row = dict[str, object]


def rows(found: Row, name: str) -> list[Row]:
    """A list of objects of a JSON answer."""
    return cast("list[Row]", found[name])


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`peak` in a process of its own, which is ended at the latest with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def kill(running: "subprocess.Popen[str]") -> None:
    """End a process as a power cut would, and wait until it is gone."""
    running.send_signal(signal.SIGKILL)
    running.wait(SECONDS)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look again and again, for a bounded time."""
    until = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.05)
