"""What receivers get: a fact in words, with the local time of the site, and as values for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from proxy.notify.events import EVENTS, Fact
from proxy.views.sentence import duration

_DAY: Final = "d"
_MODES: Final = {"self_consumption": "self-powered", "backup": "backup only", "autonomous": "time-based"}
_EXPORTS: Final = {"battery_ok": "solar and battery", "pv_only": "solar only", "never": "nothing"}
_ON: Final = {True: "on", False: "off"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``at`` is Unix time; ``moments`` and ``values`` are for programs: ISO 8601, units in the names."""

    event: str
    severity: str
    gateway: str
    name: str
    title: str
    text: str
    at: float
    time: str
    values: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Site:
    """Where facts happen: id and name of the gateway or site, its time zone, and Unix time minus monotonic seconds."""

    id: str
    name: str
    zone: tzinfo
    offset: float

    def local(self, moment: float) -> datetime:
        """Return the local time of a monotonic moment."""
        return datetime.fromtimestamp(moment + self.offset, self.zone)


def message_of(fact: Fact, site: Site) -> Message:
    """Write a fact."""
    title, text = _WRITERS[fact.event](_Times(fact, site), fact.values)
    moments = {
        name: site.local(moment).isoformat(timespec="seconds") for name, moment in fact.moments.items()
    }
    return Message(
        event=fact.event,
        severity=EVENTS[fact.event].severity,
        gateway=site.id,
        name=site.name,
        title=f"{site.name}: {title}",
        text=text,
        at=round(fact.at + site.offset, 3),
        time=site.local(fact.at).isoformat(timespec="seconds"),
        values={**moments, **fact.values},
    )


class _Times:
    """The moments of a fact in words: the time, and the day if that is another."""

    def __init__(self, fact: Fact, site: Site) -> None:
        self._fact = fact
        self._site = site

    def __getitem__(self, moment: str) -> str:
        local, now = self._site.local(self._fact.moments[moment]), self._site.local(self._fact.at)
        clock = f"{local:%H:%M}"
        return clock if local.date() == now.date() else f"{local.day} {local:%b} {clock}"


_Values = Mapping[str, Any]
_Written = tuple[str, str]


def _grid_lost(times: _Times, values: _Values) -> _Written:
    since = times["since"] if values["is_start_known"] else f"{times['since']} or earlier"
    charge = _charge(values["charge_percent"])
    if values["cause"] == "outage":
        return "grid lost", f"The grid has been away since {since}.{charge}"
    why = "The gateway does not report whether that is an outage or was chosen."
    return "off the grid", f"The house has been off the grid since {since}. {why}{charge}"


def _grid_back(times: _Times, values: _Values) -> _Written:
    lasted = duration(values["duration_seconds"], _DAY)
    before, after = values["charge_before_percent"], values["charge_percent"]
    charge = (
        _charge(after) if before is None else f" Charge {_percent(before)} before, {_percent(after)} now."
    )
    least = "" if values["is_start_known"] and values["is_end_known"] else "at least "
    if not values["is_end_known"]:
        away = f"from {times['since']} until a time between {times['seen']} and {times['until']}"
        why = "in between there were no readings"
        return "grid back", f"The grid is back. It was away {away}, {least}{lasted}: {why}.{charge}"
    return "grid back", f"The grid has been back since {times['until']}, after {least}{lasted}.{charge}"


def _charge_low(times: _Times, values: _Values) -> _Written:
    limit = _percent(values["limit_percent"])
    charge = _percent(values["charge_percent"])
    return (
        f"charge below {limit}",
        f"The charge is {charge}, and the house has been off the grid since {times['since']}.",
    )


def _new(times: _Times, values: _Values) -> _Written:
    names = ", ".join(values["alerts"])
    return _plural("new alert", values), f"The gateway reports {names} ({times['since']})."


def _ended(times: _Times, values: _Values) -> _Written:
    names = ", ".join(values["alerts"])
    return (
        _plural("alert", values) + " ended",
        f"The gateway no longer reports {names} (the last time: {times['since']}).",
    )


def _silent(times: _Times, values: _Values) -> _Written:
    since = times["since"] if values["has_read"] else f"the start of the proxy at {times['since']}"
    lasted = duration(values["duration_seconds"], _DAY)
    unknown = "Whether the grid is there is not known."
    return (
        "no readings",
        f"There have been no readings since {since} ({lasted}). {values['reason']} {unknown}",
    )


def _readings_back(times: _Times, values: _Values) -> _Written:
    lasted = duration(values["duration_seconds"], _DAY)
    return (
        "readings are back",
        f"Readings have come again since {times['until']}, after {lasted} without any.",
    )


def _certificate(_: _Times, values: _Values) -> _Written:
    return "certificate changed", values["reason"]


def _login(_: _Times, values: _Values) -> _Written:
    return "login refused", values["reason"]


def _command(_: _Times, values: _Values) -> _Written:
    done = "; ".join(_SETTINGS[name](value) for name, value in values["settings"].items())
    later = "" if values["confirmed"] else " It was accepted; the gateway does not show it yet."
    return "command carried out", f"{done[:1].upper()}{done[1:]}.{later}"


def _storm(_: _Times, values: _Values) -> _Written:
    if values["active"]:
        return "storm watch", "Storm watch has begun: Tesla fills the battery before a storm."
    return "storm watch", "Storm watch has ended."


_WRITERS: Final[Mapping[str, Callable[[_Times, _Values], _Written]]] = {
    "grid_lost": _grid_lost,
    "grid_back": _grid_back,
    "charge_low": _charge_low,
    "alert_new": _new,
    "alert_ended": _ended,
    "notice_new": _new,
    "notice_ended": _ended,
    "readings_silent": _silent,
    "readings_back": _readings_back,
    "certificate_changed": _certificate,
    "login_refused": _login,
    "command": _command,
    "storm_watch": _storm,
}
_SETTINGS: Final[Mapping[str, Callable[[Any], str]]] = {
    "reserve": lambda value: f"reserve set to {_percent(value)}",
    "mode": lambda value: f"mode set to {_MODES.get(value, value)}",
    "grid_charging": lambda value: f"charging from the grid switched {_ON[value]}",
    "grid_export": lambda value: f"export to the grid set to {_EXPORTS.get(value, value)}",
    "max_backup": lambda value: (
        f"maximum backup for {duration(value, _DAY)}" if value else "maximum backup cancelled"
    ),
    "islanding": lambda value: "disconnected from the grid" if value else "connected to the grid",
    "storm_watch": lambda value: f"storm watch switched {_ON[value]}",
    "off_grid_vehicle_reserve": lambda value: (
        f"reserve for the vehicle off the grid set to {_percent(value)}"
    ),
}


def _plural(words: str, values: _Values) -> str:
    return words if len(values["alerts"]) == 1 else f"{words}s"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} %"


def _charge(value: float | None) -> str:
    return "" if value is None else f" Charge {_percent(value)}."
