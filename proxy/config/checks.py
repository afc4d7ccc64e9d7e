"""What is wrong with settings that are right one by one.

Each check returns sentences; none of them contains a secret. Only files that
settings name are looked at, and nothing is written.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

from proxy.config import cloud, gateways
from proxy.config.gateway_settings import GatewaySettings, is_auto
from proxy.config.settings import SETTINGS, Settings, value_of
from proxy.config.types import TEXT, is_address
from proxy.features import enabled
from proxy.files import load_pair

_FILES = ("gw_ca", "rsa_key_path")
_OWN_FILES = ("tls_cert", "tls_key")
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
# A text with passwords in it, and none itself.
_JSON_LIST = "gateway_list"
# Polled more often than this, some gateways limit the rate.
_SHORT_TTL_S = 5.0


def problems(settings: Settings, *, lacks_gateway: bool) -> Iterator[str]:
    """Say what makes the settings unusable."""
    if lacks_gateway:
        yield (
            "PW_HOST is missing: set it to the address of your gateway, such as 192.168.1.50 "
            "(or sign in to Tesla's cloud with `powerwall-proxy setup`, or try `powerwall-proxy serve --demo`)."
        )
    yield from gateways.each(settings, _problems_of_gateway)
    yield from gateways.problems(settings)
    for row in SETTINGS:
        if row.key in _OWN_FILES and (reason := _unreadable(value_of(settings, row))):
            yield f"{row.env}: {value_of(settings, row)} {reason}."
    yield from _unusable_pair(settings)
    if settings.https_port and settings.https_port == settings.port:
        yield "PW_HTTPS_PORT and PW_PORT are the same: leave PW_HTTPS_PORT out for TLS on PW_PORT."
    if bool(settings.tls_cert) != bool(settings.tls_key):
        yield "PW_TLS_CERT and PW_TLS_KEY belong together: set both, or none and a certificate is made."
    for feature in enabled(settings):
        yield from feature.problems(settings)


def _problems_of_gateway(gateway: GatewaySettings) -> Iterator[str]:
    for key in _FILES:
        if reason := _unreadable(path := getattr(gateway, key)):
            yield f"PW_{key.upper()}: {path} {reason}."
    yield from _unusable_ca(gateway.gw_ca)
    yield from _unusable_key(gateway.rsa_key_path)
    if gateway.gw_tls == "ca" and not gateway.gw_ca:
        yield "PW_GW_TLS=ca needs PW_GW_CA: a PEM file with the certificate that signs the gateway's."
    if is_auto(gateway.host) and (gateway.gw_tls != "pin" or gateway.host.startswith("http://")):
        yield "PW_HOST=auto needs PW_GW_TLS=pin, and no http://: the gateway is recognised by its certificate."
    if gateway.rsa_key_path and not (gateway.password or gateway.gw_pwd):
        yield "PW_RSA_KEY_PATH needs PW_PASSWORD or PW_GW_PWD too: the gateway requires a login."
    yield from cloud.problems(gateway)


def warnings(settings: Settings) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    yield from gateways.warnings(settings)
    yield from gateways.each(settings, _unlikely_passwords)
    yield from _unlikely_secrets(settings)
    yield from gateways.each(settings, _warnings_of_gateway)
    yield from _unused_with(settings.https, settings)
    if any(gateway.control_islanding for gateway in settings.gateways) and not settings.control_secret:
        yield "PW_CONTROL_ISLANDING has no effect without PW_CONTROL_SECRET."
    for feature in enabled(settings):
        yield from feature.warnings(settings)


def _unused_with(https: str, settings: Settings) -> Iterator[str]:
    """Say which settings of TLS have no effect without it."""
    given = {"PW_HTTPS_PORT": settings.https_port, "PW_TLS_CERT": settings.tls_cert}
    if https != "yes":
        yield from (f"{name} has no effect with PW_HTTPS={https}." for name, value in given.items() if value)


def _warnings_of_gateway(gateway: GatewaySettings) -> Iterator[str]:
    if gateway.gw_ca and gateway.gw_tls != "ca":
        yield f"PW_GW_CA has no effect with PW_GW_TLS={gateway.gw_tls}."
    if gateway.gw_tls == "off":
        yield "PW_GW_TLS=off: the password is sent to any device that answers at the gateway's address."
    if gateway.host_scan and (is_address(gateway.host) or gateway.gw_tls != "pin"):
        yield "PW_HOST_SCAN has no effect unless PW_HOST is auto or a name, and PW_GW_TLS is pin."
    if gateway.wifi_host and not (gateway.gw_pwd and (gateway.rsa_key_path or gateway.password)):
        yield "PW_WIFI_HOST has no effect without PW_GW_PWD and one of PW_RSA_KEY_PATH and PW_PASSWORD."
    if gateway.tedapi_api_version != _QUERIES:
        yield f"PW_TEDAPI_API_VERSION={gateway.tedapi_api_version} has no effect: {_QUERIES} is used."
    if gateway.cache_expire < _SHORT_TTL_S:
        yield (
            f"PW_CACHE_EXPIRE={gateway.cache_expire:g}: some gateways limit the rate "
            f"when polled more often than every {_SHORT_TTL_S:g} s."
        )
    if gateway.graceful_degradation and gateway.cache_ttl < gateway.cache_expire:
        yield (
            f"PW_CACHE_TTL={gateway.cache_ttl:g} is less than PW_CACHE_EXPIRE={gateway.cache_expire:g}: "
            "nothing is served while the gateway fails."
        )
    yield from cloud.warnings(gateway)


def _unusable_ca(path: str) -> Iterator[str]:
    """Say that a file holds no certificates; a file that cannot be read is reported elsewhere."""
    if not path:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        yield f"PW_GW_CA: {path} holds no certificates in PEM form."
    except OSError:
        pass


def _unusable_pair(settings: Settings) -> Iterator[str]:
    """Say that the proxy's own certificate cannot be used; files that cannot be read are reported elsewhere."""
    try:
        if settings.tls_cert and settings.tls_key:
            load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), settings.tls_cert, settings.tls_key)
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
    """Say why a file cannot be read, or nothing; nothing of a file that is not named."""
    if not path:
        return ""
    try:
        with Path(path).open("rb"):
            return ""
    except OSError as exc:
        return f"cannot be read ({exc.strerror})"


