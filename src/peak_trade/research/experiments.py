"""The runs that were made: kept, found again, and set side by side."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from peak_trade.domain.errors import InputError, JournalError, ParameterError, did_you_mean
from peak_trade.research.run import Kind, Origin, Run, run_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from peak_trade.research.backtest import Backtest
    from peak_trade.research.sweep import Sweep

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BACK = re.compile(r"last(?:~(\d+))?")
_KNOWN_IDS = 2000  # how many of the newest are looked through for an id that was misspelt


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs side by side.

    Attributes
    ----------
    runs : tuple of Run
        In the order in which they were named.
    differences : mapping of str to tuple
        What is not the same in all of them, such as ``params.fast`` or ``data.fingerprint``: one
        value a run, None where it has none.
    stats : mapping of str to tuple
        Statistics, one value a run.
    """

    runs: tuple[Run, ...]
    differences: Mapping[str, tuple[object, ...]]
    stats: Mapping[str, tuple[float | int | None, ...]]

    def to_dict(self) -> dict[str, object]:
        """The comparison as plain values, ready for JSON."""
        return {
            "runs": [run.id for run in self.runs],
            "labels": [run.label for run in self.runs],
            "same_result": len({run.result_digest for run in self.runs}) == 1,
            "differences": {key: list(values) for key, values in self.differences.items()},
            "stats": {key: list(values) for key, values in self.stats.items()},
        }


def record_run(
    result: "Backtest | Sweep",
    *,
    label: str = "",
    tags: Sequence[str] = (),
    origin: Origin | None = None,
    url: str | None = None,
) -> Run:
    """Keep a backtest or a sweep in the database of runs.

    ``peak backtest`` and ``peak sweep`` do this by themselves; in Python it is asked for.

    Parameters
    ----------
    result : Backtest or Sweep
        What was found.
    label : str
        A name for it.
    tags : sequence of str
        Words to find it by.
    origin : Origin, optional
        How it was asked for, which makes it possible to reproduce it.
    url : str, optional
        The database, such as ``sqlite:///runs.sqlite``; the user's own where left out.

    Returns
    -------
    Run
        What was recorded.

    Raises
    ------
    JournalError
        The database cannot be written, or has this result already.

    Examples
    --------
    >>> import tempfile
    >>> from peak_trade.domain.bars import Bars
    >>> from peak_trade.research.backtest import backtest
    >>> from peak_trade.strategies import MaCross
    >>> url = f"sqlite:///{tempfile.mkdtemp()}/journal.sqlite"
    >>> result = backtest(MaCross(fast=1, slow=2), Bars.from_arrays([10.0, 11.0, 12.0]))
    >>> kept = record_run(result, label="first", url=url)
    >>> get_run("last", url=url) == kept, [run.label for run in list_runs(url=url)]
    (True, ['first'])
    """
    from sqlalchemy import exc, insert

    from peak_trade.journal.database import open_database
    from peak_trade.journal.schema import run_tags, runs

    run = run_of(result, label=label, tags=tags, origin=origin)
    database = open_database(url)
    row = {item.name: getattr(run, item.name) for item in fields(run) if item.name != "tags"}
    try:
        with database.writing() as connection:
            connection.execute(insert(runs), row)
            for tag in run.tags:
                connection.execute(insert(run_tags), {"run_id": run.id, "tag": tag})
    except exc.IntegrityError:
        raise JournalError(
            f"run {run.id} is recorded already in {database.shown}",
            hint=f"see it with peak runs show {run.id}",
            run=run.id,
        ) from None
    return run


def list_runs(
    *,
    strategy: str | None = None,
    since: str | None = None,
    label: str | None = None,
    tag: str | None = None,
    kind: Kind | None = None,
    limit: int | None = 20,
    url: str | None = None,
) -> list[Run]:
    """The recorded runs, newest first.

    Parameters
    ----------
    strategy : str, optional
        As it was named, or its class.
    since : str, optional
        An ISO date or time (UTC); runs that finished then or later.
    label, tag : str, optional
        The whole label; one of the tags.
    kind : {"backtest", "sweep"}, optional
        One kind alone.
    limit : int, optional
        How many at most; None for all.
    url : str, optional
        The database; the user's own where left out.

    Raises
    ------
    JournalError
        The database cannot be read.
    ParameterError
        ``since`` is no ISO date or time, or ``limit`` is below 1.
    """
    from sqlalchemy import or_, select

    from peak_trade.journal.database import open_database
    from peak_trade.journal.schema import run_tags, runs

    if limit is not None and limit < 1:
        raise ParameterError(f"limit {limit} is not 1 or more", hint="give a larger one")
    wanted = select(runs).order_by(runs.c.finished_ns.desc(), runs.c.id.desc()).limit(limit)
    if strategy is not None:
        wanted = wanted.where(or_(runs.c.strategy == strategy, runs.c.strategy_name == strategy))
    if since is not None:
        wanted = wanted.where(runs.c.finished_ns >= _ns(since))
    if label is not None:
        wanted = wanted.where(runs.c.label == label)
    if kind is not None:
        wanted = wanted.where(runs.c.kind == kind)
    if tag is not None:
        tagged = select(run_tags.c.run_id).where(run_tags.c.tag == tag)
        wanted = wanted.where(runs.c.id.in_(tagged))
    with open_database(url).reading() as connection:
        return _with_tags(connection, connection.execute(wanted).mappings().all())


