"""What trading cost, by kind: commission, slippage, and what positions paid while they were held."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError
from peak_trade.domain.record import Record

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CostSplit:
    """Costs of a run by kind, in the account's currency; what came in is negative.

    Attributes
    ----------
    kinds : dict of str to float
        ``commission``, ``slippage``, then each kind of flow, such as ``borrow`` or ``funding``.
    total : float
        Sum of all of them.
    traded : float
        Value of all fills.
    """

    kinds: dict[str, float]
    total: float
    traded: float

    @property
    def of_traded(self) -> dict[str, float]:
        """Each kind as a fraction of the traded value; NaN where nothing was traded."""
        whole = self.traded
        return {name: cost / whole if whole else math.nan for name, cost in self.kinds.items()}


def cost_split(
    fees: Floats,
    slippage: Floats,
    kinds: Sequence[str] = (),
    amounts: Floats | None = None,
    *,
    traded: float = math.nan,
) -> CostSplit:
    """Split what a run cost into commission, slippage and the flows of its positions.

    Slippage is what fills paid against the price they were made at, and is in their prices already:
    commission and flows show in the account as payments, slippage in its positions.

    Parameters
    ----------
    fees, slippage : (K,) float64
        Of each fill, account's currency, 0 or more.
    kinds : sequence of str
        Kind of each of F flows.
    amounts : (F,) float64, optional
        What came in by each, negative for what was paid.
    traded : float
        Value of all fills, for the costs as a fraction of it.

    Raises
    ------
    InputError
        Kinds and amounts, or fees and slippage, of two lengths.

    Examples
    --------
    >>> found = cost_split(
    ...     np.array([1.0, 1.0]),
    ...     np.array([0.5, 0.25]),
    ...     ["funding", "funding"],
    ...     np.array([-3.0, 1.0]),
    ... )
    >>> found.kinds, found.total
    ({'commission': 2.0, 'slippage': 0.75, 'funding': 2.0}, 4.75)
    """
    came = np.zeros(0) if amounts is None else amounts
    if len(fees) != len(slippage) or len(kinds) != len(came):
        raise InputError(
            f"{len(fees)} fees and {len(slippage)} slippages of fills, {len(kinds)} kinds and "
            f"{len(came)} amounts of flows are given",
            hint="give one of each for every fill and every flow",
        )
    found = {"commission": math.fsum(fees), "slippage": math.fsum(slippage)}
    names = np.array(kinds, dtype=str)
    for name in dict.fromkeys(kinds):
        found[name] = -math.fsum(came[names == name])
    return CostSplit(found, math.fsum(found.values()), traded)


def costs_of(record: Record) -> CostSplit:
    """Split what a run cost by kind; see ``cost_split``."""
    fills, flows = record.fills, record.flows
    units = np.array([instrument.unit for instrument in record.bars.instruments])
    traded = np.abs(fills.lots) * units[fills.instrument] * record.fill_prices
    return cost_split(
        fills.fee, fills.slippage, flows.kind, flows.amount, traded=float(traded.sum())
    )
