"""What a command was asked for: settings from its options, bars, a strategy."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.app.config import Assignment, Configuration, configure
from peak_trade.app.keys import KEYS
from peak_trade.app.settings import BacktestSection, DataSection, Settings
from peak_trade.app.terms import BASIS_POINT
from peak_trade.app.wiring import parse_settings
from peak_trade.domain.checks import is_number
from peak_trade.domain.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from peak_trade.app.recording import Asked
    from peak_trade.domain.actions import Actions
    from peak_trade.domain.bars import Bars

_BASIS_POINTS = {
    "backtest.commission": "costs.commission",
    "backtest.slippage": "costs.slippage",
}
"""Keys whose values are basis points, and what research calls them, as fractions."""


def configured(
    given: Mapping[str, object], pairs: Mapping[str, str], extra_file: Path | None
) -> Configuration[Settings]:
    """Merge the working folder's configuration, ``--set`` pairs and the options that were given.

    Parameters
    ----------
    given : mapping of str to object
        Parameters of the command; those that stand for a configuration key and are not None
        overrule every other layer.
    pairs : mapping of str to str
        Configuration keys and the text of their values.
    """
    overrides = [Assignment(key, text, "--set", is_text=True) for key, text in pairs.items()]
    for name, key in KEYS.items():
        if given.get(name) not in (None, []):
            option = "--" + name.replace("_", "-")
            overrides.append(Assignment(key, given[name], option))
    found = configure(Settings, Path(), overrides=overrides, extra_file=extra_file)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("peak_trade").setLevel(found.values.logging.level.upper())
    return found


def load_bars(
    source: str,
    found: Configuration[Settings],
    *,
    columns: str | None,
    symbols: Sequence[str] | None,
    version: int | None = None,
) -> "Bars":
    """Load what ``--data`` and its companions name.

    How a built-in series is to be read is known: of ``interval``, ``stamp`` and ``timezone`` it is
    handed those alone that the command line states, which it refuses; so is a stored series.
    """
    from peak_trade.app.stores import opened_store
    from peak_trade.data.features.supply import supplied
    from peak_trade.data.load import load
    from peak_trade.data.stored import names_store

    if names_store(source):
        bars = _load_stored(source, found, found.values.data.interval, version, columns=columns)
        return bars.select(*symbols) if symbols else bars
    _refuse_version(source, version)

    data = found.values.data
    reading = DataSection() if source.startswith("builtin:") else data
    stated = {key for key in KEYS if found.explain(KEYS[key]).layer.startswith("--")}
    if "interval" in stated or "stamp" in stated or "timezone" in stated:
        reading = data
    is_default_zone = found.explain("data.timezone").layer == "default"
    # load calls a single instrument of a file what it is told to; a built-in one has its name.
    names_one = bool(symbols) and not source.startswith("builtin:") and len(symbols or ()) == 1
    bars = load(
        source,
        interval=reading.interval,
        stamp=reading.stamp,
        timezone=None if is_default_zone or reading is not data else reading.timezone,
        calendar=data.calendar,
        lot=data.lot,
        tick=data.tick,
        columns=parse_settings(columns.split(",")) if columns else None,
        symbol=symbols[0] if symbols and names_one else None,
    )
    bars = bars.select(*symbols) if symbols and not names_one else bars
    return supplied(bars, store=lambda: opened_store(found))


def pinned(asked: "Asked", found: Configuration[Settings]) -> "Asked":
    """Name the version of a stored series that is newest now, so that the record has it."""
    from peak_trade.data.stored import names_store

    if not names_store(asked.data):
        _refuse_version(asked.data, asked.data_version)
        return asked
    if asked.data_version is not None:
        return asked
    from peak_trade.app.stores import store_place
    from peak_trade.data.stored import Pick, version_of
    from peak_trade.domain.calendar import Interval

    interval = found.values.data.interval
    step = None if interval is None else Interval.parse(interval)
    newest = version_of(asked.data, interval=step, pick=Pick(store_place(found)))
    return replace(asked, data_version=newest)


def _refuse_version(source: str, version: int | None) -> None:
    if version is not None:
        raise InputError(
            f"--data-version {version} is given for {source}, which has no versions",
            hint="leave it out, or import the file into the store: peak data import",
        )


def _load_stored(
    source: str,
    found: Configuration[Settings],
    interval: str | None,
    version: int | None,
    *,
    columns: str | None,
) -> "Bars":
    """Load series of the store; how they are read is known, and what is stated about it is refused."""
    from peak_trade.app.stores import store_place
    from peak_trade.data.load import load

    data = found.values.data

    def is_stated(key: str) -> bool:
        return found.explain(f"data.{key}").layer != "default"

    return load(
        source,
        interval=interval,
        stamp=data.stamp,
        timezone=data.timezone if found.explain("data.timezone").layer.startswith("--") else None,
        calendar=data.calendar,
        lot=data.lot if is_stated("lot") else None,
        tick=data.tick if is_stated("tick") else None,
        columns=parse_settings(columns.split(",")) if columns else None,
        version=version,
        store=store_place(found),
    )


def load_detail(
    source: str | None,
    found: Configuration[Settings],
    bars: "Bars",
    *,
    columns: str | None,
    interval: str | None = None,
) -> "Bars | None":
    """Load the finer bars that ``--detail`` names, read as ``--data`` but for their interval.

    Those of a single instrument are called as it is. Of stored ones ``--detail-interval`` says
    which, where there are several.
    """
    if source is None:
        return None
    from peak_trade.data.load import load
    from peak_trade.data.stored import names_store

    if names_store(source):
        return _load_stored(source, found, interval, None, columns=None)

    is_builtin = source.startswith("builtin:")
    data = DataSection() if is_builtin else found.values.data
    is_default_zone = found.explain("data.timezone").layer == "default"
    return load(
        source,
        stamp=data.stamp,
        timezone=None if is_default_zone or is_builtin else data.timezone,
        calendar=found.values.data.calendar,
        columns=parse_settings(columns.split(",")) if columns and not is_builtin else None,
        symbol=None if is_builtin else _only(bars),
    )


def load_actions(
    source: str | None, found: Configuration[Settings], bars: "Bars"
) -> "Actions | None":
    """Read the dividends, splits, delistings and funding rates of the file that is named."""
    if source is None:
        return None
    from peak_trade.data.actions import load_actions

    is_default_zone = found.explain("data.timezone").layer == "default"
    zone = None if is_default_zone else found.values.data.timezone
    from peak_trade.data.stored import names_store

    if names_store(source):
        from peak_trade.app.stores import store_place

        found_actions = load_actions(source, store=store_place(found))
        return found_actions.for_symbols(*bars.symbols)
    found_actions = load_actions(source, symbol=_only(bars), timezone=zone)
    return found_actions.for_symbols(*bars.symbols)  # a file may list those of a whole market


def signals_of(view: str | None, bars: "Bars", actions: "Actions | None") -> "Bars | None":
    """Adjust bars as the strategy is to read them.

    Raises
    ------
    InputError
        A view without actions to adjust by.
    """
    if view is None:
        return None
    if actions is None:
        raise InputError(
            f"--signals {view} is given without --actions",
            hint="name the file of splits and dividends",
        )
    from peak_trade.data.adjust import adjusted

    return adjusted(bars, actions.within(bars), view="split" if view == "split" else "total_return")


def _only(bars: "Bars") -> str | None:
    return bars.symbols[0] if len(bars.symbols) == 1 else None


def in_folder(path: Path | None, folder: str) -> Path | None:
    """Place a report's path below ``report.folder``."""
    return None if path is None else Path(folder) / path


