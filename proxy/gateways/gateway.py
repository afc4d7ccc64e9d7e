"""One gateway and all that belongs to it.

Ownership: a ``Gateway`` owns the cache in front of its gateway, the writer of commands, the
live stream and the probe of lost links; ``close`` ends them all. Nothing of it is shared with
another gateway: session, breaker, store, counters and state folder are its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.cache.events import OptionsChanged
from proxy.cache.knock import Knock
from proxy.cache.probe import LinkProbe
from proxy.config.gateway_settings import DEFAULT_ID, DEFAULT_ZONE
from proxy.core.json_access import get_path, text
from proxy.core.sources import SITE_INFO, SITE_NAME
from proxy.gateways.command_rules import CommandRules
from proxy.gateways.commands import Commands
from proxy.gateways.counter_state import CounterState
from proxy.gateways.duty import Duty
from proxy.gateways.live import StateStream
from proxy.gateways.pack_numbers import PackNumbers
from proxy.gateways.site_model import SiteModel
from proxy.gateways.status import GatewayStatus, status_of

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.state.store import StateStore
    from proxy.views.options import Options


class Gateway:
    """The parts of one gateway, or of a site, which is the total of its ``members``.

    ``id`` is its name in paths, labels and state folders; ``name`` is for people.
    ``probe_interval_s`` is the shortest pause between two requests to a lost link that no client
    needs; None: none are sent. ``grid`` is the id of the gateway whose meter measures the grid of the
    whole property of its site; empty: each measures its own.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        cache: SourceCache,
        clock: Clock,
        state: StateStore,
        options: Options,
        *,
        probe_interval_s: float | None = None,
        members: Sequence[Gateway] = (),
        grid: str = "",
    ) -> None:
        self.id = cache.name
        self.grid = grid
        self.others: Sequence[Gateway] = ()  # of the same process
        self.members = tuple(members)
        self.settings = settings
        self.cache = cache
        self.events = cache.events
        self.clock = clock
        self.state = state
        self.duty: Duty = members[0].duty if members else Duty()
        self.options = options
        self.commands = Commands(
            cache,
            clock,
            CommandRules(cache, clock, settings.islanding_cooldown),
            local_first=settings.local_first,
        )
        self.counters = CounterState(state, settings.host, clock)
        self.packs = PackNumbers(cache, state, settings.host, self._number_packs)
        self.site = SiteModel(cache, lambda: self.options)
        self.live = StateStream(cache, clock, self.site)
        self._knock = Knock(cache)
        self._probe = None if probe_interval_s is None else LinkProbe(cache, clock, probe_interval_s)

    def status(self) -> GatewayStatus:
        """Say how things stand with the gateway now."""
        return status_of(self.cache)

    @property
    def own_name(self) -> str:
        """Its name as its settings say, else the name of the site as it was last read, else the id."""
        if self.settings.name:
            return self.settings.name
        known = self.cache.store.get(SITE_NAME)
        reported = text(get_path(known.document.value, "site_name")) if known else None
        return reported or self.id

    @property
    def name(self) -> str:
        """What people call it: its own name, with the id where another one of the process has the same."""
        return self.distinct(self.own_name)

    def distinct(self, name: str) -> str:
        """Return a name of it with the id behind it where another one of the process has the same."""
        is_shared = name != self.id and any(other.own_name == name for other in self.others)
        return f"{name} ({self.id})" if is_shared else name

    @property
    def zone_name(self) -> str:
        """The time zone of the site: as set, else as the gateway reports it; empty while neither is known.

        A zone that is set to the default counts as not set.
        """
        if self.settings.timezone != DEFAULT_ZONE:
            return self.settings.timezone
        found = (self.cache.peek(source) for source in (SITE_NAME, SITE_INFO))
        names = (text(get_path(each.document.value, "timezone")) for each in found if each)
        return next(filter(None, names), "")

    def _number_packs(self, names: tuple[str, ...]) -> None:
        """Take the order of the packs, PW1 first."""
        self.options = replace(self.options, pack_order=names)
        self.events.publish(OptionsChanged(self.id))

    async def close(self) -> None:
        """End the probe, the reading back of commands and every exchange, and close the drivers."""
        if self._probe is not None:
            self._probe.close()
        await self.commands.close()
        await self._knock.close()
        await self.cache.close()
        await self.packs.close()
        await self.counters.close()


class Gateways(Mapping[str, Gateway]):
    """The gateways of one process by id, in the order of the configuration, and beside them its sites.

    ``default`` is the id of the gateway or site that paths without a prefix are about; without
    one it is the gateway called default, else the first.
    """

    def __init__(
        self, gateways: Sequence[Gateway], sites: Sequence[Gateway] = (), *, default: str = ""
    ) -> None:
        self._by_id = {gateway.id: gateway for gateway in gateways}
        self.sites: Mapping[str, Gateway] = {site.id: site for site in sites}
        every = {**self._by_id, **self.sites}
        self.default = every.get(default) or every.get(DEFAULT_ID) or gateways[0]
        for each in every.values():
            each.others = tuple(other for other in every.values() if other is not each)

    @property
    def with_sites(self) -> tuple[Gateway, ...]:
        """All gateways, and after them all sites."""
        return (*self.values(), *self.sites.values())

    def __getitem__(self, id_: str) -> Gateway:
        return self._by_id[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    async def close(self) -> None:
        """Close all of them, together."""
        await asyncio.gather(*(gateway.close() for gateway in self.with_sites))
