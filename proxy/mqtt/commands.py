"""From a message to a command, or the reason why not. Pure.

One form for each: a JSON object. A bare value is not taken, so that nothing is switched by a slip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from proxy.core import ijson
from proxy.core.commands import BadValue, Raw, parse
from proxy.core.model import Command, Setting

LONGEST_BYTES: Final = 1024
HOLD: Final = "reserve_hold"


class Refused(Exception):
    """A message that is no command. The message says why."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The command that sets the reserve to the present charge."""


_NUMBER: Final = (int, float)
# What may be written, by the name in the topic: the setting, the type of the value, and its name.
SETTINGS: Final[Mapping[str, tuple[Setting, type | tuple[type, ...], str]]] = {
    "reserve": (Setting.RESERVE, _NUMBER, "a number from 0 to 100"),
    "mode": (Setting.MODE, str, "a text"),
    "grid_charging": (Setting.GRID_CHARGING, bool, "true or false"),
    "grid_export": (Setting.GRID_EXPORT, str, "a text"),
}
_ISLANDING: Final = {"off_grid": True, "on_grid": False}
# The name in MQTT_CONTROLS that allows each topic, and the setting that it writes.
NEEDS: Final[Mapping[str, tuple[str, Setting]]] = {
    **{name: (name, setting) for name, (setting, _, _) in SETTINGS.items()},
    HOLD: ("reserve", Setting.RESERVE),
    "islanding": ("islanding", Setting.ISLANDING),
}


def read(name: str, payload: bytes) -> Command | Hold:
    """Read the message of a topic ``…/control/NAME/set``, NAME being one of NEEDS. Raises Refused."""
    members = _members(payload)
    match name:
        case "reserve_hold":
            if members:
                raise Refused("reserve_hold takes {}")
            return Hold()
        case "islanding":
            action = members.get("action")
            if not isinstance(action, str) or action not in _ISLANDING or members.get("confirm") is not True:
                raise Refused('islanding takes {"action": "off_grid" or "on_grid", "confirm": true}')
            return Command({Setting.ISLANDING: _ISLANDING[action]})
    return _command(name, members)


def _command(name: str, members: Mapping[str, Any]) -> Command:
    setting, types, words = SETTINGS[name]
    value = members.get("value")
    if not isinstance(value, types) or isinstance(value, bool) is not (types is bool):
        raise Refused(f'{name} takes {{"value": …}} with {words}')
    try:
        return parse({setting: cast("Raw", value)})
    except BadValue as bad:
        raise Refused(str(bad)) from bad


def _members(payload: bytes) -> Mapping[str, Any]:
    if len(payload) > LONGEST_BYTES:
        raise Refused(f"a command has at most {LONGEST_BYTES} bytes")
    try:
        document = ijson.parse(payload)
    except ValueError as exc:
        why = "not UTF-8" if isinstance(exc, UnicodeError) else str(exc)
        raise Refused(f"not JSON: {why}") from exc
    if not isinstance(document, dict):
        raise Refused("a command is a JSON object")
    return document
