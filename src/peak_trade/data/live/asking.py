"""Questions that block, asked beside what goes on."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from peak_trade.domain.errors import DataError

Answer = TypeVar("Answer")


async def in_thread(ask: Callable[[], Answer]) -> Answer:
    """Ask in a thread of its own, which keeps nobody from ending before it has an answer.

    Examples
    --------
    >>> asyncio.run(in_thread(lambda: 42))
    42
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def tell(found: Answer) -> None:
        if not answer.done():
            answer.set_result(found)

    def fail(error: Exception) -> None:
        if not answer.done():
            answer.set_exception(error)

    def run() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended in between
            try:
                found = ask()
            except (
                DataError, OSError, ArithmeticError, LookupError, TypeError, ValueError
            ) as error:  # fmt: skip
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=run, name="backfill", daemon=True).start()
    return await answer
