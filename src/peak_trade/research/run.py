"""A backtest or a sweep as it is recorded: what was asked, on what, and what came of it."""

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from peak_trade.domain.errors import ParameterError
from peak_trade.engine.clock import new_run_id, now_ns
from peak_trade.journal.canonical import digest_of, plain, result_digest, table_digest
from peak_trade.research.span import code_version, stamp_text

if TYPE_CHECKING:
    from peak_trade.research.backtest import Backtest
    from peak_trade.research.sweep import Sweep

Kind = Literal["backtest", "sweep"]
Plain = Mapping[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Origin:
    """How a run was asked for, so that it can be made again.

    Parameters
    ----------
    strategy : str
        The strategy as it was named: a registered name or ``FILE.py:CLASS``.
    source : str
        The data as they were named.
    request : mapping, optional
        What was asked for and the settings in force, as plain values.
    settings : mapping
        The settings that bear on the result; their digest is kept beside the run.
    started_ns : int, optional
        When the run began, UTC nanoseconds.
    duration_s : float, optional
        How long it took, loading of data included, seconds.
    kind : type, optional
        The strategy's class, where the result does not know it.
    """

    strategy: str = ""
    source: str = ""
    request: Plain | None = None
    settings: Plain = field(default_factory=dict)
    started_ns: int | None = None
    duration_s: float | None = None
    kind: type | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One backtest or sweep as it was recorded.

    Attributes
    ----------
    id : str
        Unique, ordered by time.
    kind : {"backtest", "sweep"}
        A sweep is one run; ``trials`` counts its combinations, and ``stats`` are of its best one.
    started_ns, finished_ns : int
        UTC nanoseconds; a run of the Python API does not know when it began.
    strategy, strategy_name, strategy_digest : str
        As it was named, its class, and a digest of the file that defines it.
    params, terms, data, stats : mapping
        Plain values. ``data`` has ``fingerprint``, the stamps ``anchor`` (the first bar seen),
        ``from`` and ``to`` (traded), the rows ``start`` and ``stop`` from the anchor, and ``bars``.
    request : mapping, optional
        What it takes to make the run again; None for a run of the Python API.
    config_digest, result_digest : str
        Of the settings, and of what was traded and earned:
        :func:`peak_trade.journal.canonical.result_digest`.
    """

    id: str
    kind: Kind
    label: str
    started_ns: int | None
    finished_ns: int
    duration_s: float | None
    strategy: str
    strategy_name: str
    strategy_digest: str
    params: Plain
    terms: Plain
    data_source: str
    data_fingerprint: str
    data: Plain
    request: Plain | None
    config_digest: str
    code_version: str
    engine: str
    trials: int
    stats: Mapping[str, float | int | None]
    result_digest: str
    warnings: Sequence[str]
    tags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The run as plain values, ready for JSON; stamps are ISO 8601 texts in UTC."""
        found: dict[str, object] = {
            key: value for key, value in asdict(self).items() if not key.endswith("_ns")
        }
        return {
            **found,
            "started": iso_text(self.started_ns),
            "finished": iso_text(self.finished_ns),
            "tags": list(self.tags),
        }


def run_of(
    result: "Backtest | Sweep",
    *,
    label: str = "",
    tags: Sequence[str] = (),
    origin: Origin | None = None,
) -> Run:
    """Describe a result as the run that would be recorded.

    Parameters
    ----------
    result : Backtest or Sweep
        What was found.
    label : str
        A name for it, at most 200 characters.
    tags : sequence of str
        Words to find it by, each of at most 100 characters.
    origin : Origin, optional
        How it was asked for.

    Raises
    ------
    ParameterError
        A label or a tag that is too long, or an empty tag.
    """
    from peak_trade.research.backtest import Backtest  # a reader of records does without it

    check_words(label, tags)
    came = origin or Origin()
    kind = type(result.strategy) if isinstance(result, Backtest) else came.kind
    started, finished = came.started_ns, now_ns()
    if started is not None and came.duration_s is not None:
        finished = started + round(came.duration_s * 1e9)
    found = _of_backtest(result) if isinstance(result, Backtest) else _of_sweep(result)
    data = cast("Plain", found["data"])
    return Run(
        label=label,
        started_ns=started,
        finished_ns=finished,
        duration_s=came.duration_s,
        strategy=came.strategy or result.name,
        strategy_name=result.name,
        strategy_digest=source_digest(kind) if kind else "",
        data_source=came.source or result.bars.name,
        data_fingerprint=str(data["fingerprint"]),
        request=came.request,
        config_digest=digest_of(came.settings),
        code_version=code_version(),
        warnings=list(result.warnings),
        tags=tuple(sorted(set(tags))),
        **found,  # type: ignore[arg-type]
    )


def _of_backtest(result: "Backtest") -> dict[str, object]:
    from peak_trade.research.backtest import beside_of, data_of, stats_json

    record = result.record
    anchor = stamp_text(record.bars, 0)  # the first bar that the strategy saw
    return {
        "id": result.run,
        "kind": "backtest",
        "params": plain(result.params),
        "terms": plain(record.terms),
        "data": {
            **data_of(record),
            **beside_of(result.actions, result.detail),
            "anchor": anchor,
            "start": record.start,
            "stop": record.stop,
        },
        "engine": result.engine,
        "trials": 1,
        "stats": stats_json({**result.stats, "equity_final": result.equity_final}),
        "result_digest": result_digest(record),
    }


def _of_sweep(result: "Sweep") -> dict[str, object]:
    from peak_trade.research.backtest import stats_json

    bars, found = result.bars, result.to_dict(top=1)
    return {
        "id": new_run_id(),
        "kind": "sweep",
        "params": {"grid": plain(result.grid), "best": plain(result.best.params)},
        "terms": plain(result.terms),
        "data": {
            **cast("Plain", found["data"]),
            "anchor": stamp_text(bars, 0),
            "start": result.start,
            "stop": len(bars),
        },
        "engine": "session" if result.engine_note else "fast",
        "trials": result.trials,
        "stats": stats_json(result.best.stats),
        "result_digest": table_digest(
            result.grid,
            {
                "combination": result.rows.positions,
                **{f"stats.{name}": result.rows.column(name) for name in result.best.stats},
            },
        ),
    }


def check_words(label: str, tags: Sequence[str]) -> None:
    """Refuse a label or a tag that cannot be kept.

    Raises
    ------
    ParameterError
        A label of more than 200 characters, an empty tag, or one of more than 100.
    """
    if len(label) > 200:
        raise ParameterError(
            f"the label has {len(label)} characters, 200 at most", hint="shorten it"
        )
    for tag in tags:
        if not 1 <= len(tag) <= 100 or "," in tag:
            raise ParameterError(
                f"tag {tag!r} is not 1 to 100 characters without a comma", hint="give a word"
            )


def source_digest(kind: type) -> str:
    """A digest of the file that defines a strategy; empty where there is no file."""
    try:
        path = inspect.getsourcefile(kind)
        return hashlib.blake2b(Path(path or "").read_bytes(), digest_size=16).hexdigest()
    except (TypeError, OSError):
        return ""


def iso_text(stamp_ns: int | None) -> str | None:
    """UTC nanoseconds as ISO 8601 to the second.

    Examples
    --------
    >>> iso_text(1_700_000_000_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    if stamp_ns is None:
        return None
    return (_EPOCH + timedelta(microseconds=stamp_ns // 1000)).strftime("%Y-%m-%dT%H:%M:%SZ")
