"""The setting of mDNS."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config.specs import SERVER, row
from proxy.config.types import FLAG_OR_AUTO


@dataclass(frozen=True, slots=True)
class MdnsSettings:
    """Rows of the table of settings."""

    mdns: str = row(
        SERVER,
        FLAG_OR_AUTO,
        "auto",
        "Announce the proxy in the network by multicast DNS; auto: where the extra mdns is installed, "
        "but not in a container",
        env="PW_MDNS",
        ours=True,
    )
