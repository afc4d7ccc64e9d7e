"""The settings of OpenC2."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config.specs import CONTROL, row
from proxy.config.types import FLAG, TEXT


@dataclass(frozen=True, slots=True)
class OpenC2Settings:
    """Rows of the table of settings."""

    openc2_key: str = row(
        CONTROL, TEXT, "", "Enables OpenC2; its clients send it with every command", secret=True, ours=True
    )
    openc2_insecure: bool = row(CONTROL, FLAG, False, "Allow OpenC2 without TLS", ours=True)
    openc2_serials: bool = row(CONTROL, FLAG, False, "Show serial numbers to OpenC2 clients", ours=True)
