"""The trades of a run as tables: over all, and by side, reason and instrument."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record, Trades
from peak_trade.observe.price_chart import reason_text
from peak_trade.observe.tables import INSTRUMENTS_SHOWN, Cell, Table, table
from peak_trade.observe.text import DASH, number, percent
from peak_trade.stats.costs import costs_of
from peak_trade.stats.trades import Excursions, TradeStatistics, grouped, trade_statistics

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MEANINGS = {
    "Profit factor": "What the winners brought over what the losers cost.",
    "Expectancy": "Mean profit of a closed trade.",
    "Mean MAE": "Mean of the worst loss on the way (maximum adverse excursion).",
    "Mean MFE": "Mean of the best gain on the way (maximum favourable excursion).",
    "Win rate": "Share of closed trades that made money, after fees.",
}


def overall(trades: Trades, way: Excursions | None, currency: str) -> Table:
    """The figures of all trades, each with what it means."""
    found = trade_statistics(trades, way=way)
    money = f"{{}} {currency}"
    rows = [
        ("Closed, open", f"{found.closed:,}, {found.open:,}", "Trades that ended, and that did not."),
        ("Won, lost", f"{found.wins:,}, {found.losses:,}", "Closed trades by their profit after fees."),
        ("Profit factor", number(found.profit_factor), _MEANINGS["Profit factor"]),
        ("Expectancy", money.format(number(found.expectancy)), _MEANINGS["Expectancy"]),
        ("Mean return", percent(found.expectancy_return), "Mean profit over the value at entry."),
        ("Payoff ratio", number(found.payoff_ratio), "Mean win over the size of the mean loss."),
        ("Expectancy in R", number(found.expectancy_r), "Expectancy over the size of the mean loss."),
        ("Mean win", money.format(number(found.average_win)), "Of the trades that made money."),
        ("Mean loss", money.format(number(found.average_loss)), "Of the trades that lost money."),
        ("Largest win", money.format(number(found.largest_win)), "The best single trade."),
        ("Largest loss", money.format(number(found.largest_loss)), "The worst single trade."),
        ("Longest run of wins", f"{found.win_streak:,}", "In the order in which they ended."),
        ("Longest run of losses", f"{found.loss_streak:,}", "In the order in which they ended."),
        ("Mean time held", _held(found.average_hours, found.average_bars), "From entry to exit."),
        ("Mean time of winners", _held(found.average_win_hours), "From entry to exit."),
        ("Mean time of losers", _held(found.average_loss_hours), "From entry to exit."),
        ("Mean MAE", percent(found.average_mae), _MEANINGS["Mean MAE"]),
        ("Mean MFE", percent(found.average_mfe), _MEANINGS["Mean MFE"]),
        ("Kelly fraction", percent(found.kelly), "Share of equity that would have grown fastest in hindsight; far too much in practice."),
        ("System quality", number(found.quality), "Root of the number of trades times mean over deviation of their returns (Tharp)."),
    ]  # fmt: skip
    return table(["Figure", "Value", "Meaning"], "tnt", rows, title="All trades")


def _held(hours: float, bars: float | None = None) -> str:
    if not np.isfinite(hours):
        return DASH
    text = f"{number(hours / 24, 1)} days" if hours >= 48 else f"{number(hours, 1)} hours"
    return text if bars is None else f"{text}, {number(bars, 1)} bars"


def group_tables(record: Record, trades: Trades, way: Excursions | None) -> list[tuple[str, Table]]:
    """Tables by exit reason, by side and by instrument, where there is more than one of them."""
    reasons = [reason_text(code) for code in range(int(trades.reason.max(initial=0)) + 1)]
    # an open trade was closed by nothing
    code = np.where(trades.is_open, len(reasons), trades.reason)
    tables = []
    for name, codes, names in (
        ("Closed by", code, [*reasons, "still open"]),
        ("Side", (trades.side < 0).astype(np.int64), ["long", "short"]),
        ("Instrument", trades.instrument, record.bars.symbols),
    ):
        found = grouped(trades, codes, names, way=way)
        if len(found) > 1 and (name != "Closed by" or len(np.unique(trades.reason)) > 1):
            tables.append((name, _group_table(name, found)))
    return tables


def _group_table(name: str, found: Mapping[str, TradeStatistics]) -> Table:
    heads = [name, "Trades", "Win rate", "Profit", "Profit factor", "Expectancy", "Mean return",
             "Mean bars", "Mean MAE", "Mean MFE", "Fees"]  # fmt: skip
    order = sorted(found, key=lambda key: -abs(found[key].pnl + found[key].open_pnl))
    rows = [_group_row(key, found[key]) for key in order[:INSTRUMENTS_SHOWN]]
    kinds = "t" + "n" * (len(heads) - 1)
    return table(heads, kinds, rows, title=f"Trades by {name.lower()}", meanings=_MEANINGS)


def _group_row(name: str, found: TradeStatistics) -> Sequence[str | Cell]:
    profit = found.pnl + found.open_pnl
    return [
        name,
        f"{found.closed + found.open:,}",
        percent(found.win_rate, 1),
        Cell(number(profit), "up" if profit > 0 else "down" if profit < 0 else ""),
        number(found.profit_factor),
        number(found.expectancy),
        percent(found.expectancy_return),
        number(found.average_bars, 1),
        percent(found.average_mae),
        percent(found.average_mfe),
        number(found.fees),
    ]


def cost_rows(record: Record) -> Table:
    """What the run cost by kind: commission, slippage, and what positions paid while they were held."""
    found = costs_of(record)
    rows = [
        [name.replace("_", " "), number(cost), percent(found.of_traded[name], 3),
         percent(cost / record.terms.cash)]
        for name, cost in found.kinds.items()
    ]  # fmt: skip
    share = found.total / found.traded if found.traded else float("nan")
    rows.append(
        ["all together", number(found.total), percent(share, 3),
         percent(found.total / record.terms.cash)]
    )  # fmt: skip
    heads = ["Kind", "Cost", "Of the traded value", "Of the starting cash"]
    return table(heads, "tnnn", rows, title="Costs by kind")
