"""What a command was asked for becomes part of its run's record, and a request again."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from peak_trade.app.config import MASK, Assignment, Configuration, configure
from peak_trade.app.settings import Settings
from peak_trade.domain.errors import InputError, JournalError, PeakTradeError

if TYPE_CHECKING:
    from peak_trade.research.backtest import Backtest
    from peak_trade.research.run import Origin, Run
    from peak_trade.research.sweep import Sweep

_SESSIONS = ("risk.paper", "risk.shadow", "risk.testnet", "risk.live", "live_policies")
_ELSEWHERE = (
    "journal.",
    "state.",
    "kill.",
    "operators.",
    "report.",
    "flags.",
    "logging.",
    *_SESSIONS,
)
"""Settings that no result depends on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a backtest or a sweep was asked for, in the words of the command line.

    The settings in force are beside it; nothing else bears on the result.

    Parameters
    ----------
    strategy, data : str
        A registered name or ``FILE.py:CLASS``; a source.
    settings : list of str, optional
        The texts of ``--set`` that are parameters of the strategy.
    grid : list of str, optional
        The texts of ``--grid``; a sweep alone has them.
    actions, detail : str, optional
        A file of corporate actions, and a source of finer bars; the record has their fingerprints.
    signals : str, optional
        The view of the bars that the strategy reads, adjusted by the actions.
    data_version : int, optional
        The version of a stored series; what is recorded has the one that was read.
    detail_interval : str, optional
        Of stored finer bars the length of one.
    """

    strategy: str
    data: str
    settings: list[str] | None = None
    grid: list[str] | None = None
    start: str | None = None
    end: str | None = None
    symbol: list[str] | None = None
    columns: str | None = None
    actions: str | None = None
    detail: str | None = None
    signals: str | None = None
    data_version: int | None = None
    detail_interval: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Asked":
        """Pick from a command's parameters what it is asked for.

        Configuration keys of ``--set`` are left out: they are among the settings, and may be
        secrets.
        """
        picked = {item.name: given[item.name] for item in fields(cls) if item.name in given}
        own = [text for text in given["settings"] or () if "." not in text.partition("=")[0]]
        return cls(**{**picked, "settings": own})

    @classmethod
    def recorded(cls, found: Mapping[str, Any]) -> "Asked":
        """Read what a record holds.

        Raises
        ------
        JournalError
            It holds what this version does not know.
        """
        unknown = sorted(set(found) - {item.name for item in fields(cls)})
        if unknown:
            raise JournalError(
                f"the run was asked for with {', '.join(unknown)}, which this version does not know",
                hint="upgrade Peak Trade",
            )
        return cls(**found)


def settings_of(found: Configuration[Settings], *, is_sweep: bool) -> dict[str, object]:
    """The settings that bear on a result, as plain values by key; never a secret."""
    values = found.values.model_dump(mode="json")
    skipped = _ELSEWHERE if is_sweep else (*_ELSEWHERE, "sweep.")
    return {
        key: _value_of(values, key)
        for key, setting in found.settings.items()
        if not key.startswith(skipped) and MASK not in (setting.value, setting.default)
    }


def _value_of(values: object, key: str) -> object:
    for name in key.split("."):
        values = cast("Mapping[str, object]", values)[name]
    return values


def origin_of(
    asked: Asked,
    found: Configuration[Settings],
    *,
    kind: type | None = None,
    lasted_ns: tuple[int, int] | None = None,
) -> "Origin":
    """How a run was asked for, with everything that it takes to make it again.

    ``lasted_ns`` are the stamps of its begin and its end.
    """
    from peak_trade.research.run import Origin

    settings = settings_of(found, is_sweep=asked.grid is not None)
    layers = {key: found.explain(key).layer for key in settings}
    request = {
        "asked": asdict(asked),
        "settings": settings,
        "layers": {key: layer for key, layer in layers.items() if layer != "default"},
        "folder": str(Path.cwd()),
    }
    return Origin(
        strategy=asked.strategy,
        source=asked.data,
        request=request,
        settings=settings,
        started_ns=lasted_ns[0] if lasted_ns else None,
        duration_s=(lasted_ns[1] - lasted_ns[0]) / 1e9 if lasted_ns else None,
        kind=kind,
    )


def keep(
    result: "Backtest | Sweep",
    asked: Asked,
    found: Configuration[Settings],
    *,
    lasted_ns: tuple[int, int],
    kind: type | None = None,
    label: str = "",
    tags: Sequence[str] = (),
) -> "Run | None":
    """Record a result where that is wanted; where it fails, warn, and leave the result alone.

    Parameters
    ----------
    lasted_ns : tuple of int
        When the run began and ended, UTC nanoseconds.
    kind : type, optional
        The strategy's class; a sweep does not know it.
    """
    if not found.values.journal.record:
        return None
    from peak_trade.research.experiments import record_run

    try:
        origin = origin_of(asked, found, kind=kind, lasted_ns=lasted_ns)
        return record_run(result, label=label, tags=tags, origin=origin, url=url_of(found))
    except PeakTradeError as error:
        message, hint = error.message, error.hint
    except (OSError, ValueError) as error:
        message, hint = str(error), "check journal.url with peak config explain journal.url"
    print(f"Warning: the run is not recorded: {message}", file=sys.stderr)
    print(f"Hint:    {hint}", file=sys.stderr)
    return None


def url_of(found: Configuration[Settings]) -> str | None:
    """The configured database; None for the user's own."""
    url = found.values.journal.url
    return None if url is None else url.get_secret_value()


@contextmanager
def request_of(run: "Run") -> Iterator[tuple[Asked, Configuration[Settings]]]:
    """Give what a recorded run was asked for, and its settings, in the folder that it ran in.

    Where that folder is not there (any more), the working folder stands in for it.

    Raises
    ------
    InputError
        The run was recorded from Python, which does not keep how it was asked for.
    ConfigError
        A setting that this version does not know, or does not take.
    """
    request = cast("Mapping[str, Any] | None", run.request)
    if request is None:
        raise InputError(
            f"run {run.id} was recorded from Python, without what was asked for",
            hint="run your program again and compare the two runs: peak runs compare",
            run=run.id,
        )
    with restored(request) as found:
        yield found


@contextmanager
def restored(request: "Mapping[str, Any]") -> Iterator[tuple[Asked, Configuration[Settings]]]:
    """Give what a record's request asked for, and its settings, in the folder that it ran in."""
    folder = Path(request["folder"])
    with chdir(folder if folder.is_dir() else Path.cwd()):
        yield Asked.recorded(request["asked"]), _restored(request["settings"], request["layers"])


def _restored(settings: Mapping[str, object], layers: Mapping[str, str]) -> Configuration[Settings]:
    """Recorded settings in force again; defaults that have changed since are set as they were."""
    nowhere = Path(os.devnull)  # no file of any folder is asked
    defaults = settings_of(configure(Settings, nowhere, environ={}), is_sweep=True)
    overrides = [
        Assignment(key, value, layers.get(key, "the record"))
        for key, value in settings.items()
        if key in layers or key not in defaults or value != defaults[key]
    ]
    return configure(Settings, nowhere, environ={}, overrides=overrides)
