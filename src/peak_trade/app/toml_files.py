"""TOML files, read with the line of every key at hand for error messages."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peak_trade.domain.errors import ConfigError

_HEADER = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]+\s*(?:#.*)?$")
_ENTRY = re.compile(r"\s*([\w\"'.\- ]+?)\s*=")


@dataclass(frozen=True, slots=True)
class TomlFile:
    r"""A parsed file and its text.

    Examples
    --------
    >>> TomlFile({"data": {"lot": 1}}, "[data]\nlot = 1\n").line_of(["data", "lot"])
    2
    """

    table: dict[str, Any]
    text: str

    def line_of(self, keys: Sequence[str]) -> int | None:
        """The line of a key, counted from 1; None where it cannot be told.

        The parser does not keep lines, so that they are found again by section and name.
        """
        section: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), start=1):
            header = _HEADER.match(line)
            if header:
                section = _parts(header[1])
                if section == tuple(keys):
                    return number
                continue
            entry = _ENTRY.match(line)
            full = (*section, *_parts(entry[1])) if entry else ()
            if full and full == tuple(keys)[: len(full)]:
                return number
        return None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def read_toml(path: Path, shown: str) -> TomlFile:
    """Read a file; ``shown`` is how messages call it.

    Raises
    ------
    ConfigError
        The file is missing, unreadable, not UTF-8 or not TOML; the last with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{shown} is not UTF-8 text (byte {error.start})", hint="save it as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{shown} cannot be read: {error.strerror}", hint="check its path and permissions"
        ) from None
    try:
        return TomlFile(tomllib.loads(text), text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), shown, text) from None


def _syntax_error(message: str, shown: str, text: str) -> ConfigError:
    found = re.search(r"\(at line (\d+), column (\d+)\)|\(at end of document\)", message)
    line = int(found[1]) if found and found[1] else len(text.splitlines())
    reason = message[: found.start()].strip() if found else message
    return ConfigError(
        f"{shown}:{line} is not valid TOML: {reason}",
        hint='write key = value, with text in quotes: level = "info"',
        file=shown,
        line=line,
    )
