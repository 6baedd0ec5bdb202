"""What is kept of sessions: the register that lists them, and their journals."""

import difflib
import os
import re
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from peak_trade.domain.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.journal.database import Database
    from peak_trade.journal.sessions import SessionRow
    from peak_trade.observe.account import Account

CUT_OFF = "cut off"
"""The state of a session that was running when its process ended without saying so."""

_BACK = re.compile(r"last(?:~(\d{1,6}))?")
_HOLDER = re.compile(r"pid (\d+) on (\S+)\)")
_KNOWN = 2000  # how many of the newest are looked through for an id that was misspelt


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session in a list: what the register knows, and how far it has come.

    ``state`` is that of the register, or ``cut off``; ``equity`` is NaN before the first close.
    """

    row: "SessionRow"
    state: str
    rows: int
    orders: int
    fills: int
    denied: int
    equity: float

    @property
    def is_running(self) -> bool:
        """Whether a process runs it now."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class SessionRecords:
    """The database of sessions, and the folder of their locks and anchors.

    Parameters
    ----------
    database : Database
        Register and journals.
    folder : Path
        The folder of ``state.dir``.
    """

    database: "Database"
    folder: Path

    @classmethod
    def of(cls, found: "Configuration[Settings]") -> "SessionRecords":
        """Open what the settings name."""
        from peak_trade.app.recording import url_of
        from peak_trade.app.trading import state_dir
        from peak_trade.journal.database import open_database

        return cls(open_database(url_of(found)), state_dir(found))

    def find(self, reference: str) -> "SessionRow":
        """One session, by its id, the beginning of one, ``last``, or ``last~2`` for two before it.

        Raises
        ------
        JournalError
            There is none, or several begin so.
        """
        from peak_trade.journal.sessions import Sessions

        register, reference = Sessions(self.database), reference.strip()
        back = _BACK.fullmatch(reference)
        newest = register.list(limit=int(back[1] or 0) + 1 if back else _KNOWN)
        if not newest:
            raise JournalError("no session is recorded yet", hint="peak run starts one")
        if back:
            if len(newest) > int(back[1] or 0):
                return newest[-1]
        elif reference and any(row.id.startswith(reference) for row in newest):
            return register.get(reference)
        known = [row.id for row in newest]
        close = difflib.get_close_matches(reference, known, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(close)}?" if close else "peak sessions lists them"
        raise JournalError(f"there is no session {reference!r}", hint=hint, session=reference)

    def account(self, row: "SessionRow") -> "Account":
        """A session's account, rebuilt from its journal.

        Raises
        ------
        JournalError
            The journal is empty or damaged.
        """
        from peak_trade.journal.reader import read
        from peak_trade.observe.account import fold

        return fold(read(self.database, row.id))

    def lines(self, rows: "list[SessionRow]") -> list[SessionLine]:
        """How far each of some sessions has come."""
        return [self.line(row) for row in rows]

    def line(self, row: "SessionRow") -> SessionLine:
        """How far a session has come: as it said at its end, else as its journal says."""
        state = self.state_of(row)
        told = row.result
        if told is None or row.state == "running":
            return replace(self._counted(row), state=state)
        count = {name: int(cast("int", told.get(name, 0))) for name in ("rows", "fills", "denied")}
        return SessionLine(
            row,
            state,
            rows=count["rows"],
            orders=int(cast("int", told.get("ordered", 0))),
            fills=count["fills"],
            denied=count["denied"],
            equity=_equity(told),
        )

    def _counted(self, row: "SessionRow") -> SessionLine:
        from peak_trade.journal.reader import read, tail

        marked = tail(self.database, row.id, 1, kinds=("equity",))
        kinds = [
            entry.kind
            for entry in read(
                self.database, row.id, kinds=("bars", "order.intent", "order.denied", "fill")
            )
        ]
        return SessionLine(
            row,
            row.state,
            rows=kinds.count("bars"),
            orders=kinds.count("order.intent"),
            fills=kinds.count("fill"),
            denied=kinds.count("order.denied"),
            equity=_equity(marked[0].payload) if marked else float("nan"),
        )

    def state_of(self, row: "SessionRow") -> str:
        """The state in the register, but ``cut off`` where no process runs it any more."""
        if row.state != "running" or self._is_alive(row):
            return row.state
        return CUT_OFF

    def _is_alive(self, row: "SessionRow") -> bool:
        """Whether the process that took the session's account is there, and took it for this one.

        It is asked for by the number that stands in the lock, which is not taken: that could keep a
        session from starting at this very moment.
        """
        from peak_trade.journal.sessions import Sessions

        try:
            lock = self.folder / "accounts" / f"{row.mode}-{row.account}"
            holder = _HOLDER.search(lock.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return False
        running = Sessions(self.database).list(account=row.account, mode=row.mode, state="running")
        latest = max(running, key=lambda other: other.updated_ns, default=row)
        if latest.id != row.id:
            return False  # an account runs one session at a time
        if holder is None or holder[2] != socket.gethostname() or sys.platform == "win32":
            return True  # nobody here can tell
        try:
            os.kill(int(holder[1]), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def _equity(told: "Mapping[str, object]") -> float:
    found = told.get("equity")
    return float("nan") if found is None else float(cast("float", found))
