"""What is measured of a site: meters, flows, charge, grid, operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.core.model import Source, app_percent
from proxy.core.sources import OPERATION, PROBLEMS, STATUS
from proxy.metrics.facts import Facts, moment
from proxy.metrics.families import Samples
from proxy.views import meters, site
from proxy.views.json_access import flag, number, span, text

JOULES_PER_WH: Final = 3600.0
_START_STEP_S: Final = 10.0  # start times are rounded, so that jitter makes no new values
_MODES: Final = ("self_consumption", "autonomous", "backup")
_GRID_STATES: Final = {1: "connected", 0: "islanded", -1: "transition"}
_PHASES: Final = {"a": "i_a_current", "b": "i_b_current", "c": "i_c_current"}
_DIRECTIONS: Final = {"imported": "energy_imported", "exported": "energy_exported"}
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
_LIMITS: Final = {
    "charge": "max_charge_power",
    "discharge": "max_discharge_power",
    "apparent": "max_apparent_power",
    "instant_charge": "instantaneous_max_charge_power",
    "instant_discharge": "instantaneous_max_discharge_power",
    "solar": "solar_real_power_limit",
}
_NO_LIMIT: Final = -1


def one(value: float | None) -> Samples:
    """Make the sample of a family without labels."""
    return (((), value),)


def joules(watt_hours: float | None) -> float | None:
    """Convert watt-hours, if they are known."""
    return None if watt_hours is None else watt_hours * JOULES_PER_WH


def raw_ratio(percent: float | None) -> float | None:
    """Return percent of the raw scale as a ratio."""
    return None if percent is None else percent / 100


def usable_ratio(percent: float | None) -> float | None:
    """Return percent of the raw scale as a ratio of the app's scale, 0 to 1."""
    return None if percent is None else min(max(app_percent(percent) / 100, 0.0), 1.0)


def meter(key: str, *, zero: bool = True) -> Callable[[Facts], Samples]:
    """Read one number of every meter; ``zero=False`` where gateways write 0 for "not measured"."""

    def read(facts: Facts) -> Samples:
        for name, told in facts.meters.items():
            value = number(told.get(key))
            yield (name,), value if value or zero else None

    return read


def phase_currents(facts: Facts) -> Samples:
    """Read the currents of the phases; three zeros are a meter that does not measure them."""
    for name, told in facts.meters.items():
        amperes = {phase: number(told.get(key)) for phase, key in _PHASES.items()}
        if any(amperes.values()):
            yield from (((name, phase), value) for phase, value in amperes.items())


def energies(facts: Facts) -> Samples:
    """Read what went through every meter, from the meter's own side."""
    for name, told in facts.meters.items():
        for direction, key in _DIRECTIONS.items():
            yield (name, direction), joules(number(told.get(key)))


def meter_moments(facts: Facts) -> Samples:
    """Read when every meter last told something."""
    return (((name,), moment(told.get("last_communication_time"))) for name, told in facts.meters.items())


def flows(facts: Facts) -> Samples:
    """Read which source feeds which sink."""
    if facts.flows is None:
        return
    edges = _EDGES | (_GENERATOR_EDGES if "generator" in facts.meters else {})
    for ends, edge in edges.items():
        yield ends, getattr(facts.flows, edge)


def unbalanced(facts: Facts) -> Samples:
    """Read by how much the meters disagree."""
    return one(None if facts.flows is None else facts.flows.unbalanced)


def charge(scale: Callable[[float | None], float | None]) -> Callable[[Facts], Samples]:
    """Read the charge on a scale."""
    return lambda facts: one(scale(meters.charge_percent(facts.documents)))


def reserve(scale: Callable[[float | None], float | None]) -> Callable[[Facts], Samples]:
    """Read the backup reserve on a scale."""
    return lambda facts: one(scale(number(facts.of(OPERATION).get("backup_reserve_percent"))))


def mode(facts: Facts) -> Samples:
    """Say which mode of operation is set, one sample per mode."""
    current = site.operation_mode(facts.documents)
    if current is not None:
        yield from (((mode,), int(mode == current)) for mode in dict.fromkeys((*_MODES, current)))


def grid_up(facts: Facts) -> Samples:
    """Say whether the grid carries the house; nothing while that is changing."""
    state = site.grid_number(facts.documents)
    return one(state if state in {0, 1} else None)


def grid_state(facts: Facts) -> Samples:
    """Say how the house and the grid are connected, one sample per state."""
    current = site.grid_number(facts.documents)
    if current is not None:
        yield from (((name,), int(state == current)) for state, name in _GRID_STATES.items())


def yes_or_no(source: Source, key: str) -> Callable[[Facts], Samples]:
    """Read one flag of a document."""
    return lambda facts: one(flag(facts.of(source).get(key)))


def system_energy(key: str) -> Callable[[Facts], Samples]:
    """Read one energy of the battery system."""
    return lambda facts: one(joules(number(facts.system.get(key))))


def time_remaining(facts: Facts) -> Samples:
    """Read how long the battery could carry the present load."""
    hours = meters.hours_remaining(facts.documents, facts.options)
    return one(None if hours is None else hours * 3600)


def limits(facts: Facts) -> Samples:
    """Read the power limits; -1 is none."""
    for limit, key in _LIMITS.items():
        watts = number(facts.system.get(key))
        yield (limit,), None if watts == _NO_LIMIT else watts


def about(facts: Facts) -> Samples:
    """Read what hardly changes about the gateway."""
    status = facts.of(STATUS)
    words = [text(status.get(key)) or "" for key in ("version", "device_type", "sync_type")]
    if words[0]:
        yield (*(word.strip() for word in words), facts.driver), 1


def started(facts: Facts) -> Samples:
    """Read since when the gateway runs."""
    read_at, up = facts.read_at(STATUS), span(facts.of(STATUS).get("up_time_seconds"))
    if read_at is None or up is None:
        return one(None)
    return one(round((read_at - up) / _START_STEP_S) * _START_STEP_S)


def problems(facts: Facts) -> Samples:
    """Count what the gateway is troubled by."""
    listed = facts.of(PROBLEMS).get("problems")
    return one(len(listed) if isinstance(listed, list) else None)
