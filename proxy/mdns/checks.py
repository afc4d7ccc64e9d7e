"""What is wrong or odd about PW_MDNS, in sentences; nothing is sent."""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from proxy.config.settings import Settings

# Containers have these.
_IN_CONTAINER: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))


def problems(settings: Settings) -> Iterator[str]:
    """Say what makes an announcement impossible."""
    if importlib.util.find_spec("zeroconf") is None:
        yield "PW_MDNS needs the extra mdns: pip install powerwall-proxy[mdns]."
    if not settings.port:
        yield "PW_MDNS needs a PW_PORT that is not 0: the port that is announced stays the same."
    try:
        ipaddress.IPv4Address(settings.bind_address or "0.0.0.0")
    except ValueError:
        yield "PW_MDNS announces an IPv4 address: PW_BIND_ADDRESS must be one, or empty."


def warnings(_: Settings) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    if any(mark.exists() for mark in _IN_CONTAINER):
        yield "PW_MDNS in a container reaches other machines only with the network of the host (--network host)."
