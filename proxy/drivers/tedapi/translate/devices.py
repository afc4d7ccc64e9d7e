"""The frame that every device of the vitals has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.drivers.tedapi.data import Facts

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
    """Frame the values of one device. TEDAPI reports neither its firmware nor when it was last heard."""
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


def energies(remaining: float | None, full: float | None) -> dict[str, Any]:
    """Give the energies of a battery (Wh)."""
    return {
        "POD_nom_energy_remaining": remaining,
        "POD_nom_energy_to_be_charged": None if remaining is None or full is None else full - remaining,
        "POD_nom_full_pack_energy": full,
    }


def string_values(string: str, voltage: float | None, current: float | None, state: Any) -> dict[str, Any]:
    """Give what is known of one string of solar panels (V, A, W)."""
    power = None if voltage is None or current is None else voltage * current + 0.0  # never "-0.0"
    return {
        f"PVAC_PVMeasuredVoltage_{string}": voltage,
        f"PVAC_PVCurrent_{string}": current,
        f"PVAC_PVMeasuredPower_{string}": power,
        f"PVAC_PvState_{string}": state,
    }
