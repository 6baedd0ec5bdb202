"""`peak features`: list, compute, materialize and show what can be measured at each close."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json, print_table, progress
from peak_trade.app.cli.listing import Column, print_list

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.features import Coverage, Feature, Materialized
    from peak_trade.domain.bars import Bars

SHOWN = 10
"""Rows that ``compute`` shows where it is not told otherwise."""

Text = Annotated[
    str,
    typer.Argument(
        metavar="FEATURE", help="Such as rsi or 'rsi(period=14)'; FILE.py:NAME of your own."
    ),
]
Texts = Annotated[
    list[str],
    typer.Argument(metavar="FEATURE...", help="One or several, such as 'rsi(period=14)'."),
]
Group = Annotated[
    str | None, typer.Option(metavar="GROUP", help="Those of this group alone, such as volatility.")
]
File = Annotated[
    Path | None, typer.Option("--file", metavar="FILE.py", help="A file with features of your own.")
]
Rows = Annotated[int, typer.Option("--rows", min=0, help="Last rows to show.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write all rows to a .csv or .parquet file."),
]
Anew = Annotated[
    bool, typer.Option("--anew", help="Compute every bar again; equal values stay as they are.")
]


def list_(group: Group = None, file: File = None, json: options.Json = False) -> None:
    """List every feature: its group, version, what it reads and its parameters."""
    from peak_trade.data.features import features_known
    from peak_trade.data.features.registry import has_talib
    from peak_trade.domain.errors import InputError, did_you_mean

    if file is not None:
        _import(file)
    known = features_known()
    groups = sorted({kind.group for kind in known})
    if group is not None and group not in groups:
        raise InputError(f"group {group!r} of features is not known", did_you_mean(group, groups))
    chosen = [kind for kind in known if group in (None, kind.group)]
    if json:
        print_json({"features": [_facts(kind) for kind in chosen]})
        return
    columns = (
        Column("name", is_words=True),
        Column("group", is_words=True, spare=2),
        Column("version", spare=4),
        Column("reads", is_words=True, spare=3),
        Column("parameters", is_words=True, spare=1),
        Column("what it gives", is_words=True),
    )
    rows = [
        (
            kind.name,
            kind.group,
            str(kind.version),
            ", ".join(("bars", *kind.reads)),
            _parameters_text(kind),
            _summary(kind),
        )
        for kind in sorted(chosen, key=lambda kind: (kind.group, kind.name))
    ]
    print_list(columns, rows)
    print("One of them: peak features show NAME. Use them in a strategy: docs/guide-feature.md.")
    if not has_talib():
        print("TA-Lib's indicators are features too: pip install 'peak-trade[indicators]'")


def compute(
    feature: Text,
    data: options.Data,
    rows: Rows = SHOWN,
    out: Out = None,
    symbol: options.Symbol = None,
    data_version: options.DataVersion = None,
    columns: options.Columns = None,
    interval: options.Interval = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    calendar: options.Calendar = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Compute a feature over bars: its last rows, or all of them in a file."""
    given = dict(locals())
    from peak_trade.app import request
    from peak_trade.app.cli.outputs import TABLES, check_path, outputs
    from peak_trade.data.features import feature_of, with_features

    text = _text(feature)
    made = feature_of(text)
    check_path("--out", out, TABLES, data)
    found = request.configured(given, {}, config)
    bars = request.load_bars(data, found, columns=columns, symbols=symbol, version=data_version)
    values = with_features(bars, {feature: text})
    frame = _frame(values, feature)
    if out is not None:
        write = frame.write_csv if out.suffix.lower() == ".csv" else frame.write_parquet
        with outputs() as files:
            files.write(out, write)
    if json:
        print_json(
            {
                "feature": made.text,
                "data": bars.name,
                "rows": len(bars),
                "known": int(frame["value"].is_not_nan().sum()),
                "out": None if out is None else str(out),
                "values": _by_close(values, feature, rows),
            }
        )
        return
    if rows:
        _print_values(values, feature, rows)
    print(f"{made.text} of {bars.name}: {len(bars):,} rows.")
    if out is not None:
        print(out)


