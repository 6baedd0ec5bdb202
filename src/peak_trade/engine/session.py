"""The loop of every mode: bars close, orders fill, the books are marked, targets become orders."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.event import BarsClosed
from peak_trade.domain.ledger import CashFlow, Fill, Ledger
from peak_trade.domain.order import Reason
from peak_trade.domain.record import Fills, Flows, OrderCounts, Record
from peak_trade.domain.terms import Terms
from peak_trade.engine.account import RuleTable, target_error
from peak_trade.engine.currency import account_currency
from peak_trade.engine.detail import Detail
from peak_trade.engine.payments import Payments
from peak_trade.engine.rows import RowSource
from peak_trade.engine.sheet import DELISTING, SPLIT, Sheet
from peak_trade.execution.pipeline import Decision, OrderRules, Pipeline
from peak_trade.execution.sim import FillCosts, Native, SimVenue
from peak_trade.kernels import costs, limits
from peak_trade.kernels.accounting import mark_row, tally_fill, value_of
from peak_trade.kernels.size import account_scale

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_HALTS = {limits.LIMIT_DRAWDOWN: "max_drawdown", limits.LIMIT_DAILY_LOSS: "max_daily_loss"}


class Session:
    """Trades a strategy's target rows on a simulated venue, one event at a time.

    Parameters
    ----------
    bars : Bars
        All rows from the anchor on.
    source : RowSource
        Where target rows come from.
    start, stop : int
        Rows to trade; those before ``start`` feed indicators only.
    terms : Terms
        The account.
    sheet : Sheet, optional
        Terms and actions laid out on the bars; made from ``terms`` where left out.
    detail : Detail, optional
        Finer bars for exits.
    name : str
        The strategy's name, for errors.
    run : str
        The run's id, from which client order ids derive.

    Attributes
    ----------
    ledger : Ledger
        The session's books.
    venue : SimVenue
        The venue, which keeps books of its own.
    """

    def __init__(
        self,
        bars: Bars,
        source: RowSource,
        *,
        start: int,
        stop: int,
        terms: Terms,
        sheet: Sheet | None = None,
        detail: Detail | None = None,
        name: str = "strategy",
        run: str = "backtest",
    ) -> None:
        self._bars, self._source, self._terms, self._name = bars, source, terms, name
        self._start, self._stop = start, stop
        self._sheet = sheet = sheet or Sheet.of(bars, terms, None, start)
        self._table = RuleTable.of(bars)
        stretch = self._table.at(start)
        rules = self._rules(stretch)
        currency = account_currency(bars, terms.currency)
        self.ledger = Ledger(bars.instruments, terms.cash, currency)
        self.venue = self._open_venue(rules, detail)
        self.pipeline = Pipeline(
            self.venue,
            self.ledger,
            terms=terms,
            rules=rules,
            run=run,
            exits=sheet.exits,
            roi=sheet.roi,
            partials=sheet.partials,
            bounds=sheet.limits,
        )
        if terms.exits.convention == "freqtrade":
            states = self.pipeline.protection.states
            self.venue.follow(Native(states, self.ledger.average, sheet.exits, sheet.roi))
        self._next_rules = self._row_of(stretch + 1)
        self._marks = self._marks_before(start)
        self._units = self.ledger.units.copy()
        self._fills: list[Fill] = []
        self._equity = np.empty(stop - start)
        self._held = np.empty(stop - start, np.bool_)
        self._is_ruined = False
        self._halted, self._halted_row = "", -1
        self._is_called = False
        self._acts = iter(sheet.acts)
        self._next_act = next(self._acts, None)
        self._trades, self._closed = np.zeros((len(self._marks), 2)), np.zeros(4)
        self._old_volume, self._volume, self._oldest = 0.0, 0.0, 0
        self._traded: list[tuple[int, float]] = []
        self._peak = self._yesterday = self._last_equity = terms.cash
        self._day = limits.day_of(int(bars.time[start]))
        self._last_volume = self._volumes_before(start)
        self._payments = Payments(
            self.ledger, self.venue, self.pipeline, terms=terms, marks=self._marks
        )
        self._read_terms()
        self.pipeline.start_from(source.standing(start))
        self._take_rates(start)
        self._take_acts_before(start)
        self.venue.mark(self._marks)

    def _take_acts_before(self, start: int) -> None:
        while (act := self._next_act) is not None and act.row < start:
            is_stale = not self._bars.tradable[act.row : start, act.instrument].any()
            self._payments.act_before(act, is_stale=is_stale)
            self._next_act = next(self._acts, None)

    def _open_venue(self, rules: OrderRules, detail: Detail | None) -> SimVenue:
        sheet = self._sheet
        return SimVenue(
            self._bars,
            self._terms,
            charges=FillCosts(
                sheet.slips, sheet.half_spread, sheet.sigma, sheet.mean_volume, sheet.repeats
            ),
            steps=rules.steps,
            minima=rules.minima,
            last_row=self._stop - 1,
            detail=None if detail is None else detail.inside,
        )

    def _read_terms(self) -> None:
        """Which steps of a row the terms ask for, so that a plain account does not pay for them."""
        terms, sheet = self._terms, self._sheet
        self._has_fees = bool(terms.costs.fees)
        self._has_fx = bool(sheet.fx.size)
        self._can_halt = terms.limits.halt
        self._has_sizer = terms.sizer is not None
        self._moves_exits = self.pipeline.protection.move
        self._has_limits = not terms.limits.are_wide

    # --- the loop --------------------------------------------------------------------------------

    def run(self) -> Record:
        """Step through all rows and give the record."""
        for event in self._events():
            self.step(event)
        return self.record()

    def step(self, event: BarsClosed) -> None:
        """Take one event: fills first, then marks, then new orders.

        Raises
        ------
        StrategyError
            Targets that add up to more than they may, or are infinite.
        """
        row = event.row
        if row >= self._next_rules:
            self._change_rules(row)
        if self._has_fees or self._has_fx:
            self._take_rates(row)
        if self._next_act is not None:
            self._take_acts(row, inside=False)
        if self.venue.has_orders:
            self._match_open(row)
        if self._next_act is not None:
            self._take_acts(row, inside=True)
        if self.venue.has_orders:
            for fills in self.venue.match_inside(row):
                self._book(fills)
        if self._payments.has_carry and row > self._start:
            self._payments.accrue(
                row,
                event.time_ns,
                event.time_ns - int(self._bars.time[row - 1]),
                closes=self._closes(row),
                units=self._units_at(row),
            )
        equity = self._mark(row)
        if self._stops(row, equity, event.time_ns):
            return
        is_called = self._terms.margin is not None and self._is_called
        if self._moves_exits and self.ledger.holds:
            bars = self._bars
            self.pipeline.after_closes(
                bars.high[row], bars.low[row], bars.tradable[row], event.time_ns
            )
        targets = self._source.row(row)
        if self.pipeline.is_idle(targets) and not is_called:
            return
        decision = self._decision(row, equity, event.time_ns, is_called=is_called)
        if not self.pipeline.react(targets, decision):
            raise target_error(
                self._bars, row, self._name, float(np.abs(self.pipeline.last).sum()),
                self._terms.max_weight,
            )  # fmt: skip

    def _decision(self, row: int, equity: float, time_ns: int, *, is_called: bool) -> Decision:
        if self._terms.are_plain:
            return Decision(time_ns, equity, self._marks, self._units)
        looks = self._sheet.looks
        return Decision(
            time_ns=time_ns,
            equity=equity,
            marks=self._marks,
            units=self._units,
            factors=self._factors(row, equity) if self._has_sizer else None,
            real=self._bars.tradable[row],
            looks=bool(len(looks)) and bool(looks[row]),
            volumes=self._last_volume,
            is_called=is_called,
        )

    def _factors(self, row: int, equity: float) -> Floats:
        drawdown = max(1.0 - equity / self._peak, 0.0)
        closed = self._closed
        account = account_scale(
            drawdown, int(closed[0]), closed[1], int(closed[2]), closed[3], self._sheet.account
        )
        factors: Floats = self._sheet.scale[row] * account
        return factors

    def _events(self) -> Iterator[BarsClosed]:
        stamps = self._bars.time
        for row in range(self._start, self._stop):
            yield BarsClosed(row, int(stamps[row]))

    # --- fills -----------------------------------------------------------------------------------

    def _match_open(self, row: int) -> None:
        for matched in self.venue.match_open(row):
            self._book(matched.fills)
            if matched.ended:
                self.pipeline.on_end(
                    matched.ended, last_close_ns=self._before(row), atr=self._atr(matched.fills)
                )

    def _before(self, row: int) -> int:
        """Close of the row before, or the first open."""
        times = self._bars.time
        return int(times[row - 1]) if row else int(self._bars.open_time[0].min())

    def _atr(self, fills: Iterable[Fill]) -> Floats | None:
        """(N,) Average true range that was known when the fills of an instant happened."""
        if not self._sheet.atr.size:
            return None
        when = next((fill.time_ns for fill in fills), None)
        if when is None:
            return None
        row = int(np.searchsorted(self._bars.time, when, side="right")) - 1
        return self._sheet.atr[row] if row >= 0 else None

    def _book(self, fills: list[Fill]) -> None:
        for fill in fills:
            i = fill.instrument
            value = value_of(fill.lots, self.venue.units[i], fill.price)
            tally_fill(
                self._trades[i], self._closed, int(self.ledger.lots[i]), fill.lots, value, fill.fee
            )
            self._volume += abs(value)
            if self._has_fees:
                self._traded.append((fill.time_ns, self._volume))
            self.ledger.apply(fill)
            self._fills.append(fill)
            self.pipeline.on_fill(fill)

    # --- rates, actions ---------------------------------------------------------------------------

    def _take_rates(self, row: int) -> None:
        """Fee and conversion rates of a row; volume traded in it does not count yet."""
        sheet, time_ns = self._sheet, int(self._bars.time[row])
        if self._has_fees:
            while (
                self._oldest < len(self._traded)
                and self._traded[self._oldest][0] <= time_ns - costs.VOLUME_WINDOW_NS
            ):
                self._old_volume = self._traded[self._oldest][1]
                self._oldest += 1
        volume = self._volume - self._old_volume
        costs.fees_at(
            sheet.fee_since, sheet.fee_schedules, sheet.fee_tiers, time_ns, volume, self.venue.fees
        )
        if self._has_fx:
            rates = sheet.fx[row - 1] if row else np.full(len(self._marks), np.nan)
            self.venue.rates = rates
            self.venue.units = self.ledger.units * rates

    def _take_acts(self, row: int, *, inside: bool) -> None:
        while (act := self._next_act) is not None and (act.row, act.inside) <= (row, inside):
            fill = self._payments.act(act, len(self._fills))
            if act.kind == SPLIT and self.ledger.lots[act.instrument] == 0:
                self._trades[act.instrument] = 0.0  # what it left nothing of is no trade
            if fill is not None:
                self._book([fill])
            if act.kind == DELISTING:
                self.pipeline.on_delisting(act.instrument)
            self._next_act = next(self._acts, None)
            self.venue.mark(self._marks)

    # --- marks and halts -------------------------------------------------------------------------

    def _closes(self, row: int) -> Floats:
        """(N,) Last closes as they are at the close of a row, before it is marked."""
        return np.where(self._bars.tradable[row], self._bars.close[row], self._marks)

    def _units_at(self, row: int) -> Floats:
        return self.ledger.units * self._sheet.fx[row] if self._has_fx else self.ledger.units

    def _mark(self, row: int) -> float:
        ledger, bars, k = self.ledger, self._bars, row - self._start
        if self._has_fx:
            self._units = self._units_at(row)
        if self._has_limits:
            real = bars.tradable[row]
            self._last_volume[real] = bars.volume[row][real]
        cash = ledger.cash[ledger.currency]
        equity = float(
            mark_row(bars.close, bars.tradable, row, self._marks, cash, ledger.lots, self._units)
        )
        self._equity[k] = equity
        self._held[k] = ledger.holds
        if self._has_sizer or self._can_halt:
            self._peak = max(self._peak, equity)
        return equity

    def _stops(self, row: int, equity: float, time_ns: int) -> bool:
        """Whether the account takes no more targets: ruined, or halted by a limit."""
        if self._terms.margin is not None:
            self.venue.units = self._units  # until the next row's rates
            self.venue.mark(self._marks)
        if self._is_ruined or equity <= 0.0:
            self._is_ruined = True
            self.pipeline.close_account(time_ns)
            return True
        if self._terms.margin is not None:
            self._call_margin(equity, time_ns)
        if not self._can_halt:
            return False
        day = limits.day_of(time_ns)
        if day != self._day:
            self._day, self._yesterday = day, self._last_equity
        self._last_equity = equity
        if not self._halted:
            rule = limits.halts(self._sheet.limits, equity, self._peak, self._yesterday)
            if rule == limits.PASSED:
                return False
            self._halted, self._halted_row = _HALTS[rule], row
            self.pipeline.cancel_all()
        if self._terms.limits.flatten:
            self.pipeline.close_account(time_ns, Reason.HALT)
        return True

    def _call_margin(self, equity: float, time_ns: int) -> None:
        """Close everything where equity at a close is below the maintenance margin."""
        margin, ledger = self._terms.margin, self.ledger
        self._is_called = False
        if margin is None or not ledger.holds:
            return
        gross = 0.0
        for i in map(int, np.flatnonzero(ledger.lots)):
            gross += abs(value_of(int(ledger.lots[i]), self._units[i], self._marks[i]))
        if equity < margin.maintenance * gross:
            self.pipeline.liquidate(time_ns)
            self._is_called = True

    # --- what happened ---------------------------------------------------------------------------

    def record(self) -> Record:
        """What happened so far."""
        over = self.pipeline.over
        return Record(
            bars=self._bars,
            start=self._start,
            stop=self._stop,
            terms=self._terms,
            engine="session",
            equity=self._equity,
            held=self._held,
            fills=_columns(self._fills),
            lots=self.ledger.lots.copy(),
            counts=OrderCounts(
                ordered=self.pipeline.ordered,
                filled=self.pipeline.filled,
                shortfalls=self.venue.shortfalls,
                shortfall_lots=self.venue.cancelled_lots,
                below_minimum=self.pipeline.below_minimum,
                unfilled=self.pipeline.unfilled,
                over_position=over[limits.LIMIT_POSITION],
                over_gross=over[limits.LIMIT_GROSS],
                over_net=over[limits.LIMIT_NET],
                over_order=over[limits.LIMIT_ORDER],
                over_participation=over[limits.LIMIT_PARTICIPATION],
            ),
            ruined=self._is_ruined,
            flows=_flow_columns(self._payments.flows),
            splits=tuple(self._payments.splits),
            halted=self._halted,
            halted_row=self._halted_row,
            ambiguous=self.venue.ambiguous,
            rates=self._sheet.fx,
        )

    # --- rules and beginnings --------------------------------------------------------------------

    def _marks_before(self, start: int) -> Floats:
        marks = np.full(len(self._bars.instruments), np.nan)
        for i in range(len(marks)):
            real = np.flatnonzero(self._bars.tradable[:start, i])
            if len(real):
                marks[i] = self._bars.close[real[-1], i]
        return marks

    def _volumes_before(self, start: int) -> Floats:
        volumes = np.zeros(len(self._bars.instruments))
        for i in range(len(volumes)):
            real = np.flatnonzero(self._bars.tradable[:start, i])
            if len(real):
                volumes[i] = self._bars.volume[real[-1], i]
        return volumes

    def _change_rules(self, row: int) -> None:
        stretch = self._table.at(row)
        rules = self._rules(stretch)
        self.pipeline.rules = rules
        self.venue.steps, self.venue.minima = rules.steps, rules.minima
        self._next_rules = self._row_of(stretch + 1)

    def _rules(self, stretch: int) -> OrderRules:
        table = self._table
        return OrderRules(table.ticks[stretch], table.steps[stretch], table.minima[stretch])

    def _row_of(self, stretch: int) -> int:
        return int(self._table.rows[stretch]) if stretch < len(self._table.rows) else self._stop


def _columns(fills: list[Fill]) -> Fills:
    def ints(name: str) -> npt.NDArray[np.int64]:
        return np.array([getattr(fill, name) for fill in fills], np.int64)

    def floats(name: str) -> Floats:
        return np.array([getattr(fill, name) for fill in fills], np.float64)

    return Fills(
        row=ints("row"),
        time=ints("time_ns"),
        instrument=ints("instrument"),
        lots=ints("lots"),
        price=floats("price"),
        fee=floats("fee"),
        reason=ints("reason"),
        cash=floats("cash"),
        slippage=floats("slippage"),
    )


def _flow_columns(flows: list[CashFlow]) -> Flows:
    return Flows(
        row=np.array([flow.row for flow in flows], np.int64),
        time=np.array([flow.time_ns for flow in flows], np.int64),
        instrument=np.array([flow.instrument for flow in flows], np.int64),
        kind=tuple(flow.kind for flow in flows),
        amount=np.array([flow.amount for flow in flows], np.float64),
    )
