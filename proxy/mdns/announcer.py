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
    """Announces, follows a change of the own address, withdraws at the end. What cannot be announced is logged once."""

    def __init__(self, settings: Settings, find: Callable[[], str] | None = None) -> None:
        self._find = find or own_address
        self._bound = settings.bind_address.removeprefix("0.0.0.0")
        self._ports = dict(_ports(settings))
        self._path = settings.base_url
        self._address = ""
        self._failure = ("", "")
        self._responder: AsyncZeroconf | None = None

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            await self.follow()
            await asyncio.sleep(_LOOK_S)

    async def follow(self) -> None:
        """Announce the address that the machine has now, unless that is done."""
        address = self._bound or self._find()
        if address != self._address:
            await self.withdraw()
            self._address = address
            if address:
                await self._announce(address)

    async def _announce(self, address: str) -> None:
        try:
            _expect_own(address)
            self._responder = responder = AsyncZeroconf(interfaces=[address])
            await asyncio.gather(*(_register(responder, info) for info in self._services(address)))
        except (OSError, Error) as exc:
            failure = (address, str(exc) or type(exc).__name__)
            if failure != self._failure:
                _log.warning("not announced", extra={"address": address, "reason": failure[1]})
            self._failure = failure
            await self.withdraw()  # and tried again
        else:
            self._failure = ("", "")
            _log.info("announced", extra={"address": address, "service": _instance()})

    async def withdraw(self) -> None:
        """Say goodbye: others forget the proxy at once (RFC 6762 section 10.1)."""
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


def _expect_own(address: str) -> None:
    """Raise OSError if this machine does not have the address: zeroconf leaves a socket open then."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))


async def _register(responder: AsyncZeroconf, info: ServiceInfo) -> None:
    """Announce a service; if another proxy in the network has the name already, this one gets a number."""
    await (await responder.async_register_service(info, allow_name_change=True))


def _ports(settings: Settings) -> Iterator[tuple[str, int]]:
    """Yield what the ports speak: TLS on the port of all, or beside it."""
    yield settings.scheme, settings.port
    if settings.https == "yes" and settings.https_port:
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
