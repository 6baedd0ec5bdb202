"""Load real data, backtest a strategy, sweep it, check it, and write a report.

Run it with: python examples/quickstart.py [FOLDER]
"""

import sys
from pathlib import Path

import peak_trade as pt


def main(folder: Path) -> None:
    bars = pt.load("builtin:sp500")
    print(bars)

    strategy = pt.strategies.MaCross(fast=20, slow=100)
    costs = pt.Costs(commission=0.001, slippage=0.0005)
    result = pt.backtest(strategy, bars, start="2000-01-01", costs=costs)
    print(result)
    for name, value in result.stats.items():
        print(f"  {name:<13} {value:12.4f}")
    for warning in result.warnings:
        print(f"  Warning: {warning}")

    grid = {"fast": range(10, 60, 10), "slow": range(60, 220, 20)}
    found = pt.sweep(pt.strategies.MaCross, bars, grid, start="2000-01-01", costs=costs)
    best = found.best
    print(
        f"best Sharpe ratio of {found.trials} trials: {best.stats['sharpe']:.2f} at {best.params}"
    )

    print(f"looks ahead: {not pt.check_causality(strategy, bars, every=50).is_causal}")
    print(result.report(folder / "quickstart.html"))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
