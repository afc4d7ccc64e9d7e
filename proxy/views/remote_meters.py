"""What Tesla remote meters measure, by their DIN and the number of each current transformer.

The vitals have a device ``TRM--DIN`` for each meter, whose signals are named ``TRM_CT0_InstRealPower``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from proxy.views.devices import devices
from proxy.views.json_access import Documents, number

# What a transformer measures: its key below, the signal, its unit, and what to divide the signal by.
MEASURES: Final[Mapping[str, tuple[str, str, float]]] = {
    "voltage": ("InstVoltage", "V", 1.0),
    "current": ("InstCurrent", "A", 1.0),
    "power": ("InstRealPower", "W", 1.0),
    "energy_imported": ("EnergyImportedWs", "Wh", 3600.0),
    "energy_exported": ("EnergyExportedWs", "Wh", 3600.0),
}
_SIGNAL: Final = re.compile(r"TRM_CT(\d+)_(\w+)")
_SEPARATORS: Final = "/+#"


def remote_meters(documents: Documents) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return the signals of every transformer as the vitals have them, without ``TRM_CT0_``.

    A meter whose DIN cannot be part of a topic is left out.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for device, signals in devices(documents, "TRM"):
        din = device.partition("--")[2]
        if not din or set(din) & set(_SEPARATORS):
            continue
        for name, value in signals.items():
            if match := _SIGNAL.fullmatch(name):
                found.setdefault(din, {}).setdefault(match[1], {})[match[2]] = value
    return found


def measured(signals: Mapping[str, Any], measure: str) -> float | None:
    """Return one of MEASURES of a transformer; None if it is unknown."""
    signal, _, divisor = MEASURES[measure]
    value = number(signals.get(signal))
    return None if value is None else value / divisor
