"""How often a market trades: calendars, bar intervals, and bars per year."""

import re
from dataclasses import dataclass

from peak_trade.domain.errors import ParameterError, did_you_mean

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """A market's trading time in a usual year.

    ``sessions`` are trading days a year, ``minutes`` the length of one in minutes.
    """

    name: str
    sessions: int
    minutes: int


CALENDARS = {
    market.name: market
    for market in (
        Calendar("24/7", 365, 1440),
        Calendar("24/5", 260, 1440),
        Calendar("XNYS", 252, 390),
        Calendar("XNAS", 252, 390),
        Calendar("XTSE", 251, 390),
        Calendar("XLON", 253, 510),
        Calendar("XETR", 254, 510),
        Calendar("XPAR", 256, 510),
        Calendar("XAMS", 256, 510),
        Calendar("XMIL", 254, 510),
        Calendar("XSWX", 251, 510),
        Calendar("XTKS", 245, 330),
        Calendar("XHKG", 246, 330),
        Calendar("XSHG", 243, 240),
        Calendar("XBOM", 246, 375),
        Calendar("XASX", 253, 360),
    )
}
"""Crypto exchanges; foreign exchange; stock exchanges by their code of ISO 10383.

Sessions of a stock exchange are its mean over 2006 to 2025, minutes those of its regular session
without the lunch break.
"""

_UNIT_NS = {
    "s": 1_000_000_000,
    "m": MINUTE_NS,
    "h": 60 * MINUTE_NS,
    "d": DAY_NS,
    "w": 7 * DAY_NS,
    "mo": 30 * DAY_NS,
    "y": 365 * DAY_NS,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """The nominal length of a bar, such as ``1m``, ``4h``, ``1d``, ``1w`` or ``1mo``.

    Examples
    --------
    >>> Interval.parse("15m").ns
    900000000000
    >>> Interval.parse("1d").bars_per_year("XNYS"), Interval.parse("1m").bars_per_year("24/7")
    (252.0, 525600.0)
    """

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Interval":
        """Read ``15m``, ``1h``, ``1d``, ...; raises ParameterError for anything else."""
        match = re.fullmatch(r"([1-9]\d{0,9})(s|m|h|d|w|mo|y)", str(text).strip(), re.ASCII)
        if match is None:
            raise ParameterError(
                f"interval {text!r} is not a number and a unit",
                hint="write it like 1m, 15m, 1h, 1d, 1w or 1mo",
                found=text,
            )
        return cls(int(match[1]), match[2])

    @classmethod
    def from_ns(cls, ns: int) -> "Interval":
        """Name a distance between bars; months and years by their usual lengths."""
        if 28 * DAY_NS <= ns <= 31 * DAY_NS:
            return cls(1, "mo")
        if 365 * DAY_NS <= ns <= 366 * DAY_NS:
            return cls(1, "y")
        for unit in ("w", "d", "h", "m", "s"):
            if ns >= _UNIT_NS[unit] and ns % _UNIT_NS[unit] == 0:
                return cls(ns // _UNIT_NS[unit], unit)
        raise ParameterError(
            f"bars {ns} ns apart have no usual interval", hint="name it with --interval", found=ns
        )

    @property
    def ns(self) -> int:
        """Nominal length in nanoseconds (a month counts 30 days, a year 365)."""
        return self.count * _UNIT_NS[self.unit]

    def bars_per_year(self, calendar: str) -> float:
        """Bars of this interval in a usual year of ``calendar``."""
        market = calendar_named(calendar)
        if self.unit == "y":
            return 1.0 / self.count
        if self.unit == "mo":
            return 12.0 / self.count
        if self.unit == "w":
            return 52.0 / self.count
        if self.unit == "d":
            return market.sessions / self.count
        return market.sessions * max(1.0, market.minutes * MINUTE_NS / self.ns)

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


def calendar_named(name: str) -> Calendar:
    """Find a calendar; raises ParameterError with the known names."""
    if name not in CALENDARS:
        raise ParameterError(
            f"calendar {name!r} is not known", hint=did_you_mean(name, CALENDARS), found=name
        )
    return CALENDARS[name]