def materialize(
    features: Texts,
    data: options.Data,
    anew: Anew = False,
    interval: options.Interval = None,
    calendar: options.Calendar = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Compute features over stored bars and keep the values that are not kept yet."""
    given = dict(locals())
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store
    from peak_trade.data import features as library
    from peak_trade.engine.clock import now_ns

    texts = [_text(feature) for feature in features]
    for text in texts:
        library.id_of(text)
    found = request.configured(given, {}, config)
    received_ns = now_ns()
    bars = request.load_bars(data, found, columns=None, symbols=None)
    with progress("Computing", wanted=found.values.flags.show_progress and not json) as watch:
        done = library.materialize(
            bars, texts, opened_store(found), received_ns=received_ns, anew=anew, progress=watch
        )
    if json:
        print_json({"data": bars.name, "rows": len(bars), "features": [_done(one) for one in done]})
        return
    print_table(
        ("feature", "computed", "added", "corrected"),
        [
            (one.feature, f"{one.computed:,}", f"{one.added:,}", f"{one.corrected:,}")
            for one in done
        ],
        words={0},
    )


def show(feature: Text, config: options.ConfigFile = None, json: options.Json = False) -> None:
    """Show one feature: what it gives, its parameters, and what is stored of it."""
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store
    from peak_trade.data.features import coverage, feature_class, feature_of, id_of
    from peak_trade.data.features.definition import defaults
    from peak_trade.data.features.texts import FeatureText

    text = _text(feature)
    read = FeatureText.parse(text)
    kind = feature_class(read.name, read.version)
    made = feature_of(text) if read.params or defaults(kind) else None
    found = request.configured({}, {}, config)
    stored = coverage(opened_store(found), name=kind.name)
    facts = {
        **_facts(kind),
        "text": None if made is None else made.text,
        "id": None if made is None else id_of(text),
        "warmup": None if made is None else made.warmup,
        "lookback": None if made is None else made.lookback,
        "doc": inspect.getdoc(kind) or "",
        "stored": [_covered(one) for one in stored],
    }
    if json:
        print_json(facts)
        return
    _tell(kind, made, facts)
    if not stored:
        print("Nothing is stored of it.")
        return
    print()
    print_table(
        ("stored as", "series", "rows", "from", "to", "definition"),
        [
            (
                one.feature,
                str(one.key),
                f"{one.rows:,}",
                _stamp(one.first_ns),
                _stamp(one.last_ns),
                "in force" if one.is_current else "an older one",
            )
            for one in stored
        ],
        words={0, 1, 5},
    )


def _text(feature: str) -> str:
    """The text of a feature, with its file imported where it names one."""
    path, colon, text = feature.partition(".py:")
    if not colon:
        return feature
    _import(Path(f"{path}.py"))
    return text


def _import(path: Path) -> None:
    from peak_trade.app.wiring import import_file

    import_file(path)


def _facts(kind: "type[Feature]") -> dict[str, object]:
    from peak_trade.domain.strategy import parameters

    return {
        "name": kind.name,
        "version": kind.version,
        "group": kind.group,
        "description": _summary(kind),
        "reads": ["bars", *kind.reads],
        "extra": kind.extra,
        "parameters": [
            {
                "name": item.name,
                "type": item.kind,
                "default": item.default,
                "low": item.low,
                "high": item.high,
                "doc": item.doc,
            }
            for item in parameters(kind)
        ],
        "location": f"{kind.__module__}:{kind.__qualname__}",
    }


def _summary(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _parameters_text(kind: "type[Feature]") -> str:
    from peak_trade.domain.strategy import parameters

    return ", ".join(
        item.name if item.default is None else f"{item.name}={item.default!r}"
        for item in parameters(kind)
    )


def _tell(kind: "type[Feature]", made: "Feature | None", facts: dict[str, object]) -> None:
    from peak_trade.data.features.definition import range_text
    from peak_trade.domain.strategy import parameters

    print(f"{kind.name}, version {kind.version}, of the group {kind.group}")
    print(f"{facts['doc']}\n")
    listed = parameters(kind)
    if listed:
        print_table(
            ("parameter", "type", "default", "range", "what it is"),
            [
                (
                    item.name,
                    item.kind,
                    "has none" if item.default is None else repr(item.default),
                    range_text(item.low, item.high),
                    item.doc,
                )
                for item in listed
            ],
            words={0, 1, 2, 3, 4},
        )
        print()
    told = {"Reads": ", ".join(("bars", *kind.reads)), "Defined in": str(facts["location"])}
    if made is not None:
        back = made.lookback
        told["First value"] = f"after {made.warmup:,} rows"
        told["Depends on"] = "every row before" if back is None else f"{back:,} rows before"
        told["Stored as"] = str(facts["id"])
    print_facts(told)


def _covered(one: "Coverage") -> dict[str, object]:
    return {
        "feature": one.feature,
        "series": f"{one.key.venue}:{one.key.symbol}",
        "interval": one.key.interval,
        "rows": one.rows,
        "from": _stamp(one.first_ns),
        "to": _stamp(one.last_ns),
        "is_current": one.is_current,
    }


def _done(one: "Materialized") -> dict[str, object]:
    return {
        "feature": one.feature,
        "series": [f"{key.venue}:{key.symbol}" for key in one.keys],
        "computed": one.computed,
        "added": one.added,
        "corrected": one.corrected,
    }


def _frame(bars: "Bars", name: str) -> "pl.DataFrame":
    """All values, a row a close and instrument; a measure of the whole market has one of its name."""
    import numpy as np
    import polars as pl

    values = bars.features[name]
    labels = bars.symbols if values.shape == bars.close.shape else ("",)
    return pl.DataFrame(
        {
            "time": np.repeat(bars.time, len(labels)),
            "symbol": list(labels) * len(bars),
            "value": values.reshape(-1),
        },
        schema={"time": pl.Int64, "symbol": pl.String, "value": pl.Float64},
    ).with_columns(pl.col("time").cast(pl.Datetime("ns", "UTC")))


def _by_close(bars: "Bars", name: str, rows: int) -> list[dict[str, object]]:
    values = bars.features[name]
    labels = bars.symbols if values.shape == bars.close.shape else ("value",)
    return [
        {"time": _stamp(int(bars.time[t])), **dict(zip(labels, values[t].tolist(), strict=True))}
        for t in range(max(0, len(bars) - rows), len(bars))
    ]


def _print_values(bars: "Bars", name: str, rows: int) -> None:
    values = bars.features[name]
    labels = bars.symbols if values.shape == bars.close.shape else ("value",)
    print_table(
        ("close (UTC)", *labels),
        [
            (_stamp(int(bars.time[t])), *(f"{value:.8g}" for value in values[t].tolist()))
            for t in range(max(0, len(bars) - rows), len(bars))
        ],
        words={0},
    )


def _stamp(time_ns: int) -> str:
    import numpy as np

    return f"{np.datetime64(time_ns, 'ns').astype('datetime64[s]')}Z"
