"""Takes messages to one receiver, in order, as often as it needs.

Ownership: a ``Courier`` owns one task; ``close`` ends it at once, whatever the receiver does. What is not
delivered stays in the backlogs. A receiver that fails is tried again after 5 seconds, then after twice as long each
time, up to 5 minutes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from proxy.notify.receivers import NotSent

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.notify.backlog import Backlog, Entry
    from proxy.notify.receivers import Receiver

_log = logging.getLogger(__name__)

_SHORTEST_S: Final = 5.0
_LONGEST_S: Final = 300.0
# How often it is looked whether quiet hours are over.
_LOOK_S: Final = 30.0


class Courier:
    """Delivers the messages for a receiver from all backlogs; ``delivered`` is called after each."""

    def __init__(
        self,
        receiver: Receiver,
        backlogs: Sequence[Backlog],
        clock: Clock,
        delivered: Callable[[Backlog], None],
    ) -> None:
        self.sent = self.failed = 0
        self.error = ""
        self._receiver = receiver
        self._backlogs = backlogs
        self._clock = clock
        self._delivered = delivered
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="notify")

    def notice(self) -> None:
        """Note that there may be a new message."""
        self._changed.set()

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def report(self) -> dict[str, Any]:
        """Say how things stand with the receiver; nothing in it is secret."""
        waiting = sum(1 for _ in self._waiting())
        return {"name": self._receiver.name, "sent": self.sent, "waiting": waiting, "error": self.error}

    def _waiting(self) -> Iterator[tuple[Backlog, Entry]]:
        for backlog in self._backlogs:
            for entry in backlog.waiting_for(self._receiver.name):
                yield backlog, entry

    async def _run(self) -> None:
        wait_s = _SHORTEST_S
        while True:
            self._changed.clear()
            now = self._clock.wall()
            due = [
                (entry.message.at, backlog, entry) for backlog, entry in self._waiting() if entry.due <= now
            ]
            if not due:
                await self._pause()
                continue
            _, backlog, entry = min(due, key=lambda each: each[0])
            if await self._send(entry):
                backlog.done(entry, self._receiver.name)
                self._delivered(backlog)
                wait_s = _SHORTEST_S
            else:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_S)

    async def _pause(self) -> None:
        """Wait for a message, or until one may be due."""
        look = asyncio.get_running_loop().call_later(_LOOK_S, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            look.cancel()

    async def _send(self, entry: Entry) -> bool:
        """Send a message; return whether it was accepted."""
        try:
            await self._receiver.send(entry.message)
        except NotSent as exc:
            self._failed(str(exc))
            return False
        except Exception as exc:  # noqa: BLE001 - an error of one receiver concerns no other, and its text may show a URL
            self._failed(f"failed with {type(exc).__name__}")
            return False
        self.sent += 1
        if self.error:
            _log.warning("receiver recovered", extra={"receiver": self._receiver.name})
        self.error = ""
        return True

    def _failed(self, reason: str) -> None:
        self.failed += 1
        if not self.error:
            _log.warning("receiver failed", extra={"receiver": self._receiver.name, "reason": reason})
        self.error = f"{self._receiver.name} {reason}."
