"""A planted fault of each kind is found at its row; sound data gives no finding."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import peak_trade as pt
from peak_trade.data import sessions
from peak_trade.data.check import check_data
from peak_trade.data.findings import DataReport, Finding
from peak_trade.data.load import load
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError, ParameterError

ROWS = 300


def sound(seed: int = 1, rows: int = ROWS) -> pl.DataFrame:
    """Daily bars of a random walk at a market that never closes."""
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    opens = np.concatenate(([100.0], closes[:-1]))
    spread = 0.005 * rng.random((2, rows))
    return pl.DataFrame(
        {
            "time": np.datetime64("2020-01-01", "us") + np.arange(rows) * np.timedelta64(1, "D"),
            "open": opens,
            "high": np.maximum(opens, closes) * (1 + spread[0]),
            "low": np.minimum(opens, closes) * (1 - spread[1]),
            "close": closes,
            "volume": rng.random(rows) + 1,
        }
    )


def with_cell(frame: pl.DataFrame, column: str, row: int, value: float | None) -> pl.DataFrame:
    return frame.with_columns(frame[column].scatter(row, value).alias(column))


def only(report: DataReport) -> Finding:
    assert len(report.findings) == 1, str(report)
    return report.findings[0]


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 400))
def test_check_of_sound_bars_finds_nothing(seed: int, rows: int) -> None:
    report = check_data(sound(seed, rows), calendar="24/7")
    assert report.findings == ()
    assert report.is_clean
    assert report.is_loadable


@given(
    row=st.integers(0, ROWS - 1),
    column=st.sampled_from(["open", "high", "low", "close"]),
    value=st.sampled_from([0.0, -1.0, float("inf"), float("nan"), None]),
)
def test_check_finds_a_price_that_no_market_quotes(row, column, value) -> None:
    frame = with_cell(sound(), column, row, value)
    errors = check_data(frame).of("error")
    assert [(one.kind, one.rows.tolist()) for one in errors] == [("price", [row])]
    with pytest.raises(DataError):
        load(frame)


@given(row=st.integers(0, ROWS - 1), is_high=st.booleans())
def test_check_finds_an_inconsistent_bar(row: int, is_high: bool) -> None:
    frame = sound()
    close = frame["close"][row]
    if is_high:
        frame = with_cell(frame, "high", row, close * 0.999)
    else:
        frame = with_cell(frame, "low", row, close * 1.001)
    found = only(check_data(frame))
    assert (found.kind, found.rows.tolist()) == ("inconsistent", [row])
    assert f"close {close}" in found.examples[0].text


@given(row=st.integers(0, ROWS - 1), value=st.sampled_from([-1.0, float("inf")]))
def test_check_finds_a_volume_that_cannot_be(row: int, value: float) -> None:
    found = only(check_data(with_cell(sound(), "volume", row, value)))
    assert (found.kind, found.severity, found.rows.tolist()) == ("volume", "error", [row])


@given(row=st.integers(0, ROWS - 1), is_same=st.booleans())
def test_check_finds_a_stamp_that_is_doubled(row: int, is_same: bool) -> None:
    frame = sound()
    again = frame[row : row + 1]
    if not is_same:
        again = again.with_columns(pl.col("volume") + 1)
    doubled = pl.concat([frame[: row + 1], again, frame[row + 1 :]])
    found = only(check_data(doubled))
    assert found.kind == ("duplicate" if is_same else "conflict")
    assert found.rows.tolist() == [row + 1]


@given(row=st.integers(1, ROWS - 1))
def test_check_finds_rows_out_of_order(row: int) -> None:
    frame = sound()
    order = list(range(ROWS))
    order[row - 1], order[row] = order[row], order[row - 1]
    found = only(check_data(frame[order]))
    assert (found.kind, found.rows.tolist()) == ("unsorted", [row])


def test_check_of_rows_from_new_to_old_judges_them_in_order() -> None:
    frame = sound()
    assert only(check_data(frame.reverse())).count == ROWS - 1


@given(first=st.integers(1, ROWS - 20), length=st.integers(1, 10))
def test_check_finds_a_gap_at_the_row_after_it(first: int, length: int) -> None:
    frame = sound()
    report = check_data(pl.concat([frame[:first], frame[first + length :]]), calendar="24/7")
    (found,) = (one for one in report.findings if one.kind == "gap")
    assert (found.count, found.bars, found.rows.tolist()) == (1, length, [first])
    day = str(frame["time"][first + length])[:10]
    assert f"({day}): {length} missing before it" in found.examples[0].text


@given(row=st.integers(20, ROWS - 10))
def test_check_finds_a_spike_in_closes(row: int) -> None:
    frame = sound().select("time", "close")
    found = only(check_data(with_cell(frame, "close", row, 1000.0)))
    assert (found.kind, found.rows.tolist()) == ("spike", [row])


def test_check_finds_bars_closer_than_the_interval() -> None:
    frame = sound()
    shifted = frame["time"].scatter(50, frame["time"][49] + np.timedelta64(1, "h"))
    report = check_data(frame.with_columns(shifted.alias("time")), stamp="close")
    (found,) = report.of("error")
    assert (found.kind, found.rows.tolist()) == ("overlap", [50])
    assert "3600 s after the bar before" in found.examples[0].text


def test_check_finds_runs_without_volume() -> None:
    frame = sound()
    for row in (10, 11, 12, 40):
        frame = with_cell(frame, "volume", row, 0.0)
    found = only(check_data(frame))
    assert (found.kind, found.count, found.bars) == ("zero_volume", 2, 4)
    assert [one.row for one in found.examples] == [10, 40]
    assert found.examples[0].text.endswith("3 bars")


def test_check_finds_bars_outside_trading_hours() -> None:
    found = {one.kind: one for one in check_data(sound(), calendar="XNYS").findings}
    opens = np.asarray(sound()["time"].to_numpy(), dtype="datetime64[D]")
    weekend = np.flatnonzero(~np.is_busday(opens))
    assert set(weekend) <= set(found["outside"].rows.tolist())
    assert found["outside"].severity == "note"


def test_check_of_a_panel_names_the_instrument_and_the_row_of_the_file() -> None:
    one, other = sound(1), with_cell(sound(2), "low", 7, 0.0)
    frame = pl.concat(
        [one.with_columns(symbol=pl.lit("A")), other.with_columns(symbol=pl.lit("B"))]
    )
    report = check_data(frame)
    found = report.of("error")[0]
    assert (found.instrument, found.rows.tolist()) == ("B", [ROWS + 7])
    assert report.instruments == ("A", "B")
    assert check_data(frame, symbol="A").findings == ()


def test_check_of_a_wide_table_takes_an_empty_cell_for_a_day_without_a_bar() -> None:
    wide = pl.DataFrame(
        {"date": sound()["time"], "AAA": sound(1)["close"], "BBB": sound(2)["close"]}
    )
    found = only(check_data(with_cell(wide, "BBB", 9, None), calendar="24/7"))
    assert (found.kind, found.instrument, found.bars) == ("gap", "BBB", 1)


def test_check_of_bars_of_a_frame_and_of_a_file_agree(tmp_path: Path) -> None:
    frame = with_cell(sound(), "low", 100, 20.0)
    frame = pl.concat([frame[:50], frame[55:]])
    frame.write_csv(tmp_path / "bars.csv")
    frame.write_parquet(tmp_path / "bars.parquet")
    sources = [
        load(frame),
        frame,
        frame.to_pandas(),
        tmp_path / "bars.csv",
        str(tmp_path / "bars.parquet"),
    ]
    shown = [
        [
            (one.kind, one.rows.tolist(), one.close_ns.tolist())
            for one in check_data(source).findings
        ]
        for source in sources
    ]
    assert all(one == shown[0] for one in shown)
    assert [kind for kind, _, _ in shown[0]] == ["gap", "wick"]


def test_check_of_bars_leaves_out_rows_that_were_filled_in() -> None:
    closes = np.array([[100.0, np.nan], *([[100.0 + k, 50.0 + k] for k in range(40)])])
    bars = Bars.from_arrays(closes, instruments=["A", "B"])
    assert check_data(bars).findings == ()


def test_check_of_stamps_that_mark_closes_is_the_same() -> None:
    frame = sound()
    hours = np.datetime64("2020-01-01T01:00", "us") + np.arange(ROWS) * np.timedelta64(1, "h")
    frame = frame.with_columns(pl.Series("time", hours)).filter(pl.int_range(ROWS) != 60)
    ends = check_data(frame, stamp="close").findings[0]
    begins = check_data(frame).findings[0]
    assert (ends.kind, ends.rows.tolist(), ends.bars) == ("gap", [60], 1)
    assert (ends.first_ns, ends.count) == (begins.first_ns, begins.count)
    assert (begins.close_ns - ends.close_ns).tolist() == [3_600_000_000_000]


@given(
    st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=60),
    st.lists(st.floats(0, 1e300), min_size=1, max_size=5),
)
def test_check_of_extreme_prices_ends_without_a_warning(closes, volumes) -> None:
    prices = np.array(closes)
    bars = Bars.from_arrays(
        prices,
        open=prices[::-1].copy(),
        volume=np.resize(volumes, len(prices)),
        instruments=["X"],
    )
    assert check_data(bars, calendar="24/7").is_loadable


def test_check_of_one_sound_row_says_what_it_left_out() -> None:
    report = check_data(pl.DataFrame({"time": [0, 60], "close": [1.0, -1.0]}))
    assert report.unchecked == ("bars of asset: fewer than two rows are sound",)
    assert not report.is_clean


def test_check_without_the_extra_says_that_gaps_were_left_out(monkeypatch) -> None:
    sessions._exchange.cache_clear()
    monkeypatch.setattr(sessions, "find_spec", lambda name: None)
    report = check_data("builtin:sp500")
    assert report.findings == ()
    assert "exchange_calendars, which is not installed" in report.unchecked[0]
    assert report.is_loadable
    assert not report.is_clean


def test_check_of_a_source_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(DataError, match="no close column"):
        check_data(pl.DataFrame({"time": [0, 60], "low": ["a", "b"]}))
    with pytest.raises(DataError, match="is not there"):
        check_data("file:gone.csv")
    with pytest.raises(ParameterError, match="calendar 'XNYK' is not known"):
        check_data(sound(), calendar="XNYK")


def test_check_of_bars_refuses_what_is_known_of_them() -> None:
    with pytest.raises(DataError, match="of bars are known"):
        check_data(load(sound()), interval="1h")


def test_check_report_is_public_and_becomes_json() -> None:
    report = pt.check_data(with_cell(sound(), "low", 5, 0.0))
    found = json.loads(json.dumps(report.to_dict()))
    assert (found["errors"], found["is_loadable"]) == (1, False)
    assert found["findings"][0]["examples"][0]["row"] == 5
    assert "error: asset: rows with a price" in str(report)


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("split", lambda v: np.concatenate((v[:, :150], v[:, 150:] / 4), axis=1)),
        ("jump", lambda v: np.concatenate((v[:, :150], v[:, 150:] * 1.43), axis=1)),
        ("stale", lambda v: np.concatenate((v[:, :150], np.repeat(v[3:4, 149:150], 9, 1) * np.ones((4, 1)), v[:, 159:]), axis=1)),
        ("repeated", lambda v: np.concatenate((v[:, :151], v[:, 150:151], v[:, 150:151], v[:, 153:]), axis=1)),
    ],
)  # fmt: skip
def test_check_finds_what_is_planted_from_row_150_on(kind, spoil) -> None:
    frame = sound()
    names = ["open", "high", "low", "close"]
    values = spoil(frame.select(names).to_numpy().T)
    changed = frame.with_columns(
        *(pl.Series(name, values[k]) for k, name in enumerate(names)),
        volume=frame["volume"].scatter([150, 151, 152], 1.5) if kind == "repeated" else "volume",
    )
    found = {one.kind: one for one in check_data(changed).findings}
    assert set(found) == {kind}
    assert abs(int(found[kind].rows[0]) - 150) <= 1
