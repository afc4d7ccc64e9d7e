"""How the sun and the house behave over a day, and the chance in both.

Hours of the day and a seeded random source in, watts out; or a recorded day instead.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Protocol, Self

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


class Weather(Protocol):
    """What decides about sun and load."""

    def step(self, dt: float, hour: float) -> None:
        """Let time pass."""

    def solar_w(self, hour: float, peak_w: float) -> float:
        """Watts that the panels could give."""

    def load_w(self, hour: float) -> float:
        """Watts that the house wants."""


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


@dataclass(frozen=True, slots=True)
class RecordedDay:
    """A day that was measured somewhere, repeated for ever; between its points it is interpolated."""

    hours: tuple[float, ...]
    solar: tuple[float, ...]
    demand: tuple[float, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a CSV with the columns time (HH:MM or HH:MM:SS), solar and load (watts).

        Raises OSError for a file that cannot be read, ValueError for what is not such a table.
        """
        with path.open(encoding="utf-8", newline="") as lines:
            try:
                rows = [
                    (_hour(r["time"]), float(r["solar"]), float(r["load"])) for r in csv.DictReader(lines)
                ]
            except (KeyError, TypeError, ValueError) as exc:
                raise ValueError(f"{path} needs the columns time, solar and load: {exc}") from exc
        if not rows or any(later[0] <= earlier[0] for earlier, later in pairwise(rows)):
            raise ValueError(f"{path} needs rows in the order of time")
        hours, solar, demand = zip(*rows, strict=True)
        return cls(hours, solar, demand)

    def step(self, dt: float, hour: float) -> None:
        """Nothing happens by chance."""

    def solar_w(self, hour: float, peak_w: float) -> float:  # noqa: ARG002 - the recording has its own peak
        """Watts of the panels as recorded."""
        return self._at(hour, self.solar)

    def load_w(self, hour: float) -> float:
        """Watts of the house as recorded."""
        return self._at(hour, self.demand)

    def _at(self, hour: float, values: tuple[float, ...]) -> float:
        after = bisect_right(self.hours, hour)
        if after in {0, len(self.hours)}:
            return values[min(after, len(values) - 1)]
        begin, end = self.hours[after - 1], self.hours[after]
        share = (hour - begin) / (end - begin)
        return values[after - 1] + share * (values[after] - values[after - 1])


def _hour(text: str) -> float:
    parts = [float(part) for part in text.split(":")]
    return sum(part / 60.0**place for place, part in enumerate(parts))
