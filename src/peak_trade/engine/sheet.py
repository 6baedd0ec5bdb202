"""Everything that a run's terms and actions mean on its bars, as the arrays that kernels read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.actions import Actions, Delisting, Dividend, FundingRate, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Costs
from peak_trade.domain.errors import InputError, did_you_mean
from peak_trade.domain.exits import Exits
from peak_trade.domain.terms import Terms
from peak_trade.engine.currency import conversion_rates
from peak_trade.kernels import costs, exits, limits
from peak_trade.stats import indicators

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_CONVENTIONS = {
    "adverse": exits.ADVERSE,
    "favourable": exits.FAVOURABLE,
    "freqtrade": exits.FREQTRADE,
}

DIVIDEND, FUNDING, SPLIT, DELISTING = range(4)


@dataclass(frozen=True, slots=True)
class Act:
    """One action as an engine takes it: in which row, before or after its opens, of which column.

    ``first`` and ``second`` are amount; rate and mark; numerator and denominator; or the price (NaN:
    the last close).
    """

    row: int
    inside: bool
    instrument: int
    kind: int
    time_ns: int
    first: float
    second: float = float("nan")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Terms and actions on bars of T rows and N instruments.

    Attributes
    ----------
    exits, roi, partials : (EXITS,), (R, 2), (P, 2) float64
        The exits, by the positions of ``kernels.exits``.
    atr : (T, N) float64
        Average true range of the last real bar up to each row; (0, 0) where no level needs it.
    slips : (SLIPS,) float64
        The slip's factors, by the positions of ``kernels.costs``.
    half_spread, sigma, mean_volume : (T, N) float64
        What the slip reads at a fill's bar; (0, 0) where it does not.
    fee_since, fee_schedules, fee_tiers : (S,) int64, (S, FEES), (S, K, 3) float64
        The fee schedules; a plain commission is one without tiers.
    repeats : bool
        Whether a fee may not shrink with the size, so that scaling takes its factor again.
    limits : (LIMITS,) float64
        The limits, by the positions of ``kernels.limits``.
    scale, account : (T, N), (6,) float64
        The sizer's factors by row, and its part that reads the account; (0, 0) without a sizer.
    looks : (T,) bool
        Rows at which every standing target is due; (0,) under ``rebalance="change"``.
    fx : (T, N) float64
        Value of the quote currency in the account's, at each close; (0, 0) where it is the same.
    acts : tuple of Act
        The actions, in the order in which they take effect.
    """

    exits: Floats
    roi: Floats
    partials: Floats
    atr: Floats
    slips: Floats
    half_spread: Floats
    sigma: Floats
    mean_volume: Floats
    fee_since: Ints
    fee_schedules: Floats
    fee_tiers: Floats
    repeats: bool
    limits: Floats
    scale: Floats
    account: Floats
    looks: Bools
    fx: Floats
    acts: tuple[Act, ...]

    @classmethod
    def of(cls, bars: Bars, terms: Terms, actions: Actions | None, start: int) -> "Sheet":
        """Lay terms and actions out on bars of which rows from ``start`` on are traded.

        Raises
        ------
        InputError
            Volumes, spreads or conversion rates that the terms need and the bars do not have.
        """
        _check_volume(bars, terms)
        sigma, mean_volume = _impact(bars, terms.costs)
        since, schedules, tiers = _fees(terms.costs)
        return cls(
            exits=_exits(terms.exits),
            roi=np.array(terms.exits.roi, dtype=np.float64).reshape(-1, 2),
            partials=np.array(terms.exits.partials, dtype=np.float64).reshape(-1, 2),
            atr=_atr(bars, terms.exits) if terms.exits.need_atr else _none(),
            slips=_slips(terms.costs),
            half_spread=_half_spread(bars, terms.costs),
            sigma=sigma,
            mean_volume=mean_volume,
            fee_since=since,
            fee_schedules=schedules,
            fee_tiers=tiers,
            repeats=bool(terms.costs.fees),
            limits=_limits(terms),
            scale=_scale(bars, terms),
            account=_account(terms),
            looks=_looks(bars, terms.rebalance, start),
            fx=conversion_rates(bars, terms.currency),
            acts=_acts(bars, actions),
        )


def _none() -> Floats:
    return np.zeros((0, 0))


