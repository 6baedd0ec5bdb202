"""Where bars are read from: a series of an installed package, a file, or the store."""

from dataclasses import dataclass
from typing import Literal

from peak_trade.data.catalogue import catalogue
from peak_trade.domain.errors import DataError

FILE_SUFFIXES = (".csv", ".csv.gz", ".parquet")
"""Endings of the files that can be read."""

RESERVED = ("builtin", "file", "http", "https", "s3", "gs", "az")
"""Words that no venue of the store is called."""


def is_venue(text: str) -> bool:
    """Whether a word may be the venue of a stored series."""
    return text not in RESERVED and text.replace("_", "").replace("-", "").isalnum()


@dataclass(frozen=True, slots=True)
class Address:
    """A place that bars are read from.

    Attributes
    ----------
    kind : {"builtin", "file", "store"}
        A series of an installed package, a file, or a series of the store.
    place : str
        The name of the series, the path of the file, or the symbol at its venue.
    venue : str
        The venue of a stored series, such as ``kraken``.

    Examples
    --------
    >>> Address.parse("builtin:sp500")
    Address(kind='builtin', place='sp500', venue='')
    >>> str(Address.parse("prices.parquet"))
    'file:prices.parquet'
    >>> Address.parse("kraken:BTC/USD")
    Address(kind='store', place='BTC/USD', venue='kraken')
    """

    kind: Literal["builtin", "file", "store"]
    place: str
    venue: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read ``builtin:NAME``, ``file:PATH``, ``VENUE:SYMBOL``, or a path with a known ending.

        Raises
        ------
        DataError
            Anything else.
        """
        kind, _, place = text.partition(":")
        if kind == "builtin" and place:
            return cls("builtin", place)
        if kind == "file" and place:
            return cls("file", place)
        if text.lower().endswith(FILE_SUFFIXES):
            return cls("file", text)
        if place and is_venue(kind):
            return cls("store", place, kind)
        names = [series.name for series in catalogue()]
        hint = (
            "write builtin:NAME, VENUE:SYMBOL of the store, or file:PATH, with a path that ends in "
            ".csv, .csv.gz or .parquet"
        )
        if text in names:
            hint = f"did you mean builtin:{text}?"
        raise DataError(f"data source {text!r} is not known", hint=hint, found=text)

    def __str__(self) -> str:
        return f"{self.venue or self.kind}:{self.place}"