def get_run(reference: str, *, url: str | None = None) -> Run:
    """Find one recorded run.

    Parameters
    ----------
    reference : str
        Its id, the beginning of it as far as no other run has it, ``last``, or ``last~2`` for the
        one two before the last.
    url : str, optional
        The database; the user's own where left out.

    Raises
    ------
    JournalError
        No such run, or several; the message names them.
    """
    from sqlalchemy import select

    from peak_trade.journal.database import open_database
    from peak_trade.journal.schema import runs

    database = open_database(url)
    back = _BACK.fullmatch(reference.strip())
    newest = select(runs).order_by(runs.c.finished_ns.desc(), runs.c.id.desc())
    with database.reading() as connection:
        if back:
            wanted = newest.offset(int(back[1] or 0)).limit(1)
        else:
            prefix = reference.strip().lower()
            wanted = newest.where(runs.c.id.startswith(prefix, autoescape=True)).limit(4)
        rows = connection.execute(wanted).mappings().all()
        if len(rows) != 1 or not reference.strip():
            known = connection.execute(newest.with_only_columns(runs.c.id).limit(_KNOWN_IDS))
            raise _not_one(reference, [row["id"] for row in rows], list(known.scalars()))
        return _with_tags(connection, rows)[0]


def _not_one(reference: str, found: Sequence[str], known: Sequence[str]) -> JournalError:
    if not known:
        return JournalError(
            "no run is recorded yet", hint="peak backtest records one", run=reference
        )
    if len(found) > 1:
        shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        return JournalError(
            f"run {reference!r} is the beginning of several: {shown}",
            hint="give more of its characters",
            run=reference,
        )
    close = did_you_mean(reference.lower(), known[:_KNOWN_IDS])
    hint = close if close.startswith("did") else "peak runs list shows them"
    return JournalError(f"run {reference!r} is not recorded", hint=hint, run=reference)


def compare_runs(references: Sequence[str], *, url: str | None = None) -> Comparison:
    """Set two or more recorded runs side by side: what differs, and their statistics.

    Parameters
    ----------
    references : sequence of str
        As :func:`get_run` takes them.
    url : str, optional
        The database; the user's own where left out.

    Raises
    ------
    InputError
        Fewer than two different runs.
    JournalError
        A run that is not recorded.
    """
    runs = tuple(get_run(reference, url=url) for reference in references)
    if len({run.id for run in runs}) < max(2, len(runs)):
        raise InputError(
            f"{len(runs)} runs are named, {len({run.id for run in runs})} of them different",
            hint="name two or more different runs",
        )
    return comparison_of(runs)


def comparison_of(runs: Sequence[Run]) -> Comparison:
    """Set runs side by side that are at hand already."""
    facts = [facts_of(run) for run in runs]
    keys = list(dict.fromkeys(key for one in facts for key in one))
    rows = {key: tuple(one.get(key) for one in facts) for key in keys}
    names = list(dict.fromkeys(name for run in runs for name in run.stats))
    return Comparison(
        tuple(runs),
        {key: row for key, row in rows.items() if any(value != row[0] for value in row)},
        {name: tuple(run.stats.get(name) for run in runs) for name in names},
    )


def facts_of(run: Run) -> dict[str, object]:
    """What bears on a run's result, each fact under a name of its own, such as ``params.fast``."""
    settings = (run.request or {}).get("settings", {})
    found = {
        "kind": run.kind,
        "strategy": run.strategy,
        "strategy_digest": run.strategy_digest,
        **_flat("params", run.params),
        "data.source": run.data_source,
        **_flat("data", run.data),
        **_flat("terms", run.terms),
        **_flat("settings", settings),
        "engine": run.engine,
        "trials": run.trials,
        "code_version": run.code_version,
    }
    return {key: value for key, value in found.items() if not _says_nothing(key, value)}


def _says_nothing(key: str, value: object) -> bool:
    """Whether it is the name of a type that its key has already: the type of the costs is Costs."""
    *_, owner, last = ("", *key.split("."))
    return last == "type" and str(value).lower() == owner


def _flat(name: str, value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return {
            key: item
            for inner in value
            for key, item in _flat(f"{name}.{inner}", value[inner]).items()
        }
    return {name: value}


def _with_tags(connection: "Connection", rows: "Sequence[RowMapping]") -> list[Run]:
    from sqlalchemy import select

    from peak_trade.journal.schema import run_tags

    found = [Run(**row) for row in rows]
    ids = [run.id for run in found]
    wanted = select(run_tags).where(run_tags.c.run_id.in_(ids)).order_by(run_tags.c.tag)
    tags: dict[str, list[str]] = {}
    for run_id, tag in connection.execute(wanted):
        tags.setdefault(run_id, []).append(tag)
    return [replace(run, tags=tuple(tags[run.id])) if run.id in tags else run for run in found]


def _ns(moment: str) -> int:
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        raise ParameterError(
            f"{moment!r} is not an ISO date or time",
            hint="write it like '2024-01-31' or '2024-01-31T14:30'",
        ) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000
