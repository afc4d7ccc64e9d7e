"""The links that the settings describe, in the order in which they are tried.

Each line of the table names drivers by module, which is imported only when it
is chosen. A link that fails is tried again like any other; nothing is decided
once for all at start. Tesla's cloud comes last: it is read alone without a gateway, and
else where the gateway fails or does not offer something. Modes: docs/protocol.md, "Its mode".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.config.cloud import cloud_mode
from proxy.core.sources import CLOUD_RULES, METERS, ON_REQUEST, POWERWALLS, TARIFF, VITALS

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.core.model import Source
    from proxy.drivers.base import Driver
    from proxy.drivers.energy import EnergyMeter
    from proxy.drivers.http_client import GatewayClient
    from proxy.drivers.local.driver import LocalDriver
    from proxy.drivers.tedapi.transport import BasicTransport
    from proxy.state.store import StateStore


def mode_of(settings: GatewaySettings) -> str:
    """Name the mode of reading that the settings choose: off, full, hybrid or v1r; "" without a gateway.

    The names are those that /stats has always had; "off" is the local login alone.
    """
    if not settings.host:
        return ""
    if settings.rsa_key_path:
        return "v1r"
    if settings.gw_pwd:
        return "hybrid" if settings.password else "full"
    return "off"


def mode_name(settings: GatewaySettings) -> str:
    """Name the mode for people: local, full, hybrid, v1r or cloud."""
    return {"off": "local", "": "cloud"}.get(mode := mode_of(settings), mode)


def reads_tedapi(settings: GatewaySettings) -> bool:
    """Say whether TEDAPI is among the ways."""
    return mode_of(settings) in {"full", "hybrid", "v1r"}


def drivers_for(settings: GatewaySettings, memory: StateStore, clock: Clock) -> Sequence[Driver]:
    """Make the drivers of a mode, and that of the cloud if there is one."""
    local = tuple(_MODES[mode_of(settings)](settings, memory, clock))
    return (*local, *_cloud(settings, memory, clock, is_alone=not local))


def _cloud(
    settings: GatewaySettings, memory: StateStore, clock: Clock, *, is_alone: bool
) -> Iterator[Driver]:
    """Read and write through the cloud. Behind a gateway it counts no energies: the gateway has them."""
    mode = cloud_mode(settings)
    if not mode:
        return
    from proxy.drivers.cloud.factory import make, options_of  # noqa: PLC0415 - only chosen drivers are imported

    options = replace(
        options_of(settings),
        history=is_alone and settings.integrate_energy,
        excluded=frozenset() if is_alone else _left_to_the_gateway(settings, mode),
    )
    energy = _energy(settings, memory, clock, settings.cloud_interval) if is_alone else None
    yield make(options, memory, clock, energy=energy, jitter=lambda: random.uniform(1.0, 1.25))  # noqa: S311 - spreads retries


def _left_to_the_gateway(settings: GatewaySettings, mode: str) -> frozenset[Source]:
    """Say what a cloud behind a gateway does not report: by default what is no substitute for the gateway's own.

    How long the battery lasts follows from the gateway's own readings.
    """
    from proxy.drivers.cloud.documents import tables  # noqa: PLC0415 - only chosen drivers are imported

    if settings.cloud_hybrid:
        return ON_REQUEST
    if settings.failover:
        return ON_REQUEST | {CLOUD_RULES, POWERWALLS, TARIFF, VITALS}
    return (
        ON_REQUEST
        | {CLOUD_RULES}
        | {source for table in tables(mode).values() for source in table if source.startswith("/api/")}
    )


def _none(_: GatewaySettings, __: StateStore, ___: Clock) -> Iterator[Driver]:
    yield from ()


def _local(settings: GatewaySettings, memory: StateStore, clock: Clock) -> Iterator[Driver]:
    from proxy.drivers.local.driver import LocalDriver  # noqa: PLC0415 - only chosen drivers are imported

    yield LocalDriver(_session(settings.host, settings, memory, clock), settings, memory, clock)


def _full(settings: GatewaySettings, memory: StateStore, clock: Clock) -> Iterator[Driver]:
    from proxy.drivers.tedapi.driver import TedapiDriver  # noqa: PLC0415 - only chosen drivers are imported

    energy = _energy(settings, memory, clock, settings.cache_expire)
    yield TedapiDriver(_basic(settings.host, settings, memory, clock), settings, clock, energy)


def _hybrid(settings: GatewaySettings, memory: StateStore, clock: Clock) -> Iterator[Driver]:
    """Read the local API, and the devices through TEDAPI, which also stands in for the rest.

    The local API's counters are real, so none are integrated.
    """
    from proxy.drivers.local.driver import LocalDriver  # noqa: PLC0415 - only chosen drivers are imported
    from proxy.drivers.tedapi.driver import TedapiDriver  # noqa: PLC0415 - only chosen drivers are imported

    session = _session(settings.host, settings, memory, clock)
    yield LocalDriver(session, settings, memory, clock, excluded=frozenset({VITALS}))
    yield TedapiDriver(_basic(settings.wifi_host or settings.host, settings, memory, clock), settings, clock)


def _v1r(settings: GatewaySettings, memory: StateStore, clock: Clock) -> Iterator[Driver]:
    """Read over the wired network; over the gateway's Wi-Fi its followers, and all if the wire fails.

    With the customer's password the meters are those of the local API, whose counters are real, so
    none are integrated. Both links log in to one account: a refusal of one holds for the other.
    """
    from proxy.drivers.login_backoff import LoginBackoff  # noqa: PLC0415 - only chosen drivers are imported
    from proxy.drivers.tedapi.driver import TedapiDriver  # noqa: PLC0415 - only chosen drivers are imported
    from proxy.drivers.v1r.driver import V1rDriver  # noqa: PLC0415 - only chosen drivers are imported
    from proxy.drivers.v1r.transport import SignedTransport  # noqa: PLC0415 - only chosen drivers are imported

    local = _local_meters(settings, memory, clock) if settings.password else None
    energy = None if local else _energy(settings, memory, clock, settings.cache_expire)
    wifi = (
        _basic(settings.wifi_host, settings, memory, clock)
        if settings.wifi_host and settings.gw_pwd
        else None
    )
    session = _session(settings.host, _one_connection(settings), memory, clock)
    if local:
        yield local
        backoff = local.login.backoff
    else:
        backoff = LoginBackoff(f"v1r {session.address}", settings.gw_pwd, settings, memory, clock)
    yield V1rDriver(SignedTransport(session, settings, backoff, followers=wifi), settings, clock, energy)
    if wifi:
        yield TedapiDriver(wifi, settings, clock, energy)


def _local_meters(settings: GatewaySettings, memory: StateStore, clock: Clock) -> LocalDriver:
    """Make a link to the meters of the local API and to nothing else; it writes nothing."""
    from proxy.drivers.local.driver import SOURCES, LocalDriver  # noqa: PLC0415 - only chosen drivers are imported

    session = _session(settings.host, _one_connection(settings), memory, clock)
    return LocalDriver(session, settings, memory, clock, excluded=frozenset(SOURCES) - {METERS})


_MODES: dict[str, Callable[[GatewaySettings, StateStore, Clock], Iterator[Driver]]] = {
    "": _none,
    "off": _local,
    "full": _full,
    "hybrid": _hybrid,
    "v1r": _v1r,
}


def _energy(
    settings: GatewaySettings, memory: StateStore, clock: Clock, fresh_s: float
) -> EnergyMeter | None:
    """Make the counters of a gateway that reports none; its readings are fresh for ``fresh_s``."""
    from proxy.drivers.energy import LONGEST_GAP_S, EnergyMeter  # noqa: PLC0415 - only chosen drivers are imported

    if not settings.integrate_energy:
        return None
    return EnergyMeter(
        memory,
        clock,
        settings.host,
        neg_solar=settings.neg_solar,
        site_zero_threshold=settings.site_zero_threshold,
        # Readings may be as far apart as they are fresh, and a little more; no pause is shorter than that.
        longest_gap_s=max(LONGEST_GAP_S, 2 * fresh_s),
    )


def _basic(host: str, settings: GatewaySettings, memory: StateStore, clock: Clock) -> BasicTransport:
    from proxy.drivers.login_backoff import LoginBackoff  # noqa: PLC0415 - only chosen drivers are imported
    from proxy.drivers.tedapi.transport import BasicTransport  # noqa: PLC0415 - only chosen drivers are imported

    session = _session(host, _one_connection(settings), memory, clock)
    backoff = LoginBackoff(f"tedapi {session.address}", settings.gw_pwd, settings, memory, clock)
    return BasicTransport(session, settings.gw_pwd, backoff)


def _one_connection(settings: GatewaySettings) -> GatewaySettings:
    """TEDAPI gets one query at a time, and a Powerwall 3 suffers from more connections."""
    return replace(settings, pool_maxsize=min(settings.pool_maxsize, 1))


def _session(host: str, settings: GatewaySettings, memory: StateStore, clock: Clock) -> GatewayClient:
    from proxy.drivers.http_client import GatewayClient  # noqa: PLC0415 - only chosen drivers are imported

    return GatewayClient(host, settings, memory, clock)
