"""A live feed for a reader that is not asynchronous: a thread fills a queue."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

from peak_trade.domain.errors import DataError

Told = TypeVar("Told")


class _End:
    """The feed has ended, well or with an error."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class FeedThread(Generic[Told]):
    """What a live feed tells, to be taken one by one by synchronous code.

    Parameters
    ----------
    make : callable
        Gives the feed; called in the thread, such as ``lambda: source.bars(["BTC/USD"], "1m")``, or
        that with ``guarded`` around it.

    Examples
    --------
    >>> async def feed():
    ...     yield "one"
    ...     yield "two"
    >>> with FeedThread(feed) as events:
    ...     list(events)
    ['one', 'two']
    """

    def __init__(self, make: Callable[[], AsyncIterator[Told]]) -> None:
        self._make = make
        self._told: queue.SimpleQueue[Told | _End] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_ready = threading.Event()
        self._end: _End | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def __enter__(self) -> "FeedThread[Told]":
        self._thread.start()
        self._is_ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._fill())
        except asyncio.CancelledError:
            self._told.put(_End(None))
        except BaseException as error:
            self._told.put(_End(error))
            if not isinstance(error, Exception):
                raise
        else:
            self._told.put(_End(None))
        finally:
            self._is_ready.set()

    async def _fill(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._is_ready.set()
        feed = self._make()
        try:
            async for event in feed:
                self._told.put(event)
        finally:
            close = getattr(feed, "aclose", None)
            if close is not None:
                await close()

    def get(self, timeout_s: float | None = None) -> Told | None:
        """Give the next event; None where none came in time, or where the feed has ended.

        Raises
        ------
        SourceError
            What ended the feed.
        """
        if self._end is not None:
            self._raise()
            return None
        try:
            told = self._told.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(told, _End):
            self._end = told
            self._raise()
            return None
        return told

    def _raise(self) -> None:
        if self._end is not None and self._end.error is not None:
            raise self._end.error

    @property
    def has_ended(self) -> bool:
        """Whether the feed has ended and everything that it told was taken."""
        return self._end is not None

    def __iter__(self) -> Iterator[Told]:
        while not self.has_ended:
            event = self.get()
            if event is not None:
                yield event

    def close(self, timeout_s: float = 10.0) -> None:
        """End the feed, and wait until its connections are closed.

        Raises
        ------
        DataError
            It did not end in time.
        """
        loop, task = self._loop, self._task
        if loop is not None and task is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop may have ended in between
                loop.call_soon_threadsafe(task.cancel)
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise DataError(f"the feed did not end within {timeout_s} s")
