"""The kill switch on disk: a signed state, and an audit file in which every record seals the one before."""

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from peak_trade.risk.kills import Standing, from_plain, to_plain

FORMAT = 1
KEY_BYTES = 32
FIRST = "0" * 64
_TAIL = 65_536
RECORD = {"seq", "time_ns", "kind", "by", "detail", "standing", "prev", "mac"}


class KillStateError(ValueError):
    """The state on disk is missing where it should exist, unreadable, or contradicts itself."""


class Disk:
    """The few things that are asked of a disk, so that tests can lose what was not synchronised."""

    def write(self, path: Path, data: bytes) -> None:
        """Write a whole file."""
        self._put(path, data, os.O_TRUNC)

    def append(self, path: Path, data: bytes) -> None:
        """Write behind what a file has."""
        self._put(path, data, os.O_APPEND)

    def _put(self, path: Path, data: bytes, how: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | how
        descriptor = os.open(path, flags, 0o600)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another's name."""
        old.replace(new)

    def sync(self, path: Path) -> None:
        """Make a file, or the names in a folder, durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Record(TypedDict):
    """One line of the audit file: what happened, by whom, and where the switch stood after it."""

    seq: int
    time_ns: int
    kind: str
    by: str
    detail: dict[str, object]
    standing: dict[str, object]
    prev: str
    mac: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last record: its number and its seal."""

    seq: int = 0
    mac: str = FIRST


@dataclass(frozen=True, slots=True)
class KillStore:
    """State, audit file and key in one folder; written under the switch's lock.

    Parameters
    ----------
    folder : Path
        Where they are.
    marker : Path
        A file outside the folder that says that there is such a state.
    disk : Disk
        What they are written with.
    """

    folder: Path
    marker: Path
    disk: Disk

    @property
    def state_path(self) -> Path:
        """The signed state."""
        return self.folder / "state.json"

    @property
    def audit_path(self) -> Path:
        """What happened, one record a line."""
        return self.folder / "audit.log"

    @property
    def key_path(self) -> Path:
        """The key of every seal."""
        return self.folder / "key"

    @property
    def is_new(self) -> bool:
        """Whether there was never a state here."""
        paths = (self.marker, self.state_path, self.audit_path, self.key_path)
        return not any(os.path.lexists(path) for path in paths)

    def make_key(self) -> None:
        """Make the key of this folder."""
        self.disk.write(self.key_path, secrets.token_bytes(KEY_BYTES))
        self.disk.sync(self.key_path)

    def make_marker(self) -> None:
        """Say, outside the folder, that there is a state."""
        self.disk.write(self.marker, b"the kill switch keeps its state in the folder beside this\n")
        self.disk.sync(self.marker)
        self.disk.sync(self.marker.parent)

    def seal(self, *parts: str) -> str:
        """The HMAC (SHA-256) of texts, under the key of this folder."""
        text = json.dumps(parts).encode()
        return hmac.new(self._key(), text, hashlib.sha256).hexdigest()

    # --- writing ---------------------------------------------------------------------------------

    def write(
        self,
        head: Head,
        standing: Standing,
        *,
        kind: str,
        by: str,
        time_ns: int,
        detail: Mapping[str, object],
    ) -> Head:
        """Append a record and replace the state; both are durable when it returns."""
        body = {
            "seq": head.seq + 1,
            "time_ns": time_ns,
            "kind": kind,
            "by": by,
            "detail": dict(detail),
            "standing": to_plain(standing),
            "prev": head.mac,
        }
        mac = self.seal("audit", _text(body))
        self.disk.append(self.audit_path, (_text({**body, "mac": mac}) + "\n").encode())
        self.disk.sync(self.audit_path)
        new = Head(head.seq + 1, mac)
        self._write_state(new, standing)
        return new

    def _write_state(self, head: Head, standing: Standing) -> None:
        body = {
            "format": FORMAT,
            "seq": head.seq,
            "head": head.mac,
            "standing": to_plain(standing),
        }
        signed = {"body": body, "mac": self.seal("state", _text(body))}
        fresh = self.state_path.with_name("state.json.new")
        self.disk.write(fresh, _text(signed).encode())
        self.disk.sync(fresh)
        self.disk.rename(fresh, self.state_path)
        self.disk.sync(self.folder)

    # --- reading ---------------------------------------------------------------------------------

    def read_state(self) -> tuple[Head, Standing]:
        """The state file alone, its seal checked.

        Raises
        ------
        KillStateError
            It is missing, unreadable, not signed with this key, or makes no sense.
        """
        try:
            return self._state_of(_object(self._bytes(self.state_path), {"body", "mac"}))
        except (ValueError, RecursionError) as error:
            raise KillStateError(f"state.json: {error}") from None

    def _state_of(self, signed: dict[str, object]) -> tuple[Head, Standing]:
        body = signed["body"]
        self._check_seal(signed["mac"], "state", body)
        if not isinstance(body, dict) or set(body) != {"format", "seq", "head", "standing"}:
            raise ValueError("its fields are not those of a state")
        if type(body["format"]) is not int or body["format"] != FORMAT:
            raise ValueError(f"its format is {body['format']!r}, not {FORMAT}")
        if type(body["seq"]) is not int or not isinstance(body["head"], str):
            raise ValueError("its head is of the wrong type")
        return Head(body["seq"], body["head"]), from_plain(body["standing"])

    def _check_seal(self, mac: object, kind: str, body: object) -> None:
        if not isinstance(mac, str) or not hmac.compare_digest(
            mac.encode(), self.seal(kind, _text(body)).encode()
        ):
            raise ValueError("its seal is wrong")

    def read(self, *, writing: int = 0, is_whole: bool = True) -> tuple[Head, Standing]:
        """The worst of the state file and the audit file.

        Parameters
        ----------
        writing : int
            Number of a record that a process was writing when it ended: that one may be in the audit
            file and not in the state.
        is_whole : bool
            Check every record, and not the last one alone.

        Raises
        ------
        KillStateError
            Either is missing or broken, or they contradict each other.
        """
        head, standing = self.read_state()
        last = None
        for record in self.records(is_whole=is_whole):
            last = record
        if last is None:
            raise KillStateError("audit.log: it holds no record")
        try:
            audited = from_plain(last["standing"])
        except ValueError as error:
            raise KillStateError(f"audit.log: record {last['seq']}: {error}") from None
        end = Head(last["seq"], last["mac"])
        if end == head and audited == standing:
            return head, standing
        if end.seq == head.seq + 1 == writing and last["prev"] == head.mac:
            return end, standing.worst_with(audited)
        raise KillStateError(
            f"state.json stands at record {head.seq} of epoch {standing.epoch}, audit.log at "
            f"{end.seq} of epoch {audited.epoch}"
        )

    def records(self, *, is_whole: bool = True) -> Iterator[Record]:
        """The records of the audit file, each with its seal and its link to the one before checked.

        Raises
        ------
        KillStateError
            At the first that is broken.
        """
        try:
            head: Head | None = Head() if is_whole else None
            for line in self._lines(is_whole=is_whole):
                record = self._record(line, head)
                head = Head(record["seq"], record["mac"])
                yield record
        except (ValueError, RecursionError) as error:
            raise KillStateError(f"audit.log: {error}") from None

    def _lines(self, *, is_whole: bool) -> list[bytes]:
        last = 0 if is_whole else _TAIL
        while True:
            data = self._bytes(self.audit_path, last=last)
            *lines, rest = data.split(b"\n")
            if rest:
                raise ValueError("its last line is not whole")
            if is_whole:
                return lines
            if len(lines) > 1 or len(data) < last:
                return lines[-1:]
            last *= 8  # a longer record than that

    def _record(self, line: bytes, before: Head | None) -> Record:
        found = _object(line, RECORD)
        mac, seq = found.pop("mac"), found["seq"]
        self._check_seal(mac, "audit", found)
        if before is not None and (seq, found["prev"]) != (before.seq + 1, before.mac):
            raise ValueError(f"record {seq} does not follow record {before.seq}")
        record: Record = {**found, "mac": mac}  # type: ignore[typeddict-item]
        return record

    def _key(self) -> bytes:
        try:
            key = self._bytes(self.key_path)
        except ValueError as error:
            raise KillStateError(f"key: {error}") from None
        if len(key) != KEY_BYTES:
            raise KillStateError(f"key: it has {len(key)} bytes, not {KEY_BYTES}")
        return key

    def _bytes(self, path: Path, *, last: int = 0) -> bytes:
        """What is in one of the files; ValueError where it is not plainly ours."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise ValueError(f"it cannot be opened: {error.strerror}") from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ValueError("it is no file")
            if found.st_uid != os.geteuid():
                raise ValueError("it belongs to somebody else")
            if found.st_mode & 0o077:
                raise ValueError("others may read or write it")
            with os.fdopen(os.dup(descriptor), "rb") as file:
                if last and found.st_size > last:
                    file.seek(-last, os.SEEK_END)
                return file.read()
        finally:
            os.close(descriptor)

    # --- beginning again -------------------------------------------------------------------------

    def set_aside(self) -> str:
        """Move what is broken into a folder of its own, as evidence; gives its name."""
        number = 1
        while (aside := self.folder / f"damaged-{number}").exists():
            number += 1
        aside.mkdir(mode=0o700)
        for path in (self.state_path, self.audit_path, self.key_path):
            if os.path.lexists(path):
                path.rename(aside / path.name)
        return aside.name


def _object(data: bytes, fields: set[str]) -> dict[str, object]:
    found = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    if not isinstance(found, dict) or set(found) != fields:
        raise ValueError("it is not what was written there")
    return found


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no value")


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
