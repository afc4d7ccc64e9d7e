"""How samples are made of the state of a site: meters, flows, charge, grid, operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.core.sources import STATUS
from proxy.metrics.families import Samples
from proxy.metrics.scraped_site import ScrapedSite, moment
from proxy.views.quantities import BY_NAME, Value
from proxy.views.state import COUNTED_BY_GATEWAY, Meter

Convert = Callable[[float], float | None]

JOULES_PER_WH: Final = 3600.0
_SECONDS_PER_HOUR: Final = 3600.0
_START_STEP_S: Final = 10.0  # start times are rounded, so that jitter makes no new values
_MODES: Final = ("self_consumption", "autonomous", "backup")
_GRID_STATES: Final = {1: "connected", 0: "islanded", -1: "transition"}
# Edges of flows.Flows; those of a generator are shown only where there is one.
_EDGES: Final = {
    ("solar", "home"): "s2h",
    ("solar", "battery"): "s2b",
    ("solar", "grid"): "s2g",
    ("grid", "home"): "g2h",
    ("grid", "battery"): "g2b",
    ("battery", "home"): "b2h",
    ("battery", "grid"): "b2g",
}
_GENERATOR_EDGES: Final = {("generator", "home"): "n2h", ("generator", "battery"): "n2b"}


def one(value: float | None) -> Samples:
    """Make the sample of a family without labels."""
    return (((), value),)


def joules(watt_hours: float | None) -> float | None:
    """Convert watt-hours, if they are known."""
    return None if watt_hours is None else watt_hours * JOULES_PER_WH


def seconds(hours: float) -> float:
    """Convert hours."""
    return hours * _SECONDS_PER_HOUR


def ratio(percent: float) -> float:
    """Convert percent."""
    return percent / 100


def converted(value: Value, convert: Convert = float) -> float | None:
    """Convert a quantity into the unit of its metric; flags are 1 and 0, words are no samples."""
    return None if value is None or isinstance(value, str) else convert(value)


def quantity(name: str, convert: Convert = float) -> Callable[[ScrapedSite], Samples]:
    """Read one of QUANTITIES."""
    read = BY_NAME[name].read
    return lambda scraped: one(converted(read(scraped.state), convert))


def meter(read: Callable[[Meter], float | None]) -> Callable[[ScrapedSite], Samples]:
    """Read one number of every meter."""
    return lambda scraped: (((name,), read(known)) for name, known in scraped.state.meters.items())


def phase_currents(scraped: ScrapedSite) -> Samples:
    """Read the currents of the phases, where a meter measures them."""
    for name, known in scraped.state.meters.items():
        yield from (((name, phase), amperes) for phase, amperes in known.phase_currents.items())


def energies(scraped: ScrapedSite) -> Samples:
    """Read what went through every meter, from the meter's own side.

    What the gateway did not count itself has a label that says so: where its own counters take the place of
    integrated ones, theirs are new series, and what a house ever used is no leap in the old ones.
    """
    origin = scraped.state.energy_origin
    counted = () if origin in {None, COUNTED_BY_GATEWAY} else (origin,)
    for name, known in scraped.state.meters.items():
        yield (name, "imported", *counted), joules(known.imported)
        yield (name, "exported", *counted), joules(known.exported)


def flows(scraped: ScrapedSite) -> Samples:
    """Read which source feeds which sink."""
    state = scraped.state
    if state.flows is None:
        return
    edges = _EDGES | (_GENERATOR_EDGES if "generator" in state.meters else {})
    for ends, edge in edges.items():
        yield ends, getattr(state.flows, edge)


def mode(scraped: ScrapedSite) -> Samples:
    """Read which mode of operation is set, one sample per mode."""
    current = scraped.state.mode
    if current is not None:
        yield from (((mode,), int(mode == current)) for mode in dict.fromkeys((*_MODES, current)))


def grid_state(scraped: ScrapedSite) -> Samples:
    """Read how the house and the grid are connected, one sample per state."""
    current = scraped.state.grid_number
    if current is not None:
        yield from (((name,), int(state == current)) for state, name in _GRID_STATES.items())


def limits(scraped: ScrapedSite) -> Samples:
    """Read the power limits."""
    return (((limit,), watts) for limit, watts in scraped.state.limits.items())


def identity(scraped: ScrapedSite) -> Samples:
    """Read what hardly changes about the gateway."""
    gateway = scraped.state.gateway
    if gateway.version:
        yield (gateway.version, gateway.device_type or "", gateway.sync_type or "", scraped.driver), 1


def started(scraped: ScrapedSite) -> Samples:
    """Read since when the gateway runs."""
    read_at, uptime = scraped.read_at(STATUS), scraped.state.gateway.uptime
    if read_at is None or uptime is None:
        return one(None)
    return one(round((read_at - uptime) / _START_STEP_S) * _START_STEP_S)


def meter_moments(scraped: ScrapedSite) -> Samples:
    """Read when the gateway last read every meter."""
    return (((name,), moment(known.read_at)) for name, known in scraped.state.meters.items())


def vehicle_chargers(scraped: ScrapedSite) -> Samples:
    """Read the power of every vehicle charger that a driver reports."""
    return (((str(n),), watts) for n, watts in enumerate(scraped.state.ev, start=1))
