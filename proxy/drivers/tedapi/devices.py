"""The frame that every device of the vitals has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.drivers.tedapi.reading import Facts

# A device of the vitals: its key and what it says.
Device = tuple[str, dict[str, Any]]


def controller_name(facts: Facts) -> str | None:
    """Name the site controller, which most devices have as their parent."""
    din = facts.config.get("vin")
    return f"STSTSM--{din}" if isinstance(din, str) else None


def device(
    part: Any,
    serial: Any,
    ecu_type: int,
    parent: str | None = None,
    alerts: Sequence[Any] = (),
    **values: Any,
) -> dict[str, Any]:
    """Frame the values of one device. TEDAPI tells neither its firmware nor when it was last heard."""
    frame: dict[str, Any] = {} if parent is None else {"componentParentDin": parent}
    return frame | {
        "partNumber": part,
        "serialNumber": serial,
        "manufacturer": "TESLA",
        "firmwareVersion": None,
        "lastCommunicationTime": None,
        "teslaEnergyEcuAttributes": {"ecuType": ecu_type},
        "alerts": list(alerts),
        **values,
    }
