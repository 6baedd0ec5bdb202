"""Readers: what they hand out is in order and whole, or they stop."""

from pathlib import Path

import pytest
from journal.journals import STREAM, changed, opened, written

from peak_trade.domain.errors import JournalError
from peak_trade.journal import store
from peak_trade.journal.database import Database
from peak_trade.journal.reader import follow, head, latest_snapshot, read, streams, tail


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAGE", 5)


def test_read_of_a_range_gives_that_range(database: Database, state: Path) -> None:
    written(database, state)
    assert [entry.seq for entry in read(database, STREAM)] == list(range(1, 13))
    assert [entry.seq for entry in read(database, STREAM, start=4, stop=8)] == [4, 5, 6, 7]
    assert list(read(database, STREAM, start=13)) == []
    assert list(read(database, "other")) == []


def test_read_of_kinds_gives_those_alone(database: Database, state: Path) -> None:
    written(database, state)
    found = list(read(database, STREAM, kinds=("fill", "snapshot")))
    assert [entry.seq for entry in found] == [2, 4, 6, 8, 10, 12]
    assert [entry.kind for entry in found].count("snapshot") == 1
    sent = list(read(database, STREAM, kinds=("order.sent",), start=5))
    assert [entry.payload["lots"] for entry in sent] == [5, 7, 9, 11]


def test_tail_is_the_newest_first(database: Database, state: Path) -> None:
    written(database, state)
    assert [entry.seq for entry in tail(database, STREAM, 3)] == [12, 11, 10]
    assert [entry.seq for entry in tail(database, STREAM, 2, kinds=("order.sent",))] == [11, 9]
    last = head(database, STREAM)
    assert last is not None
    assert last.seq == 12
    assert head(database, "other") is None


def test_streams_say_what_they_hold(database: Database, state: Path) -> None:
    written(database, state, stream="b", records=3)
    written(database, state, stream="a", records=7)
    assert [tuple(row) for row in streams(database)] == [
        ("a", 7, 7, 1000, 7000),
        ("b", 3, 3, 1000, 3000),
    ]


@pytest.mark.parametrize("start", [1, 4])
def test_read_stops_at_a_bad_record_before_good_ones(
    database: Database, state: Path, start: int
) -> None:
    written(database, state)
    changed(database, "UPDATE events SET payload = '{}' WHERE seq = 7")
    seen: list[int] = []
    entries = (seen.append(entry.seq) for entry in read(database, STREAM, start=start))
    with pytest.raises(JournalError, match=f"record 7 of {STREAM} cannot be read"):
        list(entries)
    assert seen == list(range(start, 7))


def test_read_stops_at_a_record_that_is_missing(database: Database, state: Path) -> None:
    written(database, state)
    changed(database, "DELETE FROM events WHERE seq = 7")
    with pytest.raises(JournalError, match="record 7 is missing"):
        list(read(database, STREAM))
    with pytest.raises(JournalError, match="cannot be read"):
        list(read(database, STREAM, start=7))


def test_read_of_kinds_stops_at_a_bad_checksum(database: Database, state: Path) -> None:
    written(database, state)
    changed(database, "UPDATE events SET payload = '{}' WHERE seq = 8")
    with pytest.raises(JournalError, match="damaged"):
        list(read(database, STREAM, kinds=("fill",)))
    with pytest.raises(JournalError, match="damaged"):
        tail(database, STREAM, 12)


def test_follow_hands_out_what_comes_until_it_is_over(database: Database, state: Path) -> None:
    """Both take turns: the follower asks whether it is over whenever nothing new is there."""
    with opened(database, state) as journal:
        asked: list[int] = []

        def is_over() -> bool:
            asked.append(journal.append("fill", {"k": len(asked)}, 1))
            journal.sync()
            return len(asked) == 4

        found = list(follow(database, STREAM, start=2, is_over=is_over, poll_s=0))
    assert [entry.seq for entry in found] == [2, 3, 4]


def test_latest_snapshot_is_the_newest_that_was_kept(database: Database, state: Path) -> None:
    assert latest_snapshot(database, STREAM) is None
    with opened(database, state) as journal:
        journal.snapshot({"at": "start"}, 1)
        journal.append("fill", {}, 2)
        journal.snapshot({"at": "end", "cash": float("inf")}, 3)
    found = latest_snapshot(database, STREAM)
    assert found is not None
    assert (found.seq, found.state) == (2, {"at": "end", "cash": "inf"})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE snapshots SET state = '{}'",
        "UPDATE snapshots SET seq = 3",
        "UPDATE snapshots SET hash = 'f'",
        "UPDATE snapshots SET recorded = 9",
    ],
)
def test_snapshot_that_was_changed_is_not_handed_out(
    database: Database, state: Path, change: str
) -> None:
    written(database, state)
    changed(database, change)
    with pytest.raises(JournalError, match="not what its record tells of"):
        latest_snapshot(database, STREAM)
