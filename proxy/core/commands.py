"""From what a client sent to a command: everything is checked before anything is sent.

Digits are ASCII digits: ``str.isdigit`` takes a superscript two as well, and
``float`` takes Arabic digits, underscores and ``nan``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from proxy.core.firmware import RESERVE_IN_STEPS_FROM, Version
from proxy.core.model import Command, Setting

# As it came: text of a form, or a value of JSON.
Raw: TypeAlias = str | float | bool

MODES = ("self_consumption", "backup", "autonomous")
EXPORT_RULES = ("battery_ok", "pv_only", "never")
_SHORTEST_BACKUP_S = 60
_LONGEST_BACKUP_S = 30 * 86400
_FULL_PERCENT = 100
_HIGHEST_PERCENT = 80
_GRID_WORDS = {"off_grid": True, "on_grid": False}
_DECIMAL = re.compile(r"\d{1,3}(\.\d{1,6})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,8}", re.ASCII)


class BadValue(ValueError):
    """A value that a setting does not accept. The message says what is valid."""

    def __init__(self, setting: Setting, takes: str) -> None:
        super().__init__(f"{setting.value} takes {takes}")
        self.setting = setting


def parse(raw: Mapping[Setting, Raw]) -> Command:
    """Make a command of the values that were sent. Raises BadValue."""
    return Command({setting: _PARSERS[setting](value) for setting, value in raw.items()})


def reserve_taken(percent: float, firmware: Version) -> float:
    """Return the highest reserve (percent, app's scale) up to this one that the firmware takes.

    Since 25.18 that is 0 to 80 % or 100 %: what lies between is dropped, or taken as another value.
    """
    if firmware >= RESERVE_IN_STEPS_FROM and _HIGHEST_PERCENT < percent < _FULL_PERCENT:
        return _HIGHEST_PERCENT
    return percent


def _percent(setting: Setting) -> Callable[[Raw], float]:
    def read(value: Raw) -> float:
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            value = float(value)
        if isinstance(value, str | bool) or not 0 <= value <= _FULL_PERCENT:
            raise BadValue(setting, "a percentage from 0 to 100")
        return int(value) if value == int(value) else value

    return read


def _word(setting: Setting, *words: str, folded: bool = False) -> Callable[[Raw], str]:
    def read(value: Raw) -> str:
        text = value.lower() if folded and isinstance(value, str) else value
        if text not in words or not isinstance(text, str):
            raise BadValue(setting, f"{', '.join(words[:-1])} or {words[-1]}")
        return text

    return read


def _flag(setting: Setting) -> Callable[[Raw], bool]:
    word = _word(setting, "true", "false", folded=True)
    return lambda value: value if isinstance(value, bool) else word(value) == "true"


def _islanding(value: Raw) -> bool:
    """Read true or false, or pypowerwall-server's words for it."""
    if isinstance(value, str) and value in _GRID_WORDS:
        return _GRID_WORDS[value]
    return _flag(Setting.ISLANDING)(value)


def _backup(value: Raw) -> int:
    """Read seconds; less than a minute means a minute, because that is what a gateway makes of it."""
    if isinstance(value, str):
        if value.lower() == "cancel":
            return 0
        if _WHOLE.fullmatch(value):
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LONGEST_BACKUP_S:
        raise BadValue(Setting.MAX_BACKUP, f"seconds (1 to {_LONGEST_BACKUP_S}) or cancel")
    return max(value, _SHORTEST_BACKUP_S)


_PARSERS: Mapping[Setting, Callable[[Raw], Any]] = {
    Setting.RESERVE: _percent(Setting.RESERVE),
    Setting.MODE: _word(Setting.MODE, *MODES),
    Setting.GRID_CHARGING: _flag(Setting.GRID_CHARGING),
    Setting.GRID_EXPORT: _word(Setting.GRID_EXPORT, *EXPORT_RULES, folded=True),
    Setting.MAX_BACKUP: _backup,
    Setting.ISLANDING: _islanding,
    Setting.STORM_WATCH: _flag(Setting.STORM_WATCH),
    Setting.OFF_GRID_VEHICLE_RESERVE: _percent(Setting.OFF_GRID_VEHICLE_RESERVE),
}
