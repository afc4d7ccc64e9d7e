"""The site as a whole: firmware, grid, mode and reserve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from proxy.core.model import Source, app_percent
from proxy.core.sources import (
    CLOUD_RULES,
    GRID_STATUS,
    METERS,
    OPERATION,
    PROBLEMS,
    SITE_NAME,
    STATUS,
    SYSTEM_STATUS,
    TEDAPI_CONFIG,
)
from proxy.views.json_access import Documents, number, section, sections, text
from proxy.views.options import Options

# What the gateway calls the state of the grid, and the number that dashboards store:
# 1 up, 0 down, -1 in transition.
GRID: Final = {
    "SystemGridConnected": 1,
    "SystemIslandedActive": 0,
    "SystemMicroGridFaulted": 0,
    "SystemWaitForUser": 0,
    "SystemTransitionToGrid": -1,
    "SystemTransitionToIsland": -1,
    "SystemIslandedReady": -1,
}

# Part numbers of units, and of gateways that are none (docs/protocol.md), by their first seven digits.
_MODELS: Final = {
    "1092170": "Powerwall 2",
    "2012170": "Powerwall 2",
    "3012170": "Powerwall 2",
    "1707000": "Powerwall 3",
    "1807000": "Powerwall 3",
    "1118431": "Backup Gateway",
    "1152100": "Backup Gateway 2",
    "1232100": "Backup Gateway 2",
}

FULL: Final = 100.0  # percent
_LONGEST_VERSION = 64  # characters; anything longer is no version


def constant(value: Any) -> Callable[[Documents, Options], Any]:
    """Make the view that needs no gateway."""

    def view(_: Documents, __: Options) -> Any:
        return value

    return view


def supported(source: Source, otherwise: Any) -> Callable[[Documents, Options], Any]:
    """Make the view that shows a source as it is, and something else where the gateway has none."""

    def view(documents: Documents, _: Options) -> Any:
        return documents.get(source, otherwise)

    return view


def either(source: Source, there: Any, missing: Any) -> Callable[[Documents, Options], Any]:
    """Make the view that shows whether the gateway has a source."""

    def view(documents: Documents, _: Options) -> Any:
        return there if source in documents else missing

    return view


def entry(source: Source, key: str, name: str) -> Callable[[Documents, Options], dict[str, Any]]:
    """Make the view ``{name: value}`` of one key of a source; null if the gateway left it out."""

    def view(documents: Documents, _: Options) -> dict[str, Any]:
        return {name: section(documents.get(source)).get(key)}

    return view


din = entry(STATUS, "din", "din")
uptime = entry(STATUS, "up_time_seconds", "uptime")
site_name = entry(SITE_NAME, "site_name", "site_name")
# Firmware that has no list of problems reports none.
problems = supported(PROBLEMS, {"problems": []})


def model(documents: Documents) -> str | None:
    """Name the hardware by its part numbers, with the number of its units; None if it is not known."""
    blocks = sections(section(documents.get(SYSTEM_STATUS)).get("battery_blocks"))
    parts = [text(block.get("PackagePartNumber")) for block in blocks]
    own = (text(section(documents.get(STATUS)).get("din")) or "").partition("--")[0]
    name = next((_MODELS[part[:7]] for part in (*parts, own) if part and part[:7] in _MODELS), None)
    return f"{name} x{len(parts)}" if name and len(parts) > 1 else name


def version(documents: Documents, _: Options) -> dict[str, str | int | None]:
    """Return the firmware version as text and as the number that dashboards compare."""
    name = text(section(documents.get(STATUS)).get("version"))
    return {"version": name, "vint": None if name is None else version_number(name)}


def version_number(version: str) -> int | None:
    """Fold a version into one number: "23.44.0 9064fc6a" is 234400; None without a digit.

    Everything after the first space is dropped, then everything but digits and dots; at least
    three fields, each worth a hundred of the next.
    """
    kept = "".join(c for c in version.split(" ", 1)[0] if c in "0123456789.")
    if not kept.strip(".") or len(kept) > _LONGEST_VERSION:
        return None
    folded = 0
    fields = kept.split(".")
    for field in fields + ["0"] * (3 - len(fields)):
        folded = folded * 100 + int(field or 0)
    return folded


def grid_number(documents: Documents) -> int | None:
    """Return the state of the grid as a number of GRID, None if it is unknown."""
    state = text(section(documents.get(GRID_STATUS)).get("grid_status"))
    return None if state is None else GRID.get(state)


def is_grid_up(documents: Documents) -> bool | None:
    """Say whether the house is connected to the grid; None if unknown."""
    state = grid_number(documents)
    return None if state is None else state == GRID["SystemGridConnected"]


def reserve_raw(documents: Documents) -> float | None:
    """Return the backup reserve in percent of the whole pack, the gateway's scale."""
    return number(section(documents.get(OPERATION)).get("backup_reserve_percent"))


def reserve_percent(documents: Documents) -> float | None:
    """Return the backup reserve on the app's scale, 0 to 100."""
    raw = reserve_raw(documents)
    return None if raw is None else min(max(0, app_percent(raw)), FULL)


def reserve(documents: Documents, _: Options) -> dict[str, float | None]:
    """Return the backup reserve in percent of the app's scale."""
    return {"reserve": reserve_percent(documents)}


def operation_mode(documents: Documents) -> str | None:
    """Return the mode of operation; firmware before 20.49 calls the key ``mode``."""
    operation = section(documents.get(OPERATION))
    return text(operation.get("real_mode")) or text(operation.get("mode"))


def operation(documents: Documents, _: Options) -> dict[str, Any]:
    """Return mode, reserve (percent of the app's scale) and grid rules, then what else the gateway has there.

    The form is pypowerwall-server's, of which ``stale`` and ``last_updated`` are about a cloud
    connection beside the gateway: the age of this answer is in its header.
    """
    document = {
        "real_mode": operation_mode(documents),
        "backup_reserve_percent": reserve_percent(documents),
        **grid_rules(documents),
        "stale": False,
        "last_updated": None,
    }
    return {**section(documents.get(OPERATION)), **document}


def grid_rules(documents: Documents) -> dict[str, Any]:
    """Return whether the battery may charge from the grid and what may be exported, as configured; null if unknown."""
    if documents.get(TEDAPI_CONFIG) is not None:
        return {"grid_charging": grid_charging(documents), "grid_export": grid_export(documents)}
    in_cloud = section(documents.get(CLOUD_RULES))
    return {rule: in_cloud.get(rule) for rule in ("grid_charging", "grid_export")}


def grid_charging(documents: Documents) -> bool:
    """Say whether the battery may charge from the grid. The key is a ban, absent on a new system."""
    rules = section(documents.get(TEDAPI_CONFIG), "site_info")
    return rules.get("disallow_charge_from_grid_with_solar_installed") is not True


def grid_export(documents: Documents) -> str:
    """Return what may be exported; a system without a rule exports everything."""
    rules = section(documents.get(TEDAPI_CONFIG), "site_info")
    return text(rules.get("customer_preferred_export_rule")) or "battery_ok"


def mode(documents: Documents, _: Options) -> dict[str, str | None]:
    """Return the mode of operation."""
    return {"mode": operation_mode(documents)}


def is_connected(documents: Documents, _: Options) -> dict[str, bool]:
    """Say whether the gateway reports its status or, where it offers none, its powers."""
    return {"is_connected": any(documents.get(source) is not None for source in (STATUS, METERS))}
