"""What a session that is going to be killed is told, and what it must offer to be judged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from peak_trade.simulation.faults import Faults
from peak_trade.simulation.judge import Told

SYMBOLS = ("X", "Y")
CASH_CENTS = 100_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """One life of a session.

    Parameters
    ----------
    folder : Path
        Where its journal and its state are; the same in every life of a run.
    port : int
        Where the venue listens.
    faults : Faults
        For their bounds: how late the venue takes an order, and how old its answers may be.
    seed : int
        Seed of what it does in this life.
    is_last : bool
        Nobody will kill it: it is to recover, cancel everything, settle and end.
    planted : str
        A fault of its own that the judge is to find; none where empty.
    """

    folder: Path
    port: int
    faults: Faults
    seed: int
    is_last: bool = False
    planted: str = ""


class Subject(NamedTuple):
    """A session that can be killed: ``trade`` lives one life, ``told`` reads its journal afterwards.

    ``prepare`` is called once, with an empty folder, before any life: it imports and makes ready what a life
    would otherwise begin with.
    """

    prepare: Callable[[Path], None]
    trade: Callable[[Plan], None]
    told: Callable[[Plan], Told]
