"""The objects of pypowerwall-server as they change: what WebSockets send.

A ``PushedObject`` owns one task, which lives while it has listeners: it keeps the readings of
its gateways demanded and writes the object again when something changed, at most once a second,
and after a quiet while. It is written once, however many listen; a listener that is slow has room
for one message, and a newer one takes its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from proxy.cache.events import LinkChanged, OptionsChanged, SnapshotDiscarded, SnapshotStored
from proxy.core.sources import GRID_STATUS, METERS, SOE
from proxy.gateways.live import Subscriber
from proxy.server.data.readings import encode
from proxy.server.fleet.members import Members, member_of, members_of
from proxy.server.route import Style
from proxy.views.gateway_object import STATE

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.gateways.gateway import Gateway

_log = logging.getLogger(__name__)

_LIVE: Final = (METERS, SOE, GRID_STATUS)
_SLOW: Final = tuple(source for source in STATE if source not in _LIVE)
_SLOW_EVERY_S = 20.0
# Readings that come as several answers are sent together; messages are at least this far apart.
_TOGETHER_S = 0.15
_APART_S = 1.0
# A message as a sign of life, for clients that take silence for a lost connection.
_QUIET_S = 15.0
_FIRST_LOOK_S = 0.8
_CHANGES: Final[tuple[type[Any], ...]] = (SnapshotStored, SnapshotDiscarded, LinkChanged, OptionsChanged)
# What changes by itself and makes no other object.
_TIMES: Final = frozenset({"timestamp", "last_updated"})


class PushedObject:
    """The object that ``view`` makes of gateways, now and whenever it changes."""

    def __init__(
        self, gateways: Mapping[str, Gateway], view: Callable[[Members], dict[str, Any]], clock: Clock
    ) -> None:
        self._gateways = gateways
        self._view = view
        self._clock = clock
        self._listeners: set[Subscriber] = set()
        self._changed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._sent: Any = None

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Subscriber]:
        """Get every message; what is known now comes first, after a short look at gateways that were not read."""
        listener = Subscriber()
        listener.put(_message(self._view(await members_of(self._gateways, STATE, _FIRST_LOOK_S))))
        self._listeners.add(listener)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="pushed object")
            self._keeper.add_done_callback(self._on_end)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                await self._end()

    async def _keep(self) -> None:
        gateways = self._gateways.values()
        undo = [
            gateway.events.subscribe(kind, lambda _: self._changed.set())
            for gateway in gateways
            for kind in _CHANGES
        ]
        undo += [gateway.cache.watch(_LIVE) for gateway in gateways]
        slow_at = sent_at = float("-inf")
        try:
            while True:
                now = self._clock.monotonic()
                if now - slow_at >= _SLOW_EVERY_S:
                    slow_at = now
                    for gateway in gateways:
                        gateway.cache.prefetch(_SLOW)
                await self._wait(min(sent_at + _QUIET_S, slow_at + _SLOW_EVERY_S, self._expires_at(now)))
                if self._send(is_due=self._clock.monotonic() - sent_at >= _QUIET_S):
                    sent_at = self._clock.monotonic()
                    await asyncio.sleep(_APART_S - _TOGETHER_S)
        finally:
            for each in undo:
                each()

    def _on_end(self, keeper: asyncio.Task[None]) -> None:
        """After an error end the messages of all listeners: silence would pass for readings that do not change."""
        if keeper.cancelled() or (error := keeper.exception()) is None:
            return
        _log.error("pushed object failed", exc_info=error)
        self._keeper = None
        for listener in self._listeners:
            listener.put(None)

    async def _wait(self, until: float) -> None:
        """Wait for a change, and a moment more for what comes along with it; not longer than ``until``."""
        try:
            async with asyncio.timeout(max(until - self._clock.monotonic(), 0.0)):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_TOGETHER_S)
        self._changed.clear()

    def _expires_at(self, now: float) -> float:
        """Return when the next reading of powers may no longer be shown, of which nothing notifies."""
        known = (gateway.cache.peek(METERS) for gateway in self._gateways.values())
        ends = (snapshot.usable_until for snapshot in known if snapshot and snapshot.usable_until > now)
        return min(ends, default=float("inf"))

    def _send(self, *, is_due: bool) -> bool:
        """Give all listeners the object if it is another one, or due anyway; say whether it was."""
        document = self._view({id_: member_of(gateway, STATE) for id_, gateway in self._gateways.items()})
        compared = _without_times(document)
        if compared == self._sent and not is_due:
            return False
        self._sent = compared
        message = _message(document)
        for listener in self._listeners:
            listener.put(message)
        return True

    async def close(self) -> None:
        """End every listener's messages, and stop reading."""
        for listener in self._listeners:
            listener.put(None)
        await self._end()

    async def _end(self) -> None:
        keeper, self._keeper = self._keeper, None
        self._sent = None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


def _message(document: dict[str, Any]) -> bytes:
    return encode(document, Style.COMPACT)


def _without_times(document: Any) -> Any:
    """Return what makes an object another one."""
    if not isinstance(document, dict):
        return document
    shown = {key: value for key, value in document.items() if key not in _TIMES}
    for part in ("data", "gateways"):
        if isinstance(shown.get(part), dict):
            shown[part] = {
                key: _without_times(value) for key, value in shown[part].items() if key not in _TIMES
            }
    return shown
