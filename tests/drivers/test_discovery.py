"""Finding the gateway: the system's tables are read, and a certificate shows what answers."""

import asyncio
import ipaddress

import pytest

from proxy.config.settings import Settings
from proxy.drivers.discovery import (
    Candidate,
    Places,
    candidates,
    neighbours,
    own_networks,
    probe,
    probe_all,
    subnet_candidates,
)
from proxy.state.certificates import serving_context

ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         3c:a6:2f:00:11:22     *        eth0
192.168.1.50     0x1         0x2         90:03:71:0a:0b:0c     *        eth0
192.168.1.51     0x1         0x2         00:D6:CB:01:02:03     *        eth0
192.168.1.60     0x1         0x2         24:21:5e:01:02:03     *        wlan0
192.168.1.52     0x1         0x0         00:00:00:00:00:00     *        eth0
"""
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101A8C0	0003	0	0	100	00000000	0	0	0
eth0	0001A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
tun0	00000008	00000000	0001	0	0	0	000000FF	0	0	0
"""


async def named(address):
    """A router that knows one of its clients by the name that this gave."""
    if address == "192.168.1.60":
        return "1232100-00-E--TG121213001234.lan"
    raise OSError


def test_neighbours_are_read_but_for_addresses_that_did_not_answer():
    assert [*neighbours(ARP)] == [
        ("192.168.1.1", "3c:a6:2f:00:11:22"),
        ("192.168.1.50", "90:03:71:0a:0b:0c"),
        ("192.168.1.51", "00:d6:cb:01:02:03"),
        ("192.168.1.60", "24:21:5e:01:02:03"),
    ]


@pytest.mark.parametrize("table", ["", "no table", "a\nb c d e f\n", "a\n1 2 3 90:03:71\n"])
def test_a_table_of_another_form_has_no_neighbours_and_no_networks(table):
    assert [*neighbours(table), *own_networks(table)] == []


def test_only_private_networks_of_this_machine_are_its_own():
    """The route to the Internet is none, and a public network is not probed."""
    assert [*own_networks(ROUTES)] == [
        ipaddress.IPv4Network("192.168.1.0/24"),
        ipaddress.IPv4Network("172.17.0.0/16"),
    ]


def test_a_network_larger_than_a_home_is_not_scanned(tmp_path):
    (tmp_path / "route").write_text(ROUTES)

    found = subnet_candidates(Places(routes=tmp_path / "route"))

    assert (found[0].address, found[-1].address, len(found)) == ("192.168.1.1", "192.168.1.254", 254)


async def test_an_address_with_two_reasons_is_tried_once(tmp_path):
    """The first reason is the better one. A neighbour is one by its maker, or by the name that it gave the router."""
    (tmp_path / "arp").write_text(ARP)
    places = Places(addresses=("192.168.1.50",), names=(), neighbours=tmp_path / "arp", name_of=named)

    assert await candidates(places) == [
        Candidate("192.168.1.50", "the gateway's own Wi-Fi"),
        Candidate("192.168.1.51", "a neighbour with a MAC address of Tesla"),
        Candidate("192.168.1.60", "a neighbour with the name 1232100-00-E--TG121213001234.lan"),
    ]


async def test_a_name_is_resolved_and_an_unknown_one_is_none(tmp_path):
    places = Places(addresses=(), names=("localhost", "gateway.invalid"), neighbours=tmp_path / "none")

    assert await candidates(places) == [Candidate("127.0.0.1", "the name localhost")]


async def test_a_gateway_is_recognised_without_a_request(sim):
    host, _, port = sim.address.rpartition(":")

    found = [
        gateway
        async for gateway in probe_all([Candidate(host, "first"), Candidate(host, "again")], int(port))
    ]

    assert [(gateway.host, gateway.reason) for gateway in found] == [(sim.address, "first")]
    assert len(found[0].fingerprint) == 64
    assert sim.requests == []


async def test_other_servers_are_no_gateways(tmp_path, unused_tcp_port):
    """One with a certificate of another kind, one without TLS, and a closed port."""
    context = serving_context(Settings(state_path=str(tmp_path)))

    async def close(_, writer) -> None:
        writer.close()

    encrypted = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    plain = await asyncio.start_server(close, "127.0.0.1", 0)
    async with encrypted, plain:
        for server in (encrypted, plain):
            port = server.sockets[0].getsockname()[1]
            assert await probe(Candidate("127.0.0.1", ""), port) is None
    assert await probe(Candidate("127.0.0.1", ""), unused_tcp_port) is None
