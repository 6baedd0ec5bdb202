"""``python -m benchmarks``: run the jobs, print figures beside their targets and peers."""

import argparse
import json
import subprocess
import sys

from rich.console import Console

from benchmarks import table
from benchmarks.measure import Measurement, measure
from benchmarks.plan import OURS, PEERS, ROOT, chosen


def main() -> int:
    """Measure what the command line asks for; 1 where a job of ours failed."""
    options = _options()
    if options.install_peers:
        for peer in PEERS.values():
            print(
                f"installing {', '.join(peer.requirements)} into {peer.python.parents[1]}",
                flush=True,
            )
            peer.install()
        return 0
    tasks = chosen(options.only)
    progress = Console(stderr=True)
    output = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    subprocess.run([sys.executable, "-m", "benchmarks.made_up"], cwd=ROOT, check=True)
    found: dict[str, list[Measurement]] = {}
    for task in tasks:
        found[task.name] = []
        for who in (OURS, *(() if options.no_peers else task.peers)):
            if who != OURS and not PEERS[who].python.exists():
                continue
            progress.print(f"[dim]{task.name} on {who} ...[/dim]")
            found[task.name].append(measure(task, who, options.repeats))
        if not options.json:
            table.show(task, found[task.name], output)
    if options.json:
        print(json.dumps(table.as_json(tasks, found), indent=2, allow_nan=False))
    return _exit_code(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", default="", help="jobs, comma-separated: W1,W2 (and every W2-...)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--repeats", type=int, help="warm repeats of each job")
    parser.add_argument("--no-peers", action="store_true", help="Peak Trade alone")
    parser.add_argument("--install-peers", action="store_true", help="install the peers and stop")
    return parser.parse_args()


def _exit_code(found: dict[str, list[Measurement]]) -> int:
    return int(any(one.error for rows in found.values() for one in rows if one.who == OURS))


if __name__ == "__main__":
    sys.exit(main())
