"""What is told of one gateway at the moment of a scrape, read once for all metrics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from proxy.core.sources import METERS, STATUS, SYSTEM_STATUS
from proxy.views import batteries, devices, flows, meters
from proxy.views.json_access import section
from proxy.views.packs import Pack, packs
from proxy.views.strings import strings

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.model import Snapshot, Source
    from proxy.views.options import Options


class Facts:
    """The servable documents of a gateway. An expired one is not among them.

    ``wall`` is the time of day of the scrape in seconds; ``serials`` allows serial numbers.
    """

    def __init__(self, gateway: SourceCache, options: Options, wall: float, *, serials: bool = False) -> None:
        self.options = options
        self.wall = wall
        self.serials = serials
        self._gateway = gateway
        self._now = gateway.clock.monotonic()
        self._snapshots: dict[Source, Snapshot] = {
            snapshot.source: snapshot
            for snapshot in gateway.store
            if gateway.peek(snapshot.source) is not None
        }
        self.documents: Mapping[Source, Any] = {
            source: snapshot.document.value for source, snapshot in self._snapshots.items()
        }

    def of(self, source: Source) -> Mapping[str, Any]:
        """Return the document of a source; an empty one if there is none."""
        return section(self.documents.get(source))

    def read_at(self, source: Source) -> float | None:
        """Return the time of day (seconds) at which a source was told."""
        snapshot = self._snapshots.get(source)
        return None if snapshot is None else self.wall - snapshot.age(self._now)

    @property
    def driver(self) -> str:
        """The name of the first link that tells the status."""
        return next((link.driver.name for link in self._gateway.links if link.has(STATUS)), "")

    @cached_property
    def meters(self) -> dict[str, Mapping[str, Any]]:
        """The sections of the meters document, with powers corrected as in /aggregates."""
        if METERS not in self.documents:
            return {}
        told = section(meters.aggregates(self.documents, self.options))
        return {
            name: section(told[name]) for name in meters.METER_NAMES if meters.heard(self.documents, name)
        }

    @cached_property
    def powers(self) -> flows.Readings:
        """The corrected powers of everything that produces or consumes."""
        return flows.readings(self.documents, self.options)

    @cached_property
    def flows(self) -> flows.Flows | None:
        """The flows, as the power-flow page draws them."""
        return flows.flows(self.powers) if METERS in self.documents else None

    @cached_property
    def packs(self) -> list[Pack]:
        """The battery packs, PW1 first; none before the blocks were read once, which number them."""
        if not self.options.pack_order and SYSTEM_STATUS not in self.documents:
            return []
        return packs(self.options.pack_order, self.documents)

    @cached_property
    def pod(self) -> dict[str, Any]:
        """What /pod tells of the packs."""
        return batteries.pod(self.documents, self.options)

    @cached_property
    def pods(self) -> list[tuple[tuple[str], Mapping[str, Any]]]:
        """The label and the fields of every pack, as /pod tells them."""
        names = [f"PW{each.number}" for each in self.packs]
        fields: dict[str, dict[str, Any]] = {name: {} for name in names}
        for key, value in self.pod.items():
            name, _, field = key.partition("_")
            if name in fields:
                fields[name][field] = value
        return [((name,), fields[name]) for name in names]

    @cached_property
    def strings(self) -> dict[str, dict[str, Any]]:
        """The solar strings by letter."""
        return strings(self.documents, self.options)

    @cached_property
    def alerts(self) -> list[str] | None:
        """The names of active alerts; None while no device tells its own."""
        return devices.known_alerts(self.documents, self.options)

    @cached_property
    def system(self) -> Mapping[str, Any]:
        """The battery system as a whole."""
        return self.of(SYSTEM_STATUS)


def moment(text: Any) -> float | None:
    """Read a time of day of the gateway into seconds; None for year 1, which means never."""
    if not isinstance(text, str):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if read.year == 1 or read.tzinfo is None else read.timestamp()
