"""Where a store lies: a folder or an object store, and the names of what it keeps there."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from peak_trade.domain.errors import DataError

PLACE_VARIABLE = "PEAK__DATA__STORE"
"""Environment variable that names the place of the store."""

SCHEMES = ("s3", "gs", "az")
"""Object stores that a place may be a URL of."""

_OPEN_OPTIONS = ("region", "endpoint", "allow_http", "conditional_put", "virtual_hosted", "bucket")
_LONGEST = 80  # letters of a name within a path


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, or the URL of an object store with its options.

    Attributes
    ----------
    root : str
        An absolute path, or a URL such as ``s3://bucket/prefix``.
    options : mapping of str to str
        What the object store needs, such as ``aws_region`` and ``aws_access_key_id``; never shown.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, place: str | Path, options: Mapping[str, str] | None = None) -> "Place":
        """Read a folder or a URL.

        Raises
        ------
        DataError
            A URL of another scheme or with a password in it, a place that is a file.

        Examples
        --------
        >>> Place.parse("s3://bars/prod/", {"aws_secret_access_key": "hidden"})
        Place(root='s3://bars/prod')
        """
        text = str(place)
        scheme, separator, rest = text.partition("://")
        if separator:
            _check_url(scheme, rest)
            return cls(text.rstrip("/"), dict(options or {}))
        path = Path(text).expanduser().absolute()
        if path.exists() and not path.is_dir():
            raise DataError(f"the store {path} is a file", hint="name a folder")
        return cls(str(path), dict(options or {}))

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return "://" not in self.root

    def within(self, *names: str) -> str:
        """Path or URL of something below it."""
        return "/".join((self.root, *names))

    def hidden(self, text: str) -> str:
        """Give a text without the values of options that nobody else may see."""
        for name, value in self.options.items():
            if len(value) > 3 and not any(word in name.lower() for word in _OPEN_OPTIONS):
                text = text.replace(value, "***")
        return text


def default_store() -> Path:
    """Give the folder that market data is kept in where none is named.

    The environment variable ``PEAK__DATA__STORE``, else a folder of the user's data.
    """
    from platformdirs import user_data_path

    named = os.environ.get(PLACE_VARIABLE)
    return Path(named) if named else user_data_path("peak-trade", appauthor=False) / "market"


def safe_name(text: str) -> str:
    """Write a venue's or an instrument's name so that every file system and URL takes it.

    Examples
    --------
    >>> safe_name("BTC/USD"), safe_name("kraken")
    ('~42~54~43~2f~55~53~44', 'kraken')
    """
    return re.sub(
        r"[^a-z0-9_-]", lambda match: "".join(f"~{byte:02x}" for byte in match[0].encode()), text
    )


def read_name(text: str) -> str:
    """Read what :func:`safe_name` wrote.

    Examples
    --------
    >>> read_name(safe_name("BTC/USD"))
    'BTC/USD'
    """
    from urllib.parse import unquote

    return unquote(text.replace("~", "%"))


def short_name(text: str) -> str:
    """Write a name so that a person recognises it in a path; two names may read the same.

    Examples
    --------
    >>> short_name("BTC/USD")
    'BTC-USD'
    """
    return re.sub(r"[^A-Za-z0-9_]+", "-", text)[:_LONGEST].strip("-") or "x"


def _check_url(scheme: str, rest: str) -> None:
    if scheme not in SCHEMES:
        raise DataError(
            f"a store cannot lie at {scheme}://",
            hint=f"name a folder, or a URL of {', '.join(SCHEMES)}",
        )
    if not rest.strip("/"):
        raise DataError(f"{scheme}:// names no bucket", hint=f"write {scheme}://BUCKET/PREFIX")
    if "@" in rest.partition("/")[0]:
        raise DataError(
            f"the URL of a {scheme} store holds a name or a password",
            hint="hand credentials over as options or in the environment",
        )
