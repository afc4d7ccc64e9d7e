"""The proxy announces itself by multicast DNS, if the operator wants that."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from proxy import __version__
from proxy.app import build_app, listening
from proxy.config.load import SettingsError, load
from proxy.config.settings import settings_of
from proxy.mdns.announcer import OWN_TYPE, WEB_TYPES, Announcer
from tests.conftest import client_of
from tests.quiet import QUIET

GATEWAY = {"HOME": "/home/owner", "PW_HOST": "192.168.1.50", "PW_PASSWORD": "secret"}


class Browser:
    """Another machine of the network, which looks for services; the network is that of loopback."""

    def __init__(self) -> None:
        self._changes = asyncio.Queue()

    async def __aenter__(self):
        self._zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
        types = [OWN_TYPE, *WEB_TYPES.values()]
        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, types, handlers=[self._note])
        return self

    async def __aexit__(self, *_) -> None:
        await self._browser.async_cancel()
        await self._zeroconf.async_close()

    def _note(self, *, zeroconf, service_type, name, state_change) -> None:
        self._changes.put_nowait((state_change, service_type, name))

    async def found(self, *ports) -> dict[str, AsyncServiceInfo]:
        """Wait until every port is announced, and the own kind; return what was found by its kind."""
        found = {}
        while OWN_TYPE not in found or {info.port for info in found.values()} != {*ports}:
            change, kind, name = await self._changes.get()
            info = AsyncServiceInfo(kind, name)
            if change is not ServiceStateChange.Added:
                continue
            while not await info.async_request(self._zeroconf.zeroconf, 3000):
                pass  # it did not answer in time
            found |= {kind: info} if info.port in ports else {}
        return found

    async def withdrawn(self, name) -> None:
        while await self._changes.get() != (ServiceStateChange.Removed, OWN_TYPE, name):
            pass


@asynccontextmanager
async def announced(port, **settings):
    """A proxy that announces itself, as others see it."""
    made = settings_of(bind_address="127.0.0.1", port=port, mdns=True, **QUIET, **settings)
    app = build_app(made)
    async with listening(app, made), client_of(app, port) as proxy:
        yield proxy


async def test_the_proxy_is_found_by_its_kind_until_it_stops(unused_tcp_port):
    async with Browser() as browser:
        async with announced(unused_tcp_port):
            found = await browser.found(unused_tcp_port)

        await browser.withdrawn(found[OWN_TYPE].name)

    assert found[OWN_TYPE].parsed_addresses() == ["127.0.0.1"]
    assert found[OWN_TYPE].decoded_properties == {"path": "/", "version": __version__, "scheme": "http"}
    assert found[OWN_TYPE].name.startswith("Powerwall Proxy on ")


async def test_the_name_of_its_machine_is_one_that_the_status_page_accepts(unused_tcp_port):
    async with Browser() as browser, announced(unused_tcp_port) as proxy:
        server = (await browser.found(unused_tcp_port))[OWN_TYPE].server.rstrip(".")

        answer = await proxy.get("/status", headers={"Host": f"{server}:{unused_tcp_port}"})

    assert server.startswith("powerwall-proxy-")
    assert answer.status == 200


async def test_a_machine_that_gets_its_address_after_the_start_is_announced_then(unused_tcp_port):
    addresses = iter(["", "127.0.0.1"])
    announcer = Announcer(settings_of(port=unused_tcp_port), lambda: next(addresses))
    async with Browser() as browser:
        await announcer.follow()
        await announcer.follow()

        found = await browser.found(unused_tcp_port)

        await announcer.close()
    assert found[OWN_TYPE].parsed_addresses() == ["127.0.0.1"]


async def test_each_port_is_announced_as_what_it_speaks(unused_tcp_port_factory):
    plain, encrypted = unused_tcp_port_factory(), unused_tcp_port_factory()
    announcer = Announcer(
        settings_of(bind_address="127.0.0.1", port=plain, https="yes", https_port=encrypted)
    )
    async with Browser() as browser:
        await announcer.follow()

        found = await browser.found(plain, encrypted)

        await announcer.close()
    assert found[WEB_TYPES["https"]].port == encrypted
    assert found[OWN_TYPE].port == plain


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (
            {"PW_PORT": "0"},
            "PW_MDNS needs a PW_PORT that is not 0: the port that is announced stays the same.",
        ),
        (
            {"PW_BIND_ADDRESS": "::1"},
            "PW_MDNS announces an IPv4 address: PW_BIND_ADDRESS must be one, or empty.",
        ),
    ],
)
def test_what_cannot_be_announced_is_refused(environ, problem):
    with pytest.raises(SettingsError) as caught:
        load({**GATEWAY, "PW_MDNS": "yes", **environ})

    assert list(caught.value.problems) == [problem]
