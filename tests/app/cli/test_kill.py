"""`peak kill` as people use it: trip, see, recover; and what it refuses."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pyotp
import pytest

from peak_trade.app.cli.examples import IN_TURN
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.senders import Drained, Senders

PEAK = Path(sys.executable).with_name("peak")
CAUSE = "the feed sent a wrong price"


@pytest.fixture
def state(folder: Path) -> Path:
    """A folder with its own state, and no cooldown to wait for."""
    (folder / "peak.toml").write_text(
        '[state]\ndir = "state"\n[kill]\ncooldown_s = 0\n'
        '[journal]\nurl = "sqlite:///journal.sqlite"\n',
        encoding="utf-8",
    )
    return folder / "state"


class People:
    """Operators that were added, and their next one-time passwords."""

    def __init__(self, peak, monkeypatch: pytest.MonkeyPatch) -> None:
        self._peak, self._patch = peak, monkeypatch
        self._secrets: dict[str, str] = {}
        self._step = int(time.time()) // 30

    def add(self, name: str, role: str, *more: str) -> None:
        made = self._peak("kill", "operator", "add", name, "--role", role, "--json", *more).json
        self._patch.setenv(str(made["variable"]), str(made["secret"]))
        self._secrets[name] = str(made["secret"])

    def proof(self, name: str) -> tuple[str, ...]:
        """Options that show who somebody is; each time another password."""
        step = min(self._step, int(time.time()) // 30 + 1)
        self._step += 1
        return "--operator", name, "--otp", pyotp.TOTP(self._secrets[name]).at(step * 30)


@pytest.fixture
def people(peak, state: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    found = People(peak, monkeypatch)
    found.add("olaf", "operator")
    found.add("rita", "risk")
    return found


def test_trip_without_any_operator_stops_everything(peak, state: Path) -> None:
    ran = peak("kill", "trip", "--reason", "a test", "--json")
    assert ran.code == 0
    assert ran.json["status"] == "KILLED"
    assert ran.json["environment"] == "all"
    found = peak("kill", "status", "--json").json
    assert found["state"] == "KILLED"
    assert KillSwitch(state, environment="live", now_ns=0).blocking("a", "s", ("X",)) is not None


def test_trip_of_a_scope_and_environment_is_kept_to_it(peak, state: Path) -> None:
    ran = peak("kill", "trip", "--reason", "r", "--scope", "symbol:X", "--environment", "paper")
    assert ran.code == 0
    assert "KILLED: symbol:X in paper" in ran.out
    switch = KillSwitch(state, environment="paper", now_ns=0)
    assert switch.blocking("a", "s", ("X",)) is not None
    assert switch.blocking("a", "s", ("Y",)) is None


def test_trip_that_is_not_confirmed_ends_with_code_1(peak, state: Path, monkeypatch) -> None:
    monkeypatch.setattr(Senders, "drain", lambda *_: Drained((7,), ("a sender holds on",)))
    ran = peak("kill", "trip", "--reason", "r")
    assert ran.code == 1
    assert "KILL_UNCONFIRMED" in ran.out
    assert "NOT PROVEN: a sender holds on." in ran.out
    assert "Process 7" in ran.out


def test_trip_with_a_broken_configuration_needs_only_the_folder(peak, state: Path) -> None:
    (state.parent / "peak.toml").write_text("[what", encoding="utf-8")
    ran = peak("kill", "trip", "--reason", "r")
    assert ran.code == 2
    assert "--state" in ran.err
    assert peak("kill", "trip", "--reason", "r", "--state", "state").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trip",), "--reason"),
        (("trip", "--reason", "r", "--scope", "venue:x"), "scope"),
        (("trip", "--reason", "r", "--environment", "prod"), "prod"),
        (("approval-code", "--operator", "ann", "--otp", "1"), "ann"),
        (
            ("request-recovery", "--code", "c", "--cause", CAUSE, "--operator", "a", "--otp", "1"),
            "a",
        ),
        (("operator", "add", "a b", "--role", "risk"), "a b"),
        (("operator", "add", "ann", "--role", "boss"), "boss"),
    ],
)
def test_bad_input_is_code_2_and_changes_nothing(peak, state: Path, arguments, said: str) -> None:
    ran = peak("kill", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert not (state.parent / "config").exists()
    assert peak("kill", "status", "--json").json["state"] == "ACTIVE"


def test_recovery_by_two_people_leads_back(peak, people: People) -> None:
    peak("kill", "trip", "--reason", "a test")
    code = peak("kill", "approval-code", *people.proof("rita"), "--json").json["code"]
    asked = ("kill", "request-recovery", "--code", str(code), "--cause", CAUSE)
    ran = peak(*asked, *people.proof("olaf"), "--json")
    assert ran.code == 0, ran.out
    assert ran.json["state"] == "RECOVERING"
    assert peak("kill", "status", "--json").json["state"] == "RECOVERING"
    people.add("ruth", "risk")
    done = peak("kill", "complete-recovery", *people.proof("ruth"), "--json")
    assert done.code == 0, done.out
    assert (done.json["state"], done.json["needs_arming"]) == ("ACTIVE", False)
    assert peak("kill", "status").out.startswith("ACTIVE at epoch 4")
    kinds = [line.split()[3] for line in peak("kill", "history").out.splitlines()[1:]]
    assert kinds == ["made", "kill", "code", "recovering", "active"]


def test_recovery_with_a_wrong_code_is_refused_and_counted(peak, people: People) -> None:
    peak("kill", "trip", "--reason", "a test")
    peak("kill", "approval-code", *people.proof("rita"))
    ran = peak(
        "kill", "request-recovery", "--code", "AAAAA", "--cause", CAUSE, *people.proof("olaf")
    )
    assert ran.code == 2
    assert "4 tries are left" in ran.err


def test_recovery_after_a_change_of_configuration_is_refused(
    peak, people: People, state: Path
) -> None:
    peak("kill", "trip", "--reason", "a test")
    code = peak("kill", "approval-code", *people.proof("rita"), "--json").json["code"]
    toml = state.parent / "peak.toml"
    toml.write_text(toml.read_text("utf-8") + "[risk.backtest]\nmax_order = 1.0\n", "utf-8")
    asked = ("kill", "request-recovery", "--code", str(code), "--cause", CAUSE)
    ran = peak(*asked, *people.proof("olaf"))
    assert ran.code == 2
    assert "not for this state" in ran.err


def test_operator_may_not_approve(peak, people: People) -> None:
    peak("kill", "trip", "--reason", "a test")
    ran = peak("kill", "approval-code", *people.proof("olaf"))
    assert ran.code == 2
    assert "may not approve a recovery" in ran.err


def test_password_is_asked_for_where_one_is_set(peak, state: Path, monkeypatch) -> None:
    people = People(peak, monkeypatch)
    monkeypatch.setenv("PEAK_OPERATOR_PASSWORD", "correct horse")
    people.add("rita", "risk", "--password")
    assert "correct horse" not in (state.parent / "config" / "operators.toml").read_text("utf-8")
    peak("kill", "trip", "--reason", "a test")
    monkeypatch.delenv("PEAK_OPERATOR_PASSWORD")
    ran = peak("kill", "approval-code", *people.proof("rita"))
    assert ran.code == 2
    assert "password of rita" in ran.err
    monkeypatch.setenv("PEAK_OPERATOR_PASSWORD", "correct horse")
    assert peak("kill", "approval-code", *people.proof("rita")).code == 0


def test_reset_of_a_peak_is_kept_for_its_session(peak, people: People, state: Path) -> None:
    ran = peak(
        "kill", "reset-peak", "--account", "a1", "--reason", "a deposit was booked",
        *people.proof("rita"), "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.out
    (found,) = KillSwitch(state, environment="paper", now_ns=0).peak_resets("a1")
    assert found.seq == ran.json["seq"]
    assert found.by == "rita"


def test_reset_of_a_live_peak_takes_two_persons(peak, people: People) -> None:
    asked = ("kill", "reset-peak", "--account", "a1", "--reason", "a deposit was booked",
             "--environment", "live")  # fmt: skip
    ran = peak(*asked, *people.proof("rita"))
    assert ran.code == 2
    assert "two persons" in ran.err
    people.add("ruth", "risk")
    _, _, _, otp = people.proof("ruth")
    people.add("rosa", "risk")
    ran = peak(*asked, *people.proof("rosa"), "--approver", "ruth", "--approver-otp", otp)
    assert ran.code == 0, ran.err


def test_operators_are_added_by_an_admin_where_there_is_one(peak, people: People) -> None:
    people.add("ada", "admin")
    ran = peak("kill", "operator", "add", "eve", "--role", "risk")
    assert ran.code == 2
    assert "by an admin" in ran.err
    refused = peak("kill", "operator", "add", "eve", "--role", "risk", *people.proof("rita"))
    assert refused.code == 2
    assert "may not manage" in refused.err
    assert peak("kill", "operator", "add", "eve", "--role", "risk", *people.proof("ada")).code == 0
    names = [row["name"] for row in peak("kill", "operator", "list", "--json").json["operators"]]
    assert names == ["olaf", "rita", "ada", "eve"]


def test_operator_that_is_there_is_not_added_again(peak, people: People) -> None:
    ran = peak("kill", "operator", "add", "olaf", "--role", "risk")
    assert ran.code == 2
    assert "is there already" in ran.err


def test_secrets_are_in_no_file_and_no_listing(peak, people: People, state: Path) -> None:
    secrets = list(people._secrets.values())
    peak("kill", "trip", "--reason", "a test")
    code = str(peak("kill", "approval-code", *people.proof("rita"), "--json").json["code"])
    shown = peak("config", "show").out + peak("config", "show", "--json").out
    shown += peak("kill", "history", "--json").out + peak("kill", "operator", "list").out
    for secret in (*secrets, code):
        assert secret not in shown
        for path in state.parent.rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path


def test_password_in_the_clear_is_refused_and_not_repeated(peak, folder: Path) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "operators.toml").write_text(
        '[[operator]]\nname = "a"\nrole = "risk"\ntotp = "env:X"\npassword = "hunter2"\n', "utf-8"
    )
    ran = peak("kill", "operator", "list")
    assert ran.code == 2
    assert "argon2" in ran.err
    assert "hunter2" not in ran.err + ran.out


def test_status_lists_every_scope_with_its_first_reason(peak, state: Path) -> None:
    peak("kill", "trip", "--reason", "first")
    peak("kill", "trip", "--reason", "second")
    out = peak("kill", "status").out
    assert "first (+1 more)" in out
    assert "KILLED" in out


@pytest.mark.parametrize("command", IN_TURN)
def test_help_of_commands_that_need_others_shows_them(peak, command: str) -> None:
    ran = peak(*command.split(), "--help")
    assert ran.code == 0
    assert IN_TURN[command][0] in [line.strip() for line in ran.out.splitlines()]


def test_trip_from_a_process_is_one_json_object(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(PEAK), "kill", "trip", "--reason", "r", "--state", str(tmp_path / "s"), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "KILLED"
    assert done.stderr == ""
