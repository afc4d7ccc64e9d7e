"""Settings in, gateways out: the links of each, and the totals of sites."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.cache.link import Link
from proxy.cache.source_cache import SourceCache
from proxy.cache.store import MAX_BYTES
from proxy.config.cloud import cloud_mode
from proxy.config.gateway_settings import SUM, GatewaySettings
from proxy.config.lifetimes import reading_policy
from proxy.core.demand import ALONE, Slot
from proxy.drivers.registry import drivers_for, reads_tedapi
from proxy.gateways.gateway import Gateway, Gateways
from proxy.gateways.site import POLICY, SiteDriver
from proxy.state.folder import folder_of
from proxy.state.store import StateStore
from proxy.views.options import Options

if TYPE_CHECKING:
    from proxy.config.gateway_settings import SiteSettings
    from proxy.config.settings import Settings
    from proxy.core.clock import Clock

# telegraf gives up after 4 s; an answer has to leave a little earlier.
_LONGEST_ANSWER_S = 3.8
# What several gateways share of the memory for snapshots (bytes), and what is between their connections:
# between the first ones, and if they are not few between all that are made without a client that waits.
_STORE_BYTES = 256 * 1024 * 1024
_APART_S = 0.1
_FEW = 5


def gateways_of(settings: Settings, clock: Clock) -> Gateways:
    """Make the gateways and the sites."""
    count, slots = len(settings.gateways), slots_of(settings.gateways, clock.monotonic())
    grids = {site.id: site.grid for site in settings.sites if site.grid != SUM}
    made = [
        gateway_of(
            each,
            clock,
            StateStore(folder_of(settings.state_path, each.id)),
            max_bytes=min(MAX_BYTES, _STORE_BYTES // count),
            slot=slot,
            grid=grids.get(each.site, ""),
        )
        for each, slot in zip(settings.gateways, slots, strict=True)
    ]
    sites = [site_of(each, made, clock, settings) for each in settings.sites]
    return Gateways(made, sites, default=settings.default)


def slots_of(gateways: Sequence[GatewaySettings], now: float) -> list[Slot]:
    """Say when each gateway is read that no client waits for: fifty take five seconds.

    The members of a site, whose readings are added up, are read together.
    """
    turns: dict[str, int] = {}
    for each in gateways:
        turns.setdefault(each.site or each.id, len(turns))
    return [
        Slot(
            starts_at=now + _APART_S * number if number else -math.inf,
            offset_s=_APART_S * turns[each.site or each.id] if len(turns) > _FEW else 0.0,
        )
        for number, each in enumerate(gateways)
    ]


def site_of(site: SiteSettings, gateways: Sequence[Gateway], clock: Clock, settings: Settings) -> Gateway:
    """Make the total of the gateways that are members of a site."""
    members = [gateway for gateway in gateways if gateway.settings.site == site.id]
    grid = members[0].grid
    driver = SiteDriver(members, clock, name=site.title or site.id, grid=grid)
    cache = SourceCache(
        [Link(driver, clock, max_concurrent=len(driver.sources), jitter=lambda: 1.0, guarded=False)],
        clock,
        policy=POLICY,
        deadline_s=max(member.cache.deadline_s for member in members),
        name=site.id,
    )
    folder = str(Path(settings.state_path, "sites", site.id)) if settings.state_path else ""
    own = GatewaySettings(id=site.id, name=site.title)
    return Gateway(own, cache, clock, StateStore(folder), options_of(own), members=members, grid=grid)


def gateway_of(
    settings: GatewaySettings,
    clock: Clock,
    state: StateStore,
    *,
    max_bytes: int = MAX_BYTES,
    slot: Slot = ALONE,
    grid: str = "",
) -> Gateway:
    """Make a gateway with all that belongs to it.

    Lost links are probed where TEDAPI is among them, and where the cloud stands in meanwhile: its readings
    are fresh for so long that no client would bring the gateway back.
    """
    has_stand_in = bool(settings.host) and bool(cloud_mode(settings))
    probes = settings.tedapi_recovery and (reads_tedapi(settings) or has_stand_in)
    return Gateway(
        settings,
        build_gateway(settings, clock, state, max_bytes=max_bytes, slot=slot),
        clock,
        state,
        options_of(settings),
        probe_interval_s=settings.tedapi_probe_interval if probes else None,
        grid=grid,
    )


def build_gateway(
    settings: GatewaySettings, clock: Clock, memory: StateStore, *, max_bytes: int, slot: Slot
) -> SourceCache:
    """Make the cache of a gateway with its links, in the order in which they are tried."""

    def jitter() -> float:
        return random.uniform(1.0, 1.1)  # noqa: S311 - spreads retries, guards nothing

    links = [
        Link(
            driver,
            clock,
            max_concurrent=settings.pool_maxsize,  # at least one
            jitter=jitter,
            guarded=settings.health_check,
        )
        for driver in drivers_for(settings, memory, clock)
    ]
    return SourceCache(
        links,
        clock,
        policy=reading_policy(settings),
        deadline_s=min(settings.timeout, _LONGEST_ANSWER_S),
        fail_fast=settings.fail_fast,
        name=settings.id,
        max_bytes=max_bytes,
        slot=slot,
    )


def options_of(settings: GatewaySettings) -> Options:
    """Take what views need from the settings."""
    return Options(neg_solar=settings.neg_solar, site_zero_threshold=settings.site_zero_threshold)
