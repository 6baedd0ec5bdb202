"""How good a run was: returns, risk, ratios, and the statistics of its trades.

Functions of ``returns`` take simple period returns (T,), skip NaN, and compute what
empyrical-reloaded computes. ``bars_per_year`` annualises; it comes from the calendar and the
interval of the bars, never from the sample.

These are the figures of every run and of every row of a sweep, from sums that cost next to nothing.
More are in ``stats.measures``, whose parts are ``stats.returns``, ``stats.tail``,
``stats.benchmark``, ``stats.rolling`` and ``stats.trades``.
"""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record, Trades
from peak_trade.kernels import stats
from peak_trade.stats.arithmetic import (
    Rate,
    annual_growth,
    deviation,
    excess,
    known,
    ratio,
    steps_of,
    wealth,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STATISTICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trades",
    "win_rate",
    "fees",
    "exposure",
    "turnover",
)
"""Names of what ``summary`` gives, in the order in which they are shown."""


_ROUNDING = 1e-12
"""Scatter below this share of the sum of squares is the rounding of the sums, not dispersion."""


def total_return(returns: Floats) -> float:
    """Growth over all periods: prod(1 + r) - 1; NaN without a return.

    NaN returns count as 0.

    Examples
    --------
    >>> round(total_return(np.array([0.1, -0.1])), 12)
    -0.01
    """
    return float(np.nanprod(1.0 + returns) - 1.0) if len(returns) else math.nan


def cagr(returns: Floats, bars_per_year: float) -> float:
    """Compound annual growth rate: prod(1 + r) ** (bars_per_year / n) - 1, n counting every row.

    Examples
    --------
    >>> round(cagr(np.array([0.1, 0.1]), 2), 12)
    0.21
    """
    return annual_growth(1.0 + total_return(returns), len(returns), bars_per_year)


def volatility(returns: Floats, bars_per_year: float) -> float:
    """Annual standard deviation: std(r, ddof=1) x sqrt(bars_per_year); NaN below two returns.

    Examples
    --------
    >>> round(volatility(np.array([0.01, -0.01]), 2), 12)
    0.02
    """
    return deviation(known(returns)) * math.sqrt(bars_per_year)


def sharpe(returns: Floats, bars_per_year: float, *, risk_free: Rate = 0.0) -> float:
    """Sharpe ratio: mean(r - rf) / std(r - rf, ddof=1) x sqrt(bars_per_year).

    ``risk_free`` is a rate a period, or one for each (T,). NaN below two returns and where nothing
    ever moves; infinite where all returns are the same.

    References
    ----------
    Sharpe, The Sharpe Ratio, Journal of Portfolio Management 1994.

    Examples
    --------
    >>> round(sharpe(np.array([0.01, 0.02, -0.01, 0.03]), 252), 6)
    11.61895
    """
    over = excess(returns, risk_free)
    if len(over) < 2:
        return math.nan
    return ratio(float(over.mean()), deviation(over)) * math.sqrt(bars_per_year)


def sortino(returns: Floats, bars_per_year: float, *, required: Rate = 0.0) -> float:
    """Sortino ratio: mean(r - required) x bars_per_year over the annual downside risk.

    Downside risk is sqrt(mean(min(r - required, 0) ** 2)) x sqrt(bars_per_year) over all returns,
    and ``required`` a rate a period, or one for each (T,). NaN below two rows; infinite where no return falls short.

    References
    ----------
    Sortino and Price, Performance Measurement in a Downside Risk Framework, 1994.

    Examples
    --------
    >>> round(sortino(np.array([0.01, 0.02, -0.01, 0.03]), 252), 6)
    39.68627
    """
    over = excess(returns, required)
    if len(returns) < 2 or not len(over):
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(over, 0.0) ** 2)))
    return ratio(float(over.mean()), downside) * math.sqrt(bars_per_year)


