"""The alerts of a gateway, and storm watch: what is new, and what has ended. Pure; times are monotonic seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.notify.events import Fact
from proxy.views.alerts import ATTENTION, of_names

# Devices report alerts that come and go: one has ended when it was absent for so long.
_ABSENT_S: Final = 900.0
_KINDS: Final = {ATTENTION: "alert"}
_OTHER: Final = "notice"


class Alerts:
    """Follows the alerts of one gateway. What the first report has was there before."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] | None = None  # by name: first and latest report with it
        self._reported_at = float("-inf")

    def observe(self, at: float, names: frozenset[str]) -> Iterator[Fact]:
        """Add a report of the devices; one that is already known is ignored."""
        if at <= self._reported_at:
            return
        self._reported_at = at
        seen = self._seen
        if seen is None:
            self._seen = dict.fromkeys(names, (at, at))
            return
        ended = {
            name: last for name, (_, last) in seen.items() if name not in names and at - last >= _ABSENT_S
        }
        yield from _facts("new", at, dict.fromkeys(sorted(names - seen.keys()), at))
        yield from _facts("ended", at, dict(sorted(ended.items())))
        kept = {name: times for name, times in seen.items() if name not in ended}
        self._seen = kept | {name: (kept[name][0] if name in kept else at, at) for name in names}

    def dump(self, offset: float) -> dict[str, list[float]] | None:
        """Return what has to outlive the process."""
        if self._seen is None:
            return None
        return {name: [first + offset, last + offset] for name, (first, last) in self._seen.items()}

    def load(self, document: Mapping[str, Any] | None, offset: float) -> None:
        """Go on with what an earlier process left. Raises AttributeError, TypeError, ValueError."""
        if document is not None:
            self._seen = {
                str(name): (float(first) - offset, float(last) - offset)
                for name, (first, last) in document.items()
            }


def _facts(what: str, at: float, times: Mapping[str, float]) -> Iterator[Fact]:
    """Make one fact of the alerts that need attention, and one of the others."""
    kinds = {alert.name: _KINDS.get(alert.level, _OTHER) for alert in of_names(times)}
    for kind in dict.fromkeys(kinds.values()):
        names = [name for name in times if kinds.get(name) == kind]
        yield Fact(f"{kind}_{what}", at, {"since": min(times[name] for name in names)}, {"alerts": names})


class Storm:
    """Follows storm watch: whether Tesla fills the battery at the moment."""

    def __init__(self) -> None:
        self.is_active = False

    def observe(self, now: float, active: bool | None) -> Iterator[Fact]:
        """Process what the cloud reports; None if it reports nothing."""
        if active is not None and active is not self.is_active:
            self.is_active = active
            yield Fact("storm_watch", now, {}, {"active": active})
