"""The books: everything that changes money is an entry, applied in one place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError, LedgerError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import Reason
from peak_trade.kernels.accounting import average_price, cash_after, equity_of, value_of


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade that happened: signed ``lots`` of an instrument at a ``price``, for a ``fee``.

    ``row`` and ``bar`` are the rows of the bars that booked it and whose price made it (-1 outside
    bars), ``time_ns`` when it happened, ``cash`` the venue's cash after it, ``slippage`` what it paid
    against the price it was made at (0 or more). ``trade_id`` is the venue's name of the trade, by
    which a fill that is reported twice is known. ``rate`` converts the instrument's currency to the
    account's, at once. Amounts are in the account's currency.
    """

    client_id: str
    instrument: int
    lots: int
    price: float
    fee: float
    reason: Reason
    time_ns: int
    row: int = -1
    bar: int = -1
    at_open: bool = False
    cash: float = float("nan")
    slippage: float = 0.0
    rate: float = 1.0
    trade_id: str = ""


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Money in (positive) or out: a dividend, funding, borrow cost, interest or a deposit.

    ``instrument`` is the column of the instrument it comes from, -1 for none, ``row`` the row of the
    bars that books it.
    """

    currency: str
    amount: float
    kind: str
    time_ns: int
    instrument: int = -1
    row: int = -1


@dataclass(frozen=True, slots=True)
class Split:
    """``numerator`` new lots for every ``denominator`` old ones; a remainder is paid at ``price``."""

    instrument: int
    numerator: int
    denominator: int
    price: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class Adjust:
    """A correction of a position or of cash that someone gave a ``cause`` for."""

    instrument: int
    lots: int
    currency: str
    amount: float
    cause: str
    time_ns: int


Entry = Fill | CashFlow | Split | Adjust


class Ledger:
    """Cash by currency, and lots and average entry price by instrument.

    Attributes
    ----------
    cash : dict of str to float
        Cash by currency.
    lots : (N,) int64
        Signed positions.
    average : (N,) float64
        Average entry prices, 0 where flat.
    open_positions : int
        Instruments held.
    fees : float
        All fees paid, quote currency.

    Examples
    --------
    >>> ledger = Ledger([Instrument("BTC/USD", lot=0.01)], 1000.0)
    >>> ledger.apply(Fill("a", 0, 100, 500.0, 1.0, Reason.TARGET, 0))
    >>> ledger.cash["USD"], int(ledger.lots[0]), float(ledger.average[0])
    (499.0, 100, 500.0)
    """

    __slots__ = (
        "average",
        "cash",
        "currency",
        "fees",
        "instruments",
        "lots",
        "open_positions",
        "units",
    )

    def __init__(self, instruments: Sequence[Instrument], cash: float, currency: str = "") -> None:
        quotes = {instrument.quote for instrument in instruments}
        if not currency and len(quotes) != 1:
            raise InputError(
                f"instruments are quoted in {', '.join(sorted(quotes))}, one currency expected",
                hint="name the account's currency",
            )
        self.instruments = tuple(instruments)
        self.currency = currency or quotes.pop()
        self.cash = {self.currency: float(cash)} | dict.fromkeys(
            sorted(quotes - {self.currency}), 0.0
        )
        self.lots: npt.NDArray[np.int64] = np.zeros(len(self.instruments), np.int64)
        self.average: npt.NDArray[np.float64] = np.zeros(len(self.instruments))
        self.units: npt.NDArray[np.float64] = np.array([i.unit for i in self.instruments])
        self.fees = 0.0
        self.open_positions = 0

    @property
    def holds(self) -> bool:
        """Whether any position is open."""
        return self.open_positions > 0

    def apply(self, entry: Entry) -> None:
        """Book one entry: the only way that money and positions change.

        Raises
        ------
        LedgerError
            An entry that is not finite, or a currency that is not there.
        """
        if isinstance(entry, Fill):
            self._fill(entry)
        elif isinstance(entry, CashFlow):
            self._add(entry.currency, entry.amount)
        elif isinstance(entry, Split):
            self._split(entry)
        else:
            self._add(entry.currency, entry.amount)
            self._move(entry.instrument, int(self.lots[entry.instrument]) + entry.lots)

    def equity(self, marks: npt.NDArray[np.float64]) -> float:
        """Cash plus positions at ``marks`` (N,), quote currency."""
        return float(equity_of(self.cash[self.currency], self.lots, self.units, marks))

    def _add(self, currency: str, amount: float) -> None:
        if currency not in self.cash or not np.isfinite(amount):
            raise LedgerError(f"cannot book {amount} {currency}", hint="book finite known money")
        self.cash[currency] += amount

    def _move(self, i: int, lots: int) -> None:
        self.open_positions += (lots != 0) - int(self.lots[i] != 0)
        self.lots[i] = lots

    def _fill(self, fill: Fill) -> None:
        i = fill.instrument
        value = value_of(fill.lots, self.units[i] * fill.rate, fill.price)
        after = cash_after(self.cash[self.currency], value, fill.fee)
        if not np.isfinite(after):
            raise LedgerError(f"fill {fill} leaves cash {after}", hint="prices must be finite")
        self.average[i] = average_price(self.lots[i], self.average[i], fill.lots, fill.price)
        self._move(i, int(self.lots[i]) + fill.lots)
        self.cash[self.currency] = after  # what is quoted in another currency is converted at once
        self.fees += fill.fee

    def _split(self, split: Split) -> None:
        i = split.instrument
        whole, left = divmod(abs(int(self.lots[i])) * split.numerator, split.denominator)
        sign = 1 if self.lots[i] > 0 else -1
        self._move(i, sign * whole)
        self.average[i] *= split.denominator / split.numerator
        part = sign * left / split.denominator * self.units[i] * split.price
        self._add(self.currency, part)
