"""What alarms look at, read from what a gateway's cache holds: nothing is requested here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from proxy.core.advice import action_for
from proxy.core.cloud_errors import AccountRefused
from proxy.core.errors import CertificateChanged, GatewayError, LoginRejected, NotSupported
from proxy.core.model import Source
from proxy.core.sources import GRID_STATUS, METERS, SOLAR_POWERWALL, VITALS
from proxy.notify.grid import OFF, UP, GridReading
from proxy.notify.readings import Trouble
from proxy.views.json_access import section, truth

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.gateways.status import LinkStatus
    from proxy.views.state import SiteState

# The answers of Tesla's cloud, in which it reports storm watch.
CLOUD_REPORTS: Final[tuple[Source, ...]] = (Source("/fleetapi/status"), Source("/cloud/power"))
ALERT_REPORTS: Final[tuple[Source, ...]] = (VITALS, SOLAR_POWERWALL)
_STORM: Final = "storm_mode_active"
_REFUSALS: Final[Mapping[type[GatewayError], str]] = {
    CertificateChanged: "certificate_changed",
    LoginRejected: "login_refused",
    AccountRefused: "login_refused",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a gateway. Times are monotonic seconds.

    ``read_at`` is when the latest powers were measured, ``is_expected`` whether newer ones would be there if the
    gateway answered, and ``reason`` a sentence about why they are not. ``alerts`` are None while no device reports
    its own.
    """

    now: float
    read_at: float | None
    is_expected: bool
    reason: str
    troubles: tuple[Trouble, ...]
    working: tuple[str, ...]
    alerts_at: float
    alerts: frozenset[str] | None
    storm: bool | None


def look(gateway: Gateway) -> Observation:
    """Read everything but the grid."""
    status, state = gateway.status(), gateway.site.current()
    meters = gateway.cache.store.get(METERS)
    links = status.links
    return Observation(
        now=status.at,
        read_at=meters.observed_at if meters else None,
        # Over a link whose requests are counted, readings come only when a client requests them.
        is_expected=any(link.month is None for link in links) or not any(link.is_up for link in links),
        reason=status.reason,
        troubles=tuple(_troubles(links)),
        working=tuple(link.name for link in links if link.is_up and link.last_success is not None),
        alerts_at=_newest(state, ALERT_REPORTS),
        alerts=None if state.alerts is None else frozenset(state.alerts),
        storm=_storm(gateway),
    )


def grid_of(members: Sequence[Gateway]) -> GridReading | None:
    """Read the grid of a site: off if any member is off it, there if a member has it and none is in transition."""
    states = [gateway.site.current() for gateway in members]
    known = {state.grid for state in states} - {None}
    found = next((grid for grid in (*OFF, "transition", UP) if grid in known), None)
    if found is None:
        return None
    return GridReading(
        at=max(_newest(state, (GRID_STATUS,)) for state in states),
        grid=found,
        charge=_charge(states),
        explains=any(_explains(member) for member in members),
    )


def _explains(gateway: Gateway) -> bool:
    """Say whether vitals, which have the reason for being off the grid, can be read: they may be too old at the moment."""
    return not isinstance(gateway.cache.link_for(VITALS), NotSupported)


def _charge(states: Sequence[SiteState]) -> float | None:
    """Return the charge on the app's scale; of several gateways that of all packs, None if one of them is unknown."""
    if len(states) == 1:
        return states[0].charge_app
    capacity = charged = 0.0
    for state in states:
        if state.charge_app is None or not state.energy_capacity:
            return None
        capacity += state.energy_capacity
        charged += state.energy_capacity * state.charge_app
    return charged / capacity if capacity else None


def _newest(state: SiteState, sources: Sequence[Source]) -> float:
    return max(
        (state.observed_at[source] for source in sources if source in state.observed_at),
        default=float("-inf"),
    )


def _troubles(links: Sequence[LinkStatus]) -> Iterator[Trouble]:
    for link in links:
        event = next((event for kind, event in _REFUSALS.items() if isinstance(link.error, kind)), None)
        if event and link.error and not link.is_up:
            action = action_for(link.error, link.driver)
            yield Trouble(event, link.name, f"{link.error.title}: {link.error}. {action}")


def _storm(gateway: Gateway) -> bool | None:
    for source in CLOUD_REPORTS:
        if known := gateway.cache.peek(source):
            document = section(known.document.value)
            return truth(section(document.get("response") or document).get(_STORM))
    return None