def _exits(declared: Exits) -> Floats:
    values = np.full(exits.EXITS, np.nan)
    places = {
        exits.E_STOP: declared.stop_loss,
        exits.E_TAKE: declared.take_profit,
        exits.E_TRAIL: declared.trailing,
        exits.E_ARM: declared.trailing_arm,
        exits.E_OFFSET: declared.trailing_offset,
        exits.E_AFTER: declared.trailing_after,
        exits.E_BREAK_EVEN: declared.break_even,
        exits.E_MAX_BARS: declared.max_bars,
        exits.E_STOP_ATR: declared.stop_atr,
        exits.E_TAKE_ATR: declared.take_atr,
        exits.E_TRAIL_ATR: declared.trailing_atr,
        exits.E_CONVENTION: _CONVENTIONS[declared.convention],
    }
    for place, value in places.items():
        if value is not None:
            values[place] = value
    return values


def _atr(bars: Bars, declared: Exits) -> Floats:
    """ATR at each row, carried on from the last real bar."""
    return _carried(indicators.atr(bars, declared.atr_window), bars.tradable)


def _carried(values: Floats, real: Bools) -> Floats:
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(real, rows, -1), axis=0)
    found = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.ascontiguousarray(np.where(last >= 0, found, np.nan))


def _slips(declared: Costs) -> Floats:
    half = 1.0 if isinstance(declared.half_spread, str) else declared.half_spread
    return np.array([declared.slippage, half, declared.volume_share, declared.impact])


def _half_spread(bars: Bars, declared: Costs) -> Floats:
    name = declared.half_spread
    if not isinstance(name, str):
        if name == 0.0:
            return _none()
        return np.full(bars.close.shape, float(name))
    if name not in bars.features:
        raise InputError(
            f"half_spread names the feature {name!r}, and {bars.name} has "
            f"{', '.join(sorted(bars.features)) or 'no features'}",
            hint=did_you_mean(name, tuple(bars.features)) or "give a number in quote currency",
        )
    values = np.broadcast_to(
        bars.features[name].reshape(len(bars), -1), bars.close.shape
    )  # one column serves all instruments
    wrong = bars.tradable & ~(values >= 0)
    if wrong.any():
        row = int(np.argmax(wrong.any(axis=1)))
        raise InputError(
            f"half spread {values[row].tolist()} in row {row:,} of feature {name!r} of {bars.name}: "
            "0 or more expected",
            hint="fill the gaps of the feature, or give a number",
        )
    return np.ascontiguousarray(values)


def _check_volume(bars: Bars, terms: Terms) -> None:
    limit = terms.limits.max_participation
    is_asked = terms.costs.need_volume or limit < limits.NO_PARTICIPATION_LIMIT
    if is_asked and bool(np.isnan(bars.volume[bars.tradable]).any()):
        raise InputError(
            "volume_share, impact and max_participation need volumes, and real bars of "
            f"{bars.name} have none",
            hint="load bars with a volume column, or drop what needs it",
        )


def _impact(bars: Bars, declared: Costs) -> tuple[Floats, Floats]:
    if not declared.impact:
        return _none(), _none()
    shape = bars.close.shape
    sigma, mean_volume = np.empty(shape), np.empty(shape)
    rows, logs = np.empty(shape[0], np.int64), np.empty(shape[0])
    for i in range(shape[1]):
        one_sigma, one_volume = np.empty(shape[0]), np.empty(shape[0])
        costs.impact_inputs(
            np.ascontiguousarray(bars.close[:, i]),
            np.ascontiguousarray(bars.volume[:, i]),
            np.ascontiguousarray(bars.tradable[:, i]),
            declared.impact_window,
            rows,
            logs,
            one_sigma,
            one_volume,
        )
        sigma[:, i], mean_volume[:, i] = one_sigma, one_volume
    return sigma, mean_volume


def _fees(declared: Costs) -> tuple[Ints, Floats, Floats]:
    schedules = declared.schedules
    if not schedules:
        row = np.array([0.0, 0.0, 0.0, np.nan, declared.commission, declared.commission])
        return np.zeros(1, np.int64), row.reshape(1, -1), np.zeros((1, 0, 3))
    table = np.array(
        [
            [f.fixed, f.per_unit, f.minimum, np.nan if f.cap is None else f.cap, f.maker, f.taker]
            for f in schedules
        ]
    )
    depth = max(len(f.tiers) for f in schedules)
    tiers = np.full((len(schedules), depth, 3), np.inf)
    for s, fees in enumerate(schedules):
        for k, tier in enumerate(fees.tiers):
            tiers[s, k] = tier.volume, tier.maker, tier.taker
    return np.array([f.since_ns for f in schedules], np.int64), table, tiers


