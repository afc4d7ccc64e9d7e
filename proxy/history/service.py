"""The history of all gateways of one proxy: what runs, and what answers its routes.

Ownership: ``History`` owns a thread, a task that starts the recorders, and the recorders. SQLite is
imported in that task, so that no start waits for it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from proxy.core.subject import about
from proxy.features import ActiveFeature
from proxy.history import without
from proxy.history.settings import HistorySettings, Past
from proxy.server.http.problems import problem

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.gateways.gateway import Gateway
    from proxy.history.recorder import Recorder
    from proxy.history.subjects import Subject
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

_log = logging.getLogger(__name__)

_LAST_WRITE_S: Final = 1.0
_ENDPOINTS: Final = ("history_json", "history_csv", "history_alerts")
# What is about all gateways at once.
_TIMESERIES: Final = ("daily", "today", "trend", "samples", "status", "signals", "signal_trend")


class History:
    """The recorders of a proxy, by the id of their gateway; none before ``begin`` has got so far."""

    def __init__(self, context: Context) -> None:
        self.recorders: dict[str, Recorder] = {}
        self.settings = context.settings.of(HistorySettings)
        self._context = context
        self._past = context.settings.of(Past)
        self._worker: Any = None
        self._starting: asyncio.Task[None] | None = None
        self._is_closing = False

    def active(self) -> ActiveFeature:
        """Return the parts of this feature."""
        endpoints: dict[str, Endpoint] = {name: self._endpoint(name) for name in _ENDPOINTS}
        endpoints["history_page"] = self._page
        endpoints |= {f"timeseries_{name}": self._timeseries(name) for name in _TIMESERIES}
        return ActiveFeature(
            endpoints=endpoints,
            health=lambda: {"history": {"is_kept": True, "reason": ""}},
            begin=self.begin,
            close=self.close,
        )

    async def begin(self) -> None:
        """Start the recorders, beside everything else."""
        self._starting = asyncio.create_task(self._start(), name="history")

    async def _start(self) -> None:
        await asyncio.to_thread(importlib.import_module, "proxy.history.recorder")
        from proxy.history.archive import Archive, Worker  # noqa: PLC0415 - imported in the thread above
        from proxy.history.database import FILE  # noqa: PLC0415 - imported in the thread above
        from proxy.history.recorder import Recorder  # noqa: PLC0415 - imported in the thread above

        self._worker = Worker()
        clock, interval_s = self._context.clock, self.settings.history_interval
        for gateway in self._context.gateways.values():
            folder = None if self._past.speed else gateway.state.folder
            archive = Archive(folder / FILE if folder else None, self._worker)
            recorder = Recorder(gateway, archive, clock, interval_s)
            if self._past.speed:
                from proxy.history.demo import simulate  # noqa: PLC0415 - only a demo waits for it

                await simulate(recorder, self._past, lambda: self._is_closing)
            self.recorders[gateway.id] = recorder
            with about(gateway.id):
                recorder.open()

    async def close(self) -> None:
        """Write what is open, and end."""
        self._is_closing = True
        if self._starting is not None:
            await self._starting
        closing = asyncio.gather(*(recorder.close() for recorder in self.recorders.values()))
        # A disk that hangs keeps no one waiting: what else there is to end comes after this.
        if not (await asyncio.wait({closing}, timeout=_LAST_WRITE_S))[0]:
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
            _log.warning("history not finished", extra={"after_s": _LAST_WRITE_S})
        if self._worker is not None:
            self._worker.close()

    async def _page(self, request: web.Request, _: Route, __: Gateway) -> web.StreamResponse:
        """Serve the page, which reads /history.json."""
        if self._context.page is None:
            return problem(404, "There are no pages.")
        return self._context.page(request, "history.html", {})

    def _endpoint(self, name: str) -> Endpoint:
        """Make an endpoint about one gateway or site; its module is imported by the first request."""

        async def answer(request: web.Request, _: Route, gateway: Gateway) -> web.StreamResponse:
            recorders = await self._opened()
            from proxy.history.endpoints import ENDPOINTS  # noqa: PLC0415 - imported by the first request
            from proxy.history.subjects import OfGateway, OfSite  # noqa: PLC0415 - imported by the first request

            members = [recorders[member.id] for member in gateway.members if member.id in recorders]
            if gateway.members and len(members) == len(gateway.members):
                subject: Subject = OfSite(gateway.id, members, gateway.grid, self._worker)
            elif gateway.id in recorders:
                subject = OfGateway(recorders[gateway.id])
            else:
                return problem(404, f"No history is kept of {gateway.id}.")
            return await ENDPOINTS[name](request, subject)

        return answer

    def _timeseries(self, name: str) -> Endpoint:
        """Make an endpoint of pypowerwall-server, which is about all gateways."""

        async def answer(request: web.Request, _: Route, __: Gateway) -> web.StreamResponse:
            recorders = await self._opened()
            from proxy.history.timeseries import ENDPOINTS  # noqa: PLC0415 - imported by the first request

            return await ENDPOINTS[name](request, recorders, self._worker)

        return answer

    async def _opened(self) -> Mapping[str, Recorder]:
        """Return the recorders once they are there."""
        if self._starting is not None:
            await asyncio.shield(self._starting)
        return self.recorders


def obstacle(context: Context) -> str | None:
    """Return why no history can be recorded, or None, without writing anything."""
    # Some systems, such as OpenWrt and FreeBSD, have it as a package of its own.
    if importlib.util.find_spec("_sqlite3") is None:
        return "this Python has no sqlite3"
    if context.settings.of(Past).speed:
        return None
    for gateway in context.gateways.values():
        folder = gateway.state.folder
        if folder is None:
            return "there is no state folder (PW_STATE_PATH)"
        nearest = next(
            path for path in (folder, *folder.parents) if path.exists() or path == Path(path.anchor)
        )
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            return f"{nearest} cannot be written"
    return None


def start(context: Context) -> ActiveFeature:
    """Start the history if there is a place for it."""
    reason = obstacle(context)
    if reason is not None:
        # Without any folder the start has warned already.
        has_folder = all(gateway.state.folder for gateway in context.gateways.values())
        _log.log(logging.WARNING if has_folder else logging.INFO, "history off", extra={"reason": reason})
        return without(reason)
    return History(context).active()
