"""What ccxt raises, told as this program tells it: what was asked, what came back, what to do."""

import re
from types import ModuleType

from peak_trade.adapters.credentials import Credentials
from peak_trade.data.source import SourceError, Trouble
from peak_trade.domain.errors import did_you_mean

SHAPE_FAULTS = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
"""What reading an answer of another shape raises."""

_SHOWN = 160
_REFUSED_STATUS = ("401", "403", "451")
_WRONG_PLACE_STATUS = ("400", "404", "405", "410")


def trouble_of(ccxt: ModuleType, error: Exception) -> Trouble:
    """Tell why a source did not answer, from what ccxt raised."""
    if isinstance(error, SourceError):
        return error.trouble
    status = _status(error)
    kinds: tuple[tuple[str, Trouble], ...] = (
        ("AuthenticationError", Trouble.NO_PERMISSION),
        ("RestrictedLocation", Trouble.NO_PERMISSION),
        ("BadSymbol", Trouble.UNKNOWN_SYMBOL),
        ("NotSupported", Trouble.NOT_OFFERED),
        ("RateLimitExceeded", Trouble.LIMIT_REACHED),
        ("DDoSProtection", Trouble.LIMIT_REACHED),
        ("InvalidNonce", Trouble.CLOCK_SKEW),
        ("BadResponse", Trouble.BAD_ANSWER),
    )
    for name, trouble in kinds:
        if isinstance(error, getattr(ccxt, name)):
            return trouble
    if status in _REFUSED_STATUS:
        return Trouble.NO_PERMISSION
    if status in _WRONG_PLACE_STATUS:
        return Trouble.BAD_ANSWER
    if isinstance(error, ccxt.NetworkError):
        return Trouble.UNREACHABLE
    return Trouble.BAD_ANSWER


def is_passing(ccxt: ModuleType, error: Exception) -> bool:
    """Whether asking again may help: the network, a fault of the server, an answer cut short."""
    trouble = trouble_of(ccxt, error)
    if trouble is Trouble.BAD_ANSWER:
        return isinstance(error, SHAPE_FAULTS) and not isinstance(error, SourceError)
    return trouble in (Trouble.UNREACHABLE, Trouble.LIMIT_REACHED)


def source_error(
    ccxt: ModuleType, error: Exception, *, what: str, where: str, keys: Credentials
) -> SourceError:
    """Tell what ccxt raised as an error of the source.

    Parameters
    ----------
    ccxt : module
        The library.
    error : Exception
        What it raised.
    what, where : str
        What was asked, and the address it was asked at.
    keys : Credentials
        Keys, which are taken out of the text.
    """
    if isinstance(error, SourceError):
        return error
    trouble = trouble_of(ccxt, error)
    said = keys.masked(_said(ccxt, error))
    venue = keys.venue
    hints = {
        Trouble.UNREACHABLE: f"check the network, and whether {venue} is up; asked again, the fetch "
        "goes on where it stopped",
        Trouble.NO_PERMISSION: f"check {' and '.join(Credentials.names(venue)[:2])} and what they "
        "may do; a venue may also refuse a region",
        Trouble.LIMIT_REACHED: "wait, then ask again: what was fetched is kept",
        Trouble.CLOCK_SKEW: "set the clock of this machine, by NTP",
        Trouble.BAD_ANSWER: "check the address that is asked; is it the venue, or a page in between?",
        Trouble.UNKNOWN_SYMBOL: "name it as the venue lists it: peak data fetch VENUE --kind instruments",
        Trouble.NOT_OFFERED: f"see what it has: peak data sources {venue}",
    }
    told = {
        Trouble.UNREACHABLE: "did not answer",
        Trouble.NO_PERMISSION: "refused",
        Trouble.LIMIT_REACHED: "says that a limit is reached",
        Trouble.CLOCK_SKEW: "says that the time of the request is off",
        Trouble.BAD_ANSWER: "answered what cannot be read",
        Trouble.UNKNOWN_SYMBOL: "does not know the symbol",
        Trouble.NOT_OFFERED: "does not offer it",
    }
    message = f"{venue} at {where} {told[trouble]} when asked for {what}"
    return SourceError(
        trouble, f"{message}: {said}" if said else message, hints[trouble], venue=venue
    )


def unknown_symbol(venue: str, symbol: str, listed: "list[str]") -> SourceError:
    """Say that a venue does not list a symbol, and which ones come close."""
    return SourceError(
        Trouble.UNKNOWN_SYMBOL,
        f"{venue} does not list {symbol!r} among its {len(listed):,} instruments",
        did_you_mean(symbol, _alike(symbol, listed)),
        venue=venue,
        symbol=symbol,
    )


def _alike(symbol: str, listed: "list[str]") -> "list[str]":
    """The same letters written otherwise, then those with the same base, then all."""
    bare = re.sub(r"[^A-Z0-9]", "", symbol.upper())
    same = [name for name in listed if re.sub(r"[^A-Z0-9]", "", name.upper()) == bare]
    base = [name for name in listed if name.partition("/")[0] == symbol.upper().partition("/")[0]]
    return same or base or listed


def _status(error: Exception) -> str:
    """The HTTP status that ccxt writes behind the address."""
    found = re.search(r"https?://\S+ (\d{3}) ", str(error))
    return found[1] if found else ""


def _said(ccxt: ModuleType, error: Exception) -> str:
    """What came back, in a line, without the address and what was asked of it."""
    text = str(error)
    if isinstance(error, SHAPE_FAULTS) and not isinstance(error, ccxt.BaseError):
        text = f"its shape is another ({type(error).__name__}: {text})"
    elif isinstance(error, ccxt.RequestTimeout) and not _status(error):
        text = "no answer in time"
    elif isinstance(error, ccxt.NetworkError) and not _status(error) and error.__cause__:
        text = "no connection" if "http" in text else text
    text = re.sub(r"\S+ (GET|POST|DELETE|PUT) https?://\S+ ?", "", text)
    text = " ".join(re.sub(r"<[^<>]*>", " ", text).split())  # a page of HTML says little more
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."
