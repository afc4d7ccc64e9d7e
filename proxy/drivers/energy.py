"""Energy from power, for gateways that have no counters to tell.

Each reading is joined to the one before by a straight line, and the area on
either side of zero is added to what the meter has imported and exported. A
pause longer than ``longest_gap_s`` adds nothing, since nobody knows what
happened meanwhile: the counters are good while somebody reads at least every
few minutes, and too low otherwise. They outlive the process in the state folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from proxy.core.json_access import number
from proxy.core.powers import Powers, corrected
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.state.store import StateStore

LONGEST_GAP_S = 300.0

_FILE = "energy.json"
_SAVE_EVERY_S = 300.0
_HOUR_S = 3600.0
# No house takes or gives a megawatt; counted once, such a reading would stay in the sum for ever.
_MOST_W = 1e6
# These give when their power is positive; grid and home take.
_PRODUCERS = frozenset({"solar", "battery", "generator"})


@dataclass(frozen=True, slots=True)
class Counter:
    """What one meter has seen: watt-hours at positive and at negative power, and the last power in watts."""

    positive_wh: float = 0.0
    negative_wh: float = 0.0
    power_w: float | None = None

    def read(self, power_w: float | None, gap_s: float) -> Counter:
        """Take a reading, ``gap_s`` seconds after the last one. An unknown power interrupts the counting."""
        if power_w is not None and abs(power_w) > _MOST_W:
            power_w = None
        if power_w is None or self.power_w is None or gap_s <= 0:
            return replace(self, power_w=power_w)
        positive, negative = areas(self.power_w, power_w, gap_s / _HOUR_S)
        return Counter(self.positive_wh + positive, self.negative_wh + negative, power_w)


def areas(first: float, last: float, span: float) -> tuple[float, float]:
    """Give the areas above and below zero of the straight line between two values, both as positive numbers."""
    if first * last >= 0:
        area = (first + last) / 2 * span
        return max(area, 0.0), max(-area, 0.0)
    crossing = first / (first - last) * span
    before, after = abs(first) / 2 * crossing, abs(last) / 2 * (span - crossing)
    return (before, after) if first > 0 else (after, before)


class EnergyMeter:
    """The counters of one gateway, kept under its address. Owns the writing that is under way until closed."""

    def __init__(
        self,
        memory: StateStore,
        clock: Clock,
        address: str,
        *,
        neg_solar: bool = True,
        site_zero_threshold: float = 0.0,
        longest_gap_s: float = LONGEST_GAP_S,
    ) -> None:
        self._correct = partial(corrected, neg_solar=neg_solar, site_zero_threshold=site_zero_threshold)
        self._memory = memory
        self._clock = clock
        self._address = address
        self._longest_gap_s = longest_gap_s
        try:
            kept = _table(memory.read(_FILE).get(address))
            self._is_known = True
        except Unreadable:  # sums that are unknown, and not zero; they may yet be repaired
            kept, self._is_known = {}, False
        self._counters = {name: _counter(row) for name, row in _table(kept.get("counters")).items()}
        since = number(kept.get("since"))
        self._since = clock.wall() if since is None else since
        # Across a restart only the wall clock can tell the gap; one that was set back tells none.
        self._until = number(kept.get("until"))
        self._read_at = None if self._until is None else clock.monotonic() - (clock.wall() - self._until)
        self._saved_at = clock.monotonic()
        self._saving: asyncio.Future[None] | None = None

    def count(
        self, powers: Mapping[str, float | None], at: float | None = None
    ) -> Mapping[str, tuple[float, float]]:
        """Take the powers (watts) of a moment (monotonic s, now), corrected as they are shown.

        Gives (imported, exported) watt-hours by meter; nothing when the sums of earlier are not known.
        """
        if not self._is_known:
            return {}
        at = self._clock.monotonic() if at is None else at
        gap_s = -1.0 if self._read_at is None else at - self._read_at
        if gap_s > self._longest_gap_s:
            gap_s = -1.0
        self._read_at, self._until = at, self._clock.wall() - (self._clock.monotonic() - at)
        shown = self._correct(Powers(*map(powers.get, Powers.__slots__)))
        for name in powers:
            power = getattr(shown, name, powers[name])  # a generator's power is never corrected
            self._counters[name] = self._counters.get(name, Counter()).read(power, gap_s)
        return {name: _directions(name, counter) for name, counter in self._counters.items()}

    def save_soon(self) -> None:
        """Write the counters down beside the event loop if that was long ago.

        An SD card may take seconds for it, and wears out: neither readings nor cards are to suffer.
        """
        if self._saving is not None and not self._saving.done():
            return
        if self._clock.monotonic() - self._saved_at >= _SAVE_EVERY_S:
            # What is written is gathered here: counting goes on meanwhile.
            self._saving = asyncio.get_running_loop().run_in_executor(None, self._write, self._gathered())

    async def close(self) -> None:
        """Write the counters down for the next start."""
        if self._saving is not None:
            await self._saving
        self.save()

    def save(self) -> None:
        """Write the counters down."""
        self._write(self._gathered())

    def _gathered(self) -> dict[str, Any]:
        self._saved_at = self._clock.monotonic()
        counters = {
            name: {
                "positive_wh": counter.positive_wh,
                "negative_wh": counter.negative_wh,
                "power_w": counter.power_w,
            }
            for name, counter in self._counters.items()
        }
        return {"since": self._since, "until": self._until, "counters": counters}

    def _write(self, kept: Mapping[str, Any]) -> None:
        if self._is_known:
            with suppress(Unreadable):  # damaged meanwhile, with the sums of other gateways in it
                self._memory.update(_FILE, {self._address: kept})

    def describe(self) -> Mapping[str, Any]:
        """Say since when energy has been counted here (seconds since 1970)."""
        return {"method": "integrated", "since": self._since}


def _directions(name: str, counter: Counter) -> tuple[float, float]:
    if name in _PRODUCERS:
        return counter.negative_wh, counter.positive_wh
    return counter.positive_wh, counter.negative_wh


def _counter(row: Any) -> Counter:
    """Read a saved counter; what is damaged starts at zero."""
    saved = _table(row)
    positive, negative, power = (number(saved.get(key)) for key in ("positive_wh", "negative_wh", "power_w"))
    return Counter(max(positive or 0.0, 0.0), max(negative or 0.0, 0.0), power)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
