"""A gateway whose address changes is followed by its certificate; no other device gets more than a handshake."""

import json
from itertools import pairwise

import pytest

from proxy.config.settings import settings_of
from proxy.core.errors import CertificateChanged, GatewayError, Unreachable
from proxy.core.sources import METERS
from proxy.drivers.discovery import Places
from proxy.drivers.http_client import GatewayClient
from proxy.drivers.local.driver import LocalDriver
from proxy.sim.server import SimulatedGateway
from proxy.state.store import StateStore

# The first two are the hosts of the network in ROUTES, 127.0.0.72/30.
HERE, THERE, FAR = "127.0.0.73", "127.0.0.74", "127.0.0.77"
NEIGHBOURS = "IP address HW type Flags HW address Mask Device\n"
ROUTES = (
    "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    "lo 4800007F 00000000 0001 0 0 0 FCFFFFFF 0 0 0\n"
)


class Network:
    """What this machine knows of its network, and the gateways in it: all on one port, as real ones are on 443."""

    def __init__(self, folder, port, clock) -> None:
        self.folder, self.port, self.clock = folder, port, clock
        self.names = {}
        self.searches = []  # when each looked up the name of a neighbour
        (folder / "route").write_text(ROUTES)
        self.neighbours()

    def neighbours(self, *addresses, mac="90:03:71:01:02:03") -> None:
        rows = (f"{address} 0x1 0x2 {mac} * eth0\n" for address in addresses)
        (self.folder / "arp").write_text(NEIGHBOURS + "".join(rows))

    def gateway(self, address, **options) -> SimulatedGateway:
        return SimulatedGateway("fw21_44", clock=self.clock.clock, host=address, port=self.port, **options)

    @property
    def places(self) -> Places:
        async def name_of(address):
            self.searches.append(self.clock.clock.monotonic())
            if address in self.names:
                return self.names[address]
            raise OSError

        return Places((), (), self.folder / "arp", self.folder / "route", self.port, name_of)

    def client(self, host="auto", *, memory=None, **settings) -> "Client":
        made = settings_of(host=f"{host}:{self.port}", password="password", timeout=5.0, **settings).gateway
        memory = memory or StateStore(str(self.folder))
        session = GatewayClient(made.host, made, memory, self.clock.clock, places=self.places)
        return Client(LocalDriver(session, made, memory, self.clock.clock), session)


class Client:
    """Reads the powers of the gateway as the daemon does."""

    def __init__(self, driver, session) -> None:
        self.driver, self.session = driver, session

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_) -> None:
        await self.driver.close()

    async def reads(self) -> bool:
        answer = await self.driver.fetch(self.driver.sources[METERS])
        return not isinstance(answer[METERS], GatewayError)


@pytest.fixture
def network(tmp_path, unused_tcp_port, clock):
    return Network(tmp_path, unused_tcp_port, clock)


async def test_the_only_gateway_is_found_pinned_and_remembered(network, tmp_path):
    network.neighbours(HERE)
    async with network.gateway(HERE) as gateway, network.client() as client:
        assert await client.reads()
        assert gateway.logins == 1

    address = f"auto:{network.port}"
    assert json.loads((tmp_path / "pins.json").read_text()) == {address: gateway.fingerprint}
    assert json.loads((tmp_path / "addresses.json").read_text()) == {address: HERE}


async def test_a_gateway_that_was_found_without_a_request_is_the_one_that_gets_it(network):
    """Whether it accepts connections is tried before."""
    network.neighbours(HERE)
    async with network.gateway(HERE) as gateway, network.client() as client:
        assert await client.session.accepts_connections()

        assert await client.reads()

    assert gateway.logins == 1


async def test_of_two_gateways_none_gets_a_password(network):
    network.neighbours(HERE, THERE)
    async with network.gateway(HERE) as one, network.gateway(THERE) as other, network.client() as client:
        with pytest.raises(Unreachable, match=rf"2 gateways were found \({HERE}:\d+, {THERE}:\d+\)"):
            await client.reads()

    assert one.requests == other.requests == []


async def test_a_new_address_is_followed_by_the_pinned_certificate(network, clock):
    """Beside a second gateway, which gets handshakes and nothing else, and no other address is tried."""
    network.neighbours(HERE)
    async with network.gateway(HERE) as gateway, network.gateway(THERE) as other, network.client() as client:
        assert await client.reads()
        gateway.move(FAR)
        network.neighbours(HERE, THERE, FAR)
        clock.advance(60)
        with pytest.raises(Unreachable):
            await client.reads()

        assert await client.reads()

    assert (gateway.logins, other.requests) == (1, [])


