"""Books against published checksums, and against a plain twin that keeps nothing but a dictionary."""

import zlib
from decimal import Decimal

import numpy as np
import pytest

from peak_trade.data.live.book import Book, CheckedBook, NumberedBook
from peak_trade.data.live.messages import BookMessage, Level

ASKS = """45285.2/0.00100000 45286.4/1.54571953 45286.6/1.54571109 45289.6/1.54560911 45290.2/0.15890660
45291.8/1.54553491 45294.7/0.04454749 45296.1/0.35380000 45297.5/0.09945542 45299.5/0.18772827"""
BIDS = """45283.5/0.10000000 45283.4/1.54582015 45282.1/0.10000000 45281.0/0.10000000 45280.3/1.54592586
45279.0/0.07990000 45277.6/0.03310103 45277.5/0.30000000 45277.3/1.54602737 45276.6/0.15445238"""


def levels(text: str) -> tuple[Level, ...]:
    pairs = (one.split("/") for one in text.split())
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def change(
    first: int, last: int, bids: str = "", asks: str = "", *, is_snapshot: bool = False
) -> BookMessage:
    return BookMessage(
        "X", levels(bids), levels(asks), is_snapshot, 0, first_id=first, last_id=last
    )


@pytest.mark.parametrize(
    ("asks", "bids", "published"),
    [
        (ASKS, BIDS, 3310070434),  # the example of Kraken's book checksum guide
        (
            "45284.1/0.05000000 45284.5/2.00000000 45290.0/0.30000000",
            "45283.5/0.10000000 45283.4/1.20000000 45283.0/0.00500000",
            2158453468,
        ),
    ],
)
def test_checksum_of_a_published_book_is_the_published_one(
    asks: str, bids: str, published: int
) -> None:
    book = Book()
    book.replace(reversed(levels(bids)), reversed(levels(asks)))
    assert book.checksum() == published


def test_checksum_counts_ten_levels_whatever_the_depth() -> None:
    book = Book(depth=25)
    book.replace(levels(BIDS + " 45270.0/1.0"), levels(ASKS + " 45300.0/1.0"))
    assert book.checksum() == 3310070434


def test_book_of_a_depth_forgets_levels_that_fall_out() -> None:
    book = Book(depth=2)
    book.replace(levels("9/1 8/1"), levels("10/1 11/1"))
    book.update(levels("9.5/1"), ())
    book.update(levels("9.5/0"), ())
    assert book.bids.levels == levels("9/1")  # 8 fell out, and was not sent again


def test_book_knows_that_it_is_crossed() -> None:
    book = Book()
    book.replace(levels("9/1"), levels("10/1"))
    assert not book.is_crossed
    book.update(levels("10/1"), ())
    assert book.is_crossed


def test_level_that_is_written_anew_counts_as_it_was_written_last() -> None:
    book, other = Book(), Book()
    book.replace(levels("9.0/1.50"), ())
    book.update(levels("9.00/1.5"), ())
    other.replace(levels("9.00/1.5"), ())
    assert book.checksum() == other.checksum() == zlib.crc32(b"90015")


@pytest.mark.parametrize("seed", range(4))
def test_book_after_any_changes_is_the_sorted_dictionary(seed: int) -> None:
    rng = np.random.default_rng(seed)
    book, bids, asks = Book(), dict[int, int](), dict[int, int]()
    for _ in range(400):
        side, price, size = rng.integers(2), int(rng.integers(1, 60)), int(rng.integers(0, 3))
        level = (Decimal(price), Decimal(size))
        book.update([level] if side else [], [] if side else [level])
        plain = bids if side else asks
        plain[price] = size
    kept = [
        sorted((p, s) for p, s in bids.items() if s)[::-1],
        sorted((p, s) for p, s in asks.items() if s),
    ]
    assert [[(int(p), int(s)) for p, s in side.levels] for side in (book.bids, book.asks)] == kept


def test_checked_book_with_another_checksum_is_broken_until_a_snapshot() -> None:
    book = CheckedBook(depth=10)
    whole = BookMessage("X", levels(BIDS), levels(ASKS), True, 0, checksum=3310070434)
    assert book.on_message(whole) == "sound"
    wrong = BookMessage("X", (), levels("45285.2/0.5"), False, 0, checksum=1)
    assert book.on_message(wrong) == "broken"
    assert "checksum" in book.why
    assert book.on_message(wrong) == "waiting"
    assert book.book.best_bid is None
    assert book.on_message(whole) == "sound"


def test_numbered_book_follows_its_chain_from_the_snapshot() -> None:
    book = NumberedBook()
    assert book.on_message(change(150, 157, "9/5")) == "waiting"
    assert book.on_message(change(158, 165, "9/7 8/1")) == "waiting"
    assert book.on_message(change(0, 160, "9/6 7/1", "10/1", is_snapshot=True)) == "sound"
    assert book.book.bids.levels == levels("9/7 8/1 7/1")
    assert book.on_message(change(150, 157, "9/5")) == "sound"  # from before: left alone
    assert book.on_message(change(166, 166, "", "10/0 11/2")) == "sound"
    assert book.book.asks.levels == levels("11/2")


def test_numbered_book_with_a_hole_is_broken_and_begins_again() -> None:
    book = NumberedBook()
    book.on_message(change(0, 160, "9/6", "10/1", is_snapshot=True))
    assert book.on_message(change(161, 162)) == "sound"
    assert book.on_message(change(164, 165, "9/9")) == "broken"
    assert "164" in book.why
    assert book.on_message(change(166, 167, "8/8")) == "waiting"
    assert book.on_message(change(0, 162, "1/1", "", is_snapshot=True)) == "waiting"  # too old
    assert book.on_message(change(0, 165, "9/9", "", is_snapshot=True)) == "sound"
    assert book.book.bids.levels == levels("9/9 8/8")


def test_numbered_book_whose_change_overlaps_the_one_before_is_broken() -> None:
    book = NumberedBook()
    book.on_message(change(0, 160, is_snapshot=True))
    assert book.on_message(change(155, 162)) == "sound"  # the first may reach back
    assert book.on_message(change(162, 170)) == "broken"
