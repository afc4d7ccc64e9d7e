"""Everything that one answer is rendered from, taken at one instant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from proxy.sim.firmware import Version
from proxy.sim.hardware import Hardware
from proxy.sim.personas import Persona
from proxy.sim.plant import Reading

NEVER = "0001-01-01T00:00:00Z"
CHINA = timezone(timedelta(hours=8))  # start_time is printed in the factory's zone


@dataclass(slots=True)
class Site:
    """What the owner and the installer configured, and what changes it."""

    name: str = "Home Energy Gateway"
    timezone: str = "America/Los_Angeles"
    location: str = "Gateway"
    mode: str = "self_consumption"
    reserve: float = 24.0  # percent, raw scale
    export_rule: str = "battery_ok"
    grid_charging: bool = False
    grid_services: bool = False
    commission_count: int = 11
    update_state: str = "/update_succeeded"
    problems: list[str] = field(default_factory=list)
    pending: dict[str, Any] | None = None  # an operation that waits for config/completed


@dataclass(frozen=True, slots=True)
class Scene:
    """One instant of one gateway; ``now`` and ``started`` are wall-clock seconds."""

    reading: Reading
    hardware: Hardware
    persona: Persona
    site: Site
    now: float
    started: float
    running: bool
    outages: tuple[float, ...] = ()

    @property
    def version(self) -> Version:
        """The firmware's number."""
        return self.persona.version

    def timestamp(self) -> str:
        """Print now with nanoseconds and the site's offset (RFC 3339)."""
        return rfc3339(self.now, self.site.timezone)


def rfc3339(seconds: float, zone: str) -> str:
    """Print a wall-clock time as the gateway does."""
    whole = math.floor(seconds)
    moment = datetime.fromtimestamp(whole, ZoneInfo(zone))
    offset = moment.strftime("%z")
    nanoseconds = int((seconds - whole) * 1e9)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}{offset[:3]}:{offset[3:]}"


def start_time(seconds: float) -> str:
    """Print a wall-clock time as ``/api/status`` prints the start."""
    return f"{datetime.fromtimestamp(math.floor(seconds), UTC).astimezone(CHINA):%Y-%m-%d %H:%M:%S %z}"


def duration(seconds: float) -> str:
    """Print a duration as Go does, e.g. 230h55m59.932079901s."""
    minutes, rest = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:.9f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
