"""`peak data sources`: where market data comes from, and whether it answers."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json, print_table
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    from peak_trade.app.sources import RegisteredSource

BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="With --check, ask this address instead. Or set PEAK_<SOURCE>_URL."
    ),
]


def sources(
    name: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="Describe this one; without it, all.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Ask it: is it there, is its clock right, is the key taken."),
    ] = False,
    base_url: BaseUrl = None,
    json: options.Json = False,
) -> None:
    """List the sources of market data, or describe one."""
    if name is None:
        if check or base_url:
            raise DataError("--check and --base-url are of one source", hint="name it")
        _all_sources(json=json)
        return
    from peak_trade.app.sources import found_source

    facts = _described(found_source(name), name)
    if check:
        facts |= _checked(name, base_url or "")
    if json:
        print_json(facts)
        return
    print_facts({key: _text(value) for key, value in facts.items()})


def _all_sources(*, json: bool) -> None:
    import os

    from peak_trade.app.sources import family_names, registered_sources

    known, families = registered_sources(), family_names()
    if json:
        listed = [_described(one, one.offer.name) for one in known]
        print_json({"sources": listed, "families": families})
        return
    print_table(
        ("source", "kinds", "shown to work", "key", "note"),
        [
            (
                one.offer.name,
                ", ".join(sorted(one.offer.kinds)),
                "yes" if one.offer.is_verified else "unverified",
                "set" if one.keys_set(os.environ) else "none",
                one.offer.note,
            )
            for one in known
        ],
        words={0, 1, 2, 3, 4},
    )
    for family, names in families.items():
        shown = ", ".join(names[:6])
        print(
            f"\nUnverified, through {family}: {len(names)} more, by name: {shown}, ... "
            f"(peak data sources --json lists them all)"
        )


def _described(one: "RegisteredSource", name: str) -> dict[str, object]:
    import os

    from peak_trade.app.sources import address_variable

    offer = one.offer
    return {
        "source": offer.name,
        "kinds": sorted(offer.kinds),
        "verified": offer.is_verified,
        "note": offer.note,
        "keys": list(offer.keys),
        "keys_set": list(one.keys_set(os.environ)),
        "address": address_variable(name),
        "package": one.package,
        "family": one.family,
    }


def _checked(name: str, base_url: str) -> dict[str, object]:
    """Ask a source whether it is there; what it refuses is told, not raised."""
    from peak_trade.app.sources import opened_source
    from peak_trade.data.source import CheckedSource, Setup, SourceError, Trouble

    with opened_source(name, Setup(base_url=base_url)) as source:
        if not isinstance(source, CheckedSource):
            raise SourceError(
                Trouble.NOT_OFFERED, f"{name} cannot be checked", "fetch something from it"
            )
        began = time.perf_counter()
        offset_ns = source.clock_offset_ns()
        facts: dict[str, object] = {
            "answered_ms": round((time.perf_counter() - began) * 1000, 1),
            "clock_offset_s": round(offset_ns / 1e9, 3),
        }
        try:
            source.check_keys()
        except SourceError as error:
            facts["key"] = error.message
        else:
            facts["key"] = "taken"
    return facts


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
