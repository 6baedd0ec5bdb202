"""`peak config`: every setting, its value, the layer that set it and what it means."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json, print_table

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings

Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A configuration key. Repeatable."),
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="Such as backtest.cash.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file.")]


def show(
    pairs: Pairs = None, config: options.ConfigFile = None, json: options.Json = False
) -> None:
    """Show every setting with its value and its layer."""
    settings = _configured(pairs, config).settings
    if json:
        print_json({"settings": [setting.to_dict() for setting in settings.values()]})
        return
    print_table(
        ("key", "value", "layer"),
        [(item.key, shown(item.value), item.layer) for item in settings.values()],
        words={0, 2},
    )


def explain(
    key: Key,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Explain one setting: value, layer, default, range and meaning."""
    setting = _configured(pairs, config).explain(key)
    if json:
        print_json(setting.to_dict())
        return
    print_facts(
        {
            "key": setting.key,
            "value": shown(setting.value),
            "layer": setting.layer,
            "default": shown(setting.default),
            "expected": setting.expected,
            "meaning": setting.description,
        }
    )


def check(file: File, json: options.Json = False) -> None:
    """Check one file; exit code 2 where a key or a value is not valid."""
    from peak_trade.app.config import file_of
    from peak_trade.app.settings import Settings

    keys = [item.key for item in file_of(Settings, file, Path())]
    if json:
        print_json({"file": str(file), "valid": True, "keys": keys})
        return
    print(f"{file} is valid: {len(keys)} {'key' if len(keys) == 1 else 'keys'}.")


def _configured(pairs: list[str] | None, file: Path | None) -> "Configuration[Settings]":
    from peak_trade.app import request
    from peak_trade.app.wiring import parse_settings

    return request.configured({}, parse_settings(pairs or []), file)


def shown(value: object) -> str:
    """Write a value as a TOML file would, ``unset`` for none.

    Examples
    --------
    >>> shown(True), shown(None), shown("scale"), shown(100000.0)
    ('true', 'unset', 'scale', '100000')
    >>> shown(((0.0, 0.1), (60.0, 0.02)))
    '[[0, 0.1], [60, 0.02]]'
    """
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        parts = (f'"{item}"' if isinstance(item, str) else shown(item) for item in value)
        return f"[{', '.join(parts)}]"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
