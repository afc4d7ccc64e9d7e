"""The alerts of a site for people: what its gateway and its devices report, without what is no trouble.

Names are an open set: system-wide words, and ``DEV_f029_Text`` of a device, where the letter
says alert, fault or warning. The manufacturer publishes no list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from proxy.core.json_access import text
from proxy.views.state import SiteState

INFO, ATTENTION = "info", "attention"
_OF_DEVICE: Final = re.compile(r"[A-Z]+\d*_([afw])\d+_")
# States of the grid, which pages show anyway.
_STATES: Final = re.compile(r"System|GridServicesActive|(Uns|S)cheduledIsland")
_HARMLESS: Final = frozenset(
    {
        *("FWUpdateSucceeded", "GridCodesWrite", "PodCommissionTime", "HighCPU", "BackfeedLimited"),
        *("RealPowerAvailableLimited", "SiteMinPowerLimited", "SelfConsumptionReservedLimit"),
        *("SolarChargeOnlyLimited", "ExportLimited", "ImportLimited"),
    }
)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert by its name; ``level`` is info, or attention for what needs an action."""

    name: str
    level: str


def active(state: SiteState) -> tuple[Alert, ...] | None:
    """Return the union of the gateway's problems and the devices' alerts; None if neither is known."""
    if state.alerts is None and state.problems is None:
        return None
    return of_names({*(state.alerts or ()), *filter(None, map(_name, state.problems or ()))})


def of_names(names: Iterable[str]) -> tuple[Alert, ...]:
    """Return alerts by their names, those that need an action first; states of the grid are left out."""
    shown = (Alert(name, _level(name)) for name in sorted(names) if not _STATES.match(name))
    return tuple(sorted(shown, key=lambda alert: alert.level))


def _name(problem: Any) -> str | None:
    """Name a problem: its text, or that of an object that has a name."""
    return text(problem) or (text(problem.get("name")) if isinstance(problem, dict) else None)


def _level(name: str) -> str:
    device = _OF_DEVICE.match(name)
    is_harmless = device[1] != "f" if device else name in _HARMLESS
    return INFO if is_harmless else ATTENTION
