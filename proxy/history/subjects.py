"""What a history is of: a gateway, or a site, which is read from the histories of its members.

Nothing is kept of a site itself: so its past is there from the first day of its members, imported days too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from proxy.history import reading, totals
from proxy.history.answers import alert_json, outage_json
from proxy.history.energies import DayTotals
from proxy.history.reading import DeviceSeries, Series, Span
from proxy.history.totals import Part

if TYPE_CHECKING:
    from proxy.history.archive import Worker
    from proxy.history.columns import Column
    from proxy.history.recorder import Recorder

T = TypeVar("T")

_MOST_INCIDENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class OfGateway:
    """The history of a gateway. ``version`` changes with what is kept; times are Unix s."""

    recorder: Recorder

    @property
    def id(self) -> str:
        """The id of the gateway."""
        return self.recorder.id

    @property
    def zone(self) -> tzinfo:
        """The time zone of its site."""
        return self.recorder.zone

    @property
    def now(self) -> float:
        """The time of its history."""
        return self.recorder.now

    @property
    def is_simulated(self) -> bool:
        """Whether its past is made up."""
        return self.recorder.is_simulated

    @property
    def version(self) -> str:
        """What was written by which start."""
        return f"{self.recorder.started_at} {self.recorder.archive.commits}"

    async def read(self, call: Callable[[Past], T]) -> T:
        """Return what ``call`` makes of its past. Raises Unavailable."""
        return await self.recorder.archive.read(lambda db: call(PastOfGateway(db, self.recorder)))


@dataclass(frozen=True, slots=True)
class OfSite:
    """The history of a site; ``grid`` is the member whose meter sees the whole property, or ""."""

    id: str
    members: Sequence[Recorder]
    grid: str
    worker: Worker

    @property
    def zone(self) -> tzinfo:
        """The time zone of its first member."""
        return self.members[0].zone

    @property
    def now(self) -> float:
        """The time of its history."""
        return self.members[0].now

    @property
    def is_simulated(self) -> bool:
        """Whether a past of its members is made up."""
        return any(member.is_simulated for member in self.members)

    @property
    def version(self) -> str:
        """What was written of all members."""
        return " ".join(OfGateway(member).version for member in self.members)

    async def read(self, call: Callable[[Past], T]) -> T:
        """Return what ``call`` makes of its past. Raises Unavailable."""
        return await self.worker.run(lambda: call(PastOfSite(self)))


@dataclass(frozen=True, slots=True)
class PastOfGateway:
    """What there is of a gateway. Every call reads its file, so all are made in the thread of the archives."""

    db: sqlite3.Connection
    recorder: Recorder

    def extent(self) -> tuple[int, int] | None:
        """Return the times of the first and the last row."""
        return reading.extent(self.db)

    def series(self, columns: tuple[Column, ...], span: Span) -> Series:
        """Read quantities."""
        return reading.series(self.db, columns, span, self.recorder.zone, self.recorder.now)

    def days(self, first: date, last: date) -> Iterator[DayTotals]:
        """Read the energies of days one by one, both included; today's are those of this moment."""
        today = {each.day: each for each in self.recorder.journal.today() if first <= each.day <= last}
        for each in reading.days(self.db, first, last):
            yield today.pop(each.day, each)
        yield from today.values()

    def devices(self, metrics: tuple[str, ...], span: Span) -> Sequence[DeviceSeries]:
        """Read series of devices."""
        return reading.devices(self.db, metrics, span, self.recorder.now) if metrics else ()

    def alerts(self, span: Span) -> Sequence[Mapping[str, Any]]:
        """Read alerts, the latest first."""
        return [*map(alert_json, reading.alerts(self.db, span.begin, span.end, _MOST_INCIDENTS))]

    def outages(self, span: Span) -> Sequence[Mapping[str, Any]]:
        """Read the times without grid, the latest first."""
        return [*map(outage_json, reading.outages(self.db, span.begin, span.end, _MOST_INCIDENTS))]


@dataclass(frozen=True, slots=True)
class PastOfSite:
    """The same of a site, from the files of its members."""

    site: OfSite

    def _each(self, call: Callable[[PastOfGateway], T]) -> dict[str, T]:
        """Read every member."""

        def of(recorder: Recorder, db: sqlite3.Connection) -> T:
            return call(PastOfGateway(db, recorder))

        return {member.id: member.archive.use(partial(of, member)) for member in self.site.members}

    def extent(self) -> tuple[int, int] | None:
        """Return from when on all members have a past."""
        found = self._each(lambda past: past.extent()).values()
        known = [extent for extent in found if extent]
        if not known or len(known) < len(found):
            return None
        return max(first for first, _ in known), min(last for _, last in known)

    def series(self, columns: tuple[Column, ...], span: Span) -> Series:
        """Read quantities."""
        read = totals.needed(columns, self.site.grid)
        found = self._each(lambda past: Part(past.series(read, span), past.recorder.has_battery))
        return totals.series(found, columns, self.site.grid)

    def days(self, first: date, last: date) -> Iterator[DayTotals]:
        """Read the energies of days, both included; today's are those of this moment."""
        return totals.days(self._each(lambda past: [*past.days(first, last)]), self.site.grid)

    def devices(self, _: tuple[str, ...], __: Span) -> Sequence[DeviceSeries]:
        """Return none: packs and strings are those of a gateway."""
        return ()

    def alerts(self, span: Span) -> Sequence[Mapping[str, Any]]:
        """Read alerts, the latest first."""
        return _together(self._each(lambda past: past.alerts(span)))

    def outages(self, span: Span) -> Sequence[Mapping[str, Any]]:
        """Read the times without grid, the latest first."""
        return _together(self._each(lambda past: past.outages(span)))


def _together(found: Mapping[str, Iterable[Mapping[str, Any]]]) -> Sequence[Mapping[str, Any]]:
    """Name the gateway of each, the latest first."""
    rows = [{**row, "gateway": id_} for id_, rows in found.items() for row in rows]
    return sorted(rows, key=lambda row: float(row["start"]), reverse=True)[:_MOST_INCIDENTS]


Subject: TypeAlias = OfGateway | OfSite
Past: TypeAlias = PastOfGateway | PastOfSite
