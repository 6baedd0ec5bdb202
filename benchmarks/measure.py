"""Measure tasks, each in processes of its own."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.plan import OURS, PEERS, ROOT, Task

_ERROR = re.compile(r"[\w.]*(?:Error|Exception)\b.*")
_SLOW_PEERS = {("W2", "vectorbt"): 1, ("W2", "raptorbt"): 2, ("W1-cold", "vectorbt"): 2}


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one framework took for one task; NaN-free: what was not measured is None.

    ``seconds`` is the median, ``first`` the first call in a process (None for whole processes),
    ``ns`` nanoseconds a bar and combination, ``peak_mb`` the most memory of the process, ``result``
    the figures by which results are compared, ``error`` why there is nothing.
    """

    task: str
    who: str
    seconds: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    repeats: int = 0
    first: float | None = None
    ns: float | None = None
    bars_per_s: float | None = None
    peak_mb: float | None = None
    result: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    def figure(self, name: str) -> float | None:
        """A figure by its name, for a target."""
        found = asdict(self)[name]
        return None if found is None else float(found)


def measure(task: Task, who: str, repeats: int | None = None) -> Measurement:
    """Run a task by one framework; a failure is a measurement with an error, never raised."""
    python = sys.executable if who == OURS else str(PEERS[who].python)
    module = "benchmarks.jobs" if who == OURS else PEERS[who].module
    count = _SLOW_PEERS.get((task.name, who), repeats or task.repeats)
    try:
        if task.kind == "warm":
            return _warm(
                task, who, [python, "-m", "benchmarks.child", module, task.job, str(count)]
            )
        if task.kind == "process":
            command = [python, "-m", "benchmarks.child", module, task.job, "once"]
        else:
            peak = str(Path(python).with_name("peak"))
            command = [part.format(python=python, peak=peak) for part in task.commands[who]]
        return _processes(task, who, command, count)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as fault:
        return Measurement(task.name, who, error=_reason(fault))


def _run(command: Sequence[str]) -> str:
    # As a user runs it: bytecode and compiled kernels are kept.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def _warm(task: Task, who: str, command: Sequence[str]) -> Measurement:
    found = json.loads(_run(command).splitlines()[-1])
    seconds = [float(s) for s in found["warm_s"]]
    middle = statistics.median(seconds)
    bars = float(found["bars"]) * float(found["combos"])
    return Measurement(
        task.name,
        who,
        seconds=middle,
        fastest=min(seconds),
        slowest=max(seconds),
        repeats=len(seconds),
        first=found["first_s"],
        ns=middle / bars * 1e9,
        bars_per_s=bars / middle,
        peak_mb=found["peak_mb"],
        result=found["result"],
    )


def _processes(task: Task, who: str, command: Sequence[str], count: int) -> Measurement:
    _run(command)  # fills the caches
    seconds, output = [], ""
    for _ in range(count):
        start = time.perf_counter()
        output = _run(command)
        seconds.append(time.perf_counter() - start)
    result = json.loads(output.splitlines()[-1])["result"] if task.kind == "process" else {}
    return Measurement(
        task.name,
        who,
        seconds=statistics.median(seconds),
        fastest=min(seconds),
        slowest=max(seconds),
        repeats=count,
        result=result,
    )


def _reason(fault: Exception) -> str:
    output = getattr(fault, "stderr", None) or getattr(fault, "stdout", None) or ""
    lines = [line.strip() for line in str(output).splitlines() if line.strip()]
    # Some errors go on for many lines: the one that names the error says most.
    named = [line for line in lines if _ERROR.match(line)]
    return (named or lines or [f"{type(fault).__name__}: {fault}"])[-1]
