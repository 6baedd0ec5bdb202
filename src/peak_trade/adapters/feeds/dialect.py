"""What differs between venues: addresses, subscriptions, and how their messages are read."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from peak_trade.data.live.book import CheckedBook, NumberedBook
from peak_trade.data.live.messages import BookMessage, Frame
from peak_trade.data.live.source import Environment

if TYPE_CHECKING:
    import aiohttp


class Requests(Protocol):
    """The few questions that a stream cannot answer itself, asked of the venue's server."""

    async def check_symbols(self, symbols: Sequence[str]) -> None:
        """Refuse symbols that the venue does not trade.

        Raises
        ------
        SourceError
            A symbol that is not known.
        """
        ...

    async def time_ns(self) -> int:
        """Give the venue's time."""
        ...

    async def book(self, symbol: str) -> BookMessage:
        """Give a snapshot of a book."""
        ...


class Dialect(Protocol):
    """How one venue's public stream is spoken."""

    venue: str
    intervals: tuple[str, ...]
    url: str
    rest_url: str
    environments: Mapping[str, Environment]
    """What is served at each host."""
    silence_ns: int
    """After how much silence a connection is dead."""
    renew_after_s: float | None
    """Age at which the venue's own limit is near."""

    def address(self, base_url: str) -> str:
        """Give the address to connect to."""
        ...

    def subscriptions(self, symbols: Sequence[str], interval: str, depth: int) -> list[bytes]:
        """Give the frames that ask for everything."""
        ...

    def expected(self, symbols: Sequence[str], depth: int) -> set[tuple[str, str]]:
        """Give channel and symbol of every answer that is waited for."""
        ...

    def resubscribe_book(self, symbol: str, depth: int) -> list[bytes]:
        """Give the frames that ask for a fresh book; none where a request gives it."""
        ...

    def ping(self, number: int) -> bytes | None:
        """Give a ping that the venue answers with its time; None where it has none."""
        ...

    def new_book(self, depth: int) -> CheckedBook | NumberedBook:
        """Make an empty book."""
        ...

    def decode(self, data: str | bytes) -> Frame:
        """Read a frame."""
        ...

    def requests(self, session: "aiohttp.ClientSession", rest_url: str) -> Requests | None:
        """Give what asks the venue's server; None where nothing needs to be asked."""
        ...
