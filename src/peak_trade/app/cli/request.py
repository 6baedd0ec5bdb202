"""What a command was asked for: settings from its options, bars, a strategy."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.app.cli.options import KEYS
from peak_trade.app.config import Assignment, Configuration, configure
from peak_trade.app.settings import BacktestSection, DataSection, Settings
from peak_trade.app.wiring import parse_settings
from peak_trade.domain.errors import InputError

if TYPE_CHECKING:
    from peak_trade.domain.bars import Bars
    from peak_trade.domain.terms import Costs, Exits

BASIS_POINT = 10_000


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
        if given.get(name) is not None:
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
) -> "Bars":
    """Load what ``--data`` and its companions name.

    How a built-in series is to be read is known: of ``interval``, ``stamp`` and ``timezone`` it is
    handed those alone that the command line states, which it refuses.
    """
    from peak_trade.data.load import load

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
    return bars.select(*symbols) if symbols and not names_one else bars


def costs(account: BacktestSection) -> "Costs":
    """Costs of fills as fractions; the settings hold basis points."""
    from peak_trade.domain.terms import Costs

    return Costs(
        commission=account.commission / BASIS_POINT, slippage=account.slippage / BASIS_POINT
    )


def exits(account: BacktestSection) -> "Exits":
    """Protective exits of the settings."""
    from peak_trade.domain.terms import Exits

    return Exits(
        stop_loss=account.stop_loss, take_profit=account.take_profit, reentry=account.reentry
    )


def in_folder(path: Path | None, folder: str) -> Path | None:
    """Place a report's path below ``report.folder``."""
    return None if path is None else Path(folder) / path


def grid_for_research(grid: Mapping[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    """Translate configuration keys of a grid into those of :func:`peak_trade.research.sweep.sweep`.

    Names without a dot are parameters of the strategy. Costs are basis points here and fractions
    there.

    Raises
    ------
    InputError
        A key that cannot be swept.
    """
    return dict(_axis(name, values) for name, values in grid.items())


def _axis(name: str, values: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    section, _, key = name.rpartition(".")
    if not section:
        return name, values
    if section == "backtest" and key in ("commission", "slippage"):
        numbers = [value for value in values if isinstance(value, int | float)]
        if len(numbers) < len(values):
            raise InputError(f"grid {name} holds text", hint="give basis points, such as 0:20:5")
        return f"costs.{key}", tuple(value / BASIS_POINT for value in numbers)
    if section in ("backtest", "exits") and key in ("stop_loss", "take_profit"):
        return f"exits.{key}", values
    raise InputError(
        f"{name} cannot be swept",
        hint="sweep parameters of the strategy (fast=...), backtest.stop_loss, "
        "backtest.take_profit, backtest.commission or backtest.slippage (basis points)",
    )
