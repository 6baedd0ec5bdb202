"""A recorded run, made again by the way it was made first, and compared with what was recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peak_trade.app import recording

if TYPE_CHECKING:
    from peak_trade.research.run import Run


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What became of a run that was made again.

    Attributes
    ----------
    recorded, again : Run
        As it was recorded, and as it is now.
    differences : mapping of str to tuple
        What bears on the result and is not what it was, such as ``data.fingerprint`` or
        ``code_version``: the recorded value and today's.
    stats : mapping of str to tuple
        Statistics that differ, the recorded value and today's.
    """

    recorded: "Run"
    again: "Run"
    differences: Mapping[str, tuple[object, ...]]
    stats: Mapping[str, tuple[float | int | None, ...]]

    @property
    def is_same(self) -> bool:
        """Whether the two results are equal, bit for bit."""
        return self.recorded.result_digest == self.again.result_digest

    def to_dict(self) -> dict[str, object]:
        """The reproduction as plain values, ready for JSON."""
        return {
            "run": self.recorded.id,
            "same": self.is_same,
            "digest": {
                "recorded": self.recorded.result_digest,
                "now": self.again.result_digest,
            },
            "differences": _named(self.differences),
            "stats": _named(self.stats),
        }


def _named(rows: Mapping[str, tuple[object, ...]]) -> dict[str, object]:
    return {key: {"recorded": row[0], "now": row[1]} for key, row in rows.items()}


def reproduce(recorded: "Run") -> Reproduction:
    """Run again what is recorded, with the settings it had, and see whether it gives the same.

    Nothing is recorded. Data and a strategy's file are read from where they lie now.

    Raises
    ------
    InputError
        The run was recorded from Python; its data or its strategy cannot be found or read.
    ConfigError
        A setting of it that this version does not know.
    """
    from peak_trade.app.cli import backtest, sweep
    from peak_trade.research.experiments import comparison_of
    from peak_trade.research.run import run_of

    with recording.request_of(recorded) as (asked, found):
        if recorded.kind == "sweep":
            kind, swept = sweep.search(asked, found)
            again = run_of(swept, origin=recording.origin_of(asked, found, kind=kind))
        else:
            again = run_of(backtest.trade(asked, found), origin=recording.origin_of(asked, found))
    both = comparison_of((recorded, again))
    changed = {name: both.stats[name] for name in recorded.stats if len(set(both.stats[name])) > 1}
    return Reproduction(recorded, again, both.differences, changed)
