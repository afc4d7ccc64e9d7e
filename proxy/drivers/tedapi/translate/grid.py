"""The state of the grid, by the names that the local API gives it."""

from __future__ import annotations

from proxy.drivers.tedapi.data import Facts, section, text

CONNECTED = "SystemGridConnected"
ISLANDED = "SystemIslandedActive"


def grid_state(facts: Facts) -> str | None:
    """Read the grid state: by the system's alert, else by the islander's contactor."""
    if "SystemConnectedToGrid" in facts.alerts:
        return CONNECTED
    contactor = section(facts.bus, "ISLANDER", "ISLAND_GridConnection").get("ISLAND_GridConnected")
    if isinstance(contactor, bool):
        return CONNECTED if contactor else ISLANDED
    if text(contactor) is None:
        return None
    return CONNECTED if contactor == "ISLAND_GridConnected_Connected" else ISLANDED
