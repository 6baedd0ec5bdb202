"""The whole set of measures of one run, computed when it is asked for.

``performance.summary`` gives the figures that every row of a sweep has, from sums. What is here takes
order statistics, calendars and a benchmark, and reads the whole curve.

What a curve cannot say is not here: factor attribution needs holdings by factor, the probability of
overfitting needs the other trials, and what happened inside the bars is not in their closes. A tail
fitted by a generalised Pareto distribution (``stats.tail.pareto_tail``) says little with few losses
and is left to whoever asks for it.
"""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.calendar import DAY_NS
from peak_trade.domain.errors import InputError
from peak_trade.domain.record import Record
from peak_trade.stats import benchmark as against
from peak_trade.stats import returns as shape
from peak_trade.stats import tail
from peak_trade.stats.arithmetic import ratio, steps_of
from peak_trade.stats.deflation import sharpe_inference
from peak_trade.stats.drawdown import Every, day_closes, longest_drawdown, period_returns
from peak_trade.stats.performance import (
    cagr,
    counted_rows,
    max_drawdown,
    sharpe,
    sortino,
    total_return,
    volatility,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MEASURES = {
    "total_return": "growth over the whole time",
    "cagr": "compound annual growth rate",
    "volatility": "annual standard deviation of returns",
    "downside_risk": "annual scatter of the returns below the required one",
    "sharpe": "annual return above the risk-free rate over volatility",
    "sharpe_low": "lower end of the Sharpe ratio's 95 % interval",
    "sharpe_high": "upper end of the Sharpe ratio's 95 % interval",
    "probabilistic_sharpe": "probability that the true Sharpe ratio is above 0",
    "min_track_record": "bars after which that probability would be 95 %",
    "sortino": "annual return above the required one over downside risk",
    "calmar": "annual growth over the deepest drawdown",
    "martin": "annual growth above the risk-free rate over the ulcer index",
    "omega": "gains above the required return over shortfalls below it",
    "gain_to_pain": "sum of returns over the sum of losses",
    "recovery_factor": "total return over the deepest drawdown",
    "max_drawdown": "deepest fall below an earlier high",
    "longest_drawdown": "longest time below an earlier high, days",
    "ulcer_index": "root mean square of the drawdowns",
    "value_at_risk": "return that 5 % of the bars fall below",
    "conditional_value_at_risk": "mean return of the worst 5 % of the bars",
    "tail_ratio": "95th percentile over the 5th, in size",
    "skew": "third standardised moment",
    "excess_kurtosis": "fourth standardised moment, less 3",
    "stability": "R squared of a straight line through the log growth",
    "positive_bars": "share of the bars with a gain among those with a change",
    "best_day": "largest return of a calendar day",
    "worst_day": "smallest return of a calendar day",
    "positive_days": "share of the days with a gain among those with a change",
    "best_month": "largest return of a calendar month",
    "worst_month": "smallest return of a calendar month",
    "positive_months": "share of the months with a gain among those with a change",
    "best_year": "largest return of a calendar year",
    "worst_year": "smallest return of a calendar year",
    "positive_years": "share of the years with a gain among those with a change",
}
"""Names of what ``measures`` gives, with what each is, in the order in which they are shown."""

AGAINST_BENCHMARK = {
    "active_return": "total return less the benchmark's",
    "alpha": "annual return beyond beta times the benchmark",
    "beta": "move of the run for a move of the benchmark",
    "correlation": "Pearson's correlation with the benchmark",
    "r_squared": "share of the variance that the benchmark explains",
    "tracking_error": "annual standard deviation of the active return",
    "information_ratio": "annual active return over the tracking error",
    "treynor": "annual growth above the risk-free rate over beta",
    "up_capture": "annual growth over the benchmark's where it rose",
    "down_capture": "annual growth over the benchmark's where it fell",
    "capture_ratio": "upside over downside capture",
    "batting_average": "share of the bars that beat the benchmark",
}
"""What ``measures`` adds where it is given a benchmark."""


def measures(
    time: Ints,
    equity: Floats,
    bars_per_year: float,
    *,
    benchmark: Floats | None = None,
    risk_free: float = 0.0,
    required: float = 0.0,
) -> dict[str, float]:
    """Give all measures of an account.

    Parameters
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds, ascending.
    equity : (T,) float64
        Account values at those closes. After a value of 0 or below, returns count as 0.
    bars_per_year : float
        Rows in a usual year.
    benchmark : (T,) float64, optional
        Account values or prices of a benchmark at the same closes.
    risk_free, required : float
        Rates a year, fractions: what a safe deposit pays, and the least that is wanted.

    Returns
    -------
    dict of str to float
        Under the names of ``MEASURES``, and of ``AGAINST_BENCHMARK`` with a benchmark. Rates and
        drawdowns are fractions; NaN where a figure is not defined.

    Raises
    ------
    InputError
        Times, account and benchmark of several lengths.
    ParameterError
        A rate of -1 or below.

    Examples
    --------
    >>> day = np.arange(6) * 86_400_000_000_000
    >>> found = measures(day, np.array([100.0, 102.0, 99.0, 103.0, 104.0, 101.0]), 252)
    >>> round(found["total_return"], 6), round(found["worst_day"], 6)
    (0.01, -0.029412)
    """
    for name, values in (("the account", equity), ("the benchmark", benchmark)):
        if values is not None and len(values) != len(time):
            raise InputError(
                f"{name} has {len(values)} values at {len(time)} times",
                hint="give one value for each row",
            )
    safe = shape.rate_per_bar(risk_free, bars_per_year)
    wanted = shape.rate_per_bar(required, bars_per_year)
    returns = steps_of(equity)
    found = _alone(returns, bars_per_year, safe, wanted, required)
    found["longest_drawdown"] = longest_drawdown(time, equity)
    day, closes = day_closes(time, equity)
    ends = np.append(time[:1], (day + 1) * DAY_NS)
    for every in ("day", "month", "year"):
        found |= _by_calendar(ends, closes, every)
    ordered = {name: found[name] for name in MEASURES}
    if benchmark is not None:
        ordered |= _beside(returns, steps_of(benchmark), bars_per_year, safe)
    return ordered


def measures_of(
    record: Record,
    *,
    benchmark: Floats | None = None,
    risk_free: float = 0.0,
    required: float = 0.0,
) -> dict[str, float]:
    """Give all measures of a run over the rows that have a real bar; see ``measures``.

    Parameters
    ----------
    record : Record
    benchmark : (stop - start,) float64, optional
        Account values or prices of a benchmark at the closes of the rows traded.
    risk_free, required : float
        Rates a year.
    """
    rows = counted_rows(record)
    return measures(
        record.time[rows],
        record.equity[rows],
        record.bars.bars_per_year,
        benchmark=None if benchmark is None else benchmark[rows],
        risk_free=risk_free,
        required=required,
    )


def _alone(
    returns: Floats, bars_per_year: float, safe: float, wanted: float, required: float
) -> dict[str, float]:
    """What the returns say by themselves; ``safe`` and ``wanted`` are rates a bar."""
    growth, deepest = cagr(returns, bars_per_year), max_drawdown(returns)
    safe_annual = math.expm1(bars_per_year * math.log1p(safe))
    total, ulcers = total_return(returns), shape.ulcer_index(returns)
    sure = sharpe_inference(returns, bars_per_year, risk_free=safe)
    return {
        "total_return": total,
        "cagr": growth,
        "volatility": volatility(returns, bars_per_year),
        "downside_risk": shape.downside_risk(returns, bars_per_year, required=wanted),
        "sharpe": sharpe(returns, bars_per_year, risk_free=safe),
        "sharpe_low": sure.low,
        "sharpe_high": sure.high,
        "probabilistic_sharpe": sure.probability,
        "min_track_record": sure.min_track_record,
        "sortino": sortino(returns, bars_per_year, required=wanted),
        "calmar": shape.calmar(returns, bars_per_year),
        "martin": ratio(growth - safe_annual, ulcers),
        "omega": shape.omega(returns, bars_per_year, required_annual=required),
        "gain_to_pain": shape.gain_to_pain(returns),
        "recovery_factor": ratio(total, -deepest),
        "max_drawdown": deepest,
        "ulcer_index": ulcers,
        "value_at_risk": tail.value_at_risk(returns),
        "conditional_value_at_risk": tail.conditional_value_at_risk(returns),
        "tail_ratio": tail.tail_ratio(returns),
        "skew": shape.skewness(returns),
        "excess_kurtosis": shape.excess_kurtosis(returns),
        "stability": shape.stability(returns),
        "positive_bars": shape.positive_share(returns),
    }


def _by_calendar(time: Ints, equity: Floats, every: Every) -> dict[str, float]:
    found = period_returns(time, equity, every).returns
    best, worst = shape.best_and_worst(found)
    return {
        f"best_{every}": best,
        f"worst_{every}": worst,
        f"positive_{every}s": shape.positive_share(found),
    }


def _beside(returns: Floats, market: Floats, bars_per_year: float, safe: float) -> dict[str, float]:
    alpha, beta = against.alpha_beta(returns, market, bars_per_year, risk_free=safe)
    up = against.up_capture(returns, market, bars_per_year)
    down = against.down_capture(returns, market, bars_per_year)
    alike = against.correlation(returns, market)
    return {
        "active_return": total_return(returns) - total_return(market),
        "alpha": alpha,
        "beta": beta,
        "correlation": alike,
        "r_squared": alike**2,
        "tracking_error": against.tracking_error(returns, market, bars_per_year),
        "information_ratio": against.information_ratio(returns, market, bars_per_year),
        "treynor": against.treynor(returns, market, bars_per_year, risk_free=safe),
        "up_capture": up,
        "down_capture": down,
        "capture_ratio": ratio(up, down),
        "batting_average": against.batting_average(returns, market).all,
    }
