"""What alarms are raised about: one row for each event, by the name that settings, receivers and the documentation have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

INFO, SUCCESS, WARNING, FAILURE = "info", "success", "warning", "failure"


@dataclass(frozen=True, slots=True)
class Event:
    """One row. ``severity`` is a word of Apprise; ``is_default`` events are on unless the settings name others."""

    name: str
    severity: str
    meaning: str
    is_default: bool = True


EVENTS: Final[Mapping[str, Event]] = {
    row.name: row
    for row in (
        Event("grid_lost", FAILURE, "The house is off the grid, and not because the owner chose it"),
        Event("grid_back", SUCCESS, "The grid is back, with the duration and the charge before and after"),
        Event("charge_low", FAILURE, "Off the grid, the charge has fallen below `PW_NOTIFY_CHARGE`"),
        Event("alert_new", WARNING, "The gateway reports an alert that needs attention"),
        Event("alert_ended", INFO, "It has not been reported for 15 minutes"),
        Event("notice_new", INFO, "The gateway reports an alert for information", is_default=False),
        Event("notice_ended", INFO, "It has not been reported for 15 minutes", is_default=False),
        Event("readings_silent", WARNING, "No readings have come for `PW_NOTIFY_SILENCE` minutes"),
        Event("readings_back", SUCCESS, "Readings come again"),
        Event("certificate_changed", FAILURE, "The gateway shows another certificate; it gets no password"),
        Event("login_refused", FAILURE, "The gateway, or Tesla, refuses the login"),
        Event("command", INFO, "A control command was carried out"),
        Event("storm_watch", INFO, "Tesla fills the battery before a storm, or ends that (cloud modes)"),
    )
}


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that has happened. ``at`` and ``moments`` are monotonic seconds, ``values`` have units in their names."""

    event: str
    at: float
    moments: Mapping[str, float]
    values: Mapping[str, Any]
