"""How far a Sharpe ratio can be trusted: its error, its interval, what luck would explain."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record
from peak_trade.observe.tables import Table, table
from peak_trade.observe.text import DASH, number, percent
from peak_trade.stats.arithmetic import steps_of
from peak_trade.stats.deflation import SharpeInference, sharpe_inference
from peak_trade.stats.performance import counted_rows, returns_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Confidence:
    """What can be said about the Sharpe ratio behind a run: a sentence, and the figures."""

    sentence: str
    figures: Table


def confidence_of(record: Record, benchmark: tuple[str, Floats] | None) -> Confidence | None:
    """Say how sure the Sharpe ratio of a run is; None where it is not defined."""
    bars_per_year = record.bars.bars_per_year
    returns = returns_of(record)
    found = sharpe_inference(returns, bars_per_year)
    if not math.isfinite(found.standard_error):
        return None
    rows = [_row("above 0", found, bars_per_year)]
    if benchmark:
        theirs = steps_of(benchmark[1][counted_rows(record)])
        held = sharpe_inference(theirs, bars_per_year).sharpe
        if math.isfinite(held):
            against = sharpe_inference(returns, bars_per_year, benchmark=held)
            rows.append(
                _row(f"above {number(held)}, that of {benchmark[0]}", against, bars_per_year)
            )
    heads = ["The true Sharpe ratio is", "Probability (PSR)", "Years needed", "Years there"]
    return Confidence(_sentence(found), table(heads, "tnnn", rows, title="Probabilistic Sharpe"))


def _row(claim: str, found: SharpeInference, bars_per_year: float) -> list[str]:
    needed = found.min_track_record / bars_per_year
    return [
        claim,
        percent(found.probability, 1),
        number(needed, 1) if math.isfinite(needed) else DASH,
        number(found.observations / bars_per_year, 1),
    ]


def _sentence(found: SharpeInference) -> str:
    text = (
        f"The Sharpe ratio of {number(found.sharpe)} is known to within {number(found.low)} to "
        f"{number(found.high)} ({percent(found.level, 0)} interval, standard error "
        f"{number(found.standard_error)}), from {found.observations:,} returns of skewness "
        f"{number(found.skew)} and kurtosis {number(found.kurtosis)} (3 for a normal distribution)."
    )
    if found.low <= 0 <= found.high:
        return text + " The interval holds zero: luck alone may explain the result."
    return text
