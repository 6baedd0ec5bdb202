"""The register of sessions: kept, changed, and found again."""

import dataclasses

import pytest

from peak_trade.domain.errors import JournalError
from peak_trade.journal.database import Database
from peak_trade.journal.sessions import RUNNING, SessionRow, Sessions


def session(name: str, started_ns: int = 1, **fields: object) -> SessionRow:
    row = SessionRow(
        id=name, account="main", environment="paper", mode="paper", strategy="ma_cross",
        started_ns=started_ns, request={"fast": 20, "symbols": ["BTC-USD"]},
    )  # fmt: skip
    return dataclasses.replace(row, **fields)  # type: ignore[arg-type]


@pytest.fixture
def register(database: Database) -> Sessions:
    return Sessions(database)


def test_session_is_found_as_it_was_registered(register: Sessions) -> None:
    given = session("S1", venue="sim", label="first", config_digest="c", code_version="1")
    register.register(given)
    assert register.get("S1") == dataclasses.replace(given, updated_ns=1)
    assert register.get("S1").state == RUNNING
    assert register.get("S1").to_dict()["request"] == {"fast": 20, "symbols": ["BTC-USD"]}


def test_id_is_registered_once(register: Sessions) -> None:
    register.register(session("S1"))
    with pytest.raises(JournalError, match="S1 is there already"):
        register.register(session("S1", label="another"))
    assert register.get("S1").label == ""


def test_update_changes_what_is_given_alone(register: Sessions) -> None:
    register.register(session("S1"))
    register.register(session("S2"))
    register.update("S1", now_ns=5, state="failed", ended_ns=5, detail="disk full", result={"x": 1})
    found = register.get("S1")
    assert (found.state, found.ended_ns, found.detail, found.updated_ns) == (
        "failed", 5, "disk full", 5,
    )  # fmt: skip
    register.update("S1", now_ns=6)
    assert register.get("S1") == dataclasses.replace(found, updated_ns=6)
    assert register.get("S2").state == RUNNING


def test_session_that_is_recovered_runs_again(register: Sessions) -> None:
    register.register(session("S1"))
    register.update("S1", now_ns=5, state="crashed", ended_ns=5, detail="killed")
    register.reopen("S1", now_ns=7)
    found = register.get("S1")
    assert (found.state, found.ended_ns, found.detail) == (RUNNING, None, "")


def test_get_takes_the_beginning_of_an_id_or_last(register: Sessions) -> None:
    for k, name in enumerate(["01AB", "01AC", "01AC2", "02"]):
        register.register(session(name, started_ns=10 - k))
    assert register.get("02").id == "02"
    assert register.get("01AB").id == "01AB"
    assert register.get("01AC").id == "01AC", "the whole of one is that one"
    assert register.get("last").id == "01AB"
    with pytest.raises(JournalError, match="several sessions begin"):
        register.get("01A")


@pytest.mark.parametrize("reference", ["none", "", "%", "last~1"])
def test_session_that_is_not_there_is_told(register: Sessions, reference: str) -> None:
    register.register(session("S1"))
    with pytest.raises(JournalError, match="there is no session"):
        register.get(reference)


def test_change_of_a_session_that_is_not_there_is_told(register: Sessions) -> None:
    with pytest.raises(JournalError, match="there is no session"):
        register.update("S1", now_ns=1, state="ended")
    with pytest.raises(JournalError, match="there is no session"):
        register.reopen("S1", now_ns=1)
    with pytest.raises(JournalError, match="there is no session"):
        register.get("last")


def test_list_gives_those_that_match_the_newest_first(register: Sessions) -> None:
    register.register(session("S1", started_ns=1))
    register.register(session("S2", started_ns=2, account="other", mode="shadow"))
    register.register(session("S3", started_ns=3, environment="live", strategy="macd"))
    register.update("S3", now_ns=4, state="ended", ended_ns=4)
    ids = {
        "all": register.list(),
        "account": register.list(account="main"),
        "environment": register.list(environment="live"),
        "mode": register.list(mode="shadow"),
        "strategy": register.list(strategy="macd"),
        "state": register.list(state=RUNNING),
        "since": register.list(since_ns=2),
        "limit": register.list(limit=1),
        "both": register.list(account="main", state=RUNNING),
    }
    assert {key: [row.id for row in rows] for key, rows in ids.items()} == {
        "all": ["S3", "S2", "S1"],
        "account": ["S3", "S1"],
        "environment": ["S3"],
        "mode": ["S2"],
        "strategy": ["S3"],
        "state": ["S2", "S1"],
        "since": ["S3", "S2"],
        "limit": ["S3"],
        "both": ["S1"],
    }
