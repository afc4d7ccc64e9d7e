"""The history of one gateway, used from the event loop: everything that touches the disk runs in a thread.

Ownership: all archives of a process share one thread, so nothing of SQLite is ever used by two; they are closed by
several, each when that thread has done with it, because a disk takes as long for fifty files as for one. What could
not be written is kept in memory and written with the next minute; a disk that is full or read-only
costs one log line, one more when it is well again, and nothing but the history.
"""

from __future__ import annotations

import asyncio
import logging
import select
import sqlite3
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import tzinfo
from pathlib import Path
from typing import Final, TypeVar

from proxy.history.database import Database
from proxy.history.schema import TooNew
from proxy.history.writing import Batch, thin, write

_log = logging.getLogger(__name__)

T = TypeVar("T")

# What a disk that is full may cost in memory: the minutes of six hours.
_MOST_PENDING: Final = 360
_THIN_EVERY_S: Final = 3600.0
_CLOSED_AT_ONCE: Final = 16
# While another thread computes, each system call may cost the event loop as long as Python waits before it
# switches threads, and a request needs a dozen of them.
_SWITCH_S: Final = 0.0005  # instead of 5 ms
_TURN_S: Final = 0.0002
_LONG: Final = 1000  # characters


class Unavailable(Exception):
    """The history cannot be read now."""


class Worker:
    """The one thread, and those that close. They start with the first call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._closing = ThreadPoolExecutor(max_workers=_CLOSED_AT_ONCE, thread_name_prefix="history end")

    async def run(self, call: Callable[[], T]) -> T:
        """Return what ``call`` returns; cancelling the caller does not cancel the call."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _switching, call)

    async def run_last(self, call: Callable[[], None]) -> None:
        """Run the last call about this file after the others, concurrently with those about other files."""
        await self.run(lambda: None)
        await asyncio.get_running_loop().run_in_executor(self._closing, call)

    def close(self) -> None:
        """Refuse further calls."""
        self._pool.shutdown(wait=False)
        self._closing.shutdown(wait=False)


def _switching(call: Callable[[], T]) -> T:
    """Run a call with a short thread switch interval, which applies to the whole process."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH_S))
    try:
        return call()
    finally:
        sys.setswitchinterval(before)


def joined(pieces: Iterable[str]) -> bytes:
    """Make a text of pieces as they are written, in the thread of the archives; after each long one the event loop gets a turn."""
    found: list[str] = []
    for piece in pieces:
        found.append(piece)
        if len(piece) >= _LONG:
            # Not time.sleep: libfaketime, with which tests run at other dates, lets it fail.
            select.select((), (), (), _TURN_S)
    return "".join(found).encode()


class Archive:
    """Reads and writes one history. ``commits`` counts what was written: what did not change has the same answer."""

    def __init__(self, path: Path | None, worker: Worker) -> None:
        self.database = Database(path)
        self.commits = 0
        self.failures = 0
        self._worker = worker
        self._pending = Batch()
        self._has_failed = False
        self._thinned_at = float("-inf")

    @property
    def pending(self) -> int:
        """Number of minutes not yet written."""
        return len(self._pending.rows)

    async def read(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``call`` reads. Raises Unavailable."""
        return await self._worker.run(lambda: self.use(call))

    def use(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``call`` reads, in the thread of the archives. Raises Unavailable."""
        try:
            return self.database.use(call)
        except (sqlite3.Error, OSError, TooNew) as exc:
            self._complain(str(exc))
            raise Unavailable(str(exc)) from exc

    async def change(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Let ``call`` write, in transactions of its own. Raises Unavailable."""
        changed = await self.read(call)
        self.commits += 1
        return changed

    async def commit(self, batch: Batch, zone: tzinfo, now: float) -> None:
        """Write a batch, and what could not be written before. Never raises for the disk's sake."""
        pending = self._pending = batch.after(self._pending, _MOST_PENDING)
        is_due = now - self._thinned_at >= _THIN_EVERY_S

        def work(db: sqlite3.Connection) -> None:
            write(db, pending, zone)
            if is_due:
                thin(db, now)

        try:
            await self._worker.run(lambda: self.database.use(work))
        except (sqlite3.Error, OSError, TooNew) as exc:
            self._complain(str(exc))
            return
        self.commits += 1
        self._pending = Batch()
        if is_due:
            self._thinned_at = now
        if self._has_failed:
            self._has_failed = False
            _log.info("history kept again", extra={"file": str(self.database.path)})

    async def close(self) -> None:
        """Close the file."""
        await self._worker.run_last(self.database.close)

    def _complain(self, reason: str) -> None:
        self.failures += 1
        if not self._has_failed:
            self._has_failed = True
            _log.warning("history not kept", extra={"file": str(self.database.path), "reason": reason})
