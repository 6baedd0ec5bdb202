"""One record: its hash and checksum against other programs, and that every field counts."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import JournalError
from peak_trade.journal.record import (
    GENESIS,
    Row,
    checksum_of,
    entry_of,
    fault_of,
    hash_of,
    hash_of_state,
    payload_of,
    payload_text,
    snapshot_payload,
)

STREAM = "01JOURNAL"
TEXT = '{"lots":3}'
HASH = "30a77a9a1b83f2d7868fa55833af96d7555cf7347b16ec0150a0ff58b9073a8d"
"""Of the first record below, by ``b2sum -l 256`` of GNU coreutils 9, from the page's description."""

ROW = Row(1, 1, 1_700_000_000_000_000_000, "order.intent", TEXT, checksum_of(TEXT), GENESIS, HASH)


def digest(row: Row, stream: str = STREAM) -> str:
    return hash_of(
        row.prev, stream, seq=row.seq, epoch=row.epoch, time_ns=row.time_ns, kind=row.kind,
        payload=row.payload,
    )  # fmt: skip


def test_hash_is_that_of_another_program() -> None:
    assert digest(ROW) == HASH
    assert fault_of(ROW, STREAM, prev=GENESIS, seq=1, epoch=0) is None


def test_checksum_is_the_crc_32_of_the_catalogue() -> None:
    assert checksum_of("123456789") == 0xCBF43926  # the check value of CRC-32/ISO-HDLC


fields = st.tuples(
    st.sampled_from([GENESIS, "ab" * 32]),
    st.sampled_from(["a", "b", "a1"]),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from(["fill", "fil", "stop"]),
    st.sampled_from(["{}", '{"a":1}', '{"a":12}']),
)


@given(fields, fields)
def test_two_records_have_one_hash_only_where_they_are_the_same(
    one: tuple[str, str, int, int, int, str, str], two: tuple[str, str, int, int, int, str, str]
) -> None:
    def of(it: tuple[str, str, int, int, int, str, str]) -> str:
        prev, stream, seq, epoch, time_ns, kind, payload = it
        return hash_of(
            prev, stream, seq=seq, epoch=epoch, time_ns=time_ns, kind=kind, payload=payload
        )

    assert (of(one) == of(two)) == (one == two)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"seq": 2}, "record 1 is missing: 2 stands in its place"),
        ({"epoch": 0}, "epoch is 0 after 1"),
        ({"epoch": "1"}, "epoch"),
        ({"time_ns": 1.5}, "epoch"),
        ({"time_ns": 5}, "content does not have its hash"),
        ({"kind": "fill"}, "content does not have its hash"),
        ({"kind": "A B"}, "kind is 'A B'"),
        ({"payload": "{}"}, "checksum"),
        ({"payload": b"{}"}, "checksum"),
        ({"checksum": 1}, "checksum"),
        ({"prev": "ab" * 32}, "does not follow"),
        ({"hash": "ab" * 32}, "content does not have its hash"),
    ],
)
def test_fault_of_a_changed_record_says_what(change: dict[str, object], what: str) -> None:
    found = fault_of(ROW._replace(**change), STREAM, prev=GENESIS, seq=1, epoch=1)  # type: ignore[arg-type]
    assert found is not None
    assert what in found


def test_record_of_another_stream_is_a_fault() -> None:
    assert fault_of(ROW, "01OTHER", prev=GENESIS, seq=1, epoch=1) is not None


@pytest.mark.parametrize("text", ["[1]", "", "{", "null"])
def test_text_that_is_no_mapping_is_no_payload(text: str) -> None:
    with pytest.raises(JournalError, match="here holds no payload"):
        payload_of(text, "here")


def test_entry_of_a_row_is_its_values() -> None:
    assert tuple(entry_of(ROW, STREAM)) == (1, 1, ROW.time_ns, "order.intent", {"lots": 3})
    with pytest.raises(JournalError, match="record 1 of 01JOURNAL is damaged"):
        entry_of(ROW._replace(payload="{}"), STREAM)


@given(st.dictionaries(st.text(), st.text(st.characters(categories=["Cs", "Lu"])), max_size=3))
def test_text_of_any_signs_can_be_kept_and_read_by_any_reader_of_json(
    values: dict[str, str],
) -> None:
    text = payload_text(values)
    read = json.loads(text.encode().decode())
    assert payload_text(read) == text, "an export that is read back has the same hashes"
    whole = {
        key: value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        for key, value in values.items()
    }
    assert read == whole


def test_snapshot_is_told_of_by_offset_hash_and_digest() -> None:
    expected = hashlib.blake2b(b'{"cash":1.5}', digest_size=32).hexdigest()
    assert hash_of_state('{"cash":1.5}') == expected
    assert snapshot_payload(7, HASH, '{"cash":1.5}') == {
        "after": 7,
        "hash": HASH,
        "state": expected,
    }
