"""`peak runs` and `peak reproduce`: what was run before, found, compared and made again."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json, print_table, working
from peak_trade.app.cli.listing import Column, print_list

if TYPE_CHECKING:
    from peak_trade.app.cli.reproduction import Reproduction
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.observe.text import Figure
    from peak_trade.research.run import Run

Reference = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="An id, the beginning of one, last, or last~2 for two before it."
    ),
]
References = Annotated[list[str], typer.Argument(metavar="RUN...", help="Two or more runs.")]
Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A configuration key. Repeatable."),
]
ByStrategy = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="Its name, file or class.")
]
Since = Annotated[str | None, typer.Option(metavar="DATE", help="Finished then or later, UTC.")]
ByLabel = Annotated[str | None, typer.Option("--label", metavar="TEXT", help="The whole label.")]
ByTag = Annotated[str | None, typer.Option("--tag", metavar="WORD", help="One of the tags.")]
ByKind = Annotated[Literal["backtest", "sweep"] | None, typer.Option("--kind", help="One kind.")]
Limit = Annotated[int, typer.Option(min=1, help="Runs to show, newest first.")]

DIFFERS = 1
SHOWN = ("total_return", "sharpe", "max_drawdown", "trades")


def list_(
    strategy: ByStrategy = None,
    since: Since = None,
    label: ByLabel = None,
    tag: ByTag = None,
    kind: ByKind = None,
    limit: Limit = 20,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List the recorded runs, newest first."""
    url = _url(_configured(pairs, config))
    from peak_trade.research.experiments import list_runs

    found = list_runs(
        strategy=strategy, since=since, label=label, tag=tag, kind=kind, limit=limit, url=url
    )
    if json:
        print_json({"runs": [run.to_dict() for run in found]})
    elif found:
        _show_list(found)
    else:
        print("No run is recorded that matches; peak backtest records one.")


def show(
    run: Reference,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show one run: what was asked for, on what, and what came of it."""
    url = _url(_configured(pairs, config))
    from peak_trade.research.experiments import get_run

    found = get_run(run, url=url)
    if json:
        print_json(found.to_dict())
    else:
        _show_run(found)


def compare(
    runs: References,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Set runs side by side: what differs, and their statistics."""
    url = _url(_configured(pairs, config))
    from peak_trade.research.experiments import compare_runs

    found = compare_runs(runs, url=url)
    if json:
        print_json(found.to_dict())
        return
    heads = [run.label or run.id for run in found.runs]
    _show_rows("differs", heads, found.differences)
    print()
    _show_stats(heads, found.stats)


def reproduce(
    run: Reference,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> int:
    """Make a recorded run again and compare the results; exit code 1 where they differ."""
    here = _configured(pairs, config)
    from peak_trade.app.cli.reproduction import reproduce as run_again
    from peak_trade.research.experiments import get_run

    recorded = get_run(run, url=_url(here))
    with working("Running it again", wanted=here.values.flags.show_progress):
        found = run_again(recorded)
    if json:
        print_json(found.to_dict())
    else:
        _show_reproduction(found)
    return 0 if found.is_same else DIFFERS


def _show_reproduction(found: "Reproduction") -> None:
    digest = found.recorded.result_digest
    if found.is_same:
        print(f"The same result as run {found.recorded.id}: digest {digest}.")
    else:
        print(f"ANOTHER RESULT than run {found.recorded.id}.")
        print(f"Recorded digest {digest}, found {found.again.result_digest}.")
    if found.differences:
        print()
        _show_rows("differs", ["recorded", "now"], found.differences)
    elif not found.is_same:
        print("Neither data, code, strategy nor settings differ: the strategy may use chance.")
    if found.stats:
        print()
        _show_stats(["recorded", "now"], found.stats)


def _show_list(found: "list[Run]") -> None:
    print_list(
        [
            Column("run", is_words=True),
            Column("finished", is_words=True, spare=3),
            Column("strategy", is_words=True),
            Column("data", is_words=True, spare=2),
            *(Column(_label(name), spare=1 if k == 0 else 3 + k) for k, name in enumerate(SHOWN)),
            Column("label", is_words=True, spare=4 + len(SHOWN)),
        ],
        [
            [
                run.id,
                str(run.to_dict()["finished"]).replace("T", " ").removesuffix("Z"),
                f"{run.strategy}({_chosen(run)})",
                _data(run),
                *(_figure(name, run.stats.get(name)) for name in SHOWN),
                run.label,
            ]
            for run in found
        ],
    )


def _data(run: "Run") -> str:
    """What it ran on as it was asked for, and of a stored series the version."""
    name = str(run.data.get("name", ""))
    return name if name.startswith(f"{run.data_source}@") else run.data_source


def _chosen(run: "Run") -> str:
    if run.kind == "sweep":
        return f"sweep of {run.trials:,}"
    return ", ".join(f"{name}={_text(value)}" for name, value in run.params.items())


def _show_run(run: "Run") -> None:
    from peak_trade.research.experiments import facts_of

    facts = run.to_dict()
    took = "" if run.duration_s is None else f" in {run.duration_s:.2f} s"
    print_facts(
        {
            "run": run.id,
            "label": run.label or "none",
            "tags": ", ".join(run.tags) or "none",
            "finished": f"{facts['finished']}{took}",
            "result digest": run.result_digest,
            "config digest": run.config_digest,
            **{key: _text(value) for key, value in facts_of(run).items()},
        }
    )
    print()
    print_facts({_label(k): _figure(k, run.stats[k]) for k in _ordered(run.stats)}, numbers=True)
    for warning in run.warnings:
        print(f"Warning: {warning}")


def _show_rows(name: str, heads: list[str], rows: Mapping[str, tuple[object, ...]]) -> None:
    if not rows:
        print("Nothing differs in what they were asked for.")
        return
    print_table(
        (name, *heads),
        [[key, *(_text(value) for value in row)] for key, row in rows.items()],
        words=set(range(len(heads) + 1)),
    )


def _show_stats(heads: list[str], rows: Mapping[str, tuple[float | None, ...]]) -> None:
    table = [[_label(name), *(_figure(name, v) for v in rows[name])] for name in _ordered(rows)]
    print_table(("statistic", *heads), table, words={0})


def _ordered(names: Iterable[str]) -> list[str]:
    """Names of statistics in the order of a backtest's summary."""
    from peak_trade.observe.text import BY_NAME

    known = ["equity_final", *BY_NAME]
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))


def _text(value: object) -> str:
    from peak_trade.observe.text import value_of

    if value is None:
        return "unset"
    return ", ".join(_text(item) for item in value) if isinstance(value, list) else value_of(value)


def _label(name: str) -> str:
    return _shape(name).label


def _figure(name: str, value: float | None) -> str:
    return _shape(name).show(float("nan") if value is None else value)


def _shape(name: str) -> "Figure":
    from peak_trade.observe.text import FINAL_EQUITY, figure_named

    return FINAL_EQUITY if name == "equity_final" else figure_named(name)


def _configured(pairs: list[str] | None, file: Path | None) -> "Configuration[Settings]":
    from peak_trade.app import request
    from peak_trade.app.wiring import parse_settings

    return request.configured({}, parse_settings(pairs or []), file)


def _url(found: "Configuration[Settings]") -> str | None:
    from peak_trade.app.recording import url_of

    return url_of(found)
