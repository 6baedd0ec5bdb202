"""Files that are on the disk when a function returns, locks that die with their process, keys."""

import contextlib
import os
import secrets
import stat
import sys
from pathlib import Path
from types import TracebackType

from peak_trade.domain.errors import JournalError, RefusedError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

KEY_BYTES = 32
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def sync_data(descriptor: int) -> None:
    """Bring what was written to an open file to the disk; what cannot be is an OSError."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif sys.platform == "linux":
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk; nothing to do where folders have none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(folder: Path) -> Path:
    """A folder that only its owner may enter, made where there is none.

    Raises
    ------
    JournalError
        It cannot be made.
    """
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise JournalError(
            f"the folder {folder} cannot be made: {error.strerror}",
            hint="check its permissions, or name another place with state.dir",
        ) from None
    return folder


def replace_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put a file's new content in place, whole and durable, or leave the old one untouched."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, _NEW, mode)
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def private_key(path: Path, *, make: bool = True) -> bytes:
    """The 32 secret bytes of a file that only its owner may read, made where there is none.

    Raises
    ------
    JournalError
        The file is missing and is not to be made, is of another size, or others may read it.
    """
    if not path.exists():
        if not make:
            raise JournalError(
                f"the key {path} is missing, though what it signs is there",
                hint="put the file back from your backup",
            )
        _make_key(path)
    try:
        found = path.stat()
        key = path.read_bytes()
    except OSError as error:
        raise JournalError(
            f"the key {path} cannot be read: {error.strerror}", hint="check its permissions"
        ) from None
    if sys.platform != "win32" and stat.S_IMODE(found.st_mode) & 0o077:
        raise JournalError(
            f"others may read the key {path} (mode {stat.S_IMODE(found.st_mode):o})",
            hint=f"chmod 600 {path}",
        )
    if len(key) != KEY_BYTES:
        raise JournalError(
            f"the key {path} has {len(key)} bytes instead of {KEY_BYTES}",
            hint="put the file back from your backup",
        )
    return key


def _make_key(path: Path) -> None:
    """Make a key; of two that do so at once, both then read the one that was first."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    replace_atomically(temporary, secrets.token_bytes(KEY_BYTES))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    sync_folder(path.parent)


class FileLock:
    """A lock between processes of one machine; it ends with its process, however that ends.

    Parameters
    ----------
    path : Path
        The file of the lock, which is left behind; the holder's name stands in it.
    holder : str
        Who takes it, for the message to others.

    Raises
    ------
    RefusedError
        Another process, or another part of this one, holds it.
    """

    def __init__(self, path: Path, holder: str) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(
                f"the lock {path} cannot be made: {error.strerror}", hint="check its permissions"
            ) from None
        try:
            _take(self._descriptor)
        except OSError:
            with open(self._descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
                found = file.read(500).decode(errors="replace").strip() or "another process"
            self._descriptor = -1
            raise RefusedError(
                f"{path.stem} is in use by {found}",
                hint="end that session first; only one may write",
                holder=found,
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, holder.encode()[:500])

    def release(self) -> None:
        """Let go; again is no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _take(descriptor: int) -> None:
    if sys.platform == "win32":
        os.lseek(descriptor, 4096, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
