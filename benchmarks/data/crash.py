"""Writers killed at random moments: what is left of their commits, and what readers saw meanwhile."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import numpy as np

from benchmarks.data.crash_batches import KEYS, WRITERS, faults_of, lost
from benchmarks.figures import Figure
from peak_trade.data.store import Store

ROOT = Path(__file__).resolve().parents[2]
KILLS = 200
SEED = 20_261_121
LONGEST_S = 0.25
PLANTED = ("torn", "unwritten")
_PATIENCE_S = 60.0


@dataclass(slots=True)
class Found:
    """What a soak came to."""

    kills: int = 0
    commits: int = 0
    reads: int = 0
    versions: int = 0
    held: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


class _Child:
    """A process of the soak, and the lines it has written."""

    def __init__(self, folder: str, role: str, number: int, planted: str) -> None:
        command = [sys.executable, "-m", "benchmarks.data.crash_child", folder, role]
        self.process = subprocess.Popen(
            [*command, str(number), planted],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: Queue[str] = Queue()
        self._reader = Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line.strip())

    def line(self) -> str:
        """The next line; an empty text where the process has ended, or is silent for too long."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                return self.lines.get(timeout=0.05)
            except Empty:
                if not self._reader.is_alive() and self.lines.empty():
                    return ""
        return ""

    def say(self, text: str) -> None:
        """Write a line to its input."""
        if self.process.stdin is not None:
            self.process.stdin.write(f"{text}\n")
            self.process.stdin.flush()

    def rest(self) -> list[str]:
        """Lines that were written before it ended."""
        self._reader.join(_PATIENCE_S)
        return [self.lines.get() for _ in range(self.lines.qsize())]

    def close(self) -> str:
        """End it, and give what it said of its errors."""
        self.process.kill()
        said = ""
        if self.process.stderr is not None and not self.process.stderr.closed:
            said = self.process.stderr.read()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process.wait()
        return said


def soaked(kills: int, *, seed: int = SEED, planted: str = "") -> Found:
    """Kill two writers of one pair of series again and again while a reader looks on.

    Parameters
    ----------
    kills : int
        How often.
    seed : int
        Seed of the delays; what a kill hits is the machine's doing.
    planted : str
        A fault that the writers are given.
    """
    rng = np.random.default_rng(seed)
    found, begun = Found(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        reader = _Child(folder, "reader", 0, "")
        writers = [_Child(folder, "writer", k, planted) for k in range(WRITERS)]
        try:
            _kill(folder, writers, reader, found, rng, kills, planted)
        finally:
            for child in (reader, *writers):
                said = child.close()
                if "Traceback" in said:
                    found.faults.append(said[-400:])
    found.seconds = time.perf_counter() - begun
    return found


def _kill(
    folder: str,
    writers: list[_Child],
    reader: _Child,
    found: Found,
    rng: np.random.Generator,
    kills: int,
    planted: str,
) -> None:
    done = dict.fromkeys(range(WRITERS), -1)
    for child in (reader, *writers):
        if child.line() != "ready":
            found.faults.append(f"a process did not start: {child.close()[-400:]}")
            return
    reader.say(str(kills * 10 + 60))
    for child in writers:
        child.say("0")
    while found.kills < kills:
        victim = int(rng.integers(WRITERS))
        spare = _Child(folder, "writer", victim, planted)
        if spare.line() != "ready":
            found.faults.append(f"a writer did not start: {spare.close()[-400:]}")
            return
        time.sleep(float(rng.uniform(0.0, LONGEST_S)))
        writers[victim].process.kill()
        found.kills += 1
        _hear(writers[victim], victim, done, found)
        writers[victim] = spare
        spare.say(str(done[victim] + 1))
    for number, child in enumerate(writers):
        child.process.kill()
        _hear(child, number, done, found)
    _judge(folder, reader, done, found)


def _hear(child: _Child, number: int, done: dict[int, int], found: Found) -> None:
    """What a writer said until it was killed."""
    heard = [int(line.split()[1]) for line in child.rest() if line.startswith("done")]
    if heard:
        done[number] = max(done[number], *heard)
        found.commits += len(heard)
    said = child.close()
    if "Traceback" in said:
        found.faults.append(said[-400:])


def _judge(folder: str, reader: _Child, done: dict[int, int], found: Found) -> None:
    if reader.process.stdin is not None:
        reader.process.stdin.close()
        reader.process.stdin = None
    for line in reader.rest():
        word, _, text = line.partition(" ")
        if word == "fault":
            found.faults.append(text)
        elif word == "reads":
            found.reads = int(text)
    if not found.reads:
        found.faults.append("the reader read nothing")
    store = Store.open(folder)
    frames = store.read_many(KEYS)
    found.faults += faults_of(frames) + lost(frames, done)
    for key, frame in frames.items():
        kept = store.stored(key)
        if kept is None or kept.rows != frame.height:
            found.faults.append(f"{key}: {frame.height} rows, and the log says {kept}")
    versions = store.versions(KEYS[0])
    found.versions = versions[-1].version
    found.held = sum(version.added + version.corrected for version in versions)


def measure(scale: float) -> list[Figure]:
    """The figures of crash safety; ``scale`` 1 is 200 kills, less is a sample of them."""
    kills = max(8, round(KILLS * scale))
    found = soaked(kills)
    caught = sum(bool(soaked(6, planted=name).faults) for name in PLANTED)
    return [
        Figure(
            "crash",
            f"{found.kills} SIGKILLs of two writers of one pair of series in the middle of "
            f"{found.commits:,} commits: torn or lost commits, errors or half commits seen in "
            f"{found.reads:,} reads meanwhile",
            "none",
            found.faults[0][:200] if found.faults else "none",
            not found.faults,
        ),
        Figure(
            "crash",
            f"planted faults ({', '.join(PLANTED)}) that the judge finds",
            f"{len(PLANTED)}",
            f"{caught}",
            caught == len(PLANTED),
        ),
    ]
