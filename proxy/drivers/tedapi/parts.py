"""What single requests brought, each with its own time: the parts of which documents are made.

Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.breaker import Cooldown, cooldown_after
from proxy.core.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Part:
    """One answer, when it was requested, and when it was complete."""

    document: Mapping[str, Any]
    requested_at: float
    answered_at: float

    def age(self, now: float) -> float:
        """Return for how long (s) it may have ceased to be true."""
        return now - self.requested_at


class Parts:
    """The last answer to each query, and the cooldown of a query that failed since then.

    An answer outlives failures, with the age that it has.
    """

    def __init__(self) -> None:
        self._answers: dict[str, Part] = {}
        self._cooldowns: dict[str, Cooldown] = {}

    def get(self, name: str) -> Part | None:
        """Return the last answer."""
        return self._answers.get(name)

    def __getitem__(self, name: str) -> Part:
        """Return the last answer to a query that was answered."""
        return self._answers[name]

    def document(self, name: str) -> Mapping[str, Any]:
        """Return what was last answered, an empty document before the first answer."""
        part = self._answers.get(name)
        return part.document if part else {}

    def error(self, name: str) -> GatewayError | None:
        """Return why the latest query failed, None if it did not."""
        cooldown = self._cooldowns.get(name)
        return cooldown.error if cooldown else None

    def is_due(self, name: str, age_s: float, now: float) -> bool:
        """Say whether to fetch what is of this age or unknown, unless that has just failed."""
        part, cooldown = self._answers.get(name), self._cooldowns.get(name)
        if cooldown is not None and not cooldown.permits(now):
            return False
        return part is None or part.age(now) >= age_s

    def answered(self, name: str, part: Part) -> None:
        """Keep an answer."""
        self._answers[name] = part
        self._cooldowns.pop(name, None)

    def failed(self, name: str, error: GatewayError, now: float) -> bool:
        """Note a failure; say whether it is the first one in a row."""
        is_first = name not in self._cooldowns
        self._cooldowns[name] = cooldown_after(self._cooldowns.get(name), error, now)
        return is_first

    def forget(self, name: str) -> None:
        """Forget an answer: who answers next may be another gateway."""
        self._answers.pop(name, None)
        self._cooldowns.pop(name, None)
