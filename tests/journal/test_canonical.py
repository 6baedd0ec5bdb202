"""Canonical JSON and the digest of a result: the same everywhere, other for another result."""

import hashlib
import json
import os
import struct
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.order import Reason
from peak_trade.domain.record import Fills, OrderCounts, Record
from peak_trade.domain.terms import Costs, Terms
from peak_trade.journal.canonical import (
    canonical_json,
    digest_of,
    parsed_json,
    plain,
    result_digest,
    table_digest,
)
from peak_trade.strategies import MaCross

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def record() -> Record:
    """Two bars, one fill; whole numbers that are easily packed by hand."""
    bars = Bars.from_arrays([10.0, 12.0])
    ints = {"row": [1], "time": [7], "instrument": [0], "lots": [-5], "reason": [0]}
    floats = {"price": [10.5], "fee": [0.25], "cash": [52.5]}
    known = {key: np.array(value, np.int64) for key, value in ints.items()}
    known |= {key: np.array(value, np.float64) for key, value in floats.items()}
    later = {  # columns that the digest does not depend on
        item.name: np.zeros(1) for item in fields(Fills) if item.name not in known
    }
    counts = OrderCounts(**{item.name: 0 for item in fields(OrderCounts)})
    values: dict[str, object] = {
        "bars": bars,
        "start": 0,
        "stop": 2,
        "terms": Terms(),
        "engine": "fast",
        "equity": np.array([100.0, 101.5]),
        "held": np.array([False, True]),
        "fills": Fills(**known, **later),
        "lots": np.array([-5], np.int64),
        "counts": counts,
        "ruined": False,
    }
    return Record(**values)


def packed(found: Record) -> bytes:
    """What the page says is digested, written out by hand."""
    time = struct.pack("<2q", *found.bars.time.tolist())
    return b"".join(
        (
            b"peak-trade result 1\n",
            b"time <i8 2\n" + time,
            b"equity <f8 2\n" + struct.pack("<2d", 100.0, 101.5),
            b"held |b1 2\n\x00\x01",
            b"lots <i8 1\n" + struct.pack("<q", -5),
            b"fills.row <i8 1\n" + struct.pack("<q", 1),
            b"fills.time <i8 1\n" + struct.pack("<q", 7),
            b"fills.instrument <i8 1\n" + struct.pack("<q", 0),
            b"fills.lots <i8 1\n" + struct.pack("<q", -5),
            b"fills.price <f8 1\n" + struct.pack("<d", 10.5),
            b"fills.fee <f8 1\n" + struct.pack("<d", 0.25),
            b"fills.reason <i8 1\n" + struct.pack("<q", 0),
            b"fills.cash <f8 1\n" + struct.pack("<d", 52.5),
        )
    )


def test_result_digest_is_that_of_the_documented_bytes() -> None:
    expected = hashlib.blake2b(packed(record()), digest_size=16).hexdigest()
    assert result_digest(record()) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("equity", np.array([100.0, np.nextafter(101.5, 102)])),
        ("held", np.array([True, True])),
        ("lots", np.array([5], np.int64)),
    ],
)
def test_result_digest_of_another_result_differs(name: str, value: object) -> None:
    assert result_digest(replace(record(), **{name: value})) != result_digest(record())


@pytest.mark.parametrize("name", ["row", "time", "instrument", "lots", "price", "fee", "cash"])
def test_result_digest_of_another_fill_differs(name: str) -> None:
    found = record()
    fills = replace(found.fills, **{name: getattr(found.fills, name) + 1})
    assert result_digest(replace(found, fills=fills)) != result_digest(found)


def test_result_digest_depends_on_values_alone() -> None:
    found = record()
    swapped = found.equity.astype(">f8")
    strided = np.repeat(found.equity, 2)[::2]
    for equity in (swapped, strided):
        again = replace(found, equity=equity, engine="session")
        assert result_digest(again) == result_digest(found)


def test_table_digest_tells_grid_rows_and_figures_apart() -> None:
    columns = {"combination": np.array([1, 0]), "sharpe": np.array([2.0, 1.0])}
    first = table_digest({"fast": (5, 10)}, columns)
    assert first == table_digest({"fast": [5, 10]}, dict(columns))
    assert first != table_digest({"fast": (5, 11)}, columns)
    assert first != table_digest({"fast": (5, 10)}, {**columns, "sharpe": np.array([2.0, 1.5])})
    assert first != table_digest({"fast": (5, 10)}, {**columns, "combination": np.array([0, 1])})


@given(VALUES)
def test_canonical_json_of_plain_values_is_read_back_equal(value: object) -> None:
    assert parsed_json(canonical_json(value)) == value


@given(st.dictionaries(st.text(), VALUES, min_size=2, max_size=6))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))
    assert canonical_json(turned) == canonical_json(value)
    assert digest_of(turned) == digest_of(value)


def test_plain_of_every_kind_of_value_is_json() -> None:
    class Odd:
        """Its repr names an address."""

    found = plain(
        {
            "number": np.float64(1.5),
            "nan": float("nan"),
            "low": -np.inf,
            "set": {3, 1, 2},
            "enum": next(iter(Reason)),
            "array": np.arange(3),
            "costs": Costs(commission=0.001),
            "strategy": MaCross(fast=2, slow=3),
            "class": MaCross,
            "odd": Odd(),
            1: (1, "a"),
        }
    )
    assert isinstance(found, dict)
    assert (found["number"], found["nan"], found["low"]) == (1.5, "nan", "-inf")
    assert found["set"] == [1, 2, 3]
    assert found["enum"] == next(iter(Reason)).name
    assert found["costs"]["commission"] == 0.001
    assert found["strategy"] == {"type": "MaCross", "fast": 2, "slow": 3}
    assert (found["class"], found["odd"], found["1"]) == ("MaCross", {"type": "Odd"}, [1, "a"])
    assert set(found["array"]) == {"type", "fingerprint"}
    json.dumps(found, allow_nan=False)


def test_plain_of_bars_is_their_fingerprint() -> None:
    bars = Bars.from_arrays([1.0, 2.0])
    assert plain(bars) == {"type": "Bars", "fingerprint": bars.fingerprint}


def test_digest_is_the_same_in_processes_that_hash_otherwise() -> None:
    code = (
        "from peak_trade.journal.canonical import digest_of;"
        "print(digest_of({'tags': {'a', 'b', 'c'}, 'x': 0.1}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {digest_of({"x": 0.1, "tags": ["a", "b", "c"]})}
