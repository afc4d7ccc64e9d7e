"""What is known about one setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from proxy.config.types import FLAG, SettingType

# Groups, in the order of the documentation.
GROUPS: Final = (
    GATEWAY := "Gateway",
    TEDAPI := "TEDAPI",
    CLOUD := "Cloud",
    CACHE := "Cache",
    SERVER := "Server",
    VALUES := "Values and pages",
    CONTROL := "Control",
    MQTT := "MQTT",
    NOTIFY := "Alarms",
    REPLICAS := "Replicas",
    LOGS := "Logs and metrics",
)


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One setting.

    ``owner`` is the dataclass whose field it is. ``secret``: never shown, and ``NAME_FILE`` may name a file that holds it.
    ``reloads``: a SIGHUP is enough to change it. ``ours``: the pypowerwall
    proxy has no such setting. ``lenient``: a bad value is a warning and
    ``fallback`` is used, because that is what the pypowerwall proxy does, or
    because nothing depends on the setting but comfort.
    """

    env: str
    key: str
    kind: SettingType
    default: Any
    help: str
    group: str
    owner: type[Any]
    secret: bool = False
    reloads: bool = False
    ours: bool = False
    lenient: bool = False

    @property
    def fallback(self) -> Any:
        """What a bad value of a lenient setting stands for: the pypowerwall proxy reads all but yes as no."""
        return False if self.kind is FLAG else self.default


def row(group: str, kind: SettingType, default: Any, help_: str, **marks: Any) -> Any:
    """Make a dataclass field that carries its row. A secret stays out of the repr."""
    secret = marks.get("secret", False)
    if kind is FLAG and not marks.get("ours"):
        marks["lenient"] = True
    return field(
        default=default,
        repr=not secret,
        metadata={"kind": kind, "help": help_, "group": group, **marks},
    )


def show(value: Any) -> str:
    """Write a value as one would set it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.15g}"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)
