"""One record of a journal: its text, its checksum, and the hash that ties it to the one before."""

import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from peak_trade.domain.errors import JournalError
from peak_trade.journal.canonical import canonical_json, parsed_json

GENESIS = "0" * 64
"""The hash before the first record."""

_STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KIND = re.compile(r"[a-z][a-z0-9_.]{0,39}")


class Entry(NamedTuple):
    """A record as it is read: when, of what kind, and what it says.

    ``seq`` counts from 1 without gaps, ``epoch`` is the number of the writer that wrote it.
    """

    seq: int
    epoch: int
    time_ns: int
    kind: str
    payload: Mapping[str, object]


class Row(NamedTuple):
    """A record as it is kept: the payload as its text, its CRC-32, and the two hashes."""

    seq: int
    epoch: int
    time_ns: int
    kind: str
    payload: str
    checksum: int
    prev: str
    hash: str


class SnapshotRow(NamedTuple):
    """A state as it is kept: reached after record ``seq``, told of in record ``recorded``."""

    recorded: int
    seq: int
    hash: str
    state: str


def checked_stream(stream: str) -> str:
    """The name of a stream, which must do as the name of a file.

    Raises
    ------
    JournalError
        It has other signs than letters, digits, ``.``, ``_`` and ``-``, or is too long.
    """
    if not _STREAM.fullmatch(stream):
        raise JournalError(
            f"{stream!r} is no name of a journal",
            hint="1 to 100 letters, digits, dots, dashes and underscores, a letter or digit first",
        )
    return stream


@lru_cache(maxsize=256)
def is_kind(kind: object) -> bool:
    """Whether this is a word that names a kind of record, such as ``order.intent``.

    Examples
    --------
    >>> is_kind("order.intent"), is_kind("Order Intent"), is_kind("")
    (True, False, False)
    """
    return isinstance(kind, str) and _KIND.fullmatch(kind) is not None


def payload_text(payload: Mapping[str, object]) -> str:
    """The one text of a payload; signs that UTF-8 cannot hold are escaped.

    Examples
    --------
    >>> payload_text({"b": 1.5, "a": float("nan")})
    '{"a":"nan","b":1.5}'
    """
    text = canonical_json(payload)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a pair, in what a venue sent; two halves read as their sign
        return _escaped(canonical_json(parsed_json(_escaped(text))))
    return text


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)


def payload_of(text: str, where: str) -> Mapping[str, object]:
    """The payload of a text.

    Raises
    ------
    JournalError
        The text is no mapping; ``where`` says which record.
    """
    try:
        found = parsed_json(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise JournalError(f"{where} holds no payload", hint="peak journal verify shows the extent")
    return found


def checksum_of(payload: str) -> int:
    """The CRC-32 of a payload's text."""
    return zlib.crc32(payload.encode())


def hash_of(
    prev: str, stream: str, *, seq: int, epoch: int, time_ns: int, kind: str, payload: str
) -> str:
    r"""The hash of a record: 64 hexadecimal digits that depend on it and on all before it.

    BLAKE2b with 32 bytes of the UTF-8 text ``prev \n stream \n seq epoch time_ns kind \n payload``
    (one space between the four, none around the line feeds).
    """
    text = f"{prev}\n{stream}\n{seq} {epoch} {time_ns} {kind}\n{payload}"
    return blake2b(text.encode(), digest_size=32).hexdigest()


def fault_of(row: Row, stream: str, *, prev: str, seq: int, epoch: int) -> str | None:
    """What is wrong with a record that should be ``seq`` after hash ``prev``; None where nothing.

    ``epoch`` is the one of the record before; a later record may not have a lower one.
    """
    payload: object = row.payload  # a database that was changed may hold anything
    if row.seq != seq:
        return f"record {seq} is missing: {row.seq} stands in its place"
    if not is_kind(row.kind):
        return f"its kind is {row.kind!r}"
    if type(row.epoch) is not int or type(row.time_ns) is not int or row.epoch < epoch:
        return f"its epoch is {row.epoch} after {epoch}, at time {row.time_ns}"
    if not isinstance(payload, str) or checksum_of(payload) != row.checksum:
        return "its payload does not have its checksum"
    if row.prev != prev:
        return "it does not follow the record before it"
    found = hash_of(
        prev, stream, seq=seq, epoch=row.epoch, time_ns=row.time_ns, kind=row.kind,
        payload=row.payload,
    )  # fmt: skip
    return None if found == row.hash else "its content does not have its hash"


def entry_of(row: Row, stream: str) -> Entry:
    """A kept record as it is read.

    Raises
    ------
    JournalError
        Its payload does not have its checksum, or is none.
    """
    where = f"record {row.seq} of {stream}"
    if checksum_of(row.payload) != row.checksum:
        raise JournalError(
            f"{where} is damaged: its payload does not have its checksum",
            hint="stop; peak journal verify shows the extent",
        )
    return Entry(row.seq, row.epoch, row.time_ns, row.kind, payload_of(row.payload, where))


def hash_of_state(state: str) -> str:
    """The digest of a state's text: BLAKE2b with 32 bytes, 64 hexadecimal digits."""
    return blake2b(state.encode(), digest_size=32).hexdigest()


def snapshot_payload(seq: int, head: str, state: str) -> dict[str, object]:
    """What the record ``snapshot`` says of a state: after which record, its hash, and a digest."""
    return {"after": seq, "hash": head, "state": hash_of_state(state)}
