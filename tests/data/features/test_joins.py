"""The point-in-time join: against a slow twin that reads day by day, and against polars."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.features import joined
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError


def bars_at(closes):
    closes = np.asarray(closes, np.int64)
    return Bars.from_arrays(np.ones(len(closes)), time=closes, open_time=closes - 1)


def slow(closes, rows, ttl):
    """What somebody would write down who read the releases as they came."""
    out = []
    for close in closes:
        best = None
        for time, known, value in rows:
            if known > close:
                continue
            if best is None or (time, known) > best[:2]:
                best = (time, known, value)
        is_old = best is not None and ttl is not None and close - best[1] > ttl
        out.append(np.nan if best is None or is_old else best[2])
    return np.array(out)


ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60)), max_size=25, unique=True).map(
    lambda pairs: [(time, time + late, float(i)) for i, (time, late) in enumerate(pairs)]
)


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=20, unique=True).map(sorted),
    ROWS,
    st.one_of(st.none(), st.integers(0, 40)),
    st.randoms(use_true_random=False),
)
def test_join_equals_a_reader_of_releases(closes, rows, ttl, order):
    rows = list(dict.fromkeys(rows))
    shuffled = rows[:]
    order.shuffle(shuffled)
    frame = pl.DataFrame(
        shuffled,
        schema={"time_ns": pl.Int64, "known_ns": pl.Int64, "value": pl.Float64},
        orient="row",
    )
    found = joined(bars_at(closes), frame, ttl=ttl)
    np.testing.assert_array_equal(found, slow(closes, rows, ttl))


def test_join_equals_polars_where_no_release_revises_another():
    rng = np.random.default_rng(1)
    known = np.sort(rng.choice(100_000, 400, replace=False))
    frame = pl.DataFrame({"time_ns": known - 50, "known_ns": known, "value": rng.normal(size=400)})
    closes = np.sort(rng.choice(110_000, 3000, replace=False))
    for ttl in (None, 300):
        left = pl.DataFrame({"close": closes})
        right = frame.select("known_ns", "value").set_sorted("known_ns")
        expected = left.set_sorted("close").join_asof(
            right, left_on="close", right_on="known_ns", strategy="backward",
            tolerance=ttl,
        )["value"]  # fmt: skip
        found = joined(bars_at(closes), frame, ttl=ttl)
        np.testing.assert_array_equal(found, expected.fill_null(np.nan).to_numpy())


@given(ROWS.filter(bool), st.integers(0, 2**32))
def test_a_value_that_is_known_later_than_a_close_is_not_in_it(rows, seed):
    rng = np.random.default_rng(seed)
    rows = list({row[:2]: row for row in rows}.values())
    close = 200
    schema = {"time_ns": pl.Int64, "known_ns": pl.Int64, "value": pl.Float64}
    place = int(rng.integers(len(rows)))
    time, _, value = rows[place]
    late = [row for i, row in enumerate(rows) if i != place]
    with_it = pl.DataFrame([*late, (time, close + 1, value)], schema=schema, orient="row")
    without = pl.DataFrame(late, schema=schema, orient="row")
    np.testing.assert_array_equal(
        joined(bars_at([close]), with_it), joined(bars_at([close]), without)
    )
    known_now = pl.DataFrame([*late, (500, close, 7.5)], schema=schema, orient="row")
    assert joined(bars_at([close]), known_now)[0] == 7.5


def test_a_revision_of_an_old_period_does_not_hide_the_new_one():
    rows = pl.DataFrame(
        {
            "time_ns": [1, 2, 1, 2],
            "known_ns": [10, 20, 30, 40],
            "value": [1.0, 2.0, 1.1, 2.1],
        }
    )
    found = joined(bars_at([9, 10, 20, 30, 40]), rows)
    np.testing.assert_array_equal(found, [np.nan, 1.0, 2.0, 2.0, 2.1])
    # the old period's revision does not make the new period's release younger either
    np.testing.assert_array_equal(joined(bars_at([30, 31]), rows, ttl=10), [2.0, np.nan])


def test_a_length_of_time_may_be_written_as_a_text():
    day = 86_400_000_000_000
    rows = pl.DataFrame({"time_ns": [0], "known_ns": [day], "value": [3.0]})
    closes = [day, 3 * day, 3 * day + 1]
    np.testing.assert_array_equal(joined(bars_at(closes), rows, ttl="2d"), [3.0, 3.0, np.nan])


def test_rows_that_cannot_be_joined_are_refused():
    bars = bars_at([1, 2])
    with pytest.raises(InputError, match="no column 'known_ns'"):
        joined(bars, pl.DataFrame({"time_ns": [1], "value": [1.0]}))
    with pytest.raises(InputError, match="known_ns of rows to join is missing"):
        joined(bars, pl.DataFrame({"time_ns": [1], "known_ns": [None], "value": [1.0]}))
    rows = pl.DataFrame({"time_ns": [1], "known_ns": [1], "value": [1.0]})
    for ttl in ("soon", -1):
        with pytest.raises(InputError):
            joined(bars, rows, ttl=ttl)
    assert np.isnan(joined(bars, rows.clear())).all()
