"""The proxy announces itself by multicast DNS where other machines can find and reach it."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from proxy import __version__
from proxy.app import build_app, listening
from proxy.config.container import is_in_container
from proxy.config.load import SettingsError, load
from proxy.config.settings import settings_of
from proxy.features import features
from proxy.mdns.announcer import OWN_TYPE, WEB_TYPES, Announcer
from proxy.mdns.checks import is_announced
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
async def announced(port):
    """A proxy that announces itself, after its first answer."""
    made = settings_of(**{**QUIET, "bind_address": "127.0.0.1", "port": port, "mdns": "yes"})
    app = build_app(made)
    async with listening(app, made), client_of(app, port) as proxy:
        await proxy.get("/health")
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

        await announcer.withdraw()
    assert found[OWN_TYPE].parsed_addresses() == ["127.0.0.1"]


async def test_each_port_is_announced_as_what_it_speaks(unused_tcp_port_factory):
    plain, encrypted = unused_tcp_port_factory(), unused_tcp_port_factory()
    announcer = Announcer(
        settings_of(bind_address="127.0.0.1", port=plain, https="yes", https_port=encrypted)
    )
    async with Browser() as browser:
        await announcer.follow()

        found = await browser.found(plain, encrypted)

        await announcer.withdraw()
    assert found[WEB_TYPES["https"]].port == encrypted
    assert found[OWN_TYPE].port == plain


async def test_an_address_that_cannot_be_used_is_logged_once_and_one_that_can_too(unused_tcp_port, caplog):
    caplog.set_level("INFO", "proxy")
    addresses = iter(["192.0.2.1", "192.0.2.1", "127.0.0.1", "127.0.0.1"])
    announcer = Announcer(settings_of(port=unused_tcp_port), lambda: next(addresses))

    for _ in range(4):
        await announcer.follow()

    await announcer.withdraw()
    logged = [record.message for record in caplog.records if record.name.startswith("proxy")]
    assert logged == ["not announced", "announced"]


def loaded(**environ):
    return load({**GATEWAY, **environ}).settings


@pytest.mark.parametrize(
    "given", [{}, {"PW_MDNS": "Auto"}, {"PW_BIND_ADDRESS": "192.168.1.5"}, {"PW_MDNS": "on"}]
)
def test_a_proxy_that_others_can_reach_is_announced_unless_it_is_set_otherwise(given):
    """Where the extra is installed, as here."""
    assert is_announced(loaded(**given), is_contained=False)


@pytest.mark.parametrize(
    "given",
    [
        {"PW_MDNS": "no"},
        {"PW_BIND_ADDRESS": "127.0.0.1"},
        {"PW_BIND_ADDRESS": "localhost"},
        {"PW_BIND_ADDRESS": "::"},
        {"PW_PORT": "0"},
    ],
)
def test_a_proxy_that_others_cannot_reach_is_not_announced(given):
    """A port that the system chooses is another one after the next start."""
    assert not is_announced(loaded(**given), is_contained=False)


@pytest.mark.parametrize(
    ("environ", "file"),
    [
        ({"container": "oci"}, "etc/hosts"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "etc/hosts"),
        ({}, ".dockerenv"),
        ({}, "run/.containerenv"),
    ],
)
def test_a_container_announces_only_if_it_is_set_to(environ, file, tmp_path):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()

    is_contained = is_in_container(environ, tmp_path)

    assert not is_announced(loaded(), is_contained=is_contained)
    assert is_announced(loaded(PW_MDNS="yes"), is_contained=is_contained)


@pytest.mark.parametrize(("given", "is_shown"), [({}, False), ({"PW_MDNS": "yes"}, True)])
def test_a_demo_announces_only_if_it_is_set_to(given, is_shown):
    settings = loaded(**given)

    for feature in features():
        settings = feature.demonstrate(settings, 60)

    assert is_announced(settings, is_contained=False) == is_shown


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
