"""How the further measures of a run are called, shown and explained."""

from typing import Literal

from peak_trade.observe.text import BY_NAME, Figure, Kind
from peak_trade.stats.measures import AGAINST_BENCHMARK, MEASURES

_LABELS: dict[str, tuple[str, Kind, Literal["more", "less", ""]]] = {
    "downside_risk": ("Downside risk", "percent", "less"),
    "sharpe_low": ("Sharpe ratio, lower end of 95%", "ratio", "more"),
    "sharpe_high": ("Sharpe ratio, upper end of 95%", "ratio", "more"),
    "probabilistic_sharpe": ("Probabilistic Sharpe ratio", "percent", "more"),
    "min_track_record": ("Bars needed for 95%", "count", "less"),
    "calmar": ("Calmar ratio", "ratio", "more"),
    "martin": ("Martin ratio", "ratio", "more"),
    "omega": ("Omega ratio", "ratio", "more"),
    "gain_to_pain": ("Gain to pain", "ratio", "more"),
    "recovery_factor": ("Recovery factor", "ratio", "more"),
    "longest_drawdown": ("Longest drawdown, days", "count", "less"),
    "ulcer_index": ("Ulcer index", "percent", "less"),
    "value_at_risk": ("Value at risk (5%)", "percent", "more"),
    "conditional_value_at_risk": ("Expected shortfall (5%)", "percent", "more"),
    "tail_ratio": ("Tail ratio", "ratio", "more"),
    "skew": ("Skewness", "ratio", ""),
    "excess_kurtosis": ("Excess kurtosis", "ratio", ""),
    "stability": ("Stability", "ratio", "more"),
    "positive_bars": ("Bars that gained", "percent", "more"),
    "best_day": ("Best day", "percent", "more"),
    "worst_day": ("Worst day", "percent", "more"),
    "positive_days": ("Days that gained", "percent", "more"),
    "best_month": ("Best month", "percent", "more"),
    "worst_month": ("Worst month", "percent", "more"),
    "positive_months": ("Months that gained", "percent", "more"),
    "best_year": ("Best year", "percent", "more"),
    "worst_year": ("Worst year", "percent", "more"),
    "positive_years": ("Years that gained", "percent", "more"),
    "active_return": ("Active return", "percent", "more"),
    "alpha": ("Alpha, a year", "percent", "more"),
    "beta": ("Beta", "ratio", ""),
    "correlation": ("Correlation", "ratio", ""),
    "r_squared": ("R squared", "percent", ""),
    "tracking_error": ("Tracking error", "percent", ""),
    "information_ratio": ("Information ratio", "ratio", "more"),
    "treynor": ("Treynor ratio", "ratio", "more"),
    "up_capture": ("Upside capture", "percent", "more"),
    "down_capture": ("Downside capture", "percent", "less"),
    "capture_ratio": ("Capture ratio", "ratio", "more"),
    "batting_average": ("Batting average", "percent", "more"),
}


def measure_named(name: str) -> Figure:
    """Find a measure of ``stats.measures``; its meaning is the one given there.

    Examples
    --------
    >>> found = measure_named("calmar")
    >>> found.label, found.meaning
    ('Calmar ratio', 'Annual growth over the deepest drawdown.')
    """
    label, kind, better = _LABELS.get(name, (name.replace("_", " ").capitalize(), "ratio", ""))
    text = (MEASURES | AGAINST_BENCHMARK).get(name, "")
    meaning = f"{text[:1].upper()}{text[1:]}." if text else ""
    return Figure(name, label, kind, meaning, meaning, better)


def known_figure(name: str) -> Figure:
    """Find a figure of a run or a further measure by its name.

    Examples
    --------
    >>> known_figure("sharpe").label, known_figure("skew").label
    ('Sharpe ratio', 'Skewness')
    """
    return BY_NAME.get(name) or measure_named(name)
