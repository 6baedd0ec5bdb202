"""How much of a target is held: what the account and the market's movement leave of it."""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.jit import kernel

Floats = npt.NDArray[np.float64]


@kernel
def drawdown_scale(drawdown: float, limit: float, floor: float) -> float:
    """Fall from 1 to the floor as the drawdown goes from 0 to the limit: max(floor, 1 - dd / limit)."""
    return max(floor, 1.0 - max(drawdown, 0.0) / limit)


@kernel
def kelly_share(wins: int, won: float, losses: int, lost: float) -> float:
    """Give Kelly's fraction of closed trades, W - (1 - W) / R; 0 or less without an edge.

    ``W`` is the share of trades that won and ``R`` the mean win over the mean loss. ``won`` and
    ``lost`` are sums of returns, both 0 or more. Without a win it is -1, without a trade 0.
    """
    trades = wins + losses
    if trades == 0:
        return 0.0
    gain = won / wins if wins > 0 else 0.0
    if gain <= 0.0:
        return -1.0
    rate = wins / trades
    loss = lost / losses if losses > 0 else 0.0
    return rate - (1.0 - rate) * (loss / gain)


@kernel
def account_scale(
    drawdown: float, wins: int, won: float, losses: int, lost: float, params: Floats
) -> float:
    """Scale all targets by what has become of the account: the drawdown's part times Kelly's.

    Parameters
    ----------
    drawdown : float
        How far equity is below its peak, a fraction of 0 or more.
    wins, losses : int
        Closed trades that won, and that did not.
    won, lost : float
        Sums of the returns of those, as fractions; ``lost`` without its sign.
    params : (6,) float64
        Drawdown limit and floor; Kelly fraction, cap, fewest trades, and the scale until then. A
        NaN limit or Kelly fraction leaves its part out.
    """
    scale = 1.0
    limit, fraction = params[0], params[2]
    if limit == limit:
        scale *= drawdown_scale(drawdown, limit, params[1])
    if fraction == fraction:
        if wins + losses < params[4]:
            scale *= params[5]
        else:
            share = fraction * kelly_share(wins, won, losses, lost)
            scale *= min(max(share, 0.0), params[3])
    return scale


@kernel
def volatility_scales(
    weights: Floats, returns: Floats, n: int, target: float, leverage: float, out: Floats
) -> None:
    """Write by what to multiply a row of weights so that it would have moved by ``target``.

    The deviation (n - 1 degrees) is that of what the row's weights would have returned in each of
    the last n rows, so it follows their correlations; the product's gross exposure stays within
    ``leverage``.

    Parameters
    ----------
    weights, returns : (T, N) float64
        Fractions of equity that stand, and simple returns of each row; a return of an instrument
        without a weight is not read.
    n : int
        Rows in the window, at least 2.
    target : float
        Standard deviation a row.
    leverage : float
        Largest sum of absolute weights.
    out : (T,) float64
        Written: 1 where nothing is held, NaN where the window holds an unknown return.
    """
    rows, width = weights.shape
    for t in range(rows):
        gross = 0.0
        for j in range(width):
            gross += abs(weights[t, j])
        if gross == 0.0:
            out[t] = 1.0
            continue
        out[t] = np.nan
        if t + 1 < n:
            continue
        begin = t + 1 - n
        first, mean = 0.0, 0.0
        for s in range(begin, t + 1):
            moved = _moved(weights, returns, t, s)
            if s == begin:
                first = moved
            mean += (moved - first) / n
        squares = 0.0
        for s in range(begin, t + 1):
            gap = _moved(weights, returns, t, s) - first - mean
            squares += gap * gap
        deviation = np.sqrt(squares / (n - 1))
        if deviation == deviation:
            out[t] = min(target / deviation, leverage / gross)


@kernel
def _moved(weights: Floats, returns: Floats, t: int, s: int) -> float:
    # What the weights of row t would have returned in row s.
    total = 0.0
    for j in range(weights.shape[1]):
        if weights[t, j] != 0.0:
            total += weights[t, j] * returns[s, j]
    return total