async def test_the_old_address_with_another_certificate_gets_no_request(network, clock):
    """A new lease gave the address to the other gateway."""
    network.neighbours(HERE)
    async with network.gateway(HERE) as gateway, network.client() as client:
        assert await client.reads()
        gateway.move(THERE)
        async with network.gateway(FAR) as other:
            other.move(HERE)
            network.neighbours(HERE, THERE)
            with pytest.raises(CertificateChanged):
                await client.reads()
            clock.advance(60)

            assert await client.reads()

            assert (gateway.logins, other.requests) == (1, [])


async def test_a_restart_begins_at_the_address_that_was_found(network):
    """Nothing is searched for: the table of neighbours is empty."""
    network.neighbours(HERE)
    async with network.gateway(HERE) as gateway:
        async with network.client() as client:
            assert await client.reads()
        network.neighbours()
        async with network.client() as client:
            assert await client.reads()

    assert gateway.logins == 1


async def test_a_name_that_leads_to_another_device_is_followed(network, tmp_path):
    """A router that keeps the name of an old lease; ``localhost`` plays it."""
    async with network.gateway("127.0.0.1") as gateway, network.client("localhost") as client:
        assert await client.reads()
        gateway.move(THERE)
        network.neighbours(THERE)
        async with network.gateway(HERE) as other:
            other.move("127.0.0.1")

            assert await client.reads()

            assert (gateway.logins, other.requests) == (1, [])
    assert json.loads((tmp_path / "addresses.json").read_text()) == {f"localhost:{network.port}": THERE}


async def test_an_address_in_numbers_is_not_followed(network):
    async with network.gateway(HERE) as gateway, network.client(HERE) as client:
        assert await client.reads()
        gateway.move(THERE)
        network.neighbours(THERE)
        for _ in range(2):
            with pytest.raises(Unreachable, match=HERE):
                await client.reads()


async def test_a_certificate_pinned_before_recognises_it_among_several(network, tmp_path):
    """The operator had set the address in numbers until now."""
    network.neighbours(HERE, THERE)
    async with network.gateway(HERE) as one, network.gateway(THERE) as other:
        (tmp_path / "pins.json").write_text(json.dumps({"192.168.1.50": other.fingerprint}))
        async with network.client() as client:
            assert await client.reads()

    assert (one.requests, other.logins) == ([], 1)


async def test_after_an_accepted_certificate_only_a_gateway_is_taken(network, tmp_path, clock):
    """The address that was known may be another device's by now: ``cert accept`` does not trust that."""
    network.neighbours(HERE)
    async with network.gateway(HERE) as gateway, network.client() as client:
        assert await client.reads()
        gateway.renew_certificate()
        gateway.expire_sessions()
        with pytest.raises(CertificateChanged):
            await client.reads()
        (tmp_path / "pins.json").write_text(json.dumps({f"auto:{network.port}": None}))
        clock.advance(60)

        assert await client.reads()


async def test_searches_in_vain_become_rare(network, clock):
    """One a minute at first, one an hour in the end."""
    network.neighbours(THERE, mac="52:54:00:01:02:03")
    async with network.client() as client:
        for _ in range(200):
            with pytest.raises(Unreachable, match="no gateway was found among the neighbours"):
                await client.reads()
            clock.advance(60)

    pauses = [round(later - before) for before, later in pairwise(network.searches)]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_the_networks_of_this_machine_are_probed_only_if_that_is_allowed(network):
    async with network.gateway(HERE) as gateway, network.gateway(FAR) as far:
        async with network.client() as client:
            with pytest.raises(Unreachable, match="PW_HOST_SCAN=yes looks further"):
                await client.reads()
        async with network.client(host_scan=True) as client:
            assert await client.reads()

    assert (gateway.logins, far.requests) == (1, [])


async def test_a_neighbour_that_the_router_names_like_a_gateway_is_one(network):
    """Its module for Wi-Fi has the MAC address of another maker."""
    network.neighbours(HERE, mac="24:21:5e:01:02:03")
    network.names = {HERE: "1232100-00-E--TG121213001234.lan"}
    async with network.gateway(HERE), network.client() as client:
        assert await client.reads()
