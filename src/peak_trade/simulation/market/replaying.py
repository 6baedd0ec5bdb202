"""Markets that play recorded trades: of the store, or of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from peak_trade.domain.errors import DataError, ParameterError
from peak_trade.simulation.market.clock import Clock
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.tape import Floats, TradeTape

if TYPE_CHECKING:
    import polars as pl

MINUTE_NS = 60_000_000_000
_MOST_DECIMALS = 12
_BEHIND = 10  # a tenth of the recording lies behind the beginning


@dataclass(frozen=True, slots=True)
class Replay:
    """A market that plays recorded trades.

    Attributes
    ----------
    market : Market
        It stands still when the last trade was played.
    shift_ns : int
        What was added to every time: whole minutes, nanoseconds.
    """

    market: Market
    shift_ns: int


def exact_listing(listing: Listing, price: Floats, size: Floats) -> Listing:
    """The rules of a symbol with as many decimals as recorded prices and sizes have.

    Examples
    --------
    >>> listing = Listing("X/USD", price_decimals=1, lot_decimals=2)
    >>> found = exact_listing(listing, np.array([10.125]), np.array([0.5]))
    >>> found.price_decimals, found.lot_decimals
    (3, 2)
    """
    digits = _decimals(price, listing.price_decimals, _MOST_DECIMALS)
    if digits > listing.price_decimals or listing.tick_units > 1:
        listing = replace(listing, price_decimals=digits, tick_units=1)
    lots = _decimals(size, listing.lot_decimals, listing.base_decimals)
    more = 10 ** (lots - listing.lot_decimals)
    return replace(
        listing, lot_decimals=lots, step_lots=listing.step_lots * more,
        min_lots=listing.min_lots * more,
    )  # fmt: skip


def _decimals(values: Floats, least: int, most: int) -> int:
    for digits in range(least, most):
        if np.array_equal(np.round(values, digits), values):
            return digits
    return max(least, most)


def replayed_market(
    recorded: "Mapping[str, pl.DataFrame]",
    listings: Sequence[Listing],
    clock: Clock,
    *,
    start_ns: int | None = None,
    seed: int = 0,
) -> Replay:
    """A market whose symbols play recorded trades at their own pace, from the clock's time on.

    A symbol plays the trades of its own name, or else those of the recording in turn. All times are
    moved by the same whole minutes, so that minutes hold what they held. Prices, sizes and sides are
    those recorded: listings get the decimals that it takes.

    Parameters
    ----------
    recorded : mapping of str to polars.DataFrame
        By symbol its trades, columns and order as the store gives them.
    listings : sequence of Listing
        What is listed.
    clock : Clock
        The market's time.
    start_ns : int, optional
        The time of the recording that is now; after the first tenth of it where left out.
    seed : int
        Of the books.

    Raises
    ------
    DataError
        No trades, times that step back, a price or a size below zero.
    ParameterError
        A start before which nothing of a symbol, or after which nothing at all, was recorded.
    """
    names = list(recorded)
    empty = [name for name in names if not len(recorded[name])] if names else ["any symbol"]
    if empty:
        raise DataError(f"no trades of {', '.join(empty)} to play", hint="choose other data")
    plays = {
        one.symbol: recorded[one.symbol if one.symbol in recorded else names[k % len(names)]]
        for k, one in enumerate(listings)
    }
    start_ns = _start(plays, start_ns)
    shift_ns = (clock.now_ns() - start_ns) // MINUTE_NS * MINUTE_NS
    listed, tapes = [], {}
    for listing in listings:
        rows = plays[listing.symbol]
        price, size = rows["price"].to_numpy(), rows["size"].to_numpy()
        exact = exact_listing(listing, price, size)
        listed.append(exact)
        tapes[listing.symbol] = TradeTape(
            exact, rows["time_ns"].to_numpy(), price, size, side=rows["side"].to_numpy(),
            shift_ns=shift_ns,
        )  # fmt: skip
    return Replay(Market(listed, tapes, clock, seed=seed), shift_ns)


def _start(plays: "Mapping[str, pl.DataFrame]", wanted_ns: int | None) -> int:
    """When the recording begins to be played: every symbol has traded by then."""
    begins = {symbol: int(rows["time_ns"][0]) for symbol, rows in plays.items()}
    first, last = max(begins.values()), max(int(rows["time_ns"][-1]) for rows in plays.values())
    if wanted_ns is None:
        return first + max(1, (last - first) // _BEHIND)
    if not first < wanted_ns <= last:
        raise ParameterError(
            f"start {_text(wanted_ns)} is not within the recording: every symbol has trades "
            f"after {_text(first)}, the last is of {_text(last)}",
            hint="choose a time in between, or leave it out",
        )
    return wanted_ns


def _text(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[s]"))
