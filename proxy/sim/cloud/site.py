"""One energy site as the cloud knows it: what its gateway uploaded, and settings that reach it late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from proxy.core.model import app_percent, raw_percent
from proxy.sim.cloud.history import History
from proxy.sim.gateway import Gateway
from proxy.sim.scene import Scene
from proxy.sim.tedapi.state import KeyState

INSTALLED_S = 400 * 86400.0  # before the start
FULL_PERCENT = 100
MOST_RESERVE = 80


@dataclass(slots=True)
class CloudSite:
    """A site on the account. All methods act at the clock of its gateway.

    ``lag_s`` is how old the cloud's copy of the powers may get before it is renewed, ``settles_s``
    how long a setting takes until the site has it and shows it. ``is_online`` is the gateway's
    connection to the cloud. ``reports_energy`` brings back members that were dropped in 2024.
    ``wall_connectors`` are the powers (W) at which vehicles charge; the load of the house includes them.
    """

    gateway: Gateway
    site_id: int
    lag_s: float = 0.0
    settles_s: float = 10.0
    is_online: bool = True
    reports_energy: bool = False
    storm_mode: bool = False
    is_storm_active: bool = False
    off_grid_vehicle_reserve: int = 0
    wall_connectors: list[float] = field(default_factory=list)
    keys: dict[bytes, KeyState] = field(default_factory=dict)  # those of the gateway, for v1r
    history: History = field(init=False)
    _pending: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _live: Scene | None = None

    def __post_init__(self) -> None:
        self.history = History(self.gateway.clock.wall() - INSTALLED_S)
        self.catch_up()

    @property
    def is_solar_only(self) -> bool:
        """Whether the site has no battery."""
        return not self.gateway.hardware.packs

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the site; UTC where it has none."""
        return ZoneInfo(self.gateway.site.timezone or "UTC")

    @property
    def installed(self) -> datetime:
        """When the site was installed, in its own time zone."""
        return datetime.fromtimestamp(self.history.installed_at, self.zone)

    @property
    def reserve(self) -> int:
        """The backup reserve on the app's scale."""
        return max(round(app_percent(self.gateway.site.reserve)), 0)

    def catch_up(self) -> None:
        """Let the house live up to now and apply the settings that have reached it."""
        now = self.gateway.clock.monotonic()
        self.gateway.catch_up()
        self.history.sample(self.gateway.clock.wall(), self.gateway.plant.counters)
        due = [apply for at, apply in self._pending if at <= now]
        self._pending = [(at, apply) for at, apply in self._pending if at > now]
        for apply in due:
            apply()

    def live(self) -> Scene:
        """Take the cloud's copy of the powers, which is renewed only when it has grown old."""
        self.catch_up()
        now = self.gateway.clock.wall()
        if self._live is None or (self.is_online and now - self._live.now >= self.lag_s):
            self._live = self.gateway.scene()
        return self._live

    # -- settings --------------------------------------------------------------------------------

    def set_reserve(self, percent: int) -> None:
        """Set the reserve (app scale); between 80 and 100 the cloud takes 80."""
        taken = percent if percent <= MOST_RESERVE or percent == FULL_PERCENT else MOST_RESERVE

        def apply() -> None:
            self.gateway.site.reserve = self.gateway.plant.reserve = raw_percent(taken)

        self._later(apply)

    def set_mode(self, mode: str) -> None:
        """Set the operation mode."""

        def apply() -> None:
            self.gateway.site.mode = self.gateway.plant.mode = mode

        self._later(apply)

    def set_grid_charging(self, *, allowed: bool) -> None:
        """Allow the battery to charge from the grid."""

        def apply() -> None:
            self.gateway.site.grid_charging = self.gateway.plant.grid_charging = allowed

        self._later(apply)

    def set_export_rule(self, rule: str) -> None:
        """Set what may be exported."""

        def apply() -> None:
            self.gateway.site.export_rule = rule
            self.gateway.plant.export = rule != "never"

        self._later(apply)

    def set_storm_mode(self, *, enabled: bool) -> None:
        """Switch storm watch."""
        self._later(lambda: setattr(self, "storm_mode", enabled))

    def set_off_grid_vehicle_reserve(self, percent: int) -> None:
        """Set the charge below which vehicles are not charged off grid."""
        self._later(lambda: setattr(self, "off_grid_vehicle_reserve", percent))

    def _later(self, apply: Callable[[], None]) -> None:
        self._pending.append((self.gateway.clock.monotonic() + self.settles_s, apply))
        self.catch_up()
