"""Sessions as the command line runs them: files, database, kill switch and journal of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from laws.test_substitution import difference

import peak_trade as pt
from peak_trade.app import trading
from peak_trade.app.config import Assignment, configure
from peak_trade.app.limits_files import example
from peak_trade.app.recording import Asked
from peak_trade.app.settings import Settings
from peak_trade.app.terms import terms_of
from peak_trade.domain.errors import InputError, RefusedError
from peak_trade.journal.database import open_database
from peak_trade.journal.reader import read
from peak_trade.journal.sessions import Sessions
from peak_trade.journal.verify import verify_all
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kills import Scope
from peak_trade.strategies import Grid, MaCross

ROWS = 400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with bars of its own."""
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.csv")
    return tmp_path


def write_bars(path: Path, *, bump: float = 0.0) -> None:
    rng = np.random.default_rng(5)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, ROWS))), 2)
    open_ = np.concatenate([[100.0], close[:-1]])
    high = np.round(np.maximum(open_, close) + 0.3, 2)
    low = np.round(np.minimum(open_, close) - 0.3, 2)
    high[200] += bump
    days = np.arange("2020-01-01", ROWS, dtype="datetime64[D]")
    lines = ["timestamp,open,high,low,close,volume"]
    columns = zip(days, open_, high, low, close, strict=False)
    lines += [f"{d}T00:00:00Z,{o},{h},{lo},{c},1000" for d, o, h, lo, c in columns]
    path.write_text("\n".join(lines) + "\n")


def configured(folder: Path, **more: object):
    given = {
        "journal.url": f"sqlite:///{folder / 'journal.sqlite'}",
        "state.dir": str(folder / "state"),
        "backtest.commission": 0.001,
    } | {key.replace("__", "."): value for key, value in more.items()}
    overrides = tuple(Assignment(key, value, "the test") for key, value in given.items())
    return configure(Settings, folder, environ={}, overrides=overrides)


CROSS = Asked("ma_cross", "file:bars.csv", ["fast=3", "slow=8"])


def journal(folder: Path, session: str, kind: str = ""):
    database = open_database(f"sqlite:///{folder / 'journal.sqlite'}")
    return [entry for entry in read(database, session) if entry.kind.startswith(kind)]


def switch(folder: Path) -> KillSwitch:
    return KillSwitch(folder / "state", environment="paper", now_ns=0, alert=lambda trip: None)


# --- a whole session ---------------------------------------------------------------------------------


def test_session_books_what_the_backtest_books_and_is_replayed(folder: Path) -> None:
    found = configured(folder)
    outcome = trading.start(CROSS, found)
    assert (outcome.state, outcome.is_good, outcome.rows) == ("done", True, ROWS)
    bars = pt.load("file:bars.csv")
    expected = pt.backtest(MaCross(fast=3, slow=8), bars, costs=terms_of(found.values).costs)
    assert outcome.result is not None
    assert difference(outcome.result.record, expected.record) == ""
    assert len(expected.record.fills) > 10
    again = trading.replay(found, outcome.session)
    assert (again.parted, again.differences) == (0, ())
    assert again.compared == len(journal(folder, outcome.session)) - len(
        meta(folder, outcome.session)
    )
    assert not (folder / "state" / "stops" / outcome.session).exists()


def meta(folder: Path, session: str):
    return [
        entry
        for entry in journal(folder, session)
        if entry.kind.startswith(("session.", "snapshot"))
    ]


def test_session_leaves_a_chain_that_verifies(folder: Path) -> None:
    outcome = trading.start(CROSS, configured(folder))
    database = open_database(f"sqlite:///{folder / 'journal.sqlite'}")
    (found,) = verify_all(database, folder / "state")
    assert found.stream == outcome.session
    assert (found.faults, found.unanchored, found.is_closed) == ((), 0, True)


def test_order_strategy_under_a_wider_collar_books_what_the_backtest_books(folder: Path) -> None:
    (folder / "config" / "risk").mkdir(parents=True)
    wide = example("paper").replace("collar_mid = 0.02", "collar_mid = 9.0")
    wide = wide.replace("collar_close = 0.05", "collar_close = 9.0")
    (folder / "config" / "risk" / "paper.toml").write_text(wide)
    asked = Asked("grid", "file:bars.csv", ["spacing=0.02", "lots=100"])
    found = configured(folder)
    outcome = trading.start(asked, found)
    bars = pt.load("file:bars.csv")
    costs = terms_of(found.values).costs
    expected = pt.backtest(Grid(spacing=0.02, lots=100), bars, costs=costs)
    assert outcome.result is not None
    assert outcome.counts["denied"] == 0
    assert difference(outcome.result.record, expected.record) == ""
    assert len(expected.record.fills) > 10
    assert trading.replay(found, outcome.session).parted == 0


