"""Sessions put together: configuration, books, gate, kill switch, journal, and the loop that runs them."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from peak_trade.app.recording import Asked, settings_of, url_of
from peak_trade.domain.errors import InputError, PeakTradeError, RefusedError

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.domain.bars import Bars
    from peak_trade.domain.event import Recorder
    from peak_trade.domain.order_strategy import OrderStrategy
    from peak_trade.domain.strategy import HasTargets
    from peak_trade.engine.drive import Ended
    from peak_trade.engine.replay import Difference, Retracing
    from peak_trade.engine.scene import Scene
    from peak_trade.engine.session import Session
    from peak_trade.journal.database import Database
    from peak_trade.research.backtest import Backtest
    from peak_trade.risk.gate import RiskGate
    from peak_trade.risk.heartbeat import Heartbeat
    from peak_trade.risk.kill_files import KillSwitch

PARTS = ";"
"""What parts several strategies in one text."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running session stands, for a live table."""

    session: str
    row: int
    rows: int
    time_ns: int
    equity: float
    positions: tuple[tuple[str, int], ...]
    open_orders: int
    fills: int
    denied: int
    kill: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended, and what came of it.

    ``state`` is ``done``, ``stopped``, ``killed`` or ``failed``; ``result`` measures it where at least
    two rows were traded.
    """

    session: str
    account: str
    mode: str
    state: str
    detail: str
    rows: int
    counts: Mapping[str, int]
    equity: float
    result: "Backtest | None"

    @property
    def is_good(self) -> bool:
        """Whether it ended as it was meant to."""
        return self.state in ("done", "stopped")


@dataclass(frozen=True, slots=True)
class Replay:
    """A session made again from its journal: records compared, and those that differ."""

    session: str
    compared: int
    parted: int
    differences: "tuple[Difference, ...]"


def state_dir(found: "Configuration[Settings]") -> Path:
    """The folder of kill switch, anchors and locks: ``state.dir``, or one of the user's own."""
    given = found.values.state.dir
    if given is not None:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("peak-trade", appauthor=False) / "state"


# --- what a session trades -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trading:
    """What a session trades: a strategy over a scene of bars, under a name that kills may use."""

    strategy: "HasTargets | OrderStrategy"
    name: str
    scene: "Scene"
    bars: "Bars"


def trading_of(asked: Asked, found: "Configuration[Settings]") -> Trading:
    """Load bars, actions and strategies of a session; nothing is written.

    Raises
    ------
    InputError
        What was asked for cannot be traded.
    """
    from peak_trade.app import request
    from peak_trade.app.terms import terms_of
    from peak_trade.data.features.supply import prepared
    from peak_trade.engine.account import check_tradable
    from peak_trade.engine.scene import Scene
    from peak_trade.research.backtest import check_warmup
    from peak_trade.research.span import Span

    strategy, name = strategy_of(asked)
    terms = terms_of(found.values)
    bars = request.load_bars(
        asked.data,
        found,
        columns=asked.columns,
        symbols=asked.symbol,
        version=asked.data_version,
    )
    span = Span.of(bars, asked.start, asked.end)
    check_tradable(span.bars, span.start, span.stop, terms)
    check_warmup(strategy, span)
    prepared(strategy, span.bars)
    scene = Scene.of(
        span.bars,
        start=span.start,
        stop=span.stop,
        terms=terms,
        actions=request.load_actions(asked.actions, found, bars),
        detail=request.load_detail(
            asked.detail, found, bars, columns=asked.columns, interval=asked.detail_interval
        ),
    )
    return Trading(strategy, name, scene, bars)


