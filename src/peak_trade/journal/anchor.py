"""The anchor: how far a journal reaches, signed, in a file of its own outside the database."""

import hashlib
import hmac
import os
import struct
import zlib
from io import FileIO
from pathlib import Path
from typing import NamedTuple, Protocol

from peak_trade.domain.errors import JournalError
from peak_trade.journal import files
from peak_trade.journal.record import GENESIS, checked_stream
from peak_trade.journal.store import FencedError

SLOT_BYTES = 4096
"""Each of the two slots has a page of the disk for itself: a torn write spoils one of them."""

_MAGIC = b"PTANCH01"
_BODY = struct.Struct("<8sQQQ32s32sB")  # magic, count, seq, epoch, hash, stream, is_closed
_CRC = struct.Struct("<I")
_MAC_BYTES = 32
_SIZE = _BODY.size + _CRC.size + _MAC_BYTES


class Anchor(NamedTuple):
    """How far a journal reached when it was last made durable.

    ``is_closed`` says that its writer ended in order, so that nothing may follow.
    """

    seq: int = 0
    hash: str = GENESIS
    epoch: int = 0
    is_closed: bool = False


class AnchorStore(Protocol):
    """Where the anchor of one stream is kept; ``write`` returns once it is durable."""

    def read(self) -> Anchor | None:
        """The anchor; None where none was ever written."""
        ...

    def write(self, anchor: Anchor) -> None:
        """Put a new anchor in place, durably."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def slot_of(anchor: Anchor, stream: str, *, count: int, key: bytes) -> bytes:
    """The bytes of an anchor, with a CRC-32 against tearing and a keyed BLAKE2b against forgery."""
    body = _BODY.pack(
        _MAGIC, count, anchor.seq, anchor.epoch, bytes.fromhex(anchor.hash), _name(stream),
        anchor.is_closed,
    )  # fmt: skip
    signed = body + _mac(body, key)
    return signed + _CRC.pack(
        zlib.crc32(signed)
    )  # last, so that a torn slot is never taken for forged


def anchor_of(slot: bytes, stream: str, *, key: bytes) -> tuple[int, Anchor] | None:
    """The count and the anchor of a slot; None where it is empty or torn.

    Raises
    ------
    JournalError
        It is whole, but not signed with this key, or of another stream.
    """
    signed, checksum = slot[: _SIZE - _CRC.size], slot[_SIZE - _CRC.size : _SIZE]
    if len(slot) < _SIZE or _CRC.pack(zlib.crc32(signed)) != checksum:
        return None
    body, mac = signed[: _BODY.size], signed[_BODY.size :]
    magic, count, seq, epoch, digest, name, is_closed = _BODY.unpack(body)
    if not hmac.compare_digest(mac, _mac(body, key)):
        raise _forged(stream, "is not signed with this machine's key")
    if magic != _MAGIC or name != _name(stream):
        raise _forged(stream, "is that of another journal")
    return count, Anchor(seq, digest.hex(), epoch, bool(is_closed))


def latest_of(content: bytes, stream: str, *, key: bytes) -> tuple[int, Anchor]:
    """The count and the anchor of a file's two slots: the newer of those that are whole.

    Raises
    ------
    JournalError
        None is whole, or one is forged.
    """
    slots = (content[:SLOT_BYTES], content[SLOT_BYTES : 2 * SLOT_BYTES])
    found = [one for slot in slots if (one := anchor_of(slot, stream, key=key)) is not None]
    if not found:
        raise _forged(stream, "is damaged in both its places")
    return max(found)


def _name(stream: str) -> bytes:
    return hashlib.blake2b(stream.encode(), digest_size=32).digest()


def _mac(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_MAC_BYTES, key=key, person=b"pt anchor").digest()


def _forged(stream: str, what: str) -> JournalError:
    return JournalError(
        f"the anchor of {stream} {what}",
        hint="the journal cannot be trusted as it stands: keep it, find out why, start a new session",
        stream=stream,
    )


class AnchorFile:
    """The anchor of one stream as a file of fixed size, written in place in alternating slots.

    Parameters
    ----------
    path : Path
        The file; :meth:`write` makes it where there is none.
    stream : str
        The stream, to which the signature binds it.
    key : bytes
        The secret it is signed with.
    """

    def __init__(self, path: Path, stream: str, *, key: bytes) -> None:
        self.path = path
        self._stream = stream
        self._key = key
        self._count = 0
        self._file: FileIO | None = None

    def __repr__(self) -> str:
        return f"AnchorFile({self._stream!r})"

    def read(self) -> Anchor | None:
        """The anchor; None where none was ever written.

        Raises
        ------
        JournalError
            It is damaged or forged, or cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(
                f"the anchor of {self._stream} cannot be read: {error.strerror}",
                hint=f"check the permissions of {self.path}",
            ) from None
        self._count, anchor = latest_of(content, self._stream, key=self._key)
        return anchor

    def write(self, anchor: Anchor) -> None:
        """Put a new anchor in place; it is on the disk when this returns.

        Raises
        ------
        OSError
            The disk does not take it.
        FencedError
            Another writer has written it since.
        """
        slot = slot_of(anchor, self._stream, count=self._count + 1, key=self._key)
        if self._file is None:
            self._open(slot)
        else:
            self._check_ours(self._file)
            self._file.seek(self._count % 2 * SLOT_BYTES)
            if self._file.write(slot) != len(slot):
                raise OSError(f"the anchor of {self._stream} was written in part")
            files.sync_data(self._file.fileno())
        self._count += 1

    def _open(self, slot: bytes) -> None:
        """The first write lays the file out whole, so that later ones change no size."""
        if self._count == 0 and not self.path.exists():
            content = bytearray(2 * SLOT_BYTES)
        else:
            content = bytearray(self.path.read_bytes().ljust(2 * SLOT_BYTES, b"\0"))
        place = self._count % 2 * SLOT_BYTES
        content[place : place + len(slot)] = slot
        files.replace_atomically(self.path, bytes(content))
        self._file = self.path.open("r+b", buffering=0)

    def _check_ours(self, file: FileIO) -> None:
        """A writer that slept while another took over must not put an old anchor in place."""
        file.seek((self._count + 1) % 2 * SLOT_BYTES)
        found = anchor_of(file.read(_SIZE), self._stream, key=self._key)
        if found is None or found[0] != self._count or not _is_at(file, self.path):
            raise FencedError(
                f"the anchor of {self._stream} was written by another",
                hint="stop this session; only one may write",
            )

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


class Anchors:
    """The anchors of a state folder, one file a stream in ``anchors/``, and the key that signs them.

    Parameters
    ----------
    state_dir : Path
        The folder of ``state.dir``. ``anchors/key`` in it is a secret, mode 0600: whoever has it and may
        write the database can forge a journal, so keep it from those who can change the database.
    """

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / "anchors"

    def of(self, stream: str) -> AnchorFile:
        """The anchor of a stream.

        Raises
        ------
        JournalError
            The key is missing, readable by others, or not to be made.
        """
        path = self.folder / f"{checked_stream(stream)}.anchor"
        files.private_folder(self.folder)
        key = files.private_key(self.folder / "key", make=not self.streams())
        return AnchorFile(path, stream, key=key)

    def streams(self) -> list[str]:
        """The streams that have an anchor, in the order of their names."""
        return sorted(path.name.removesuffix(".anchor") for path in self.folder.glob("*.anchor"))
