"""Windows, recursions and runs over one column, bit for bit the same whatever comes later.

Kernels read one contiguous column (or, where they say so, a panel) and write into ``out``. A windowed
value depends on the numbers in its window and on nothing else, a recursive one on the rows before it.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.jit import allocating, kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_TICKS = 2.0**44
"""A price of this many ticks or more is summed as a float."""

MAX_EXACT_WINDOW = 2**19
"""Longer windows of ``MAX_TICKS`` ticks would not fit int64."""

_BLOCK = 1024  # rows worked on at a time: the inputs of a block stay in the first-level cache


@kernel
def accumulate_ticks(prices: Floats, scale: float, sums: Ints) -> int:
    """Sum prices as whole ticks; give how many prices are no whole number of ticks.

    Parameters
    ----------
    prices : (T,) float64
        NaN counts as off tick.
    scale : float
        Ticks per unit of price, a power of ten.
    sums : (T + 1,) int64
        Written: ``sums[t]`` is the sum of the first t prices in ticks, prices off tick left out.
    """
    sums[0] = 0
    total = np.int64(0)
    missed = 0
    for start in range(0, len(prices), _BLOCK):
        price = prices[start : start + _BLOCK]
        part = sums[start + 1 : start + 1 + len(price)]
        for i in range(len(price)):
            ticks = np.rint(price[i] * scale)
            fits = (ticks / scale == price[i]) & (abs(ticks) < MAX_TICKS)
            part[i] = np.int64(ticks if fits else 0.0)
            missed += 0 if fits else 1
        for i in range(len(part)):
            total += part[i]
            part[i] = total
    return missed


@kernel
def accumulate_misses(prices: Floats, scale: float, misses: Ints) -> None:
    """Write how many of the first t prices are no whole number of ticks into ``misses[t]``."""
    misses[0] = 0
    total = np.int64(0)
    for i in range(len(prices)):
        ticks = np.rint(prices[i] * scale)
        fits = (ticks / scale == prices[i]) & (abs(ticks) < MAX_TICKS)
        total += 0 if fits else 1
        misses[i + 1] = total


@kernel
def _sum_windows(values: Floats, n: int, sums: Floats) -> None:
    # Each lane adds its window from the oldest value to the newest, whatever the block.
    sums[:] = 0.0
    size = len(sums)
    whole = n - n % 4
    for j in range(0, whole, 4):
        a, b = values[j : j + size], values[j + 1 : j + 1 + size]
        c, d = values[j + 2 : j + 2 + size], values[j + 3 : j + 3 + size]
        for i in range(size):
            sums[i] = (((sums[i] + a[i]) + b[i]) + c[i]) + d[i]
    for j in range(whole, n):
        a = values[j : j + size]
        for i in range(size):
            sums[i] += a[i]


@kernel
def tick_means(prices: Floats, sums: Ints, misses: Ints, n: int, scale: float, out: Floats) -> None:
    """Write the mean of the last n prices, exactly rounded where all of them are whole ticks.

    Parameters
    ----------
    prices : (T,) float64
    sums, misses : (T + 1,) int64
        From :func:`accumulate_ticks` and :func:`accumulate_misses`; ``misses`` may be empty where
        every price is on tick.
    n : int
        Rows in the window, 1 to T.
    scale : float
        Ticks per unit of price.
    out : (T,) float64
        Written; NaN in the first n - 1 rows and where the window holds a NaN. A window with a price
        off tick is summed as floats, oldest first.
    """
    out[: n - 1] = np.nan
    body = out[n - 1 :]
    divisor = n * scale
    clean = len(misses) == 0
    for start in range(0, len(body), _BLOCK):
        part = body[start : start + _BLOCK]
        size = len(part)
        new, old = sums[start + n : start + n + size], sums[start : start + size]
        if clean or misses[start + size + n - 1] == misses[start]:
            for i in range(size):
                part[i] = (new[i] - old[i]) / divisor
        else:
            _sum_windows(prices[start : start + size + n - 1], n, part)
            ended, begun = misses[start + n : start + n + size], misses[start : start + size]
            for i in range(size):
                if ended[i] == begun[i]:
                    part[i] = (new[i] - old[i]) / divisor
                else:
                    part[i] = part[i] / n


@kernel
def window_means(values: Floats, n: int, out: Floats) -> None:
    """Write the mean of the last n values, each window summed afresh from its oldest value."""
    out[: n - 1] = np.nan
    body = out[n - 1 :]
    for start in range(0, len(body), _BLOCK):
        part = body[start : start + _BLOCK]
        _sum_windows(values[start : start + len(part) + n - 1], n, part)
        for i in range(len(part)):
            part[i] = part[i] / n


@allocating
def window_deviations(values: Floats, n: int, ddof: int, out: Floats) -> None:
    """Write the standard deviation of the last n values, in two passes over each window.

    Values are taken relative to the oldest of their window, so that a flat window gives exactly 0.
    """
    out[: n - 1] = np.nan
    body = out[n - 1 :]
    means = np.empty(_BLOCK)
    for start in range(0, len(body), _BLOCK):
        part = body[start : start + _BLOCK]
        size = len(part)
        mean, first = means[:size], values[start : start + size]
        mean[:] = 0.0
        part[:] = 0.0
        for j in range(n):
            value = values[start + j : start + j + size]
            for i in range(size):
                mean[i] += value[i] - first[i]
        for i in range(size):
            mean[i] /= n
        for j in range(n):
            value = values[start + j : start + j + size]
            for i in range(size):
                gap = (value[i] - first[i]) - mean[i]
                part[i] += gap * gap
        for i in range(size):
            part[i] = np.sqrt(part[i] / (n - ddof))


@kernel
def window_extremes(values: Floats, n: int, sign: float, out: Floats) -> None:
    """Write the largest (``sign`` 1) or smallest (``sign`` -1) of the last n values.

    Three comparisons a value whatever n: the maxima of a window are those of the tail of one block
    of n values and of the head of the next (van Herk 1992; Gil and Werman 1993).
    """
    rows = len(values)
    out[: n - 1] = np.nan
    for start in range(0, rows - n + 1, n):
        best = -np.inf
        for k in range(n):
            i = start + n - 1 - k
            value = sign * values[i] + 0.0
            if value > best or value != value:
                best = value
            if i + n - 1 < rows:
                out[i + n - 1] = best
    best = -np.inf
    for i in range(rows):
        if i % n == 0:
            best = -np.inf
        value = sign * values[i] + 0.0
        if value > best or value != value:
            best = value
        if i >= n - 1:
            tail = out[i]
            largest = best if best > tail or best != best else tail
            out[i] = sign * largest + 0.0


@kernel
def smoothed(values: Floats, n: int, alpha: float, out: Floats) -> None:
    """Write an exponential average that starts as the mean of the first n values.

    ``out[t] = out[t-1] + alpha (values[t] - out[t-1])``. A NaN gives NaN and starts it anew.
    """
    count = 0
    first = 0.0
    gap = 0.0
    level = np.nan
    for i in range(len(values)):
        value = values[i]
        if value != value:
            count = 0
            out[i] = np.nan
        elif count >= n:
            level += alpha * (value - level)
            out[i] = level
        else:
            if count == 0:
                first = value
                gap = 0.0
            gap += value - first
            count += 1
            level = first + gap / n
            out[i] = level if count == n else np.nan


@kernel
def convergence(values: Floats, fast: int, slow: int, out: Floats) -> None:
    """Write the fast exponential average less the slow one, both seeded in the same row.

    As :func:`smoothed` with ``alpha = 2 / (n + 1)``; the fast seed is the mean of the last ``fast``
    of the slow seed's values. A NaN gives NaN and starts both anew; ``fast`` is below ``slow``.
    """
    quick_alpha, slow_alpha = 2.0 / (fast + 1), 2.0 / (slow + 1)
    count = 0
    first, gap, level = 0.0, 0.0, 0.0
    quick_first, quick_gap, quick = 0.0, 0.0, 0.0
    for i in range(len(values)):
        value = values[i]
        out[i] = np.nan
        if value != value:
            count = 0
            continue
        if count >= slow:
            quick += quick_alpha * (value - quick)
            level += slow_alpha * (value - level)
        else:
            if count == 0:
                first, gap = value, 0.0
            if count == slow - fast:
                quick_first, quick_gap = value, 0.0
            gap += value - first
            quick_gap += value - quick_first
            count += 1
            level = first + gap / slow
            quick = quick_first + quick_gap / fast
        if count >= slow:
            out[i] = quick - level


@kernel
def relative_strength(values: Floats, n: int, out: Floats) -> None:
    """Write Wilder's relative strength index, 0 to 100; 0 where nothing ever moved."""
    alpha = 1.0 / n
    count = 0
    gain = 0.0
    loss = 0.0
    before = np.nan
    for i in range(len(values)):
        change = values[i] - before
        before = values[i]
        out[i] = np.nan
        if change != change:
            count = 0
            gain = 0.0
            loss = 0.0
            continue
        up, down = max(change, 0.0), max(-change, 0.0)
        if count < n:
            count += 1
            gain += up / n
            loss += down / n
        else:
            gain += alpha * (up - gain)
            loss += alpha * (down - loss)
        if count == n:
            moved = gain + loss
            if moved < 1e-300:  # decayed to where the ratio would be noise
                gain = 0.0
                loss = 0.0
                out[i] = 0.0
            else:
                out[i] = 100.0 * (gain / moved)


