"""Commands to the cloud: which request sets what, and what its answers mean. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.core.errors import CommandRejected, OutcomeUnknown
from proxy.core.json_access import number, text
from proxy.core.model import Command, Setting

# The endpoint of each setting, and the member that carries it. Two settings of one endpoint are one request.
_ENDPOINTS: Mapping[Setting, tuple[str, str]] = {
    Setting.RESERVE: ("backup", "backup_reserve_percent"),
    Setting.MODE: ("operation", "default_real_mode"),
    Setting.GRID_CHARGING: ("grid_import_export", "disallow_charge_from_grid_with_solar_installed"),
    Setting.GRID_EXPORT: ("grid_import_export", "customer_preferred_export_rule"),
    Setting.STORM_WATCH: ("storm_mode", "enabled"),
    Setting.OFF_GRID_VEHICLE_RESERVE: (
        "off_grid_vehicle_charging_reserve",
        "off_grid_vehicle_charging_reserve_percent",
    ),
}
SETTINGS = frozenset(_ENDPOINTS)


def requests(command: Command) -> dict[str, dict[str, Any]]:
    """Give the body for each endpoint. Raises CommandRejected for what the cloud does not take.

    Only what the command sets is sent: an unchanged value that is sent along can make the other one get lost.
    """
    bodies: dict[str, dict[str, Any]] = {}
    for setting, value in command.values.items():
        if setting not in _ENDPOINTS:
            raise CommandRejected(f"the cloud cannot set {setting.value}")
        endpoint, member = _ENDPOINTS[setting]
        bodies.setdefault(endpoint, {})[member] = _CONVERTED.get(setting, _same)(value)
    return bodies


def check(endpoint: str, answer: Any) -> None:
    """Raise CommandRejected for a refusal in an answer of success, OutcomeUnknown for what says nothing.

    ``{"code": 201}`` in either case, ``{"result": true}`` and an empty text are success.
    """
    if answer == "":
        return
    if not isinstance(answer, dict):
        raise OutcomeUnknown(f"{endpoint} was sent, but the answer does not say what became of it")
    said = {str(name).lower(): value for name, value in answer.items()}
    reason = text(said.get("reason")) or text(said.get("message")) or "no reason given"
    code = number(said.get("code"))
    if said.get("result") is False or (code is not None and not 200 <= code < 300):  # noqa: PLR2004 - as HTTP
        raise CommandRejected(f"{endpoint}: the cloud refuses: {reason[:100]}")
    if said.get("result") is not True and code is None:
        raise OutcomeUnknown(f"{endpoint} was sent, but the answer does not say what became of it")


def held(info: Mapping[str, Any]) -> dict[Setting, Any]:
    """Return what ``site_info`` shows of the settings; one that it does not show is missing."""
    components = info.get("components")
    parts: Mapping[str, Any] = components if isinstance(components, dict) else {}
    user = info.get("user_settings")
    chosen: Mapping[str, Any] = user if isinstance(user, dict) else {}
    found = {
        Setting.RESERVE: number(info.get("backup_reserve_percent")),
        Setting.MODE: text(info.get("default_real_mode")),
        Setting.GRID_CHARGING: _negated(parts.get("disallow_charge_from_grid_with_solar_installed")),
        Setting.GRID_EXPORT: _export(parts),
        Setting.STORM_WATCH: _flag(chosen.get("storm_mode_enabled")),
        Setting.OFF_GRID_VEHICLE_RESERVE: number(chosen.get("off_grid_vehicle_charging_reserve_percent")),
    }
    return {setting: value for setting, value in found.items() if value is not None}


def _same(value: Any) -> Any:
    return value


def _whole(value: Any) -> int:
    if value != int(value):
        raise CommandRejected("the cloud takes whole percents only")
    return int(value)


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _negated(value: Any) -> bool | None:
    flag = _flag(value)
    return None if flag is None else not flag


def _export(components: Mapping[str, Any]) -> str | None:
    if components.get("non_export_configured") is True:
        return "never"
    return text(components.get("customer_preferred_export_rule"))


_CONVERTED: Mapping[Setting, Callable[[Any], Any]] = {
    Setting.RESERVE: _whole,
    Setting.OFF_GRID_VEHICLE_RESERVE: _whole,
    Setting.GRID_CHARGING: lambda allowed: not allowed,
}
