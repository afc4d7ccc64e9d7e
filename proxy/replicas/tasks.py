"""Ending tasks, and waiting no longer than a time for something.

Not ``asyncio.timeout``: before Python 3.11.3 its end is a cancellation where the task was cancelled once before, as
that of an orderly stop may have been.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final

_AGAIN_S: Final = 0.05


async def within(longest_s: float, waits: Coroutine[Any, Any, object]) -> bool:
    """Wait for something, and cancel it after this time; return whether it ended before. Raises what it does."""
    task = asyncio.ensure_future(waits)
    try:
        await asyncio.wait({task}, timeout=longest_s)
        is_in_time = task.done()
        if is_in_time:
            task.result()
        return is_in_time
    finally:
        await ended((task,))


async def ended(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """End tasks. The library of Redis may lose a cancellation that comes while it connects, so it is repeated."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
