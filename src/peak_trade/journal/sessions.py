"""The sessions that were started: who trades what, where, since when, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

from sqlalchemy import insert, select, update

from peak_trade.domain.errors import JournalError
from peak_trade.journal.database import Database
from peak_trade.journal.schema import sessions

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

RUNNING = "running"
"""The state of a session that has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session, as the database knows it.

    Attributes
    ----------
    id : str
        The run's id, which names its journal too.
    account, venue, environment, mode : str
        Where it trades: ``environment`` such as ``paper`` or ``live``, ``mode`` how it is driven.
    strategy, label : str
        What it trades, and what the user calls it.
    state : str
        ``running``, or how it ended; the words are the session's.
    started_ns, updated_ns, ended_ns : int
        UTC nanoseconds; ``ended_ns`` is None while it runs.
    detail : str
        Why it ended.
    request : mapping
        What was asked for, as plain values; it must do to start the session again. No secrets.
    result : mapping, optional
        Figures at the end.
    config_digest, code_version : str
        Of what it was started with.
    """

    id: str
    account: str
    environment: str
    mode: str
    strategy: str
    started_ns: int
    request: Mapping[str, object]
    venue: str = ""
    label: str = ""
    state: str = RUNNING
    updated_ns: int = 0
    ended_ns: int | None = None
    detail: str = ""
    result: Mapping[str, object] | None = None
    config_digest: str = ""
    code_version: str = ""

    @classmethod
    def of(cls, row: "RowMapping") -> Self:
        """The session of a row."""
        return cls(**{item.name: row[item.name] for item in fields(cls)})

    def to_dict(self) -> dict[str, object]:
        """The session as plain values, ready for JSON."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class Sessions:
    """The register of sessions in a database.

    Examples
    --------
    >>> from peak_trade.journal.database import open_database
    >>> register = Sessions(open_database("sqlite://"))
    >>> register.register(
    ...     SessionRow(
    ...         id="S1", account="main", environment="paper", mode="paper", strategy="ma_cross",
    ...         started_ns=1, request={"fast": 20},
    ...     )
    ... )
    >>> register.update("S1", now_ns=9, state="ended", ended_ns=9)
    >>> register.get("last").state
    'ended'
    """  # fmt: skip

    database: Database

    def register(self, session: SessionRow) -> None:
        """Keep a new session.

        Raises
        ------
        JournalError
            There is one of that id.
        """
        values = session.to_dict() | {"updated_ns": session.updated_ns or session.started_ns}
        with self.database.writing() as connection:
            known = connection.execute(select(sessions.c.id).where(sessions.c.id == session.id))
            if known.first() is not None:
                raise JournalError(
                    f"a session {session.id} is there already", hint="every session has its own id"
                )
            connection.execute(insert(sessions), values)

    def update(
        self,
        id: str,  # noqa: A002 - the column's name
        *,
        now_ns: int,
        state: str | None = None,
        ended_ns: int | None = None,
        detail: str | None = None,
        result: Mapping[str, object] | None = None,
    ) -> None:
        """Change what is known of a session; what is left out stays.

        Raises
        ------
        JournalError
            There is none of that id.
        """
        given = {"state": state, "ended_ns": ended_ns, "detail": detail, "result": result}
        values = {key: value for key, value in given.items() if value is not None}
        with self.database.writing() as connection:
            done = connection.execute(
                update(sessions).where(sessions.c.id == id).values(updated_ns=now_ns, **values)
            )
            if done.rowcount != 1:
                raise _unknown(id)

    def reopen(self, id: str, *, now_ns: int) -> None:  # noqa: A002 - the column's name
        """Mark a session as running again, as a recovery does.

        Raises
        ------
        JournalError
            There is none of that id.
        """
        with self.database.writing() as connection:
            done = connection.execute(
                update(sessions)
                .where(sessions.c.id == id)
                .values(updated_ns=now_ns, state=RUNNING, ended_ns=None, detail="")
            )
            if done.rowcount != 1:
                raise _unknown(id)

    def get(self, reference: str) -> SessionRow:
        """One session, by its id, the beginning of one, or ``last``.

        Raises
        ------
        JournalError
            There is none, or several begin so.
        """
        query = select(sessions).order_by(sessions.c.started_ns.desc(), sessions.c.id.desc())
        if reference != "last":
            query = query.where(sessions.c.id.startswith(reference, autoescape=True))
        with self.database.reading() as connection:
            found = connection.execute(query.limit(3)).mappings().all()
            exact = connection.execute(select(sessions).where(sessions.c.id == reference))
            found = exact.mappings().all() or found
        if not found or not reference:
            raise _unknown(reference)
        if len(found) > 1 and reference != "last":
            raise JournalError(
                f"several sessions begin with {reference!r}", hint="give more of the id"
            )
        return SessionRow.of(found[0])

    def list(
        self,
        *,
        account: str | None = None,
        environment: str | None = None,
        mode: str | None = None,
        strategy: str | None = None,
        state: str | None = None,
        since_ns: int | None = None,
        limit: int = 100,
    ) -> "list[SessionRow]":
        """The sessions that match, the newest first."""
        query = select(sessions).order_by(sessions.c.started_ns.desc(), sessions.c.id.desc())
        wanted = {
            "account": account,
            "environment": environment,
            "mode": mode,
            "strategy": strategy,
            "state": state,
        }
        for name, value in wanted.items():
            if value is not None:
                query = query.where(sessions.c[name] == value)
        if since_ns is not None:
            query = query.where(sessions.c.started_ns >= since_ns)
        with self.database.reading() as connection:
            found = connection.execute(query.limit(limit)).mappings().all()
        return [SessionRow.of(row) for row in found]


def _unknown(reference: str) -> JournalError:
    return JournalError(f"there is no session {reference!r}", hint="peak sessions lists them")
