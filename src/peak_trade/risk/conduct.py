"""Checks 2 to 9: whether anything may be sent now, this once, and how often."""

import math

from peak_trade.domain.approval import Breach
from peak_trade.domain.order import strategies_of
from peak_trade.risk.case import Case, is_exit
from peak_trade.risk.throttle import action, identity

_NS = 1_000_000_000

# --- 2 to 7: may anything be sent now --------------------------------------------------------------


def kill_switch(case: Case) -> Breach | None:
    """Whether the kill switch is tripped for an order."""
    setting = case.setting
    kill = setting.kill.blocking(setting.account, case.order.strategy, (case.symbol,))
    if kill is None:
        return None
    return Breach("kill_switch", 0.0, float(kill.epoch), str(kill.scope), f"tripped: {kill}")


def permit(case: Case) -> Breach | None:
    """Whether the session may send anything at all."""
    why = case.batch.permit
    return Breach("permit", 0.0, 1.0, case.setting.environment, why) if why else None


def strategy(case: Case) -> Breach | None:
    """Whether the policy's list leaves the order's strategy out."""
    strategy = case.order.strategy
    if case.setting.policy.allows(strategy):
        return None
    return Breach("strategy", 0.0, 1.0, f"strategy:{strategy}", "it is not on the list")


def restricted(case: Case) -> Breach | None:
    """Whether the order's symbol is on the restricted list."""
    if case.symbol not in case.setting.policy.restricted:
        return None
    return Breach("restricted", 0.0, 1.0, f"symbol:{case.symbol}", "it is on the restricted list")


def promotion(case: Case) -> Breach | None:
    """Whether the order's strategy lacks the promotion that is needed here."""
    setting, strategy = case.setting, case.order.strategy
    wanted = setting.policy.promotions.get(setting.environment)
    held = setting.promotions
    if wanted is None or all(wanted in held.get(name, ()) for name in strategies_of(strategy)):
        return None
    detail = f"{setting.environment} needs the promotion {wanted}"
    return Breach("promotion", 1.0, 0.0, f"strategy:{strategy}", detail)


def policy_notional(case: Case) -> Breach | None:
    """Whether an order is worth more than the policy allows."""
    most = case.setting.policy.max_notional
    return None if case.value <= most else Breach("policy_notional", most, case.value, "policy")


def hours(case: Case) -> Breach | None:
    """Whether the policy's trading hours are over."""
    if case.setting.policy.is_open(case.book.now_ns):
        return None
    return Breach("trading_hours", 0.0, 1.0, "policy", "outside the hours of the policy")


def closed(case: Case) -> Breach | None:
    """Whether the order's market is not open."""
    if not case.book.closed.item(case.i):
        return None
    return Breach("venue_closed", 0.0, 1.0, f"symbol:{case.symbol}", "its market is not open")


def clock(case: Case) -> Breach | None:
    """Whether the venue's clock and ours differ too much."""
    most, skew = case.limits.max_clock_skew_s, abs(case.book.clock_skew_ns) / _NS
    if skew <= most:
        return None
    return case.breach("clock_skew", most, skew, name="max_clock_skew_s", detail="seconds")


def data_age(case: Case) -> Breach | None:
    """Whether the order's data is too old, or from later than now."""
    book, limits = case.book, case.limits
    bars_s = limits.max_data_age_bars * book.interval_ns / _NS
    most = max(limits.max_data_age_s, bars_s)
    age = (book.now_ns - book.data_ns.item(case.i)) / _NS
    if -limits.max_clock_skew_s <= age <= most:  # data from later than now is no better
        return None
    name = "max_data_age_bars" if bars_s >= limits.max_data_age_s else "max_data_age_s"
    return case.breach("data_age", most, age, name=name, detail="seconds")


def quarantine(case: Case) -> Breach | None:
    """Whether the order's data is not trusted."""
    if not case.book.quarantined.item(case.i):
        return None
    return Breach("quarantine", 0.0, 1.0, f"symbol:{case.symbol}", "its data is not trusted")


# --- 8 and 9: once, and not too often --------------------------------------------------------------


def duplicate_intent(case: Case) -> Breach | None:
    """Whether the order's name, or its wish, was used before."""
    memory, intent = case.setting.memory, case.proposal.intent
    is_known = memory.knows(f"o:{case.order.client_id}")
    detail = f"client id {case.order.client_id} was used before" if is_known else ""
    if intent and memory.knows(f"i:{intent}"):
        detail = f"{intent} was asked for before"
    return Breach("duplicate_intent", 1.0, 2.0, detail=detail) if detail else None


def duplicate_order(case: Case) -> Breach | None:
    """Whether the same order was shown just before."""
    if case.only_reduces and is_exit(case.order):  # the levels of a position, placed anew
        return None
    window_s = case.limits.duplicate_window_s
    key = identity(case.order)
    since = case.setting.memory.since_same(key, case.book.now_ns, math.ceil(window_s * _NS))
    if since is None:
        return None
    detail = "seconds since an order with the same symbol, side, quantity and price"
    name = "duplicate_window_s"
    return case.breach("duplicate_order", window_s, since / _NS, name=name, detail=detail)


def message_rate(case: Case) -> Breach | None:
    """Whether too many orders were shown within a second."""
    most = case.limits.max_messages_per_s
    if not case.setting.memory.is_throttled(case.book.now_ns, most, _NS):
        return None
    return case.breach("message_rate", most, most + 1, name="max_messages_per_s")


def repeats(case: Case) -> Breach | None:
    """Whether a strategy has done the same too often."""
    limits = case.limits
    most, window_ns = limits.max_repeats, math.ceil(limits.repeat_window_s * _NS)
    key = action(case.order)
    if not case.setting.memory.is_repeated(key, case.book.now_ns, most, window_ns):
        return None
    detail = f"the same within {limits.repeat_window_s:g} seconds"
    return case.breach("repeated_execution", most, most + 1, name="max_repeats", detail=detail)
