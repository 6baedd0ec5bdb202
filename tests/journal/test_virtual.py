"""The simulated disk, and the journal's word upon it through crashes at random moments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal.crashes import KEY, STREAM, anchor_on, store_on, survives, writer_over

from peak_trade.domain.errors import JournalError
from peak_trade.journal.anchor import Anchor
from peak_trade.journal.reader import latest_snapshot, read
from peak_trade.journal.store import FencedError
from peak_trade.journal.verify import verify
from peak_trade.journal.virtual import VirtualAnchor, VirtualDisk, VirtualStore


def test_crash_keeps_what_was_synchronised_and_a_torn_part_of_the_rest() -> None:
    sizes = set()
    for seed in range(200):
        disk = VirtualDisk()
        disk.append("f", b"kept")
        disk.sync("f")
        disk.append("f", b"more")
        disk.append("f", b"most")
        disk.crash(np.random.default_rng(seed))
        found = disk.read("f")
        assert b"keptmoremost".startswith(found)
        sizes.add(len(found))
    assert sizes == set(range(4, 13))


def test_failed_sync_loses_its_writes_though_a_later_one_succeeds() -> None:
    disk = VirtualDisk()
    disk.append("f", b"data")
    disk.failing_syncs = 1
    with pytest.raises(OSError, match="Input/output"):
        disk.sync("f")
    disk.sync("f")
    assert disk.read("f") == b"data"
    disk.crash()
    assert disk.read("f") == b""


def test_full_disk_refuses_writes() -> None:
    disk = VirtualDisk()
    disk.is_full = True
    with pytest.raises(OSError, match="No space"):
        disk.append("f", b"x")
    assert disk.read("f") == b""


def test_power_that_is_gone_fails_everything_until_the_crash() -> None:
    disk = VirtualDisk()
    disk.power_left = 2
    disk.append("f", b"x")
    disk.sync("f")
    for _ in range(2):
        with pytest.raises(OSError, match="power"):
            disk.append("f", b"y")
    disk.crash()
    disk.append("f", b"z")
    assert disk.read("f") == b"xz"


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1))
def test_journal_keeps_its_word_through_crashes(seed: int) -> None:
    assert survives(seed) is None


def test_incomplete_tail_is_cut_wherever_it_is_torn() -> None:
    disk = VirtualDisk()
    journal = writer_over(store_on(disk), anchor_on(disk))
    journal.append("fill", {"n": 1}, 1)
    journal.sync()
    name = f"{STREAM}.log"
    whole = disk.read(name)
    journal.append("fill", {"n": 2}, 1)
    journal.sync()
    both = disk.read(name)
    for size in range(len(whole), len(both)):
        torn = VirtualDisk()
        torn.append(name, both[:size])
        assert [row.seq for row in VirtualStore(torn).rows(STREAM)] == [1]
        assert torn.read(name) == whole, "the tail stays in the way of the next record"


def test_bad_record_before_a_good_one_halts() -> None:
    disk = VirtualDisk()
    journal = writer_over(store_on(disk), anchor_on(disk))
    for number in range(3):
        journal.append("fill", {"n": number}, 1)
        journal.sync()
    content = disk.read(f"{STREAM}.log")
    disk.write(f"{STREAM}.log", len(content) // 2, b"?")
    with pytest.raises(JournalError, match="damaged, and whole ones follow"):
        list(VirtualStore(disk).rows(STREAM))
    with pytest.raises(JournalError, match="damaged, and whole ones follow"):
        writer_over(store_on(disk), anchor_on(disk))
    assert verify(VirtualStore(disk), STREAM, anchor_on(disk)).faults


def test_tail_that_is_cut_before_the_anchor_is_refused() -> None:
    disk = VirtualDisk()
    journal = writer_over(store_on(disk), anchor_on(disk))
    journal.append("fill", {"n": 1}, 1)
    journal.sync()
    disk.truncate(f"{STREAM}.log", len(disk.read(f"{STREAM}.log")) - 1)
    with pytest.raises(JournalError, match="but its anchor is at 1"):
        writer_over(store_on(disk), anchor_on(disk))


def test_older_writer_is_fenced() -> None:
    disk = VirtualDisk()
    old = writer_over(store_on(disk), anchor_on(disk))
    old.append("fill", {"n": 1}, 1)
    new = writer_over(store_on(disk), anchor_on(disk))
    with pytest.raises(FencedError, match="epoch 2, ours is 1"):
        old.sync()
    new.append("fill", {"n": 2}, 1)
    new.sync()
    assert [entry.payload for entry in read(store_on(disk), STREAM)] == [{"n": 2}]


def test_snapshots_and_streams_are_those_of_a_database() -> None:
    disk = VirtualDisk()
    journal = writer_over(store_on(disk), anchor_on(disk))
    journal.append("fill", {"n": 1}, 5)
    journal.snapshot({"cash": 1.0}, 7)
    journal.close()
    store = store_on(disk)
    found = latest_snapshot(store, STREAM)
    assert found is not None
    assert (found.seq, found.state) == (1, {"cash": 1.0})
    assert [tuple(row) for row in store.streams()] == [(STREAM, 2, 2, 5, 7)]
    assert verify(store, STREAM, anchor_on(disk)).snapshots == 1
    writer = store.writer(STREAM)
    assert writer is not None
    assert tuple(writer) == (1, "t", 1)


def test_anchor_whose_newer_slot_is_torn_is_the_older_one() -> None:
    disk = VirtualDisk()
    anchor = VirtualAnchor(disk, STREAM, key=KEY)
    assert anchor.read() is None
    for seq in (1, 2):
        anchor.write(Anchor(seq, "ab" * 32, 1))
    assert anchor.read() == Anchor(2, "ab" * 32, 1)
    disk.write(anchor.name, 4096 + 20, b"torn")
    assert anchor.read() == Anchor(1, "ab" * 32, 1)
