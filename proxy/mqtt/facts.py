"""What one publication is made of: everything that is known of a gateway at one moment.

``facts_of`` is the only place of MQTT that reads documents: the forms of ``aggregates`` and of the
strings are those of the routes, and the rules of the grid are in no ``SiteState``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from proxy.core.freshness import Freshness
from proxy.core.model import Setting
from proxy.core.sources import (
    CLOUD_RULES,
    GRID_STATUS,
    METERS,
    ON_REQUEST,
    SOE,
    SOLAR_POWERWALL,
    TEDAPI_CONFIG,
    VITALS,
)
from proxy.views import meters, strings
from proxy.views.quantities import QUANTITY_SOURCES
from proxy.views.remote_meters import remote_meters
from proxy.views.site import grid_rules
from proxy.views.units import unit_signals

if TYPE_CHECKING:
    from proxy.core.model import Snapshot, Source
    from proxy.gateways.gateway import Gateway
    from proxy.views.state import SiteState

# What moves, and what may be some minutes old. What only other clients request is published while it is known.
LIVE: Final[tuple[Source, ...]] = (METERS, SOE, GRID_STATUS)
SLOW: Final[tuple[Source, ...]] = tuple(
    source
    for source in (*QUANTITY_SOURCES, TEDAPI_CONFIG, CLOUD_RULES)
    if source not in LIVE and source not in ON_REQUEST
)
# Live readings that are older than the meters by more than this (s) are left out: all is of one moment.
_APART_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """A gateway at one moment. ``read_at`` is the time of day (s) at which the meters were read.

    ``is_online``: the meters may be served; otherwise nothing is known. ``is_fresh``: nothing newer can be
    had for now. ``units`` are the signals of each device by serial number, ``remote_meters`` those of
    transformers by DIN and number.
    """

    state: SiteState
    is_online: bool = False
    is_fresh: bool = False
    read_at: float | None = None
    rules: Mapping[Setting, Any] = field(default_factory=dict)
    aggregates: Any = None
    strings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    units: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    remote_meters: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


def snapshots_of(gateway: Gateway) -> tuple[Snapshot, ...]:
    """Return what may be published of a gateway now; nothing without its meters. Sends no request.

    What is slow may be as old as whatever is served: it is fetched again before it is older. (A total is
    servable for a second only, and so is every reading without PW_GRACEFUL_DEGRADATION for its lifetime.)
    """
    now, cache = gateway.clock.monotonic(), gateway.cache
    found = {source: cache.peek(source) for source in (*LIVE, *ON_REQUEST)}
    found |= {source: cache.store.get(source) for source in SLOW}
    known = {
        source: snapshot
        for source, snapshot in found.items()
        if snapshot is not None and (source not in SLOW or snapshot.age(now) < snapshot.policy.limit)
    }
    if METERS not in known:
        return ()
    oldest = known[METERS].observed_at - _APART_S
    return tuple(
        snapshot for source, snapshot in known.items() if source not in LIVE or snapshot.observed_at >= oldest
    )


def facts_of(gateway: Gateway, snapshots: Iterable[Snapshot]) -> Facts:
    """Read what a publication of these snapshots shows."""
    by_source = {snapshot.source: snapshot for snapshot in snapshots}
    documents = {source: snapshot.document.value for source, snapshot in by_source.items()}
    state = gateway.site.of(by_source.values())
    measured = by_source.get(METERS)
    if measured is None:
        return Facts(state)
    now = gateway.clock.monotonic()
    if gateway.members:  # each publishes its own equipment
        state = replace(state, packs=())
    of_equipment = {} if gateway.members else documents
    return Facts(
        state=state,
        is_online=True,
        is_fresh=measured.freshness(now) is Freshness.FRESH,
        read_at=gateway.clock.wall() - measured.age(now),
        rules={Setting(rule): held for rule, held in grid_rules(documents).items() if held is not None},
        aggregates=meters.aggregates(documents, gateway.options),
        strings=strings.strings(of_equipment, gateway.options)
        if of_equipment.keys() & {VITALS, SOLAR_POWERWALL}
        else {},
        units=unit_signals(of_equipment),
        remote_meters=remote_meters(of_equipment),
    )
