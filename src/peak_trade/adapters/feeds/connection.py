"""One WebSocket of a feed: where it is, what it waits for, what is wrong with it, and its time."""

import asyncio
import contextlib
import os
import time
from urllib.parse import urlsplit

import aiohttp

from peak_trade.adapters.feeds.dialect import Dialect
from peak_trade.data.live.source import Environment
from peak_trade.data.source import SourceError, Trouble

STEP_NS = 500_000_000
"""A step of the own clock by more than this makes what was measured with it void."""

BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
"""What is raised where a connection is broken; it is tried again."""


class SteadyClock:
    """The own clock's time at the start, carried on by a clock that is never set."""

    def __init__(self) -> None:
        self._begin_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since 1970, without the steps of the own clock since the start."""
        return self._begin_ns + time.monotonic_ns()

    def has_stepped(self) -> bool:
        """Whether the own clock was set; it is followed from then on."""
        begin_ns = time.time_ns() - time.monotonic_ns()
        if abs(begin_ns - self._begin_ns) < STEP_NS:
            return False
        self._begin_ns = begin_ns
        return True


def shown(url: str) -> str:
    """Give an address without what may be secret in it.

    Examples
    --------
    >>> shown("wss://anna:word@host:1/v2?token=abc")
    'wss://host:1/v2'
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def environment_of(dialect: Dialect, url: str, asked: Environment | None) -> Environment:
    """Tell an environment by its address.

    Raises
    ------
    SourceError
        It is another one than was asked for.
    """
    host = urlsplit(url).hostname or ""
    is_here = host in ("localhost", "::1") or host.startswith("127.")
    found = "simulated" if is_here else dialect.environments.get(host)
    if asked is not None and found is not None and asked != found:
        raise SourceError(
            Trouble.WRONG_ENVIRONMENT,
            f"{shown(url)} is {dialect.venue}'s {found} environment, {asked} was asked for",
            hint="give the address of the one that you mean",
            found=found,
        )
    return asked or found or "live"


class Connection:
    """One WebSocket: what it is still waiting for, and whether it is alive.

    Parameters
    ----------
    socket : aiohttp.ClientWebSocketResponse
        Open already.
    expected : set of (str, str)
        Channels and symbols that have to be granted.
    now_ns : int
        When it was opened.
    """

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, expected: set[tuple[str, str]], now_ns: int
    ) -> None:
        self.socket = socket
        self.waiting = expected
        self.is_ready = asyncio.Event()
        self.begun_ns = self.heard_ns = now_ns
        self.why = ""
        self.reading: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop reading, and close the socket."""
        if self.reading is not None:
            self.reading.cancel()
            await asyncio.gather(self.reading, return_exceptions=True)
        with contextlib.suppress(*BROKEN):
            await self.socket.close()


def reason_of(error: BaseException) -> str:
    """Say why a connection is broken."""
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number) if number else str(error.os_error)
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"it answered with status {error.status}, not with a WebSocket"
    return str(error).strip() or type(error).__name__
