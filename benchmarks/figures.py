"""Figures of a table: what was counted or timed, beside its target, and the command that prints them."""

import argparse
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Figure(NamedTuple):
    """One line of the table: what was counted or timed, its target, what was found, and whether it holds.

    ``is_speed`` figures may miss their target on a busy machine; the others are claims.
    """

    part: str
    what: str
    target: str
    found: str
    holds: bool
    is_speed: bool = False


def main(package: str, parts: Sequence[str], *, title: str, command: str) -> int:
    """Measure the parts asked for; 1 where a claim does not hold, or a part failed."""
    options = _options(package, parts)
    progress = Console(stderr=True)
    found: list[Figure] = []
    for part in options.only.split(",") if options.only else parts:
        progress.print(f"[dim]{part} ...[/dim]")
        begun = time.perf_counter()
        found += importlib.import_module(f"{package}.{part}").measure(options.scale)
        progress.print(f"[dim]{part}: {time.perf_counter() - begun:.0f} s[/dim]")
    if options.json:
        print(json.dumps({"scale": options.scale, "figures": [f._asdict() for f in found]}))
    else:
        _show(found)
    if options.write:
        page = _page(found, options.scale, title=title, command=command)
        Path(options.write).write_text(page, encoding="utf-8")
    return 0 if all(figure.holds or figure.is_speed for figure in found) else 1


def _options(package: str, parts: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parser.add_argument("--scale", type=float, default=0.01, help="1 for the full counts")
    parser.add_argument("--only", default="", help=f"some of {', '.join(parts)}")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--write", default="", help="a page of Markdown to write the table to")
    return parser.parse_args()


def _show(found: list[Figure]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "what", "target", "found", ""):
        table.add_column(heading, overflow="fold")
    for figure in found:
        colour = "green" if figure.holds else "yellow" if figure.is_speed else "red"
        said = f"[{colour}]{_verdict(figure)}[/{colour}]"
        table.add_row(figure.part, figure.what, figure.target, figure.found, said)
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)


def _verdict(figure: Figure) -> str:
    if figure.holds:
        return "holds"
    return "missed" if figure.is_speed else "DOES NOT HOLD"


def _page(found: list[Figure], scale: float, *, title: str, command: str) -> str:
    rows = "\n".join(
        f"| {f.part} | {f.what} | {f.target} | {f.found} | {_verdict(f)} |" for f in found
    )
    counts = "the full counts" if scale >= 1 else f"a sample, {scale:g} of the full counts"
    return f"""# {title}

Written by `{command}` ({counts}), on {os.cpu_count()} processors, {platform.machine()}, Python
{platform.python_version()}. Counts are claims and must hold; times vary with the machine.

| Part | What | Target | Found | |
|---|---|---|---|---|
{rows}
"""
