"""Rows that no market could have quoted, as masks: the rules that loading and checking share."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def bad_price(values: Floats) -> Bools:
    """Tell where a price is missing, zero, negative or infinite.

    Parameters
    ----------
    values : (K,) float64
        Prices in quote currency; NaN is a missing one.

    Examples
    --------
    >>> bad_price(np.array([1.0, 0.0, np.nan, np.inf]))
    array([False,  True,  True,  True])
    """
    return ~((values > 0) & (values < np.inf))


def bad_volume(values: Floats) -> Bools:
    """Tell where a volume is negative or infinite; NaN is an unknown one.

    Examples
    --------
    >>> bad_volume(np.array([0.0, -1.0, np.nan]))
    array([False,  True, False])
    """
    return (values < 0) | np.isinf(values)


def bad_bar(opens: Floats, highs: Floats, lows: Floats, closes: Floats) -> Bools:
    """Tell where a high is below, or a low above, another price of its bar.

    Parameters
    ----------
    opens, highs, lows, closes : (K,) float64
        Prices in quote currency; a missing one is not judged.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> bad_bar(one, one, one + 1, one)
    array([ True])
    """
    return (highs < opens) | (highs < closes) | (lows > opens) | (lows > closes) | (highs < lows)


def late_rows(stamps: Ints) -> Bools:
    """Tell which rows are earlier than the row before them.

    Parameters
    ----------
    stamps : (K,) int64
        UTC nanoseconds, in the order of the file.

    Examples
    --------
    >>> late_rows(np.array([1, 3, 2, 2]))
    array([False, False,  True, False])
    """
    return np.concatenate(([False], stamps[1:] < stamps[:-1]))[: len(stamps)]


def same_stamp(stamps: Ints) -> Ints:
    """Give for each row of ascending stamps the first row that has its stamp.

    Examples
    --------
    >>> same_stamp(np.array([1, 3, 3, 4]))
    array([0, 1, 1, 3])
    """
    return np.searchsorted(stamps, stamps, side="left")
