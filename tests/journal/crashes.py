"""A journal on a simulated disk, driven at random through crashes and errors, and what must hold."""

from collections.abc import Callable

import numpy as np

from peak_trade.domain.errors import JournalError
from peak_trade.journal.anchor import AnchorStore
from peak_trade.journal.reader import latest_snapshot, read
from peak_trade.journal.store import EventStore
from peak_trade.journal.verify import verify
from peak_trade.journal.virtual import VirtualAnchor, VirtualDisk, VirtualStore
from peak_trade.journal.writer import JournalWriter

STREAM = "01CRASH"
KEY = bytes(range(32))

OpenStore = Callable[[VirtualDisk], EventStore]
OpenAnchor = Callable[[VirtualDisk], AnchorStore]
Open = Callable[[EventStore, AnchorStore], JournalWriter]


def store_on(disk: VirtualDisk) -> EventStore:
    return VirtualStore(disk)


def anchor_on(disk: VirtualDisk) -> AnchorStore:
    return VirtualAnchor(disk, STREAM, key=KEY)


def writer_over(store: EventStore, anchor: AnchorStore) -> JournalWriter:
    return JournalWriter.over(store, anchor, stream=STREAM, holder="t", now_ns=1)


def survives(
    seed: int,
    *,
    lives: int = 6,
    store: OpenStore = store_on,
    anchor: OpenAnchor = anchor_on,
    writer: Open = writer_over,
) -> str | None:
    """Run a journal through some lives that end in crashes; None where it kept its word.

    Its word: whatever was acknowledged is there after the crash, in order and unchanged; what is there is a beginning of what was
    appended; the anchor on the disk is at the acknowledged record at least; and after an error nothing is acknowledged.
    """
    try:
        return _broken(seed, lives, store, anchor, writer)
    except JournalError as error:
        return f"cannot be read: {error}"


def _broken(
    seed: int, lives: int, store: OpenStore, anchor: OpenAnchor, writer: Open
) -> str | None:
    rng = np.random.default_rng(seed)
    disk = VirtualDisk()
    promised: list[int] = []
    for life in range(lives):
        try:
            journal = writer(store(disk), anchor(disk))
        except JournalError as error:
            return f"life {life}: not opened: {error}"
        kept = [int(str(entry.payload["n"])) for entry in read(VirtualStore(disk), STREAM)]
        if kept[: len(promised)] != promised:
            return f"life {life}: {promised} were promised, {kept} were kept"
        appended = list(kept)
        fault = _lived(journal, rng, disk, appended, promised := list(kept))
        if fault:
            return f"life {life}: {fault}"
        disk.is_full, disk.failing_syncs = False, 0
        disk.crash(rng)
        found = anchor_on(disk).read()
        if (found.seq if found else 0) < len(promised):
            return f"life {life}: {len(promised)} were promised, the anchor is {found}"
        kept = [int(str(entry.payload["n"])) for entry in read(VirtualStore(disk), STREAM)]
        if kept != appended[: len(kept)]:
            return f"life {life}: {appended} were appended, {kept} were kept"
        if kept[: len(promised)] != promised:
            return f"life {life}: {promised} were promised, {kept} were kept"
        checked = verify(VirtualStore(disk), STREAM, anchor_on(disk))
        if checked.faults:
            return f"life {life}: {checked.faults}"
        latest_snapshot(VirtualStore(disk), STREAM)
    return None


def _lived(
    journal: JournalWriter,
    rng: np.random.Generator,
    disk: VirtualDisk,
    appended: list[int],
    promised: list[int],
) -> str | None:
    """Append, synchronise and fail; ``appended`` and ``promised`` grow as the journal says so."""
    has_failed = False
    for _ in range(int(rng.integers(1, 12))):
        action = rng.integers(10)
        try:
            if action == 0:
                disk.is_full = bool(rng.integers(2))
            elif action == 1:
                disk.failing_syncs = int(rng.integers(3))
            elif action == 2:
                disk.power_left = int(rng.integers(5))
            elif action < 6:
                number = int(rng.integers(1_000_000))
                journal.append("fill", {"n": number}, 1)
                appended.append(number)
            else:
                had = len(promised)
                journal.sync()
                promised[:] = appended
                if has_failed and len(promised) > had:
                    return "acknowledged after an error"
        except JournalError:
            has_failed = True
    return None
