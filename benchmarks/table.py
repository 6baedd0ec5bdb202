"""Measurements as a table for people and as JSON for programs."""

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measurement
from benchmarks.plan import OURS, Task

_UNITS = {"seconds": "", "ns": " ns", "peak_mb": " MB", "bars_per_s": " bars/s"}


def show(task: Task, measurements: Sequence[Measurement], console: Console) -> None:
    """Print one task: a row for each framework, ours first, with ratios and targets."""
    table = Table(
        title=f"{task.name}: {task.about}", title_justify="left", box=None, pad_edge=False
    )
    table.add_column("")
    for heading in ("median", "range", "first", "ns/bar/combo", "bars/s", "MB", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("results")
    ours = measurements[0]
    for found in measurements:
        if found.error:
            table.add_row(found.who, "-", "-", "-", "-", "-", "-", "-", f"[red]{found.error}[/red]")
            continue
        table.add_row(
            found.who,
            _time(found.seconds),
            f"{_time(found.fastest)} .. {_time(found.slowest)}",
            _time(found.first),
            _number(found.ns, 3),
            _number(found.bars_per_s, 0),
            _number(found.peak_mb, 0),
            "" if found is ours else _ratio(ours, found),
            _figures(found) if found is ours else agreement(ours.result, found.result),
        )
    console.print(table)
    for line in verdicts(task, ours):
        console.print(line)
    console.print()


def verdicts(task: Task, ours: Measurement) -> list[str]:
    """A line for each target: met, missed, or not measured."""
    lines = []
    for target in task.targets:
        value = ours.figure(target.figure)
        word = "at least" if target.is_floor else "at most"
        bound = _value(target.figure, target.bound)
        if value is None:
            lines.append(f"  target {word} {bound}: [yellow]not measured[/yellow]")
            continue
        mark = "[green]met[/green]" if target.is_met(value) else "[red]MISSED[/red]"
        lines.append(f"  target {word} {bound}: {_value(target.figure, value)}, {mark}")
    return lines


def agreement(ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    """How far a peer's result lies from ours: log returns, and trades."""
    if not ours or not theirs:
        return ""
    apart = abs(theirs["log_return"] - ours["log_return"])
    trades = theirs["trades"] - ours["trades"]
    return f"log return apart by {apart:.1e}, trades by {trades:+.0f} of {ours['trades']:,.0f}"


def as_json(tasks: Sequence[Task], found: Mapping[str, Sequence[Measurement]]) -> dict[str, object]:
    """Everything measured, with targets and ratios, and the machine it was measured on."""
    rows: list[dict[str, object]] = []
    for task in tasks:
        ours = found[task.name][0]
        for one in found[task.name]:
            figures = {k: v if math.isfinite(v) else None for k, v in one.result.items()}
            row: dict[str, object] = {**asdict(one), "about": task.about, "result": figures}
            if one is ours:
                row["targets"] = [
                    {
                        "figure": target.figure,
                        "at_least" if target.is_floor else "at_most": target.bound,
                        "met": None if value is None else target.is_met(value),
                    }
                    for target in task.targets
                    for value in (ours.figure(target.figure),)
                ]
            elif one.seconds and ours.seconds:
                row["ratio"] = one.seconds / ours.seconds
            rows.append(row)
    return {"machine": machine(), "rows": rows}


def machine() -> dict[str, object]:
    """What figures depend on."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _ratio(ours: Measurement, theirs: Measurement) -> str:
    if ours.seconds is None or theirs.seconds is None or ours.who != OURS:
        return ""
    ratio = theirs.seconds / ours.seconds
    return f"{ratio:,.1f} x" if ratio < 100 else f"{ratio:,.0f} x"


def _figures(found: Measurement) -> str:
    if not found.result:
        return ""
    return f"log return {found.result['log_return']:.6f}, {found.result['trades']:,.0f} trades"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def _value(figure: str, value: float) -> str:
    if figure == "seconds":
        return _time(value)
    return _number(value, 0 if value >= 100 else 3) + _UNITS[figure]
