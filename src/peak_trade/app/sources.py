"""From names to sources of market data: those that installed packages register, then families."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast, runtime_checkable

from peak_trade.data.source import Offer, Setup, Source, SourceError, SourceFactory, Trouble
from peak_trade.domain.errors import did_you_mean

GROUP = "peak_trade.sources"
FAMILIES = "peak_trade.source_families"


class SourceFamily(Protocol):
    """Many sources of one kind, such as the exchanges that a library knows."""

    def names(self) -> tuple[str, ...]:
        """Their names."""
        ...

    def offer(self, venue: str) -> Offer:
        """What one of them offers."""
        ...

    def source(self, venue: str, setup: Setup) -> Source:
        """Make one of them; nothing is asked yet."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A source that holds connections."""

    def close(self) -> None:
        """Close them."""
        ...


@dataclass(frozen=True, slots=True)
class RegisteredSource:
    """A source that can be named.

    Attributes
    ----------
    offer : Offer
        What it offers.
    package : str
        The distribution that brought it.
    family : str
        The family that it is of; empty for one that is registered by itself.
    """

    offer: Offer
    package: str
    family: str = ""

    def keys_set(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """Which of its environment variables are set."""
        return tuple(name for name in self.offer.keys if environment.get(name))


def registered_sources() -> tuple[RegisteredSource, ...]:
    """Every source of the entry-point group ``peak_trade.sources``, by name.

    Examples
    --------
    >>> isinstance(registered_sources(), tuple)
    True
    """
    return tuple(
        RegisteredSource(_factory(point).offer, point.dist.name if point.dist else "")
        for _, point in sorted(_points(GROUP).items())
    )


def family_names() -> dict[str, tuple[str, ...]]:
    """The names of each family's sources that are not registered by themselves."""
    own = _points(GROUP)
    return {
        name: tuple(venue for venue in _family(point).names() if venue not in own)
        for name, point in sorted(_points(FAMILIES).items())
    }


def found_source(name: str) -> RegisteredSource:
    """Find what is known of a source by its name, such as ``kraken``, ``bybit`` or ``ccxt.bybit``.

    Raises
    ------
    SourceError
        No such source; the hint names close ones.
    """
    point = _points(GROUP).get(name)
    if point is not None:
        return RegisteredSource(_factory(point).offer, point.dist.name if point.dist else "")
    family, venue = _of_family(name)
    package = family.dist.name if family.dist else ""
    return RegisteredSource(_family(family).offer(venue), package, family.name)


@contextmanager
def opened_source(name: str, setup: Setup | None = None) -> Iterator[Source]:
    """Make a source by its name, and close its connections at the end.

    Its address is that of the setup, else of the environment variable ``PEAK_<NAME>_URL``, else its
    own. Keys are read from the setup's environment, which is that of the process where it is empty.

    Parameters
    ----------
    name : str
        Such as ``kraken``, ``bybit`` or ``ccxt.bybit``.
    setup : Setup, optional
        How it is reached.

    Raises
    ------
    SourceError
        No such source.
    """
    setup = setup or Setup()
    environment = setup.environment or os.environ
    url = setup.base_url or environment.get(address_variable(name), "")
    setup = replace(setup, environment=environment, base_url=url)
    point = _points(GROUP).get(name)
    if point is not None:
        source = _factory(point)(setup)
    else:
        family, venue = _of_family(name)
        source = _family(family).source(venue, setup)
    try:
        yield source
    finally:
        if isinstance(source, Closable):
            source.close()


def address_variable(name: str) -> str:
    """The environment variable that names another address of a source.

    Examples
    --------
    >>> address_variable("ccxt.bybit"), address_variable("kraken")
    ('PEAK_BYBIT_URL', 'PEAK_KRAKEN_URL')
    """
    venue = name.rpartition(".")[2]
    return f"PEAK_{venue.upper().replace('-', '_')}_URL"


def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def _factory(point: EntryPoint) -> SourceFactory:
    return cast("SourceFactory", _loaded(point))


def _family(point: EntryPoint) -> SourceFamily:
    return cast("SourceFamily", _loaded(point))


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"source {point.name!r} cannot be loaded from {point.value}: {error}",
            "install the package that brings it again",
        ) from error


def _of_family(name: str) -> tuple[EntryPoint, str]:
    """The family that a name is of, and the name there."""
    named, dot, venue = name.partition(".")
    families = _points(FAMILIES)
    for family, point in sorted(families.items()):
        if dot and family == named and venue in _family(point).names():
            return point, venue
        if not dot and name in _family(point).names():
            return point, name
    known = [*_points(GROUP), *(venue for one in family_names().values() for venue in one)]
    raise SourceError(
        Trouble.NOT_OFFERED,
        f"source {name!r} is not known",
        f"{did_you_mean(name, known)} (peak data sources lists them)",
    )
