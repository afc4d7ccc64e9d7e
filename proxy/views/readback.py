"""What a gateway holds of each setting that can be written: where it stands, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from proxy.core.model import Setting, Source
from proxy.core.sources import BACKUP_EVENTS, CLOUD_SETTINGS, GRID_STATUS, OPERATION, TEDAPI_CONFIG
from proxy.views.json_access import Documents, section, text
from proxy.views.site import grid_charging, grid_export, operation_mode, reserve_percent

Reader: TypeAlias = Callable[[Documents], Any]


def _max_backup(documents: Documents) -> Mapping[str, Any]:
    """Return the manual full backup and those that are planned."""
    return section(documents.get(BACKUP_EVENTS))


def _islanding(documents: Documents) -> bool | None:
    """Say whether the house is off grid, None while it is neither on nor off."""
    state = text(section(documents.get(GRID_STATUS)).get("grid_status"))
    return {"SystemGridConnected": False, "SystemIslandedActive": True}.get(state or "")


def _in_cloud(setting: Setting) -> Reader:
    """Make the reader of a setting in the cloud; None where that does not show it."""
    return lambda documents: section(documents.get(CLOUD_SETTINGS)).get(setting.value)


# By setting: the sources that show it, the gateway's own first.
READBACK: Mapping[Setting, Mapping[Source, Reader]] = {
    Setting.RESERVE: {OPERATION: reserve_percent},
    Setting.MODE: {OPERATION: operation_mode},
    Setting.GRID_CHARGING: {TEDAPI_CONFIG: grid_charging, CLOUD_SETTINGS: _in_cloud(Setting.GRID_CHARGING)},
    Setting.GRID_EXPORT: {TEDAPI_CONFIG: grid_export, CLOUD_SETTINGS: _in_cloud(Setting.GRID_EXPORT)},
    Setting.MAX_BACKUP: {BACKUP_EVENTS: _max_backup},
    Setting.ISLANDING: {GRID_STATUS: _islanding},
    Setting.STORM_WATCH: {CLOUD_SETTINGS: _in_cloud(Setting.STORM_WATCH)},
    Setting.OFF_GRID_VEHICLE_RESERVE: {CLOUD_SETTINGS: _in_cloud(Setting.OFF_GRID_VEHICLE_RESERVE)},
}