def strategy_of(asked: Asked) -> "tuple[HasTargets | OrderStrategy, str]":
    """The strategy that is asked for, or the mean of several, and its name in orders and kills.

    Raises
    ------
    StrategyError, ParameterError
        No such strategy or parameter, or an order strategy among several.
    """
    from peak_trade.app.wiring import parse_settings, parse_value, split_settings, strategy_class
    from peak_trade.domain.order_strategy import OrderStrategy
    from peak_trade.domain.strategy import make
    from peak_trade.portfolio.recipe import Mean

    shared = split_settings(asked.settings or [])[0]
    made, names = [], []
    texts = [text for text in asked.strategy.split(PARTS) if text]
    for text in texts:
        name, _, own = text.partition(",")
        values = {
            key: parse_value(value)
            for key, value in (parse_settings(own.split(",")) if own else {}).items()
        }
        made.append(make(strategy_class(name), values if len(texts) > 1 else {**shared, **values}))
        names.append(name.rpartition(":")[2])
    if len(made) == 1:
        return cast("HasTargets | OrderStrategy", made[0]), names[0]
    if shared:
        raise InputError(
            f"{next(iter(shared))} is set for several strategies",
            hint="write each with its own: --strategy ma_cross,fast=20 --strategy macd",
        )
    if any(isinstance(each, OrderStrategy) for each in made):
        raise InputError(
            "an order strategy cannot share its account with other strategies",
            hint="run it in a session and an account of its own",
        )
    return Mean(strategies=tuple(cast("list[HasTargets]", made))), "+".join(names)


# --- starting, going on, making again ------------------------------------------------------------