def max_drawdown(returns: Floats) -> float:
    """Deepest fall of wealth below its running peak, 0 or negative; the start counts as a peak.

    Examples
    --------
    >>> round(max_drawdown(np.array([-0.1, 0.2, -0.5])), 12)
    -0.5
    """
    if not len(returns):
        return math.nan
    return float(stats.deepest_drawdown(wealth(returns), 1.0))


def summary(
    sums: Floats, trade_sums: Floats, cash: float, bars_per_year: float
) -> dict[str, float]:
    """The statistics of a run, from the sums of its equity curve and of its fills.

    Parameters
    ----------
    sums : (kernels.stats.SUMS,) float64
    trade_sums : (kernels.stats.TRADE_SUMS,) float64
    cash : float
        Equity at the start.
    bars_per_year : float

    Returns
    -------
    dict of str to float
        Under ``STATISTICS``: total return, annual growth, volatility, Sharpe and Sortino ratio
        (risk-free rate 0), deepest drawdown (negative), trades (the open ones with them), share of
        the closed ones that won, fees in quote currency, share of rows with a position, and traded
        value over mean equity, a year. NaN where a figure is not defined.
    """
    n, total = sums[stats.RETURNS], sums[stats.SUM]
    closed, years = trade_sums[stats.CLOSED], n / bars_per_year
    mean = total / n if n else math.nan
    scatter = sums[stats.SQUARES] - n * mean * mean if n > 1 else math.nan
    if scatter <= _ROUNDING * sums[stats.SQUARES]:
        scatter = 0.0
    spread = math.sqrt(scatter / (n - 1)) if n > 1 else math.nan
    downside = math.sqrt(sums[stats.DOWNSIDE] / n) if n > 1 else math.nan
    mean_equity = sums[stats.EQUITY_SUM] / sums[stats.ROWS]
    annual = math.sqrt(bars_per_year)
    values = (
        sums[stats.FINAL] / cash - 1.0,
        annual_growth(sums[stats.FINAL] / cash, n, bars_per_year),
        spread * annual,
        ratio(mean, spread) * annual,
        ratio(mean, downside) * annual,
        sums[stats.DRAWDOWN],
        closed + trade_sums[stats.OPEN],
        trade_sums[stats.WINS] / closed if closed else math.nan,
        trade_sums[stats.FEES],
        sums[stats.HELD_ROWS] / sums[stats.ROWS],
        trade_sums[stats.NOTIONAL] / mean_equity / years if years and mean_equity > 0 else math.nan,
    )
    return dict(zip(STATISTICS, (float(value) for value in values), strict=True))


def summary_of(record: Record) -> dict[str, float]:
    """The statistics of a record; see ``summary``."""
    sums, trade_sums = np.empty(stats.SUMS), np.empty(stats.TRADE_SUMS)
    stats.sums_of_equity(record.equity, real_rows(record), record.held, record.terms.cash, sums)
    fills = record.fills
    units = _units(record)
    held, flow = np.empty(len(units), np.int64), np.empty(len(units))
    stats.trade_sums(
        fills.instrument, fills.lots, record.fill_prices, fills.fee, units, held, flow, trade_sums
    )
    if record.splits:  # after them, lots that came and lots that went do not add up to nothing
        trades = trades_of(record)
        trade_sums[stats.OPEN] = np.count_nonzero(trades.is_open)
        trade_sums[stats.CLOSED] = np.count_nonzero(~trades.is_open)
        trade_sums[stats.WINS] = np.count_nonzero((trades.pnl > 0.0) & ~trades.is_open)
    return summary(sums, trade_sums, record.terms.cash, record.bars.bars_per_year)


def real_rows(record: Record) -> Bools:
    """(stop - start,) Whether any instrument has a real bar in each traded row."""
    tradable = record.bars.tradable[record.start : record.stop]
    return tradable[:, 0] if tradable.shape[1] == 1 else np.any(tradable, axis=1)


