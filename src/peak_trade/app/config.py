"""Configuration in layers: defaults, files, environment, command line; merged and checked once."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from peak_trade.app.toml_files import read_toml
from peak_trade.app.values import Expected
from peak_trade.domain.errors import ConfigError, did_you_mean

PREFIX = "PEAK__"
MASK = "**********"
_NULL = ("", "none", "null")

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One key and the value that one layer gives it.

    ``layer`` is a file's path, an environment variable or an option; ``line`` counts from 1.
    Where ``is_text`` (the environment, ``--set``) the value is read by the type of its key.
    """

    key: str
    value: object
    layer: str
    line: int | None = None
    is_text: bool = False

    @property
    def where(self) -> str:
        """The layer, with the line where it is known."""
        return f"{self.layer}:{self.line}" if self.line else self.layer


@dataclass(frozen=True, slots=True)
class Setting:
    """One key in force: its value, the layer that set it, and what it means.

    ``value`` and ``default`` are masked where the key is a secret.
    """

    key: str
    value: object
    layer: str
    default: object
    expected: str
    description: str

    def to_dict(self) -> dict[str, object]:
        """The setting as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Configuration(Generic[M]):
    """Frozen settings, and where each of them came from.

    Parameters
    ----------
    values : pydantic model
        The settings, to be handed down.
    settings : mapping of str to Setting
        Every key, in the order of the model.
    """

    values: M
    settings: Mapping[str, Setting]

    def explain(self, key: str) -> Setting:
        """Value, layer and meaning of ``key``; raises ConfigError where there is no such key."""
        if key not in self.settings:
            raise _unknown(key, list(self.settings), "")
        return self.settings[key]


def configure(
    kind: type[M],
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[Assignment] = (),
    extra_file: Path | None = None,
) -> Configuration[M]:
    """Merge all layers over the defaults of ``kind`` and validate the result once.

    The layers, later ones over earlier ones: the defaults of ``kind``; ``peak.toml`` of
    ``folder``, then its ``config/**/*.toml`` in the order of their paths, then ``extra_file``;
    variables such as ``PEAK__RISK__MAX_WEIGHT`` of ``environ`` (the process's where left out);
    ``overrides``, which are the options of the command line.

    Raises
    ------
    ConfigError
        An unknown key, a value of the wrong type or out of its range, or a file that is no TOML,
        with the layer, and for files the line.

    Examples
    --------
    >>> from peak_trade.app.settings import Settings
    >>> cash = Assignment("backtest.cash", "5000", "--set", is_text=True)
    >>> found = configure(Settings, Path("no/such/folder"), environ={}, overrides=[cash])
    >>> found.values.backtest.cash, found.explain("backtest.cash").layer
    (5000.0, '--set')
    """
    layers = (
        *files_of(kind, folder, extra_file),
        *_environment(os.environ if environ is None else environ),
        *overrides,
    )
    fields = _leaves(kind)
    given: dict[str, Assignment] = {}
    values: dict[str, object] = {}
    for item in layers:
        values[item.key] = _checked(item, fields)
        given[item.key] = item
    model = kind.model_validate(_nested(values))
    return Configuration(model, MappingProxyType(_settings(model, fields, given)))


def files_of(kind: type[BaseModel], folder: Path, extra_file: Path | None) -> list[Assignment]:
    """Every key that the files of ``folder``, and ``extra_file``, give."""
    paths = [folder / "peak.toml", *sorted((folder / "config").rglob("*.toml"))]
    found = [item for path in paths if path.is_file() for item in file_of(kind, path, folder)]
    return found + (file_of(kind, extra_file, folder) if extra_file else [])


def file_of(kind: type[BaseModel], path: Path, folder: Path) -> list[Assignment]:
    """Check one file by itself and give its keys; ``config/a/b.toml`` is section a.b.

    Raises
    ------
    ConfigError
        As :func:`configure`.
    """
    shown = _relative(path, folder)
    below = Path(shown).parts
    section = (*below[1:-1], Path(below[-1]).stem) if below[0] == "config" else ()
    document = read_toml(path, shown)
    table: dict[str, Any] = document.table
    for name in reversed(section):
        table = {name: table}
    skip = len(section)
    fields = _leaves(kind)
    found = [
        Assignment(".".join(keys), value, shown, document.line_of(keys[skip:]))
        for keys, value in _walk(table, (), fields)
    ]
    for item in found:
        _checked(item, fields)
    return found


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return str(path)


def _walk(
    table: Mapping[str, Any], above: tuple[str, ...], fields: Mapping[str, FieldInfo]
) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in table.items():
        keys = (*above, name)
        key = ".".join(keys)
        is_section = any(other.startswith(key + ".") for other in fields)
        if isinstance(value, dict) and is_section:
            yield from _walk(value, keys, fields)
        else:
            yield keys, value


def _environment(environ: Mapping[str, str]) -> Iterator[Assignment]:
    for name in sorted(environ):
        if name.upper().startswith(PREFIX):
            key = name[len(PREFIX) :].lower().replace("__", ".")
            yield Assignment(key, environ[name], name, is_text=True)


def _leaves(kind: type[BaseModel], above: str = "") -> dict[str, FieldInfo]:
    found: dict[str, FieldInfo] = {}
    for name, info in kind.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            found |= _leaves(info.annotation, f"{above}{name}.")
        else:
            found[above + name] = info
    return found


def _checked(item: Assignment, fields: Mapping[str, FieldInfo]) -> object:
    if item.key not in fields:
        raise _unknown(item.key, list(fields), item.where)
    info = fields[item.key]
    value = item.value
    if item.is_text and str(value).strip().lower() in _NULL and type(None) in _members(info):
        value = None
    adapter: TypeAdapter[Any] = TypeAdapter(
        info.rebuild_annotation(), config=ConfigDict(allow_inf_nan=False)
    )
    try:
        return adapter.validate_python(value, strict=not (item.is_text or _is_secret(info)))
    except ValidationError as error:
        raise _refused(item, info, error) from None


def _unknown(key: str, known: Sequence[str], where: str) -> ConfigError:
    source = f" of {where}" if where else ""
    inside = [other for other in known if other.startswith(key + ".")]
    if inside:
        names = ", ".join(other.rpartition(".")[2] for other in inside)
        return ConfigError(
            f"{key!r}{source} is a section, not a key",
            hint=f"name one of its keys: {names}",
            key=key,
        )
    return ConfigError(
        f"configuration key {key!r}{source} is not known",
        hint=_closest(key, known),
        key=key,
        layer=where,
    )


def _closest(key: str, known: Sequence[str]) -> str:
    section, _, name = key.rpartition(".")
    siblings = [other for other in known if section and other.startswith(section + ".")]
    elsewhere = [other for other in known if other.rpartition(".")[2] == name]
    if siblings:
        return did_you_mean(key, siblings)
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere)}?"
    return did_you_mean(key.partition(".")[0], {other.partition(".")[0] for other in known})


def _refused(item: Assignment, info: FieldInfo, error: ValidationError) -> ConfigError:
    problem = error.errors()[0]
    shown = MASK if _is_secret(info) else repr(item.value)
    if item.is_text and not _is_secret(info):
        shown = str(item.value) or "''"
    expected = _expected(info)
    reason = f"{expected} expected"
    if problem["type"] == "value_error":
        reason = str(problem.get("ctx", {}).get("error", problem["msg"]))
    if isinstance(item.value, Mapping):
        shown = "(a table)"
    if isinstance(item.value, list) and any(isinstance(row, Mapping) for row in item.value):
        shown = "(tables)"  # they may hold what must not be shown
    choices = [str(choice) for choice in _choices(info)]
    meaning = f"{item.key}: {info.description}" if info.description else ""
    hint = did_you_mean(str(item.value), choices) if choices else meaning
    return ConfigError(
        f"{item.key} {shown} from {item.where} is not valid: {reason}",
        hint=hint,
        key=item.key,
        layer=item.where,
    )


def _members(info: FieldInfo) -> tuple[Any, ...]:
    annotation = info.annotation
    if annotation is None or get_origin(annotation) in (None, Literal):
        return (annotation,)
    return get_args(annotation)


def _choices(info: FieldInfo) -> tuple[Any, ...]:
    return get_args(info.annotation) if get_origin(info.annotation) is Literal else ()


def _is_secret(info: FieldInfo) -> bool:
    return SecretStr in _members(info)


def _expected(info: FieldInfo) -> str:
    """Say in words what a field takes: its type, its choices, its range."""
    for item in info.metadata:
        if isinstance(item, Expected):
            return item.words
    if _choices(info):
        return "one of " + ", ".join(str(choice) for choice in _choices(info))
    words = {float: "a number", int: "a whole number", bool: "true or false"}
    kind = next((words[part] for part in _members(info) if part in words), "text")
    return " ".join([kind, *_bounds(info.metadata)])


def _bounds(metadata: Iterable[object]) -> Iterator[str]:
    words = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}
    parts = [
        f"{word} {getattr(item, name):g}"
        for item in metadata
        for name, word in words.items()
        if isinstance(getattr(item, name, None), int | float)
    ]
    if parts:
        yield " and ".join(parts)


def _nested(values: Mapping[str, object]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        table = tree
        for section in sections:
            table = table.setdefault(section, {})
        table[name] = value
    return tree


def _settings(
    model: BaseModel, fields: Mapping[str, FieldInfo], given: Mapping[str, Assignment]
) -> dict[str, Setting]:
    return {
        key: Setting(
            key,
            _masked(_value_of(model, key)),
            given[key].where if key in given else "default",
            _masked(info.get_default(call_default_factory=True, validated_data={})),
            _expected(info),
            info.description or "",
        )
        for key, info in fields.items()
    }


def _value_of(model: BaseModel, key: str) -> object:
    value: object = model
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _masked(value: object) -> object:
    return MASK if isinstance(value, SecretStr) else value
