"""`peak features`: list, compute, materialize, show, and strategies that declare features."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib

from peak_trade.data.features import id_of
from peak_trade.data.features.definition import REGISTERED
from peak_trade.data.load import load

OWN = '''"""Features and a strategy of one's own."""
import numpy as np
import peak_trade as pt
from peak_trade.data.features import Feature, feature, param


@feature("body", version=2)
class Body(Feature):
    """How far a bar closed from its open."""

    by: float = param(default=1.0, low=0.0, high=10.0, doc="times")

    def values(self, given):
        return self.by * (given.bars.close / given.bars.open - 1.0)


@feature("tomorrow")
class Tomorrow(Feature):
    """The next close."""

    def values(self, given):
        return np.append(given.bars.close[1:], np.full((1, 1), np.nan), axis=0)


class Strong(pt.Strategy):
    """Long while a relative strength is above a level."""

    period: int = pt.param(default=14, low=2, high=50)
    kind: str = pt.param(default="rsi(period={n})")

    @property
    def features(self):
        return {"signal": self.kind.format(n=self.period)}

    def targets(self, bars):
        return np.nan_to_num(bars.features["signal"] > 50)
'''


@pytest.fixture
def own(folder: Path) -> Iterator[Path]:
    path = folder / "own.py"
    path.write_text(OWN)
    yield path
    for name in [key for key in REGISTERED if key[0] in ("body", "tomorrow")]:
        del REGISTERED[name]


@pytest.fixture
def stored(folder: Path, monkeypatch: pytest.MonkeyPatch, peak) -> Path:
    monkeypatch.setenv("PEAK__DATA__STORE", str(folder / "store"))
    rng = np.random.default_rng(1)
    close = 100 + np.cumsum(rng.normal(0, 0.5, 120)).round(2)
    opens = np.concatenate(([100.0], close[:-1]))
    times = np.arange(120) * 60 + 1_700_000_000 // 60 * 60
    frame = pl.DataFrame(
        {
            "time": times,
            "open": opens,
            "high": np.maximum(opens, close),
            "low": np.minimum(opens, close),
            "close": close,
            "volume": 1.0,
        }
    )
    frame.write_csv(folder / "btc.csv")
    ran = peak("data", "import", "btc.csv", "--as", "kraken:BTC/USD", "--interval", "1m")
    assert ran.code == 0, ran.err
    return folder / "store"


def test_list_names_every_feature_with_its_parameters(peak):
    found = {one["name"]: one for one in peak("features", "list", "--json").json["features"]}
    assert len(found) > 200
    assert found["rsi"]["group"] == "indicators"
    assert [one["name"] for one in found["rsi"]["parameters"]] == ["of", "period"]
    assert found["trade_count"]["reads"] == ["bars", "trades"]
    assert found["talib.adx"]["extra"] == "indicators"
    shown = peak("features", "list", "--group", "volatility").out
    assert "yang_zhang" in shown
    assert "talib" not in shown


def test_compute_shows_what_the_indicator_gives(peak, folder):
    found = peak(
        "features", "compute", "talib.adx(timeperiod=7)", "--data", "builtin:sp500",
        "--rows", "3", "--out", "adx.parquet", "--json",
    ).json  # fmt: skip
    bars = load("builtin:sp500")
    columns = [np.array(x[:, 0]) for x in (bars.high, bars.low, bars.close)]
    expected = talib.ADX(*columns, timeperiod=7)
    assert [row["SP500"] for row in found["values"]] == expected[-3:].tolist()
    frame = pl.read_parquet(folder / "adx.parquet")
    assert frame.columns == ["time", "symbol", "value"]
    np.testing.assert_array_equal(frame["value"].to_numpy(), expected)
    assert found["known"] == int(np.isfinite(expected).sum())


def test_compute_shows_the_last_closes(peak):
    ran = peak("features", "compute", "local_hour", "--data", "builtin:sp500", "--rows", "2")
    assert ran.code == 0
    assert [line.split() for line in ran.out.splitlines()[:2]] == [
        ["close", "(UTC)", "SP500"],
        ["2018-12-29T00:00:00Z", "23"],
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compute", "rsy", "--data", "builtin:sp500"), "did you mean rsi"),
        (("compute", "rsi(n=3)", "--data", "builtin:sp500"), "no parameter 'n'"),
        (("compute", "rsi", "--data", "builtin:sp5"), "did you mean"),
        (("compute", "rsi", "--data", "builtin:sp500", "--out", "x.txt"), "expected .csv"),
        (("compute", "trade_count", "--data", "builtin:sp500"), "of no venue of the store"),
        (("compute", "missing.py:gap", "--data", "builtin:sp500"), "does not exist"),
        (("materialize", "rsi", "--data", "builtin:sp500"), "of no venue of the store"),
        (("materialize", "rsi", "rsy", "--data", "kraken:X"), "did you mean rsi"),
        (("show", "macros"), "did you mean macro"),
        (("list", "--group", "volatile"), "did you mean volatility"),
    ],
)
def test_bad_input_is_exit_code_2_with_a_hint(peak, folder, arguments, said):
    ran = peak("features", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert not list(folder.iterdir())


def test_show_tells_the_definition_and_what_is_stored(peak, stored):
    before = peak("features", "show", "rsi(period=5)")
    assert before.code == 0
    assert "Nothing is stored of it." in before.out
    assert id_of("rsi(period=5)") in before.out
    peak("features", "materialize", "rsi(period=5)", "--data", "kraken:BTC/USD", "--interval", "1m")
    found = peak("features", "show", "rsi(period=5)", "--json").json
    assert (found["warmup"], found["lookback"], found["version"]) == (5, None, 1)
    (held,) = found["stored"]
    assert (held["series"], held["interval"], held["rows"]) == ("kraken:BTC/USD", "1m", 120)
    assert held["is_current"] is True
    macro = peak("features", "show", "macro")
    assert macro.code == 0
    assert "has none" in macro.out


def test_materialize_adds_what_is_new_alone(peak, stored, folder):
    line = ("features", "materialize", "rsi", "signed_volume", "--data", "kraken:BTC/USD")
    refused = peak(*line)
    assert refused.code == 2
    assert "trades of kraken:BTC/USD are not stored" in refused.err
    line = ("features", "materialize", "rsi", "yang_zhang", "--data", "kraken:BTC/USD", "--json")
    first = peak(*line).json
    assert [one["added"] for one in first["features"]] == [120, 120]
    again = peak(*line).json
    assert [(one["computed"], one["added"]) for one in again["features"]] == [(0, 0), (0, 0)]
    anew = peak(*line, "--anew").json
    assert [(one["computed"], one["added"]) for one in anew["features"]] == [(120, 0), (120, 0)]
    table = peak("features", "materialize", "atr", "--data", "kraken:BTC/USD")
    assert table.out.splitlines()[1].split()[-3:] == ["120", "120", "0"]


def test_features_of_a_file_of_ones_own(peak, own, folder):
    found = peak(
        "features",
        "compute",
        "own.py:body(by=2)",
        "--data",
        "builtin:sp500",
        "--rows",
        "1",
        "--json",
    ).json
    bars = load("builtin:sp500")
    assert found["values"][0]["SP500"] == 2 * (bars.close[-1, 0] / bars.open[-1, 0] - 1)
    listed = peak("features", "list", "--file", "own.py", "--group", "own", "--json").json
    assert {one["name"]: one["version"] for one in listed["features"]}["body"] == 2


def test_a_strategy_declares_features_and_is_backtested_swept_and_run(peak, own, folder):
    data = ("--data", "builtin:sp500", "--from", "2017-01-01")
    once = peak("backtest", "own.py:Strong", *data, "--set", "period=7", "--json").json
    assert once["data"]["features"] == [id_of("rsi(period=7)")]
    swept = peak("sweep", "own.py:Strong", *data, "--grid", "period=5,7", "--json").json
    rows = {row["params"]["period"]: row["stats"] for row in swept["rows"]}
    assert rows[7]["sharpe"] == pytest.approx(once["stats"]["sharpe"], abs=1e-12)
    assert rows[5]["sharpe"] != rows[7]["sharpe"]
    ran = peak(
        "run", "--strategy", "own.py:Strong", *data, "--set", "period=7", "--no-report", "--json"
    )
    assert ran.code == 0, ran.err
    replayed = peak("journal", "replay", "last")
    assert replayed.code == 0, replayed.err


def test_the_check_for_look_ahead_finds_a_leaking_feature(peak, own):
    lines = ("own.py:Strong", "--data", "builtin:sp500", "--every", "500", "--json")
    assert peak("causality", *lines).code == 0
    leaking = peak("causality", *lines, "--set", "kind=tomorrow")
    assert leaking.code == 1
    assert leaking.json["first_leak"]["columns"] == ["close"]


def test_a_session_whose_features_are_not_stored_never_begins(peak, own, stored):
    ran = peak(
        "run", "--strategy", "own.py:Strong", "--data", "kraken:BTC/USD", "--no-report",
        "--set", "kind=trade_count",
    )  # fmt: skip
    assert ran.code == 2
    assert "trades of kraken:BTC/USD are not stored" in ran.err
    assert peak("sessions", "list", "--strategy", "own.py:Strong", "--json").json["sessions"] == []


def test_listing_features_does_not_need_talib(folder: Path):
    block = folder / "sitecustomize.py"
    block.write_text(
        "import importlib.util as u\n"
        "_find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'talib' else _find(name, *a)\n"
    )
    code = (
        "import sys, sitecustomize\n"
        "from peak_trade.app.cli.main import main\n"
        "print(main(['features', 'list', '--group', 'volatility']), file=sys.stderr)\n"
        "print(main(['features', 'compute', 'talib.rsi', '--data', 'builtin:sp500']), file=sys.stderr)\n"
        "print('talib' in sys.modules, file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True
    )
    assert "pip install 'peak-trade[indicators]'" in ran.stdout
    assert "pip install 'peak-trade[indicators]'" in ran.stderr
    assert [line for line in ran.stderr.splitlines() if line in ("0", "2", "False")] == [
        "0",
        "2",
        "False",
    ]
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
