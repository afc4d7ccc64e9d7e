"""What is wrong with settings that are right one by one.

Each check returns sentences; none of them contains a secret. Only files that
settings name are looked at, and nothing is written.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

from proxy.config import cloud
from proxy.config.settings import SETTINGS, Settings, value_of
from proxy.features import features
from proxy.state.certificates import load_pair

_FILES = ("gw_ca", "rsa_key_path", "tls_cert", "tls_key")
_SHORT_SECRET = 8
# What examples in documentation use, without punctuation and in lower case.
_SAMPLES = frozenset(
    {
        "changeme",
        "controlsecret",
        "mysecret",
        "mysecretkey",
        "mysecrettoken",
        "password",
        "pwcontrolsecret",
        "secret",
        "secretkey",
        "stormlantern7492",  # our README
        "yourcontrolsecret",
        "yoursecret",
        "yoursecrethere",
        "yoursecretkey",
        "yoursecrettoken",
    }
)
# The generation of signed queries that the proxy knows.
_QUERIES = "V2024_06"
# Polled more often than this, some gateways limit the rate.
_SHORT_TTL_S = 5.0


def problems(settings: Settings, *, lacks_gateway: bool) -> Iterator[str]:
    """Say what makes the settings unusable."""
    if lacks_gateway:
        yield (
            "PW_HOST is missing: set it to the address of your gateway, such as 192.168.1.50 "
            "(or sign in to Tesla's cloud with `powerwall-proxy setup`, or try `powerwall-proxy serve --demo`)."
        )
    for row in SETTINGS:
        if row.key in _FILES and (path := value_of(settings, row)) and (reason := _unreadable(path)):
            yield f"{row.env}: {path} {reason}."
    yield from _unusable_certificates(settings)
    yield from _unusable_key(settings.gateway.rsa_key_path)
    if settings.gateway.gw_tls == "ca" and not settings.gateway.gw_ca:
        yield "PW_GW_TLS=ca needs PW_GW_CA: a PEM file with the certificate that signs the gateway's."
    if bool(settings.tls_cert) != bool(settings.tls_key):
        yield "PW_TLS_CERT and PW_TLS_KEY belong together: set both, or none and a certificate is made."
    if settings.gateway.rsa_key_path and not (settings.gateway.password or settings.gateway.gw_pwd):
        yield "PW_RSA_KEY_PATH needs PW_PASSWORD or PW_GW_PWD too: the gateway requires a login."
    yield from cloud.problems(settings.gateway)
    for feature in features():
        yield from feature.problems(settings)


def warnings(settings: Settings) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    yield from _odd_secrets(settings)
    if settings.gateway.gw_ca and settings.gateway.gw_tls != "ca":
        yield f"PW_GW_CA has no effect with PW_GW_TLS={settings.gateway.gw_tls}."
    if settings.gateway.gw_tls == "off":
        yield "PW_GW_TLS=off: the password is sent to any device that answers at the gateway's address."
    if settings.tls_cert and settings.https != "yes":
        yield f"PW_TLS_CERT has no effect with PW_HTTPS={settings.https}."
    if settings.gateway.wifi_host and not (
        settings.gateway.gw_pwd and (settings.gateway.rsa_key_path or settings.gateway.password)
    ):
        yield "PW_WIFI_HOST has no effect without PW_GW_PWD and one of PW_RSA_KEY_PATH and PW_PASSWORD."
    if settings.gateway.tedapi_api_version != _QUERIES:
        yield f"PW_TEDAPI_API_VERSION={settings.gateway.tedapi_api_version} has no effect: {_QUERIES} is used."
    if settings.gateway.cache_expire < _SHORT_TTL_S:
        yield (
            f"PW_CACHE_EXPIRE={settings.gateway.cache_expire:g}: some gateways limit the rate "
            f"when polled more often than every {_SHORT_TTL_S:g} s."
        )
    if settings.gateway.graceful_degradation and settings.gateway.cache_ttl < settings.gateway.cache_expire:
        yield (
            f"PW_CACHE_TTL={settings.gateway.cache_ttl:g} is less than PW_CACHE_EXPIRE={settings.gateway.cache_expire:g}: "
            "nothing is served while the gateway fails."
        )
    if settings.gateway.control_islanding and not settings.control_secret:
        yield "PW_CONTROL_ISLANDING has no effect without PW_CONTROL_SECRET."
    yield from cloud.warnings(settings.gateway)
    for feature in features():
        yield from feature.warnings(settings)


def _unusable_certificates(settings: Settings) -> Iterator[str]:
    """Say which certificate files hold something else; files that cannot be read are reported elsewhere."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        if settings.gateway.gw_ca:
            context.load_verify_locations(settings.gateway.gw_ca)
    except ssl.SSLError:
        yield f"PW_GW_CA: {settings.gateway.gw_ca} holds no certificates in PEM form."
    except OSError:
        pass
    try:
        if settings.tls_cert and settings.tls_key:
            load_pair(context, settings.tls_cert, settings.tls_key)
    except ssl.SSLError:
        yield "PW_TLS_CERT and PW_TLS_KEY must be a certificate and its key, both PEM, the key not encrypted."
    except OSError:
        pass


def _unusable_key(path: str) -> Iterator[str]:
    """Say that a file holds no key for v1r; a file that cannot be read is reported elsewhere."""
    if not path or _unreadable(path):
        return
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - only for such a key
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - only for such a key
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - only for such a key

    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        yield f"PW_RSA_KEY_PATH: {path} must be a private RSA key in PEM form, not encrypted."


def _unreadable(path: str) -> str:
    """Say why a file cannot be read, or nothing."""
    try:
        with Path(path).open("rb"):
            return ""
    except OSError as exc:
        return f"cannot be read ({exc.strerror})"


def _odd_secrets(settings: Settings) -> Iterator[str]:
    """Point out secrets that are missing, easily guessed, or were mangled on their way here."""
    if settings.gateway.host and not (settings.gateway.password or settings.gateway.gw_pwd):
        yield "PW_PASSWORD is missing: without it or PW_GW_PWD, most gateways report nothing."
    secret = settings.control_secret
    if secret and len(secret) < _SHORT_SECRET:
        yield f"PW_CONTROL_SECRET is shorter than {_SHORT_SECRET} characters: it can be guessed."
    elif re.sub(r"[\W_]", "", secret).lower() in _SAMPLES:
        yield "PW_CONTROL_SECRET is an example from documentation: it can be guessed."
    for row in SETTINGS:
        text = value_of(settings, row) if row.secret else ""
        if text != text.strip():
            yield f"{row.env} begins or ends with white space, which counts as part of it."
        elif text[:1] == text[-1:] and text[:1] in {'"', "'"}:
            yield f"{row.env} stands in quotes, which count as part of it (docker's env files keep them)."
