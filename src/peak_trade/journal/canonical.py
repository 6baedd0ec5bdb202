"""One text for one value, and one digest for one result, in every process and on every machine."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from enum import Enum

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record
from peak_trade.domain.strategy import HasTargets, parameter_values

RESULT_FORMAT = "peak-trade result 1"
_encoded = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_ATOMS = frozenset((str, int, bool, type(None)))  # as they are; the others take longer to tell
_FILLS = ("row", "time", "instrument", "lots", "price", "fee", "reason", "cash")


def plain(value: object) -> object:
    """A value as JSON has it, whatever it is; nothing of it depends on the process.

    Frozen values become ``{"type": name, field: ...}``, strategies their parameters, arrays and
    what has a ``fingerprint`` that digest, numbers that are not finite ``"nan"``, ``"inf"`` or
    ``"-inf"``, and what is none of these the name of its type.

    Examples
    --------
    >>> from peak_trade.domain.limits import Margin
    >>> plain({"margin": Margin(), "roi": (1, math.inf)})["roi"]
    [1, 'inf']
    >>> plain(Margin())["type"], plain(Margin())["max_leverage"]
    ('Margin', 2.0)
    """
    if type(value) in _ATOMS:
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=canonical_json)
    return _plain_object(value)


def _plain_object(value: object) -> object:
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    if isinstance(value, type):
        return name
    fingerprint = getattr(value, "fingerprint", None)
    if isinstance(fingerprint, str):
        return {"type": name, "fingerprint": fingerprint}
    if isinstance(value, np.ndarray):
        digest = hashlib.blake2b(digest_size=16)
        _update(digest, "array", value)
        return {"type": name, "fingerprint": digest.hexdigest()}
    if dataclasses.is_dataclass(value):
        fields = (item.name for item in dataclasses.fields(value) if item.init)
        return {"type": name, **{key: plain(getattr(value, key)) for key in fields}}
    if isinstance(value, HasTargets):
        return {"type": name, **{key: plain(v) for key, v in parameter_values(value).items()}}
    return {"type": name}


def canonical_json(value: object) -> str:
    """The one JSON text of a value: keys sorted, no spaces, shortest decimals, no NaN.

    Examples
    --------
    >>> canonical_json({"b": (1, 0.1), "a": None})
    '{"a":null,"b":[1,0.1]}'
    """
    return _encoded(plain(value))


def parsed_json(text: str) -> object:
    """The plain value of a JSON text."""
    found: object = json.loads(text)
    return found


def digest_of(value: object) -> str:
    """32 hexadecimal digits of the canonical JSON of a value (BLAKE2b).

    Examples
    --------
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.blake2b(canonical_json(value).encode(), digest_size=16).hexdigest()


def result_digest(record: Record) -> str:
    """32 hexadecimal digits of what a run traded and was worth; equal results have equal digests.

    BLAKE2b (16 bytes) of the line ``peak-trade result 1``, and then of each of these arrays its
    name, its type and its shape as one line, and its bytes in C order, little-endian: ``time``
    (close stamps of the traded rows), ``equity``, ``held``, ``lots`` (positions at the end), and
    of the fills ``row``, ``time``, ``instrument``, ``lots``, ``price``, ``fee``, ``reason`` and
    ``cash``. The engine is no part of it: the fast path and the Session give the same digest.

    Parameters
    ----------
    record : Record
        A run over bars; rows count from its anchor.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{RESULT_FORMAT}\n".encode())
    for name, array in _arrays(record):
        _update(digest, name, array)
    return digest.hexdigest()


def table_digest(grid: Mapping[str, object], columns: Mapping[str, npt.ArrayLike]) -> str:
    """32 hexadecimal digits of a sweep: its grid as canonical JSON on a line, then its columns.

    The columns are taken as :func:`result_digest` takes its arrays, in the order given.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{RESULT_FORMAT}\n{canonical_json(grid)}\n".encode())
    for name in columns:
        _update(digest, name, np.asarray(columns[name]))
    return digest.hexdigest()


def _arrays(record: Record) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    yield "time", record.time
    yield "equity", record.equity
    yield "held", record.held
    yield "lots", record.lots
    for name in _FILLS:
        yield f"fills.{name}", getattr(record.fills, name)


def _update(digest: hashlib.blake2b, name: str, array: npt.NDArray[np.generic]) -> None:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    shape = "x".join(str(size) for size in array.shape)
    digest.update(f"{name} {little.dtype.str} {shape}\n".encode())
    digest.update(little.tobytes())
