"""Whether the proxy is announced, and what is wrong or odd about PW_MDNS, in sentences; nothing is sent."""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from proxy.mdns.settings import MdnsSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings


def is_announced(settings: Settings, *, is_contained: bool) -> bool:
    """Say whether the proxy is announced: if it is set to be, or else where other machines can reach what is announced."""
    if (wanted := settings.of(MdnsSettings).mdns) != "auto":
        return wanted == "yes"
    address = _address(settings)
    return bool(
        settings.port
        and not is_contained
        and address is not None
        and not address.is_loopback
        and importlib.util.find_spec("zeroconf")
    )


def problems(settings: Settings) -> Iterator[str]:
    """Say what makes an announcement impossible."""
    if importlib.util.find_spec("zeroconf") is None:
        yield "PW_MDNS needs the extra mdns: pip install powerwall-proxy[mdns]."
    if not settings.port:
        yield "PW_MDNS needs a PW_PORT that is not 0: the port that is announced stays the same."
    if _address(settings) is None:
        yield "PW_MDNS announces an IPv4 address: PW_BIND_ADDRESS must be one, or empty."


def warnings(*, is_contained: bool) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    if is_contained:
        yield "PW_MDNS in a container reaches other machines only with the network of the host (--network host)."


def _address(settings: Settings) -> ipaddress.IPv4Address | None:
    """Return the address that the proxy listens on, 0.0.0.0 for all; None if it is no IPv4 address."""
    try:
        return ipaddress.IPv4Address(settings.bind_address or "0.0.0.0")
    except ValueError:
        return None
