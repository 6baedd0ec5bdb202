"""The limits of an account as values: every one is there, and a narrower scope may only tighten them."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from peak_trade.domain.checks import is_number
from peak_trade.domain.errors import RiskError, did_you_mean
from peak_trade.domain.limits import Limits
from peak_trade.domain.order import strategies_of
from peak_trade.journal.canonical import canonical_json, plain

NEVER = 1e9
"""A share of volume from which on an order is not compared with volume at all."""

WIDE = 1e15
"""An amount that no order comes near."""


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Every limit that one order is measured by; none has a default, so none can be forgotten.

    Fractions are of equity unless said otherwise: 0.01 is 1 %. Amounts are in the account's currency.

    Parameters
    ----------
    max_quantity : float
        Largest quantity of one order, in units of the instrument.
    max_order : float
        Largest value of one order.
    max_participation : float
        Largest order as a fraction of the last bar's volume; 1e9 and more never binds.
    max_volume_share : float
        Largest order as a fraction of the average daily volume; 1e9 and more never binds.
    max_batch : float
        Largest value of the orders that are handed in together, those that only reduce left out.
    max_position : float
        Largest absolute position of one instrument, as a fraction of equity.
    max_position_value : float
        Largest absolute position of one instrument, as an amount.
    max_gross, max_net : float
        Largest sum of absolute positions, and largest absolute sum of positions.
    max_concentration : float
        Largest sum of the absolute positions in one underlying, such as BTC/USD with BTC/EUR.
    max_leverage : float
        Largest sum of absolute positions over the lower of equity and yesterday's equity.
    max_borrowed : float
        What may be bought beyond one's own money; 0 buys with nothing borrowed.
    max_daily_loss : float
        Loss since the last close of the day before, as a fraction of equity there; 1 and more never
        binds.
    max_realised_loss : float
        Loss that the day's closed trades have made, as a fraction of the same; 1 and more never binds.
    max_drawdown : float
        Drawdown from the highest equity; 1 and more never binds.
    collar_mid, collar_close : float
        How much worse than the middle of the best prices, and than the last good close, an order may
        trade, as a fraction of each.
    market_reach : float
        How far beyond the middle a market order is taken to reach, when it is looked at whether it
        would trade with an order of one's own; a fraction of the middle.
    max_data_age_s, max_data_age_bars : float
        Oldest data that an order may rest on: so many seconds or so many bars, whichever is longer.
    max_clock_skew_s : float
        Largest difference between the venue's clock and ours, in seconds.
    duplicate_window_s : float
        How long an order with the same symbol, side, quantity and price counts as a second one of the
        same, in seconds.
    max_messages_per_s : int
        Most orders in one second.
    max_repeats : int
        Most orders of one strategy with the same symbol, side and quantity within
        ``repeat_window_s``.
    repeat_window_s : float
        The time that ``max_repeats`` is counted over, in seconds.

    Raises
    ------
    RiskError
        A limit that is no finite number, or out of its range.

    Examples
    --------
    >>> RiskLimits.wide().max_order
    1000000000000000.0
    >>> replace(RiskLimits.wide(), max_order=-1.0)
    Traceback (most recent call last):
    peak_trade.domain.errors.RiskError: max_order -1.0 is not valid: a number above 0 expected; ...
    """

    max_quantity: float
    max_order: float
    max_participation: float
    max_volume_share: float
    max_batch: float
    max_position: float
    max_position_value: float
    max_gross: float
    max_net: float
    max_concentration: float
    max_leverage: float
    max_borrowed: float
    max_daily_loss: float
    max_realised_loss: float
    max_drawdown: float
    collar_mid: float
    collar_close: float
    market_reach: float
    max_data_age_s: float
    max_data_age_bars: float
    max_clock_skew_s: float
    duplicate_window_s: float
    max_messages_per_s: int
    max_repeats: int
    repeat_window_s: float

    def __post_init__(self) -> None:
        for name in NAMES:
            object.__setattr__(self, name, _checked(name, getattr(self, name)))

    @classmethod
    def wide(cls) -> "RiskLimits":
        """Limits of which none binds; ``dataclasses.replace`` changes some."""
        return cls(**_WIDE)  # type: ignore[arg-type]  # counts are checked on the way

    @classmethod
    def of_backtest(cls, limits: Limits) -> "RiskLimits":
        """The limits of a backtest's account; whatever it does not know is wide."""
        names = {item.name for item in fields(Limits)} - {"flatten"}
        return replace(cls.wide(), **{name: getattr(limits, name) for name in sorted(names)})

    def to_backtest(self, *, flatten: bool = False) -> Limits:
        """Those of its limits that a backtest knows."""
        names = [item.name for item in fields(Limits) if item.name != "flatten"]
        return Limits(**{name: getattr(self, name) for name in names}, flatten=flatten)

    def tightened(self, by: Mapping[str, float]) -> "RiskLimits":
        """The tighter of these limits and those given by name."""
        return replace(
            self,
            **{  # type: ignore[arg-type]  # counts are checked on the way
                name: value
                for name, value in by.items()
                if is_tighter(name, value, getattr(self, name))
            },
        )


