"""The part of mDNS that starts with the proxy: what announces is loaded once the proxy has answered.

Loading the library takes a third of a second, several on a small machine. Ownership: one task.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import TYPE_CHECKING, Final

from proxy.features import ActiveFeature

if TYPE_CHECKING:
    from proxy.mdns.announcer import Announcer
    from proxy.server.context import Context

_log = logging.getLogger(__name__)

_LOOK_S: Final = 0.25
_LOOKS: Final = 40


class Service:
    """Announces from the first answer to the end."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings
        self._traffic = context.traffic
        self._announcer: Announcer | None = None
        self._task: asyncio.Task[None] | None = None

    def active(self) -> ActiveFeature:
        """Return the parts of this feature."""
        return ActiveFeature(begin=self.begin, close=self.close)

    async def begin(self) -> None:
        """Begin beside the start."""
        self._task = asyncio.create_task(self._run(), name="mdns")

    async def close(self) -> None:
        """Withdraw what is announced."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._announcer is not None:
            await self._announcer.withdraw()

    async def _run(self) -> None:
        await self._first_answer()
        try:
            module = await asyncio.to_thread(importlib.import_module, "proxy.mdns.announcer")
            self._announcer = module.Announcer(self._settings)
            await self._announcer.run()
        except Exception as exc:  # noqa: BLE001 - whatever it is, readings go on
            _log.warning("not announced", extra={"reason": f"{type(exc).__name__}: {exc}"})

    async def _first_answer(self) -> None:
        """Wait until a client has got an answer; ten seconds where there is no client."""
        for _ in range(_LOOKS):
            self._traffic.flush()
            if self._traffic.requests:
                return
            await asyncio.sleep(_LOOK_S)
