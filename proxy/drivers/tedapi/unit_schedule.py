"""Which Powerwall 3 units are asked next, and what they said last.

A Powerwall 3 suffers from many requests (docs/protocol.md, "Request budget"), so a round asks
a few units only, those that were not asked for longest; what the others said
before stands meanwhile, with its age. Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.breaker import Cooldown, cooldown_after
from proxy.core.errors import GatewayError
from proxy.drivers.tedapi.parts import Part


class UnitSchedule:
    """The units of a site by DIN.

    No answer is kept for longer than ``longest_s`` if there is a way to help it; that of a
    unit which is silent since then stands for ``stands_s``.
    """

    def __init__(self, longest_s: float, stands_s: float) -> None:
        self.told: dict[str, Part] = {}
        self.rests: dict[str, Cooldown] = {}  # units that do not answer
        self._longest_s = longest_s
        self._stands_s = stands_s
        self._is_cold = True

    def due(self, units: Sequence[str], room: int, now: float) -> list[str]:
        """Name the units to ask now, longest unasked first: ``room`` of them, and whose answer is too old.

        All of them the first time: nothing is known that could stand in for them. A unit
        that rests has its turn when it has rested, among those that wait since then.
        """
        self._let_go(now)
        waiting = [din for din in units if din not in self.rests or self.rests[din].permits(now)]
        if self._is_cold:
            self._is_cold = not waiting
            return waiting
        waiting.sort(key=self._waits_since)
        return waiting[:room] + [din for din in waiting[room:] if self._is_too_old(din, now)]

    def answered(self, din: str, part: Part) -> None:
        """Keep what a unit said."""
        self.told[din] = part
        self.rests.pop(din, None)

    def failed(self, din: str, error: GatewayError, now: float) -> None:
        """Let a unit rest that does not answer: one lost reply does not take its readings away."""
        self.rests[din] = cooldown_after(self.rests.get(din), error, now)
        self._let_go(now)

    def forget(self) -> None:
        """Forget what was said: who answers next may be another gateway."""
        self.told.clear()
        self._is_cold = True

    def _let_go(self, now: float) -> None:
        for din in self.rests:
            if din in self.told and self.told[din].age(now) > self._stands_s:
                del self.told[din]

    def _waits_since(self, din: str) -> float:
        if din in self.told:
            return self.told[din].requested_at
        return self.rests[din].until if din in self.rests else float("-inf")

    def _is_too_old(self, din: str, now: float) -> bool:
        return din in self.told and self.told[din].age(now) > self._longest_s
