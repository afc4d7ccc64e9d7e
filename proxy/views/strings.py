"""Solar strings: one entry per string letter, A B C D of the first inverter, then A1 B1 …"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from proxy.core.sources import SOLAR_POWERWALL, VITALS
from proxy.views.json_access import Documents, section, sections
from proxy.views.options import Options
from proxy.views.packs import units_like

# Signals of an inverter (PVAC) and of its string side (PVS), and what of a string they measure.
_SIGNALS: Final = (
    ("Current", re.compile(r"PVAC_PVCurrent_(\w+)")),
    ("Power", re.compile(r"PVAC_PVMeasuredPower_(\w+)")),
    ("Voltage", re.compile(r"PVAC_PVMeasuredVoltage_(\w+)")),
    ("State", re.compile(r"PVAC_PvState_(\w+)")),
    ("Connected", re.compile(r"PVS_String(\w+)_Connected")),
)

# The same of /api/solar_powerwall, which stays when firmware 23.44 takes the vitals away.
_STRING_VITALS: Final = {
    "Connected": "connected",
    "Voltage": "measured_voltage",
    "Current": "current",
    "Power": "measured_power",
}
_LETTERS: Final = "ABCD"


def strings(documents: Documents, options: Options) -> dict[str, dict[str, Any]]:
    """Return current (A), voltage (V), power (W), state and connection of every string."""
    if VITALS not in documents:
        return _of_solar_powerwall(documents.get(SOLAR_POWERWALL))
    found: dict[str, dict[str, Any]] = {}
    for position, signals in enumerate(inverters(documents, options)):
        suffix = str(position) if position else ""
        for key, value in signals.items():
            named = _named(key)
            if named:
                letter, signal = named
                found.setdefault(f"{letter}{suffix}", {})[signal] = value
    # A string of which nothing is known is left out: translated vitals list all that could be.
    return {name: known for name, known in found.items() if any(v is not None for v in known.values())}


def verbose(documents: Documents, options: Options) -> dict[str, dict[str, Any]]:
    """Return the string signals of every inverter under their own names, its power first."""
    if VITALS not in documents:
        return strings(documents, options)
    return {
        din: {
            "PVAC_Pout": signals.get("PVAC_Pout"),
            **{key: value for key, value in signals.items() if _named(key)},
        }
        for din, signals in _inverters(documents[VITALS]).items()
    }


def inverters(documents: Documents, options: Options) -> list[Mapping[str, Any]]:
    """Return the signals of every solar inverter, in an order that lasts.

    A Powerwall 3 that reports nothing at the moment keeps its place: A2 does not become A1.
    """
    known = _inverters(documents.get(VITALS))
    units = [f"PVAC--{name}" for name in units_like(map(_bare, known), options.pack_order)]
    return [known.get(din, {}) for din in (*(din for din in known if din not in units), *units)]


def _inverters(vitals: Any) -> dict[str, dict[str, Any]]:
    """Return the signals of each PVAC with those of its PVS, in the order of the vitals."""
    found = {}
    for din, signals in section(vitals).items():
        kind, _, name = din.partition("--")
        if kind == "PVAC":
            found[din] = {**section(signals), **section(vitals, f"PVS--{name}")}
    return found


def _bare(din: str) -> str:
    return din.partition("--")[2]


def _named(key: str) -> tuple[str, str] | None:
    """Split a signal's key into the string's letter and what it measures; None for other signals."""
    for signal, pattern in _SIGNALS:
        match = pattern.fullmatch(key)
        if match:
            return match[1], signal
    return None


def _of_solar_powerwall(document: Any) -> dict[str, dict[str, Any]]:
    status: Mapping[str, Any] = section(document, "pvac_status")
    found = {}
    for position, listed in enumerate(sections(status.get("string_vitals"))):
        inverter, letter = divmod(position, len(_LETTERS))
        name = _LETTERS[letter] + (str(inverter) if inverter else "")
        found[name] = {signal: listed[key] for signal, key in _STRING_VITALS.items() if key in listed}
    return found
