"""Certificates: the one that the proxy shows, and the gateway's that it trusts.

Without a certificate of the owner's the proxy makes one on first start and keeps
it, with its key, in one file of the state folder.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import re
import socket
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config.settings import Settings
from proxy.files import load_pair, write_private

if TYPE_CHECKING:
    from cryptography import x509

_log = logging.getLogger(__name__)

# In the state folder: the gateways' certificates as seen first, by address.
PINS = "pins.json"

_OWN = "tls.pem"
_VALID = timedelta(days=3650)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def serving_context(settings: Settings) -> ssl.SSLContext:
    """Make the context for PW_HTTPS=yes. Raises OSError (also ssl.SSLError) if a file cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_cert:
        load_pair(context, settings.tls_cert, settings.tls_key)
        return context
    if own := own_certificate(settings):
        try:
            load_pair(context, str(own))
        except OSError:  # none yet, or a damaged one
            pass
        else:
            return context
    pem = _made(settings)
    try:
        if own:
            write_private(own, pem)
    except OSError as exc:
        hint = "browsers and programs that trust this one will not know the next start's"
        _log.warning("certificate not kept", extra={"file": str(own), "reason": exc.strerror, "hint": hint})
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        load_pair(context, file.name)
    return context


def trusting_context() -> ssl.SSLContext:
    """Make a client context that accepts any certificate, for handshakes without secrets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def own_certificate(settings: Settings) -> Path | None:
    """Name the file of the certificate that the proxy makes, if it can keep one."""
    return Path(settings.state_path, _OWN) if settings.state_path else None


def fingerprint(path: Path) -> str:
    """Give the SHA-256 of the first certificate in a PEM file, in hex. Raises OSError or ValueError."""
    match = _CERTIFICATE.search(path.read_text("utf-8-sig"))
    if match is None:
        raise ValueError("no certificate in this file")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(match[0])).hexdigest()


def _made(settings: Settings) -> bytes:
    """Make a key and a certificate that vouches for itself."""
    from cryptography import x509  # noqa: PLC0415 - only to make one
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - only to make one
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - only to make one

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Powerwall Proxy")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of small boards may be behind.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(_alternative_names(settings)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    return certificate.public_bytes(encoding) + key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _alternative_names(settings: Settings) -> list[x509.GeneralName]:
    """List the names and addresses under which clients may call."""
    from cryptography import x509  # noqa: PLC0415 - only to make one

    here = ["localhost", socket.gethostname(), "127.0.0.1", "::1", settings.bind_address]
    names: list[x509.GeneralName] = []
    known = (name.rstrip(".") for name in (*here, *settings.allowed_hosts) if name.isascii())
    for name in dict.fromkeys(name for name in known if name):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            names.append(x509.DNSName(name))
    return names
