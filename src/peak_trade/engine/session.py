"""The loop of every mode: bars close, orders fill, the books are marked, targets become orders."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError
from peak_trade.domain.event import (
    BarsClosed,
    Event,
    PeakReset,
    Recorder,
    Resumed,
    StopAsked,
    Unrecorded,
)
from peak_trade.domain.ledger import Entry, Fill, Ledger
from peak_trade.domain.lifecycle import Lifecycle
from peak_trade.domain.order import OrderKind, Reason
from peak_trade.domain.order_strategy import OrderStrategy
from peak_trade.domain.record import OrderCounts, Record
from peak_trade.domain.terms import Terms
from peak_trade.engine.account import RuleTable, target_error
from peak_trade.engine.asks import Asking, PlainBar
from peak_trade.engine.columns import fill_columns, flow_columns
from peak_trade.engine.currency import account_currency
from peak_trade.engine.detail import Detail
from peak_trade.engine.intake import Intake
from peak_trade.engine.payments import Payments
from peak_trade.engine.rows import RowSource
from peak_trade.engine.sheet import DELISTING, SPLIT, Sheet
from peak_trade.execution.desk import Decision, Desk, OrderRules
from peak_trade.execution.orders import Orders
from peak_trade.execution.pipeline import Pipeline
from peak_trade.execution.records import (
    KIND_OF_ENTRY,
    entry_record,
    order_record,
)
from peak_trade.execution.sim import FillCosts, Native, SimVenue
from peak_trade.execution.venue import Found, RemoteVenue
from peak_trade.kernels import costs, limits
from peak_trade.kernels.accounting import mark_row, tally_fill, value_of
from peak_trade.kernels.size import account_scale
from peak_trade.risk.book import Book
from peak_trade.risk.gate import RiskGate

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_HALTS = {limits.LIMIT_DRAWDOWN: "max_drawdown", limits.LIMIT_DAILY_LOSS: "max_daily_loss"}


CHUNK = 4096
"""Rows that are handed to Python as numbers at once."""


class Session:
    """Trades target rows, or what an order strategy asks for, one event at a time.

    Parameters
    ----------
    bars : Bars
        All rows from the anchor on.
    source : RowSource or OrderStrategy
        Where target rows come from, or what asks for orders.
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
    gate : RiskGate, optional
        What every order passes; left out, the limits of ``terms`` and nothing else, as in a backtest.
    recorder : Recorder, optional
        Where what happens is written down.
    remote : RemoteVenue, optional
        A venue whose answers and fills come as events; left out, orders are matched on the bars.

    Attributes
    ----------
    ledger : Ledger
        The session's books.
    venue : SimVenue
        The simulated venue, which keeps books of its own.
    orders, pipeline, desk : Orders, Pipeline, Desk
        Every order; the road that they take; what decides them.
    book : Book
        The account as the gate sees it.
    on_halt : callable, optional
        Told of the loss limit that halted trading.

    Raises
    ------
    InputError
        Exits at a remote venue: they would have to rest there as one group.
    """

    def __init__(
        self,
        bars: Bars,
        source: RowSource | OrderStrategy,
        *,
        start: int,
        stop: int,
        terms: Terms,
        sheet: Sheet | None = None,
        detail: Detail | None = None,
        name: str = "strategy",
        run: str = "backtest",
        gate: RiskGate | None = None,
        recorder: Recorder | None = None,
        remote: RemoteVenue | None = None,
    ) -> None:
        if remote is not None and terms.exits.are_set:
            raise InputError(
                f"exits that rest at a remote venue are not offered: {name} at {remote.name}",
                hint="leave the exits out, or let an order strategy ask for its own",
            )
        self._bars, self._terms, self._name = bars, terms, name
        self._source = None if isinstance(source, OrderStrategy) else source
        self._start, self._stop = start, stop
        self._sheet = sheet = sheet or Sheet.of(bars, terms, None, start)
        self._table = RuleTable.of(bars)
        stretch = self._table.at(start)
        rules = self._rules(stretch)
        currency = account_currency(bars, terms.currency)
        self.ledger = Ledger(bars.instruments, terms.cash, currency)
        self._gate = gate or RiskGate.for_backtest(terms.limits)
        self._recorder: Recorder = recorder or Unrecorded()
        self._records = recorder is not None
        self._is_watched = gate is not None
        self.venue = self._open_venue(rules, detail)
        self._marks = self._marks_before(start)
        self._units = self.ledger.units.copy()
        self._last_volume = self._volumes_before(start)
        self.orders = Orders(len(bars.instruments), keeps_ended=self._records)
        self.book = self._open_book(rules)
        self.pipeline = Pipeline(
            remote or self.venue, gate=self._gate, orders=self.orders, recorder=recorder
        )
        self.desk = Desk(
            self.pipeline,
            self.ledger,
            self.book,
            terms=terms,
            rules=rules,
            run=run,
            exits=sheet.exits,
            roi=sheet.roi,
            partials=sheet.partials,
            amends=remote is None,
            strategy=name,
        )
        self._asking = self._open_asking(source)
        if terms.exits.convention == "freqtrade":
            states = self.desk.protection.states
            self.venue.follow(Native(states, self.ledger.average, sheet.exits, sheet.roi))
        self._next_rules = self._row_of(stretch + 1)
        self._row, self._done = start, 0
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
        self.on_halt: Callable[[str], None] | None = None
        self.stopped = ""
        self._payments = Payments(
            self.ledger,
            self.venue,
            self.desk,
            terms=terms,
            marks=self._marks,
            written=self._write_entry if self._records else None,
        )
        self._intake = Intake(
            self.pipeline,
            self.desk,
            self.book,
            recorder=self._recorder,
            booked=self._book,
            ended=self._end_at_venue,
        )
        self._read_terms()
        if self._source is not None:
            self.desk.start_from(self._source.standing(start))
        self._take_rates(start)
        self._take_acts_before(start)
        self.venue.mark(self._marks)

    def _take_acts_before(self, start: int) -> None:
        while (act := self._next_act) is not None and act.row < start:
            is_stale = not self._bars.tradable[act.row : start, act.instrument].any()
            self._payments.act_before(act, is_stale=is_stale)
            self._next_act = next(self._acts, None)

    def _open_book(self, rules: OrderRules) -> Book:
        bars, ledger, orders, cash = self._bars, self.ledger, self.orders, self._terms.cash
        width = len(bars.instruments)
        return Book(
            symbols=bars.symbols,
            ticks=rules.ticks,
            steps=rules.steps,
            minima=rules.minima,
            units=self._units,
            lot_sizes=np.array([instrument.lot for instrument in bars.instruments]),
            held=ledger.lots,
            buying=orders.buying,
            selling=orders.selling,
            marks=self._marks,
            mids=self._marks,
            volumes=self._last_volume,
            daily_volumes=np.full(width, np.nan),
            equity=cash,
            cash=cash,
            peak=cash,
            yesterday=cash,
            now_ns=0,
            data_ns=np.zeros(width, np.int64),
            interval_ns=bars.interval.ns,
            quarantined=np.zeros(width, np.bool_),
            closed=np.zeros(width, np.bool_),
        )

    def _open_asking(self, source: RowSource | OrderStrategy) -> Asking | None:
        if not isinstance(source, OrderStrategy):
            return None
        return Asking(
            source,
            self._bars,
            ledger=self.ledger,
            book=self.book,
            pipeline=self.pipeline,
            next_id=self.desk.next_id,
            name=self._name,
        )

    def _open_venue(self, rules: OrderRules, detail: Detail | None) -> SimVenue:
        sheet = self._sheet
        return SimVenue(
            self._gate.approvals,
            self._bars,
            self._terms,
            charges=FillCosts(
                sheet.slips, sheet.half_spread, sheet.sigma, sheet.mean_volume, sheet.repeats
            ),
            steps=rules.steps,
            minima=rules.minima,
            last_row=self._stop - 1,
            detail=None if detail is None else detail.inside,
            matching=self._terms.matching,
        )

    def _read_terms(self) -> None:
        """Which steps of a row the terms ask for, so that a plain account does not pay for them."""
        terms, sheet = self._terms, self._sheet
        self._has_fees = bool(terms.costs.fees)
        self._has_fx = bool(sheet.fx.size)
        self._can_halt = terms.limits.halt
        self._has_sizer = terms.sizer is not None
        self._moves_exits = self.desk.protection.move
        self._has_limits = not terms.limits.are_wide

    # --- the loop --------------------------------------------------------------------------------

    def run(self) -> Record:
        """Step through all rows and give the record."""
        if self._asking is not None and self._is_quiet_between_orders:
            self._run_between_orders(self._asking)
        else:
            for event in self._events():
                self.step(event)
        return self.record()

    @property
    def _is_quiet_between_orders(self) -> bool:
        """Whether a row without open orders and shorts is the strategy's turn and a mark, no more."""
        sheet = self._sheet
        return (
            not (self._records or self._is_watched or self._has_fx or self._payments.has_carry)
            and len(self._marks) == 1
            and self._terms.are_plain
            and not sheet.acts
            and self._next_rules >= self._stop
        )

    def _run_between_orders(self, asking: Asking) -> None:
        """Step through all rows; those in which nothing but the strategy happens are marked together."""
        bars, ledger, stop = self._bars, self.ledger, self._stop
        columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.tradable)
        marked, is_busy = self._start, True
        for first in range(self._start, stop, CHUNK):
            rows = range(first, min(first + CHUNK, stop))
            lists = [column[rows.start : rows.stop, 0].tolist() for column in columns]
            stamps = bars.time[rows.start : rows.stop].tolist()
            left: Iterator[PlainBar] = zip(rows, stamps, *lists, strict=True)
            while True:
                if is_busy:
                    row, time_ns = next(left, (-1, 0))[:2]
                    wishes = None
                else:
                    row, time_ns, wishes = asking.first_wish(left)
                if row < 0:
                    break
                self._mark_stretch(marked, row if wishes is None else row + 1)
                marked = row + 1
                if wishes is None:
                    self.step(BarsClosed(row, time_ns))
                else:
                    asking.take(wishes)
                is_busy = self.venue.has_orders or int(ledger.lots[0]) < 0
        self._mark_stretch(marked, stop)

    def _mark_stretch(self, first: int, stop: int) -> None:
        """Mark rows in which positions and cash stayed as they are."""
        if first >= stop:
            return
        ledger, begin = self.ledger, self._start
        lots, cash = int(ledger.lots[0]), ledger.cash[ledger.currency]
        closes = self._bars.close[first:stop, 0]
        held = value_of(lots, float(self._units[0]), 1.0) if lots else 0.0
        self._equity[first - begin : stop - begin] = cash + held * closes if lots else cash
        self._held[first - begin : stop - begin] = ledger.holds
        self._marks[0] = closes[-1]
        self._row, self._done = stop - 1, stop - begin
        book = self.book
        book.version += 1
        book.now_ns = int(self._bars.time[stop - 1])
        book.cash, book.equity = cash, float(self._equity[stop - 1 - begin])

    def step(self, event: Event) -> None:
        """Take one event.

        Raises
        ------
        StrategyError
            Targets that add up to more than they may, or are infinite.
        JournalError
            What happened could not be written down: nothing may be sent any more.
        """
        self.book.version += 1
        if isinstance(event, BarsClosed):
            self._bars_closed(event)
            return
        self.book.now_ns = max(self.book.now_ns, event.time_ns)
        if isinstance(event, PeakReset):
            self._reset_peak(event)
            return
        if isinstance(event, StopAsked | Resumed):
            self.stopped = event.how if isinstance(event, StopAsked) else ""
        self._intake.take(event, self._row)

    def _bars_closed(self, event: BarsClosed) -> None:
        """Take a row of bars: fills first, then marks, then new orders."""
        row = event.row
        self.book.now_ns = max(self.book.now_ns, event.time_ns)
        if self._records:
            self._recorder.append("bars", {"row": row, "digest": self._digest(row)}, event.time_ns)
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
            if self._asking is not None:
                self._end_orders(self._asking)
        if self._payments.has_carry and row > self._start:
            self._payments.accrue(
                row,
                event.time_ns,
                event.time_ns - int(self._bars.time[row - 1]),
                closes=self._closes(row),
                units=self._units_at(row),
            )
        equity = self._mark(row)
        if self._records:
            self._recorder.append("equity", {"row": row, "equity": equity}, event.time_ns)
        if self._stops(row, equity, event.time_ns):
            return
        is_called = self._terms.margin is not None and self._is_called
        if self._moves_exits and self.ledger.holds:
            bars = self._bars
            self.desk.after_closes(bars.high[row], bars.low[row], bars.tradable[row], event.time_ns)
        if self.stopped:
            if self.stopped == "flatten" and self.ledger.holds:  # what was refused is asked again
                self.desk.close_account(event.time_ns, Reason.FLATTEN)
            return
        if self.desk.protection.refused and not self.kills:
            self.desk.protect_again(event.time_ns, sorted(self.desk.protection.refused))
        if self._asking is not None:
            self._asking.on_bars(row, event.time_ns)
        if self._source is not None:
            self._react(self._source.row(row), row, equity, event.time_ns, is_called=is_called)

    def _react(
        self, targets: Floats, row: int, equity: float, time_ns: int, *, is_called: bool
    ) -> None:
        if self.desk.is_idle(targets) and not is_called:
            return
        if self._records:
            stated = {str(i): float(targets[i]) for i in np.flatnonzero(~np.isnan(targets))}
            self._recorder.append("targets", {"row": row, "targets": stated}, time_ns)
        decision = self._decision(row, equity, time_ns, is_called=is_called)
        if not self.desk.react(targets, decision):
            raise target_error(
                self._bars, row, self._name, float(np.abs(self.desk.last).sum()),
                self._terms.max_weight,
            )  # fmt: skip

    def _digest(self, row: int) -> str:
        """A digest of a row's bars, by which a replay knows that it was given the same."""
        bars = self._bars
        digest = hashlib.blake2b(digest_size=8)
        for column in (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.tradable):
            digest.update(column[row].tobytes())
        return digest.hexdigest()

    # --- what comes unasked ----------------------------------------------------------------------

    def take_found(self, client_id: str, found: Found | None, time_ns: int) -> None:
        """Take what a venue answered when it was asked for an order that nobody knew about."""
        self.book.version += 1
        self.book.now_ns = max(self.book.now_ns, time_ns)
        self._intake.found(client_id, found, time_ns)

    def _reset_peak(self, event: PeakReset) -> None:
        record = {"reason": event.reason, "operator": event.operator, "peak": self.book.equity}
        self._recorder.append("peak.reset", record, event.time_ns)
        self._peak = self.book.peak = self.book.equity

    def _end_at_venue(self, life: Lifecycle) -> None:
        """Tell strategy and desk of an order that a remote venue has ended."""
        if self._asking is not None:
            self._asking.on_end(life)
        if life.order.kind is OrderKind.MARKET:
            self.desk.on_end(
                (life.order.instrument,), last_close_ns=self._before(self._row), atr=None
            )

    def make_durable(self) -> None:
        """Make everything durable that was written down so far."""
        self._recorder.sync()

    def note_reconciled(self, found: Mapping[str, object], time_ns: int) -> None:
        """Write down how a comparison of the books came out; it moves nothing."""
        self._recorder.append("reconcile", found, time_ns)
        self._recorder.sync()

    @property
    def halted(self) -> str:
        """The loss limit that halted trading for good, or nothing."""
        return self._halted

    @property
    def was_killed(self) -> bool:
        """Whether a kill has ever stopped the session."""
        return self._intake.was_killed

    @property
    def kills(self) -> dict[str, str]:
        """Reasons of the kills that the session was told of and not recovered from, by scope."""
        return self._intake.kills

    @property
    def cancelling(self) -> list[Lifecycle]:
        """Orders that were asked to be cancelled and have not ended yet."""
        return self.pipeline.cancelling

    def _write_entry(self, entry: Entry) -> None:
        kind = KIND_OF_ENTRY[type(entry)]
        self._recorder.append(kind, entry_record(entry), self.book.now_ns)

    def _end_orders(self, asking: Asking) -> None:
        """Follow general orders that the venue ended otherwise than by filling them."""
        for client_id, state, detail in self.venue.take_ended():
            life = self.orders.find(client_id)
            self.pipeline.end(client_id, state, self.book.now_ns, detail)
            if life is not None:
                asking.on_end(life)

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
                self.desk.on_end(
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
            if self._has_sizer:  # which alone reads what was closed
                held = int(self.ledger.lots[i])
                tally_fill(self._trades[i], self._closed, held, fill.lots, value, fill.fee)
            self._volume += abs(value)
            if self._has_fees:
                self._traded.append((fill.time_ns, self._volume))
            if self._is_watched:
                self._realise(fill, value)
            self.ledger.apply(fill)
            self.pipeline.on_fill(fill)
            self._fills.append(fill)
            if self._is_watched:
                self._settle(fill.client_id)
            if self._records:
                self._write_entry(fill)
            if fill.reason is not Reason.ORDER:
                self.desk.on_fill(fill)
            if self._asking is not None:
                self._asking.on_fill(fill)

    def _realise(self, fill: Fill, value: float) -> None:
        """What a fill makes of positions that it closes, net of its fee, counts for the day."""
        i, held = fill.instrument, int(self.ledger.lots[fill.instrument])
        closed = min(abs(held), abs(fill.lots)) if held * fill.lots < 0 else 0
        gained = 0.0
        if closed:
            unit = value / (fill.lots * fill.price) if fill.price else 0.0
            side = 1 if held > 0 else -1
            gained = side * closed * unit * (fill.price - float(self.ledger.average[i]))
        self.book.realised += gained - fill.fee

    def _settle(self, client_id: str) -> None:
        """State to the gate what is held now, and give back what an order that has ended reserved."""
        life = self.orders.find(client_id)
        gross = 0.0
        for i in map(int, np.flatnonzero(self.ledger.lots)):
            gross += abs(value_of(int(self.ledger.lots[i]), self._units[i], self._marks[i]))
        ended = [life.order] if life is not None and not life.is_open else []
        self._gate.settle(gross, orders=ended)

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
                self.desk.on_delisting(act.instrument)
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
        if self._has_limits or self._is_watched:
            real = bars.tradable[row]
            self._last_volume[real] = bars.volume[row][real]
        cash = ledger.cash[ledger.currency]
        equity = float(
            mark_row(bars.close, bars.tradable, row, self._marks, cash, ledger.lots, self._units)
        )
        self._row, self._done = row, k + 1
        self._equity[k] = equity
        book = self.book
        book.equity, book.cash, book.units = equity, cash, self._units
        if self._is_watched:
            book.data_ns[:] = book.now_ns  # a feed that is stored knows which bars there are not
        self._held[k] = ledger.holds
        if self._has_sizer or self._can_halt or self._is_watched:
            self._peak = book.peak = max(self._peak, equity)
        if self._can_halt or self._is_watched:
            self._roll_day(int(bars.time[row]), equity)
        return equity

    def _roll_day(self, time_ns: int, equity: float) -> None:
        """Where a day begins, the last equity of the one before is what its losses are measured from."""
        day = limits.day_of(time_ns)
        if day != self._day:
            self._day, self._yesterday = day, self._last_equity
            self.book.yesterday, self.book.realised = self._yesterday, 0.0
        self._last_equity = equity

    def _stops(self, row: int, equity: float, time_ns: int) -> bool:
        """Whether the account takes no more targets: ruined, or halted by a limit."""
        if self._terms.margin is not None:
            self.venue.units = self._units  # until the next row's rates
            self.venue.mark(self._marks)
        if self._is_ruined or equity <= 0.0:
            if not self._is_ruined and self._asking is not None:
                self._cancel_asked(time_ns)
            self._is_ruined = True
            self.desk.close_account(time_ns)
            return True
        if self._terms.margin is not None:
            self._call_margin(equity, time_ns)
        if not self._can_halt:
            return False
        if not self._halted:
            rule = limits.halts(self._sheet.limits, equity, self._peak, self._yesterday)
            if rule == limits.PASSED:
                return False
            self._halted, self._halted_row = _HALTS[rule], row
            self.desk.cancel_all()
            self._cancel_asked(time_ns)
            if self.on_halt is not None:
                self.on_halt(self._halted)
        if self._terms.limits.flatten:
            self.desk.close_account(time_ns, Reason.HALT)
        return True

    def _cancel_asked(self, time_ns: int) -> None:
        """Cancel what an order strategy has asked for; it is not asked any more."""
        for life in self.orders.open if self._asking is not None else ():
            if life.order.reason is Reason.ORDER:
                self.pipeline.cancel(life.order.client_id, time_ns)

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
            self.desk.liquidate(time_ns)
            self._is_called = True

    # --- what happened ---------------------------------------------------------------------------

    @property
    def next_row(self) -> int:
        """The row to be stepped through next."""
        return self._start + self._done

    @property
    def fill_count(self) -> int:
        """How many fills were booked so far."""
        return len(self._fills)

    def state(self) -> dict[str, object]:
        """Positions, cash and open orders as plain values: what a snapshot holds."""
        return {
            "row": self.next_row,
            "lots": [int(lots) for lots in self.ledger.lots],
            "average": [float(price) for price in self.ledger.average],
            "cash": dict(self.ledger.cash),
            "equity": self.book.equity,
            "peak": self.book.peak,
            "orders": [
                {
                    "order": order_record(life.order),
                    "state": life.state.value,
                    "filled": life.filled,
                }
                for life in self.orders.open
            ],
        }

    def record(self) -> Record:
        """What happened so far."""
        over, desk, asking, done = self.desk.over, self.desk, self._asking, self._done
        return Record(
            bars=self._bars,
            start=self._start,
            stop=self._start + done,
            terms=self._terms,
            engine="session",
            equity=self._equity[:done],
            held=self._held[:done],
            fills=fill_columns(self._fills),
            lots=self.ledger.lots.copy(),
            counts=OrderCounts(
                ordered=desk.ordered + (asking.ordered if asking else 0),
                filled=desk.filled + (asking.filled if asking else 0),
                shortfalls=self.venue.shortfalls,
                shortfall_lots=self.venue.cancelled_lots,
                below_minimum=desk.below_minimum,
                unfilled=desk.unfilled + (len(self.orders.open) if asking else 0),
                over_position=over.get("max_position", 0),
                over_gross=over.get("max_gross", 0),
                over_net=over.get("max_net", 0),
                over_order=over.get("max_order", 0),
                over_participation=over.get("max_participation", 0),
            ),
            ruined=self._is_ruined,
            flows=flow_columns(self._payments.flows),
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
        self.desk.rules = rules
        book = self.book
        book.ticks, book.steps, book.minima = rules.ticks, rules.steps, rules.minima
        self.venue.steps, self.venue.minima = rules.steps, rules.minima
        self._next_rules = self._row_of(stretch + 1)

    def _rules(self, stretch: int) -> OrderRules:
        table = self._table
        return OrderRules(table.ticks[stretch], table.steps[stretch], table.minima[stretch])

    def _row_of(self, stretch: int) -> int:
        return int(self._table.rows[stretch]) if stretch < len(self._table.rows) else self._stop
