"""`peak doctor`: what this installation and this machine can do."""

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_json, print_table

BROKEN = 1


def run(json: options.Json = False) -> None:
    """Check versions, threads, caches, disk, clock and extras; exit code 1 where something required is broken."""
    from peak_trade.app.doctor import examine

    findings = examine()
    is_sound = all(item.state != "broken" for item in findings)
    if json:
        print_json({"ok": is_sound, "checks": [item.to_dict() for item in findings]})
    else:
        print_table(
            ("check", "state", "found"),
            [(item.name, item.state, item.text) for item in findings],
            words={0, 1, 2},
        )
        print("Everything required is there." if is_sound else "Something required is broken.")
    if not is_sound:
        raise typer.Exit(BROKEN)
