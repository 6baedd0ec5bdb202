"""Kills a session again and again at a faulty venue, and has what is left of it judged.

``python -m benchmarks.safety.crash_run SETTINGS`` with a JSON object: ``runs``, ``kills`` (in each
run), ``seed``, ``session`` (a module with a SUBJECT), ``planted``. It prints one JSON object.

Sessions are forked from this process, which has imported everything: each is a process of its own with
files of its own, and begins in milliseconds.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np

from benchmarks.safety.crash_plan import CASH_CENTS, SYMBOLS, Plan, Subject
from peak_trade.simulation.faults import ROUGH
from peak_trade.simulation.judge import Truth, judge
from peak_trade.simulation.venue_server import VenueProcess

MEAN_DELAY_S = 0.12
MOST_DELAY_S = 0.6
HOLD_SHARE = 0.5
LAST_S = 60.0


@dataclass(slots=True)
class Soak:
    """What many kills came to.

    ``held`` are kills at the very moment of an order, before or after the venue acted on it;
    ``faults`` what the judge found, one text a run; ``failures`` lives that ended by themselves.
    """

    kills: int = 0
    held: int = 0
    orders: int = 0
    fills: int = 0
    doubts: int = 0
    restarts: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def soak(runs: int, kills: int, *, subject: Subject, seed: int, planted: str = "") -> Soak:
    """Kill sessions in so many runs; each has a venue, a journal, and an end at which it is judged."""
    found = Soak()
    with TemporaryDirectory() as name:
        subject.prepare(Path(name))
    begun = time.monotonic()
    for number in range(runs):
        with TemporaryDirectory() as name:
            _run(found, Path(name), kills, subject=subject, seed=seed + number, planted=planted)
    found.seconds = time.monotonic() - begun
    return found


def _run(
    found: Soak, folder: Path, kills: int, *, subject: Subject, seed: int, planted: str
) -> None:
    rng = np.random.default_rng(seed)
    log = folder / "truth.jsonl"
    with VenueProcess(
        log, symbols=SYMBOLS, faults=ROUGH, seed=seed, cash_cents=CASH_CENTS
    ) as venue:
        plan = Plan(folder / "session", venue.port, ROUGH, seed, planted=planted)
        plan.folder.mkdir()
        for life in range(kills):
            failure = _kill_one(found, venue, replace(plan, seed=seed * 1_000 + life), rng, subject)
            if failure:
                found.failures.append(failure)
                return
        found.restarts += venue.calm()
        with _forked(replace(plan, seed=seed * 1_000 + kills, is_last=True), subject) as last:
            if not _has_ended(last, LAST_S) or (plan.folder / "error").exists():
                found.failures.append(f"the last life did not come to an end: {_said(plan)}")
                return
    truth, told = Truth.read(log), subject.told(plan)
    verdict = judge(truth, told)
    found.orders += len(truth.accepted)
    found.fills += len(truth.trades)
    found.doubts += told.doubts
    if not verdict.is_clean:
        named = {name: told.details.get(name) for name in verdict.misjudged_orders}
        found.faults.append(f"seed {seed}: {verdict} {named or ''}".rstrip())


def _kill_one(
    found: Soak, venue: VenueProcess, plan: Plan, rng: np.random.Generator, subject: Subject
) -> str:
    """Begin a session and kill it; says what went wrong, where it ended by itself."""
    delay_s = min(rng.exponential(MEAN_DELAY_S), MOST_DELAY_S)
    holds = rng.random() < HOLD_SHARE
    if holds:
        venue.hold(int(rng.integers(0, 6)), "before" if rng.random() < 0.5 else "after")
    with _forked(plan, subject) as child:
        if holds:
            found.held += venue.is_holding(MOST_DELAY_S)
        else:
            time.sleep(delay_s)
        if _has_ended(child, 0.0):
            return f"a session ended by itself: {_said(plan)}"
    found.kills += 1
    if holds:
        venue.go()
    return ""


@contextmanager
def _forked(plan: Plan, subject: Subject) -> Iterator["Child"]:
    """A session in a process of its own; it is killed when the block ends."""
    pid = os.fork()
    if pid == 0:
        _live(plan, subject)
    child = Child(pid)
    try:
        yield child
    finally:
        if not child.has_ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@dataclass(slots=True)
class Child:
    """A process that was forked."""

    pid: int
    has_ended: bool = False


def _live(plan: Plan, subject: Subject) -> None:
    """Live one life and leave; what it raises is left in its folder."""
    code = 1
    try:
        subject.trade(plan)
        code = 0
    except BaseException:  # noqa: BLE001 - told to whoever forked this process, which leaves at once
        (plan.folder / "error").write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        os._exit(code)


def _has_ended(child: Child, seconds: float) -> bool:
    """Whether a process ends within so many seconds."""
    until = time.monotonic() + seconds
    while not child.has_ended:
        child.has_ended = os.waitpid(child.pid, os.WNOHANG)[0] == child.pid
        if child.has_ended or time.monotonic() >= until:
            break
        time.sleep(0.005)
    return child.has_ended


def _said(plan: Plan) -> str:
    error = plan.folder / "error"
    return error.read_text(encoding="utf-8") if error.exists() else "without an error"


def main(text: str) -> None:
    """Run by settings, and print what came of it."""
    settings = json.loads(text)
    module = importlib.import_module(settings["session"])
    found = soak(
        settings["runs"],
        settings["kills"],
        subject=cast(Subject, module.SUBJECT),
        seed=settings["seed"],
        planted=settings.get("planted", ""),
    )
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(sys.argv[1])
