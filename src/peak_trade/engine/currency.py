"""Conversion rates between the currencies of a run, from instruments among its bars."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError

Floats = npt.NDArray[np.float64]


def account_currency(bars: Bars, currency: str) -> str:
    """The account's currency: the one named, or the quote that all instruments share.

    Raises
    ------
    InputError
        Several quote currencies and none named.
    """
    quotes = sorted({instrument.quote for instrument in bars.instruments})
    if currency:
        return currency
    if len(quotes) > 1:
        raise InputError(
            f"instruments of {bars.name} are quoted in {', '.join(quotes)}, and the account's "
            "currency is not named",
            hint=f"name it, such as currency={quotes[-1]!r}, and give an instrument that converts",
        )
    return quotes[0]


def conversion_rates(bars: Bars, currency: str) -> Floats:
    """(T, N) value of each quote currency in the account's at every close; (0, 0) if all are it.

    A rate is the last close of the instrument that converts, NaN before its first bar.

    Raises
    ------
    InputError
        A currency that no instrument among the bars converts.
    """
    own = account_currency(bars, currency)
    if all(instrument.quote == own for instrument in bars.instruments):
        return np.zeros((0, 0))
    rates = np.ones(bars.close.shape)
    for i, instrument in enumerate(bars.instruments):
        if instrument.quote != own:
            rates[:, i] = _rate(bars, instrument.quote, own)
    return rates


def _rate(bars: Bars, quote: str, own: str) -> Floats:
    for k, pair in enumerate(bars.instruments):
        if {pair.base, pair.quote} != {quote, own}:
            continue
        close = bars.close[:, k]
        seen = np.maximum.accumulate(np.where(bars.tradable[:, k], np.arange(len(bars)), -1))
        last = np.where(seen >= 0, close[np.maximum(seen, 0)], np.nan)
        return last if pair.base == quote else 1.0 / last
    pairs = ", ".join(bars.symbols)
    raise InputError(
        f"no instrument of {bars.name} ({pairs}) converts {quote} to {own}",
        hint=f"add {quote}/{own} or {own}/{quote} to the bars, or name another currency",
    )
