"""Whether the proxy is announced, and what is wrong or odd about PW_MDNS, in sentences; nothing is sent."""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proxy.mdns.settings import MdnsSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings

# Docker and podman put these into their containers. podman and images by convention, ours too, set "container";
# Kubernetes names its API. A container that is a machine of its own (LXC, systemd-nspawn) has none of them.
_FILES: Final = (".dockerenv", "run/.containerenv")
_VARIABLES: Final = ("container", "KUBERNETES_SERVICE_HOST")
_ROOT: Final = Path("/")


def is_announced(settings: Settings, environ: Mapping[str, str], root: Path = _ROOT) -> bool:
    """Say whether the proxy is announced: if it is set to be, or else where other machines can reach what is announced."""
    if (wanted := settings.of(MdnsSettings).mdns) != "auto":
        return wanted == "yes"
    address = _address(settings)
    return bool(
        settings.port
        and address is not None
        and not address.is_loopback
        and importlib.util.find_spec("zeroconf")
        and not _is_in_container(environ, root)
    )


def problems(settings: Settings) -> Iterator[str]:
    """Say what makes an announcement impossible."""
    if importlib.util.find_spec("zeroconf") is None:
        yield "PW_MDNS needs the extra mdns: pip install powerwall-proxy[mdns]."
    if not settings.port:
        yield "PW_MDNS needs a PW_PORT that is not 0: the port that is announced stays the same."
    if _address(settings) is None:
        yield "PW_MDNS announces an IPv4 address: PW_BIND_ADDRESS must be one, or empty."


def warnings(environ: Mapping[str, str]) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    if _is_in_container(environ, _ROOT):
        yield "PW_MDNS in a container reaches other machines only with the network of the host (--network host)."


def _address(settings: Settings) -> ipaddress.IPv4Address | None:
    """Return the address that the proxy listens on, 0.0.0.0 for all; None if it is no IPv4 address."""
    try:
        return ipaddress.IPv4Address(settings.bind_address or "0.0.0.0")
    except ValueError:
        return None


def _is_in_container(environ: Mapping[str, str], root: Path) -> bool:
    return any(environ.get(name) for name in _VARIABLES) or any((root / file).exists() for file in _FILES)
