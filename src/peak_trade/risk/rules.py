"""THE rules: each is named once, in the order in which orders are looked at.

A rule is arithmetic of ``kernels/limits`` with a name and the limit that it reads. A rule can only
refuse: it is handed a case and gives a breach, or nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from peak_trade.domain.approval import Breach
from peak_trade.domain.order import Order
from peak_trade.risk import conduct, exposure
from peak_trade.risk.book import Book
from peak_trade.risk.case import Case


@runtime_checkable
class RiskRule(Protocol):
    """A rule of one's own: it may refuse an order, never allow one.

    It is shown every order that is an order at all, whatever the other rules say of it. A rule that
    raises, or gives anything but a breach or None, refuses.
    """

    name: str

    def check(self, order: Order, book: Book) -> Breach | None:
        """What the order violates; None where it violates nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, its place among the checks, the limit it reads, and what it asks.

    ``limit`` is empty where the rule reads none; ``unit`` says what its limit counts.
    """

    name: str
    number: int
    limit: str
    unit: str
    meaning: str
    check: Callable[[Case], Breach | None]


# --- the table -------------------------------------------------------------------------------------

_EQUITY, _AMOUNT, _SHARE = "fraction of equity", "account's currency", "fraction of volume"

RULES: tuple[Rule, ...] = (
    Rule("kill_switch", 2, "", "", "The kill switch is not tripped for it.", conduct.kill_switch),
    Rule(
        "permit", 3, "", "", "The session is armed, and its writer is the only one.", conduct.permit
    ),
    Rule("strategy", 4, "", "", "Its strategy is on the policy's list.", conduct.strategy),
    Rule("restricted", 4, "", "", "Its symbol is not on the restricted list.", conduct.restricted),
    Rule(
        "promotion",
        4,
        "",
        "",
        "Its strategy holds the promotion that is needed here.",
        conduct.promotion,
    ),
    Rule(
        "policy_notional",
        4,
        "",
        _AMOUNT,
        "Its value is what the policy allows.",
        conduct.policy_notional,
    ),
    Rule("trading_hours", 5, "", "", "The policy's trading hours are on.", conduct.hours),
    Rule("venue_closed", 5, "", "", "Its market is open.", conduct.closed),
    Rule("clock_skew", 6, "max_clock_skew_s", "seconds", "The clocks agree.", conduct.clock),
    Rule("data_age", 7, "max_data_age_s", "seconds", "Its data is not old.", conduct.data_age),
    Rule("quarantine", 7, "", "", "Its data is trusted.", conduct.quarantine),
    Rule(
        "duplicate_intent",
        8,
        "",
        "",
        "Nothing like it was asked for ever.",
        conduct.duplicate_intent,
    ),
    Rule(
        "duplicate_order",
        8,
        "duplicate_window_s",
        "seconds",
        "It differs from the orders just before in symbol, side, quantity or price.",
        conduct.duplicate_order,
    ),
    Rule(
        "message_rate",
        9,
        "max_messages_per_s",
        "orders",
        "Not too many in a second.",
        conduct.message_rate,
    ),
    Rule(
        "repeated_execution",
        9,
        "max_repeats",
        "orders",
        "Not the same again and again.",
        conduct.repeats,
    ),
    Rule("reference_price", 10, "", "", "There are prices to compare it with.", exposure.reference),
    Rule(
        "collar_mid",
        10,
        "collar_mid",
        "fraction of price",
        "Its price is not much worse than the middle of the best prices.",
        exposure.collar_mid,
    ),
    Rule(
        "collar_close",
        10,
        "collar_close",
        "fraction of price",
        "Its price is not much worse than the last good close.",
        exposure.collar_close,
    ),
    Rule("max_quantity", 11, "max_quantity", "units", "Its quantity.", exposure.max_quantity),
    Rule("max_order", 11, "max_order", _AMOUNT, "Its value.", exposure.max_order),
    Rule(
        "max_participation",
        11,
        "max_participation",
        _SHARE,
        "Its share of the last bar's volume.",
        exposure.max_participation,
    ),
    Rule(
        "max_volume_share",
        11,
        "max_volume_share",
        _SHARE,
        "Its share of the average daily volume.",
        exposure.max_volume_share,
    ),
    Rule(
        "max_batch",
        12,
        "max_batch",
        _AMOUNT,
        "The value of all that came with it.",
        exposure.max_batch,
    ),
    Rule("parent", 12, "", "lots", "What is left of the order that it waits for.", exposure.parent),
    Rule(
        "self_trade",
        13,
        "market_reach",
        "fraction of price",
        "No order of our own.",
        exposure.self_trade,
    ),
    Rule(
        "max_position",
        14,
        "max_position",
        _EQUITY,
        "The position it leads to.",
        exposure.max_position,
    ),
    Rule(
        "max_position_value",
        14,
        "max_position_value",
        _AMOUNT,
        "The position it leads to, as an amount.",
        exposure.max_position_value,
    ),
    Rule("reduce_only", 14, "", "lots", "It only reduces where it says so.", exposure.reduce_only),
    Rule(
        "max_gross",
        15,
        "max_gross",
        _EQUITY,
        "All absolute positions together.",
        exposure.max_gross,
    ),
    Rule("max_net", 15, "max_net", _EQUITY, "Long less short positions.", exposure.max_net),
    Rule(
        "max_concentration",
        15,
        "max_concentration",
        _EQUITY,
        "All positions in one underlying.",
        exposure.max_concentration,
    ),
    Rule(
        "max_leverage",
        15,
        "max_leverage",
        "multiple of equity",
        "All absolute positions over the lower of equity and yesterday's.",
        exposure.max_leverage,
    ),
    Rule(
        "buying_power",
        16,
        "max_borrowed",
        _EQUITY,
        "What it costs can be paid.",
        exposure.buying_power,
    ),
    Rule(
        "max_daily_loss",
        17,
        "max_daily_loss",
        "fraction of yesterday's equity",
        "The day's loss, marked; beyond it the kill switch is tripped.",
        exposure.max_daily_loss,
    ),
    Rule(
        "max_realised_loss",
        17,
        "max_realised_loss",
        "fraction of yesterday's equity",
        "The day's loss from closed trades; beyond it the kill switch is tripped.",
        exposure.max_realised_loss,
    ),
    Rule(
        "max_drawdown",
        18,
        "max_drawdown",
        "fraction of the highest equity",
        "The drawdown; beyond it the kill switch is tripped.",
        exposure.max_drawdown,
    ),
)
"""Checks 2 to 18, in their order."""

EDGES: tuple[tuple[str, int, str], ...] = (
    ("schema", 1, "It is an order: every number in it is one, and lies on tick and order step."),
    ("reservation", 19, "The portfolio that accounts share has room for what it adds."),
)
"""What the gate itself does before the rules, and after them."""

_OF_BACKTEST = (
    "max_order",
    "max_participation",
    "max_position",
    "reduce_only",
    "max_gross",
    "max_net",
)

BACKTEST_RULES = tuple(rule for rule in RULES if rule.name in _OF_BACKTEST)
"""The rules that a backtest knows: those that need bars and books alone."""

PROMISE_RULES = tuple(rule for rule in RULES if rule.name == "reduce_only")
"""What a backtest asks of orders that close what is held."""
