"""Runs under many terms, with actions and finer bars, are recorded whole and made again."""

from pathlib import Path

import pytest

MA = ("ma_cross", "--set", "fast=3", "--set", "slow=8", "--data", "file:bars.csv")
TERMS = {
    "costs": ("--fees", "kraken", "--slippage", "5", "--set", "costs.volume_share=0.1"),
    "fee file": ("--fees", "fees.toml"),
    "half spread": ("--set", "costs.half_spread=0.05", "--borrow", "0.03"),
    "trailing": ("--trailing", "0.05", "--trailing-arm", "0.01", "--break-even", "0.02"),
    "tables": ("--roi", "0:0.1,60:0.02", "--partials", "0.02:0.5"),
    "ranges": ("--stop-atr", "2", "--set", "exits.atr_window=5", "--max-bars", "6"),
    "limits": ("--max-drawdown", "0.05", "--set", "risk.backtest.flatten=true"),
    "margin": ("--leverage", "2", "--set", "margin.rate=0.05"),
    "sizing": ("--sizer", "volatility,target=0.2,window=5", "--sizer", "drawdown,limit=0.5"),
    "band": ("--rebalance", "band", "--band", "0.02", "--sizer", "fixed_fraction,fraction=0.5"),
    "actions": ("--actions", "actions.csv"),
    "detail": ("--detail", "file:half.csv", "--stop-loss", "0.02", "--take-profit", "0.02"),
    "freqtrade": ("--convention", "freqtrade", "--trailing", "0.05", "--currency", "USD"),
}


@pytest.fixture(autouse=True)
def files(bars_csv: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = bars_csv.parent
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "home"))
    (folder / "fees.toml").write_text("[[schedule]]\ntaker = 0.002\nmaker = 0.001\n")
    (folder / "actions.csv").write_text(
        "date,kind,value\n2024-02-01,dividend,2.0\n2024-02-10,split,2:1\n"
    )
    head, *days = bars_csv.read_text(encoding="utf-8").splitlines()
    halves = [head]
    for day in days:
        stamp, first, high, low, last, _ = day.split(",")
        halves.append(f"{stamp}T00:00,{first},{high},{first},{high},500")
        halves.append(f"{stamp}T12:00,{high},{high},{low},{last},500")
    (folder / "half.csv").write_text("\n".join(halves) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", TERMS)
def test_reproduce_of_a_run_with_terms_gives_the_same(peak, files: Path, case: str) -> None:
    free = peak("backtest", *MA, "--label", "free", "--json").json
    ran = peak("backtest", *MA, *TERMS[case], "--json")
    assert ran.code == 0, ran.out
    (files / "peak.toml").write_text("[exits]\nmax_bars = 1\n[costs]\ninterest = 0.5\n")
    told = peak("reproduce", "last", "--json")
    assert told.code == 0, told.out
    assert (told.json["same"], told.json["differences"], told.json["stats"]) == (True, {}, {})
    differs = peak("runs", "compare", "last~1", "last", "--json").json["differences"]
    own = {key for key in differs if not key.startswith("engine")}
    assert own
    if case != "margin":  # which weights of up to 1 have no use for
        assert ran.json["equity_final"] != free["equity_final"]


@pytest.mark.parametrize("case", ["costs", "trailing", "limits", "margin", "actions", "detail"])
def test_reproduce_of_a_sweep_with_terms_gives_the_same(peak, files: Path, case: str) -> None:
    grid = ("--grid", "fast=2,3", "--grid", "exits.max_bars=4,9", "--set", "slow=8")
    data = ("--data", "file:bars.csv")
    ran = peak("sweep", "ma_cross", *grid, *data, *TERMS[case], "--json")
    assert ran.code == 0, ran.out
    told = peak("reproduce", "last", "--json")
    assert told.code == 0, told.out
    assert (told.json["same"], told.json["differences"]) == (True, {})
    found = peak("runs", "show", "last", "--json").json
    assert (found["kind"], found["trials"]) == ("sweep", 4)
    assert found["engine"] == ("session" if case == "detail" else "fast")
    assert ("fingerprint" in found["data"].get(case, {})) == (case in ("actions", "detail"))


def test_record_has_the_fingerprints_of_actions_and_finer_bars(peak, files: Path) -> None:
    peak("backtest", *MA, *TERMS["actions"], *TERMS["detail"])
    found = peak("runs", "show", "last", "--json").json
    assert found["request"]["asked"]["actions"] == "actions.csv"
    assert found["request"]["asked"]["detail"] == "file:half.csv"
    assert found["data"]["actions"]["count"] == 2
    assert len(found["data"]["actions"]["fingerprint"]) == 16
    assert found["data"]["detail"]["bars"] == 120
    assert found["data"]["detail"]["fingerprint"] != found["data_fingerprint"]


@pytest.mark.parametrize(
    ("case", "file", "old", "new", "place"),
    [
        ("actions", "actions.csv", "2.0", "3.0", "data.actions.fingerprint"),
        ("detail", "half.csv", "T00:00,120,122,120,122", "T00:00,120,122,119,122",
         "data.detail.fingerprint"),
        ("fee file", "fees.toml", "0.002", "0.003", "terms.costs.fees"),
    ],
)  # fmt: skip
def test_reproduce_names_a_file_that_has_changed(
    peak, files: Path, case: str, file: str, old: str, new: str, place: str
) -> None:
    peak("backtest", *MA, *TERMS[case])
    text = (files / file).read_text(encoding="utf-8")
    assert old in text
    (files / file).write_text(text.replace(old, new), encoding="utf-8")
    assert place in peak("reproduce", "last", "--json").json["differences"]


def test_reproduce_without_its_actions_ends_with_2(peak, files: Path) -> None:
    peak("backtest", *MA, *TERMS["actions"])
    (files / "actions.csv").unlink()
    ran = peak("reproduce", "last")
    assert ran.code == 2
    assert "actions.csv" in ran.err


def test_runs_show_of_a_run_with_terms_is_readable(peak, files: Path) -> None:
    peak("backtest", *MA, *TERMS["tables"], *TERMS["sizing"], "--fees", "kraken")
    shown = peak("runs", "show", "last")
    assert shown.code == 0
    for part in ("terms.exits.roi", "terms.limits.max_drawdown", "terms.costs.fees"):
        assert part in shown.out
