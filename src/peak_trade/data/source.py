"""A source of market data, as the rest of the framework asks it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from peak_trade.data.series import SeriesKey
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import Instrument

if TYPE_CHECKING:
    import polars as pl


class Trouble(StrEnum):
    """Why a source did not answer as it should."""

    UNREACHABLE = "unreachable"
    UNKNOWN_SYMBOL = "unknown symbol"
    NOT_OFFERED = "not offered"
    NO_PERMISSION = "no permission"
    LIMIT_REACHED = "limit reached"
    CLOCK_SKEW = "clock skew"
    BAD_ANSWER = "bad answer"


class SourceError(DataError):
    """A source that could not be asked, or that did not answer.

    Parameters
    ----------
    trouble : Trouble
        Why.
    message : str
        What was asked, of whom, and what came back; never a key.
    hint : str
        What to do.
    """

    def __init__(self, trouble: Trouble, message: str, hint: str = "", **fields: object) -> None:
        super().__init__(message, hint, trouble=trouble.value, **fields)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Want:
    """What is asked of a source: rows of a series from ``start_ns`` (taken in) to ``stop_ns`` (left out).

    ``start_ns`` None asks for all that the source has; ``cursor`` goes on behind an earlier page.
    """

    key: SeriesKey
    start_ns: int | None
    stop_ns: int
    cursor: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Rows that a source gave at once.

    Attributes
    ----------
    rows : polars.DataFrame
        Columns of the series' kind (those that are optional may be absent), oldest first.
    cursor : str
        Where to go on after these rows, in the source's own terms; empty where time tells it.
    reached_ns : int
        Everything before this time has been given.
    """

    rows: "pl.DataFrame"
    cursor: str
    reached_ns: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an answer will cost, before it is asked for.

    ``calls`` and ``seconds`` are None where the source cannot tell; ``note`` says what is special
    about it, such as bars that have to be built from trades.
    """

    calls: int | None
    seconds: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """An instrument as a venue lists it, with the venue's own name for it and its rules."""

    symbol: str
    venue_symbol: str
    instrument: Instrument
    is_active: bool = True


class Source(Protocol):
    """Somewhere that market data comes from: an exchange, a vendor, a feed of news.

    Attributes
    ----------
    name : str
        The venue of its series, such as ``kraken``.
    kinds : frozenset of str
        Which kinds of data it offers.
    is_verified : bool
        Whether it was shown to work against recorded messages and a simulator of its venue.
    """

    @property
    def name(self) -> str:
        """The venue of its series."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """Which kinds of data it offers."""
        ...

    @property
    def is_verified(self) -> bool:
        """Whether it was shown against recorded messages and a simulator of its venue."""
        ...

    def instruments(self) -> tuple[Listed, ...]:
        """Everything it lists, with its rules."""
        ...

    def estimate(self, want: Want) -> Estimate:
        """Tell what an answer will cost."""
        ...

    def pages(self, want: Want) -> Iterator[Page]:
        """Give the rows page by page, oldest first; each page may be kept before the next is asked for.

        Raises
        ------
        SourceError
            A source that could not be asked, or that did not answer.
        """
        ...
