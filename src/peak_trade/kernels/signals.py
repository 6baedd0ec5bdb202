"""Entry and exit signals as targets."""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.jit import kernel

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@kernel
def stated_sides(
    entries: Bools,
    exits: Bools,
    short_entries: Bools,
    short_exits: Bools,
    share: float,
    out: Floats,
) -> None:
    """Write (T, N) targets: plus or minus ``share`` at an entry, 0 at an exit, NaN between.

    Follows the side that the signals ask for, one instrument at a time: an exit closes the side it
    belongs to, an entry together with an exit of its own side does nothing, and an entry of the
    other side turns the position.
    """
    for i in range(entries.shape[1]):
        side = 0
        for t in range(entries.shape[0]):
            out[t, i] = np.nan
            if (side > 0 and exits[t, i]) or (side < 0 and short_exits[t, i]):
                side = 0
                out[t, i] = 0.0
            enters_long = entries[t, i] and not exits[t, i]
            enters_short = short_entries[t, i] and not short_exits[t, i]
            if enters_long != enters_short:
                side = 1 if enters_long else -1
                out[t, i] = side * share
