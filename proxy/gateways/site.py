"""A site: the total of several gateways, read from what their caches hold.

It is a gateway like any other, with a driver that fetches from its members: they decide whether
anything is requested. Ages, errors, pages and live events therefore hold for totals, too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from proxy.core import totals
from proxy.core.errors import GatewayError, NotSupported, SourceUnavailable
from proxy.core.freshness import Policy
from proxy.core.model import Document, Exchange, Source
from proxy.core.sources import METERS, SITE_NAME
from proxy.core.totals import Part
from proxy.views import meters

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.gateways.gateway import Gateway

# Members have their own lifetimes and stale windows: a total is made again from them every second.
POLICY: Final = Policy(1.0)
# A member's wait ends before that of the client, who then gets the reason.
_MARGIN_S: Final = 0.2


class SiteDriver:
    """Reads the caches of ``members``. ``grid`` is the member whose site meter sees the whole house; empty: they are added."""

    name = "site"

    def __init__(self, members: Sequence[Gateway], clock: Clock, *, name: str, grid: str) -> None:
        self.sources: Mapping[Source, Exchange] = {source: Exchange(source) for source in totals.SOURCES}
        self._members = tuple(members)
        self._clock = clock
        self._name = name
        self._grid = grid
        # What members have had: they have it by nature, whatever their gateways say later.
        self._known: set[tuple[str, Source]] = set()

    def policy(self, source: Source) -> Policy:
        """Return a second, and the limit of the member that is served longest."""
        read = totals.reads(source)
        return replace(POLICY, limit=max(member.cache.policy(read).limit for member in self._members))

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document | GatewayError]:
        """Get the source from every member, and add them up. Raises GatewayError."""
        now, source = self._clock.monotonic(), Source(exchange)  # one of each
        if source == SITE_NAME:
            return {source: _document({"site_name": self._name}, now, now, {})}
        read = totals.reads(source)
        parts = await asyncio.gather(*(self._part(member, source, read) for member in self._members))
        counting = totals.present(parts)
        value = totals.combine(source, counting, grid=self._grid)
        oldest = min(part.observed_at for part in counting)
        return {source: _document(value, oldest, self._clock.monotonic(), _joined(counting))}

    async def _part(self, member: Gateway, source: Source, read: Source) -> Part:
        if member.settings.type == "inverter" and source in totals.OF_BATTERIES:
            return Part(member.id, error=NotSupported("an inverter has no battery"))
        reading = await member.cache.get((read,), member.cache.deadline_s - _MARGIN_S)
        got = reading.sources[read]
        if got.snapshot is None:
            error = got.error or SourceUnavailable("no readings")
            has_it = read in totals.OF_ALL or (member.id, read) in self._known
            is_denied = has_it and not error.is_failure
            return Part(member.id, error=SourceUnavailable(str(error)) if is_denied else error)
        self._known.add((member.id, read))
        document = got.snapshot.document
        value = (
            meters.aggregates({read: document.value}, member.options) if read == METERS else document.value
        )
        return Part(member.id, value, document.observed_at, got.snapshot.policy.ttl, document.notes)

    async def close(self) -> None:
        """Do nothing: the members are closed by themselves."""

    def describe(self) -> Mapping[str, Any]:
        """Name the members."""
        return {"members": [member.id for member in self._members]}


def _document(value: Any, observed_at: float, answered_at: float, notes: Mapping[str, str]) -> Document:
    return Document(value, json.dumps(value).encode(), observed_at, answered_at, notes=notes)


def _joined(parts: Sequence[Part]) -> dict[str, str]:
    """Keep what header fields say of any part: integrated counters make an integrated total."""
    names = dict.fromkeys(name for part in parts for name in part.notes)
    return {
        name: ", ".join(dict.fromkeys(part.notes[name] for part in parts if name in part.notes))
        for name in names
    }