def test_session_in_another_mode_is_refused_and_writes_nothing(folder: Path) -> None:
    for mode in ("live", "testnet", "shadow", "backtest", "papre"):
        with pytest.raises(InputError):
            trading.start(CROSS, configured(folder), mode=mode)
    assert not (folder / "journal.sqlite").exists()
    assert not (folder / "state").exists()


# --- one at a time, and not while killed -------------------------------------------------------------


def test_second_session_of_an_account_is_refused_while_the_first_runs(folder: Path) -> None:
    found = configured(folder)
    refused: list[str] = []

    def intrude(progress: trading.Progress) -> None:
        if progress.row == 5:
            with pytest.raises(InputError) as caught:
                trading.start(CROSS, found)
            refused.append(str(caught.value))
            assert trading.start(CROSS, found, account="other").state == "done"

    assert trading.start(CROSS, found, progress=intrude).state == "done"
    assert len(refused) == 1
    database = open_database(f"sqlite:///{folder / 'journal.sqlite'}")
    assert len(Sessions(database).list()) == 2


def test_session_that_starts_while_killed_is_refused_and_writes_nothing(folder: Path) -> None:
    found = configured(folder)
    with_kill = switch(folder)
    with_kill.trip("too hot", by="olaf", now_ns=1, scope=Scope("paper", account="paper"))
    with_kill.close()
    with pytest.raises(RefusedError, match="too hot"):
        trading.start(CROSS, found)
    database = open_database(f"sqlite:///{folder / 'journal.sqlite'}")
    assert Sessions(database).list() == []
    assert trading.start(CROSS, found, account="other").state == "done"


def test_kill_during_a_session_stops_its_orders_and_keeps_its_position(folder: Path) -> None:
    found = configured(folder, backtest__stop_loss=0.3)
    killer = switch(folder)

    def trip(progress: trading.Progress) -> None:
        if progress.positions and progress.row > 100 and killer.epoch == began:
            killer.trip("too hot", by="olaf", now_ns=1)
            held.append(progress.positions)

    began, held = killer.epoch, []
    outcome = trading.start(CROSS, found, progress=trip)
    killer.close()
    assert (outcome.state, outcome.counts["open_orders"]) == ("killed", 0)
    assert "too hot" in outcome.detail
    after = journal(folder, outcome.session)
    killed = next(entry.seq for entry in after if entry.kind == "kill")
    assert not [e for e in after if e.kind in ("order.intent", "fill") and e.seq > killed]
    assert {e.payload["breaches"][0]["rule"] for e in after if e.kind == "order.denied"} == {
        "kill_switch"
    }
    assert outcome.result is not None
    assert int(outcome.result.record.lots[0]) != 0
    assert held
    with pytest.raises(RefusedError, match="kill switch"):
        trading.resume(outcome.session, found)
    assert trading.replay(found, outcome.session).parted == 0


def test_loss_beyond_its_limit_kills_the_account(folder: Path) -> None:
    (folder / "config" / "risk").mkdir(parents=True)
    tight = example("paper").replace("max_drawdown = 1.0", "max_drawdown = 0.01")
    (folder / "config" / "risk" / "paper.toml").write_text(tight)
    found = configured(folder)
    outcome = trading.start(CROSS, found)
    assert outcome.state == "killed"
    assert "max_drawdown" in outcome.detail
    with pytest.raises(RefusedError, match="max_drawdown"):
        trading.start(CROSS, found)
    assert trading.replay(found, outcome.session).parted == 0


# --- stopping and going on ---------------------------------------------------------------------------


class CutError(BaseException):
    """The process ends here."""


def test_halt_that_was_cut_off_before_its_kill_trips_when_it_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = configured(folder, risk__backtest__max_drawdown=0.02)

    def cut(*_: object, **__: object) -> None:
        raise CutError

    with monkeypatch.context() as patch:
        patch.setattr(KillSwitch, "trip", cut)
        with pytest.raises(CutError):
            trading.start(CROSS, found)
    assert switch(folder).blocking("paper", "ma_cross", ("X",)) is None
    outcome = trading.resume("last", found)
    assert (outcome.state, outcome.is_good) == ("killed", False)
    assert "max_drawdown" in switch(folder).blocking("paper", "ma_cross", ("X",)).reason


