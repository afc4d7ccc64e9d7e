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
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from proxy.state.certificates import trusting_context

ACCESS_POINT = "192.168.91.1"
# Of gateways, and of Powerwall 3 units.
_MAC_PREFIXES = ("90:03:71", "00:d6:cb")
# Its certificate has them, and routers that name their DHCP clients may know them.
_NAMES = ("powerwall", "teg")
_HTTPS = 443
_HANDSHAKE_S = 2.0
_AT_ONCE = 16
_MOST_ADDRESSES = 1022  # of a /22; a larger network is no home's


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look; ``neighbours`` and ``routes`` are the system's own tables (proc(5))."""

    addresses: tuple[str, ...] = (ACCESS_POINT,)
    names: tuple[str, ...] = _NAMES
    neighbours: Path = Path("/proc/net/arp")
    routes: Path = Path("/proc/net/route")
    port: int = _HTTPS


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a gateway's, and why."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A gateway: its address as PW_HOST takes it, why it was tried, the SHA-256 of its certificate in hex."""

    host: str
    reason: str
    fingerprint: str


async def candidates(places: Places) -> list[Candidate]:
    """List what can be known without a probe: the access point, names that resolve, neighbours."""
    found = [Candidate(address, "the gateway's own Wi-Fi") for address in places.addresses]
    for name in places.names:
        found += [Candidate(address, f"the name {name}") for address in await _resolved(name)]
    found += [
        Candidate(address, "a neighbour with a MAC address of Tesla")
        for address in tesla_neighbours(_text(places.neighbours))
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


async def probe_all(found: list[Candidate], port: int) -> AsyncIterator[Found]:
    """Probe each address once, a few at a time; yield the gateways, each once, in the order of the list."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(candidate: Candidate) -> Found | None:
        async with free:
            return await probe(candidate, port)

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
    except (OSError, TimeoutError):
        return None
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    if not certificate or not is_of_a_gateway(certificate):
        return None
    host = candidate.address if port == _HTTPS else f"{candidate.address}:{port}"
    return Found(host, candidate.reason, hashlib.sha256(certificate).hexdigest())


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


def tesla_neighbours(arp: str) -> Iterator[str]:
    """Yield the addresses in the system's neighbour table whose MAC address is Tesla's."""
    for line in arp.splitlines()[1:]:
        if match := re.match(r"(\S+)\s+\S+\s+\S+\s+([0-9a-fA-F:]{17})\s", line):
            address, mac = match.groups()
            if mac.lower().startswith(_MAC_PREFIXES):
                yield address


def own_networks(routes: str) -> Iterator[ipaddress.IPv4Network]:
    """Yield the private networks that are directly connected, from the system's routing table."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[2] == "00000000" and fields[1] != "00000000":  # noqa: PLR2004 - proc(5)
            address, mask = (socket.inet_ntoa(struct.pack("=L", int(fields[place], 16))) for place in (1, 7))
            network = ipaddress.IPv4Network(f"{address}/{mask}", strict=False)
            if network.is_private and not network.is_loopback and not network.is_link_local:
                yield network


def _text(path: Path) -> str:
    """Read one of the system's tables; where there is none, as on other systems than Linux, it is empty."""
    try:
        return path.read_text("ascii", errors="replace")
    except OSError:
        return ""


async def _resolved(name: str) -> list[str]:
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                name, None, family=socket.AF_INET, type=socket.SOCK_STREAM
            )
    except (OSError, TimeoutError):
        return []
    return [str(entry[4][0]) for entry in found]
