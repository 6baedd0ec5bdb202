"""From settings to the terms of a run: costs, exits, limits, margin, sizing."""

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

from peak_trade.app.wiring import parse_settings, parse_value
from peak_trade.domain.errors import ConfigError, ParameterError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peak_trade.app.settings import Settings
    from peak_trade.domain.costs import Fees
    from peak_trade.domain.sizer import Sizer
    from peak_trade.domain.terms import Costs, Exits, Limits, Margin, Terms

BASIS_POINT = 10_000


def terms_of(settings: "Settings") -> "Terms":
    """The account that a run trades, as the settings say it.

    Raises
    ------
    InputError
        Settings that contradict one another, or a fee schedule that cannot be read.

    Examples
    --------
    >>> from peak_trade.app.settings import Settings
    >>> terms_of(Settings()).are_plain
    True
    """
    from peak_trade.domain.matching import Matching
    from peak_trade.domain.terms import Terms

    account, sizing = settings.backtest, settings.sizing
    return Terms(
        cash=account.cash,
        costs=costs_of(settings),
        exits=exits_of(settings),
        cash_buffer=account.cash_buffer,
        min_change=account.min_change,
        shortfall=account.shortfall,
        limits=limits_of(settings),
        margin=margin_of(settings),
        rebalance=sizing.rebalance,
        band=sizing.band,
        sizer=sizer_of(sizing.sizer),
        currency=account.currency or "",
        matching=Matching(
            latency_ns=round(settings.matching.latency_ms * 1e6),
            touch=settings.matching.touch,
            max_fill_share=settings.matching.max_fill_share,
        ),
    )


def costs_of(settings: "Settings") -> "Costs":
    """Costs as fractions (commission and slippage are basis points in settings), fees read.

    Raises
    ------
    InputError
        A fee schedule that is not known or cannot be read, or a commission beside it.
    """
    from peak_trade.domain.terms import Costs

    account, costs = settings.backtest, settings.costs
    fees: tuple[Fees, ...] = ()
    if costs.fees is not None:
        from peak_trade.data.fees import venue_fees

        fees = venue_fees(costs.fees)
    return Costs(
        commission=account.commission / BASIS_POINT,
        slippage=account.slippage / BASIS_POINT,
        fees=fees,
        half_spread=costs.half_spread,
        volume_share=costs.volume_share,
        impact=costs.impact,
        impact_window=costs.impact_window,
        borrow=costs.borrow,
        interest=costs.interest,
    )


def exits_of(settings: "Settings") -> "Exits":
    """Protective exits; a stop-loss, a take-profit and the way in again are the account's.

    Raises
    ------
    ParameterError
        Exits that contradict one another.
    """
    from peak_trade.domain.terms import Exits

    account, exits = settings.backtest, settings.exits
    return Exits(
        stop_loss=account.stop_loss,
        take_profit=account.take_profit,
        reentry=account.reentry,
        trailing=exits.trailing,
        trailing_arm=exits.trailing_arm,
        trailing_offset=exits.trailing_offset,
        trailing_after=exits.trailing_after,
        break_even=exits.break_even,
        max_bars=exits.max_bars,
        roi=exits.roi,
        stop_atr=exits.stop_atr,
        take_atr=exits.take_atr,
        trailing_atr=exits.trailing_atr,
        atr_window=exits.atr_window,
        partials=exits.partials,
        convention=exits.convention,
    )


def limits_of(settings: "Settings") -> "Limits":
    """The limits of section ``risk.backtest``."""
    from peak_trade.domain.terms import Limits

    return Limits(**settings.risk.backtest.model_dump())


def margin_of(settings: "Settings") -> "Margin | None":
    """The margin model, or None where no largest leverage is set.

    Raises
    ------
    ConfigError
        Another setting of section ``margin`` without a largest leverage.
    """
    from peak_trade.domain.terms import Margin

    margin = settings.margin
    if margin.max_leverage is None:
        stray = sorted(name for name in margin.model_fields_set if not _is_default(margin, name))
        if stray:
            raise ConfigError(
                f"margin.{stray[0]} is set, and margin.max_leverage is not: there is no margin model",
                hint="set margin.max_leverage (--leverage), such as 2",
                key=f"margin.{stray[0]}",
            )
        return None
    return Margin(
        max_leverage=margin.max_leverage,
        maintenance=margin.maintenance,
        rate=margin.rate,
        liquidation_fee=margin.liquidation_fee,
    )


def _is_default(margin: object, name: str) -> bool:
    return bool(getattr(margin, name) == getattr(type(margin)(), name))


def sizer_of(texts: "Sequence[str]") -> "Sizer | None":
    """Make the sizers that are named with their parameters; several become a chain.

    Parameters
    ----------
    texts : sequence of str
        Each a name and its parameters, such as ``volatility,target=0.1,window=60``.

    Raises
    ------
    ParameterError
        An unknown sizer or parameter, one that is missing, or a value out of its range.

    Examples
    --------
    >>> sizer_of(["volatility,target=0.1", "drawdown,limit=0.2"])
    Chain(VolatilitySize(target=0.1, window=60, cap=1.0), DrawdownScaled(limit=0.2, floor=0.0))
    >>> sizer_of([]) is None
    True
    """
    if not texts:
        return None
    from peak_trade.portfolio.size import Chain

    sizers = [_sizer(text) for text in texts]
    return sizers[0] if len(sizers) == 1 else Chain(*sizers)


def _sizer(text: str) -> "Sizer":
    from peak_trade.portfolio.size import SIZERS

    name, *pairs = (part.strip() for part in text.split(","))
    if name not in SIZERS:
        raise ParameterError(f"sizer {name!r} is not known", hint=did_you_mean(name, SIZERS))
    kind = SIZERS[name]
    known = [item.name for item in fields(kind)]
    values = {key: parse_value(value) for key, value in parse_settings(pairs).items()}
    for key in values:
        if key not in known:
            raise ParameterError(
                f"sizer {name} has no parameter {key!r}", hint=did_you_mean(key, known)
            )
    missing = [item.name for item in fields(kind) if item.default is MISSING]
    for key in missing:
        if key not in values:
            raise ParameterError(
                f"sizer {name} needs a value for {key}, which has no default",
                hint=f"write it like {name},{key}=0.1",
            )
    made: Sizer = kind(**values)
    return made