def counted_rows(record: Record) -> Bools:
    """(stop - start,) The rows that returns are taken between: the first, and all with a real bar."""
    rows = real_rows(record).copy()
    rows[:1] = True
    return rows


def returns_of(record: Record) -> Floats:
    """(R,) The simple returns of a run between its counted rows; 0 from equity of 0 or below on."""
    return steps_of(record.equity[counted_rows(record)])


def trades_of(record: Record) -> Trades:
    """The trades of a record, from flat to flat or through zero; the open ones come last.

    Dividends, funding, borrow and interest are flows of the account and no part of a trade's pnl.
    Prices and pnl are in the account's currency.
    """
    fills, bars = record.fills, record.bars
    marks = _last_closes(record)
    ints, floats = stats.round_trips(
        fills.instrument,
        fills.lots,
        record.fill_prices,
        fills.fee,
        fills.reason,
        _units(record),
        marks,
        *_splits(record),
    )
    entry, leave = ints[:, stats.TRIP_ENTRY], ints[:, stats.TRIP_EXIT]
    is_open = ints[:, stats.TRIP_OPEN] > 0
    last = record.stop - 1
    value = floats[:, stats.TRIP_VALUE]
    pnl = np.ascontiguousarray(floats[:, stats.TRIP_PNL])
    return Trades(
        instrument=ints[:, stats.TRIP_INSTRUMENT].copy(),
        side=ints[:, stats.TRIP_SIDE].copy(),
        lots=ints[:, stats.TRIP_LOTS].copy(),
        entry_row=_taken(fills.row, entry),
        exit_row=np.where(is_open, last, _taken(fills.row, leave)),
        entry_time=_taken(fills.time, entry),
        exit_time=np.where(is_open, bars.time[last], _taken(fills.time, leave)),
        entry_price=floats[:, stats.TRIP_ENTRY_PRICE].copy(),
        exit_price=floats[:, stats.TRIP_EXIT_PRICE].copy(),
        pnl=pnl,
        fees=floats[:, stats.TRIP_FEES].copy(),
        return_=pnl / value,
        reason=ints[:, stats.TRIP_REASON].copy(),
        is_open=is_open,
    )


def _splits(record: Record) -> tuple[Ints, Ints, Ints, Floats]:
    """Before which fill each split comes, its instrument and terms, and what was paid for fractions."""
    splits = record.splits
    rows = np.array([split.row for split in splits], np.int64)
    which = np.array([split.instrument for split in splits], np.int64)
    flows, paid = record.flows, np.zeros(len(splits))
    for k in range(len(splits)):
        mine = (flows.row == rows[k]) & (flows.instrument == which[k])
        paid[k] = sum(
            float(flows.amount[j]) for j in np.flatnonzero(mine) if flows.kind[j] == "split"
        )
    terms = np.array([(s.numerator, s.denominator) for s in splits], np.int64).reshape(-1, 2)
    before = np.array([split.fills_before for split in splits], np.int64)
    return before, which, terms, paid


def _taken(column: Ints, positions: Ints) -> Ints:
    return column[positions] if len(column) else np.zeros(len(positions), np.int64)


def _units(record: Record) -> Floats:
    return np.array([instrument.unit for instrument in record.bars.instruments])


def _last_closes(record: Record) -> Floats:
    """(N,) The last real close of each instrument; NaN where it never had one."""
    closes = np.full(len(record.bars.instruments), np.nan)
    for i in range(len(closes)):
        real = record.bars.tradable[: record.stop, i]
        back = int(np.argmax(real[::-1]))
        if real.any():
            closes[i] = record.bars.close[len(real) - 1 - back, i]
    if record.rates.size:
        closes *= record.rates[record.stop - 1]
    return closes


__all__ = [
    "STATISTICS",
    "cagr",
    "counted_rows",
    "max_drawdown",
    "real_rows",
    "returns_of",
    "sharpe",
    "sortino",
    "summary",
    "summary_of",
    "total_return",
    "trades_of",
    "volatility",
]
