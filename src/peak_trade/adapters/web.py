"""Reading from a service over HTTP: patiently, at its pace, and without showing a key."""

import email.utils
import json
import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.patience import Patience, patiently
from peak_trade.data.source import Setup, SourceError, Trouble

if TYPE_CHECKING:
    import httpx2

MOST_BYTES = 64 * 1024 * 1024
"""An answer that is larger is not read to its end."""

MOST_SKEW_S = 10.0
"""How far the clock of a service and ours may be apart."""

_TIMEOUT_S = 30.0
_SHOWN = 160
_LOCAL = ("127.0.0.1", "localhost", "::1")


class Answer(NamedTuple):
    """What a service answered: its status, its bytes, and where they came from after redirects."""

    status: int
    body: bytes
    content_type: str

    def json(self) -> object:
        """Read it as JSON.

        Raises
        ------
        ValueError
            It is none.
        """
        return json.loads(self.body)


class Web:
    """A service over HTTP that is read from, and never written to.

    What failed by the network, a limit or the server is asked again; a limit waits as long as the
    service says. No key is in an address, an error or a log.

    Parameters
    ----------
    name : str
        The service, for errors.
    base_url : str
        Its address, without a slash at the end.
    setup : Setup
        Another address, and whether clocks are compared and calls are spaced.
    keys : Credentials, optional
        What is taken out of every text.
    headers, secret : mapping of str to str
        Headers of every call; parameters of every call that are keys.
    pace_s : float
        Least seconds between two calls.
    patience : Patience, optional
        How long it is asked again.
    follows : bool
        Whether it may send elsewhere; not where a key goes along.
    now_s : callable
        This machine's clock, seconds since 1970.

    Raises
    ------
    SourceError
        httpx2 is not installed.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        setup: Setup,
        *,
        keys: Credentials | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        secret: Mapping[str, str] = MappingProxyType({}),
        pace_s: float = 0.0,
        patience: Patience | None = None,
        follows: bool = False,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.base_url = (setup.base_url or base_url).rstrip("/")
        self._keys, self._secret = keys or Credentials(name), dict(secret)
        self._patience = patience or Patience()
        is_local = urlsplit(self.base_url).hostname in _LOCAL
        is_paced = setup.is_paced if setup.is_paced is not None else not is_local
        self._pace_s = pace_s if is_paced else 0.0
        self._is_clock_checked, self._now = setup.is_clock_checked, now_s
        self._headers, self._follows = dict(headers), follows
        self._last_s = -pace_s
        self._client: httpx2.Client | None = None

    def __repr__(self) -> str:
        return f"Web({self.name})"

    def get(
        self, path: str, params: Mapping[str, str] = MappingProxyType({}), *, what: str
    ) -> Answer:
        """Read what is at a path; any status that says something about what was asked is given back.

        Parameters
        ----------
        path : str
            Behind the address of the service, or a whole address.
        params : mapping of str to str
            Of the query.
        what : str
            What is asked for, for errors.

        Raises
        ------
        SourceError
            It cannot be reached, keeps failing, limits us for too long, answers more than
            MOST_BYTES, or its clock is far from ours.
        """
        url = path if "://" in path else self.base_url + path

        def ask() -> Answer:
            return self._once(url, params, what)

        return patiently(ask, self._patience, retry=self._again)

    def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    # --- steps -----------------------------------------------------------------------------------

    def _again(self, error: Exception) -> bool | float:
        if not isinstance(error, SourceError):
            return False
        wait = error.fields.get("wait_s")
        if isinstance(wait, float):
            return wait if wait <= self._patience.longest_limit_s else False
        return error.trouble in (Trouble.UNREACHABLE, Trouble.LIMIT_REACHED)

    def _once(self, url: str, params: Mapping[str, str], what: str) -> Answer:
        import httpx2

        self._space()
        client = self._opened()
        begun = self._now()
        try:
            with client.stream("GET", url, params={**params, **self._secret}) as response:
                body = self._body(response, what)
        except httpx2.InvalidURL as error:
            raise self._error(
                Trouble.BAD_ANSWER, what, f"has no valid address: {error}", "check its address"
            ) from None
        except httpx2.HTTPError as error:
            raise self._error(
                Trouble.UNREACHABLE, what, f"could not be reached at {self._place(url)}: {_kind(error)}",
                f"check the network, and whether {self.name} is up",
            ) from None  # fmt: skip
        self._check_status(response, body, what)
        self._check_clock(response, begun, what)
        return Answer(response.status_code, body, response.headers.get("content-type", ""))

    def _space(self) -> None:
        left = self._last_s + self._pace_s - time.monotonic()
        if left > 0:
            time.sleep(left)
        self._last_s = time.monotonic()

    def _opened(self) -> "httpx2.Client":
        if self._client is None:
            import httpx2

            logging.getLogger("httpx2").addFilter(_is_silent)
            self._client = httpx2.Client(
                timeout=_TIMEOUT_S, headers=self._headers, follow_redirects=self._follows
            )
        return self._client

    def _body(self, response: "httpx2.Response", what: str) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > MOST_BYTES:
                raise self._error(
                    Trouble.BAD_ANSWER, what, f"answered more than {MOST_BYTES >> 20} MiB",
                    "ask for less at a time, or check the address",
                )  # fmt: skip
            parts.append(part)
        return b"".join(parts)

    def _check_status(self, response: "httpx2.Response", body: bytes, what: str) -> None:
        status = response.status_code
        if status == 429:
            wait = _seconds(response.headers.get("retry-after"))
            told = {} if wait is None else {"wait_s": wait}
            raise self._error(
                Trouble.LIMIT_REACHED, what, "says that too much was asked", "wait, then ask again: "
                "what was fetched is kept", **told,
            )  # fmt: skip
        if status >= 500:
            raise self._error(
                Trouble.UNREACHABLE, what, f"failed with status {status}: {_shown(body)}",
                f"ask again later; see whether {self.name} reports trouble",
            )  # fmt: skip
        if status in (301, 302, 303, 307, 308):
            raise self._error(
                Trouble.BAD_ANSWER, what, f"sends elsewhere (status {status})", "check its address"
            )

    def _check_clock(self, response: "httpx2.Response", begun: float, what: str) -> None:
        """Its clock is told in whole seconds, and read while the answer was on its way."""
        told = response.headers.get("date")
        stamp = email.utils.parsedate_to_datetime(told).timestamp() if told else None
        if stamp is None or not self._is_clock_checked:
            return
        ahead = stamp - self._now() if stamp > self._now() else min(0.0, stamp + 1.0 - begun)
        if abs(ahead) > MOST_SKEW_S:
            side = "behind" if ahead > 0 else "ahead of"
            raise self._error(
                Trouble.CLOCK_SKEW, what, f"shows that this machine's clock is {abs(ahead):.0f} s "
                f"{side} its own", "set the clock of this machine, by NTP", skew_s=ahead,
            )  # fmt: skip

    def _error(
        self, trouble: Trouble, what: str, said: str, hint: str, **fields: float
    ) -> SourceError:
        text = self._keys.masked(f"{self.name}, asked for {what}, {said}")
        return SourceError(trouble, text, hint, **fields)

    def bad(self, what: str, said: str, hint: str = "", *, trouble: Trouble = Trouble.BAD_ANSWER) -> SourceError:  # fmt: skip
        """An error of this service, without any key in it."""
        return self._error(
            trouble, what, said, hint or "ask again; if it stays so, the service has changed"
        )

    def said(self, answer: Answer) -> str:
        """The beginning of an answer, without any key in it."""
        return self._keys.masked(_shown(answer.body))

    @staticmethod
    def _place(url: str) -> str:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _is_silent(_record: logging.LogRecord) -> bool:
    """The library logs whole addresses, and a key may be in one: nothing of it is logged."""
    return False


def _kind(error: Exception) -> str:
    """What went wrong, without the address that the library may put into its text."""
    return type(error).__name__


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _shown(body: bytes) -> str:
    return " ".join(body[: 4 * _SHOWN].decode("utf-8", "replace").split())[:_SHOWN]