NAMES = tuple(RiskLimits.__dataclass_fields__)
"""Every limit, in the order in which they are checked."""

COUNTS = frozenset(("max_messages_per_s", "max_repeats"))
"""Limits that are whole numbers."""

MAY_BE_ZERO = frozenset(
    ("max_borrowed", "market_reach", "max_data_age_bars", "max_clock_skew_s", "duplicate_window_s")
)
"""Limits that may be 0; the others are above it."""

GROWING = frozenset(("duplicate_window_s", "repeat_window_s", "market_reach"))
"""Limits that are tighter the larger they are."""

OF_ACCOUNT = frozenset(("max_messages_per_s", "max_clock_skew_s", "max_batch"))
"""Limits that no narrower scope can have: they are no matter of one strategy or symbol."""

_WIDE: dict[str, float] = {
    **dict.fromkeys(NAMES, WIDE),
    **dict.fromkeys(("max_participation", "max_volume_share"), NEVER),
    **dict.fromkeys(
        ("max_position", "max_gross", "max_net", "max_concentration", "max_leverage"), 1e6
    ),
    **dict.fromkeys(("max_daily_loss", "max_realised_loss", "max_drawdown"), 1.0),
    "max_borrowed": 1e6,
    "market_reach": 0.0,
    "duplicate_window_s": 0.0,
    "max_messages_per_s": 1_000_000,
    "max_repeats": 1_000_000,
    "repeat_window_s": 1e-9,
}

_LARGEST_COUNT = 1_000_000


def _checked(name: str, value: object) -> float:
    is_count = name in COUNTS
    expected = "a number of at least 0" if name in MAY_BE_ZERO else "a number above 0"
    if is_count:
        expected = f"a whole number from 1 to {_LARGEST_COUNT}"
    if is_number(value) and math.isfinite(value):  # type: ignore[arg-type]
        number = float(value)  # type: ignore[arg-type]
        if is_count and number == int(number) and 1 <= number <= _LARGEST_COUNT:
            return int(number)
        if not is_count and (number > 0 or (number == 0 and name in MAY_BE_ZERO)):
            return number
    raise RiskError(
        f"{name} {value!r} is not valid: {expected} expected",
        hint="peak risk limits says what each limit means",
        limit=name,
    )


def is_tighter(name: str, value: float, than: float) -> bool:
    """Whether one value of a limit lets less through than another.

    Examples
    --------
    >>> is_tighter("max_order", 10.0, 20.0), is_tighter("duplicate_window_s", 10.0, 20.0)
    (True, False)
    """
    return value > than if name in GROWING else value < than


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Accounts that share one exposure: the name they reserve it under, and the most it may be.

    ``max_exposure`` is an amount in the accounts' currency.
    """

    name: str
    max_exposure: float

    def __post_init__(self) -> None:
        if not str(self.name).strip():
            raise RiskError(
                f"portfolio name {self.name!r} is not valid: a text expected",
                hint="accounts that share a limit name the same portfolio",
            )
        if not (is_number(self.max_exposure) and 0 < self.max_exposure < math.inf):
            raise RiskError(
                f"max_exposure {self.max_exposure!r} is not valid: a number above 0 expected",
                hint="it is an amount in the accounts' currency",
            )


@dataclass(frozen=True, slots=True)
class InForce:
    """The limits that one strategy's orders of one symbol are measured by, and whose each one is."""

    limits: RiskLimits
    scopes: Mapping[str, str]

    def scope_of(self, name: str) -> str:
        """Whose limit it is: ``account``, ``strategy:NAME`` or ``symbol:NAME``."""
        return self.scopes.get(name, "account")


