"""A venue as ccxt knows it: its markets, its clock and its answers, asked again where that helps."""

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol, TypeVar, cast
from urllib.parse import urlsplit

from peak_trade.adapters.addresses import LOOPBACK, checked_url, moved
from peak_trade.adapters.ccxt_errors import (
    SHAPE_FAULTS,
    is_passing,
    source_error,
    trouble_of,
    unknown_symbol,
)
from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.patience import Patience, patiently
from peak_trade.data.source import Setup, SourceError, Trouble

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
Answer = object
Market = Mapping[str, object]

SKEW_NS = 5_000_000_000
_RESOLUTION_NS = 1_000_000_000  # Kraken tells its time in whole seconds
_SHAPE_ATTEMPTS = 3
_TIMEOUT_MS = 15_000


class Session(Protocol):
    """The connections of an exchange."""

    def close(self) -> None:
        """Close them."""
        ...


class Exchange(Protocol):
    """What of ccxt's exchanges is used here."""

    urls: dict[str, object]
    has: dict[str, object]
    timeframes: dict[str, object]
    markets: dict[str, Market] | None
    rateLimit: float  # noqa: N815 - its name there
    precisionMode: int  # noqa: N815
    logger: logging.Logger
    session: Session
    last_http_response: str | None
    last_response_headers: Mapping[str, str] | None

    def load_markets(self) -> dict[str, Market]:
        """Ask for its instruments, once."""
        ...

    def fetch_time(self) -> int:
        """Ask for its time, in milliseconds."""
        ...

    def fetch_balance(self) -> object:
        """Ask for the balances of the account, which needs a key."""
        ...

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> list[list[float]]:
        """Ask for bars."""
        ...

    def fetch_funding_rate_history(
        self, symbol: str, since: int, limit: int
    ) -> list[dict[str, object]]:
        """Ask for funding rates."""
        ...


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How far the clock of a venue is ahead of this machine's, and how sure that is."""

    offset_ns: int
    error_ns: int

    @property
    def is_off(self) -> bool:
        """Whether the two differ by more than 5 s for sure."""
        return abs(self.offset_ns) - self.error_ns > SKEW_NS


