"""One venue's live feed: connections that are kept up, and what comes in made into events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence

import aiohttp
import msgspec
import numpy as np

from peak_trade.adapters.feeds.connection import (
    BROKEN,
    Connection,
    SteadyClock,
    environment_of,
    reason_of,
    shown,
)
from peak_trade.adapters.feeds.dialect import Dialect, Requests
from peak_trade.data.live.asking import in_thread
from peak_trade.data.live.backoff import Backoff
from peak_trade.data.live.closing import Ask
from peak_trade.data.live.events import Candle, FeedEvent, WrongEnvironment
from peak_trade.data.live.messages import Accepted, Declined, Frame, GoingDown, Pong
from peak_trade.data.live.source import Environment, FeedOptions
from peak_trade.data.live.state import FeedState
from peak_trade.data.source import SourceError, Trouble
from peak_trade.domain.errors import DataError, did_you_mean

TICK_S = 0.05
READY_S = 15.0


class VenueFeed:
    """Closed bars of one venue while they are made.

    Parameters
    ----------
    dialect : Dialect
        How the venue is spoken with.
    options : FeedOptions
        What it is pointed at, and when it loses patience.

    Raises
    ------
    SourceError
        An address of another environment than the one asked for.
    """

    def __init__(self, dialect: Dialect, options: FeedOptions) -> None:
        self._dialect, self._options = dialect, options
        self._url = dialect.address(options.base_url or dialect.url)
        own = "" if options.base_url else dialect.rest_url
        self._rest_url = options.rest_url or own
        self._environment = environment_of(dialect, self._url, options.environment)
        self.state: FeedState | None = None

    @property
    def venue(self) -> str:
        """The venue of its bars."""
        return self._dialect.venue

    @property
    def environment(self) -> Environment:
        """What it listens to."""
        return self._environment

    @property
    def intervals(self) -> tuple[str, ...]:
        """The intervals that it offers."""
        return self._dialect.intervals

    def __repr__(self) -> str:
        return f"VenueFeed({self.venue} {self.environment}, {shown(self._url)})"

    async def bars(self, symbols: Sequence[str], interval: str) -> AsyncIterator[FeedEvent]:
        """Give closed bars, and what else there is to know, as they come; until it is closed."""
        self._check(symbols, interval)
        run = _Run(
            self._dialect, self._options, symbols, interval,
            url=self._url, rest_url=self._rest_url, environment=self.environment,
        )  # fmt: skip
        self.state = run.state
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=READY_S)) as session:
            task = asyncio.create_task(run.main(session))
            task.add_done_callback(lambda _: run.told.put_nowait(None))
            try:
                while (event := await run.told.get()) is not None:
                    yield event
                await task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _check(self, symbols: Sequence[str], interval: str) -> None:
        if interval not in self.intervals:
            raise SourceError(
                Trouble.NOT_OFFERED,
                f"{self.venue} has no candles of {interval}; it has {', '.join(self.intervals)}",
                hint=did_you_mean(interval, self.intervals),
                interval=interval,
            )
        if not symbols or len(set(symbols)) != len(symbols):
            raise SourceError(
                Trouble.UNKNOWN_SYMBOL,
                f"symbols {', '.join(symbols) or '(none)'} of {self.venue}: each is named once",
                hint="name them with commas, such as BTC/USD,ETH/USD",
            )


class _Run:
    """A feed while it runs."""

    def __init__(
        self,
        dialect: Dialect,
        options: FeedOptions,
        symbols: Sequence[str],
        interval: str,
        *,
        url: str,
        rest_url: str,
        environment: Environment,
    ) -> None:
        self.dialect, self.options = dialect, options
        self.symbols, self.interval = tuple(symbols), interval
        self.url, self.rest_url = url, rest_url
        depth = options.book_depth
        self.state = FeedState(
            dialect.venue,
            symbols,
            interval=interval,
            options=options,
            environment=environment,
            new_book=(lambda: dialect.new_book(depth)) if depth else None,
        )
        self.told: asyncio.Queue[FeedEvent | None] = asyncio.Queue()
        self.clock = SteadyClock()
        self.backoff = Backoff(
            np.random.default_rng(options.seed),
            first_s=options.first_wait_s,
            most_s=options.most_wait_s,
        )
        self.renew = asyncio.Event()
        self.current: Connection | None = None
        self.requests: Requests | None = None
        self._pings: dict[int, int] = {}
        self._pinged_ns = 0
        self._number = 100
        self._is_asking_time = False
        self._helpers: set[asyncio.Task[None]] = set()
        self._helper_error: asyncio.Future[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    def tell(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            self.told.put_nowait(event)

    # ---- connections

    async def main(self, session: aiohttp.ClientSession) -> None:
        self.requests = self.dialect.requests(session, self.rest_url)
        self._helper_error = asyncio.get_running_loop().create_future()
        ticking: asyncio.Task[None] | None = None
        try:
            if self.requests is not None:
                await self._check_symbols(self.requests)
            ticking = asyncio.create_task(self._tick())
            keeping = asyncio.create_task(self._keep(session))
            self._helpers.add(keeping)
            done, _ = await asyncio.wait(
                {ticking, keeping, self._helper_error}, return_when=asyncio.FIRST_COMPLETED
            )
            for ended in done:
                ended.result()
        finally:
            tasks = [task for task in (ticking, *self._helpers) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._helper_error.cancel()
            if self.current is not None:
                await self.current.close()

    async def _check_symbols(self, requests: Requests) -> None:
        try:
            await requests.check_symbols(self.symbols)
        except (*BROKEN, msgspec.DecodeError) as error:
            raise self._unreachable(self.rest_url, error) from error

    def _unreachable(self, url: str, error: BaseException) -> SourceError:
        return SourceError(
            Trouble.UNREACHABLE,
            f"{self.dialect.venue} cannot be reached at {shown(url)}: {reason_of(error)}",
            hint="check the address, the network, and whether the venue is up",
            url=shown(url),
        )

    async def _keep(self, session: aiohttp.ClientSession) -> None:
        """Keep a connection up; replace one that is old or about to be cut while it still runs."""
        self.current = await self._first(session)
        while True:
            renewing = asyncio.create_task(self.renew.wait())
            reading = self.current.reading
            if reading is None:
                return
            try:
                await asyncio.wait({reading, renewing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                renewing.cancel()
            if reading.done():
                if not reading.cancelled():
                    reading.result()  # what must not be tried again is raised here
                why = self.current.why or "the venue closed it"
                self.tell(self.state.on_down(why, self.clock.now_ns()))
                await self.current.close()
                self.current = await self._again(session)
            else:
                await self._replace(session)

    async def _first(self, session: aiohttp.ClientSession) -> Connection:
        while True:
            try:
                return await self._opened(session)
            except BROKEN as error:
                if self.backoff.attempts + 1 >= self.options.first_tries:
                    raise self._unreachable(self.url, error) from error
                await asyncio.sleep(self.backoff.next_s())

    async def _again(self, session: aiohttp.ClientSession) -> Connection:
        while True:
            await asyncio.sleep(self.backoff.next_s())
            with contextlib.suppress(*BROKEN):
                return await self._opened(session)

    async def _replace(self, session: aiohttp.ClientSession) -> None:
        """Open a second connection beside the first, and close that when the second holds."""
        self.renew.clear()
        old = self.current
        try:
            new = await self._opened(session)
        except BROKEN:
            if old is not None:
                old.begun_ns = self.clock.now_ns()  # it is tried again when it is old again
            return
        self.current = new
        if old is not None:
            await old.close()

    async def _opened(self, session: aiohttp.ClientSession) -> Connection:
        """Connect, subscribe to everything, and wait until all of it is granted."""
        socket = await session.ws_connect(self.url, max_msg_size=0, autoping=True, timeout=aiohttp.ClientWSTimeout(ws_close=2.0))  # fmt: skip
        depth = self.options.book_depth
        now_ns = self.clock.now_ns()
        connection = Connection(socket, self.dialect.expected(self.symbols, depth), now_ns)
        connection.reading = asyncio.create_task(self._read(connection))
        is_held = False
        try:
            await self._ping(connection)
            asked = self.dialect.subscriptions(self.symbols, self.interval, depth)
            for k, frame in enumerate(asked):
                if k >= 3:
                    await asyncio.sleep(0.25)  # venues bound how many messages a second they take
                await socket.send_str(frame.decode())
            ready = asyncio.create_task(connection.is_ready.wait())
            try:
                async with asyncio.timeout(READY_S):
                    await asyncio.wait(
                        {ready, connection.reading}, return_when=asyncio.FIRST_COMPLETED
                    )
            finally:
                ready.cancel()
            if connection.reading.done():
                connection.reading.result()
                raise aiohttp.ClientConnectionError(connection.why or "closed at once")
            is_held = True
        finally:
            if not is_held:
                await connection.close()
        self.tell(self.state.on_up(self.clock.now_ns(), self.backoff.attempts + 1))
        self.backoff.reset()
        if self.requests is not None and depth:
            for symbol in self.symbols:
                self._help(self._snapshot(self.requests, symbol))
        return connection

    # ---- what comes in

    async def _read(self, connection: Connection) -> None:
        try:
            async for message in connection.socket:
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    continue
                now_ns = self.clock.now_ns()
                connection.heard_ns = now_ns
                frame = self.dialect.decode(message.data)
                told = self.state.on_frame(frame, now_ns)
                if told:
                    self.tell(told)
                self._note(connection, frame, now_ns)
            code = connection.socket.close_code
            connection.why = connection.why or f"the venue closed it (code {code})"
        except BROKEN as error:
            connection.why = connection.why or reason_of(error)

    def _note(self, connection: Connection, frame: Frame, now_ns: int) -> None:
        """What a frame says about the connection itself."""
        for said in frame.messages:
            if isinstance(said, Pong):
                sent_ns = self._pings.pop(said.number, None)
                if sent_ns is not None and frame.stamp_ns is not None:
                    self.state.clock.on_round_trip(
                        sent_ns=sent_ns, stamp_ns=frame.stamp_ns, received_ns=now_ns
                    )
            elif isinstance(said, Accepted):
                connection.waiting.discard((said.channel, said.symbol))
                if not connection.waiting:
                    connection.is_ready.set()
            elif isinstance(said, Declined):
                raise self._declined(said)
            elif isinstance(said, GoingDown) and connection is self.current:
                self.renew.set()

    def _declined(self, said: Declined) -> SourceError:
        trouble = Trouble.UNKNOWN_SYMBOL if said.is_unknown_symbol else Trouble.NOT_OFFERED
        of = f" of {said.symbol}" if said.symbol else ""
        hint = "name it as the venue does, such as BTC/USD" if said.is_unknown_symbol else ""
        return SourceError(
            trouble,
            f"{self.dialect.venue} refused the subscription{of}: {said.reason}",
            hint=hint,
            symbol=said.symbol,
        )

    # ---- time

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now_ns = self.clock.now_ns()
            if self.clock.has_stepped():
                self.state.own_clock_stepped()
                continue
            told = self.state.advance(now_ns)
            self.tell(told)
            for event in told:
                if isinstance(event, WrongEnvironment):
                    raise SourceError(
                        Trouble.WRONG_ENVIRONMENT,
                        f"{self.dialect.venue} at {shown(self.url)} is not live: {event.why}",
                        hint="check the address and this machine's clock",
                    )
            for asked in self.state.asks(now_ns):
                self._help(self._backfill(asked))
            for symbol in self.state.books_to_resync():
                self._help(self._resync(symbol))
            await self._look_after(now_ns)

    async def _look_after(self, now_ns: int) -> None:
        """Ping, renew, and give up a connection that is silent for too long."""
        connection = self.current
        if connection is None or connection.socket.closed:
            return
        silence = self.options.silence_ns or self.dialect.silence_ns
        if now_ns - connection.heard_ns > silence:
            silent_s = (now_ns - connection.heard_ns) / 1e9
            connection.why = f"nothing was heard for {silent_s:.1f} s, not even a heartbeat"
            connection.heard_ns = now_ns
            if connection.reading is not None:
                connection.reading.cancel()
            return
        if now_ns - self._pinged_ns >= self.options.ping_every_ns:
            await self._ping(connection)
        renew_s = self.options.renew_after_s or self.dialect.renew_after_s
        if renew_s is not None and now_ns - connection.begun_ns > renew_s * 1e9:
            self.renew.set()

    async def _ping(self, connection: Connection) -> None:
        self._number += 1
        self._pinged_ns = self.clock.now_ns()
        frame = self.dialect.ping(self._number)
        if frame is not None:
            self._pings = {self._number: self._pinged_ns}
            with contextlib.suppress(*BROKEN):
                await connection.socket.send_str(frame.decode())
        elif self.requests is not None and not self._is_asking_time:
            self._is_asking_time = True
            self._help(self._time(self.requests))

    # ---- what is asked on the side

    def _help(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._helpers.add(task)
        task.add_done_callback(self._helped)

    def _helped(self, task: asyncio.Task[None]) -> None:
        self._helpers.discard(task)
        error = None if task.cancelled() else task.exception()
        failed = self._helper_error
        if error is not None and failed is not None and not failed.done():
            failed.set_exception(error)

    async def _backfill(self, asked: Ask) -> None:
        backfill = self.options.backfill
        if backfill is None:
            return
        candles: Sequence[Candle] | None = None
        with contextlib.suppress(DataError, OSError):
            async with self._one_at_a_time:
                candles = await in_thread(
                    lambda: backfill.bars(
                        asked.symbol,
                        asked.interval,
                        start_ns=asked.start_ns,
                        stop_ns=asked.stop_ns,
                    )
                )
        self.tell(self.state.answer(asked, candles, self.clock.now_ns()))

    async def _time(self, requests: Requests) -> None:
        sent_ns = self.clock.now_ns()
        try:
            with contextlib.suppress(*BROKEN, msgspec.DecodeError):
                stamp_ns = await requests.time_ns()
                self.state.clock.on_round_trip(
                    sent_ns=sent_ns, stamp_ns=stamp_ns, received_ns=self.clock.now_ns()
                )
        finally:
            self._is_asking_time = False

    async def _resync(self, symbol: str) -> None:
        """Have a fresh book: a new subscription, or a snapshot from the server."""
        frames = self.dialect.resubscribe_book(symbol, self.options.book_depth)
        if not frames and self.requests is not None:
            await self._snapshot(self.requests, symbol)
            return
        connection = self.current
        try:
            if connection is None or connection.socket.closed:
                raise aiohttp.ClientConnectionError("there is no connection")
            for frame in frames:
                await connection.socket.send_str(frame.decode())
        except BROKEN:
            await asyncio.sleep(self.options.first_wait_s)
            self.state.resync_failed(symbol)

    async def _snapshot(self, requests: Requests, symbol: str) -> None:
        try:
            book = await requests.book(symbol)
        except (*BROKEN, msgspec.DecodeError):
            book = None
        if book is not None:
            self.tell(self.state.on_frame(Frame((book,)), self.clock.now_ns()))
        kept = self.state.book(symbol)
        if kept is not None and not kept.is_sound:
            await asyncio.sleep(self.options.first_wait_s)
            self.state.resync_failed(symbol)
