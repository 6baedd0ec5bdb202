"""Which jobs there are, who runs them, and what each figure should be."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import cache

OURS = "peak_trade"
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure of a measurement: ``at_most``, or ``at_least`` where more is better."""

    figure: str
    bound: float
    is_floor: bool = False

    def is_met(self, value: float) -> bool:
        """Whether a measured value keeps the bound."""
        return value >= self.bound if self.is_floor else value <= self.bound


@dataclass(frozen=True, slots=True)
class Task:
    """A job, how often it is repeated, by whom else it is run, and its targets.

    ``kind`` is ``warm`` (a call in a process that lives on), ``process`` (the whole process, from
    its start to the job's result) or ``command`` (a command line, start to end).
    """

    name: str
    about: str
    job: str = ""
    kind: str = "warm"
    repeats: int = 5
    peers: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """A framework in an environment of its own."""

    name: str
    module: str
    requirements: tuple[str, ...]

    @property
    def python(self) -> Path:
        """Its interpreter, which is there once it was installed."""
        scripts = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
        return cache.folder().joinpath(f"venv-{self.name}", *scripts)

    def install(self) -> None:
        """Make the environment and install the pinned framework."""
        home = self.python.parents[1]
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *self.requirements], check=True)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("raptorbt", "benchmarks.peers.with_raptorbt", ("raptorbt==0.13.4", "numpy")),
        Peer("vectorbt", "benchmarks.peers.with_vectorbt", ("vectorbt==1.2.0",)),
    )
}

TASKS = (
    Task(
        "W1",
        "one backtest, 1,000,000 minutes: equity, trades, statistics",
        job="W1",
        repeats=9,
        peers=("raptorbt", "vectorbt"),
        targets=(Target("seconds", 0.015),),
    ),
    Task(
        "W1-frames",
        "the same, with equity and trades as data frames",
        job="W1-frames",
        repeats=9,
    ),
    Task(
        "W1-terms",
        "the same with a trailing stop, fees by tier and a drawdown limit",
        job="W1-terms",
        repeats=9,
        targets=(Target("seconds", 0.045),),
    ),
    Task(
        "W1-cold",
        "the same, from the start of the process to its result",
        job="W1",
        kind="process",
        peers=("raptorbt", "vectorbt"),
        targets=(Target("seconds", 0.8),),
    ),
    Task(
        "W2",
        "sweep, 1,000 combinations x 100,000 minutes",
        job="W2",
        peers=("raptorbt", "vectorbt"),
        targets=(Target("ns", 0.9), Target("peak_mb", 300)),
    ),
    Task(
        "W2-exits",
        "the same with a stop of 1 % and a target of 2 %",
        job="W2-exits",
        targets=(Target("ns", 1.8), Target("peak_mb", 300)),
    ),
    Task(
        "W2-terms",
        "the same with a trailing stop, fees by tier and a drawdown limit",
        job="W2-terms",
        targets=(Target("ns", 2.7), Target("peak_mb", 300)),
    ),
    Task(
        "W2-python",
        "the same with a user's Python strategy on pt.ind",
        job="W2-python",
        targets=(Target("ns", 1.5), Target("peak_mb", 300)),
    ),
    Task(
        "W3",
        "the Session bar by bar, 1,000,000 minutes (peer: a callback)",
        job="W3",
        repeats=3,
        peers=("raptorbt",),
        targets=(Target("bars_per_s", 150_000, is_floor=True),),
    ),
    Task(
        "W3-orders",
        "a Python order strategy with rolling means, market orders of one unit, no costs",
        job="W3-orders",
        repeats=3,
        peers=("raptorbt",),
        targets=(Target("bars_per_s", 350_000, is_floor=True),),
    ),
    Task(
        "W3-compiled",
        "the same order strategy, compiled",
        job="W3-compiled",
        repeats=9,
        targets=(Target("bars_per_s", 10_000_000, is_floor=True),),
    ),
    Task(
        "W4",
        "500 instruments x 5,040 days, 50 by momentum each month",
        job="W4",
        repeats=9,
        peers=("vectorbt",),
        targets=(Target("seconds", 0.040),),
    ),
    Task(
        "W5-import",
        "import, from the start of the process to its end",
        kind="command",
        repeats=9,
        peers=("raptorbt", "vectorbt"),
        targets=(Target("seconds", 0.1),),
        commands={
            OURS: ("{python}", "-c", "import peak_trade"),
            "raptorbt": ("{python}", "-c", "import raptorbt"),
            "vectorbt": ("{python}", "-c", "import vectorbt"),
        },
    ),
    Task(
        "W5-help",
        "peak --help",
        kind="command",
        repeats=9,
        targets=(Target("seconds", 0.35),),
        commands={OURS: ("{peak}", "--help")},
    ),
)


def chosen(names: str) -> tuple[Task, ...]:
    """Tasks by name, comma-separated; ``W2`` means W2 and every W2-..., nothing means all.

    Raises
    ------
    SystemExit
        If a name is of no task.
    """
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    for name in wanted:
        if not any(_answers(task, name) for task in TASKS):
            known = ", ".join(task.name for task in TASKS)
            raise SystemExit(f"there is no job {name!r}; choose of {known}")
    return tuple(
        task for task in TASKS if not wanted or any(_answers(task, name) for name in wanted)
    )


def _answers(task: Task, name: str) -> bool:
    return task.name.lower() == name or task.name.lower().startswith(f"{name}-")
