"""Addresses that are asked instead of a venue's own: which are safe, and how they are put in place."""

from urllib.parse import urlsplit

from peak_trade.data.source import SourceError, Trouble

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Names of this machine."""


def checked_url(url: str) -> str:
    """Check an address that is asked instead of a venue's own.

    Raises
    ------
    SourceError
        No http or https, no host, a user or a password in it, or http to another machine.

    Examples
    --------
    >>> checked_url("http://127.0.0.1:8900/")
    'http://127.0.0.1:8900'
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise SourceError(
            Trouble.NOT_OFFERED, "a base URL has a user or a password in it", "leave them out"
        )
    is_plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or not (is_plain or parts.scheme == "https"):
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"base URL {url!r} is not https, nor http on this machine",
            "write it like http://127.0.0.1:8900",
        )
    return url.rstrip("/")


def moved(urls: object, base: str) -> object:
    """Point addresses to another host; their paths stay.

    Examples
    --------
    >>> moved({"public": "https://api.binance.com/api/v3"}, "http://127.0.0.1:8900")
    {'public': 'http://127.0.0.1:8900/api/v3'}
    """
    if isinstance(urls, dict):
        return {name: moved(url, base) for name, url in urls.items()}
    if isinstance(urls, str) and "://" in urls:
        return base + urlsplit(urls).path
    return urls
