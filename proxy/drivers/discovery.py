"""Find the gateway: where gateways are, and how one is recognised.

It is recognised by its certificate, in one TLS handshake in which nothing is sent: no login, no request.
Address of its Wi-Fi, names and MAC prefixes: docs/protocol.md, "Address and TLS".
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from proxy.drivers.dial import name_of, resolve
from proxy.state.certificates import trusting_context

ACCESS_POINT = "192.168.91.1"
# Of gateways, and of Powerwall 3 units.
_MAC_PREFIXES = ("90:03:71", "00:d6:cb")
# Its certificate has them, and routers that name their DHCP clients may know them.
_NAMES = ("powerwall", "teg")
# The names that gateways give to the DHCP server: part number, revision and serial number, as on the sticker.
_DIN = re.compile(r"\d{7}-\d{2}-[a-z]--[a-z0-9]+(\.|$)", re.IGNORECASE)
_HTTPS = 443
_HANDSHAKE_S = 2.0
_AT_ONCE = 16
_MOST_ADDRESSES = 1022  # of a /22; a larger network is no home's


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look; ``neighbours`` and ``routes`` are the system's own tables (proc(5)).

    ``name_of`` looks up what the router calls an address; the result may be an OSError.
    """

    addresses: tuple[str, ...] = (ACCESS_POINT,)
    names: tuple[str, ...] = _NAMES
    # Not /proc/net, which a service may not see (systemd.exec(5), ProcSubset).
    neighbours: Path = Path("/proc/self/net/arp")
    routes: Path = Path("/proc/self/net/route")
    port: int = _HTTPS
    name_of: Callable[[str], Awaitable[str]] = name_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a gateway's, and why."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A gateway: its address, also as PW_HOST takes it, why it was tried, the SHA-256 of its certificate in hex."""

    address: str
    host: str
    reason: str
    fingerprint: str


async def candidates(places: Places) -> list[Candidate]:
    """List what can be known without a probe: the access point, names that resolve, neighbours."""
    found = [Candidate(address, "the gateway's own Wi-Fi") for address in places.addresses]
    for name in places.names:
        found += [Candidate(address, f"the name {name}") for address in await _resolved(name)]
    around = dict(neighbours(_text(places.neighbours)))
    found += [
        Candidate(address, "a neighbour with a MAC address of Tesla")
        for address, mac in around.items()
        if mac.startswith(_MAC_PREFIXES)
    ]
    found += [
        Candidate(address, f"a neighbour with the name {name}")
        for address, name in await _names(around, places)
        if _DIN.match(name)
    ]
    return list({candidate.address: candidate for candidate in reversed(found)}.values())[::-1]


def subnet_candidates(places: Places) -> list[Candidate]:
    """List every other address of the networks that this machine is in, if these are small and private."""
    return [
        Candidate(str(address), f"an address of {network}")
        for network in own_networks(_text(places.routes))
        if network.num_addresses - 2 <= _MOST_ADDRESSES
        for address in network.hosts()
    ]


async def probe_all(
    found: list[Candidate], port: int, probed: Callable[[], None] = lambda: None
) -> AsyncIterator[Found]:
    """Probe each address once, a few at a time; yield the gateways, each once, in the order of the list.

    ``probed`` is called after each address.
    """
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(candidate: Candidate) -> Found | None:
        async with free:
            gateway = await probe(candidate, port)
        probed()
        return gateway

    seen: set[str] = set()
    for gateway in await asyncio.gather(*map(one, found)):
        if gateway and gateway.fingerprint not in seen:
            seen.add(gateway.fingerprint)
            yield gateway


async def probe(candidate: Candidate, port: int) -> Found | None:
    """Shake hands with an address; None if no gateway answers there."""
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            _, writer = await asyncio.open_connection(
                candidate.address, port, ssl=trusting_context(), server_hostname=candidate.address
            )
    except (OSError, TimeoutError, ValueError):  # ValueError: an address with a zone is no name for TLS
        return None
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    if not certificate or not is_of_a_gateway(certificate):
        return None
    host = candidate.address if port == _HTTPS else f"{candidate.address}:{port}"
    return Found(candidate.address, host, candidate.reason, hashlib.sha256(certificate).hexdigest())


def is_of_a_gateway(der: bytes) -> bool:
    """Say whether a certificate is one that gateways make for themselves."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        organisations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    except (ValueError, x509.ExtensionNotFound):
        return False
    is_teslas = any(str(attribute.value).startswith("Tesla") for attribute in organisations)
    return is_teslas and not {*_NAMES}.isdisjoint(names.get_values_for_type(x509.DNSName))


def neighbours(arp: str) -> Iterator[tuple[str, str]]:
    """Yield the addresses in the system's neighbour table with their MAC addresses; not those that did not answer."""
    for line in arp.splitlines()[1:]:
        if match := re.match(r"(\S+)\s+\S+\s+\S+\s+([0-9a-fA-F:]{17})\s", line):
            address, mac = match.groups()
            if mac != "00:00:00:00:00:00":
                yield address, mac.lower()


def own_networks(routes: str) -> Iterator[ipaddress.IPv4Network]:
    """Yield the private networks that are directly connected, from the system's routing table."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[2] == "00000000" and fields[1] != "00000000":  # noqa: PLR2004 - proc(5)
            address, mask = (socket.inet_ntoa(struct.pack("=L", int(fields[place], 16))) for place in (1, 7))
            network = ipaddress.IPv4Network(f"{address}/{mask}", strict=False)
            if network.is_private and not network.is_link_local:
                yield network


def _text(path: Path) -> str:
    """Read one of the system's tables; where there is none, as on other systems than Linux, it is empty."""
    try:
        return path.read_text("ascii", errors="replace")
    except OSError:
        return ""


async def _names(addresses: Iterable[str], places: Places) -> list[tuple[str, str]]:
    """Look up the names of addresses, a few at a time; an address without one is left out."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(address: str) -> tuple[str, str] | None:
        async with free:
            try:
                async with asyncio.timeout(_HANDSHAKE_S):
                    return address, await places.name_of(address)
            except (OSError, TimeoutError):
                return None

    return [named for named in await asyncio.gather(*map(one, addresses)) if named]


async def _resolved(name: str) -> list[str]:
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            return [address for address in await resolve(name) if ":" not in address]
    except (OSError, TimeoutError):
        return []
