"""How the trades of a run went: profit factor, expectancy, streaks, excursions, by group.

All figures are of closed trades, as the win rate is; the open ones are counted and their marked pnl
is told apart. A trade wins where its pnl, net of fees, is above 0, and loses where it is below.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError
from peak_trade.domain.record import Record, Trades
from peak_trade.kernels import stats
from peak_trade.stats.arithmetic import deviation, ratio

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Excursions:
    """How far K trades went on their way, before fees.

    Attributes
    ----------
    mae : (K,) float64
        Maximum adverse excursion: worst price the position saw against its average entry price, as a
        fraction, 0 or negative.
    mfe : (K,) float64
        Maximum favourable excursion: the best one, 0 or positive.
    """

    mae: Floats
    mfe: Floats


def excursions(record: Record, trades: Trades) -> Excursions:
    """Give the maximum adverse and favourable excursion of each trade, from the bars' highs and lows.

    Only prices that the position certainly saw count: the bars between its entry and its exit, of
    the bar that it left in the open and the price it left at, of one that it entered after the open
    nothing. The price between is not known from bars. Entry prices are averages of all increases.

    Parameters
    ----------
    record : Record
    trades : Trades
        Of that record, from ``performance.trades_of``.

    References
    ----------
    Sweeney, Campaign Trading, 1996.
    """
    bars = record.bars
    count = len(trades)
    worst, best = np.empty(count), np.empty(count)
    high, low, opens = bars.high, bars.low, bars.open
    if record.rates.size:
        known = record.opening_rates
        high, low, opens = high * known, low * known, opens * known
    entry, leave = trades.entry_price, trades.exit_price
    if record.splits:
        factors = _split_factors(record)
        high, low, opens = high * factors, low * factors, opens * factors
        after = factors[trades.exit_row, trades.instrument]
        entry, leave = entry * after, leave * after
    stats.excursions(
        trades.instrument,
        trades.side,
        trades.entry_row,
        trades.exit_row + trades.is_open,
        trades.entry_time,
        entry,
        leave,
        bars.time,
        bars.open_time,
        high,
        low,
        opens,
        bars.tradable,
        worst,
        best,
    )
    return Excursions(worst, best)


def _split_factors(record: Record) -> Floats:
    """(T, N) What prices of each row are multiplied by to be those after all splits."""
    factors = np.ones(record.bars.close.shape)
    for split in record.splits:
        factors[: split.row, split.instrument] /= split.ratio
    return factors


@dataclass(frozen=True, slots=True)
class TradeStatistics:
    """The trades of a run, or of a part of it, in figures; NaN where one is not defined.

    Attributes
    ----------
    closed, open, wins, losses : int
        Numbers of trades; those that came out even neither won nor lost.
    win_rate : float
        Winners over closed trades.
    pnl, gross_profit, gross_loss, open_pnl : float
        Net result of the closed trades, of the winners, of the losers (negative), and the marked
        result of the open ones; quote currency.
    profit_factor : float
        Gross profit over the size of the gross loss; infinite without a loss.
    expectancy : float
        Mean pnl of a closed trade, quote currency.
    expectancy_return : float
        Mean return on the value of the entries.
    expectancy_r : float
        Mean pnl in units of risk R: of the risk handed in, else of the average loss (Tharp).
    payoff_ratio : float
        Average win over the size of the average loss.
    average_win, average_loss, largest_win, largest_loss : float
        Quote currency, losses negative.
    average_win_return, average_loss_return : float
        The same as mean returns of the winners and the losers.
    kelly : float
        Fraction of equity that would have grown fastest: win rate - (1 - win rate) / payoff ratio.
    quality : float
        System quality number: sqrt(trades) x mean / std (ddof=1) of the returns (Tharp 2008).
    average_bars, longest_bars : float
        Rows from entry to exit, on average and at most.
    average_hours, average_win_hours, average_loss_hours : float
        Hours from entry to exit of all, of the winners, of the losers.
    win_streak, loss_streak : int
        Most wins and most losses in a row, by time of exit; an even trade ends both.
    average_mae, average_mfe : float
        Mean excursions (see ``excursions``), NaN where they were not handed in.
    fees : float
        Fees of the closed trades, quote currency.
    """

    closed: int
    open: int
    wins: int
    losses: int
    win_rate: float
    pnl: float
    gross_profit: float
    gross_loss: float
    open_pnl: float
    profit_factor: float
    expectancy: float
    expectancy_return: float
    expectancy_r: float
    payoff_ratio: float
    average_win: float
    average_loss: float
    largest_win: float
    largest_loss: float
    average_win_return: float
    average_loss_return: float
    kelly: float
    quality: float
    average_bars: float
    longest_bars: float
    average_hours: float
    average_win_hours: float
    average_loss_hours: float
    win_streak: int
    loss_streak: int
    average_mae: float
    average_mfe: float
    fees: float

    def to_dict(self) -> dict[str, float]:
        """The figures by name."""
        return {column.name: getattr(self, column.name) for column in fields(self)}


def trade_statistics(
    trades: Trades,
    *,
    rows: Bools | None = None,
    way: Excursions | None = None,
    risk: Floats | None = None,
) -> TradeStatistics:
    """Give the statistics of trades, or of some of them.

    Parameters
    ----------
    trades : Trades
    rows : (K,) bool, optional
        Which of them; all where left out.
    way : Excursions, optional
        Of all K trades, for the mean excursions.
    risk : (K,) float64, optional
        What each trade put at risk, quote currency above 0, such as stop distance x value.

    Raises
    ------
    InputError
        A column that is not as long as the trades.

    Examples
    --------
    >>> from peak_trade.domain.bars import Bars
    >>> from peak_trade.domain.record import Trades
    >>> ints, pnl = np.zeros(3, np.int64), np.array([30.0, -10.0, 10.0])
    >>> trades = Trades(ints, ints + 1, ints, ints, ints + 5, ints, ints, pnl, pnl, pnl, pnl, pnl / 100,
    ...     ints, ints > 0)  # fmt: skip
    >>> found = trade_statistics(trades)
    >>> found.profit_factor, found.payoff_ratio, found.expectancy, found.win_streak
    (4.0, 2.0, 10.0, 1)
    """
    chosen = np.ones(len(trades), bool) if rows is None else rows
    for column in (
        chosen,
        *((way.mae, way.mfe) if way else ()),
        *(() if risk is None else (risk,)),
    ):
        if column.shape != (len(trades),):
            raise InputError(
                f"a column of {column.shape} belongs to {len(trades)} trades",
                hint="give one value a trade",
            )
    closed = np.flatnonzero(chosen & ~trades.is_open)
    still = chosen & trades.is_open
    pnl, returns = trades.pnl[closed], trades.return_[closed]
    won, lost = pnl > 0.0, pnl < 0.0
    wins, losses = int(won.sum()), int(lost.sum())
    bars = (trades.exit_row - trades.entry_row)[closed]
    hours = (trades.exit_time - trades.entry_time)[closed] / 3.6e12
    gross_profit, gross_loss = float(pnl[won].sum()), float(pnl[lost].sum())
    win_rate, average_loss = _share(wins, len(pnl)), _mean(pnl[lost])
    payoff = ratio(_mean(pnl[won]), -average_loss) if wins and losses else math.nan
    in_order = np.sign(pnl)[np.argsort(trades.exit_time[closed], kind="stable")]
    return TradeStatistics(
        closed=len(pnl),
        open=int(still.sum()),
        wins=wins,
        losses=losses,
        win_rate=win_rate,
        pnl=float(pnl.sum()),
        gross_profit=gross_profit,
        gross_loss=gross_loss,
        open_pnl=float(trades.pnl[still].sum()),
        profit_factor=ratio(gross_profit, -gross_loss),
        expectancy=_mean(pnl),
        expectancy_return=_mean(returns),
        expectancy_r=_mean(pnl / (risk[closed] if risk is not None else -average_loss)),
        payoff_ratio=payoff,
        average_win=_mean(pnl[won]),
        average_loss=average_loss,
        largest_win=_most(pnl[won]),
        largest_loss=-_most(-pnl[lost]),
        average_win_return=_mean(returns[won]),
        average_loss_return=_mean(returns[lost]),
        kelly=win_rate - (1.0 - win_rate) / payoff if payoff > 0.0 else math.nan,
        quality=math.sqrt(len(pnl)) * ratio(_mean(returns), deviation(returns)),
        average_bars=_mean(bars),
        longest_bars=_most(bars),
        average_hours=_mean(hours),
        average_win_hours=_mean(hours[won]),
        average_loss_hours=_mean(hours[lost]),
        win_streak=longest_run(in_order > 0),
        loss_streak=longest_run(in_order < 0),
        average_mae=_mean(way.mae[closed]) if way else math.nan,
        average_mfe=_mean(way.mfe[closed]) if way else math.nan,
        fees=float(trades.fees[closed].sum()),
    )


def grouped(
    trades: Trades, codes: Ints, names: Sequence[str], *, way: Excursions | None = None
) -> dict[str, TradeStatistics]:
    """Give the statistics of trades by a group, such as exit reason, side or instrument.

    Parameters
    ----------
    trades : Trades
    codes : (K,) int64
        Group of each trade, a place in ``names``; ``trades.reason``, ``trades.instrument``,
        ``(trades.side < 0).astype(int)``, ...
    names : sequence of str
        What the groups are called.
    way : Excursions, optional
        Of all K trades.

    Returns
    -------
    dict of str to TradeStatistics
        Groups with a trade, in the order of their names.

    Examples
    --------
    >>> ints, pnl = np.zeros(2, np.int64), np.array([30.0, -10.0])
    >>> trades = Trades(ints, np.array([1, -1]), ints, ints, ints, ints, ints, pnl, pnl, pnl, pnl, pnl,
    ...     ints, ints > 0)  # fmt: skip
    >>> found = grouped(trades, (trades.side < 0).astype(np.int64), ["long", "short"])
    >>> found["long"].pnl, found["short"].pnl
    (30.0, -10.0)
    """
    return {
        names[code]: trade_statistics(trades, rows=codes == code, way=way)
        for code in np.unique(codes).tolist()
    }


def longest_run(true: Bools) -> int:
    """Length of the longest stretch of True.

    Examples
    --------
    >>> longest_run(np.array([True, True, False, True]))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _mean(values: npt.NDArray[np.float64] | Ints) -> float:
    return float(values.mean()) if len(values) else math.nan


def _most(values: npt.NDArray[np.float64] | Ints) -> float:
    return float(values.max()) if len(values) else math.nan


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
