"""The state of a site: what its gateway reports, read once, for every output.

``site_state`` decides what the site has and what is known of it. The page, its events, the
metrics, OpenC2 and /health show what is in a ``SiteState`` and read no document themselves.
(The routes of the pypowerwall proxy remain views of documents: their form is a contract.)

A part that the site lacks has no meter here. A reading that is unknown is None; one that is
missing is derived for ``flows`` only, and never shown as a reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.core.model import Source
from proxy.core.powers import Powers
from proxy.core.sources import (
    GRID_STATUS,
    PROBLEMS,
    SITE_INFO,
    SITE_NAME,
    SITEMASTER,
    STATUS,
    SYSTEM_STATUS,
)
from proxy.views import meters, site
from proxy.views.devices import known_alerts
from proxy.views.equipment import (
    Inverter,
    PackState,
    Phase,
    SolarString,
    fan_speeds,
    inverters,
    pack_states,
    phases,
    solar_strings,
)
from proxy.views.flows import Flows, Readings, flows
from proxy.views.json_access import Documents, number, section, span, text, truth
from proxy.views.options import Options

# The alerts that say why a site is off grid. Firmware that reports no alerts does not say it.
_REASONS: Final = {"ScheduledIslandContactorOpen": "off_grid", "UnscheduledIslandContactorOpen": "outage"}
_PHASES: Final = {"a": "i_a_current", "b": "i_b_current", "c": "i_c_current"}
_NO_LIMIT: Final = -1
COUNTED_BY_GATEWAY: Final = "gateway"
_LIMITS: Final = {
    "charge": "max_charge_power",
    "discharge": "max_discharge_power",
    "apparent": "max_apparent_power",
    "instant_charge": "instantaneous_max_charge_power",
    "instant_discharge": "instantaneous_max_discharge_power",
    "solar": "solar_real_power_limit",
}


@dataclass(frozen=True, slots=True)
class Meter:
    """What one meter shows, as the gateway signs it; energies in Wh as seen by the meter.

    ``power`` is corrected as the operator chose (core/powers.py). ``phase_currents`` is empty
    for a meter that does not measure them, ``read_at`` the gateway's text.
    """

    power: float | None
    reactive_power: float | None
    apparent_power: float | None
    voltage: float | None
    current: float | None
    average_current: float | None
    phase_currents: Mapping[str, float | None]
    frequency: float | None
    imported: float | None
    exported: float | None
    read_at: str | None


@dataclass(frozen=True, slots=True)
class GatewayIdentity:
    """What the gateway says of itself; ``uptime`` in seconds."""

    serial: str | None
    version: str | None
    device_type: str | None
    sync_type: str | None
    uptime: float | None


@dataclass(frozen=True, slots=True)
class SiteState:
    """One site at one revision of its documents.

    Powers in W, energies in Wh, ``time_remaining`` in hours, charge and reserve in percent of
    the whole pack (``_app``: of the app's scale). ``grid`` is up, outage, off_grid (chosen by
    the operator), islanded (one of both: no reason is reported) or transition; ``grid_number`` 1, 0 or -1. ``ev`` are the powers of the
    vehicle chargers, one each, which are part of the load's. ``energy_origin`` says who counted the meters' energies: gateway, cloud, or
    integrated (by this proxy, from powers). ``observed_at`` has monotonic seconds by source: what
    ages are counted from.
    """

    name: str | None
    gateway: GatewayIdentity
    is_running: bool | None
    is_connected_to_tesla: bool | None
    has_solar: bool
    has_battery: bool
    has_generator: bool
    meters: Mapping[str, Meter]
    energy_origin: str | None
    ev: tuple[float | None, ...]
    flows: Flows | None
    charge: float | None
    charge_app: float | None
    reserve: float | None
    reserve_app: float | None
    mode: str | None
    grid: str | None
    grid_number: int | None
    grid_services: bool | None
    energy_remaining: float | None
    energy_capacity: float | None
    time_remaining: float | None
    limits: Mapping[str, float | None]
    packs: tuple[PackState, ...]
    strings: Mapping[str, SolarString]
    inverters: tuple[Inverter, ...]
    fans: Mapping[tuple[str, str], float | None]
    phases: Mapping[tuple[str, str], Phase]
    alerts: tuple[str, ...] | None
    problems: tuple[Any, ...] | None
    observed_at: Mapping[Source, float]

    def power(self, meter: str) -> float | None:
        """Return the power of a meter; None if the site has no such meter, or it is unknown."""
        return self.meters[meter].power if meter in self.meters else None

    def age(self, source: Source, now: float) -> float | None:
        """Return how old (s) what a source reported is at a monotonic moment; None if it reported nothing."""
        return now - self.observed_at[source] if source in self.observed_at else None

    @property
    def is_grid_up(self) -> bool | None:
        """Whether the grid carries the house; None in transition."""
        return {1: True, 0: False}.get(-1 if self.grid_number is None else self.grid_number)


def site_state(
    documents: Documents,
    options: Options,
    observed_at: Mapping[Source, float],
    energy_origin: str = COUNTED_BY_GATEWAY,
) -> SiteState:
    """Read the state of a site from the documents of its gateway."""
    system, grid = section(documents.get(SYSTEM_STATUS)), section(documents.get(GRID_STATUS))
    master, status = section(documents.get(SITEMASTER)), section(documents.get(STATUS))
    charge, reserve = meters.charge_percent(documents), site.reserve_raw(documents)
    exists = {name: _exists(documents, name) for name in meters.METER_NAMES}
    exists["battery"] = exists["battery"] or bool(charge)
    measured, chargers = _meters(documents, options, exists), meters.chargers(documents)
    alerts = known_alerts(documents, options)
    number_ = site.grid_number(documents)
    problems = section(documents.get(PROBLEMS)).get("problems")
    return SiteState(
        name=_name(documents),
        gateway=_identity(status),
        is_running=truth(master.get("running")),
        is_connected_to_tesla=truth(master.get("connected_to_tesla")),
        has_solar=exists["solar"],
        has_battery=exists["battery"],
        has_generator=exists["generator"],
        meters=measured,
        energy_origin=energy_origin if measured else None,
        ev=chargers,
        flows=_flows(measured, exists, chargers, is_islanded=number_ == site.GRID["SystemIslandedActive"]),
        charge=charge,
        charge_app=meters.charge_app(documents),
        reserve=reserve,
        reserve_app=site.reserve_percent(documents),
        mode=site.operation_mode(documents),
        grid=_grid(number_, alerts or ()),
        grid_number=number_,
        grid_services=truth(grid.get("grid_services_active")),
        energy_remaining=number(system.get("nominal_energy_remaining")),
        energy_capacity=number(system.get("nominal_full_pack_energy")),
        time_remaining=meters.hours_remaining(documents, options),
        limits=_limits(system),
        packs=pack_states(documents, options),
        strings=solar_strings(documents, options),
        inverters=inverters(documents, options),
        fans=fan_speeds(documents, options),
        phases=phases(documents),
        alerts=None if alerts is None else tuple(alerts),
        problems=tuple(problems) if isinstance(problems, list) else None,
        observed_at=observed_at,
    )


def _exists(documents: Documents, name: str) -> bool:
    """Say whether the site has such a meter.

    Firmware lists meters of parts that a site lacks: never heard of, or idle all their life. A
    meter exists if it counted energy, or shows power, or cannot count.
    """
    meter = meters.heard(documents, name)
    if name in {"site", "load"}:
        return bool(meter)
    counted = [number(meter.get(key)) for key in ("energy_exported", "energy_imported")]
    return bool(meter) and (
        any(counted)
        or all(value is None for value in counted)
        or abs(number(meter.get("instant_power")) or 0.0) >= 1
    )


def _meters(documents: Documents, options: Options, exists: Mapping[str, bool]) -> Mapping[str, Meter]:
    watts = meters.powers(documents, options)
    found = {name: meters.heard(documents, name) for name in meters.METER_NAMES if exists[name]}
    return {name: _meter(name, listed, watts) for name, listed in found.items() if listed}


def _meter(name: str, listed: Mapping[str, Any], watts: Powers) -> Meter:
    currents = {phase: number(listed.get(key)) for phase, key in _PHASES.items()}
    is_corrected = name in Powers.__slots__
    return Meter(
        power=getattr(watts, name) if is_corrected else number(listed.get("instant_power")),
        reactive_power=number(listed.get("instant_reactive_power")),
        apparent_power=number(listed.get("instant_apparent_power")),
        voltage=number(listed.get("instant_average_voltage")),
        current=number(listed.get("instant_total_current")),
        average_current=number(listed.get("instant_average_current")),
        # Three zeros are a meter that does not measure them.
        phase_currents=currents if any(currents.values()) else {},
        frequency=number(listed.get("frequency")) or None,  # 0: not measured
        imported=number(listed.get("energy_imported")),
        exported=number(listed.get("energy_exported")),
        read_at=text(listed.get("last_communication_time")),
    )


def _flows(
    measured: Mapping[str, Meter],
    exists: Mapping[str, bool],
    chargers: Iterable[float | None],
    *,
    is_islanded: bool,
) -> Flows | None:
    """Split the powers; None if too little is measured to do so."""
    watts = {name: meter.power for name, meter in measured.items()}
    if all(watts.get(name) is None for name in Powers.__slots__):
        return None
    return flows(
        Readings(
            solar=watts.get("solar") if exists["solar"] else 0.0,
            site=watts.get("site"),
            battery=watts.get("battery") if exists["battery"] else 0.0,
            load=watts.get("load"),
            generator=watts.get("generator") or 0.0,
            ev=tuple(power for power in chargers if power is not None),
            islanded=is_islanded,
        )
    )


def _grid(number_: int | None, alerts: Collection[str]) -> str | None:
    match number_:
        case None:
            return None
        case 1:
            return "up"
        case -1:
            return "transition"
    return next((state for alert, state in _REASONS.items() if alert in alerts), "islanded")


def _name(documents: Documents) -> str | None:
    names = (section(documents.get(source)).get("site_name") for source in (SITE_NAME, SITE_INFO))
    return next(filter(None, map(text, names)), None)


def _identity(status: Mapping[str, Any]) -> GatewayIdentity:
    words = (text(status.get(key)) for key in ("version", "device_type", "sync_type"))
    version, device_type, sync_type = (word.strip() or None if word else None for word in words)
    serial = (text(status.get("din")) or "").rpartition("--")[2]
    return GatewayIdentity(
        serial or None, version, device_type, sync_type, span(status.get("up_time_seconds"))
    )


def _limits(system: Mapping[str, Any]) -> Mapping[str, float | None]:
    limits = {limit: number(system.get(key)) for limit, key in _LIMITS.items()}
    return {limit: None if watts == _NO_LIMIT else watts for limit, watts in limits.items()}
