"""The life of a session as its operator sees it: started, looked at, ended, cut off, gone on with."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from app.cli.sessions_at_hand import SECONDS, SHORT, SLOW, kill, process, rows, wait_until

import peak_trade as pt
from peak_trade.app.cli.examples import IN_TURN
from peak_trade.journal.export import read_export

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database and a state folder for each test."""
    found = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(found))
    return found


def states(peak) -> list[object]:
    return [row["state"] for row in rows(peak("sessions", "list", "--json").json, "sessions")]


def is_trading(peak) -> bool:
    """Whether the newest session runs and has booked a fill."""
    found = rows(peak("sessions", "list", "--json").json, "sessions")
    return bool(found) and found[0]["state"] == "running" and int(str(found[0]["fills"])) > 0


def test_session_of_real_data_trades_what_a_backtest_trades(peak, folder: Path) -> None:
    data = ("--data", "builtin:sp500", "--from", "2010-01-01")
    ran = peak(
        "run", "-s", "ma_cross,fast=20,slow=100", *data, "--commission", "10", "--no-report",
        "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    session = str(ran.json["session"])
    result = pt.backtest(
        pt.strategies.MaCross(fast=20, slow=100),
        pt.load("builtin:sp500"),
        start="2010-01-01",
        costs=pt.Costs(commission=0.001),
    )
    expected = result.record.fills
    assert len(expected) > 20

    fills = rows(peak("fills", "--limit", "999", "--json").json, "fills")[::-1]
    assert [fill["time_ns"] for fill in fills] == expected.time.tolist()
    assert [fill["lots"] for fill in fills] == expected.lots.tolist()
    assert [fill["price"] for fill in fills] == expected.price.tolist()
    assert [fill["fee"] for fill in fills] == expected.fee.tolist()
    assert [fill["cash"] for fill in fills] == expected.cash.tolist()

    (listed,) = rows(peak("sessions", "list", "--json").json, "sessions")
    assert (listed["id"], listed["state"], listed["rows"]) == (
        session,
        "done",
        len(result.record.equity),
    )
    assert (listed["fills"], listed["equity"]) == (len(expected), float(result.record.equity[-1]))

    shown = peak("sessions", "show", session[:12], "--json").json
    assert shown["equity"] == float(result.record.equity[-1])
    assert shown["oddities"] == []
    held = peak("positions", "--json").json
    assert held["cash"] == {"USD": float(expected.cash[-1])}
    entries = peak("ledger", "--limit", "999", "--json").json
    assert entries["total"] == len(expected)
    assert sum(float(str(fill["fee"])) for fill in fills) == pytest.approx(entries["fees"])
    told = peak("orders", "--limit", "999", "--json").json
    assert {order["state"] for order in rows(told, "orders")} <= {"filled", "canceled"}

    assert peak("journal", "verify").code == 0
    again = peak("journal", "replay", session, "--json")
    assert (again.code, again.json["is_same"]) == (0, True)
    assert again.json["compared"] > 2 * len(result.record.equity)


def test_journal_that_is_exported_is_whole_in_both_forms(peak, bars_csv: Path) -> None:
    assert peak(*SHORT).code == 0
    (first, second) = ("one.jsonl", "two.parquet")
    count = peak("journal", "export", "last", first, "--json").json["records"]
    assert peak("journal", "export", "last", second).out.splitlines()[-1] == second
    read = [row for _, row in read_export(bars_csv.parent / first)]
    assert [row for _, row in read_export(bars_csv.parent / second)] == read
    assert len(read) == count
    lines = [json.loads(line) for line in (bars_csv.parent / first).read_text().splitlines()]
    frame = pl.read_parquet(bars_csv.parent / second)
    assert [line["kind"] for line in lines] == frame["kind"].to_list()
    told = peak("journal", "tail", "-n", "9999", "--json").json
    assert [entry["payload"] for entry in rows(told, "records")] == [x["payload"] for x in lines]


def test_session_that_is_stopped_cancels_and_closes_what_it_was_told(peak, bars_csv: Path) -> None:
    with process(bars_csv.parent, *SLOW) as running:
        wait_until(lambda: is_trading(peak))
        assert states(peak) == ["running"]
        ran = peak("sessions", "stop", "last", "--how", "flatten", "--json")
        assert (ran.code, ran.json["state"], ran.json["has_ended"]) == (0, "stopped", True)
        running.communicate(timeout=SECONDS)
    assert running.returncode == 0
    assert peak("positions", "--json").json["positions"] == []
    assert peak("orders", "--state", "open", "--json").json["total"] == 0
    last = rows(peak("fills", "--json").json, "fills")[0]
    assert last["reason"] in ("flatten", "target")
    assert peak("journal", "verify").code == 0


def test_session_that_was_stopped_trades_on_where_it_is_resumed(peak, bars_csv: Path) -> None:
    with process(bars_csv.parent, *SLOW) as running:
        wait_until(lambda: is_trading(peak))
        assert peak("sessions", "stop", "last").code == 0
        running.communicate(timeout=SECONDS)
    before = peak("fills", "--limit", "99", "--json").json
    assert "peak sessions resume" in peak("sessions", "show").out
    assert peak("sessions", "resume", "last", "--no-report").code == 0
    after = peak("fills", "--limit", "99", "--json").json
    kept = int(str(before["total"]))
    assert rows(after, "fills")[-kept:] == rows(before, "fills")
    assert int(str(after["total"])) > kept
    assert states(peak) == ["done"]
    assert (peak("journal", "verify").code, peak("journal", "replay").code) == (0, 0)


def test_session_that_does_not_end_in_time_is_said_to_run_on(peak, bars_csv: Path) -> None:
    with process(bars_csv.parent, *SLOW[:-1], "1") as running:  # a bar a day
        wait_until(lambda: states(peak) == ["running"])
        running.send_signal(signal.SIGSTOP)
        ran = peak("sessions", "stop", "last", "--wait", "0.1")
        assert ran.code == 1
        assert "runs on" in ran.out


def test_session_that_was_cut_off_goes_on_as_if_nothing_had_been(peak, bars_csv: Path) -> None:
    with process(bars_csv.parent, *SLOW) as running:
        wait_until(lambda: is_trading(peak))
        kill(running)
    assert states(peak) == ["cut off"]
    assert "peak sessions resume" in peak("sessions", "show").out
    assert (peak("journal", "verify").code, peak("journal", "replay").code) == (0, 0)
    ran = peak("sessions", "resume", "last", "--no-report", "--json")
    assert (ran.code, ran.json["state"]) == (0, "done")
    interrupted = rows(peak("fills", "--limit", "99", "--json").json, "fills")
    shown = peak("sessions", "show", "--json").json
    assert [one["is_recovery"] for one in rows(shown, "incarnations")] == [False, True]
    assert (peak("journal", "verify").code, peak("journal", "replay").code) == (0, 0)

    assert peak(*SHORT).code == 0
    whole = rows(peak("fills", "--limit", "99", "--json").json, "fills")
    names = ("time", "lots", "price", "fee", "cash", "position", "reason")
    assert [[fill[n] for n in names] for fill in interrupted] == [
        [fill[n] for n in names] for fill in whole
    ]


def test_tail_follows_a_session_to_its_end(peak, bars_csv: Path) -> None:
    with process(bars_csv.parent, *SLOW[:-1], "1728000") as running:  # twenty bars a second
        wait_until(lambda: states(peak) == ["running"])
        follow = ("journal", "tail", "last", "--follow", "--kind", "fill", "-n", "999", "--json")
        with process(bars_csv.parent, *follow) as following:
            out, err = following.communicate(timeout=SECONDS)
        assert following.returncode == 0, err
        running.communicate(timeout=SECONDS)
    followed = [json.loads(line)["seq"] for line in out.splitlines()]
    fills = rows(peak("fills", "--limit", "999", "--json").json, "fills")
    assert followed == [fill["seq"] for fill in fills][::-1]
    assert len(followed) > 3


def test_kill_ends_what_a_session_sends_and_it_may_not_start_again(peak, bars_csv: Path) -> None:
    with process(bars_csv.parent, *SLOW) as running:
        wait_until(lambda: is_trading(peak))
        tripped = peak("kill", "trip", "--reason", "a drill")
        assert tripped.code == 0, tripped.err
        before = peak("orders", "--limit", "999", "--json").json
        wait_until(lambda: bool(peak("sessions", "show", "--json").json["kills"]))
        running.communicate(timeout=SECONDS)
    assert running.returncode == 1
    shown = peak("sessions", "show", "--json").json
    assert shown["state"] == "killed"
    assert [mark["reason"] for mark in rows(shown, "kills")] == ["a drill"]
    assert peak("orders", "--state", "open", "--json").json["total"] == 0
    after = peak("orders", "--limit", "999", "--json").json
    later = rows(after, "orders")[: int(after["total"]) - int(before["total"])]
    assert {order["state"] for order in later} <= {"denied"}
    refused = peak(*SHORT)
    assert refused.code == 2
    assert "a drill" in refused.err


@pytest.mark.parametrize(
    "example",
    [
        line
        for name, lines in IN_TURN.items()
        for line in lines
        if name.split()[0] != "kill" and name not in ("sessions stop", "sessions resume")
    ],
)
def test_example_of_a_session_command_runs(peak, folder: Path, example: str) -> None:
    for start in ("2017-01-01", "2017-06-01"):  # last~1 and last
        ran = peak(
            "run", "-s", "ma_cross", "--data", "builtin:sp500", "--from", start, "--no-report"
        )
        assert ran.code == 0, ran.err
    ran = peak(*example.split()[1:])
    assert (ran.code, ran.err) == (0, "")
    assert ran.out


@pytest.mark.parametrize("command", [name for name in IN_TURN if not name.startswith("kill")])
def test_help_of_a_session_command_shows_its_examples(peak, command: str) -> None:
    ran = peak(*command.split(), "--help")
    assert ran.code == 0
    lines = [line.strip() for line in ran.out.splitlines()]
    assert all(example in lines for example in IN_TURN[command])


def test_process_helper_ends_what_it_started(folder: Path) -> None:
    with process(folder, "data", "list") as running:
        pass
    assert isinstance(running, subprocess.Popen)
    assert running.poll() is not None