@pytest.mark.parametrize("how", ["cancel", "keep", "flatten"])
def test_session_that_is_stopped_goes_on_where_it_was(folder: Path, how: str) -> None:
    found = configured(folder)

    def stop(progress: trading.Progress) -> None:
        if progress.row == 150:
            trading.request_stop(found, progress.session, how)

    outcome = trading.start(CROSS, found, progress=stop)
    assert (outcome.state, outcome.detail) == ("stopped", how)
    assert 150 <= outcome.rows <= 152
    again = trading.resume(outcome.session, found)
    assert (again.state, again.rows, again.session) == ("done", ROWS, outcome.session)
    assert again.counts["fills"] > outcome.counts["fills"]
    assert trading.replay(found, outcome.session).parted == 0
    with pytest.raises(RefusedError, match="is done"):
        trading.resume(outcome.session, found)


def test_stop_that_is_kept_books_in_the_end_what_an_uninterrupted_session_books(
    folder: Path,
) -> None:
    found = configured(folder)
    whole = trading.start(CROSS, found)

    def stop(progress: trading.Progress) -> None:
        if progress.row == 150:
            trading.request_stop(found, progress.session, "keep")

    parts = trading.resume(trading.start(CROSS, found, progress=stop).session, found)
    assert parts.result is not None
    assert whole.result is not None
    assert difference(parts.result.record, whole.result.record) == ""


def test_way_to_stop_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no way to stop"):
        trading.request_stop(configured(folder), "a-session", "now")


def test_session_whose_data_changed_is_refused(folder: Path) -> None:
    found = configured(folder)

    def stop(progress: trading.Progress) -> None:
        if progress.row == 50:
            trading.request_stop(found, progress.session, "cancel")

    outcome = trading.start(CROSS, found, progress=stop)
    write_bars(folder / "bars.csv", bump=1.0)
    with pytest.raises(InputError, match="have changed"):
        trading.resume(outcome.session, found)
    with pytest.raises(InputError, match="have changed"):
        trading.replay(found, outcome.session)


def test_session_whose_journal_tells_something_else_does_not_go_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = configured(folder)

    def stop(progress: trading.Progress) -> None:
        if progress.row == 150:
            trading.request_stop(found, progress.session, "cancel")

    outcome = trading.start(CROSS, found, progress=stop)
    monkeypatch.setattr(MaCross, "targets", lambda self, bars: np.ones_like(bars.close) * 0.5)
    with pytest.raises(RefusedError, match="part at record"):
        trading.resume(outcome.session, found)
    assert trading.replay(found, outcome.session).parted > 0


# --- cut off -----------------------------------------------------------------------------------------

RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from app_trading import CROSS, configured
from peak_trade.app import trading
folder = Path({folder!r})
trading.start(CROSS, configured(folder), progress=lambda p: print(p.session, p.row, flush=True))
"""


@pytest.mark.parametrize("row", [3, 120, 290])
def test_session_that_is_ended_by_force_goes_on_as_if_it_had_not_been(
    folder: Path, row: int
) -> None:
    found = configured(folder)
    whole = trading.start(CROSS, found, account="twin")
    session = killed_at(folder, row)
    before = len(journal(folder, session))
    assert before < len(journal(folder, whole.session))
    assert trading.replay(found, session).parted == 0
    outcome = trading.resume(session, found)
    assert (outcome.state, outcome.rows) == ("done", ROWS)
    assert outcome.result is not None
    assert whole.result is not None
    assert difference(outcome.result.record, whole.result.record) == ""
    assert trading.replay(found, session).parted == 0
    ids = [e.payload["order"]["client_id"] for e in journal(folder, session, "order.intent")]
    assert len(ids) == len(set(ids))
    assert len(journal(folder, session, "fill")) == len(journal(folder, whole.session, "fill"))


def killed_at(folder: Path, row: int) -> str:
    """Run a session in a process of its own, and end it by force once it has come to a row."""
    code = RUN.format(tests=str(folder), folder=str(folder))
    module = Path(__file__).read_text(encoding="utf-8")
    (folder / "app_trading.py").write_text(module, encoding="utf-8")
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    session, until = "", time.monotonic() + 120
    try:
        assert process.stdout is not None
        for line in process.stdout:
            session, done = line.split()
            if int(done) >= row or time.monotonic() > until:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    assert session
    return session
