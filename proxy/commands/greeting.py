"""What the log says once the proxy listens: the address to open, and whether the gateway can be read."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from proxy.cache.events import SnapshotStored
from proxy.config.container import is_in_container
from proxy.core.sources import METERS, SITE_NAME, SOE, STATUS, SYSTEM_STATUS
from proxy.views.site import model

if TYPE_CHECKING:
    from proxy.core.model import Source
    from proxy.gateways.gateway import Gateway

_log = logging.getLogger(__name__)

# One round: enough to know that the gateway is read, and which one it is.
ROUND: Final[tuple[Source, ...]] = (METERS, SOE, STATUS, SITE_NAME, SYSTEM_STATUS)
_LOOK_S = 1.0


def address_to_open(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> str:
    """Return the address at which a browser finds the pages of a proxy that is bound to ``host``."""
    name = f"[{host}]" if ":" in host else host
    if ipaddress.ip_address(host).is_unspecified:
        name = "localhost" if is_in_container(environ) else _own_name()
    return f"{scheme}://{name}:{port}/"


def _own_name() -> str:
    """Name this machine as others of the network know it: by multicast DNS (RFC 6762), if it has no domain."""
    name = socket.gethostname()
    return name if "." in name else f"{name}.local"


async def report_connection(gateway: Gateway, *, is_named: bool) -> None:
    """Read a gateway once, and log what it is, or why it cannot be read and what to do.

    It begins when the gateway may be requested first, and waits longer than a client would: the first answer of
    a gateway may take its time.
    """
    cache, changed = gateway.cache, asyncio.Event()
    unsubscribe = cache.events.subscribe(SnapshotStored, lambda _: changed.set())
    try:
        await asyncio.sleep(cache.starts_in_s)
        await cache.get(ROUND)
        while cache.is_fetching and not all(cache.peek(source) for source in ROUND):
            changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _LOOK_S)
    finally:
        unsubscribe()
    which = {"gateway": gateway.id} if is_named else {}
    if not cache.peek(METERS):
        _log.warning("not connected", extra={**which, "reason": gateway.status().reason})
        return
    state = gateway.site.current()
    found = {
        "site": state.name,
        "model": model({source: known.document.value for source in ROUND if (known := cache.peek(source))}),
        "firmware": state.gateway.version,
        "charge": None if state.charge_app is None else f"{state.charge_app:.0f} %",
    }
    _log.info("connected", extra={**which, **{name: value for name, value in found.items() if value}})
