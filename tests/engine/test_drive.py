"""The shell of a session: rows, kills, wishes to end, and what is made durable when."""

import numpy as np
import pytest
from laws.order_scripts import minutes
from laws.papers import Memory, Paper

from peak_trade.domain.errors import JournalError
from peak_trade.domain.terms import Terms
from peak_trade.engine.drive import SYNC_ROWS, Drive, told
from peak_trade.engine.replay import Retracing
from peak_trade.risk.kills import Scope

ROWS = 600


class Driven:
    """A session that is driven, and what its shell was seen doing."""

    def __init__(self, targets: float = 0.0, **given) -> None:
        self.bars = minutes(ROWS, 2)
        self.paper = Paper(self.bars, np.full((ROWS, 1), targets), Terms())
        self.journal = Memory()
        self.trace = Retracing((), self.journal)
        self.session = self.paper.open(self.trace, self.paper.kill)
        self.stop = ""
        self.rows: list[int] = []
        self.beats = 0
        terms = {
            "recorder": self.trace,
            "kill": self.paper.kill,
            "account": "a1",
            "strategy": "case",
            "stop_asked": lambda: self.stop,
            "now_ns": lambda: 0,
            "progress": self.progress,
            "beat": self.beat,
        }
        self.drive = Drive(self.session, **(terms | given))

    def progress(self, row: int) -> None:
        self.rows.append(row)

    def beat(self) -> None:
        self.beats += 1

    def run(self, first: int = 0, stop: int = ROWS):
        return self.drive.run(first, stop, self.bars.time.tolist())


def test_drive_steps_through_every_row_once() -> None:
    driven = Driven()
    assert driven.run().state == "done"
    assert driven.rows == list(range(ROWS))
    assert driven.beats == ROWS
    assert driven.session.next_row == ROWS


def test_drive_makes_the_journal_durable_now_and_then_and_at_the_end() -> None:
    driven = Driven()
    durable: list[int] = []
    sync = driven.journal.sync

    def counted() -> None:
        sync()
        durable.append(len(driven.rows))

    driven.journal.sync = counted
    driven.run()
    assert durable == [*range(SYNC_ROWS, ROWS, SYNC_ROWS), ROWS]
    assert driven.journal.durable == len(driven.journal.entries)


def test_drive_ends_at_a_wish_between_two_rows() -> None:
    driven = Driven()

    def progress(row: int) -> None:
        driven.rows.append(row)
        driven.stop = "cancel" if row == 10 else ""

    driven.drive._progress = progress
    ended = driven.run()
    assert (ended.state, ended.detail, driven.rows[-1]) == ("stopped", "cancel", 10)
    assert [entry.payload for entry in driven.journal.entries if entry.kind == "stop"] == [
        {"how": "cancel"}
    ]


def test_drive_writes_down_a_kill_and_its_recovery_once_each() -> None:
    driven = Driven()
    switch = driven.paper.kill

    def progress(row: int) -> None:
        if row == 10:
            switch.trip("too hot", by="olaf", now_ns=0)
        if row == 20:
            switch._standing = switch._standing.active(Scope())

    driven.drive._progress = progress
    assert driven.run().state == "done"
    told_of = [(e.kind, e.payload["scope"]) for e in driven.journal.entries if "kill" in e.kind]
    assert told_of == [("kill", "global"), ("kill.cleared", "global")]


def test_drive_under_a_kill_at_the_end_says_so() -> None:
    driven = Driven()
    driven.paper.kill.trip("too hot", by="olaf", now_ns=0, scope=Scope(symbol="I"))
    ended = driven.run()
    assert (ended.state, ended.detail) == ("killed", "symbol:I: too hot")


def test_drive_does_not_go_on_after_the_journal_failed() -> None:
    driven = Driven(targets=0.9)

    def fail() -> None:
        raise JournalError("the disk is full")

    driven.journal.sync = fail
    with pytest.raises(JournalError) as caught:
        driven.run()
    assert told(caught.value).state == "failed"
    assert driven.session.orders.open[0].state.value == "intent"
    assert not driven.session.venue.has_orders
    assert "journal" in driven.session.pipeline.stopped


def test_drive_at_a_pace_can_be_ended_while_it_waits() -> None:
    asked = iter(["", "", "", "cancel"])
    driven = Driven(stop_asked=lambda: next(asked, "cancel"), speed=1e-9)
    assert driven.run().state == "stopped"
    assert len(driven.rows) <= 2
