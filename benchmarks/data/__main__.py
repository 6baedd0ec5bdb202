"""``python -m benchmarks.data``: count and time the market data, at full size or as a sample."""

import sys

from benchmarks.data import PARTS
from benchmarks.figures import main

if __name__ == "__main__":
    sys.exit(
        main(
            "benchmarks.data",
            PARTS,
            title="Figures of the market data",
            command="make soak-data",
        )
    )