@kernel
def true_ranges(high: Floats, low: Floats, close: Floats, out: Floats) -> None:
    """Write the true range of every bar; NaN in the first row, which has no close before it."""
    before = np.nan
    for i in range(len(close)):
        known = high[i] + low[i] + before
        span = max(before, high[i]) - min(before, low[i])
        out[i] = span if known == known else np.nan
        before = close[i]


@allocating
def hysteresis(values: Floats, low: float, high: float, above: float, out: Floats) -> None:
    """Write 1 from a value below ``low`` on, and ``above`` from a value above ``high`` on.

    ``values`` and ``out`` are (T, N), each column for itself. 0 before the first of either; a value
    between the two, or NaN, changes nothing.
    """
    rows, width = values.shape
    held = np.zeros(width)
    for t in range(rows):
        for j in range(width):
            if values[t, j] < low:
                held[j] = 1.0
            elif values[t, j] > high:
                held[j] = above
            out[t, j] = held[j]


@allocating
def add_standing(targets: Floats, total: Floats, stated: Bools) -> None:
    """Add to ``total`` the targets that stand, and mark in ``stated`` where one was stated.

    All are (T, N). NaN means that the last target of the column stands; before the first it is 0.
    """
    rows, width = targets.shape
    standing = np.zeros(width)
    for t in range(rows):
        for j in range(width):
            value = targets[t, j]
            if value == value:
                standing[j] = value
                stated[t, j] = True
            total[t, j] += standing[j]


@kernel
def first_infinite(values: Floats) -> int:
    """Give the index of the first infinite value, or -1."""
    for start in range(0, len(values), _BLOCK):
        part = values[start : start + _BLOCK]
        found = 0
        for i in range(len(part)):
            found += 1 if abs(part[i]) == np.inf else 0
        if found:
            for i in range(len(part)):
                if abs(part[i]) == np.inf:
                    return start + i
    return -1
