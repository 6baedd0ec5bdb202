"""One job in a process of its own: ``python -m benchmarks.child MODULE JOB REPEATS``.

Prints one line of JSON: the first call, the repeats, the peak memory and the figures by which
results are compared. With ``once`` for REPEATS it does the job a single time and prints nothing but
the figures; its caller times the whole process. Standard library only.
"""

import gc
import importlib
import json
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path


def peak_mb() -> float:
    """Most memory this process has held, in MB of 2**20 bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss would count the parent's memory too, from before the exec.
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def run(module: str, name: str, repeats: int) -> dict[str, object]:
    """Prepare a job, call it once and then ``repeats`` times, each from a clean memory."""
    job = importlib.import_module(module).JOBS[name]()
    seconds: list[float] = []
    result: Mapping[str, float] = {}
    for _ in range(repeats + 1):
        job.reset()
        gc.collect()
        start = time.perf_counter()
        result = job.work()
        seconds.append(time.perf_counter() - start)
    return {
        "bars": job.bars,
        "combos": job.combos,
        "first_s": seconds[0],
        "warm_s": seconds[1:] or seconds,
        "peak_mb": peak_mb(),
        "result": dict(result),
    }


def main(arguments: list[str]) -> None:
    """Run what the command line names."""
    module, name, repeats = arguments
    if repeats == "once":
        job = importlib.import_module(module).JOBS[name]()
        print(json.dumps({"result": dict(job.work())}))
    else:
        print(json.dumps(run(module, name, int(repeats))))


if __name__ == "__main__":
    main(sys.argv[1:])
