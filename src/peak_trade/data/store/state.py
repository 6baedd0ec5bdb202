"""What a table knows of each of its series, told from the notes of its commits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

SUMMARY_EVERY = 32
"""So many versions after the last summary, a commit says all that is known of every series."""

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a stored series after the last commit that touched it.

    Attributes
    ----------
    rows : int
        How many rows there are.
    first_ns, last_ns : int
        Times of the first and the last of them.
    cursor : str
        Where its source goes on.
    covered : tuple of pairs of int
        Ranges of time that a source has answered for, ascending and apart; the end is left out.
    received_ns : int
        When it was last heard of.
    version : int
        The commit.
    """

    rows: int = 0
    first_ns: int = 0
    last_ns: int = 0
    cursor: str = ""
    covered: Ranges = ()
    received_ns: int = 0
    version: int = -1

    def to_note(self) -> list[object]:
        """Give what a commit writes of it."""
        covered = [list(span) for span in self.covered]
        return [self.rows, self.first_ns, self.last_ns, self.cursor, covered, self.received_ns]

    @classmethod
    def from_note(cls, note: list[Any], version: int) -> "Head":
        """Read what a commit wrote."""
        rows, first, last, cursor, covered, received = note[:6]
        spans = tuple((int(start), int(stop)) for start, stop in covered)
        return cls(rows, first, last, cursor, spans, received, version)


@dataclass(frozen=True, slots=True)
class State:
    """Heads of all series of a table at a version.

    ``kept_from`` is the oldest version that has not expired, ``summary_at`` where the last summary is.
    """

    version: int = -1
    kept_from: int = 0
    summary_at: int = -1
    heads: Mapping[str, Head] = field(default_factory=dict)

    def summary(self) -> dict[str, object]:
        """Give what a commit writes so that nobody has to look further back."""
        heads = {symbol: [*head.to_note(), head.version] for symbol, head in self.heads.items()}
        return {"heads": heads, "as_of": self.version, "kept_from": self.kept_from}


def folded(notes: Iterable[Mapping[str, Any]], version: int, *, known: State | None) -> State:
    """Tell the state of a table at a version.

    Parameters
    ----------
    notes : iterable of mappings
        What the commits say of themselves, from the version back to the first one; no more of
        them are asked for than are needed.
    version : int
        The version.
    known : State, optional
        The state at an earlier version, which the notes need not be read beyond.
    """
    if known is not None and known.version == version:
        return known
    heads: dict[str, Head] = {}
    summary: Mapping[str, Any] | None = None
    for note in notes:
        if known is not None and note["version"] <= known.version:
            break
        if summary is not None and note["version"] <= summary["as_of"]:
            break
        for symbol, entry in note.get("series", {}).items():
            heads.setdefault(symbol, Head.from_note(entry["head"], note["version"]))
        if summary is None and "heads" in note:
            summary = note
            if note["as_of"] >= note["version"] - 1:
                break
    if summary is None:
        base = known or State()
        return replace(base, version=version, heads={**base.heads, **heads})
    for symbol, entry in summary["heads"].items():
        heads.setdefault(symbol, Head.from_note(entry, entry[6]))
    return State(version, summary["kept_from"], summary["version"], heads)