def _limits(terms: Terms) -> Floats:
    declared = terms.limits
    values = np.empty(limits.LIMITS)
    values[limits.LIMIT_POSITION] = declared.max_position
    values[limits.LIMIT_GROSS] = declared.max_gross
    values[limits.LIMIT_NET] = declared.max_net
    values[limits.LIMIT_ORDER] = declared.max_order
    values[limits.LIMIT_PARTICIPATION] = declared.max_participation
    values[limits.LIMIT_DAILY_LOSS] = declared.max_daily_loss
    values[limits.LIMIT_DRAWDOWN] = declared.max_drawdown
    return values


def _scale(bars: Bars, terms: Terms) -> Floats:
    if terms.sizer is None:
        return _none()
    scale = np.asarray(terms.sizer.scale(bars), dtype=np.float64)
    if scale.shape != bars.close.shape or bool((scale < 0).any()) or bool(np.isinf(scale).any()):
        raise InputError(
            f"{terms.sizer!r} gave factors of shape {scale.shape}, finite ones of 0 or more in "
            f"{bars.close.shape} expected",
            hint="give one factor for each row and instrument",
        )
    return np.ascontiguousarray(np.where(np.isnan(scale), 0.0, scale))


def _account(terms: Terms) -> Floats:
    if terms.sizer is None:
        return np.full(6, np.nan)
    part = terms.sizer.account
    return np.array(
        [
            part.drawdown_limit,
            part.drawdown_floor,
            part.kelly_fraction,
            part.kelly_cap,
            part.kelly_min_trades,
            part.kelly_start,
        ]
    )


_PERIODS = {"day": "D", "month": "M", "quarter": "M", "year": "Y"}


def _looks(bars: Bars, rebalance: str, start: int) -> Bools:
    if rebalance in ("change", "band"):
        return np.zeros(0, np.bool_)
    if rebalance == "bar":
        return np.ones(len(bars), np.bool_)
    opens = np.where(bars.tradable, bars.open_time, np.iinfo(np.int64).min).max(axis=1)
    stamps = np.where(bars.tradable.any(axis=1), opens, bars.time).view("datetime64[ns]")
    if rebalance == "week":  # the epoch was a Thursday: three days later weeks begin on Mondays
        period = (stamps.astype("datetime64[D]").astype(np.int64) + 3) // 7
    else:
        period = stamps.astype(f"datetime64[{_PERIODS[rebalance]}]").astype(np.int64)
        if rebalance == "quarter":
            period = period // 3
    looks = np.ones(len(bars), np.bool_)
    looks[1:] = period[1:] > np.maximum.accumulate(period)[:-1]
    looks[start : start + 1] = True
    return looks


def _acts(bars: Bars, actions: Actions | None) -> tuple[Act, ...]:
    if actions is None:
        return ()
    column = {symbol: i for i, symbol in enumerate(bars.symbols)}
    found = []
    for action in actions:
        i = column[action.symbol]
        row = int(np.searchsorted(bars.time, action.time_ns, side="right"))
        if row >= len(bars):
            continue
        inside = bool(bars.tradable[row, i]) and action.time_ns > int(bars.open_time[row, i])
        found.append(_act(action, row, i, inside=inside))
    return tuple(sorted(found, key=lambda act: (act.row, act.inside, act.time_ns)))


def _act(
    action: Dividend | StockSplit | Delisting | FundingRate, row: int, i: int, *, inside: bool
) -> Act:
    nan = float("nan")
    if isinstance(action, Dividend):
        kind, first, second = DIVIDEND, action.amount, nan
    elif isinstance(action, StockSplit):
        kind, first, second = SPLIT, float(action.numerator), float(action.denominator)
    elif isinstance(action, FundingRate):
        kind, first = FUNDING, action.rate
        second = nan if action.mark is None else action.mark
    else:
        kind, first, second = DELISTING, nan if action.price is None else action.price, nan
    return Act(row, inside, i, kind, action.time_ns, first, second)
