"""Compiled order strategies: the whole run as one loop, where the strategy offers a compiled form.

A proven substitute for the Session: the same fills, fees and equity, bit for bit
(``tests/laws/test_order_substitution.py``).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, cast

import numba
import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.compiled import CompiledStrategy
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.matching import Matching
from peak_trade.domain.order_strategy import OrderStrategy
from peak_trade.domain.record import Fills, OrderCounts, Record
from peak_trade.domain.terms import Terms
from peak_trade.engine.sheet import Sheet
from peak_trade.kernels import asked, limits, orders, simulate
from peak_trade.kernels.jit import cache_folder
from peak_trade.kernels.match import NO_VOLUME_LIMIT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
OnBar = Callable[[Floats, Floats, Floats, Floats, Floats, Floats], int]

_SIGNATURE = numba.types.int64(
    *(numba.types.Array(numba.types.float64, n, "C") for n in (1, 1, 1, 1, 2, 2))
)
_OWN = "peak_trade."
_HALTS = {limits.LIMIT_DRAWDOWN: "max_drawdown", limits.LIMIT_DAILY_LOSS: "max_daily_loss"}
_FIRST_FILLS = 1 << 14

_WRONG = {
    orders.BAD_ROWS: "returned a number of rows that `asked` does not have",
    orders.BAD_LOTS: "asked for lots that are no whole number other than 0",
    orders.BAD_PRICE: "asked for a price that is not there, not above 0 or on no tick",
    orders.BAD_KIND: "asked for a kind or a time in force that is not known",
    orders.TOO_MANY_ORDERS: "has more open orders than its max_orders",
}


class Setting(Protocol):
    """What a run is: rows ``start`` to ``stop`` of bars, under terms; a ``Scene`` is one."""

    @property
    def bars(self) -> Bars:
        """All rows that the strategy is told of, and those before."""
        ...

    @property
    def start(self) -> int:
        """First row traded."""
        ...

    @property
    def stop(self) -> int:
        """The row after the last."""
        ...

    @property
    def terms(self) -> Terms:
        """The account."""
        ...

    @property
    def sheet(self) -> Sheet | None:
        """Terms and actions laid out; None for a plain account."""
        ...

    @property
    def detail(self) -> object:
        """Finer bars, or None."""
        ...


def declines(setting: Setting, strategy: OrderStrategy) -> str:
    """Why a strategy is not run compiled in a setting, or nothing; the Session takes it then."""
    bars, terms = setting.bars, setting.terms
    if setting.detail is not None:
        return "it does not read finer bars"
    if bars.close.shape[1] > 1:
        return "it trades one instrument"
    if bars.close_only.any():
        return "it needs open, high and low"
    if not bars.is_aligned:
        return "it does not know bars that overlap or whose opens are not in order"
    instrument = bars.instruments[0]
    if instrument.rules:
        return "it does not know order rules that change"
    if instrument.min_notional > 0 or instrument.order_step > 1:
        return "it does not know order steps and smallest orders"
    if strategy.compiled(instrument) is None:
        return f"{type(strategy).__name__} has no compiled form"
    return _declines_terms(terms, setting.sheet)


def _declines_terms(terms: Terms, sheet: Sheet | None) -> str:
    free = terms.limits
    if terms.margin is not None:
        return "it does not know margin"
    if terms.exits.are_set:
        return "it leaves the account's exits to the Session"
    if terms.matching != Matching():
        return "it matches without latency, touches and shares of volume"
    if terms.costs.borrow or terms.costs.interest:
        return "it does not know what cash and shorts cost or earn"
    if (free.max_position, free.max_gross, free.max_net) != (1e6, 1e6, 1e6) or (
        (free.max_order, free.max_participation) != (1e15, 1e9)
    ):
        return "it does not know limits of orders and positions"
    if sheet is None:
        return ""
    if sheet.acts:
        return "it does not know dividends, splits, delistings and funding"
    if sheet.fx.size:
        return "it keeps an account in one currency"
    if sheet.slips[1:].any():
        return "it knows slippage as one fraction alone"
    if len(sheet.fee_since) > 1 or sheet.fee_tiers.shape[1]:
        return "it does not know fees that change with time or volume"
    return ""


@lru_cache(maxsize=64)
def callable_of(on_bar: OnBar) -> OnBar:
    """A strategy's function as machine code of the one signature that the loop calls.

    Raises
    ------
    StrategyError
        numba cannot compile it.
    """
    function = getattr(on_bar, "py_func", on_bar)
    is_own = str(getattr(function, "__module__", "")).startswith(_OWN)
    settings = vars(numba.config)
    before, settings["CACHE_DIR"] = settings["CACHE_DIR"], str(cache_folder())
    try:
        # What users write calls files of theirs, whose changes a cache would not notice.
        compile_ = numba.cfunc(_SIGNATURE, error_model="numpy", cache=is_own)
        return cast(OnBar, compile_(function))
    except numba.core.errors.NumbaError as error:
        raise StrategyError(
            f"{function.__name__} cannot be compiled: {str(error).splitlines()[0]}",
            hint="call function(...) of it as plain Python with arrays to find out why",
        ) from error
    finally:
        settings["CACHE_DIR"] = before


def run(setting: Setting, strategy: OrderStrategy, name: str) -> Record:
    """Trade one instrument as an order strategy's compiled form asks.

    The caller has made sure that ``declines`` says nothing.

    Raises
    ------
    StrategyError
        It has no compiled form, cannot be compiled, or asks for what is no order.
    """
    bars, start, stop, terms = setting.bars, setting.start, setting.stop, setting.terms
    sheet = setting.sheet or Sheet.of(bars, terms, None, start)
    compiled = strategy.compiled(bars.instruments[0])
    if compiled is None:
        raise StrategyError(
            f"{name} has no compiled form", hint="run it with engine='session', or define compiled"
        )
    counts = _counts(compiled, terms, bars, start)
    most = int(counts[orders.N_MAX_ORDERS])
    money = np.full(orders.MONEY + 4, np.nan)
    money[[orders.M_CASH, orders.M_PEAK, orders.M_YESTERDAY, orders.M_EQUITY]] = terms.cash
    book = (
        np.zeros((most, orders.ORDER_INTS), np.int64),
        np.zeros((most, orders.ORDER_FLOATS)),
        np.zeros(3, np.int64),
        money,
    )
    shown = (
        np.zeros(asked.BAR),
        np.zeros(asked.ACCOUNT),
        np.zeros((most, asked.ORDERS)),
        np.zeros((compiled.room, asked.ASKED)),
    )
    booked = _room(max(_FIRST_FILLS, 2 * orders.FILLS_OF_A_BAR * (most + 1)))
    equity, is_held = np.empty(stop - start), np.empty(stop - start, np.bool_)
    settings = (_rules(bars, sheet), sheet.fee_schedules[0].copy(), sheet.limits, counts)
    market = tuple(np.ascontiguousarray(c[:, 0]) for c in _prices(bars))
    opened = np.ascontiguousarray(bars.open_time[:, 0])
    tradable = np.ascontiguousarray(bars.tradable[:, 0])
    function, state, row = callable_of(compiled.on_bar), compiled.state.copy(), start
    while row < stop:
        row = orders.run(
            function, state, compiled.params, cast(orders.Market, market), opened, bars.time,
            tradable, start, row, stop, settings, book, shown, booked, equity, is_held,
        )  # fmt: skip
        if counts[orders.N_ERROR]:
            raise _error(bars, counts, name)
        if row < stop:
            booked = _room(2 * len(booked[0]), booked)
    return _record(bars, start, stop, terms, counts, booked, equity, is_held)


def _prices(bars: Bars) -> tuple[Floats, ...]:
    return bars.open, bars.high, bars.low, bars.close, bars.volume


def _rules(bars: Bars, sheet: Sheet) -> Floats:
    instrument, rules = bars.instruments[0], np.zeros(orders.RULES)
    rules[orders.R_UNIT], rules[orders.R_LOT] = instrument.unit, instrument.lot
    rules[orders.R_TICK], rules[orders.R_SLIP] = instrument.tick, sheet.slips[0]
    rules[orders.R_SHARE] = NO_VOLUME_LIMIT
    return rules


def _counts(compiled: CompiledStrategy, terms: Terms, bars: Bars, start: int) -> Ints:
    counts = np.zeros(orders.COUNTS, np.int64)
    counts[orders.N_MAX_ORDERS] = compiled.max_orders + 3
    counts[orders.N_REJECTS] = terms.shortfall == "reject"
    counts[orders.N_REPEATS] = bool(terms.costs.fees)
    counts[orders.N_HALTED], counts[orders.N_HALTED_ROW] = limits.PASSED, -1
    counts[orders.N_DAY] = limits.day_of(int(bars.time[start]))
    if terms.limits.halt:
        halt = orders.HALT_CLOSES if terms.limits.flatten else orders.CAN_HALT
        counts[orders.N_CAN_HALT] = halt
    return counts


def _room(rows: int, old: tuple[Ints, Floats] | None = None) -> tuple[Ints, Floats]:
    ints = np.empty((rows, simulate.FILL_INTS), np.int64)
    floats = np.empty((rows, simulate.FILL_FLOATS))
    if old is not None:
        ints[: len(old[0])], floats[: len(old[1])] = old
    return ints, floats


def _error(bars: Bars, counts: Ints, name: str) -> StrategyError:
    row = int(counts[orders.N_ERROR_ROW])
    when = np.datetime64(int(bars.time[row]), "ns").astype("datetime64[s]")
    return StrategyError(
        f"{name} {_WRONG[int(counts[orders.N_ERROR])]}, at {when}",
        hint="look at what on_bar writes there; prices are rounded with on_tick(price, tick)",
        strategy=name,
        row=row,
    )


def _record(
    bars: Bars,
    start: int,
    stop: int,
    terms: Terms,
    counts: Ints,
    booked: tuple[Ints, Floats],
    equity: Floats,
    is_held: npt.NDArray[np.bool_],
) -> Record:
    halted = int(counts[orders.N_HALTED])
    return Record(
        bars=bars,
        start=start,
        stop=stop,
        terms=terms,
        engine="compiled",
        equity=equity,
        held=is_held,
        fills=_fills(bars, booked, int(counts[orders.N_FILLS])),
        lots=counts[orders.N_HELD : orders.N_HELD + 1].copy(),
        counts=OrderCounts(
            ordered=int(counts[orders.N_ORDERED]),
            filled=int(counts[orders.N_FILLED]),
            shortfalls=int(counts[orders.N_SHORTFALLS]),
            shortfall_lots=int(counts[orders.N_SHORTFALL_LOTS]),
            below_minimum=0,
            unfilled=int(counts[orders.N_OPEN]),
        ),
        ruined=bool(counts[orders.N_RUINED]),
        halted=_HALTS.get(halted, ""),
        halted_row=int(counts[orders.N_HALTED_ROW]),
    )


def _fills(bars: Bars, booked: tuple[Ints, Floats], used: int) -> Fills:
    ints, floats = booked[0][:used], booked[1][:used]
    row = np.ascontiguousarray(ints[:, simulate.FILL_ROW])
    is_open = ints[:, simulate.FILL_AT_OPEN] > 0
    return Fills(
        row=row,
        time=np.where(is_open, bars.open_time[row, 0], bars.time[row]),
        instrument=np.zeros(used, np.int64),
        lots=np.ascontiguousarray(ints[:, simulate.FILL_LOTS]),
        price=np.ascontiguousarray(floats[:, simulate.FILL_PRICE]),
        fee=np.ascontiguousarray(floats[:, simulate.FILL_FEE]),
        reason=np.ascontiguousarray(ints[:, simulate.FILL_REASON]),
        cash=np.ascontiguousarray(floats[:, simulate.FILL_CASH]),
        slippage=np.ascontiguousarray(floats[:, simulate.FILL_SLIPPAGE]),
    )