def start(
    asked: Asked,
    found: "Configuration[Settings]",
    *,
    mode: str = "paper",
    account: str = "paper",
    speed: float = float("inf"),
    watched: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Run a session of stored bars on paper until its data end, it is stopped or killed.

    Parameters
    ----------
    asked, found
        What is traded, and the settings in force.
    mode, account : str
        How it trades, and the account whose limits and kills it is under; one session at a time.
    speed : float
        How many times faster than the bars' own time; infinite for as fast as it goes.
    watched : bool
        Whether a watchdog must be running, without which nothing is sent.
    progress : callable, optional
        Told now and then where the session stands.

    Raises
    ------
    RefusedError
        The account is in use, or the kill switch is tripped for it.
    InputError
        What was asked for cannot be traded; nothing was written.
    """
    from peak_trade.engine.clock import new_run_id
    from peak_trade.engine.mode import session_mode

    session_mode(mode)
    trading = trading_of(asked, found)
    place = Place.of(found, mode, account)
    with place.taken(trading, watched=watched) as kill:
        session_id = new_run_id()
        place.register(session_id, asked, found, trading)
        return place.run(session_id, trading, kill, speed=speed, progress=progress)


def resume(
    reference: str,
    found: "Configuration[Settings]",
    *,
    speed: float = float("inf"),
    watched: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Go on with a session that was stopped, killed or cut off: it is made again from its journal first.

    Raises
    ------
    RefusedError
        It is done, in use or killed, or its journal does not tell what this version decides.
    """
    place, row, trading = _reopened(reference, found)
    if row.state == "done":
        raise RefusedError(
            f"session {row.id} is done: it has traded all of its data",
            hint="start a new one with peak run",
        )
    with place.taken(trading, watched=watched) as kill:
        return place.run(row.id, trading, kill, speed=speed, progress=progress, is_new=False)


def replay(found: "Configuration[Settings]", reference: str) -> Replay:
    """Decide and book a session again from its journal, and compare every record; nothing is written.

    Raises
    ------
    InputError
        No such session, or its data are not there any more.
    """
    from peak_trade.domain.event import Unrecorded
    from peak_trade.engine.replay import Retracing, retrace
    from peak_trade.journal.reader import read

    place, row, trading = _reopened(reference, found)
    # a journal that was cut off may end within an event: what that makes behind its end is no difference
    onward = None if row.ended_ns is not None else Unrecorded()
    trace = Retracing(read(place.database, row.id), onward)
    session = place.session(row.id, trading, trace, place.gate(trading, None, trace))
    retrace(session, trace)
    return Replay(row.id, trace.compared, trace.parted, tuple(trace.differences))


def request_stop(found: "Configuration[Settings]", session_id: str, how: str) -> None:
    """Ask a running session to end; it looks between two rows.

    Raises
    ------
    InputError
        Another way than ``cancel``, ``keep`` or ``flatten``.
    """
    from peak_trade.journal.files import private_folder, replace_atomically

    if how not in ("cancel", "keep", "flatten"):
        raise InputError(f"{how!r} is no way to stop", hint="choose cancel, keep or flatten")
    folder = private_folder(state_dir(found) / "stops")
    replace_atomically(folder / session_id, how.encode())


def _reopened(reference: str, found: "Configuration[Settings]") -> "tuple[Place, Any, Trading]":
    """A recorded session: where it stands, its row, and what it trades, under its own settings."""
    from peak_trade.app.recording import restored
    from peak_trade.journal.sessions import Sessions

    place = Place.of(found, "paper", "paper")
    row = Sessions(place.database).get(reference)
    request = cast("Mapping[str, Any]", row.request)
    with restored(request) as (asked, settings):
        trading = trading_of(asked, settings)
    written = request["data"]["fingerprint"]
    if trading.scene.bars.fingerprint != written:
        raise InputError(
            f"the data of session {row.id} have changed: fingerprint "
            f"{trading.scene.bars.fingerprint}, {written} expected",
            hint="put the data back that it was started with",
        )
    return Place.of(found, row.mode, row.account), row, trading


@dataclass(frozen=True, slots=True)
class Place:
    """Where sessions of one account live: database, state folder, mode."""

    database: "Database"
    folder: Path
    mode: str
    account: str
    found: "Configuration[Settings]"
    beats: "list[Heartbeat]" = field(default_factory=list)

    @classmethod
    def of(cls, found: "Configuration[Settings]", mode: str, account: str) -> "Place":
        """Open the database, and make the state folder."""
        from peak_trade.journal.database import open_database
        from peak_trade.journal.files import private_folder
        from peak_trade.journal.record import checked_stream

        checked_stream(account)
        return cls(
            open_database(url_of(found)), private_folder(state_dir(found)), mode, account, found
        )

    @property
    def holder(self) -> str:
        """How messages to others call this process."""
        return f"peak run (pid {os.getpid()} on {socket.gethostname()})"

    @contextmanager
    def taken(self, trading: Trading, *, watched: bool) -> "Iterator[KillSwitch]":
        """Take the account for this process, where nothing stands against trading."""
        from peak_trade.journal.files import FileLock, private_folder

        with ExitStack() as stack:
            locks = private_folder(self.folder / "accounts")
            lock = FileLock(locks / f"{self.mode}-{self.account}", self.holder)
            stack.enter_context(lock)
            kill = stack.enter_context(_guard(self, watched=watched))
            stopped = kill.blocking(self.account, trading.name, trading.scene.bars.symbols)
            if stopped is not None:
                raise RefusedError(
                    f"session may not trade, the kill switch is tripped: {stopped}",
                    hint="peak kill status shows it; docs/runbooks/recovery.md tells how to recover",
                    scope=stopped.scope.name,
                    reason=stopped.reason,
                )
            yield kill

    def register(
        self, session_id: str, asked: Asked, found: "Configuration[Settings]", trading: Trading
    ) -> None:
        """Write down that a session begins, with everything it takes to make it again."""
        from peak_trade.app.limits_files import limits_in_force
        from peak_trade.engine.clock import now_ns
        from peak_trade.journal.canonical import digest_of
        from peak_trade.journal.sessions import SessionRow, Sessions
        from peak_trade.research.span import code_version

        settings = settings_of(found, is_sweep=False)
        limits = limits_in_force(found, self.mode)
        request = {
            "asked": asdict(asked),
            "settings": settings,
            "layers": {
                key: layer for key in settings if (layer := found.explain(key).layer) != "default"
            },
            "folder": str(Path.cwd()),
            "data": {
                "source": asked.data,
                "fingerprint": trading.scene.bars.fingerprint,
                "start": trading.scene.start,
                "stop": trading.scene.stop,
            },
            "limits": {"source": limits.source, "fingerprint": limits.fingerprint},
        }
        row = SessionRow(
            id=session_id,
            account=self.account,
            venue="simulated",
            environment=self.mode,
            mode=self.mode,
            strategy=trading.name,
            label="",
            state="running",
            started_ns=now_ns(),
            updated_ns=now_ns(),
            request=request,
            config_digest=digest_of(settings),
            code_version=code_version(),
        )
        Sessions(self.database).register(row)

    # --- running ---------------------------------------------------------------------------------

    def run(
        self,
        session_id: str,
        trading: Trading,
        kill: "KillSwitch",
        *,
        speed: float,
        progress: Callable[[Progress], None] | None,
        is_new: bool = True,
    ) -> Outcome:
        """Run a session, a new one or one that goes on; recovery is how every one starts."""
        from peak_trade.app.minding import Minder
        from peak_trade.domain.event import Resumed
        from peak_trade.engine.clock import now_ns
        from peak_trade.engine.drive import Drive, told
        from peak_trade.engine.replay import Retracing, retrace
        from peak_trade.journal.reader import read
        from peak_trade.journal.sessions import Sessions
        from peak_trade.journal.writer import JournalWriter

        sessions = Sessions(self.database)
        with JournalWriter.open(
            self.database, session_id, state_dir=self.folder, holder=self.holder
        ) as writer:
            trace = Retracing(read(self.database, session_id), writer)
            if is_new:
                writer.append("session.started", self._started(session_id, trading), now_ns())
            gate = self.gate(trading, kill, trace)
            session = self.session(session_id, trading, trace, gate)
            inputs = retrace(session, trace)
            if trace.parted:
                first = trace.differences[0]
                raise RefusedError(
                    f"session {session_id} cannot go on: its journal and this version part at "
                    f"{first}",
                    hint=f"peak journal replay {session_id} shows everything that differs",
                )
            if not is_new:
                facts = {"epoch": writer.epoch, "inputs": inputs, "compared": trace.compared}
                writer.append("session.recovered", facts, now_ns())
            sessions.reopen(session_id, now_ns=now_ns())
            if session.stopped:
                session.step(Resumed(session.book.now_ns))
            session.on_halt = lambda rule: self._halted(kill, rule, now_ns())
            if session.halted and not session.was_killed:  # cut off before the switch was tripped
                self._halted(kill, session.halted, now_ns())
            stops = str(self.folder / "stops" / session_id)
            driven = Drive(
                session,
                recorder=trace,
                kill=kill,
                account=self.account,
                strategy=trading.name,
                stop_asked=lambda: self._stop_asked(stops),
                now_ns=now_ns,
                speed=speed,
                progress=_watch(progress, session_id, session, trading, kill),
                beat=self._beat,
                mind=Minder(session, kill, self.found.values.kill, self.account),
            )
            self._clear_stop(session_id)
            stamps = trading.scene.bars.time.tolist()
            try:
                ended = driven.run(session.next_row, trading.scene.stop, stamps)
            except PeakTradeError as error:
                self._close(sessions, session_id, session, told(error), None)
                raise
            writer.append(
                "session.stopped", {"state": ended.state, "detail": ended.detail}, now_ns()
            )
            writer.snapshot(session.state(), now_ns())
            writer.sync()
            outcome = _outcome(self, session_id, session, trading, ended)
            self._close(sessions, session_id, session, ended, outcome)
            return outcome

    def session(
        self, session_id: str, trading: Trading, recorder: "Recorder", gate: "RiskGate"
    ) -> "Session":
        """The session itself, before its first event."""
        from peak_trade.domain.order_strategy import OrderStrategy
        from peak_trade.engine.rows import StoredRows
        from peak_trade.engine.session import Session
        from peak_trade.portfolio.weights import target_array

        scene, strategy = trading.scene, trading.strategy
        return Session(
            scene.bars,
            strategy
            if isinstance(strategy, OrderStrategy)
            else StoredRows(target_array(strategy, scene.bars)),
            start=scene.start,
            stop=scene.stop,
            terms=scene.terms,
            sheet=scene.sheet,
            detail=scene.detail,
            name=trading.name,
            run=session_id,
            gate=gate,
            recorder=recorder,
        )

    def _started(self, session_id: str, trading: Trading) -> dict[str, object]:
        from peak_trade.journal.canonical import plain
        from peak_trade.research.span import code_version

        scene = trading.scene
        return {
            "run": session_id,
            "account": self.account,
            "environment": self.mode,
            "strategy": trading.name,
            "instruments": [
                {
                    "symbol": i.symbol,
                    "lot": i.lot,
                    "tick": i.tick,
                    "multiplier": i.multiplier,
                    "quote": i.quote,
                }
                for i in scene.bars.instruments
            ],
            "cash": scene.terms.cash,
            "currency": scene.terms.currency or scene.bars.instruments[0].quote,
            "data": {
                "source": scene.bars.name,
                "fingerprint": scene.bars.fingerprint,
                "rows": len(scene.bars),
                "start": scene.start,
                "stop": scene.stop,
            },
            "terms": plain(scene.terms),
            "code_version": code_version(),
        }

    # --- stopping --------------------------------------------------------------------------------

    def _lost(self, trace: "Retracing", kill: "KillSwitch", rule: str) -> None:
        """A loss that the gate found now, and not while a journal is retraced."""
        from peak_trade.engine.clock import now_ns

        if trace.is_exhausted:
            self._halted(kill, rule, now_ns())

    def _halted(self, kill: "KillSwitch", rule: str, time_ns: int) -> None:
        """A loss beyond its limit stops the account, and stays so until somebody recovers it."""
        from peak_trade.risk.kills import Scope

        kill.trip(
            f"{rule} was breached",
            by="risk engine",
            now_ns=time_ns,
            scope=Scope(self.mode, account=self.account),
        )

    def _beat(self) -> None:
        from peak_trade.engine.clock import monotonic_ns

        for beat in self.beats:
            beat.beat(monotonic_ns())

    def _stop_asked(self, path: str) -> str:
        if not os.path.exists(path):  # noqa: PTH110 - asked between any two rows
            return ""
        return Path(path).read_text(encoding="utf-8")

    def _clear_stop(self, session_id: str) -> None:
        (self.folder / "stops" / session_id).unlink(missing_ok=True)

    def _close(
        self,
        sessions: Any,  # noqa: ANN401 - Sessions of the journal, imported where it is used
        session_id: str,
        session: "Session",
        ended: "Ended",
        outcome: Outcome | None,
    ) -> None:
        from peak_trade.engine.clock import now_ns

        self._clear_stop(session_id)
        sessions.update(
            session_id,
            state=ended.state,
            detail=ended.detail,
            ended_ns=now_ns(),
            result=None if outcome is None else {"equity": outcome.equity, **outcome.counts},
            now_ns=now_ns(),
        )

    # --- the gate --------------------------------------------------------------------------------

    def gate(self, trading: Trading, kill: "KillSwitch | None", trace: "Retracing") -> "RiskGate":
        """The gate of a session: the account's limits and policies, and the kill switch.

        While a journal is retraced, what others did (kills, room that they took) is read from it;
        without a ``kill`` behind its end too, as in a replay that trades nothing.
        """
        from peak_trade.app.limits_files import limits_in_force, policy_in_force, registered_rules
        from peak_trade.engine.recorded import RecordedKill, RecordedReservations
        from peak_trade.journal.reservations import Reservations
        from peak_trade.risk.gate import RiskGate

        symbols = trading.scene.bars.symbols
        gate = RiskGate(
            limits_in_force(self.found, self.mode),
            RecordedKill(trace, symbols, kill),
            environment=self.mode,
            account=self.account,
            policy=policy_in_force(self.found, self.mode),
            reservations=RecordedReservations(
                trace, Reservations(self.database) if kill is not None else None
            ),
            rules=registered_rules(),
            owner=f"{self.mode}:{self.account}",
        )
        if kill is not None:
            gate.on_loss = lambda breach: self._lost(trace, kill, breach.rule)
        return gate


@contextmanager
def _guard(place: Place, *, watched: bool) -> "Iterator[KillSwitch]":
    """The kill switch of a session, which a watchdog's silence blocks too where one is asked for."""
    from peak_trade.app.moment import boot_id
    from peak_trade.engine.clock import monotonic_ns, now_ns
    from peak_trade.risk.heartbeat import Heartbeat, Lifeline
    from peak_trade.risk.kill_files import KillSwitch

    if not watched:
        kill = KillSwitch(place.folder, environment=place.mode, now_ns=now_ns())
        try:
            yield kill
        finally:
            kill.close()
        return
    boot = boot_id()
    beat = Heartbeat.make(
        place.folder,
        environment=place.mode,
        account=place.account,
        boot=boot,
        monotonic_ns=monotonic_ns(),
    )
    lifeline = Lifeline(beat, boot=boot, monotonic_ns=monotonic_ns)
    kill = KillSwitch(place.folder, environment=place.mode, now_ns=now_ns(), vital=lifeline)
    place.beats.append(beat)
    try:
        yield kill
    finally:
        beat.stop()
        kill.close()


def _outcome(
    place: Place, session_id: str, session: "Session", trading: Trading, ended: "Ended"
) -> Outcome:
    from peak_trade.research.backtest import measured

    record = session.record()
    rows = record.stop - record.start
    result = None
    if rows >= 2:
        result = measured(
            record, trading.strategy, trading.bars, run=session_id, actions=trading.scene.actions
        )
        told = _session_warnings(session, ended)
        kind = f"{place.mode.capitalize()} session"
        result = replace(result, kind=kind, warnings=(*result.warnings, *told))
    counts = {
        "rows": rows,
        "ordered": record.counts.ordered,
        "fills": len(record.fills),
        "denied": session.pipeline.denied,
        "open_orders": len(session.orders.open),
    }
    equity = float(record.equity[-1]) if rows else trading.scene.terms.cash
    return Outcome(
        session_id,
        place.account,
        place.mode,
        ended.state,
        ended.detail,
        rows,
        counts,
        equity,
        result,
    )


def _session_warnings(session: "Session", ended: "Ended") -> tuple[str, ...]:
    """What a reader of a session's report should know besides its figures."""
    found = [
        f"{count:,} {'order was' if count == 1 else 'orders were'} denied by the rule {rule}."
        for rule, count in sorted(session.pipeline.denials.items())
    ]
    if ended.state != "done":
        found.append(f"The session ended early: {ended.state}, {ended.detail}.")
    return tuple(found)


def _watch(
    progress: Callable[[Progress], None] | None,
    session_id: str,
    session: "Session",
    trading: Trading,
    kill: "KillSwitch",
) -> Callable[[int], None] | None:
    """What turns a row that is done into a line for the live table."""
    if progress is None:
        return None
    first, stop = trading.scene.start, trading.scene.stop
    symbols = trading.scene.bars.symbols

    def tell(row: int) -> None:
        lots = session.ledger.lots
        held = tuple((symbols[i], int(lots[i])) for i in range(len(symbols)) if lots[i])
        stopped = kill.blocking("", trading.name, symbols)
        progress(
            Progress(
                session=session_id,
                row=row - first + 1,
                rows=stop - first,
                time_ns=session.book.now_ns,
                equity=session.book.equity,
                positions=held,
                open_orders=len(session.orders.open),
                fills=session.fill_count,
                denied=session.pipeline.denied,
                kill=stopped.reason if stopped else "",
            )
        )

    return tell
