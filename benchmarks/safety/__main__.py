"""``python -m benchmarks.safety``: count and time the safety core, at full size or as a sample."""

import sys

from benchmarks.figures import main
from benchmarks.safety import PARTS

if __name__ == "__main__":
    sys.exit(
        main(
            "benchmarks.safety",
            PARTS,
            title="Figures of the safety core",
            command="make soak",
        )
    )
