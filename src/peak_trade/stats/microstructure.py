"""What trading costs and who trades: measures from trades, prices and volumes."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.stats.columns import check_bars, window_rows
from peak_trade.stats.windows import window_covariance, window_mean, window_sum, window_variance

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def amihud(bars: Bars, n: int = 20) -> Floats:
    """Illiquidity: how far a unit of traded value moves the price, over the last n bars.

    The mean of ``|C[t] / C[t-1] - 1| / (C[t] V[t])``, so 1e-8 means that 1,000,000 of quote currency
    move the price by 1 %.

    Parameters
    ----------
    bars : Bars
    n : int
        Returns in the window, at least 1.

    Returns
    -------
    (T, N) float64
        A fraction per unit of quote currency; NaN up to and including an instrument's n-th real
        bar, and where the window holds a bar whose volume is 0 or unknown. In a row that was filled
        in the value before it stands.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1, or an array is given instead of bars.

    References
    ----------
    Amihud, Illiquidity and Stock Returns, Journal of Financial Markets 2002, equation 1.

    Examples
    --------
    >>> days = Bars.from_arrays([100.0, 101.0], open=[100.0, 100.0], volume=[10.0, 20.0])
    >>> amihud(days, 1)[1]
    array([4.95049505e-06])
    """
    n = window_rows("amihud", n)
    check_bars("amihud", bars, "it needs volumes")

    def measured() -> Floats:
        out = np.full(bars.close.shape, np.nan)
        for column in range(len(bars.instruments)):
            real = bars.tradable[:, column]
            close, volume = bars.close[real, column], bars.volume[real, column]
            value = np.where(volume > 0, close * volume, np.nan)
            impact = np.full(len(close), np.nan)
            impact[1:] = np.abs(close[1:] / close[:-1] - 1.0) / value[1:]
            out[:, column] = on_rows(window_mean(impact, n), real)
        return out

    return bars.memory.recall(("amihud", n), measured)


def roll_spread(prices: Floats, n: int = 20) -> Floats:
    """The spread that prices bounce between, from the way they go back and forth.

    ``2 sqrt(-cov(p[t] - p[t-1], p[t-1] - p[t-2]))`` over the last n pairs of changes.

    Parameters
    ----------
    prices : (T,) float64
    n : int
        Pairs of changes, at least 2.

    Returns
    -------
    (T,) float64
        In units of price; NaN in the first n + 1 rows and where changes follow one another in the
        same direction (a covariance above zero), for which the measure is not defined.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 2.

    References
    ----------
    Roll, A Simple Implicit Measure of the Effective Bid-Ask Spread in an Efficient Market, Journal of
    Finance 1984, equation 2.

    Examples
    --------
    >>> roll_spread(np.array([10.0, 10.5, 10.0, 10.5, 10.0]), 2)
    array([       nan,        nan,        nan, 1.41421356, 1.41421356])
    """
    n = _pairs("roll_spread", n)
    change = np.diff(prices, prepend=np.nan) if len(prices) else prices
    before = np.concatenate(([np.nan], change[:-1])) if len(prices) else prices
    covariance = window_covariance(change, before, n)
    bounce: Floats = np.where(covariance <= 0.0, np.maximum(-covariance, 0.0), np.nan)
    return np.asarray(2.0 * np.sqrt(bounce))


def kyle_lambda(changes: Floats, signed_volume: Floats, n: int = 50) -> Floats:
    """Price impact: the slope of price changes on the volume that takers bought less what they sold.

    ``cov(change, signed volume) / var(signed volume)`` over the last n bars.

    Parameters
    ----------
    changes, signed_volume : (T,) float64
        Change of the price in each bar, and units bought less units sold by takers in it.
    n : int
        Bars in the window, at least 2.

    Returns
    -------
    (T,) float64
        Price per unit; NaN in the first n - 1 rows, where the window holds a NaN, and where signed
        volume does not vary.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 2.

    References
    ----------
    Kyle, Continuous Auctions and Insider Trading, Econometrica 1985; the regression is that of
    Hasbrouck, Trading Costs and Returns for U.S. Equities, Journal of Finance 2009.

    Examples
    --------
    >>> kyle_lambda(np.array([1.0, -1.0, 2.0]), np.array([10.0, -10.0, 20.0]), 3)
    array([nan, nan, 0.1])
    """
    n = _pairs("kyle_lambda", n)
    variance = window_variance(signed_volume, n)
    covariance = window_covariance(changes, signed_volume, n)
    empty = np.full(len(variance), np.nan)
    slope: Floats = np.divide(covariance, variance, out=empty, where=variance > 0.0)
    return slope


def flow_imbalance(bought: Floats, sold: Floats, n: int = 1) -> Floats:
    """Who was in a hurry: units that takers bought less those they sold, over both.

    Parameters
    ----------
    bought, sold : (T,) float64
        Units that takers bought and sold in each bar.
    n : int
        Bars in the window, at least 1.

    Returns
    -------
    (T,) float64
        -1 to 1; NaN in the first n - 1 rows, where the window holds a NaN, and where nothing was
        traded.

    Examples
    --------
    >>> flow_imbalance(np.array([3.0, 0.0]), np.array([1.0, 0.0]))
    array([0.5, nan])
    """
    n = window_rows("flow_imbalance", n)
    net, both = window_sum(bought - sold, n), window_sum(bought + sold, n)
    share: Floats = np.divide(net, both, out=np.full(len(net), np.nan), where=both > 0.0)
    return share


def vpin(sizes: Floats, sides: Floats, counts: Ints, *, bucket: float, buckets: int = 50) -> Floats:
    """Toxic flow: the imbalance of trading in the last buckets of equal volume (VPIN).

    Trades fill buckets of ``bucket`` units one after the other from the first trade on; one that
    does not fit is split. The mean of ``|bought - sold| / bucket`` over the last ``buckets`` full
    ones.

    Parameters
    ----------
    sizes, sides : (K,) float64
        Units of each trade, and 1 where the taker bought, -1 sold, 0 unknown (which counts as
        neither, but fills the bucket).
    counts : (T,) int64
        Trades up to each bar's close.
    bucket : float
        Units in a bucket, above 0.
    buckets : int
        Buckets in the mean, at least 1.

    Returns
    -------
    (T,) float64
        0 to 1; NaN until so many buckets are full.

    Raises
    ------
    ParameterError
        A bucket that is not above 0, or fewer buckets than 1.

    References
    ----------
    Easley, Lopez de Prado and O'Hara, Flow Toxicity and Liquidity in a High-Frequency World, Review of
    Financial Studies 2012, with the sides that the venue gives in place of bulk classification.

    Examples
    --------
    >>> sizes, sides = np.array([1.0, 1.0, 2.0]), np.array([1.0, -1.0, 1.0])
    >>> vpin(sizes, sides, np.array([1, 2, 3]), bucket=2.0, buckets=1)
    array([nan,  0.,  1.])
    """
    buckets = window_rows("vpin", buckets)
    if not bucket > 0:
        raise ParameterError(
            f"bucket {bucket} of vpin is not above 0", hint="give the units of a bucket"
        )
    traded = np.concatenate(([0.0], np.cumsum(sizes)))
    signed = np.concatenate(([0.0], np.cumsum(sizes * sides)))
    edges = np.arange(int(traded[-1] / bucket) + 2, dtype=np.float64) * bucket
    edges = edges[edges <= traded[-1]]
    full = np.searchsorted(edges, traded[counts], side="right") - 1
    imbalance = np.abs(np.diff(np.interp(edges, traded, signed))) / bucket
    means = np.concatenate((np.full(1, np.nan), window_mean(imbalance, buckets)))
    return np.asarray(means[full])


def on_rows(values: Floats, real: Bools) -> Floats:
    """Values of an instrument's real bars on all rows: one that was filled in keeps the last value.

    Examples
    --------
    >>> on_rows(np.array([1.0, 2.0]), np.array([False, True, False, True]))
    array([nan,  1.,  1.,  2.])
    """
    count = np.cumsum(real)
    if not len(values):
        return np.full(len(real), np.nan)
    return np.where(count > 0, values[np.maximum(count - 1, 0)], np.nan)


def _pairs(name: str, n: int) -> int:
    n = window_rows(name, n)
    if n < 2:
        raise ParameterError(f"{name} over {n} pair is not defined", hint="give 2 or more", n=n)
    return n
