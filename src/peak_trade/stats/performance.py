"""How good a run was: returns, risk, ratios, and the statistics of its trades.

Functions of ``returns`` take simple period returns (T,), skip NaN, and compute what
empyrical-reloaded computes. ``bars_per_year`` annualises; it comes from the calendar and the
interval of the bars, never from the sample.

Of empyrical's measures these are not offered yet: excess Sharpe, Calmar, omega and tail ratios;
downside risk by itself, stability, tail risk by a generalised Pareto distribution; alpha, beta and
the captures against a benchmark, up and down; rolling windows; cumulative and aggregated returns.
"""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record, Trades
from peak_trade.kernels import stats

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
    return _annual_growth(1.0 + total_return(returns), len(returns), bars_per_year)


def volatility(returns: Floats, bars_per_year: float) -> float:
    """Annual standard deviation: std(r, ddof=1) x sqrt(bars_per_year); NaN below two returns.

    Examples
    --------
    >>> round(volatility(np.array([0.01, -0.01]), 2), 12)
    0.02
    """
    known = returns[~np.isnan(returns)]
    return _deviation(known) * math.sqrt(bars_per_year)


def sharpe(returns: Floats, bars_per_year: float, *, risk_free: float = 0.0) -> float:
    """Sharpe ratio: mean(r - rf) / std(r - rf, ddof=1) x sqrt(bars_per_year).

    ``risk_free`` is a rate a period. NaN below two returns and where nothing ever moves; infinite
    where all returns are the same.

    References
    ----------
    Sharpe, The Sharpe Ratio, Journal of Portfolio Management 1994.

    Examples
    --------
    >>> round(sharpe(np.array([0.01, 0.02, -0.01, 0.03]), 252), 6)
    11.61895
    """
    excess = returns[~np.isnan(returns)] - risk_free
    if len(excess) < 2:
        return math.nan
    return _ratio(float(excess.mean()), _deviation(excess)) * math.sqrt(bars_per_year)


def sortino(returns: Floats, bars_per_year: float, *, required: float = 0.0) -> float:
    """Sortino ratio: mean(r - required) x bars_per_year over the annual downside risk.

    Downside risk is sqrt(mean(min(r - required, 0) ** 2)) x sqrt(bars_per_year) over all returns,
    and ``required`` a rate a period. NaN below two rows; infinite where no return falls short.

    References
    ----------
    Sortino and Price, Performance Measurement in a Downside Risk Framework, 1994.

    Examples
    --------
    >>> round(sortino(np.array([0.01, 0.02, -0.01, 0.03]), 252), 6)
    39.68627
    """
    excess = returns[~np.isnan(returns)] - required
    if len(returns) < 2 or not len(excess):
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return _ratio(float(excess.mean()), downside) * math.sqrt(bars_per_year)


def max_drawdown(returns: Floats) -> float:
    """Deepest fall of wealth below its running peak, 0 or negative; the start counts as a peak.

    Examples
    --------
    >>> round(max_drawdown(np.array([-0.1, 0.2, -0.5])), 12)
    -0.5
    """
    if not len(returns):
        return math.nan
    wealth: Floats = np.cumprod(1.0 + np.where(np.isnan(returns), 0.0, returns), dtype=np.float64)
    return float(stats.deepest_drawdown(wealth, 1.0))


def _annual_growth(growth: float, periods: float, bars_per_year: float) -> float:
    if not periods >= 1 or math.isnan(growth):
        return math.nan
    if growth <= 0.0:
        return -1.0
    exponent = bars_per_year / periods * math.log(growth)
    return math.inf if exponent > 700 else math.expm1(exponent)


def _deviation(known: Floats) -> float:
    """Sample standard deviation; exactly 0 where all are equal, which the rounded mean would hide."""
    if len(known) < 2:
        return math.nan
    return 0.0 if known.min() == known.max() else float(known.std(ddof=1))


def _ratio(mean: float, spread: float) -> float:
    if spread == 0.0:
        return math.nan if mean == 0.0 else math.copysign(math.inf, mean)
    return mean / spread


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
    deviation = math.sqrt(scatter / (n - 1)) if n > 1 else math.nan
    downside = math.sqrt(sums[stats.DOWNSIDE] / n) if n > 1 else math.nan
    mean_equity = sums[stats.EQUITY_SUM] / sums[stats.ROWS]
    annual = math.sqrt(bars_per_year)
    values = (
        sums[stats.FINAL] / cash - 1.0,
        _annual_growth(sums[stats.FINAL] / cash, n, bars_per_year),
        deviation * annual,
        _ratio(mean, deviation) * annual,
        _ratio(mean, downside) * annual,
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
    bars = record.bars
    rows = slice(record.start, record.stop)
    sums, trade_sums = np.empty(stats.SUMS), np.empty(stats.TRADE_SUMS)
    is_single = bars.close.shape[1] == 1
    real: Bools = bars.tradable[rows, 0] if is_single else np.any(bars.tradable[rows], axis=1)
    stats.sums_of_equity(record.equity, real, record.held, record.terms.cash, sums)
    fills = record.fills
    units = _units(record)
    held, flow = np.empty(len(units), np.int64), np.empty(len(units))
    stats.trade_sums(
        fills.instrument, fills.lots, fills.price, fills.fee, units, held, flow, trade_sums
    )
    return summary(sums, trade_sums, record.terms.cash, bars.bars_per_year)


def trades_of(record: Record) -> Trades:
    """The trades of a record, from flat to flat or through zero; the open ones come last."""
    fills, bars = record.fills, record.bars
    marks = _last_closes(record)
    ints, floats = stats.round_trips(
        fills.instrument, fills.lots, fills.price, fills.fee, fills.reason, _units(record), marks
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
    return closes


__all__ = [
    "STATISTICS",
    "cagr",
    "max_drawdown",
    "sharpe",
    "sortino",
    "summary",
    "summary_of",
    "total_return",
    "trades_of",
    "volatility",
]
