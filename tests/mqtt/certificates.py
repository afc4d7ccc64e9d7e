"""Certificates of brokers, made for a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def authority(
    name: str, days: int = 30, host: str = "localhost"
) -> tuple[x509.Certificate, x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return the certificate of a CA, one of ``host`` that it signed, and its key; ``days`` until that ends."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA {name}")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    ca = _signed(issuer, issuer, ca_key, ca_key, 30)
    return ca, _signed(subject, issuer, key, ca_key, days, host), key


def write(
    folder: Path, name: str, ca: x509.Certificate, own: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    """Write NAME.ca, NAME.crt and NAME.key."""
    (folder / f"{name}.ca").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.crt").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _signed(subject, issuer, key, signer, days, host=None):
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(signer, hashes.SHA256())
