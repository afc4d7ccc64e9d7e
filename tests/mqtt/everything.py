"""Sites of which everything is known that can be."""

from __future__ import annotations

from dataclasses import replace

from proxy.core.model import Setting
from proxy.core.sources import METERS, SYSTEM_STATUS, VITALS
from proxy.mqtt.facts import Facts
from proxy.views import strings
from proxy.views.options import Options
from proxy.views.remote_meters import MEASURES, remote_meters
from proxy.views.state import site_state
from proxy.views.units import SIGNALS, unit_signals

MOST_POWERWALL3 = 4


def pack(number):
    serial = f"TG{number:012}"
    return {
        "PackagePartNumber": "1707000-11-J",
        "PackageSerialNumber": serial,
        "nominal_full_pack_energy": 13_500,
        "nominal_energy_remaining": 7_000,
        "p_out": 1_000,
    }


def vitals(count):
    """Signals of so many units: at most four are a Powerwall 3 with its strings, the others extend them."""
    strings = {
        f"PVAC_PV{what}_{letter}": 200.0
        for what in ("Current", "MeasuredPower", "MeasuredVoltage")
        for letter in "ABCDEF"
    }
    found = {}
    for number in range(count):
        found[f"TEPINV--1707000-11-J--TG{number:012}"] = {signal.key: 20.0 for signal in SIGNALS.values()}
        if number < MOST_POWERWALL3:
            found[f"PVAC--1707000-11-J--TG{number:012}"] = strings
    found["TRM--2002069-00-E--EM426"] = {
        f"TRM_CT0_{signal}": 7_200.0 for signal, _, _ in MEASURES.values()
    } | {"TRM_CT0_Location": "solar"}
    return found


def facts(count=2):
    """Everything that can be known of a site with so many Powerwall 3."""
    meter = {
        "instant_power": 500.0,
        "energy_imported": 5_000.0,
        "energy_exported": 6_000.0,
        "instant_average_voltage": 240.0,
        "instant_average_current": 2.0,
        "frequency": 60.0,
    }
    documents = {
        METERS: dict.fromkeys(("site", "battery", "load", "solar"), meter),
        SYSTEM_STATUS: {
            "battery_blocks": [pack(number) for number in range(count)],
            "nominal_full_pack_energy": 13_500 * count,
            "nominal_energy_remaining": 7_000 * count,
        },
        VITALS: vitals(count),
        "/api/system_status/soe": {"percentage": 50.0},
        "/api/system_status/grid_status": {
            "grid_status": "SystemGridConnected",
            "grid_services_active": False,
        },
        "/api/operation": {"real_mode": "backup", "backup_reserve_percent": 24},
        "/api/status": {"version": "25.42.2", "din": "1707000-11-J--TG000000000000"},
        "/api/sitemaster": {"connected_to_tesla": True},
        "/api/site_info/site_name": {"site_name": "Home"},
        "/api/troubleshooting/problems": {"problems": []},
    }
    options = Options()
    state = replace(site_state(documents, options, {}), energy_origin="gateway")
    return Facts(
        state,
        is_online=True,
        is_fresh=True,
        read_at=1_760_000_000.0,
        rules={Setting.GRID_CHARGING: True, Setting.GRID_EXPORT: "pv_only"},
        aggregates=documents[METERS],
        strings=strings.strings(documents, options),
        units=unit_signals(documents),
        remote_meters=remote_meters(documents),
    )