def grid_for_research(grid: Mapping[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    """Translate configuration keys of a grid into those of :func:`peak_trade.research.sweep.sweep`.

    Names without a dot are parameters of the strategy. Commission and slippage are basis points
    here and fractions there.

    Raises
    ------
    InputError
        A key that cannot be swept, or one key by two names.
    """
    found: dict[str, tuple[object, ...]] = {}
    for name, values in grid.items():
        key = _key_of(name)
        if key in found:
            raise InputError(f"grid {name} stands there by two names", hint="give it once")
        found[key] = _values_of(name, values)
    return found


def _key_of(name: str) -> str:
    """What research calls a configuration key."""
    from peak_trade.research.sweep import TERM_KEYS

    if "." not in name:
        return name
    called = {_called(key): key for key in TERM_KEYS}
    if name in called:
        return called[name]
    if name in TERM_KEYS and name not in _BASIS_POINTS.values():
        return name
    close = did_you_mean(name, called)
    hint = f"{close} " if close.startswith("did") else ""
    raise InputError(
        f"{name} cannot be swept",
        hint=f"{hint}sweep parameters of the strategy (fast=...), numbers of costs, exits and "
        "limits (exits.trailing=...), backtest.commission or backtest.slippage (basis points)",
    )


def _called(key: str) -> str:
    """What configuration calls a key of research."""
    section, _, name = key.partition(".")
    if name in BacktestSection.model_fields:
        return f"backtest.{name}"
    return f"risk.backtest.{name}" if section == "limits" else key


def _values_of(name: str, values: tuple[object, ...]) -> tuple[object, ...]:
    if "." not in name:
        return values
    numbers = tuple(
        value for value in values if is_number(value) and isinstance(value, int | float)
    )
    if len(numbers) < len(values):
        raise InputError(
            f"grid {name} holds what is no number", hint="give numbers, such as 0:20:5"
        )
    return tuple(value / BASIS_POINT for value in numbers) if name in _BASIS_POINTS else numbers
