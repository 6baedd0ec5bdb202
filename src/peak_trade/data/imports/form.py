"""How a file is to be read, and what its rows are to be called in the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from peak_trade.data.address import RESERVED
from peak_trade.data.columns import Stamp
from peak_trade.data.imports.layouts import layout_named
from peak_trade.domain.calendar import Interval, calendar_named
from peak_trade.domain.errors import DataError, did_you_mean

Unit = Literal["s", "ms", "us", "ns"]
UNITS: Mapping[str, int] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds of each unit that numbers of a stamp may count since 1970."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is to be read; what is None is told from the file.

    Attributes
    ----------
    interval : str, optional
        Length of a bar, such as ``1m``.
    stamp : {"open", "close"}
        What a stamp marks of its bar.
    timezone : str, optional
        IANA zone of stamps that carry none; UTC where left out.
    unit : {"s", "ms", "us", "ns"}, optional
        What numbers of a stamp count since 1970; told from their size where left out.
    calendar : str, optional
        ``24/7``, ``24/5`` or the code of a stock exchange, by which gaps are found.
    columns : mapping of role to column name, optional
        Such as ``{"time": "ts", "size": "qty"}``; of a file without names, positions from ``1``.
    layout : str, optional
        One of :data:`peak_trade.data.imports.LAYOUTS`: a known archive without column names.
    symbol : str, optional
        Of several instruments in the file the one to read, by the file's own name for it.
    known_after : str, optional
        How long after its stamp a value of a series or a piece of news was known, such as ``14d``
        or ``0s``, where the file does not say.

    Raises
    ------
    DataError
        A stamp, unit, layout or time that is not known.
    ParameterError
        An interval or calendar that is not valid.

    Examples
    --------
    >>> Form(known_after="14d").lag_ns
    1209600000000000
    """

    interval: str | None = None
    stamp: Stamp = "open"
    timezone: str | None = None
    unit: Unit | None = None
    calendar: str | None = None
    columns: Mapping[str, str] | None = None
    layout: str | None = None
    symbol: str | None = None
    known_after: str | None = None

    def __post_init__(self) -> None:
        if self.interval is not None:
            Interval.parse(self.interval)
        if self.calendar is not None:
            calendar_named(self.calendar)
        if self.stamp not in ("open", "close"):
            hint = did_you_mean(self.stamp, ("open", "close"))
            raise DataError(f"stamp {self.stamp!r} is not known", hint=hint)
        if self.unit is not None and self.unit not in UNITS:
            raise DataError(
                f"unit {self.unit!r} of stamps is not known", hint="use s, ms, us or ns"
            )
        if self.layout is not None:
            layout_named(self.layout)
        self.lag_ns  # noqa: B018 - refuses what is no time

    @property
    def lag_ns(self) -> int | None:
        """Nanoseconds of ``known_after``."""
        text = self.known_after
        if text is None:
            return None
        return 0 if text in ("0", "0s", "0d") else Interval.parse(text).ns


@dataclass(frozen=True, slots=True)
class Target:
    """What an import is called in the store: one series, or all instruments of a venue.

    Attributes
    ----------
    venue : str
        Such as ``kraken``.
    symbol : str, optional
        The venue's symbol; None takes the symbols of the file.

    Examples
    --------
    >>> Target.parse("kraken:BTC/USD")
    Target(venue='kraken', symbol='BTC/USD')
    >>> Target.parse("lean:*") == Target.parse("lean")
    True
    """

    venue: str
    symbol: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read ``VENUE:SYMBOL``, ``VENUE:*`` or ``VENUE``.

        Raises
        ------
        DataError
            Anything else, and a venue whose name an address could not hold.
        """
        venue, _, symbol = text.strip().partition(":")
        if not venue.replace("_", "").replace("-", "").isalnum() or venue in RESERVED:
            raise DataError(
                f"{text!r} names no venue of the store",
                hint="name a series VENUE:SYMBOL, such as kraken:BTC/USD, or VENUE:* for all",
                found=text,
            )
        if symbol and (symbol != symbol.strip() or not symbol.isprintable()):
            raise DataError(f"symbol {symbol!r} is not valid", hint="name it as the venue does")
        return cls(venue, None if symbol in ("", "*") else symbol)

    def names(
        self, found: Sequence[str], file: str, *, own: bool, wanted: str | None
    ) -> dict[str, str]:
        """Say what each instrument of a file is called in the store.

        Parameters
        ----------
        found : sequence of str
            The instruments of the file, in the file's words.
        file : str
            Its name, for errors.
        own : bool
            Whether the file itself names its instruments.
        wanted : str, optional
            The one to take.

        Raises
        ------
        DataError
            Several instruments for one name, or none that has it.
        """
        if wanted is not None and own:
            if wanted not in found:
                raise DataError(f"{wanted!r} is not in {file}", did_you_mean(wanted, found))
            return {wanted: self.symbol or wanted}
        if self.symbol is None:
            if not own:
                raise DataError(
                    f"{file} does not say of which instrument it is",
                    hint=f"name it, as in {self.venue}:SYMBOL",
                )
            return {name: name for name in found}
        if self.symbol in found:
            return {self.symbol: self.symbol}
        if len(found) == 1:
            return {found[0]: self.symbol}
        shown = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        raise DataError(
            f"{file} holds {len(found)} instruments ({shown}), none of them {self.symbol}",
            hint=f"take all with {self.venue}:*, or say which one with symbol",
        )
