"""How the sun and the house behave over a day, and the chance in both.

Pure: hours of the day and a seeded random source in, watts out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

SUNRISE_H = 6.5
SUNSET_H = 19.5
KETTLE_W, KETTLE_S = 2000.0, 180.0
CAR_W, CAR_S = 7000.0, 3 * 3600.0
CLOUD_MEMORY_S = 900.0  # how long a cloud matters
DENSEST_CLOUD = 0.8
LEAST_LOAD_W = 80.0


def clear_sky_w(hour: float, peak_w: float) -> float:
    """Watts of the panels under a clear sky at this local hour (0 to 24)."""
    if not SUNRISE_H < hour < SUNSET_H:
        return 0.0
    height = math.sin(math.pi * (hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H))
    return float(peak_w * height**1.5)


def household_w(hour: float) -> float:
    """Watts of a house with breakfast, lunch and dinner at this local hour."""
    breakfast = 1100 * math.exp(-(((hour - 7.5) / 1.2) ** 2))
    lunch = 350 * math.exp(-(((hour - 13) / 2.5) ** 2))
    dinner = 2200 * math.exp(-(((hour - 18.8) / 1.8) ** 2))
    return 450 + breakfast + dinner + lunch


@dataclass(slots=True)
class Chance:
    """Clouds, appliances and noise; each can be off, and all follow from one seed."""

    seed: int
    clouds: bool = False
    appliances: bool = False
    noise: bool = False
    _cover: float = 0.0
    _noise_w: float = 0.0
    _appliances: dict[float, float] = field(default_factory=dict)  # watts -> seconds left
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - weather, not a secret

    def step(self, dt: float, hour: float) -> None:
        """Let ``dt`` seconds of weather and habits pass."""
        if self.clouds:
            pull = math.exp(-dt / CLOUD_MEMORY_S)
            self._cover = 0.2 + (self._cover - 0.2) * pull
            self._cover += 0.3 * math.sqrt(1 - pull * pull) * self._random.gauss(0, 1)
        if self.noise:
            self._noise_w = self._random.uniform(-30, 30)
        if self.appliances:
            self._switch_appliances(dt, hour)

    def _switch_appliances(self, dt: float, hour: float) -> None:
        left = {watts: seconds - dt for watts, seconds in self._appliances.items() if seconds > dt}
        awake = SUNRISE_H < hour < SUNSET_H + 3
        if awake and self._random.random() < dt / 7200:
            left.setdefault(KETTLE_W, KETTLE_S)
        if hour > SUNSET_H and self._random.random() < dt / 20000:
            left.setdefault(CAR_W, CAR_S)
        self._appliances = left

    def solar_w(self, hour: float, peak_w: float) -> float:
        """Watts of the panels with the present clouds."""
        cover = min(max(self._cover, 0.0), DENSEST_CLOUD)
        return clear_sky_w(hour, peak_w) * (1 - cover)

    def load_w(self, hour: float) -> float:
        """Watts of the house with the appliances that are on."""
        return max(household_w(hour) + sum(self._appliances) + self._noise_w, LEAST_LOAD_W)
