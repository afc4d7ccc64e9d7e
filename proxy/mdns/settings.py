"""The setting of mDNS."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config.specs import SERVER, row
from proxy.config.types import FLAG


@dataclass(frozen=True, slots=True)
class MdnsSettings:
    """Rows of the table of settings."""

    mdns: bool = row(
        SERVER, FLAG, False, "Announce the proxy in the network by multicast DNS", env="PW_MDNS", ours=True
    )
