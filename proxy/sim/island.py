"""The contactor between house and grid: when it opens, and the words for it.

States and times as seen on real systems: islanded within 3 s, reconnected about
20 s after the grid is back. Seconds are those of the house.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CONNECTED = "SystemGridConnected"
READY = "SystemIslandedReady"
ISLANDED = "SystemIslandedActive"
REJOINING = "SystemTransitionToGrid"
FAULTED = "SystemMicroGridFaulted"  # the pack is empty
WAITING = "SystemWaitForUser"  # the house needs more than the battery gives

OPENS_AFTER_S = 3.0
REJOINS_AFTER_S = 20.0
REMEMBERED = 20  # outages that the gateway still lists
LONG_AGO = float("-inf")


@dataclass(slots=True)
class Contactor:
    """Follows the utility (``grid_present``) and the owner's wish (``wanted_open``)."""

    grid_present: bool = True
    wanted_open: bool = False
    fault: str | None = None  # off grid and dark: CONNECTED again ends it
    outages: list[float] = field(default_factory=list)  # seconds at which the grid was lost
    _opened_at: float | None = None
    _rejoining_since: float | None = None

    def lose_grid(self, now: float, *, at_once: bool = False) -> None:
        """Let the utility fail; ``at_once`` skips the seconds until the island stands."""
        if self.grid_present:
            self.outages.append(now)
            del self.outages[:-REMEMBERED]
        self.grid_present = False
        self._open(LONG_AGO if at_once else now)

    def return_grid(self, now: float, *, at_once: bool = False) -> None:
        """Let the utility return."""
        self.grid_present = True
        self._rejoin(LONG_AGO if at_once else now)

    def open(self, now: float) -> None:
        """Go off grid on purpose."""
        self.wanted_open = True
        self._open(now)

    def close(self, now: float) -> None:
        """End an intended island; the grid may still be absent."""
        self.wanted_open = False
        self._rejoin(now)

    def _open(self, now: float) -> None:
        if self._opened_at is None or now == LONG_AGO:
            self._opened_at = now
        self._rejoining_since = None

    def _rejoin(self, now: float) -> None:
        if self._opened_at is not None and self.grid_present and not self.wanted_open:
            self._rejoining_since = now

    def update(self, now: float) -> None:
        """Close permanently once the transition to the grid is over."""
        if self._rejoining_since is not None and now - self._rejoining_since >= REJOINS_AFTER_S:
            self._opened_at = self._rejoining_since = self.fault = None

    def status(self, now: float) -> str:
        """Name the state as ``/api/system_status/grid_status`` does."""
        if self._opened_at is None:
            return CONNECTED
        if self._rejoining_since is not None:
            return REJOINING
        if self.fault:
            return self.fault
        return READY if now - self._opened_at < OPENS_AFTER_S else ISLANDED

    def alerts(self, now: float) -> tuple[str, ...]:
        """Name the system alerts that go with the state."""
        if self.status(now) == CONNECTED:
            return ("SystemConnectedToGrid",)
        return ("ScheduledIslandContactorOpen" if self.wanted_open else "UnscheduledIslandContactorOpen",)
