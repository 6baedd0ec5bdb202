"""Scopes and standings as values: what covers what, and what a file may say."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import RefusedError, RiskError
from peak_trade.risk.kill_switch import KilledError, MemoryKillSwitch, kill_seen
from peak_trade.risk.kills import (
    ENVIRONMENTS,
    GLOBAL,
    Instant,
    KillState,
    Reason,
    Recovery,
    Scope,
    Standing,
    from_plain,
    to_plain,
    worst_of,
)

NAMES = st.sampled_from(["", "a", "b"])
SCOPES = st.builds(Scope, st.sampled_from(["", "paper", "live"]), NAMES, NAMES, NAMES)
STEPS = st.lists(st.tuples(st.sampled_from(["kill", "recover", "activate"]), SCOPES), max_size=12)


def walked(steps) -> list[Standing]:
    """Every standing on a walk of transitions."""
    standing, seen = Standing(), [Standing()]
    for number, (step, scope) in enumerate(steps):
        if step == "kill":
            standing = standing.killed(scope, Reason(f"r{number}", "t", number))
        elif step == "recover" and (kill := standing.kill_of(scope)):
            if kill.state is KillState.KILLED:
                cause = Recovery("t", "why", Instant(number, number, "b"))
                standing = standing.recovering(scope, cause)
        elif step == "activate":
            kill = standing.kill_of(scope)
            if kill is not None and kill.state is KillState.RECOVERING:
                standing = standing.active(scope)
        seen.append(standing)
    return seen


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("global", GLOBAL),
        ("account:a", Scope(account="a")),
        ("strategy:trend", Scope(strategy="trend")),
        ("symbol:BTC-USD", Scope(symbol="BTC-USD")),
        ("account:a, symbol:X", Scope(account="a", symbol="X")),
    ],
)
def test_scope_given_its_text_is_read_and_written(text: str, scope: Scope) -> None:
    assert Scope.parse(text) == scope
    assert Scope.parse(scope.name) == scope


@pytest.mark.parametrize("text", ["everything", "account:", ":a", "venue:x", "account:a,account:b"])
def test_scope_given_another_text_is_refused(text: str) -> None:
    with pytest.raises(RiskError, match="scope"):
        Scope.parse(text)


def test_scope_given_an_unknown_environment_is_refused() -> None:
    with pytest.raises(RiskError, match="prod"):
        Scope("prod")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_global_kill_covers_every_environment(environment: str) -> None:
    assert GLOBAL.covers(environment, "any", "any", ("X",))


def test_kill_of_one_thing_leaves_the_others() -> None:
    scope = Scope("paper", account="a", symbol="X")
    assert scope.covers("paper", "a", "s", ("Y", "X"))
    assert not scope.covers("live", "a", "s", ("X",))
    assert not scope.covers("paper", "b", "s", ("X",))
    assert not scope.covers("paper", "a", "s", ("Y",))


def test_worst_of_given_several_takes_the_most_restrictive() -> None:
    standing = Standing()
    for scope in (Scope(symbol="X"), Scope(account="a"), GLOBAL):
        standing = standing.killed(scope, Reason(str(scope), "t", 0))
    found = worst_of(standing.kills, "paper", "a", "s", ("X",))
    assert found is not None
    assert found.scope == GLOBAL


@given(STEPS)
def test_epoch_rises_with_every_transition_and_never_falls(steps) -> None:
    seen = walked(steps)
    for before, after in pairwise(seen):
        states = [{k.scope: k.state for k in s.kills} for s in (before, after)]
        assert after.epoch - before.epoch == (states[0] != states[1])


@given(STEPS)
def test_standing_survives_its_plain_form(steps) -> None:
    for standing in walked(steps):
        assert from_plain(to_plain(standing)) == standing


@given(STEPS, STEPS)
def test_worst_with_blocks_whatever_either_blocks(one, other) -> None:
    a, b = walked(one)[-1], walked(other)[-1]
    both = a.worst_with(b)
    assert both.epoch == max(a.epoch, b.epoch)
    for standing in (a, b):
        for kill in standing.kills:
            found = both.kill_of(kill.scope)
            assert found is not None
            assert found.state is KillState.KILLED or found.state is kill.state


def test_killed_again_keeps_the_first_reason_and_appends() -> None:
    standing = Standing().killed(GLOBAL, Reason("first", "a", 0))
    standing = standing.killed(GLOBAL, Reason("second", "b", 1))
    assert [reason.text for reason in standing.kills[0].reasons] == ["first", "second"]
    assert standing.kills[0].reason == "first"
    assert standing.epoch == 2


def test_memory_switch_refuses_to_send_once_tripped() -> None:
    switch = MemoryKillSwitch()
    with switch.sending("a", "s", "X"):
        pass
    switch.trip("drawdown", by="risk engine", now_ns=5, scope=Scope(strategy="s"))
    with pytest.raises(KilledError, match="drawdown"), switch.sending("a", "s", "X"):
        pytest.fail("it was sent")
    with switch.sending("a", "another", "X"):
        pass
    seen = kill_seen(switch, "a", "s", ("X",), 7)
    assert seen is not None
    assert (seen.scope, seen.reason, seen.epoch, seen.time_ns) == ("strategy:s", "drawdown", 2, 7)
    assert issubclass(KilledError, RefusedError)
