"""CSV and Parquet files: what is read, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.load import load
from peak_trade.domain.errors import DataError

CSV = "Date,Open,High,Low,Close,Volume\n2024-01-02,1,3,0.5,2,10\n2024-01-03,2,2.5,1,1.5,\n"


def written(folder: Path, text: str | bytes, name: str = "prices.csv") -> Path:
    path = folder / name
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz", "PRICES.CSV"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_any_separator_gives_the_numbers(tmp_path: Path, name: str, separator: str) -> None:
    bars = load(written(tmp_path, CSV.replace(",", separator), name))
    assert bars.open[:, 0].tolist() == [1, 2]
    assert bars.high[:, 0].tolist() == [3, 2.5]
    assert bars.low[:, 0].tolist() == [0.5, 1]
    assert bars.close[:, 0].tolist() == [2, 1.5]
    assert bars.volume[0, 0] == 10
    assert np.isnan(bars.volume[1, 0])
    assert bars.frame == "polars"
    assert bars.symbols[0].lower() == "prices"


@pytest.mark.parametrize(
    "text", ["\ufeff" + CSV, CSV.replace("\n", "\r\n"), CSV.replace(",", " , ")]
)
def test_csv_of_spreadsheets_is_read_the_same(tmp_path: Path, text: str) -> None:
    other = load(written(tmp_path, CSV, "a.csv"), symbol="x")
    assert load(written(tmp_path, text, "b.csv"), symbol="x").fingerprint == other.fingerprint


def test_csv_of_a_terminal_is_read(tmp_path: Path) -> None:
    text = (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n"
        "2024.01.02\t09:00:00\t1\t2\t1\t2\t5\n2024.01.02\t09:15:00\t2\t2\t1\t1\t6\n"
    )
    bars = load(written(tmp_path, text))
    assert str(bars.interval) == "15m"
    assert np.datetime64(int(bars.open_time[0, 0]), "ns") == np.datetime64("2024-01-02T09:00")


def test_parquet_equals_csv(tmp_path: Path) -> None:
    frame = pl.read_csv(CSV.encode(), try_parse_dates=True)
    frame.write_parquet(tmp_path / "prices.parquet")
    one = load(f"file:{tmp_path / 'prices.parquet'}")
    assert one.fingerprint == load(written(tmp_path, CSV)).fingerprint
    assert one.name == f"file:{tmp_path / 'prices.parquet'}"


@pytest.mark.parametrize("text", ["", "\n\n", "time,close\n"])
def test_csv_empty_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="is empty"):
        load(written(tmp_path, text))


def test_parquet_without_rows_is_an_error(tmp_path: Path) -> None:
    pl.DataFrame({"time": [], "close": []}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="is empty"):
        load(tmp_path / "a.parquet")


def test_file_missing_names_what_is_beside(tmp_path: Path) -> None:
    written(tmp_path, CSV)
    with pytest.raises(DataError, match=r"price\.csv is not there; did you mean prices\.csv"):
        load(tmp_path / "price.csv")
    with pytest.raises(DataError, match="there is no folder"):
        load(str(tmp_path / "none" / "price.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no data file"):
        load(tmp_path / "empty" / "price.csv")


@pytest.mark.parametrize("name", ["prices.xlsx", "prices.feather", "prices", "prices.gz"])
def test_file_unknown_ending_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"use \.csv, \.csv\.gz or \.parquet"):
        load(f"file:{tmp_path / name}")


def test_csv_without_header_is_an_error(tmp_path: Path) -> None:
    rows = "1704067200000,1,2,1,2,5\n1704067260000,2,2,1,1,5\n"
    with pytest.raises(DataError, match="has no column names"):
        load(written(tmp_path, rows))


def test_csv_ragged_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read as CSV"):
        load(written(tmp_path, "time,close\n0,1\n60,2,3\n"))


def test_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load(written(tmp_path, "time,close\n", "a.parquet"))
    (tmp_path / "b.csv.gz").write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        load(tmp_path / "b.csv.gz")
    (tmp_path / "c.csv").write_bytes(b"time,close\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        load(tmp_path / "c.csv")


@pytest.mark.parametrize("bad", ["n/a", "1.234,5", "0x10", "-"])
def test_csv_text_among_prices_names_line_and_value(tmp_path: Path, bad: str) -> None:
    text = f"time;close\n0;1\n60;{bad}\n120;3\n"
    with pytest.raises(DataError) as caught:
        load(written(tmp_path, text))
    assert f"close is {bad!r} at row 1 (line 3)" in str(caught.value)
    assert caught.value.fields["row"] == 1
    assert ("decimal point" in caught.value.hint) == ("," in bad)


@given(
    st.lists(
        st.floats(min_value=1e-300, max_value=1e300, allow_subnormal=False), min_size=2, max_size=8
    )
)
def test_csv_floats_keep_every_bit(
    tmp_path_factory: pytest.TempPathFactory, prices: list[float]
) -> None:
    path = tmp_path_factory.mktemp("bits") / "a.csv"
    path.write_text("time,close\n" + "".join(f"{60 * k},{p!r}\n" for k, p in enumerate(prices)))
    assert load(path).close[:, 0].tolist() == prices
