"""The check of the status page: what ``doctor`` finds, one line of JSON for each step as soon as it is known.

The gateway comes first, then what features connect to: a broker, Redis, receivers of alarms. Its requests go to the
gateway, so no page of another origin can begin one (``admission.refusal``), only one runs at a time, and the next one
has to wait a little.
"""

from __future__ import annotations

import json
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from proxy.features import diagnoses
from proxy.server.http.problems import COMMON_HEADERS, problem, retry_after
from proxy.server.route import Route

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from proxy.config.settings import Settings
    from proxy.core.clock import Clock
    from proxy.drivers.finding import Finding
    from proxy.gateways.gateway import Gateway

CHECK: Final = Route(
    "/status/check",
    "Check the connection to the gateway step by step, as doctor does; a line of JSON for each step",
    "Proxy",
    endpoint="check",
    methods=("POST",),
    media_type="application/x-ndjson",
    public=False,
    local=True,
)
_PAUSE_S: Final = 10.0
_HEADERS: Final = {
    "Content-Type": CHECK.media_type,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx: pass on at once
    **COMMON_HEADERS,
}


class Checks:
    """The checks of one proxy, of whichever of its gateways."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._now = clock.monotonic
        self._is_running = False
        self._next_at = self._now()

    async def run(self, request: web.Request, _: Route, gateway: Gateway) -> web.StreamResponse:
        """Check a gateway; the last line is the verdict."""
        wait = self._next_at - self._now()
        if self._is_running or wait > 0:
            detail = "A check is running." if self._is_running else "The last check was moments ago."
            return problem(429, detail, headers={"Retry-After": retry_after(wait)})
        self._is_running = True
        try:
            return await _stream(request, self._settings, gateway)
        finally:
            self._is_running = False
            self._next_at = self._now() + _PAUSE_S


async def _stream(request: web.Request, settings: Settings, gateway: Gateway) -> web.StreamResponse:
    response = web.StreamResponse(headers=_HEADERS)
    # The first check waits for these modules, and no start.
    from proxy.drivers.diagnosis import verdict  # noqa: PLC0415
    from proxy.drivers.finding import verdict_document  # noqa: PLC0415

    await response.prepare(request)
    findings = []
    with suppress(ConnectionError):  # the page was closed: nothing further is sent to the gateway
        async with aclosing(_examine(settings, gateway)) as steps:
            async for finding in steps:
                findings.append(finding)
                await response.write(_line(finding.document()))
        await response.write(_line(verdict_document(verdict(findings))))
    return response


async def _examine(settings: Settings, gateway: Gateway) -> AsyncGenerator[Finding]:
    from proxy.gateways.examination import examine  # noqa: PLC0415 - imported by the first check

    for steps in (examine(gateway), *diagnoses(settings)):
        async with aclosing(steps):
            async for finding in steps:
                yield finding


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"
