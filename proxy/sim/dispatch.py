"""What the battery does with what the house lacks or has left over.

Pure functions of the pack, the operation mode and the watts that are wanted
(positive: the house needs energy). Battery watts: + discharges, - charges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from proxy.core.model import HIDDEN_PERCENT
from proxy.sim.island import FAULTED, WAITING

EFFICIENCY = 0.95  # one way
TAPER_FROM = 0.95  # fraction of full above which charging slows down
SLOW_CHARGE_W = 1700.0
GRID_CHARGE_W = 3300.0
PEAK_HOURS = (16.0, 21.0)
OFF_PEAK_UNTIL = 6.0


class Mode:
    """The operation modes that the gateway accepts."""

    SELF_CONSUMPTION = "self_consumption"
    BACKUP = "backup"
    AUTONOMOUS = "autonomous"


MODES = frozenset({Mode.SELF_CONSUMPTION, Mode.BACKUP, Mode.AUTONOMOUS})


@dataclass(slots=True)
class Battery:
    """All units together: capacity and content in Wh, limits in W."""

    full_wh: float = 14000.0
    energy_wh: float = 7000.0
    charge_w: float = 5000.0
    discharge_w: float = 5000.0


class House(Protocol):
    """What dispatch needs to know of the plant."""

    battery: Battery
    mode: str
    reserve: float
    grid_charging: bool
    backup_until: float
    seconds: float

    def hour_now(self) -> float:
        """Local hour, 0 to 24."""


def taper(fraction: float) -> float:
    """Share of the charging power that a pack filled to this fraction still takes."""
    if fraction <= TAPER_FROM:
        return 1.0
    return 1.0 - 0.95 * (fraction - TAPER_FROM) / (1 - TAPER_FROM)


def charge_room_w(battery: Battery, dt: float) -> float:
    """Watts that the pack can take during ``dt`` seconds."""
    if not battery.full_wh:
        return 0.0
    limit = battery.charge_w * taper(battery.energy_wh / battery.full_wh)
    return min(limit, (battery.full_wh - battery.energy_wh) * 3600 / EFFICIENCY / dt)


def dispatch(house: House, sun: float, want: float, dt: float) -> float:
    """Decide the battery's watts on grid for ``dt`` seconds.

    Backup takes all of the sun until the pack is full, even while the house imports.
    """
    battery = house.battery
    room = charge_room_w(battery, dt)
    floor = battery.full_wh * house.reserve / 100
    spare = max(battery.energy_wh - floor, 0.0) * 3600 * EFFICIENCY / dt
    surplus = max(-want, 0.0)
    if house.mode == Mode.BACKUP or house.seconds < house.backup_until:
        from_grid = GRID_CHARGE_W if house.grid_charging or house.seconds < house.backup_until else 0.0
        return -min(max(sun, from_grid), room)
    if battery.energy_wh < floor:
        return -min(surplus, SLOW_CHARGE_W, room)
    hour = house.hour_now()
    at_peak = PEAK_HOURS[0] <= hour < PEAK_HOURS[1]
    if house.mode == Mode.AUTONOMOUS and not at_peak:
        from_grid = GRID_CHARGE_W if house.grid_charging and hour < OFF_PEAK_UNTIL else 0.0
        return -min(max(surplus, from_grid), room)
    if want > 0:
        return min(want, battery.discharge_w, spare)
    return -min(surplus, room)


def off_grid(battery: Battery, want: float) -> str | None:
    """Name the fault that leaves an island dark, or None if the battery carries it."""
    if want <= 0:
        return None
    if battery.energy_wh <= battery.full_wh * HIDDEN_PERCENT / 100:
        return FAULTED
    return WAITING if want > battery.discharge_w else None
