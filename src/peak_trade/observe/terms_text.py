"""Under what terms a run traded, in sentences."""

from dataclasses import MISSING, fields, is_dataclass

from peak_trade.domain.costs import Costs, Fees
from peak_trade.domain.limits import Limits
from peak_trade.domain.record import Record
from peak_trade.observe.text import moment, number, percent, plural, stamp, value_of

_SAID = {
    "costs.borrow": "Shorts pay {percent} a year on their value.",
    "costs.interest": "Cash earns {percent} a year.",
    "costs.half_spread": "Market and stop orders pay half a bid-ask spread of {value} besides.",
    "costs.volume_share": "Fills move the price by {value} times the square of their share of the bar's volume.",
    "costs.impact": "Fills move the price by {value} times volatility times the square root of their share of the mean volume.",
    "exits.stop_loss": "A position is closed once it loses {percent} (stop-loss).",
    "exits.take_profit": "A position is closed once it gains {percent} (take-profit).",
    "exits.trailing": "A trailing stop stands {percent} from the best price since the entry.",
    "exits.trailing_arm": "It trails once the best price has gained {percent}.",
    "exits.break_even": "Once the best price has gained {percent}, the stop moves to the entry price.",
    "exits.max_bars": "A position is closed after {value} bars (time stop).",
    "exits.stop_atr": "A position is closed once it loses {value} average true ranges (stop-loss).",
    "exits.take_atr": "A position is closed once it gains {value} average true ranges (take-profit).",
    "exits.trailing_atr": "A trailing stop stands {value} average true ranges from the best price.",
    "limits.max_position": "No position may exceed {percent} of equity.",
    "limits.max_gross": "All positions together may not exceed {percent} of equity.",
    "limits.max_net": "Long less short positions may not exceed {percent} of equity.",
    "limits.max_daily_loss": "Trading halts after a loss of {percent} in a day.",
    "limits.max_drawdown": "Trading halts at a drawdown of {percent}.",
    "margin.max_leverage": "Positions may reach {value} times equity.",
    "margin.rate": "Borrowed cash costs {percent} a year.",
    "margin.maintenance": "Below a maintenance margin of {percent} positions are liquidated.",
    "cash_buffer": "{percent} of equity is left out when orders are sized.",
    "min_change": "Targets that move by {percent} of equity or less are left.",
    "band": "Positions are brought back once they are {percent} of equity away from their target.",
}
_HEADS = {
    "exits.roi": "A position is closed once it has gained",
    "exits.partials": "Part of a position is sold once it has gained",
}
_TABLES = {
    "exits.roi": "{1} after {0} minutes",
    "exits.partials": "{2} ({1} of it)",
}
_ELSEWHERE = {
    "cash",
    "costs.commission",
    "costs.slippage",
    "costs.fees",
    "exits.reentry",
    "shortfall",
}


def terms_of(record: Record) -> list[str]:
    """Under what terms the run traded, in sentences."""
    terms, exits = record.terms, record.terms.exits
    currency = terms.currency or record.bars.instruments[0].quote
    said = [f"The account starts with {number(terms.cash)} {currency}.", *_costs(terms.costs)]
    said.append(_timing(record))
    said += _differing(terms, "")
    if exits.are_set:
        said.append(
            "After such an exit the instrument stays flat until its target has passed through zero."
            if exits.reentry == "zero"
            else "After such an exit the instrument is entered again when a target is stated again."
        )
    return [*said, _wide_limits(terms.limits), *_counted(record)]


def _wide_limits(limits: Limits) -> str:
    """Name every limit that is as wide as it comes; the tighter ones have sentences of their own."""
    wide = [
        f"{field.name} {getattr(limits, field.name):g}"
        for field in fields(limits)
        if field.name != "flatten" and getattr(limits, field.name) == field.default
    ]
    return f"Limits left wide: {', '.join(wide)}." if wide else "Every limit is set."


def _costs(costs: Costs) -> list[str]:
    if costs.are_free:
        return ["No commission and no slippage were charged; real trading costs something."]
    slips = f"market and stop orders fill {share(costs.slippage)} worse than the price in the data"
    if not costs.fees:
        paid = f"Every fill pays {share(costs.commission)} of its value as commission, and"
        return [f"{paid} {slips}."]
    schedule = costs.fees if isinstance(costs.fees, tuple) else (costs.fees,)
    said = [_fees(fees) for fees in schedule]
    return [*said, f"{slips[0].upper()}{slips[1:]}."] if costs.slippage else said