class Bridge:
    """A venue through ccxt, which is loaded when it is asked first. Not to be shared by threads.

    Parameters
    ----------
    venue : str
        The venue's name in ccxt.
    setup : Setup
        Where it is reached, and where its keys are.
    options : mapping of str to object, optional
        Options of ccxt for it.
    patience : Patience
        How long it is asked again.
    now_ns : callable
        This machine's clock, UTC nanoseconds.
    """

    def __init__(
        self,
        venue: str,
        setup: Setup,
        *,
        options: Mapping[str, object] | None = None,
        patience: Patience | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.venue = venue
        self.keys = Credentials.read(venue, setup.environment)
        self._setup = setup
        self._base = checked_url(setup.base_url) if setup.base_url else ""
        self._options = dict(options or {})
        self._patience = patience or Patience()
        self._now_ns = now_ns
        self._exchange: Exchange | None = None
        self._is_clock_known = False

    def __repr__(self) -> str:
        return f"Bridge({self.venue} at {self.where}, {self.keys!r})"

    @property
    def where(self) -> str:
        """The address that is asked."""
        return self._base or f"its own address ({self.venue})"

    @property
    def ccxt(self) -> ModuleType:
        """The library."""
        return library()

    @property
    def exchange(self) -> Exchange:
        """The venue as ccxt has it."""
        if self._exchange is None:
            self._exchange = self._made()
        return self._exchange

    @property
    def is_paced(self) -> bool:
        """Whether calls keep the distance that the venue asks for."""
        if self._setup.is_paced is not None:
            return self._setup.is_paced
        return not (self._base and urlsplit(self._base).hostname in LOOPBACK)

    def seconds_a_call(self, cost: float = 1.0) -> float:
        """The distance between two calls, in seconds."""
        return self.exchange.rateLimit / 1000.0 * cost

    def call(self, what: str, read: Callable[[Exchange], T]) -> T:
        """Ask the venue; what fails in passing is asked again.

        Parameters
        ----------
        what : str
            What is asked for, in words, for errors.
        read : callable
            Asks and reads the answer. An answer of another shape may raise what it likes.

        Raises
        ------
        SourceError
            It did not answer, or not as it should.
        """
        exchange, faults = self.exchange, _Faults(self.ccxt, self._patience, self.venue, what)
        try:
            return patiently(
                lambda: read(exchange),
                self._patience,
                retry=lambda error: faults.retry(error, exchange.last_response_headers),
            )
        except (self.ccxt.BaseError, *SHAPE_FAULTS) as error:
            told = source_error(self.ccxt, error, what=what, where=self.where, keys=self.keys)
            raise told from None  # the cause may quote what was sent

    def raw(self, what: str, method: str, params: Mapping[str, object]) -> Answer:
        """Ask one of the venue's own methods, such as ``publicGetOHLC``."""
        return self.call(what, lambda exchange: self.asked(exchange, method, params))

    @staticmethod
    def asked(exchange: Exchange, method: str, params: Mapping[str, object]) -> Answer:
        """Ask one of the venue's own methods, once."""
        ask = cast("Callable[[dict[str, object]], Answer]", getattr(exchange, method))
        return ask(dict(params))

    def markets(self) -> Mapping[str, Market]:
        """Everything it lists, by symbol; asked once."""
        return self.call("its instruments", lambda exchange: _some(exchange.load_markets()))

    def market(self, symbol: str) -> Market:
        """One instrument as ccxt describes it.

        Raises
        ------
        SourceError
            A symbol that it does not list; the hint names those that come close.
        """
        markets = self.markets()
        if symbol not in markets:
            raise unknown_symbol(self.venue, symbol, sorted(markets))
        return markets[symbol]

    def venue_ns(self) -> int:
        """The venue's time now, UTC nanoseconds; the first time, its clock is checked.

        Raises
        ------
        SourceError
            A clock that is more than 5 s from this machine's, unless the setup says not to check.
        """
        reading, told = self._read_clock()
        if self._setup.is_clock_checked and not self._is_clock_known:
            self._refuse(reading)
        self._is_clock_known = True
        return told

    def clock(self) -> ClockReading:
        """How far the venue's clock is from this machine's."""
        return self._read_clock()[0]

    def _read_clock(self) -> tuple[ClockReading, int]:
        def read(exchange: Exchange) -> tuple[int, int, int]:
            before = self._now_ns()  # of the attempt that is answered
            told = int(exchange.fetch_time()) * 1_000_000
            return before, told, self._now_ns()

        before, told, after = self.call("its time", read)
        error_ns = (after - before) // 2 + _RESOLUTION_NS
        return ClockReading(told - (before + after) // 2, error_ns), told

    def check_keys(self) -> None:
        """Ask for what only a key can see.

        Raises
        ------
        SourceError
            No key is set, or the venue refuses it.
        """
        if not self.keys.is_set:
            names = Credentials.names(self.venue)
            raise SourceError(
                Trouble.NO_PERMISSION,
                f"no key of {self.venue} is set",
                f"set {names[0]} and {names[1]}; market data needs none",
            )
        self.call("the balances of the account", lambda exchange: exchange.fetch_balance())

    def close(self) -> None:
        """Close its connections."""
        if self._exchange is not None:
            self._exchange.session.close()
            self._exchange = None

    def _refuse(self, reading: ClockReading) -> None:
        if not reading.is_off:
            return
        seconds = reading.offset_ns / 1e9
        raise SourceError(
            Trouble.CLOCK_SKEW,
            f"the clock of {self.venue} at {self.where} is {abs(seconds):.1f} s "
            f"{'ahead of' if seconds > 0 else 'behind'} this machine's; at most 5 s are expected",
            "set the clock of this machine, by NTP; for a simulator with a clock of its own say "
            "--any-clock",
            offset_s=seconds,
        )

    def _made(self) -> Exchange:
        kind = getattr(self.ccxt, self.venue, None)
        if kind is None or self.venue not in self.ccxt.exchanges:
            raise SourceError(
                Trouble.NOT_OFFERED,
                f"ccxt has no venue {self.venue!r}",
                "see what there is: peak data sources",
            )
        exchange = cast(
            "Exchange",
            kind(
                {
                    "enableRateLimit": self.is_paced,
                    "timeout": _TIMEOUT_MS,
                    "apiKey": self.keys.key or None,
                    "secret": self.keys.secret or None,
                    "password": self.keys.passphrase or None,
                    "options": self._options,
                }
            ),
        )
        quiet = logging.getLogger("peak_trade.adapters.ccxt")
        quiet.setLevel(logging.WARNING)  # its debug lines show the headers, and so the key
        exchange.logger = quiet
        if self._base:
            exchange.urls["api"] = moved(exchange.urls["api"], self._base)
        return exchange


class _Faults:
    """What went wrong while one thing was asked for: whether to ask again, and when."""

    def __init__(self, ccxt: ModuleType, patience: Patience, venue: str, what: str) -> None:
        self._ccxt, self._patience, self._venue, self._what = ccxt, patience, venue, what
        self._limits = self._shapes = self._times = 0

    def retry(self, error: BaseException, headers: Mapping[str, str] | None) -> bool | float:
        """Whether to ask again, after the usual pause or after so many seconds."""
        if not isinstance(error, Exception) or not is_passing(self._ccxt, error):
            return False
        self._times += 1
        answer = self._answer(error, headers)
        if answer is not False and self._times < self._patience.attempts:
            pause = f" in {answer:g} s" if not isinstance(answer, bool) else ""
            trouble = trouble_of(self._ccxt, error).value
            _LOG.warning("%s, %s: %s; asked again%s", self._venue, self._what, trouble, pause)
        return answer

    def _answer(self, error: Exception, headers: Mapping[str, str] | None) -> bool | float:
        trouble = trouble_of(self._ccxt, error)
        if trouble is Trouble.BAD_ANSWER:
            self._shapes += 1
            return self._shapes < _SHAPE_ATTEMPTS
        if trouble is not Trouble.LIMIT_REACHED:
            return True
        wait_s = _retry_after(headers)
        if wait_s is None:
            patience = self._patience
            wait_s = min(patience.first_wait_s * 4.0**self._limits, patience.longest_wait_s)
        self._limits += 1
        return wait_s if wait_s <= self._patience.longest_limit_s else False


def library() -> ModuleType:
    """Load ccxt.

    Raises
    ------
    SourceError
        It is not installed.
    """
    try:
        return importlib.import_module("ccxt")
    except ImportError as error:
        raise SourceError(
            Trouble.NOT_OFFERED,
            "exchanges are reached through ccxt, which is not installed",
            "pip install 'peak-trade[exchanges]'",
        ) from error


def _some(markets: dict[str, Market]) -> dict[str, Market]:
    if not markets:
        raise ValueError("it lists no instrument")
    return markets


def _retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Seconds that the venue asks to wait, where it says so."""
    text = (headers or {}).get("Retry-After", "")
    return float(text) if text.isdigit() else None
