"""Exposure that is spoken for, over all processes that trade an account: taken whole or not at all."""

import hashlib
import math
from collections.abc import Sequence
from typing import cast

from peak_trade.domain.errors import JournalError
from peak_trade.journal.database import Database
from peak_trade.journal.store import LongConnection

_SETTLED = ""
_TAKE = (
    "INSERT INTO reservations (key, token, owner, amount) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (key, token, owner) DO UPDATE SET amount = excluded.amount"
)


class Reservations:
    """What the sessions of an account have reserved under shared limits.

    Under a key, such as ``paper:main:gross``, each owner (a session) holds what it has settled, and one amount for each order
    that is on its way, named by a token. Whoever reserves does so in one turn over all processes: the sum of
    all owners' amounts with the new one stays within the limit, or nothing is taken.

    A reservation outlives its process, however that ends. It is not forced to the disk: after a failure of
    the whole machine the last ones may be missing, and recovery settles anew what is held. It keeps one
    connection; threads take turns on it.

    Examples
    --------
    >>> import tempfile
    >>> from peak_trade.journal.database import open_database
    >>> database = open_database(f"sqlite:///{tempfile.mkdtemp()}/journal.sqlite")
    >>> held = Reservations(database)
    >>> held.reserve("main:gross", "S1", "order-1", 60.0, 100.0)
    60.0
    >>> held.reserve("main:gross", "S2", "order-7", 60.0, 100.0) is None
    True
    >>> held.release("main:gross", "order-1")
    >>> held.reserve("main:gross", "S2", "order-7", 60.0, 100.0)
    60.0
    >>> held.close()
    """

    def __init__(self, database: Database) -> None:
        self._connection = LongConnection(database, is_durable=False)

    def reserve(
        self, key: str, owner: str, token: str, amount: float, limit: float
    ) -> float | None:
        """Take an amount for an order, and give the sum over all owners; None where it is refused.

        Refused is what exceeds the limit and exceeds what was there before. The same owner's same token again
        takes the place of the amount before.

        Parameters
        ----------
        key : str
            What is limited.
        owner : str
            The session.
        token : str
            The order.
        amount : float
            By how much it may raise the exposure at worst; not below zero.
        limit : float
            Up to where all owners' amounts may add up; infinite where there is no limit.

        Raises
        ------
        JournalError
            The amount or the limit is no such number, a name is empty, or the database cannot be used.
        """
        if not (math.isfinite(amount) and amount >= 0) or math.isnan(limit) or not token:
            raise JournalError(
                f"{amount} under a limit of {limit} for order {token!r} cannot be reserved",
                hint="an amount is a finite number from 0 on, and an order has a name",
            )
        connection = self._connection
        with connection.turn() as raw:
            self._lock(key)
            before, other = self._sums(key, owner, token)
            total = math.fsum((*other, amount))
            if total > limit and total > before:
                return None
            raw.execute(connection.sql(_TAKE), (key, token, owner, amount))
        return total

    def release(self, key: str, token: str) -> None:
        """Give back what was taken for an order; nothing happens where nothing was."""
        self._write("DELETE FROM reservations WHERE key = ? AND token = ?", key, _named(token))

    def settle(self, key: str, owner: str, amount: float, *, tokens: Sequence[str] = ()) -> None:
        """Set what an owner holds under a key apart from its orders, and give back those named.

        Both in one turn, so that a fill moves from its order to what is held without a gap.

        Raises
        ------
        JournalError
            The amount is not finite.
        """
        if not math.isfinite(amount):
            raise JournalError(
                f"{owner} cannot hold {amount} under {key}", hint="an amount is a finite number"
            )
        connection = self._connection
        with connection.turn() as raw:
            self._lock(key)
            raw.execute(connection.sql(_TAKE), (key, _SETTLED, owner, amount))
            for token in tokens:
                raw.execute(
                    connection.sql("DELETE FROM reservations WHERE key = ? AND token = ?"),
                    (key, _named(token)),
                )

    def clear(self, owner: str) -> None:
        """Forget all that an owner holds and has reserved, under every key."""
        self._write("DELETE FROM reservations WHERE owner = ?", owner)

    def total(self, key: str) -> float:
        """The sum of all owners' amounts under a key."""
        return math.fsum(row[3] for row in self.held(key))

    def held(self, key: str) -> list[tuple[str, str, str, float]]:
        """Every amount under a key: key, owner, token (empty for what is settled), amount."""
        found = self._connection.all(
            "SELECT key, owner, token, amount FROM reservations WHERE key = ? ORDER BY owner, token",
            key,
        )
        return cast("list[tuple[str, str, str, float]]", found)

    def close(self) -> None:
        """Close the connection; what is reserved stays."""
        self._connection.close()

    def _write(self, query: str, *params: object) -> None:
        with self._connection.turn() as raw:
            raw.execute(self._connection.sql(query), params)

    def _lock(self, key: str) -> None:
        """PostgreSQL: rows that are not there yet cannot be locked, so the key itself is."""
        if self._connection.is_sqlite:
            return  # BEGIN IMMEDIATE lets one in at a time
        digest = hashlib.blake2b(f"reservations\n{key}".encode(), digest_size=8).digest()
        self._connection.raw.execute(
            "SELECT pg_advisory_xact_lock(%s)", (int.from_bytes(digest, "big", signed=True),)
        )

    def _sums(self, key: str, owner: str, token: str) -> tuple[float, list[float]]:
        """The sum before, and the amounts without the one that is replaced."""
        query = "SELECT owner, token, amount FROM reservations WHERE key = ?"
        found = cast(
            "list[tuple[str, str, float]]",
            self._connection.raw.execute(self._connection.sql(query), (key,)).fetchall(),
        )
        before = math.fsum(amount for _, _, amount in found)
        return before, [amount for *who, amount in found if who != [owner, token]]


def _named(token: str) -> str:
    if not token:
        raise JournalError("an order without a name cannot be given back", hint="name its token")
    return token
