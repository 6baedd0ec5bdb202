"""Limits and policies as tables of plain values: read from files, written to the journal."""

from collections.abc import Collection, Mapping
from typing import NoReturn

from peak_trade.domain.checks import is_number
from peak_trade.domain.errors import RiskError, did_you_mean
from peak_trade.risk.limits import NAMES, Portfolio, RiskLimits, ScopedLimits
from peak_trade.risk.policy import Hours, Policy

Table = Mapping[str, object]

ENVIRONMENTS = ("paper", "shadow", "testnet", "live")
"""Where limits and policies of a session can hold; a backtest has its own few."""

_TABLES = ("account", "portfolio", "strategy", "symbol")
_PORTFOLIO = ("name", "max_exposure")
_POLICY = ("strategies", "restricted", "hours", "promotion", "max_notional")


def limits_of(table: Table, source: str) -> ScopedLimits:
    """Read every limit from a table: ``account`` and ``portfolio`` whole, ``strategy``, ``symbol`` in part.

    Parameters
    ----------
    table : mapping
        ``account`` has every limit, ``portfolio`` its ``name`` and ``max_exposure``, and
        ``strategy`` and ``symbol`` have tables by name with what is tighter there.
    source : str
        Where it was read, for messages.

    Raises
    ------
    RiskError
        Anything missing, unknown, of the wrong type or out of its range; nothing is assumed.

    Examples
    --------
    >>> limits_of({"account": {"max_order": 100.0}}, "paper.toml")
    Traceback (most recent call last):
    peak_trade.domain.errors.RiskError: paper.toml has no table [portfolio]; ...
    >>> wide = ScopedLimits(RiskLimits.wide(), symbols={"X": {"max_order": 5.0}})
    >>> limits_of(wide.to_plain(), "journal").fingerprint == wide.fingerprint
    True
    """
    _check_names(table, _TABLES, (), source)
    account = _table(table, "account", source)
    portfolio = _table(table, "portfolio", source)
    _check_names(account, NAMES, NAMES, f"[account] of {source}")
    _check_names(portfolio, _PORTFOLIO, _PORTFOLIO, f"[portfolio] of {source}")
    try:
        return ScopedLimits(
            RiskLimits(**account),  # type: ignore[arg-type]  # it looks at what it is given
            strategies=_scopes(table, "strategy", source),
            symbols=_scopes(table, "symbol", source),
            portfolio=Portfolio(**portfolio),  # type: ignore[arg-type]
            source=source,
        )
    except RiskError as error:
        raise RiskError(f"{source}: {error.message}", error.hint, **error.fields) from None


def policy_of(table: Table, environment: str, source: str) -> Policy:
    """Read what the house allows in one environment; every key is there.

    ``strategies`` is a list of names or the text ``any``, ``restricted`` a list of symbols, ``hours``
    a list of texts such as ``mon-fri 13:30-20:00`` (UTC; empty: at any time), ``promotion`` a name
    or an empty text, ``max_notional`` an amount.

    Raises
    ------
    RiskError
        Anything missing, unknown, of the wrong type or out of its range.
    """
    where = source
    _check_names(table, _POLICY, _POLICY, where)
    listed = table["strategies"]
    promotion, most = table["promotion"], table["max_notional"]
    if not isinstance(promotion, str):
        _wrong(where, "promotion", promotion, "a text")
    if not is_number(most) or not 0 < most < float("inf"):  # type: ignore[operator]
        _wrong(where, "max_notional", most, "a number above 0")
    return Policy(
        strategies=None if listed == "any" else _texts(listed, where, "strategies"),
        restricted=frozenset(_texts(table["restricted"], where, "restricted")),
        hours=tuple(Hours.parse(text) for text in _texts(table["hours"], where, "hours")),
        promotions={environment: promotion} if promotion else {},
        max_notional=float(most),  # type: ignore[arg-type]
        source=source,
    )


def _table(table: Table, name: str, source: str) -> Table:
    if name not in table:
        raise RiskError(
            f"{source} has no table [{name}]",
            hint="peak risk show paper --example prints a whole file to begin with",
            table=name,
        )
    found = table[name]
    if not isinstance(found, Mapping):
        _wrong(source, name, found, "a table")
    return found


def _scopes(table: Table, kind: str, source: str) -> dict[str, dict[str, float]]:
    given = _table(table, kind, source) if kind in table else {}
    found: dict[str, dict[str, float]] = {}
    for name in given:
        scope = _table(given, name, f"[{kind}] of {source}")
        if not name or not scope:
            _wrong(source, f"{kind}.{name}", dict(scope), "at least one limit")
        for limit, value in scope.items():
            if not is_number(value):
                _wrong(f"[{kind}.{name}] of {source}", limit, value, "a number")
        found[name] = {limit: float(value) for limit, value in scope.items()}  # type: ignore[arg-type]
    return found


def _check_names(table: Table, known: Collection[str], needed: Collection[str], where: str) -> None:
    for name in table:
        if name not in known:
            raise RiskError(
                f"{name!r} of {where} is not known", hint=did_you_mean(str(name), known), key=name
            )
    missing = [name for name in needed if name not in table]
    if missing:
        raise RiskError(
            f"{', '.join(missing)} of {where} missing: every limit must be there",
            hint="peak risk limits says what each one means",
            missing=missing,
        )


def _texts(value: object, where: str, name: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(x, str) and x for x in value):
        _wrong(where, name, value, "a list of texts")
    return tuple(value)


def _wrong(where: str, name: str, value: object, expected: str) -> NoReturn:
    raise RiskError(
        f"{name} {value!r} of {where} is not valid: {expected} expected",
        hint="peak risk show paper --example prints a whole file to begin with",
        key=name,
    )
