"""Repeated events are logged once, then counted."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from proxy.core import events

# Pauses between two lines about the same thing, in seconds; the last one repeats.
PAUSES = (300.0, 600.0, 1200.0, 1800.0)
# Where one event undoes another, the last line must say how things stand: these are held back only by the
# rate of their lines, and the last of them is written in the end. Event: what it is a state of.
STATE_CHANGES = {
    events.UNREACHABLE: "gateway",
    events.RECOVERED: "gateway",
    events.TOO_MANY_CONNECTIONS: "connections",
    events.CONNECTIONS_ADMITTED: "connections",
}
# Lines that are an account of what was done: each of them counts.
ACCOUNTS = frozenset({events.COMMAND, events.SUSPICIOUS_SETTING})
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
class _Held:
    """The latest change of a state that was too much for the rate of its lines."""

    until: float
    latest: logging.LogRecord
    count: int = 1


@dataclass(slots=True)
class Repeats:
    """A filter for warnings and errors; what is below them passes, and what is an account.

    The same event with the same cause is written once; further ones are counted,
    and the count is written after 5, 10, 20 and then every 30 minutes while it
    grows. Of one event with changing causes at most ``per_minute`` lines a minute
    are written, and of a change of state too; the last change of a minute follows when it is
    over. With ``summaries_only``, what else has a cause appears in counts only.
    """

    now: Callable[[], float]
    per_minute: int
    summaries_only: bool
    _kinds: dict[Hashable, _Kind] = field(default_factory=dict)
    _held: dict[Hashable, _Held] = field(default_factory=dict)
    _recent: dict[Hashable, list[float]] = field(default_factory=dict)
    _next: float = math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether this record is written now."""
        if record.levelno < logging.WARNING or record.getMessage() in ACCOUNTS:
            return True
        now = self.now()
        event, cause = _event(record), getattr(record, "cause", None)
        if state := STATE_CHANGES.get(record.getMessage()):
            return self._is_written(record, (state, getattr(record, "link", None), event[-1]), event, now)
        key = (*event, cause, hash(record.exc_text))
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(now + PAUSES[0])
            self._next = min(self._next, kind.until)
            if len(self._kinds) > _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
            if self._is_news(event, cause, now):
                return True
        kind.latest = record
        kind.count += 1
        return False

    def _is_written(self, record: logging.LogRecord, state: Hashable, event: Hashable, now: float) -> bool:
        """Say whether a change of state is written at once, and keep it otherwise."""
        if self._within_rate(event, now):
            if before := self._held.pop(state, None):
                record.repeated = before.count
            return True
        if held := self._held.get(state):
            held.latest, held.count = record, held.count + 1
        else:
            self._held[state] = _Held(now + _MINUTE, record)
            self._next = min(self._next, now + _MINUTE)
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
        """Give one record for each kind and state that has a line to be written now, with the field ``repeated``."""
        now = self.now()
        if not everything and now < self._next:
            return
        for state, held in list(self._held.items()):
            if everything or now >= held.until:
                del self._held[state]
                self._within_rate(_event(held.latest), now)  # it counts
                yield _summary(held.latest, held.count)
        for key, kind in list(self._kinds.items()):
            if not everything and now < kind.until:
                continue
            if kind.latest is None:
                del self._kinds[key]  # it has stopped: its next occurrence is news
                continue
            yield _summary(kind.latest, kind.count)
            self._kinds[key] = _Kind(now + PAUSES[min(kind.lines, len(PAUSES) - 1)], kind.lines + 1)
        moments = [kind.until for kind in self._kinds.values()] + [held.until for held in self._held.values()]
        self._next = min(moments, default=math.inf)


# Which one of several of its kind an event is about.
_PLACES = ("gateway", "receiver")


def _event(record: logging.LogRecord) -> tuple[object, ...]:
    """Return what happened where: the same event at two gateways, or two receivers of alarms, is two."""
    return record.name, record.getMessage(), *(getattr(record, name, None) for name in _PLACES)


def _summary(record: logging.LogRecord, count: int) -> logging.LogRecord:
    summary = copy.copy(record)
    summary.exc_text = None
    summary.repeated = count
    return summary
