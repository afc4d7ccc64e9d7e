"""What the power-flow page shows, as one object; and its numbers as rows of a table.

Everything is null, or left out, when it is not known. Nothing in it is secret, and no
serial number is in it: the page may stand in any dashboard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from proxy.views import alerts, sentence
from proxy.views.state import SiteState

_KILO: Final = 1000
# So many lifetimes, of 5 s at least, make readings old: one that is late is no news.
_OLD_AFTER: Final = 3
_SHORTEST_TTL_S: Final = 5.0
# Words for a positive and for a negative power.
_DIRECTIONS: Final = {"grid": ("buying", "selling"), "battery": ("discharging", "charging")}


# What stands in place of readings once they are too old to be served; the last charge stays, with its time.
EXPIRED: Final[Mapping[str, Any]] = {
    **dict.fromkeys(
        ("solar", "site", "battery", "load", "generator", "unbalanced", "energy", "alerts", "attention")
    ),
    "grid": "unknown",
    "grid_state": "unknown",
    "urgency": "",
    "ev": [],
    "units": [],
    "strings": [],
    "phrases": [],
}


def flow(state: SiteState) -> dict[str, Any]:
    """Return powers (W), charge (%), state of the grid, battery units, solar strings, alerts and phrases."""
    known = alerts.active(state)
    return {
        "name": state.name or "",
        "solar": _rounded(state.power("solar")),
        "site": _rounded(state.power("site")),
        "battery": _rounded(state.power("battery")),
        "load": _rounded(state.power("load")),
        "generator": _rounded(state.power("generator")),
        "ev": [_rounded(power) for power in state.ev if power is not None],
        "soc": _rounded(state.charge),
        "soc_app": _rounded(state.charge_app),
        "reserve_app": _rounded(state.reserve_app),
        "mode": state.mode,
        "energy": _rounded(state.energy_remaining),
        # Off the grid without a reported reason is an outage to programs; to people it is neither that nor a choice.
        "grid": "outage" if state.grid == "islanded" else state.grid or "unknown",
        "grid_state": state.grid or "unknown",
        "grid_services": state.grid_services,
        "has": {"solar": state.has_solar, "battery": state.has_battery},
        "units": [
            {"name": pack.name, "soc": _rounded(pack.charge), "power": _rounded(pack.power)}
            for pack in state.packs
            if pack.charge is not None
        ],
        "strings": [
            {"name": name, "power": _rounded(string.power)}
            for name, string in state.strings.items()
            if string.power is not None
        ],
        "alerts": None if state.problems is None else len(state.problems),
        "attention": None if known is None else sum(alert.level == alerts.ATTENTION for alert in known),
        "alert_list": [{"name": alert.name, "level": alert.level} for alert in known or ()],
        "phrases": sentence.document(sentence.phrases(state)),
        "urgency": sentence.urgency(state),
        "unbalanced": None if state.flows is None else _rounded(state.flows.unbalanced),
    }


def is_old(snapshot: Mapping[str, Any]) -> bool:
    """Say whether readings that are served are shown with their age, as web/flow.js does."""
    limit_s = _OLD_AFTER * max(_SHORTEST_TTL_S, snapshot["ttl"])
    return bool(snapshot["state"] == "stale" and snapshot["age"] > limit_s)


def rows(snapshot: Mapping[str, Any] | None, words: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """Return names and values of a snapshot for a page without script; a dash for the unknown.

    What is not fresh begins with its age.
    """
    if snapshot is None:
        return [(words["starting"], "…")]
    age = sentence.duration(snapshot["age"], words["day"])
    old = [(words["old"].format(age), "")] if snapshot["state"] != "fresh" else []
    powers = [
        (words[node], _described(node, snapshot[key], words))
        for node, key in (("solar", "solar"), ("grid", "site"), ("home", "load"), ("battery", "battery"))
        if snapshot["has"].get(node, True)
    ]
    percents = [
        (words[name], f"{snapshot[key]:.0f} %")
        for name, key in (("charge", "soc_app"), ("reserve", "reserve_app"))
        if snapshot[key] is not None
    ]
    state = snapshot["grid_state"]
    return [*old, *powers, *percents, *([(words["grid"], words[state])] if state in words else [])]


def _described(node: str, watts: float | None, words: Mapping[str, str]) -> str:
    """Write the power of a node: of grid and battery which way it flows in a word, in place of a sign."""
    if watts is None or node not in _DIRECTIONS:
        return _power(watts)
    if abs(watts) < sentence.NOISE_W:
        return _power(0.0 if node == "grid" else abs(watts))
    return f"{_power(abs(watts))}, {words[_DIRECTIONS[node][watts < 0]]}"


def _power(watts: float | None) -> str:
    if watts is None:
        return "\u2013"
    sign = "\u2212" if watts < 0 else ""
    size = abs(watts)
    return f"{sign}{size / _KILO:.1f} kW" if size >= _KILO else f"{sign}{size:.0f} W"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
