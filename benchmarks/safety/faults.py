"""How many planted faults the tests catch: each is put in, and the check that passes without it must fail."""

import re
import subprocess
import sys
from pathlib import Path

from benchmarks.safety import Figure

ROOT = Path(__file__).resolve().parents[2]
FILES = "tests/**/test_*planted_faults.py"
SAMPLE = ("tests/journal/test_planted_faults.py", "tests/risk/test_gate_planted_faults.py")
"""What a sample runs; the whole suite runs every one of them anyway."""

_PASSED = re.compile(r"(\d+) passed")
_FAILED = re.compile(r"(\d+) (?:failed|error)")


def measure(scale: float) -> list[Figure]:
    """Run the planted faults of the safety core, all of them or those of a sample."""
    files = sorted(ROOT.glob(FILES)) if scale >= 1 else [ROOT / name for name in SAMPLE]
    chosen = [str(path) for path in files if "laws" not in path.parts]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    last = ran.stdout.strip().splitlines()[-1] if ran.stdout.strip() else ran.stderr[-200:]
    passed, failed = (int(found[1]) if (found := p.search(last)) else 0 for p in (_PASSED, _FAILED))
    return [
        Figure(
            "faults",
            f"planted faults of the safety core, {len(chosen)} files of tests",
            "at least 20, all caught",
            f"{passed} tests passed, {failed} failed",
            ran.returncode == 0 and passed >= 20,
        )
    ]
