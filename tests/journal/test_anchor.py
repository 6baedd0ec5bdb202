"""The anchor's file: torn slots are passed over, forged ones are not, and its key is kept close."""

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import JournalError, RefusedError
from peak_trade.journal import files
from peak_trade.journal.anchor import SLOT_BYTES, Anchor, AnchorFile, Anchors, anchor_of, slot_of
from peak_trade.journal.store import FencedError

KEY = bytes(range(32))
posix = pytest.mark.skipif(os.name == "nt", reason="modes of files are those of POSIX")

anchors = st.builds(
    Anchor,
    st.integers(0, 2**63),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.integers(0, 2**63),
    st.booleans(),
)


@given(anchors, st.integers(0, 2**63))
def test_slot_gives_its_anchor_back(anchor: Anchor, count: int) -> None:
    slot = slot_of(anchor, "S1", count=count, key=KEY)
    assert anchor_of(slot, "S1", key=KEY) == (count, anchor)


@given(st.data())
def test_slot_that_is_torn_anywhere_is_none_and_never_forged(data: st.DataObject) -> None:
    old = slot_of(Anchor(1, "ab" * 32, 1), "S1", count=1, key=KEY)
    new = slot_of(Anchor(9, "cd" * 32, 1), "S1", count=3, key=KEY)
    size = data.draw(st.integers(0, len(new) - 1))
    found = anchor_of(new[:size] + old[size:], "S1", key=KEY)
    assert found in (None, anchor_of(old, "S1", key=KEY))


@given(st.data())
def test_slot_whose_bits_were_turned_is_no_anchor(data: st.DataObject) -> None:
    slot = bytearray(slot_of(Anchor(1, "ab" * 32, 1), "S1", count=1, key=KEY))
    place = data.draw(st.integers(0, len(slot) - 1))
    slot[place] ^= data.draw(st.integers(1, 255))
    assert anchor_of(bytes(slot), "S1", key=KEY) is None


def test_slot_signed_with_another_key_is_forged() -> None:
    slot = slot_of(Anchor(1, "ab" * 32, 1), "S1", count=1, key=bytes(32))
    with pytest.raises(JournalError, match="not signed with this machine's key"):
        anchor_of(slot, "S1", key=KEY)


def test_slot_of_another_stream_is_refused() -> None:
    slot = slot_of(Anchor(1, "ab" * 32, 1), "S2", count=1, key=KEY)
    with pytest.raises(JournalError, match="that of another journal"):
        anchor_of(slot, "S1", key=KEY)


def test_file_keeps_its_size_and_gives_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "a"
    anchor = AnchorFile(path, "S1", key=KEY)
    assert anchor.read() is None
    for seq in range(1, 8):
        anchor.write(Anchor(seq, f"{seq:064x}", 1))
        assert path.stat().st_size == 2 * SLOT_BYTES
        assert AnchorFile(path, "S1", key=KEY).read() == Anchor(seq, f"{seq:064x}", 1)
    anchor.close()
    again = AnchorFile(path, "S1", key=KEY)
    again.read()
    again.write(Anchor(8, "0" * 64, 2))
    assert AnchorFile(path, "S1", key=KEY).read() == Anchor(8, "0" * 64, 2)
    again.close()


def test_file_whose_newer_slot_is_torn_gives_the_older(tmp_path: Path) -> None:
    path = tmp_path / "a"
    anchor = AnchorFile(path, "S1", key=KEY)
    for seq in (1, 2):
        anchor.write(Anchor(seq, f"{seq:064x}", 1))
    anchor.close()
    content = bytearray(path.read_bytes())
    content[SLOT_BYTES + 40] ^= 1
    path.write_bytes(content)
    torn = AnchorFile(path, "S1", key=KEY)
    assert torn.read() == Anchor(1, f"{1:064x}", 1)
    torn.write(Anchor(3, f"{3:064x}", 1))
    assert AnchorFile(path, "S1", key=KEY).read() == Anchor(3, f"{3:064x}", 1)
    torn.close()


@pytest.mark.parametrize("content", [b"", b"junk", bytes(2 * SLOT_BYTES)])
def test_file_that_holds_no_slot_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(JournalError, match="damaged in both its places"):
        AnchorFile(tmp_path / "a", "S1", key=KEY).read()


def test_file_that_is_put_in_the_place_of_ours_fences_us(tmp_path: Path) -> None:
    path = tmp_path / "a"
    anchor = AnchorFile(path, "S1", key=KEY)
    anchor.write(Anchor(1, "ab" * 32, 1))
    other = tmp_path / "b"
    other.write_bytes(path.read_bytes())
    other.replace(path)
    with pytest.raises(FencedError):
        anchor.write(Anchor(2, "ab" * 32, 1))
    path.unlink()
    with pytest.raises(FencedError):
        anchor.write(Anchor(2, "ab" * 32, 1))
    anchor.close()


@posix
def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    found = Anchors(tmp_path / "state").of("S1")
    found.write(Anchor())
    found.close()
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "state" / "anchors", *(tmp_path / "state" / "anchors").iterdir()]
    }
    assert modes == {"anchors": 0o700, "key": 0o600, "S1.anchor": 0o600}


def test_key_is_no_part_of_what_is_shown(tmp_path: Path) -> None:
    found = Anchors(tmp_path).of("S1")
    key = (tmp_path / "anchors" / "key").read_bytes()
    assert repr(found) == "AnchorFile('S1')"
    assert key.hex() not in repr(vars(Anchors(tmp_path)))


def test_keys_are_random_and_stay(tmp_path: Path) -> None:
    one, two = files.private_key(tmp_path / "a"), files.private_key(tmp_path / "b")
    assert one != two
    assert len(one) == 32
    assert files.private_key(tmp_path / "a") == one


def test_threads_that_make_a_key_at_once_read_the_same(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(files.private_key(tmp_path / "key")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_key_of_another_size_is_refused(tmp_path: Path) -> None:
    files.replace_atomically(tmp_path / "key", b"short")
    with pytest.raises(JournalError, match="5 bytes instead of 32"):
        files.private_key(tmp_path / "key")


def test_file_that_cannot_be_replaced_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    files.replace_atomically(tmp_path / "a", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            files.replace_atomically(tmp_path / "a", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"old")]


def test_lock_is_held_by_one_and_names_it(tmp_path: Path) -> None:
    with files.FileLock(tmp_path / "S1.lock", "the first, with a long name"):
        with pytest.raises(RefusedError, match="S1 is in use by the first, with a long name"):
            files.FileLock(tmp_path / "S1.lock", "x")
        files.FileLock(tmp_path / "S2.lock", "x").release()
    shorter = files.FileLock(tmp_path / "S1.lock", "x")
    with pytest.raises(RefusedError, match="S1 is in use by x; end that session first"):
        files.FileLock(tmp_path / "S1.lock", "y")
    shorter.release()


def test_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot be made"):
        files.private_folder(tmp_path / "file" / "state")
