"""An instrument with its rules, from how ccxt describes a market."""

from collections.abc import Mapping

from peak_trade.adapters.ccxt_bridge import Market
from peak_trade.data.source import Listed
from peak_trade.domain.instrument import Instrument

DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4
_FINEST = 1e-8


def listed_of(market: Market, style: int) -> Listed:
    """Make an instrument with its rules of ccxt's description of a market.

    Prices of a venue that rounds to significant digits have no one tick: the finest that orders
    may need is given, 1e-8, and ``precision`` says so.

    Parameters
    ----------
    market : mapping
        As ccxt describes it.
    style : int
        How ccxt writes precisions of this venue: 2 decimals, 3 significant digits, 4 the step.

    Examples
    --------
    >>> listed = listed_of(
    ...     {
    ...         "symbol": "BTC/USD",
    ...         "id": "XXBTZUSD",
    ...         "base": "BTC",
    ...         "quote": "USD",
    ...         "active": True,
    ...         "precision": {"price": 0.1, "amount": 1e-08},
    ...         "taker": 0.004,
    ...         "maker": 0.0025,
    ...         "limits": {"amount": {"min": 0.00005}, "cost": {"min": 0.5}},
    ...     },
    ...     TICK_SIZE,
    ... )
    >>> listed.instrument.tick, listed.instrument.lot, listed.instrument.min_notional
    (0.1, 1e-08, 0.5)
    >>> listed.min_size, listed.taker_fee
    (5e-05, 0.004)
    """
    steps, limits = _map(market.get("precision")), _map(market.get("limits"))
    symbol = str(market["symbol"])
    instrument = Instrument(
        symbol,
        asset_class="crypto",
        base=str(market.get("base") or ""),
        quote=str(market.get("quote") or ""),
        tick=_step(steps.get("price"), style),
        lot=_step(steps.get("amount"), DECIMAL_PLACES if style == SIGNIFICANT_DIGITS else style),
        multiplier=_number(market.get("contractSize")) or 1.0,
        min_notional=_number(_map(limits.get("cost")).get("min")) or 0.0,
        calendar="24/7",
    )
    return Listed(
        symbol,
        str(market["id"]),
        instrument,
        is_active=market.get("active") is not False,
        min_size=_number(_map(limits.get("amount")).get("min")) or 0.0,
        maker_fee=_number(market.get("maker")),
        taker_fee=_number(market.get("taker")),
        precision={DECIMAL_PLACES: "decimals", SIGNIFICANT_DIGITS: "significant digits"}.get(
            style, "tick"
        ),
    )


def _step(value: object, style: int) -> float:
    number = _number(value)
    if number is None or style == SIGNIFICANT_DIGITS:
        return _FINEST
    step = float(f"1e{-round(number)}") if style == DECIMAL_PLACES else number
    return step if step > 0 else _FINEST


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float | str) else None


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
