"""`peak journal`: faults are found and named, differences are shown, nothing is half-written."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from app.cli.sessions_at_hand import SHORT, rows

MINE = (
    "import numpy as np\n\n"
    "class Mine:\n    '''Hold.'''\n"
    "    def targets(self, bars):\n        return np.full(len(bars), {weight})\n"
)
RUN_MINE = ("run", "-s", "mine.py:Mine", "--data", "file:bars.csv", "--no-report")


@pytest.fixture(autouse=True)
def database(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database and a state folder for each test; gives the path of the database."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    return home / "peak-trade" / "journal.sqlite"


@pytest.fixture
def session(peak, bars_csv: Path) -> str:
    """The id of a session that has ended."""
    return str(peak(*SHORT, "--json").json["session"])


def change(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_verify_without_any_journal_says_so(peak) -> None:
    ran = peak("journal", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert "There is no journal yet" in ran.out


def test_verify_of_a_session_that_ended_is_whole(peak, session: str) -> None:
    told = peak("journal", "verify", session[:10], "--json").json
    (one,) = rows(told, "journals")
    assert told["is_whole"] is True
    assert (one["stream"], one["is_closed"], one["unanchored"]) == (session, True, 0)
    assert peak("journal", "verify").out.splitlines()[1].split() == [
        session, f"{one['records']}", f"{one['anchored']}", "1", "in", "order", "whole",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE events SET payload = payload || ' ' WHERE seq = 40", 40),
        ("DELETE FROM events WHERE seq = 17", 17),
        ("UPDATE events SET time_ns = time_ns + 1 WHERE seq = 9", 9),
    ],
)
def test_verify_names_the_first_record_that_is_not_what_was_written(
    peak, session: str, database: Path, statement: str, first_bad: int
) -> None:
    change(database, statement)
    ran = peak("journal", "verify")
    assert ran.code == 1
    assert f"record {first_bad}:" in ran.out
    assert f"Records 1 to {first_bad - 1} are whole." in ran.out
    assert "docs/runbooks/divergence.md" in ran.out
    (one,) = rows(peak("journal", "verify", session, "--json").json, "journals")
    assert rows(one, "faults")[0]["seq"] == first_bad


def test_verify_finds_records_that_were_cut_off_the_end(peak, session: str, database: Path) -> None:
    whole = rows(peak("journal", "verify", "--json").json, "journals")[0]["records"]
    change(database, f"DELETE FROM events WHERE seq > {int(str(whole)) - 3}")
    ran = peak("journal", "verify", session)
    assert ran.code == 1
    assert f"record {int(str(whole)) - 2:,}: records were cut" in ran.out


def test_damaged_journal_is_not_told_exported_or_made_again(
    peak, session: str, database: Path, folder: Path
) -> None:
    change(database, "UPDATE events SET payload = '{}' WHERE seq = 40")
    for command in (
        ("positions",), ("sessions", "show"), ("journal", "export", "last", "out.jsonl"),
        ("journal", "replay"),
    ):  # fmt: skip
        ran = peak(*command)
        assert ran.code == 2, command
        assert "40" in ran.err
    assert not (folder / "out.jsonl").exists()


def test_replay_of_a_session_whose_strategy_was_changed_shows_what_differs(
    peak, bars_csv: Path
) -> None:
    (bars_csv.parent / "mine.py").write_text(MINE.format(weight=0.5))
    assert peak(*RUN_MINE).code == 0
    assert peak("journal", "replay").code == 0
    (bars_csv.parent / "mine.py").write_text(MINE.format(weight=0.4))
    ran = peak("journal", "replay")
    assert ran.code == 1
    assert ran.out.startswith("DIFFERENT: ")
    told = peak("journal", "replay", "last", "--limit", "2", "--json")
    assert told.code == 1
    assert told.json["is_same"] is False
    first, second = rows(told.json, "differences")
    assert "targets" in str(first["kind"])
    assert ("0.5" in str(first["written"]), "0.4" in str(first["made"])) == (True, True)
    assert "order.intent" in str(second["kind"])
    assert int(str(told.json["parted"])) > 2
    limited = peak("journal", "replay", "--limit", "1").out
    assert f"... and {int(str(told.json['parted'])) - 1:,} more." in limited
    resumed = peak("sessions", "resume", "last")
    assert resumed.code == 2


def test_tail_tells_the_last_records_oldest_first(peak, session: str) -> None:
    lines = peak("journal", "tail", "-n", "3").out.splitlines()
    assert [line.split()[3] for line in lines] == ["equity", "session.stopped", "snapshot"]
    fills = peak("journal", "tail", session, "--kind", "fill", "-n", "2").out
    assert len(fills.splitlines()) == 2
    assert "buy" in fills or "sell" in fills
    told = rows(peak("journal", "tail", "-n", "3", "--json").json, "records")
    assert [entry["kind"] for entry in told] == ["equity", "session.stopped", "snapshot"]


def test_tail_tells_orders_and_targets_in_words(peak, session: str) -> None:
    lines = peak("journal", "tail", "-n", "999").out.splitlines()
    said = {line.split()[3]: line for line in lines}
    assert "ma_cross on account paper (paper)" in said["session.started"]
    assert "market (target)" in said["order.intent"]
    assert "bars" in said["targets"]  # the instrument of bars.csv
    assert said["order.state"].endswith(("accepted", "filled", "cash did not pay"))
    assert not [line for line in lines if "{" in line]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "last", "out.csv"), "expected .jsonl or .parquet"),
        (("export", "last", "nowhere/out.jsonl"), "does not exist"),
        (("export", "nothing", "out.jsonl"), "there is no session 'nothing'"),
        (("tail", "nothing"), "there is no session 'nothing'"),
        (("tail", "-n", "0"), "-n"),
        (("verify", "nothing"), "there is no session 'nothing'"),
        (("replay", "last~9"), "there is no session 'last~9'"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    peak, session: str, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    before = sorted(folder.iterdir())
    ran = peak("journal", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert sorted(folder.iterdir()) == before


def test_export_replaces_a_file_only_where_that_is_asked_for(
    peak, session: str, folder: Path
) -> None:
    (folder / "out.jsonl").write_text("mine")
    ran = peak("journal", "export", session, "out.jsonl")
    assert ran.code == 2
    assert (folder / "out.jsonl").read_text() == "mine"
    assert peak("journal", "export", session, "out.jsonl", "--overwrite").code == 0
    assert (folder / "out.jsonl").read_text().startswith('{"')
