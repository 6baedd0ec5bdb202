"""Markets that play bars: from an installed package, a file or the store."""

from collections.abc import Mapping, Sequence

import numpy as np

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError
from peak_trade.simulation.market.clock import Clock
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.tape import BarTape, Floats, TapeBars

MINUTE_NS = 60_000_000_000
_USUAL_LOTS = 1e11


def volume_scale(volume: Floats, listing: Listing) -> float:
    """A power of ten by which volumes are made smaller, so that lots can be counted and summed.

    Examples
    --------
    >>> volume_scale(np.array([5e9]), Listing("X/USD", lot_decimals=8))
    1e-07
    >>> volume_scale(np.array([12.0]), Listing("X/USD", lot_decimals=8))
    1.0
    """
    most = float(np.nanmax(volume, initial=0.0)) * 10**listing.lot_decimals
    if not most > 100 * _USUAL_LOTS:
        return 1.0
    return float(10.0 ** -np.ceil(np.log10(most / _USUAL_LOTS)))


def tape_bars(bars: Bars, listing: Listing, column: int) -> TapeBars:
    """The bars of one instrument that traded, on the listing's tick.

    Raises
    ------
    DataError
        None did.
    """
    prices = [np.asarray(p[:, column], float) for p in (bars.open, bars.high, bars.low, bars.close)]
    is_real = np.all(np.isfinite(prices), axis=0) & np.asarray(bars.tradable[:, column], bool)
    if not np.any(is_real):
        raise DataError(
            f"{bars.instruments[column].symbol} has no bar to play", hint="choose other data"
        )
    volume = np.asarray(bars.volume[:, column], float)[is_real]
    open_, high, low, close = (price[is_real] for price in prices)
    volume = volume * volume_scale(volume, listing)
    lots = np.rint(volume * 10**listing.lot_decimals)
    volume = np.where(lots < 4, np.nan, volume)  # too few to rebuild a bar of, or unknown
    return TapeBars(open_, high, low, close, volume)


def played_market(
    bars: Bars,
    listings: Sequence[Listing],
    clock: Clock,
    *,
    bar_ns: int = MINUTE_NS,
    history: int = 1_000,
    trades: int = 120,
    history_trades: int = 12,
    seed: int = 0,
    is_endless: bool = True,
) -> Market:
    """A market whose symbols play bars one after another, from the clock's time on.

    A symbol plays the instrument of its own name, or else those of the data in turn. Times of the data
    are left aside: the bar after the history begins now, and each lasts ``bar_ns``. Volumes that are too
    large to be counted in lots are made smaller by a power of ten.

    Parameters
    ----------
    bars : Bars
        What is played.
    listings : sequence of Listing
        What is listed.
    clock : Clock
        The market's time.
    bar_ns : int
        How long a bar lasts.
    history : int
        Bars before now.
    trades, history_trades : int
        About how many trades a bar has, from now on and before.
    seed : int
        Of the paths inside bars, and of the books.
    is_endless : bool
        Whether the bars are played to and fro without end.

    Raises
    ------
    DataError
        No bars to play, or prices below a listing's tick.
    """
    names: Mapping[str, int] = {one.symbol: k for k, one in enumerate(bars.instruments)}
    tapes = {}
    for k, listing in enumerate(listings):
        column = names.get(listing.symbol, k % len(bars.instruments))
        tapes[listing.symbol] = BarTape(
            listing, tape_bars(bars, listing, column), start_ns=clock.now_ns(), bar_ns=bar_ns,
            history=history, trades=trades, history_trades=history_trades, seed=seed + k,
            is_endless=is_endless,
        )  # fmt: skip
    return Market(listings, tapes, clock, seed=seed)
