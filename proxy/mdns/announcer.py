"""Announces the proxy on one interface, as long as it runs.

It is the interface of PW_BIND_ADDRESS, or that of the default route: the gateway's Wi-Fi, where a machine is in it,
gets no announcement. Ownership: one task, which also notices when the machine has got another address, and when it
gets its first one some time after the start.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from zeroconf import Error, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from proxy import __version__

if TYPE_CHECKING:
    from proxy.config.settings import Settings

_log = logging.getLogger(__name__)

OWN_TYPE: Final = "_powerwall-proxy._tcp.local."
# By the scheme of the port. Others look for these, browsers among them.
WEB_TYPES: Final = {"http": "_http._tcp.local.", "https": "_https._tcp.local."}

# The group of mDNS (RFC 6762 section 3); only its route matters here.
_GROUP: Final = ("224.0.0.251", 5353)
_LOOK_S: Final = 60.0
_LONGEST_LABEL: Final = 63  # RFC 1035 section 2.3.4


class Announcer:
    """Announces, follows a change of the own address, withdraws at the end."""

    def __init__(self, settings: Settings, find: Callable[[], str] | None = None) -> None:
        self._find = find or own_address
        self._bound = settings.bind_address.removeprefix("0.0.0.0")
        self._ports = dict(_ports(settings))
        self._path = settings.base_url
        self._address = ""
        self._responder: AsyncZeroconf | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Begin beside the start: an announcement takes a second."""
        self._task = asyncio.create_task(self._run(), name="mdns")

    async def close(self) -> None:
        """Say goodbye."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._withdraw()

    async def _run(self) -> None:
        while True:
            await self.follow()
            await asyncio.sleep(_LOOK_S)

    async def follow(self) -> None:
        """Announce the address that the machine has now, unless that is done."""
        address = self._bound or self._find()
        if address != self._address:
            await self._withdraw()
            self._address = address
            if address:
                await self._announce(address)

    async def _announce(self, address: str) -> None:
        try:
            self._responder = AsyncZeroconf(interfaces=[address])
            for info in self._services(address):
                # Another proxy in the network may have the name: then this one gets a number.
                await (await self._responder.async_register_service(info, allow_name_change=True))
        except (OSError, Error) as exc:
            _log.warning(
                "not announced", extra={"address": address, "reason": str(exc) or type(exc).__name__}
            )
            await self._withdraw()  # and tried again
        else:
            _log.info("announced", extra={"address": address, "name": _instance()})

    async def _withdraw(self) -> None:
        responder, self._responder, self._address = self._responder, None, ""
        if responder is not None:
            with suppress(OSError, Error):
                await responder.async_close()

    def _services(self, address: str) -> Iterator[ServiceInfo]:
        """Make what is announced: the own kind with the first port, and each port as what it speaks."""
        scheme, port = next(iter(self._ports.items()))
        properties = {"path": self._path, "version": __version__}
        kinds = [(OWN_TYPE, port, {**properties, "scheme": scheme})]
        kinds += [(WEB_TYPES[scheme], port, properties) for scheme, port in self._ports.items()]
        for kind, port, said in kinds:
            yield ServiceInfo(
                kind,
                f"{_instance()}.{kind}",
                port=port,
                properties=said,
                server=f"{_label('powerwall-proxy-')}.local.",
                parsed_addresses=[address],
            )


def _ports(settings: Settings) -> Iterator[tuple[str, int]]:
    """Yield what the ports speak: TLS on the port of all, or beside it."""
    has_own_port = settings.https == "yes" and settings.https_port
    yield ("https" if settings.https == "yes" and not has_own_port else "http"), settings.port
    if has_own_port:
        yield "https", settings.https_port


def _instance() -> str:
    return _label("Powerwall Proxy on ")


def _label(before: str) -> str:
    """Name this machine in one label, which a dot would end."""
    return f"{before}{socket.gethostname().partition('.')[0]}"[:_LONGEST_LABEL]


def own_address() -> str:
    """Return the address of this machine in its network; empty while it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_GROUP)
        except OSError:
            return ""
        return str(probe.getsockname()[0])
