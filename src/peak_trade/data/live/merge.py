"""Several live feeds as one."""

import asyncio
from collections.abc import AsyncIterator

from peak_trade.data.live.events import FeedEvent


async def merged(*feeds: AsyncIterator[FeedEvent]) -> AsyncIterator[FeedEvent]:
    """Give what several feeds tell, in the order in which it comes.

    It ends when all have ended; an error of one ends them all. Close it (``aclose``) to close them.

    Examples
    --------
    >>> async def one(*events):
    ...     for event in events:
    ...         yield event
    >>> async def main():
    ...     return sorted([event async for event in merged(one(1, 2), one(3))])
    >>> asyncio.run(main())
    [1, 2, 3]
    """
    told: asyncio.Queue[FeedEvent | None] = asyncio.Queue()

    async def drain(feed: AsyncIterator[FeedEvent]) -> None:
        try:
            async for event in feed:
                told.put_nowait(event)
        finally:
            close = getattr(feed, "aclose", None)
            if close is not None:
                await close()
            told.put_nowait(None)

    tasks = [asyncio.create_task(drain(feed)) for feed in feeds]
    left = len(tasks)
    try:
        while left:
            event = await told.get()
            if event is not None:
                yield event
                continue
            left -= 1
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