def _fees(fees: Fees) -> str:
    since = f"from {moment(fees.since_ns)} on" if fees.since_ns else "from the beginning"
    parts = [f"{share(fees.maker)} for resting orders and {share(fees.taker)} for others"]
    parts += [
        f"{value:g} a {what}"
        for value, what in ((fees.fixed, "fill"), (fees.per_unit, "unit"))
        if value
    ]
    parts += [f"at least {fees.minimum:g}"] if fees.minimum else []
    parts += [f"at most {share(fees.cap)} of the value"] if fees.cap else []
    parts += [f"less from {plural(len(fees.tiers), 'traded volume')} on"] if fees.tiers else []
    return f"Fees {since}: {', '.join(parts)}."


def _differing(values: object, owner: str) -> list[str]:
    # terms grow: what has no sentence of its own is named with its value
    said = []
    for field in fields(values):  # type: ignore[arg-type]  # terms are dataclasses
        key, value = f"{owner}{field.name}", getattr(values, field.name)
        default = field.default if field.default is not MISSING else None
        if field.default_factory is not MISSING:
            default = field.default_factory()
        if key in _ELSEWHERE or (value == default and owner != "margin."):
            continue
        if (
            is_dataclass(value)
            and not owner
            and field.name in ("costs", "exits", "limits", "margin")
        ):
            said += _differing(value, f"{field.name}.")
        else:
            said.append(_sentence(key, value))
    return said


def _sentence(key: str, value: object) -> str:
    if isinstance(value, tuple) and key in _TABLES:
        rows = ", ".join(_TABLES[key].format(f"{a:g}", share(b), share(a)) for a, b in value)
        return f"{_HEADS[key]} {rows}."
    shown = share(float(value)) if isinstance(value, float | int) else ""
    text = _SAID.get(key)
    if text is None or ("{percent}" in text and not shown):
        return f"{key.replace('.', ': ').replace('_', ' ').capitalize()} is {value_of(value)}."
    return text.format(percent=shown, value=value_of(value))


def _timing(record: Record) -> str:
    close_only = record.bars.close_only
    if close_only.all():
        return "Orders are decided at a bar's close and fill at the close of the next bar."
    if close_only.any():
        return (
            "Orders are decided at a bar's close and fill at the next bar's open, or at its close "
            "where the data has closes alone."
        )
    return "Orders are decided at a bar's close and fill at the open of the next bar."


def _counted(record: Record) -> list[str]:
    counts = record.counts
    said = [
        f"{plural(counts.ordered, 'order')} followed from targets, {counts.filled:,} were filled."
    ]
    if counts.shortfalls:
        said.append(
            f"Cash did not pay for {plural(counts.shortfalls, 'order')} in full; "
            f"{plural(counts.shortfall_lots, 'lot')} were cancelled."
        )
    if counts.below_minimum:
        said.append(f"{plural(counts.below_minimum, 'order')} fell below the smallest order size.")
    if counts.refused:
        said.append(f"Limits refused {plural(counts.refused, 'order')}.")
    if record.halted:
        bar = stamp(int(record.bars.time[record.halted_row]), record.bars.interval.ns)
        said.append(
            f"Trading halted at {bar}: {record.halted.replace('_', ' ')} reached its limit."
        )
    if counts.unfilled:
        said.append(f"{plural(counts.unfilled, 'order')} had no bar left to fill at.")
    return said


def share(fraction: float) -> str:
    """Write a fraction as percent with the decimals that a cost needs.

    Examples
    --------
    >>> share(0.001), share(0.00015)
    ('0.10%', '0.0150%')
    """
    return percent(fraction, 2) if abs(fraction) >= 0.0005 or not fraction else percent(fraction, 4)


def terms_facts(terms: object, owner: str = "") -> dict[str, str]:
    """Every term by its name, such as ``costs.commission``, and its value in words."""
    facts: dict[str, str] = {}
    for field in fields(terms):  # type: ignore[arg-type]  # terms are dataclasses
        value = getattr(terms, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            facts |= terms_facts(value, f"{owner}{field.name}.")
        else:
            facts[f"{owner}{field.name}"] = value_of(value)
    return facts
