"""How far a result leans on suspect bars."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from peak_trade.data.findings import DataReport, Finding, Severity
from peak_trade.domain.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CARRIED = ("split", "spike", "jump", "gap")
"""Kinds that change the worth of a position that is held over them, traded or not."""


class FillColumns(Protocol):
    """What is read of K fills, such as :class:`~peak_trade.domain.record.Fills`."""

    @property
    def row(self) -> Ints:
        """(K,) Rows of the bars that they were booked at."""

    @property
    def instrument(self) -> Ints:
        """(K,) Columns of the bars."""


class TradeColumns(Protocol):
    """What is read of K trades, such as :class:`~peak_trade.domain.record.Trades`."""

    @property
    def instrument(self) -> Ints:
        """(K,) Columns of the bars."""

    @property
    def entry_row(self) -> Ints:
        """(K,) Rows of the bars."""

    @property
    def exit_row(self) -> Ints:
        """(K,) Rows of the bars."""

    @property
    def pnl(self) -> Floats:
        """(K,) Net profits, quote currency."""


@dataclass(frozen=True, slots=True)
class Lean:
    """How far a result leans on the bars of one finding.

    Attributes
    ----------
    kind, severity, instrument : str
        Those of the finding.
    bars : int
        Suspect bars among the bars of the run.
    fills : int
        Fills on a suspect bar or the one before or after it.
    fills_share : float
        Of all fills, a fraction.
    trades : int
        Trades with such a fill at their entry or exit, or held over a suspect bar where that
        changes a position's worth (:data:`CARRIED`).
    pnl : float
        Net profit of those trades, quote currency.
    pnl_share : float
        Size of their profits and losses over that of all trades, a fraction; NaN without trades.
    message : str
        A sentence ready to print.
    """

    kind: str
    severity: Severity
    instrument: str
    bars: int
    fills: int
    fills_share: float
    trades: int
    pnl: float
    pnl_share: float
    message: str


def suspect_rows(
    report: DataReport, bars: Bars, *, severities: Iterable[Severity] = ("error", "warning")
) -> Bools:
    """Mark the bars that a check found suspect.

    Bars are found by their instrument and their close, so that the report may be of the bars, of
    the file they were read from, or of a longer stretch. Of a gap the bar after it is marked.

    Parameters
    ----------
    report : DataReport
        What the check found.
    bars : Bars
        T rows of N instruments.
    severities : iterable of str
        Which findings count.

    Returns
    -------
    (T, N) bool

    Examples
    --------
    >>> from peak_trade.data.check import check_data
    >>> closes = 100 + np.sin(np.arange(300.0))
    >>> closes[200:] /= 2
    >>> bars = Bars.from_arrays(closes, instruments=["X"])
    >>> np.flatnonzero(suspect_rows(check_data(bars, calendar="24/7"), bars))
    array([200])
    """
    mask = np.zeros(bars.close.shape, dtype=np.bool_)
    for found in report.of(*severities):
        if found.instrument in bars.symbols:
            mask[_rows_in(found, bars), bars.symbols.index(found.instrument)] = True
    return mask


def leaning(
    report: DataReport, bars: Bars, *, fills: FillColumns, trades: TradeColumns
) -> tuple[Lean, ...]:
    """Tell for each finding how far a result leans on its bars.

    Parameters
    ----------
    report : DataReport
        What the check found; notes are left out, but for jumps.
    bars : Bars
        Those of the run, from its anchor on, which the rows of fills and trades count from.
    fills : Fills, or anything with such columns
        The run's fills.
    trades : Trades, or anything with such columns
        Its round trips.

    Returns
    -------
    tuple of Lean
        Findings that a fill or a trade touches, the largest share of profit first.

    Examples
    --------
    >>> from peak_trade.data.check import check_data
    >>> closes = 100 + np.sin(np.arange(300.0))
    >>> closes[200:] /= 2
    >>> bars = Bars.from_arrays(closes, instruments=["X"])
    >>> from types import SimpleNamespace
    >>> fills = SimpleNamespace(row=np.array([150, 250]), instrument=np.array([0, 0]))
    >>> trades = SimpleNamespace(
    ...     instrument=np.array([0]),
    ...     entry_row=np.array([150]),
    ...     exit_row=np.array([250]),
    ...     pnl=np.array([-50.0]),
    ... )
    >>> (lean,) = leaning(check_data(bars, calendar="24/7"), bars, fills=fills, trades=trades)
    >>> lean.kind, lean.fills, lean.trades, lean.pnl
    ('split', 0, 1, -50.0)
    """
    found = (one for one in report.findings if one.severity != "note" or one.kind == "jump")
    leans = [
        lean
        for one in found
        if one.instrument in bars.symbols
        if (lean := _lean(one, bars, fills, trades)) is not None
    ]
    return tuple(sorted(leans, key=lambda lean: -np.nan_to_num(lean.pnl_share)))


def _rows_in(found: Finding, bars: Bars) -> Ints:
    """Rows of bars that close when the bars of a finding do."""
    places = np.searchsorted(bars.time, found.close_ns)
    inside = places < len(bars)
    places = places[inside]
    return np.asarray(places[bars.time[places] == found.close_ns[inside]])


def _lean(found: Finding, bars: Bars, fills: FillColumns, trades: TradeColumns) -> Lean | None:
    rows = _rows_in(found, bars)
    if len(rows) == 0:
        return None
    column = bars.symbols.index(found.instrument)
    at = np.zeros(len(bars) + 2, dtype=np.bool_)
    at[rows + 1] = True
    near = at[:-2] | at[1:-1] | at[2:]
    filled = int((near[fills.row] & (fills.instrument == column)).sum())
    is_mine = trades.instrument == column
    touched = near[trades.entry_row] | near[trades.exit_row]
    if found.kind in CARRIED:
        before = np.concatenate(([0], np.cumsum(at[1:-1])))
        # A position entered on a bar is held over the move into the next one.
        touched |= before[trades.exit_row + 1] > before[trades.entry_row + 1]
    touched &= is_mine
    if filled == 0 and not touched.any():
        return None
    total = float(np.abs(trades.pnl).sum())
    pnl = float(trades.pnl[touched].sum())
    share = float(np.abs(trades.pnl[touched]).sum()) / total if total > 0 else np.nan
    part = filled / len(fills.row) if len(fills.row) else 0.0
    count = int(touched.sum())
    return Lean(
        kind=found.kind,
        severity=found.severity,
        instrument=found.instrument,
        bars=len(rows),
        fills=filled,
        fills_share=part,
        trades=count,
        pnl=pnl,
        pnl_share=share,
        message=_sentence(found, filled, part, count, pnl, share),
    )


def _sentence(
    found: Finding, fills: int, part: float, trades: int, pnl: float, share: float
) -> str:
    over = ", or are held over it" if found.kind in CARRIED else ""
    worth = "" if np.isnan(share) else f", {share:.1%} of all profits and losses"
    return (
        f"{found.message}. Fills there or next to it: {fills:,} ({part:.1%}). "
        f"Trades that begin or end there{over}: {trades:,}, net {pnl:,.2f}{worth}."
    )
