"""What is read from journals before a recovery; what cannot be told blocks."""

from dataclasses import replace
from pathlib import Path

import pytest

from peak_trade.app import limits_files
from peak_trade.app.config import Assignment, configure
from peak_trade.app.limits_files import limits_in_force
from peak_trade.app.recovery_facts import facts_of
from peak_trade.app.settings import Settings
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.sessions import SessionRow, Sessions
from peak_trade.journal.writer import JournalWriter
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kills import GLOBAL, Instant, Kill, KillState, Reason, Scope
from peak_trade.risk.operators import Role, Verified

DAY = 86_400_000_000_000
KILLED_NS = 20_000 * DAY + 5
RISK = Verified("rita", Role.RISK, has_second_factor=True)


class Scene:
    """A state folder, a database, and sessions in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'journal.sqlite'}"
        self.switch = KillSwitch(
            folder / "state", environment="", now_ns=0, alert=lambda trip: None
        )

    @property
    def database(self) -> Database:
        return open_database(self.url)

    def session(self, records, *, name="s1", account="a1", venue="simulated") -> None:
        Sessions(self.database).register(
            SessionRow(
                id=name,
                account=account,
                environment="paper",
                mode="paper",
                strategy="trend",
                venue=venue,
                started_ns=1,
                request={},
            )
        )
        writer = JournalWriter.open(
            self.database, name, state_dir=self.folder / "state", holder="test"
        )
        for time_ns, kind, payload in records:
            writer.append(kind, payload, time_ns)
        writer.sync()
        writer.close()

    def facts(self, scope: Scope = GLOBAL, *, now_ns: int = KILLED_NS + 1):
        found = configure(
            Settings,
            self.folder,
            environ={},
            overrides=[Assignment("journal.url", self.url, "--set", is_text=True)],
        )
        kill = Kill(scope, KillState.KILLED, 2, (Reason("r", "t", KILLED_NS),))
        return facts_of(found, self.switch, kill, now_ns)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.chdir(tmp_path)

    def limits(found, environment: str):
        whole = limits_in_force(found, environment)
        return replace(whole, account=replace(whole.account, max_drawdown=0.5, max_daily_loss=0.1))

    monkeypatch.setattr(limits_files, "limits_in_force", limits)
    return Scene(tmp_path)


def equity(*values: float, day: int = 100):
    """One bar's equity a day."""
    return [
        ((day + n) * DAY, "equity", {"row": n, "equity": value}) for n, value in enumerate(values)
    ]


def test_account_without_a_session_is_clear(scene: Scene) -> None:
    assert scene.facts().problems() == ()
    assert "no session" in scene.facts().limits.evidence


def test_flat_account_without_a_breach_is_clear(scene: Scene) -> None:
    scene.session(equity(100.0, 101.0, 100.5))
    assert scene.facts().problems() == ()


def test_session_without_a_bar_is_clear(scene: Scene) -> None:
    scene.session([])
    assert scene.facts().problems() == ()


def test_drawdown_beyond_its_limit_blocks_until_the_peak_is_reset(scene: Scene) -> None:
    scene.session(equity(100.0, 80.0, 60.0, 30.0))
    (problem,) = scene.facts(now_ns=KILLED_NS + DAY).problems()
    assert "drawdown 70.0%" in problem
    scene.switch.reset_peak(
        environment="paper",
        account="a1",
        reason="the strategy was replaced",
        operator=RISK,
        now=Instant(KILLED_NS + 2, 1, "b"),
    )
    found = scene.facts(now_ns=KILLED_NS + DAY)
    assert found.problems() == ()
    assert "is due" in found.limits.evidence


def test_reset_of_a_peak_before_the_kill_does_not_count(scene: Scene) -> None:
    scene.session(equity(100.0, 80.0, 60.0, 30.0))
    scene.switch.reset_peak(
        environment="paper",
        account="a1",
        reason="an earlier one of long ago",
        operator=RISK,
        now=Instant(KILLED_NS - 1, 1, "b"),
    )
    assert scene.facts(now_ns=KILLED_NS + DAY).problems()


def test_drawdown_is_measured_from_the_journaled_reset_on(scene: Scene) -> None:
    reset = (102 * DAY, "peak.reset", {"reason": "r", "operator": "rita", "peak": 30.0})
    scene.session([*equity(100.0, 60.0, 30.0), reset, *equity(30.0, 29.5, day=103)])
    assert scene.facts(now_ns=KILLED_NS + DAY).problems() == ()


def test_loss_of_the_day_blocks_until_the_day_is_over(scene: Scene) -> None:
    scene.session(equity(100.0, 100.0, 85.0))
    (problem,) = scene.facts().problems()
    assert "loss of the day 15.0%" in problem
    assert not any("loss" in said for said in scene.facts(now_ns=KILLED_NS + DAY).problems())


def test_unknown_order_blocks_until_it_is_resolved(scene: Scene) -> None:
    states = [(DAY, "order.state", {"id": "a-1", "state": state}) for state in ("sent", "unknown")]
    scene.session(states)
    assert "a-1" in scene.facts().problems()[0]
    scene.session([*states, (DAY, "order.state", {"id": "a-1", "state": "filled"})], name="s2",
                  account="a2")  # fmt: skip
    assert scene.facts(Scope("paper", account="a2")).problems() == ()


def test_venue_that_was_not_compared_blocks(scene: Scene) -> None:
    scene.session(equity(100.0), venue="kraken")
    assert scene.facts().reconciliation.is_clear is None
    assert "kraken" in scene.facts().problems()[0]


def test_worst_of_several_accounts_decides(scene: Scene) -> None:
    scene.session(equity(100.0, 101.0), name="s1", account="a1")
    scene.session(equity(100.0, 20.0), name="s2", account="a2")
    assert scene.facts().problems()
    assert scene.facts(Scope("paper", account="a1")).problems() == ()
    assert scene.facts(Scope("paper", account="a2")).problems()


def test_journal_that_cannot_be_read_blocks(scene: Scene) -> None:
    (scene.folder / "journal.sqlite").write_bytes(b"no database at all, but long enough" * 100)
    found = scene.facts()
    assert (found.reconciliation.is_clear, found.limits.is_clear) == (None, None)
    assert len(found.problems()) == 3
