"""Every builtin against its file as pandas reads it, and against published closes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peak_trade.data.catalogue import BuiltinSeries, builtin_path, catalogue
from peak_trade.data.load import load
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError

DAY_NS = 86_400_000_000_000


def witness(series: BuiltinSeries) -> pd.DataFrame:
    """The file as pandas reads it, dates as index."""
    path = builtin_path(series)
    assert isinstance(path, Path)
    frame = pd.read_csv(path, na_values=["."])
    form = "%Y%m" if series.interval == "1mo" else None
    return frame.set_index(pd.to_datetime(frame.pop("Date").astype(str), format=form)).dropna()


def opens(bars: Bars) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(bars.open_time[:, 0])


@pytest.mark.parametrize("series", catalogue(), ids=lambda series: series.name)
def test_builtin_facts_match_the_file(series: BuiltinSeries) -> None:
    bars = load(f"builtin:{series.name}")
    assert bars.name == f"builtin:{series.name}"
    assert len(bars) == series.rows
    assert bars.symbols == series.symbols
    assert str(bars.interval) == series.interval
    assert str(opens(bars)[0].date()) == series.first
    assert str(opens(bars)[-1].date()) == series.last
    assert bars.close_only.all() == (series.columns == ("close",))
    assert bars.tradable.all()
    assert bars.is_aligned
    assert {i.calendar for i in bars.instruments} == {"XNYS"}
    assert {i.lot for i in bars.instruments} == {0.0001}


@pytest.mark.parametrize("name", ["sp500", "nasdaq"])
def test_builtin_index_equals_pandas(name: str) -> None:
    bars = load(f"builtin:{name}")
    frame = witness(next(s for s in catalogue() if s.name == name))
    assert (opens(bars) == frame.index).all()
    for column in ("open", "high", "low", "close", "volume"):
        assert (getattr(bars, column)[:, 0] == frame[column.title()].to_numpy()).all()
    assert (bars.time - bars.open_time[:, 0] == DAY_NS).all()


@pytest.mark.parametrize(
    ("name", "column"), [("vix", "vix"), ("wti", "DCOILWTICO"), ("sp500_index", "SP500")]
)
def test_builtin_closes_equal_pandas(name: str, column: str) -> None:
    bars = load(f"builtin:{name}")
    frame = witness(next(s for s in catalogue() if s.name == name))
    assert (opens(bars) == frame.index).all()
    assert (bars.close[:, 0] == frame[column].to_numpy()).all()
    assert np.isnan(bars.volume).all()


@pytest.mark.parametrize("name", ["sp500_stocks", "factor_etfs"])
def test_builtin_panel_equals_pandas(name: str) -> None:
    bars = load(f"builtin:{name}")
    frame = witness(next(s for s in catalogue() if s.name == name))
    assert (opens(bars) == frame.index).all()
    assert (bars.close == frame[list(bars.symbols)].to_numpy()).all()


def test_builtin_factors_growth_gives_the_returns_back() -> None:
    bars = load("builtin:ff_factors")
    percent = witness(next(s for s in catalogue() if s.name == "ff_factors"))
    percent["MKT"] = percent["Mkt-RF"] + percent["RF"]
    returns = 100 * (bars.close[1:] / bars.close[:-1] - 1)
    assert (bars.close[0] == 100).all()
    assert (opens(bars)[1:] == percent.index).all()
    np.testing.assert_allclose(returns, percent[list(bars.symbols)].to_numpy(), atol=1e-9)
    # A month ends where the next begins.
    assert (bars.time[:-1] == bars.open_time[1:, 0]).all()


@pytest.mark.parametrize(
    ("name", "day", "close"),
    [
        ("sp500", "2008-10-13", 1003.35),  # up 11.58 %, the largest day since 1933
        ("sp500", "2009-03-09", 676.53),  # the low of the financial crisis
        ("sp500_index", "2020-03-23", 2237.40),  # the low of March 2020
        ("nasdaq", "2000-03-10", 5048.62),  # the high of the dot-com years
        ("vix", "2018-02-05", 37.32),
        ("wti", "2008-07-03", 145.31),
    ],
)
def test_builtin_published_close_is_met(name: str, day: str, close: float) -> None:
    bars = load(f"builtin:{name}")
    row = opens(bars).get_loc(pd.Timestamp(day))
    assert bars.close[row, 0] == pytest.approx(close, abs=0.006)


def test_builtin_symbol_selects_of_a_panel() -> None:
    assert load("builtin:sp500_stocks", symbol="KO").symbols == ("KO",)
    with pytest.raises(DataError, match="did you mean AAPL"):
        load("builtin:sp500_stocks", symbol="APPL")


def test_builtin_rules_given_are_taken() -> None:
    bars = load("builtin:sp500", lot=1.0, tick=0.25, calendar="24/5", multiplier=50.0, quote="EUR")
    (instrument,) = bars.instruments
    assert (instrument.lot, instrument.tick, instrument.multiplier) == (1.0, 0.25, 50.0)
    assert (instrument.calendar, instrument.quote) == ("24/5", "EUR")
    assert instrument.asset_class == "index"


def test_builtin_unknown_name_is_hinted() -> None:
    with pytest.raises(DataError, match="did you mean sp500"):
        load("builtin:sp501")


def test_builtin_file_that_reads_otherwise_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sp500.csv").write_text("day,last\n1999-01-04,1228.1\n")
    monkeypatch.setattr("peak_trade.data.builtin.builtin_path", lambda _: tmp_path / "sp500.csv")
    with pytest.raises(DataError, match=r"cannot be read from sp500\.csv of arch; reinstall"):
        load("builtin:sp500")


def test_builtin_other_interval_is_an_error() -> None:
    assert len(load("builtin:sp500", interval="1d")) == 5031
    with pytest.raises(DataError, match="has bars of 1d, not 1h"):
        load("builtin:sp500", interval="1h")


def test_builtin_stamp_or_zone_is_an_error() -> None:
    with pytest.raises(DataError, match="leave them out"):
        load("builtin:sp500", stamp="close")
    with pytest.raises(DataError, match="leave them out"):
        load("builtin:sp500", timezone="UTC")
