"""Which rows are traded."""

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError, ParameterError
from peak_trade.research.span import Span, code_version, stamp_text

HOUR = 3_600_000_000_000


def hours(rows=72, **named):
    """Hourly bars from 2024-01-01 on, stamped at their close."""
    first = np.datetime64("2024-01-01", "ns").astype(np.int64)
    return Bars.from_arrays(
        np.ones((rows, named.pop("width", 1))),
        time=first + HOUR * (np.arange(rows) + 1), interval="1h", name="hours", **named,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (None, None, (0, 72)),
        ("2024-01-02", None, (24, 72)),
        (None, "2024-01-02", (0, 48)),  # a date ends with its last bar
        ("2024-01-02", "2024-01-02", (24, 48)),
        ("20240102", "20240102", (24, 48)),
        ("2024-W01-2", "2024-W01-2", (24, 48)),
        ("2024-01-02T06:00", "2024-01-02T08:00", (30, 33)),  # a time is the open of a bar
        ("2024-01-02T06:30", "2024-01-02T08:30", (31, 33)),
        ("2024-01-02T06:00+02:00", "2024-01-02T08:00Z", (28, 33)),
        ("2024-01-02 00:00", "2024-01-02 00:00", (24, 25)),
        ("1500-01-01", "9000-01-01", (0, 72)),
    ],
)
def test_span_holds_the_bars_that_open_from_start_to_end(start, end, rows):
    span = Span.of(hours(), start, end)
    assert (span.start, span.stop) == rows
    assert len(span.bars) == rows[1]


def test_span_takes_nanoseconds_of_any_integer():
    bars = hours()
    for kind in (int, np.int64):
        span = Span.of(bars, kind(bars.time[9]), kind(bars.time[19]))
        assert (span.start, span.stop) == (10, 21)


def test_span_of_everything_is_the_bars_themselves():
    bars = hours()
    assert Span.of(bars, None, None).bars is bars
    assert Span.of(bars, "2024-01-02", None).bars is bars


def test_span_goes_by_the_real_bars_of_a_row():
    first = hours().open_time[0, 0]
    opened = first + HOUR * np.arange(72)[:, None] - np.array([[0, 4 * HOUR]])
    tradable = np.ones((72, 2), bool)
    tradable[:40, 1] = False  # the slower one joins late
    bars = hours(width=2, tradable=tradable, open_time=opened)
    assert Span.of(bars, "2024-01-01T10:00", None).start == 10
    assert Span.of(bars, "2024-01-02T18:00", None).start == 46


def test_span_across_rows_without_any_real_bar_goes_by_their_stamps():
    tradable = np.ones(72, bool)
    tradable[10:20] = False
    span = Span.of(hours(tradable=tradable), "2024-01-01T05:00", "2024-01-02")
    assert (span.start, span.stop) == (5, 48)


@pytest.mark.parametrize(
    ("start", "end"),
    [("2024-01-04", None), (None, "2023-12-31"), ("2024-01-02", "2024-01-01"),
     ("2024-01-01T05:10", "2024-01-01T05:50")],
)  # fmt: skip
def test_span_of_no_bar_names_what_there_is(start, end):
    with pytest.raises(InputError, match="it has 2024-01-01T00:00:00Z to 2024-01-03T23:00:00Z"):
        Span.of(hours(), start, end)


def test_span_of_empty_bars_is_refused():
    with pytest.raises(InputError, match="none has no rows"):
        Span.of(Bars.from_arrays([], name="none"), "2024-01-01", None)


@pytest.mark.parametrize("moment", ["", "yesterday", "2024-13-01", "2024-01", 1.5, ["2024-01-01"]])
def test_span_of_a_moment_that_is_none_is_refused(moment):
    with pytest.raises(ParameterError, match="is not an ISO date or time; write it like"):
        Span.of(hours(), moment, None)


def test_stamp_text_is_the_open_of_the_rows_real_bar():
    assert stamp_text(hours(), 5) == "2024-01-01T05:00:00Z"


def test_code_version_names_version_and_source():
    version, _, source = code_version().partition("+")
    assert version[0].isdigit()
    assert len(source) == 8
