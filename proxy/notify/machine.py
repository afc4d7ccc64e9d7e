"""All that alarms know of one gateway or site: observations in, facts out. Pure; it outlives a restart as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.core.model import Setting
from proxy.notify.alerts import Alerts, Storm
from proxy.notify.events import Fact
from proxy.notify.grid import Grid, GridReading
from proxy.notify.observation import Observation
from proxy.notify.readings import Silence, Troubles

_ACCEPTED, _DONE = "accepted", "ok"


class Machine:
    """The state machines of one gateway or site. ``now`` is the monotonic time of its start."""

    def __init__(self, settle_s: float, silent_s: float, low: float, now: float) -> None:
        self.grid = Grid(settle_s, low)
        self._silence = Silence(silent_s, settle_s, now)
        self._troubles = Troubles()
        self._alerts = Alerts()
        self._storm = Storm()
        self._accepted: list[Mapping[Setting, Any]] = []

    def observe(self, seen: Observation) -> Iterator[Fact]:
        """Process what a gateway reports, except the grid."""
        yield from self._silence.observe(
            seen.now, seen.read_at, is_expected=seen.is_expected, reason=seen.reason
        )
        yield from self._troubles.observe(seen.now, seen.troubles, seen.working)
        if seen.alerts is not None:
            yield from self._alerts.observe(seen.alerts_at, seen.alerts)
        yield from self._storm.observe(seen.now, seen.storm)

    def observe_grid(self, reading: GridReading) -> Iterator[Fact]:
        """Add a reading of the grid."""
        yield from self.grid.observe(reading)

    def command(self, now: float, values: Mapping[Setting, Any], outcome: str) -> Iterator[Fact]:
        """Add a finished command. A later confirmation belongs to the same command."""
        if outcome == _DONE and values in self._accepted:
            self._accepted.remove(values)
        elif outcome in {_ACCEPTED, _DONE}:
            if outcome == _ACCEPTED:
                self._accepted.append(values)
            settings = {setting.value: value for setting, value in values.items()}
            yield Fact("command", now, {}, {"settings": settings, "confirmed": outcome == _DONE})

    def dump(self, offset: float) -> dict[str, Any]:
        """Return what has to outlive the process; ``offset`` makes Unix time of monotonic seconds."""
        return {
            "grid": self.grid.dump(offset),
            "silence": self._silence.dump(offset),
            "troubles": self._troubles.dump(),
            "alerts": self._alerts.dump(offset),
            "storm": self._storm.is_active,
        }

    def load(self, document: Mapping[str, Any], offset: float) -> None:
        """Go on with what an earlier process left. Raises AttributeError, KeyError, TypeError, ValueError."""
        self.grid.load(document.get("grid") or {}, offset)
        self._silence.load(document.get("silence") or {}, offset)
        self._troubles.load(document.get("troubles") or ())
        self._alerts.load(document.get("alerts"), offset)
        self._storm.is_active = document.get("storm") is True