def _unlikely_passwords(gateway: GatewaySettings) -> Iterator[str]:
    """Point out that a gateway has no password, or that one was mangled on its way here."""
    if gateway.host and not (gateway.password or gateway.gw_pwd):
        yield "PW_PASSWORD is missing: without it or PW_GW_PWD, most gateways report nothing."
    for row in SETTINGS:
        if row.secret and row.owner is GatewaySettings:
            yield from _mangled(row.env, getattr(gateway, row.key))


def _unlikely_secrets(settings: Settings) -> Iterator[str]:
    """Point out secrets of the proxy that are easily guessed, or were mangled."""
    secret = settings.control_secret
    if secret and len(secret) < _SHORT_SECRET:
        yield f"PW_CONTROL_SECRET is shorter than {_SHORT_SECRET} characters: it can be guessed."
    elif re.sub(r"[\W_]", "", secret).lower() in _SAMPLES:
        yield "PW_CONTROL_SECRET is an example from documentation: it can be guessed."
    for row in SETTINGS:
        is_one = row.kind is TEXT and row.key != _JSON_LIST
        if row.secret and row.owner is not GatewaySettings and is_one:
            yield from _mangled(row.env, value_of(settings, row))


def _mangled(name: str, text: str) -> Iterator[str]:
    if text != text.strip():
        yield f"{name} begins or ends with white space, which counts as part of it."
    elif text[:1] == text[-1:] and text[:1] in {'"', "'"}:
        yield f"{name} stands in quotes, which count as part of it (docker's env files keep them)."
