"""Whether readings come, and whether logins and certificates are accepted. Pure; times are monotonic seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.notify.events import Fact

# Readings are taken to come again only if they come in a row: with no longer pause than this between two.
_ROW_S: Final = 120.0
# A machine that was suspended did not look.
_SUSPENDED_S: Final = 60.0


class Silence:
    """Follows the readings of one gateway: silent after ``silent_s`` without any, back after ``settle_s`` with them."""

    def __init__(self, silent_s: float, settle_s: float, now: float) -> None:
        self._silent_s = silent_s
        self._settle_s = settle_s
        self._last = now  # the latest reading, at first the start
        self._has_read = False
        self._looked_at = self._looking_since = now
        self._reported: float | None = None  # since when there was none, once that was reported
        self._resumed: float | None = None

    def observe(self, now: float, read_at: float | None, *, is_expected: bool, reason: str) -> Iterator[Fact]:
        """Record the time of the latest reading; ``is_expected`` if a requested one is missing."""
        if now - self._looked_at > _SUSPENDED_S:
            self._looking_since = now
        self._looked_at = now
        if read_at is not None and (read_at > self._last or not self._has_read):
            yield from self._read(read_at)
            return
        silent_s = now - max(self._last, self._looking_since)
        if is_expected and self._reported is None and silent_s >= self._silent_s:
            self._reported, self._resumed = self._last, None
            lasted_s = round(now - self._last)
            values = {"duration_seconds": lasted_s, "has_read": self._has_read, "reason": reason}
            yield Fact("readings_silent", now, {"since": self._last}, values)

    def _read(self, read_at: float) -> Iterator[Fact]:
        since = self._reported
        if since is not None:
            if self._resumed is None or read_at - self._last > max(_ROW_S, self._silent_s / 2):
                self._resumed = read_at
            if read_at - self._resumed >= self._settle_s:
                values = {"duration_seconds": round(self._resumed - since)}
                yield Fact("readings_back", read_at, {"since": since, "until": self._resumed}, values)
                self._reported = self._resumed = None
        self._last, self._has_read = read_at, True

    def dump(self, offset: float) -> dict[str, Any]:
        """Return what has to outlive the process."""
        return {} if self._reported is None else {"since": self._reported + offset}

    def load(self, document: Mapping[str, Any], offset: float) -> None:
        """Go on with what an earlier process left. Raises TypeError, ValueError."""
        if "since" in document:
            self._reported = float(document["since"]) - offset


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a link from logging in: the event, and a sentence with what to do."""

    event: str
    link: str
    reason: str


class Troubles:
    """Follows refusals: each is reported once, and again only after its link has worked."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def observe(self, now: float, found: Iterable[Trouble], working: Iterable[str]) -> Iterator[Fact]:
        """Process the current refusals, and the names of the links that work."""
        links = frozenset(working)
        self._known = {(event, link) for event, link in self._known if link not in links}
        for trouble in found:
            key = (trouble.event, trouble.link)
            if key not in self._known:
                self._known.add(key)
                yield Fact(trouble.event, now, {}, {"link": trouble.link, "reason": trouble.reason})

    def dump(self) -> list[list[str]]:
        """Return what has to outlive the process."""
        return sorted([event, link] for event, link in self._known)

    def load(self, document: Iterable[tuple[str, str]]) -> None:
        """Go on with what an earlier process left. Raises TypeError, ValueError."""
        self._known = {(str(event), str(link)) for event, link in document}
