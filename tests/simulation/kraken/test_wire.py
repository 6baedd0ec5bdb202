"""Kraken's words for things: checksums, numbers, names, times."""

import binascii
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.simulation.kraken.names import Pair, Pairs, made_id, read_stamp, stamp
from peak_trade.simulation.kraken.wire import Number, checksum, scoped, text_of
from peak_trade.simulation.market.listing import AskRefusedError, Listing
from peak_trade.simulation.market.quotes import Levels

BTC = Listing("BTC/USD", price_decimals=1, lot_decimals=8)

# The example of Kraken's guide to its checksum.
ASKS = (
    ("45285.2", "0.00100000"), ("45286.4", "1.54571953"), ("45286.6", "1.54571109"),
    ("45289.6", "1.54560911"), ("45290.2", "0.15890660"), ("45291.8", "1.54553491"),
    ("45294.7", "0.04454749"), ("45296.1", "0.35380000"), ("45297.5", "0.09945542"),
    ("45299.5", "0.18772827"),
)  # fmt: skip
BIDS = (
    ("45283.5", "0.10000000"), ("45283.4", "1.54582015"), ("45282.1", "0.10000000"),
    ("45281.0", "0.10000000"), ("45280.3", "1.54592586"), ("45279.0", "0.07990000"),
    ("45277.6", "0.03310103"), ("45277.5", "0.30000000"), ("45277.3", "1.54602737"),
    ("45276.6", "0.15445238"),
)  # fmt: skip


def levels(rows: tuple[tuple[str, str], ...]) -> tuple[tuple[int, int], ...]:
    return tuple((BTC.ticks_of(price), BTC.lots_of(size)) for price, size in rows)


def test_checksum_is_that_of_krakens_guide() -> None:
    assert checksum(BTC, Levels(levels(BIDS), levels(ASKS))) == 3310070434


def test_checksum_takes_in_the_ten_best_levels_alone() -> None:
    deeper = Levels((*levels(BIDS), (1, 1)), (*levels(ASKS), (999_999, 1)))
    assert checksum(BTC, deeper) == 3310070434


@given(
    st.dictionaries(st.integers(1, 40), st.integers(1, 9), max_size=12),
    st.dictionaries(st.integers(1, 40), st.integers(1, 9), max_size=12),
    st.integers(1, 8),
)
def test_one_who_applies_changes_and_cuts_has_the_new_book(
    before: dict[int, int], after: dict[int, int], depth: int
) -> None:
    old, new = (
        Levels(
            tuple(sorted(side.items(), reverse=True)[:depth]), tuple(sorted(side.items())[:depth])
        )
        for side in (before, after)
    )
    bids, asks = scoped(old, new, depth)
    for was, changes, now, down in (
        (old.bids, bids, new.bids, True),
        (old.asks, asks, new.asks, False),
    ):
        kept = dict(was) | dict(changes)
        found = sorted((item for item in kept.items() if item[1]), reverse=down)[:depth]
        assert tuple(found) == now


def test_numbers_keep_their_zeros_and_everything_else_is_json() -> None:
    value = {"a": [Number("0.00100000"), 1, None, True, 'x"y'], "b": {"c": 1.5}}
    text = text_of(value)
    assert "0.00100000" in text
    assert json.loads(text) == {"a": [0.001, 1, None, True, 'x"y'], "b": {"c": 1.5}}


@pytest.mark.parametrize(
    ("symbol", "key", "alt", "ws"),
    [
        ("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD"), ("ETH/BTC", "XETHXXBT", "ETHXBT", "ETH/XBT"),
        ("BTC/USDT", "XBTUSDT", "XBTUSDT", "XBT/USDT"), ("SOL/USD", "SOLUSD", "SOLUSD", "SOL/USD"),
        ("DOGE/USD", "XDGUSD", "XDGUSD", "XDG/USD"), ("LTC/USD", "XLTCZUSD", "LTCUSD", "LTC/USD"),
    ],
)  # fmt: skip
def test_pair_has_krakens_names(symbol: str, key: str, alt: str, ws: str) -> None:
    listing = Listing(symbol)
    pair = Pair(listing)
    assert (pair.key, pair.altname, pair.wsname) == (key, alt, ws)
    pairs = Pairs({symbol: listing})
    assert all(pairs.named(name) == pair for name in (key, alt, ws, symbol, key.lower()))
    with pytest.raises(AskRefusedError):
        pairs.named("NOPE")


def test_ids_are_of_krakens_shape_and_never_the_same() -> None:
    found = {made_id("O", serial) for serial in range(20_000)}
    assert len(found) == 20_000
    assert all(len(one) == 19 and one[0] == "O" and one[6] == one[12] == "-" for one in found)


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_stamp_is_that_time_in_text(time_ns: int) -> None:
    read = datetime.fromisoformat(stamp(time_ns))
    assert read == datetime.fromtimestamp(time_ns // 1_000 // 1_000_000, UTC).replace(
        microsecond=time_ns // 1_000 % 1_000_000
    )
    assert read_stamp(stamp(time_ns)) == time_ns // 1_000 * 1_000
    assert binascii.crc32(stamp(time_ns, digits=0).encode()) >= 0
