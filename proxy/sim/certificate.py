"""Certificates like those of real gateways: a private CA and a leaf, EC P-256.

Subject, validity and names: docs/protocol.md, "Address and TLS". Like a real gateway,
a simulated one shows the same certificate after a restart: nothing in it is left to chance.
"""

from __future__ import annotations

import functools
import hashlib
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("teg", "powerwall", "powerpack")
NOT_BEFORE = datetime(2021, 1, 1, tzinfo=UTC)
VALIDITY = timedelta(days=25 * 365)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key with its chain in PEM, leaf first, and the leaf's SHA-256 in hex."""

    pem: str
    key_pem: str
    fingerprint: str

    def context(self, serial: str, accepts: SniRule) -> ssl.SSLContext:
        """Make a server context that obeys the gateway's rule for names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
            file.write(self.key_pem + self.pem)
            file.flush()
            context.load_cert_chain(file.name)
        names = {None, *NAMES, f"teg-{serial[-3:]}", f"teg-{serial[-3:].lower()}"}

        def sni(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
            if name in names and accepts(name):
                return None
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

        context.sni_callback = sni
        return context


class SniRule:
    """Lets tests forbid names that a gateway usually accepts."""

    refuse_all = False

    def __call__(self, name: str | None) -> bool:
        """Say whether a handshake with this name may go on."""
        return name is None or not self.refuse_all


@functools.cache
def certificate(address: str, generation: int = 0) -> Certificate:
    """Make the certificate of a gateway; ``generation`` counts how often it was renewed."""
    common = f"{_number(f'{address} {generation}'):032x}"
    ca_name, leaf_name = _name(f"{common} CA"), _name(common)
    ca_key, leaf_key = _key(f"{common} CA"), _key(common)
    ca = _builder(ca_name, ca_name, ca_key)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    leaf = _builder(leaf_name, ca_name, leaf_key)
    names = [*map(x509.DNSName, NAMES), x509.IPAddress(ip_address(address))]
    leaf = leaf.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = [builder.sign(ca_key, hashes.SHA256(), ecdsa_deterministic=True) for builder in (leaf, ca)]
    pem = "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in signed)
    key_pem = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return Certificate(pem, key_pem, signed[0].fingerprint(hashes.SHA256()).hex())


def _number(text: str) -> int:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), 16)


def _key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(_number(text), ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "California"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Palo Alto"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tesla"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Tesla Energy Products"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(_number(f"{subject.rfc4514_string()} serial"))
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_BEFORE + VALIDITY)
    )
