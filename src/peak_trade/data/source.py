"""A source of market data, as the rest of the framework asks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

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
    WRONG_ENVIRONMENT = "wrong environment"


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
    """An instrument as a venue lists it, with the venue's own name for it and its rules.

    Attributes
    ----------
    symbol, venue_symbol : str
        Its name here, such as ``BTC/USD``, and the venue's own, such as ``XXBTZUSD``.
    instrument : Instrument
        Tick, lot and smallest order value.
    is_active : bool
        Whether it trades now.
    min_size : float
        Smallest size of an order, in units; 0 where there is none.
    maker_fee, taker_fee : float or None
        Fees of the venue's first tier, as fractions; None where the venue does not say.
    precision : str
        How the venue rounds prices: ``tick``, ``decimals`` or ``significant digits``.
    """

    symbol: str
    venue_symbol: str
    instrument: Instrument
    is_active: bool = True
    min_size: float = 0.0
    maker_fee: float | None = None
    taker_fee: float | None = None
    precision: str = "tick"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source offers, known without asking it.

    Attributes
    ----------
    name : str
        The venue of its series.
    kinds : frozenset of str
        Which kinds of data it offers.
    is_verified : bool
        Whether it was shown to work against recorded messages and a simulator of its venue.
    keys : tuple of str
        The environment variables that its keys are read from.
    note : str
        What is special about it, in a line.
    """

    name: str
    kinds: frozenset[str]
    is_verified: bool
    keys: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a source is reached.

    Attributes
    ----------
    base_url : str
        Another address than the source's own, such as that of a simulator; empty for its own.
    environment : mapping of str to str
        Where keys are read from; never shown.
    is_clock_checked : bool
        Whether a venue's clock that is far from this machine's is refused. A simulator may run on a
        clock of its own.
    is_paced : bool or None
        Whether calls keep the distance that the source asks for; None keeps it but on this machine.
    """

    base_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_clock_checked: bool = True
    is_paced: bool | None = None


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


@runtime_checkable
class CheckedSource(Protocol):
    """A source that tells its time, and whether it takes the keys that are set."""

    def clock_offset_ns(self) -> int:
        """How far its clock is ahead of this machine's."""
        ...

    def check_keys(self) -> None:
        """Ask for what only a key can see.

        Raises
        ------
        SourceError
            No key is set, or the source refuses it.
        """
        ...


class SourceFactory(Protocol):
    """What is registered as a source: a class that says what it offers, and is made with a setup."""

    @property
    def offer(self) -> Offer:
        """What its sources offer, known without making one."""
        ...

    def __call__(self, setup: Setup) -> Source:
        """Make a source; nothing is asked yet."""
        ...
