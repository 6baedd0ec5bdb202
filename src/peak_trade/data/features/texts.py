"""Features as texts: ``rsi(period=14)``, ``rsi@1(period=14)``, ``macro(series='fred:CPI')``."""

import ast
import re
from dataclasses import dataclass

from peak_trade.domain.errors import ParameterError

_SHAPE = re.compile(r"\s*([A-Za-z_]\w*(?:\.\w+)*)(?:@(\d{1,9}))?\s*(?:\((.*)\))?\s*", re.DOTALL)
_HINT = "write it like rsi, rsi(period=14), rsi@1(period=14) or macro(series='fred:CPI')"
_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class FeatureText:
    """A feature as it is written: its name, its version (0: the newest) and its parameters.

    Examples
    --------
    >>> FeatureText.parse("rsi@1(period=14)")
    FeatureText(name='rsi', version=1, params={'period': 14})
    >>> FeatureText.parse("rsi(14)")
    Traceback (most recent call last):
    peak_trade.domain.errors.ParameterError: '14' of feature 'rsi(14)' has no name; write it like ...
    """

    name: str
    version: int
    params: dict[str, object]

    @classmethod
    def parse(cls, text: str) -> "FeatureText":
        """Read a text; values are numbers, True, False and quoted texts.

        Raises
        ------
        ParameterError
            Anything else.
        """
        match = _SHAPE.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None:
            raise ParameterError(f"{text[:200]!r} is no feature", hint=_HINT, found=text[:200])
        name, version, inside = match.groups()
        if version is not None and int(version) < 1:
            raise ParameterError(f"version {version} of feature {text!r} is below 1", hint=_HINT)
        return cls(name, int(version or 0), _params(text, inside or ""))


def _params(text: str, inside: str) -> dict[str, object]:
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ParameterError(f"feature {text!r} cannot be read", hint=_HINT) from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ParameterError(f"feature {text!r} cannot be read", hint=_HINT)
    for stray in call.args:
        raise ParameterError(f"{ast.unparse(stray)!r} of feature {text!r} has no name", hint=_HINT)
    found: dict[str, object] = {}
    for item in call.keywords:
        if item.arg is None or item.arg in found:
            fault = "is given twice" if item.arg else "is no parameter"
            raise ParameterError(f"{item.arg or '**'} of feature {text!r} {fault}", hint=_HINT)
        found[item.arg] = _value(text, item.arg, item.value)
    return found


def _value(text: str, name: str, node: ast.expr) -> object:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, bool | int | float | str):
        raise ParameterError(
            f"{name}={ast.unparse(node)} of feature {text!r} is no number, True, False or quoted text",
            hint=_HINT,
            field=name,
        )
    return value
