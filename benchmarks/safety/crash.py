"""Sessions killed at random moments, at a venue where everything goes wrong: what is left of them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from benchmarks.safety import Figure
from benchmarks.safety.crash_session import PLANTED

ROOT = Path(__file__).resolve().parents[2]
KILLS = 1_000
KILLS_A_RUN = 50
PLANTED_KILLS = 30
SEED = 20_240_701
TARGET_S = 0.3
TRADING = "benchmarks.safety.crash_trading"
SMALL = "benchmarks.safety.crash_session"

Found = Mapping[str, object]


def soaked(
    runs: int, kills: int, *, session: str = TRADING, seed: int = SEED, planted: str = ""
) -> Found:
    """Kill a session again and again, in a process of its own that has nothing else to do.

    Parameters
    ----------
    runs, kills : int
        How many venues, and how many kills at each.
    session : str
        The module whose SUBJECT is killed.
    seed : int
        Seed of the venues, of the kills' kinds and delays; when a kill hits is the machine's doing.
    planted : str
        A fault that the session is given.

    Raises
    ------
    RuntimeError
        The process did not end as it should.
    """
    settings = {"runs": runs, "kills": kills, "session": session, "seed": seed, "planted": planted}
    command = [sys.executable, "-m", "benchmarks.safety.crash_run", json.dumps(settings)]
    limit_s = 90 + runs * (90 + kills * 3)
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False
    )
    if ran.returncode:
        raise RuntimeError(f"the soak ended with {ran.returncode}: {ran.stderr[-2000:]}")
    return cast(Found, json.loads(ran.stdout))


def is_caught(planted: str, *, kills: int = PLANTED_KILLS, attempts: int = 3) -> bool:
    """Whether the judge finds a planted fault, given a few runs to show itself."""
    return any(
        bool(soaked(1, kills, session=SMALL, seed=SEED + i, planted=planted)["faults"])
        for i in range(attempts)
    )


def measure(scale: float) -> list[Figure]:
    """The figures of crash safety; ``scale`` 1 is 1,000 kills, less is a sample of them."""
    kills = max(10, round(KILLS * scale))
    runs = max(1, round(kills / KILLS_A_RUN))
    found = soaked(runs, kills // runs)
    wrong = [*cast("list[str]", found["faults"]), *cast("list[str]", found["failures"])]
    done, seconds = cast(int, found["kills"]), cast(float, found["seconds"])
    caught = sum(is_caught(name) for name in PLANTED)
    each = seconds / max(done, 1)
    return [
        Figure(
            "crash",
            f"{kills // runs * runs:,} SIGKILLs ({found['held']} in the middle of a send): lost fills, "
            "duplicate orders, orders without an intent or an end; books against the venue's, to the cent",
            "no difference",
            wrong[0][:200]
            if wrong
            else f"no difference over {found['orders']:,} orders, {found['fills']:,} fills, "
            f"{found['doubts']:,} UNKNOWN",
            not wrong and done == kills // runs * runs and cast(int, found["fills"]) > 0,
        ),
        Figure(
            "crash",
            "planted faults of a session that the judge finds",
            f"{len(PLANTED)} of {len(PLANTED)}",
            f"{caught} of {len(PLANTED)}",
            caught == len(PLANTED),
        ),
        Figure(
            "crash",
            "a kill, a restart and what was traded between",
            f"at most {TARGET_S:g} s",
            f"{each:.2f} s",
            each <= TARGET_S,
            is_speed=True,
        ),
    ]
