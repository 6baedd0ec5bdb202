"""`peak sessions`: found by id, beginning or age; what is wrong is said and changes nothing."""

from pathlib import Path

import pytest
from app.cli.sessions_at_hand import SHORT, rows

from peak_trade.app import session_records


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database and a state folder for each test."""
    found = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(found))
    return found


@pytest.fixture
def two(peak, bars_csv: Path) -> tuple[str, str]:
    """The ids of two sessions that have ended, the older first."""
    first = str(peak(*SHORT, "--json").json["session"])
    other = (*SHORT[:2], "rsi_reversion,n=3", *SHORT[3:], "--account", "other")
    return first, str(peak(*other, "--json").json["session"])


def ids(found: dict[str, object]) -> list[object]:
    return [row["id"] for row in rows(found, "sessions")]


def test_list_without_any_session_says_so(peak) -> None:
    ran = peak("sessions")
    assert (ran.code, ran.err) == (0, "")
    assert "peak run starts one" in ran.out
    assert peak("sessions", "list", "--json").json == {"sessions": []}


def test_list_shows_the_newest_first_and_filters(peak, two: tuple[str, str]) -> None:
    first, second = two
    assert ids(peak("sessions", "list", "--json").json) == [second, first]
    assert ids(peak("sessions", "list", "--limit", "1", "--json").json) == [second]
    assert ids(peak("sessions", "list", "--strategy", "ma_cross", "--json").json) == [first]
    assert ids(peak("sessions", "list", "--account", "other", "--json").json) == [second]
    assert ids(peak("sessions", "list", "--state", "done", "--json").json) == [second, first]
    assert ids(peak("sessions", "list", "--state", "running", "--json").json) == []
    lines = peak("sessions").out.splitlines()
    assert [line.split()[0] for line in lines] == ["session", second, first]
    assert lines == peak("sessions", "list").out.splitlines()


@pytest.mark.parametrize("reference", ["last~1", "the id", "a beginning"])
def test_show_finds_a_session_by_every_name(peak, two: tuple[str, str], reference: str) -> None:
    first, second = two
    common = next(k for k in range(17) if first[:k] != second[:k])
    named = {"last~1": "last~1", "the id": first, "a beginning": first[:common]}[reference]
    assert peak("sessions", "show", named, "--json").json["id"] == first


def test_show_tells_what_the_list_tells(peak, two: tuple[str, str]) -> None:
    listed = rows(peak("sessions", "list", "--json").json, "sessions")[0]
    shown = peak("sessions", "show", "--json").json
    assert {name: shown[name] for name in listed} == listed
    out = peak("sessions", "show").out
    assert "rsi_reversion on paper account other" in out
    assert "started" in out
    assert "Warning" not in out


@pytest.mark.parametrize("command", [("show",), ("stop",), ("resume",)])
def test_unknown_session_is_refused_with_the_nearest_id(
    peak, two: tuple[str, str], command: tuple[str, ...]
) -> None:
    wrong = two[0][:-1] + ("0" if two[0][-1] != "0" else "1")
    ran = peak("sessions", *command, wrong)
    assert (ran.code, ran.out) == (2, "")
    assert two[0] in ran.err
    assert "did you mean" in ran.err


def test_beginning_of_several_is_refused(peak, two: tuple[str, str]) -> None:
    ran = peak("sessions", "show", two[0][:4])
    assert ran.code == 2
    assert "several sessions begin" in ran.err


def test_session_that_has_ended_can_neither_be_stopped_nor_gone_on_with(
    peak, two: tuple[str, str]
) -> None:
    stopped = peak("sessions", "stop", two[0])
    assert (stopped.code, stopped.out) == (2, "")
    assert f"session {two[0]} does not run: it is done" in stopped.err
    resumed = peak("sessions", "resume", two[0], "--json")
    assert resumed.code == 2
    assert "is done" in resumed.json["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stop",), "SESSION"),
        (("stop", "last", "--how", "burn"), "burn"),
        (("resume", "last", "--speed", "0"), "speed '0' is no number above 0"),
        (("list", "--limit", "0"), "--limit"),
        (("lst",), "lst"),
    ],
)
def test_bad_input_is_refused(
    peak, two: tuple[str, str], arguments: tuple[str, ...], message: str
) -> None:
    ran = peak("sessions", *arguments)
    assert ran.code == 2
    assert message in ran.err


def test_running_session_whose_process_is_gone_is_cut_off(
    peak, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    from peak_trade.engine.clock import now_ns
    from peak_trade.journal.database import open_database
    from peak_trade.journal.sessions import Sessions

    Sessions(open_database()).reopen(two[0], now_ns=now_ns())

    def state() -> object:
        return rows(peak("sessions", "list", "--json").json, "sessions")[1]["state"]

    assert state() == "running"  # this very process took the account last

    def is_gone(*_: object) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(session_records.os, "kill", is_gone)
    assert state() == "cut off"
    assert ids(peak("sessions", "list", "--state", "cut off", "--json").json) == [two[0]]

    def is_of_another(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(session_records.os, "kill", is_of_another)
    assert state() == "running"
    (lock,) = home.glob("**/accounts/paper-paper")
    lock.unlink()
    assert state() == "cut off"
