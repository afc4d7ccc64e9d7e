"""Houses as gateways describe them: with parts that are there, idle, unknown, never heard of or not listed."""

from __future__ import annotations

from hypothesis import strategies as st

from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    PROBLEMS,
    SITEMASTER,
    SOE,
    SYSTEM_STATUS,
    TIME_REMAINING,
    VITALS,
)
from proxy.views.options import Options
from proxy.views.site import GRID
from tests.views.strategies import system_status

NEVER = "0001-01-01T00:00:00Z"
LATELY = "2026-11-20T12:00:00-08:00"

watts = st.integers(-12_000, 12_000) | st.floats(-12_000, 12_000)
energies = st.integers(-10, 90_000_000) | st.floats(0, 9e7)
percents = st.integers(0, 100) | st.floats(0, 104)
unknown = st.none()


def meter(power, energy, stamp=LATELY):
    """A section of the meters document."""
    return st.fixed_dictionaries(
        {"instant_power": power, "energy_imported": energy, "energy_exported": energy},
        optional={
            "last_communication_time": st.just(stamp),
            "i_a_current": st.floats(-50, 50),
            "i_b_current": st.floats(-50, 50),
            "i_c_current": st.floats(-50, 50),
            "instant_apparent_power": watts,
        },
    )


working = meter(watts, energies)
idle = meter(st.sampled_from([0, 0.0, -0.4, 0.6]), st.just(0))
uncounted = meter(watts, unknown)
silent = meter(unknown, unknown | energies)
never_read = meter(watts, st.just(0), NEVER).map(
    lambda reported: {**reported, "last_communication_time": NEVER}
)
sections = working | idle | uncounted | silent | never_read | unknown | st.just({})

houses = st.fixed_dictionaries(
    {},
    optional={
        METERS: st.fixed_dictionaries(
            {"site": sections, "load": sections},
            optional=dict.fromkeys(("solar", "battery", "generator", "busway"), sections),
        ),
        SOE: st.fixed_dictionaries({"percentage": percents | unknown}),
        GRID_STATUS: st.fixed_dictionaries(
            {
                "grid_status": st.sampled_from([*GRID, "SystemGridFuture"]) | unknown,
                "grid_services_active": st.booleans() | unknown,
            }
        ),
        OPERATION: st.fixed_dictionaries(
            {
                "real_mode": st.sampled_from(["self_consumption", "backup", "autonomous"]) | unknown,
                "backup_reserve_percent": percents | unknown,
            }
        ),
        PROBLEMS: st.fixed_dictionaries({"problems": st.lists(st.just({"name": "x"}), max_size=3) | unknown}),
        SITEMASTER: st.fixed_dictionaries({"running": st.booleans() | unknown}),
        SYSTEM_STATUS: system_status,
        TIME_REMAINING: st.fixed_dictionaries({"time_remaining_hours": st.floats(0, 1000) | unknown}),
        VITALS: st.just({"STSTSM--1--A": {"alerts": ["ScheduledIslandContactorOpen"]}}),
    },
)

options = st.builds(
    Options, neg_solar=st.booleans(), site_zero_threshold=st.sampled_from([0.0, 50.0]), headers=st.just(False)
)
