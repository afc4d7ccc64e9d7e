"""What happens again and again is told once, then counted."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

# Pauses between two lines about the same thing, in seconds; the last one repeats.
PAUSES = (300.0, 600.0, 1200.0, 1800.0)
# Where one event undoes another, the last line must say how things stand: these are never
# held back as repeats, only by the rate of their lines.
STATE_CHANGES = frozenset(
    {"gateway lost", "gateway back", "too many connections", "room for connections again"}
)
# Lines that are an account of what was done: each of them counts.
ACCOUNTS = frozenset({"command"})
_MINUTE = 60.0
_MOST_KINDS = 200


@dataclass(slots=True)
class _Kind:
    """Records that say the same, since a line about them was written."""

    until: float  # nothing more about it before this moment
    lines: int = 1
    count: int = 0  # held back
    latest: logging.LogRecord | None = None  # of them


@dataclass(slots=True)
class Repeats:
    """A filter for warnings and errors; what is below them passes, and what is an account.

    The same event with the same cause is written once; further ones are counted,
    and the count is written after 5, 10, 20 and then every 30 minutes while it
    grows. Of one event with changing causes at most ``per_minute`` lines a minute
    are written, and of a change of state too. With ``summaries_only``, what else has a
    cause appears in counts only.
    """

    now: Callable[[], float]
    per_minute: int
    summaries_only: bool
    _kinds: dict[Hashable, _Kind] = field(default_factory=dict)
    _recent: dict[Hashable, list[float]] = field(default_factory=dict)
    _next: float = math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether this record is written now."""
        if record.levelno < logging.WARNING or record.getMessage() in ACCOUNTS:
            return True
        now = self.now()
        event, cause = (record.name, record.getMessage()), getattr(record, "cause", None)
        is_change = record.getMessage() in STATE_CHANGES
        key = (*event, cause, hash(record.exc_text))
        kind = self._kinds.get(key)
        if is_change and self._within_rate(event, now):
            return True
        if kind is None:
            kind = self._kinds[key] = _Kind(now + PAUSES[0])
            self._next = min(self._next, kind.until)
            if len(self._kinds) > _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
            if not is_change and self._is_news(event, cause, now):
                return True
        kind.latest = record
        kind.count += 1
        return False

    def _is_news(self, event: Hashable, cause: object, now: float) -> bool:
        """Say whether the first record of its kind is written at once."""
        return cause is None or (not self.summaries_only and self._within_rate(event, now))

    def _within_rate(self, event: Hashable, now: float) -> bool:
        """Keep to the number of lines per minute that one event may have."""
        recent = [moment for moment in self._recent.get(event, ()) if moment > now - _MINUTE]
        is_within = len(recent) < self.per_minute
        if len(self._recent) >= _MOST_KINDS:
            self._recent.clear()
        self._recent[event] = [*recent, now] if is_within else recent
        return is_within

    def due(self, *, everything: bool = False) -> Iterator[logging.LogRecord]:
        """Give one record per kind whose count is to be written now, with the field ``repeated``."""
        now = self.now()
        if not everything and now < self._next:
            return
        for key, kind in list(self._kinds.items()):
            if not everything and now < kind.until:
                continue
            if kind.latest is None:
                del self._kinds[key]  # it has stopped: its next occurrence is news
                continue
            summary = copy.copy(kind.latest)
            summary.exc_text = None
            summary.repeated = kind.count
            yield summary
            self._kinds[key] = _Kind(now + PAUSES[min(kind.lines, len(PAUSES) - 1)], kind.lines + 1)
        self._next = min((kind.until for kind in self._kinds.values()), default=math.inf)
