"""What is wrong or odd about the settings of replicas, in sentences; nothing is connected to."""

from __future__ import annotations

import importlib.util
import ipaddress
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from proxy.config.cloud import cloud_mode
from proxy.replicas.sealing import read_key
from proxy.replicas.settings import ReplicaSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings


def problems(settings: Settings) -> Iterator[str]:
    """Say what makes the settings unusable."""
    own = settings.of(ReplicaSettings)
    if importlib.util.find_spec("redis") is None:
        yield "PW_REDIS_URL needs the extra redis: pip install powerwall-proxy[redis]."
    if not own.redis_key:
        yield (
            "PW_REDIS_URL needs PW_REDIS_KEY, the same on every replica: `powerwall-proxy replica-key` makes one."
        )
    else:
        try:
            read_key(own.redis_key)
        except ValueError as exc:
            yield f"PW_REDIS_KEY must be {exc}."
    if own.redis_ca:
        yield from _unusable(own.redis_ca)


def warnings(settings: Settings) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    own = settings.of(ReplicaSettings)
    url = urlsplit(own.redis_url)
    if url.scheme == "redis" and not _is_here(url.hostname or ""):
        yield "PW_REDIS_URL is not rediss://: the password for Redis is sent in plain text over the network."
    if not (url.password or own.redis_password):
        yield "PW_REDIS_URL without a password: any program that reaches Redis can stop the replicas from sharing (docs/replicas.md)."
    if url.scheme == "redis" and own.redis_ca:
        yield "PW_REDIS_CA has no effect without rediss://."
    if any(cloud_mode(each) for each in settings.gateways):
        yield (
            "PW_REDIS_URL with PW_CLOUD_MODE: the sign-in is a file and not shared; give every replica a sign-in "
            "of its own (docs/replicas.md)."
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unusable(path: str) -> Iterator[str]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        yield f"PW_REDIS_CA: {path} holds no certificates in PEM form."
    except OSError as exc:
        yield f"PW_REDIS_CA: {path} cannot be read ({exc.strerror})."
