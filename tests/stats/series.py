"""Random returns, and how figures of ours are held against another library's."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import strategies as st


def quietly(function, *arguments, **named):
    """What another library gives, its warnings kept to itself."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return float(function(*arguments, **named))


def same(ours, theirs, rel=1e-9, tiny=1e-12):
    """Whether two figures agree; NaN and infinities only with themselves."""
    if math.isnan(theirs) or math.isinf(theirs):
        return ours == theirs or (math.isnan(ours) and math.isnan(theirs))
    return ours == pytest.approx(theirs, rel=rel, abs=tiny)


@st.composite
def series(draw, least=0, most=60):
    """Simple returns above -1: wandering, constant, falling, empty, single, with gaps."""
    kind = draw(st.sampled_from(["any", "constant", "falling", "gaps", "missing"]))
    size = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    returns = rng.normal(draw(st.sampled_from([0.0, 0.001, -0.002])), 0.02, size)
    if kind == "constant":
        returns[:] = draw(st.sampled_from([0.0, 0.01, -0.01, 0.1, 1 / 3]))
    elif kind == "falling":
        returns = -np.abs(returns)
    elif kind == "gaps":
        returns[rng.random(size) < 0.3] = np.nan
    elif kind == "missing":
        returns[:] = np.nan
    return returns


@st.composite
def pairs(draw, least=0, most=60):
    """A run and its benchmark over the same periods, each with its own gaps."""
    market = draw(series(least, most))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng([seed, 1])  # never the numbers that the market is made of
    kind = draw(st.sampled_from(["alike", "apart", "same", "gaps"]))
    noise = rng.normal(0, 0.01, len(market))
    mine = {"alike": 0.5 * market + noise, "apart": noise, "same": market.copy()}.get(kind, noise)
    if kind == "gaps":
        mine[rng.random(len(market)) < 0.3] = np.nan
    return mine, market
