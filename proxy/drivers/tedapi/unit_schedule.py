"""Which Powerwall 3 units are queried next, and what they reported last.

A Powerwall 3 suffers from many requests (docs/protocol.md, "Request budget"), so a round queries
a few units only, those that were not queried for longest; what the others said
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
        self.answers: dict[str, Part] = {}
        self.cooldowns: dict[str, Cooldown] = {}  # units that do not answer
        self._longest_s = longest_s
        self._stands_s = stands_s
        self._is_cold = True

    def due(self, units: Sequence[str], room: int, now: float) -> list[str]:
        """Name the units to query now, longest waiting first: ``room`` of them, and those whose response is too old.

        All of them the first time: nothing is known that could stand in for them. A unit
        in cooldown has its turn when that is over, among those that wait since then.
        """
        self._let_go(now)
        waiting = [din for din in units if din not in self.cooldowns or self.cooldowns[din].permits(now)]
        if self._is_cold:
            self._is_cold = not waiting
            return waiting
        waiting.sort(key=self._waits_since)
        return waiting[:room] + [din for din in waiting[room:] if self._is_too_old(din, now)]

    def answered(self, din: str, part: Part) -> None:
        """Keep what a unit said."""
        self.answers[din] = part
        self.cooldowns.pop(din, None)

    def failed(self, din: str, error: GatewayError, now: float) -> None:
        """Let a unit rest that does not answer: one lost reply does not take its readings away."""
        self.cooldowns[din] = cooldown_after(self.cooldowns.get(din), error, now)
        self._let_go(now)

    def forget(self) -> None:
        """Forget what was said: who answers next may be another gateway."""
        self.answers.clear()
        self._is_cold = True

    def _let_go(self, now: float) -> None:
        for din in self.cooldowns:
            if din in self.answers and self.answers[din].age(now) > self._stands_s:
                del self.answers[din]

    def _waits_since(self, din: str) -> float:
        if din in self.answers:
            return self.answers[din].requested_at
        return self.cooldowns[din].until if din in self.cooldowns else float("-inf")

    def _is_too_old(self, din: str, now: float) -> bool:
        return din in self.answers and self.answers[din].age(now) > self._longest_s
