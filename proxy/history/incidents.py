"""Alerts and outages with their beginning and end. Pure: states in, what has changed out.

What was seen once more lasts at least until then. An end is the time of the first reading
without it; where readings had paused before that (the proxy was off), it is the time of the last
reading with it: nothing is known of later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from proxy.core.sources import SOLAR_POWERWALL, VITALS
from proxy.views.state import SiteState

# Alerts are read every five minutes: what is further apart is a pause.
_ALERT_PAUSE_S: Final = 900.0
_OUTAGE_PAUSE_S: Final = 300.0
_REASON_UNKNOWN: Final = "islanded"
_OFF_GRID: Final = frozenset({"outage", "off_grid", _REASON_UNKNOWN})
_REPORTS: Final = (VITALS, SOLAR_POWERWALL)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. ``seen`` is when it was last active, ``end`` is None while it is. Unix seconds."""

    name: str
    start: float
    seen: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without grid: ``kind`` is outage, off_grid by the operator's wish, or islanded: no reason reported.

    Charge in percent of the whole pack: at the beginning, at the end, and the least; ``load_max`` in W.
    """

    kind: str
    start: float
    seen: float
    end: float | None = None
    charge_start: float | None = None
    charge_end: float | None = None
    charge_min: float | None = None
    load_max: float | None = None


class Incidents:
    """Current alerts and outages, and the changes that ``take_changes`` has not returned yet."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._outage: Outage | None = None
        self._reported_at: float | None = None
        self._changed: dict[tuple[str, float], Alert] = {}
        self._changed_outages: dict[float, Outage] = {}

    def resume(self, alerts: list[Alert], outage: Outage | None) -> None:
        """Go on with what an earlier process left open."""
        self._alerts = {alert.name: alert for alert in alerts}
        self._outage = outage

    def add(self, at: float, state: SiteState) -> None:
        """Add a reading of this time (Unix s)."""
        if state.alerts is not None and self._is_new_report(state):
            self._observe_alerts(at, frozenset(state.alerts))
        if state.grid == "up" or state.grid in _OFF_GRID:
            self._observe_grid(at, state)

    def take_changes(self) -> tuple[list[Alert], list[Outage]]:
        """Return what has changed since the last call."""
        alerts, outages = list(self._changed.values()), list(self._changed_outages.values())
        self._changed, self._changed_outages = {}, {}
        return alerts, outages

    def _is_new_report(self, state: SiteState) -> bool:
        """Say whether the devices have reported since: an old report says nothing about now."""
        at = max(
            (state.observed_at[source] for source in _REPORTS if source in state.observed_at), default=None
        )
        is_new = at is not None and at != self._reported_at
        self._reported_at = at if is_new else self._reported_at
        return is_new

    def _observe_alerts(self, at: float, active: frozenset[str]) -> None:
        for name in sorted(active):
            alert = self._alerts.get(name)
            self._alerts[name] = replace(alert, seen=at) if alert else Alert(name, at, at)
        for name in sorted(self._alerts.keys() - active):
            alert = self._alerts.pop(name)
            ended = replace(alert, end=_end(alert.seen, at, _ALERT_PAUSE_S))
            self._changed[name, alert.start] = ended
        self._changed |= {(alert.name, alert.start): alert for alert in self._alerts.values()}

    def _observe_grid(self, at: float, state: SiteState) -> None:
        outage, charge = self._outage, state.charge
        if outage is not None and at - outage.seen > _OUTAGE_PAUSE_S and state.grid == "up":
            self._close(replace(outage, end=outage.seen))
        elif outage is not None and state.grid == "up":
            self._close(
                replace(outage, end=at, charge_end=charge if charge is not None else outage.charge_end)
            )
        elif state.grid in _OFF_GRID:
            outage = outage or Outage(state.grid, at, at, charge_start=charge)
            load = state.power("load")
            self._outage = replace(
                outage,
                # The alert that distinguishes a wish from a failure may come later than the loss of the grid, and go earlier.
                kind=outage.kind if state.grid == _REASON_UNKNOWN else state.grid,
                seen=at,
                charge_end=outage.charge_end if charge is None else charge,
                charge_min=_of(min, outage.charge_min, charge),
                load_max=_of(max, outage.load_max, load),
            )
            self._changed_outages[outage.start] = self._outage

    def _close(self, outage: Outage) -> None:
        self._outage = None
        self._changed_outages[outage.start] = outage


def _end(seen: float, at: float, pause_s: float) -> float:
    return at if at - seen <= pause_s else seen


def _of(choose: Callable[[list[float]], float], *values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None
