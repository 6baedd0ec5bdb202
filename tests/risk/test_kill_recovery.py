"""The road back from a kill: codes, causes, facts, cooldowns, persons; and nothing beside it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import RefusedError
from peak_trade.risk.approval_codes import new_code
from peak_trade.risk.kills import GLOBAL, Instant, KillState, Scope
from peak_trade.risk.operators import Role, Verified
from peak_trade.risk.recovery import Fact, RecoveryFacts, cooldown_left_s

SECOND = 1_000_000_000
START = Instant(1_700_000_000 * SECOND, 5_000 * SECOND, "boot a")
CAUSE = "the feed sent a wrong price"


def after(seconds: float, *, monotonic: float | None = None, boot: str = START.boot) -> Instant:
    """A moment later on the wall clock; on the other clock as much later, or as much as is said."""
    passed = seconds if monotonic is None else monotonic
    return Instant(
        START.wall_ns + int(seconds * SECOND), START.monotonic_ns + int(passed * SECOND), boot
    )


@pytest.fixture
def killed(opened):
    switch = opened()
    switch.trip("because", by="operator anna", now_ns=START.wall_ns)
    return switch


def code_of(switch, rita, *, scope=GLOBAL, config="c", now=START) -> str:
    return switch.issue_code(scope, operator=rita, config=config, now=now)


def request(switch, code, olaf, clear, **given):
    terms = {"scope": GLOBAL, "cause": CAUSE, "operator": olaf, "facts": clear, "config": "c"}
    return switch.request_recovery(code, **{**terms, "now": after(1), **given})


def complete(switch, rita, clear, **given):
    terms = {"scope": GLOBAL, "operator": rita, "facts": clear, "now": after(400)}
    return switch.complete_recovery(**{**terms, **given})


def test_whole_road_leads_back_without_a_restart(killed, opened, rita, olaf, clear) -> None:
    sender = opened()
    assert sender.blocking("a", "s", ("X",)) is not None
    kill = request(killed, code_of(killed, rita), olaf, clear)
    assert kill.state is KillState.RECOVERING
    assert sender.blocking("a", "s", ("X",)) is not None
    recovered = complete(killed, rita, clear)
    assert not recovered.needs_arming
    assert sender.blocking("a", "s", ("X",)) is None
    assert sender.epoch == recovered.epoch == 4
    assert opened().kills == ()
    kinds = [record["kind"] for record in killed.history()]
    assert kinds == ["made", "kill", "code", "recovering", "active"]


def test_recovery_of_one_scope_leaves_the_others_killed(killed, rita, olaf, clear) -> None:
    scope = Scope(symbol="X")
    killed.trip("the symbol", by="t", now_ns=START.wall_ns, scope=scope)
    request(killed, code_of(killed, rita, scope=scope), olaf, clear, scope=scope)
    complete(killed, rita, clear, scope=scope)
    assert [kill.scope for kill in killed.kills] == [GLOBAL]


def test_trip_while_recovering_kills_again(killed, rita, olaf, clear) -> None:
    request(killed, code_of(killed, rita), olaf, clear)
    killed.trip("again", by="watchdog", now_ns=START.wall_ns)
    assert killed.kills[0].state is KillState.KILLED
    assert [reason.text for reason in killed.kills[0].reasons] == ["because", "again"]
    with pytest.raises(RefusedError, match="KILLED, not RECOVERING"):
        complete(killed, rita, clear)


# --- codes -----------------------------------------------------------------------------------------


def test_codes_are_long_and_differ() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert {len(code.replace("-", "")) * 5 >= 128 for code in codes} == {True}


def test_code_is_nowhere_on_disk(killed, rita, state) -> None:
    code = code_of(killed, rita)
    for path in (state / "kill").iterdir():
        if path.is_file():
            data = path.read_bytes()
            assert code.encode() not in data
            assert code.replace("-", "").encode() not in data


def test_code_is_read_as_people_type_it(killed, rita, olaf, clear) -> None:
    code = code_of(killed, rita).lower().replace("-", " ")
    assert request(killed, code, olaf, clear).state is KillState.RECOVERING


def test_code_is_good_once(killed, rita, olaf, clear) -> None:
    code = code_of(killed, rita)
    request(killed, code, olaf, clear)
    killed.trip("again", by="t", now_ns=START.wall_ns)
    with pytest.raises(RefusedError, match="no approval code"):
        request(killed, code, olaf, clear)


@pytest.mark.parametrize(
    "now",
    [
        after(601),
        after(30, monotonic=601),  # the wall clock was set back
        after(-5, monotonic=5),
        after(5, boot="boot b"),
    ],
)
def test_code_that_is_too_old_on_either_clock_is_refused(killed, rita, olaf, clear, now) -> None:
    code = code_of(killed, rita)
    with pytest.raises(RefusedError, match="older than 10 minutes"):
        request(killed, code, olaf, clear, now=now)


def test_code_for_another_scope_is_refused(killed, rita, olaf, clear) -> None:
    other = Scope(symbol="X")
    killed.trip("the symbol", by="t", now_ns=START.wall_ns, scope=other)
    codes = code_of(killed, rita), code_of(killed, rita, scope=other)
    with pytest.raises(RefusedError, match="wrong"):
        request(killed, codes[1], olaf, clear)


def test_code_of_an_earlier_epoch_is_refused(killed, rita, olaf, clear) -> None:
    code = code_of(killed, rita)
    killed.trip("the symbol", by="t", now_ns=START.wall_ns, scope=Scope(symbol="X"))
    with pytest.raises(RefusedError, match="wrong, or not for this state"):
        request(killed, code, olaf, clear)


def test_code_for_another_configuration_is_refused(killed, rita, olaf, clear) -> None:
    code = code_of(killed, rita, config="before")
    with pytest.raises(RefusedError, match="wrong"):
        request(killed, code, olaf, clear, config="after")


def test_code_is_burnt_by_five_failures_over_restarts(opened, killed, rita, olaf, clear) -> None:
    code = code_of(killed, rita)
    for left in (4, 3, 2, 1):
        with pytest.raises(RefusedError, match=f"{left} tries"):
            request(opened(), new_code(), olaf, clear)
    with pytest.raises(RefusedError, match="burnt"):
        request(opened(), new_code(), olaf, clear)
    with pytest.raises(RefusedError, match="no approval code"):
        request(opened(), code, olaf, clear)


def test_code_is_kept_where_something_else_is_in_the_way(killed, rita, olaf, clear) -> None:
    code = code_of(killed, rita)
    blocked = replace(clear, unknown_orders=Fact(False, "a1-7 is UNKNOWN"))
    with pytest.raises(RefusedError, match="a1-7 is UNKNOWN"):
        request(killed, code, olaf, blocked)
    assert request(killed, code, olaf, clear).state is KillState.RECOVERING


def test_second_code_voids_the_first(killed, rita, olaf, clear) -> None:
    first, second = code_of(killed, rita), code_of(killed, rita)
    with pytest.raises(RefusedError, match="wrong"):
        request(killed, first, olaf, clear)
    assert request(killed, second, olaf, clear).state is KillState.RECOVERING


def test_code_for_what_is_not_killed_is_refused(opened, rita) -> None:
    with pytest.raises(RefusedError, match="ACTIVE, not KILLED"):
        code_of(opened(), rita)


# --- conditions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reconciliation", "unknown_orders", "limits"])
@pytest.mark.parametrize(
    "fact", [Fact(False, "found"), Fact(None, "asked"), Fact(None), Fact(True)]
)
def test_recovery_is_refused_by_every_fact_that_is_not_clear(
    killed, rita, olaf, clear, name: str, fact: Fact
) -> None:
    facts = replace(clear, **{name: fact})
    code = code_of(killed, rita)
    with pytest.raises(RefusedError, match=name.replace("_", " ")):
        request(killed, code, olaf, facts)
    request(killed, code, olaf, clear)
    with pytest.raises(RefusedError, match=name.replace("_", " ")):
        complete(killed, rita, facts)
    assert killed.kills[0].state is KillState.RECOVERING


@pytest.mark.parametrize("cause", ["", "   ", "test", "  a cause "])
def test_recovery_without_a_written_cause_is_refused(killed, rita, olaf, clear, cause) -> None:
    with pytest.raises(RefusedError, match="too short"):
        request(killed, code_of(killed, rita), olaf, clear, cause=cause)


def test_recovery_with_the_sentinel_in_place_is_refused(killed, rita, olaf, clear, state) -> None:
    code = code_of(killed, rita)
    (state / "KILL").touch()
    with pytest.raises(RefusedError, match="KILL is still"):
        request(killed, code, olaf, clear)


# --- cooldown --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (after(1 + 299), "1 s"),
        (after(1 + 10_000, monotonic=1 + 100), "200 s"),  # the wall clock was set forward
        (after(1 - 3_600, monotonic=1 + 400), "3900 s"),  # it was set back
    ],
)
def test_cooldown_that_runs_on_either_clock_refuses(
    killed, rita, olaf, clear, now: Instant, left: str
) -> None:
    request(killed, code_of(killed, rita), olaf, clear)
    with pytest.raises(RefusedError, match=left):
        complete(killed, rita, clear, now=now)


def test_cooldown_after_a_restart_of_the_machine_is_waited_for_again(
    killed, opened, rita, olaf, clear
) -> None:
    request(killed, code_of(killed, rita), olaf, clear)

    def booted(wall_s: float, monotonic_s: float) -> Instant:
        return Instant(START.wall_ns + int(wall_s * SECOND), int(monotonic_s * SECOND), "boot b")

    with pytest.raises(RefusedError, match="300 s"):
        complete(opened(), rita, clear, now=booted(9_000, 20_000))
    with pytest.raises(RefusedError, match="100 s"):
        complete(opened(), rita, clear, now=booted(9_200, 20_200))
    assert complete(opened(), rita, clear, now=booted(9_300, 20_300)).epoch == 4


@given(
    wall=st.floats(-1e6, 1e6),
    monotonic=st.floats(0, 1e6),
    cooldown=st.floats(0, 1e5),
    same=st.booleans(),
)
def test_cooldown_ends_only_when_both_clocks_passed_it(wall, monotonic, cooldown, same) -> None:
    now = after(wall, monotonic=monotonic, boot=START.boot if same else "another")
    is_over = cooldown_left_s(START, now, cooldown) <= 0
    both = wall >= cooldown + 1e-6 and monotonic >= cooldown + 1e-6 and same
    neither = wall < cooldown - 1e-6 or monotonic < cooldown - 1e-6
    assert is_over or not both
    assert not (is_over and neither)


# --- persons ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.RISK}, key=str))
def test_code_is_for_the_role_risk_to_issue(killed, role: Role) -> None:
    with pytest.raises(RefusedError, match="may not approve a recovery"):
        code_of(killed, Verified("x", role, has_second_factor=True))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OPERATOR}, key=str))
def test_recovery_is_for_an_operator_to_request(killed, rita, clear, role: Role) -> None:
    with pytest.raises(RefusedError, match="may not request a recovery"):
        request(killed, code_of(killed, rita), Verified("x", role, has_second_factor=True), clear)


def test_recovery_takes_a_second_factor_at_every_step(killed, rita, olaf, clear) -> None:
    with pytest.raises(RefusedError, match="second factor"):
        code_of(killed, replace(rita, has_second_factor=False))
    code = code_of(killed, rita)
    with pytest.raises(RefusedError, match="second factor"):
        request(killed, code, replace(olaf, has_second_factor=False), clear)
    request(killed, code, olaf, clear)
    with pytest.raises(RefusedError, match="second factor"):
        complete(killed, replace(rita, has_second_factor=False), clear)


@pytest.mark.parametrize("scope", [Scope("live"), GLOBAL])
def test_recovery_of_live_takes_two_persons(opened, rita, olaf, clear, scope) -> None:
    switch = opened(environment="live")
    switch.trip("because", by="t", now_ns=START.wall_ns, scope=scope)
    own = code_of(switch, replace(rita, name="olaf"), scope=scope)
    with pytest.raises(RefusedError, match="issued this code themselves"):
        request(switch, own, olaf, clear, scope=scope)
    request(switch, code_of(switch, rita, scope=scope), olaf, clear, scope=scope)
    with pytest.raises(RefusedError, match="requested this recovery"):
        complete(switch, olaf, clear, scope=scope)
    assert complete(switch, rita, clear, scope=scope).needs_arming


def test_recovery_of_paper_may_be_completed_by_who_requested_it(killed, rita, olaf, clear) -> None:
    request(killed, code_of(killed, rita), olaf, clear)
    assert not complete(killed, olaf, clear).needs_arming


# --- the peak --------------------------------------------------------------------------------------


def reset(switch, who, **given):
    terms = {"environment": "paper", "account": "a1", "reason": "the deposit is not a gain"}
    return switch.reset_peak(operator=who, now=START, **{**terms, **given})


def test_peak_reset_is_audited_and_read_by_its_session_once(opened, rita) -> None:
    switch = opened()
    first = reset(switch, rita)
    assert switch.peak_resets("a1") == (first,)
    assert switch.peak_resets("a2") == ()
    assert opened(environment="testnet").peak_resets("a1") == ()
    second = reset(switch, rita)
    assert switch.peak_resets("a1", after_seq=first.seq) == (second,)


def test_peak_reset_changes_no_epoch(opened, rita) -> None:
    switch = opened()
    reset(switch, rita)
    assert switch.epoch == 1


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.RISK}, key=str))
def test_peak_reset_is_for_the_role_risk(opened, role: Role) -> None:
    with pytest.raises(RefusedError, match="may not reset the peak"):
        reset(opened(), Verified("x", role, has_second_factor=True))


def test_peak_reset_in_live_takes_two_persons(opened, rita, olaf) -> None:
    switch = opened(environment="live")
    with pytest.raises(RefusedError, match="two persons"):
        reset(switch, rita, environment="live")
    with pytest.raises(RefusedError, match="themselves"):
        reset(switch, rita, environment="live", approver=rita)
    with pytest.raises(RefusedError, match="may not"):
        reset(switch, rita, environment="live", approver=olaf)
    found = reset(switch, rita, environment="live", approver=replace(rita, name="ruth"))
    assert (found.by, found.approver) == ("rita", "ruth")


def test_peak_reset_without_a_reason_is_refused(opened, rita) -> None:
    with pytest.raises(RefusedError, match="too short"):
        reset(opened(), rita, reason="why not")


def test_facts_as_plain_values_have_their_evidence() -> None:
    facts = RecoveryFacts(Fact(True, "equal"), Fact(None), Fact(False, "drawdown"))
    assert facts.to_dict()["reconciliation"] == {"is_clear": True, "evidence": "equal"}
    assert len(facts.problems()) == 2