@dataclass(frozen=True, slots=True)
class ScopedLimits:
    """The limits of one environment: the account's, and what strategies and symbols tighten.

    A scope's limit that is looser than the account's is an error: it would read as if it allowed
    more, and could not. Where strategy and symbol both name a limit the tighter one holds.

    Parameters
    ----------
    account : RiskLimits
        What holds for every order.
    strategies, symbols : mapping of str to (mapping of str to float)
        By name, the limits that are tighter there.
    portfolio : Portfolio
        What accounts share.
    source : str
        Where they were read, for messages.

    Raises
    ------
    RiskError
        A limit that is not known, out of range, not one of a narrower scope, or looser than the
        account's.

    Examples
    --------
    >>> wide = replace(RiskLimits.wide(), max_order=1000.0)
    >>> scoped = ScopedLimits(wide, symbols={"BTC/USD": {"max_order": 100.0}})
    >>> scoped.of("trend", "BTC/USD").limits.max_order, scoped.of("trend", "X").limits.max_order
    (100.0, 1000.0)
    """

    account: RiskLimits
    strategies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    symbols: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    portfolio: Portfolio = Portfolio("default", WIDE)
    source: str = ""

    def __post_init__(self) -> None:
        for kind, scopes in (("strategy", self.strategies), ("symbol", self.symbols)):
            for name, given in scopes.items():
                for limit, value in given.items():
                    self._check(f"{kind}:{name}", limit, value)

    def _check(self, scope: str, limit: str, value: float) -> None:
        if limit not in NAMES:
            raise RiskError(
                f"limit {limit!r} of {scope} is not known", hint=did_you_mean(limit, NAMES)
            )
        if limit in OF_ACCOUNT:
            raise RiskError(
                f"{limit} of {scope} is not possible: it is a limit of the account alone",
                hint=f"set {limit} at the top of the file",
                limit=limit,
            )
        try:
            number = _checked(limit, value)
        except RiskError as error:
            raise RiskError(f"{scope}: {error.message}", error.hint, limit=limit) from None
        own = getattr(self.account, limit)
        if is_tighter(limit, own, number):
            raise RiskError(
                f"{limit} {number:g} of {scope} is looser than the account's {own:g}",
                hint="a scope may only tighten; loosen the account's limit or leave this one out",
                limit=limit,
            )

    def of(self, strategy: str, symbol: str) -> InForce:
        """The limits in force for a strategy's orders of a symbol."""
        limits, scopes = self.account, {}
        places = [
            (f"strategy:{name}", self.strategies.get(name, {})) for name in strategies_of(strategy)
        ]
        for scope, given in (*places, (f"symbol:{symbol}", self.symbols.get(symbol, {}))):
            for name, value in given.items():
                if is_tighter(name, value, getattr(limits, name)):
                    scopes[name] = scope
            limits = limits.tightened(given)
        return InForce(limits, scopes)

    def to_plain(self) -> dict[str, object]:
        """The limits as plain values, which ``limit_tables.limits_of`` reads again."""
        return {
            "account": {name: getattr(self.account, name) for name in NAMES},
            "strategy": {name: dict(given) for name, given in self.strategies.items()},
            "symbol": {name: dict(given) for name, given in self.symbols.items()},
            "portfolio": {
                "name": self.portfolio.name,
                "max_exposure": self.portfolio.max_exposure,
            },
        }

    @property
    def fingerprint(self) -> str:
        """A digest of every limit and scope; the place they were read from does not count."""
        value = plain((self.account, self.strategies, self.symbols, self.portfolio))
        return hashlib.blake2b(canonical_json(value).encode(), digest_size=16).hexdigest()
