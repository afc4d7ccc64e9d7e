"""What the recorded sites of TEDAPI say of themselves, where the peer reports another house or nothing."""

from __future__ import annotations

SITE_INFO = {
    "max_system_energy_kWh": 27,
    "max_system_power_kW": 10.8,
    "site_name": "Rich Site",
    "timezone": "America/Los_Angeles",
    "max_site_meter_power_kW": 1000000000,
    "min_site_meter_power_kW": -1000000000,
    "nominal_system_energy_kWh": 27,
    "nominal_system_power_kW": 10.8,
    "panel_max_current": 100,
    "grid_code": {
        "grid_code": "60Hz_240V_s_UL1741SA:2019_California",
        "grid_voltage_setting": None,
        "grid_freq_setting": None,
        "grid_phase_setting": None,
        "country": "United States",
        "state": "California",
        "utility": "Southern California Edison",
    },
}


def unit(part: str, serial: str, kind: str) -> dict:
    return {
        "Type": "",
        "PackagePartNumber": part,
        "PackageSerialNumber": serial,
        "type": kind,
        "grid_state": "Grid_Compliant",
        "grid_reconnection_time_seconds": None,
        "under_phase_detection": None,
        "updating": None,
        "commissioning_diagnostic": None,
        "update_diagnostic": None,
        "bc_type": None,
        "in_config": True,
    }


UNITS = {
    "tedapi-pw2": (
        "1232100-00-E--TG123456789ABC",
        [
            unit("2012170-25-E", "TG123456789DEF", "Powerwall2"),
            unit("3012170-05-B", "TG123456789GHI", "Powerwall2"),
        ],
    ),
    "tedapi-pw3": (
        "1707000-11-J--TG12000000001Z",
        [
            unit("1707000-11-J", "TG12000000001Z", "Powerwall3"),
            unit("1707000-11-J", "TG12000000002Z", "Powerwall3"),
        ],
    ),
}

NEURIO = [
    {
        "serial": "V1234567890",
        "short_id": None,
        "type": "neurio_w2_tcp",
        "cts": [
            {
                "type": "solarRGM",
                "valid": [True, False, False, False],
                "inverted": [False, False, False, False],
                "real_power_scale_factor": 2,
            }
        ],
    }
]
BACKUP_SWITCH = [{"serial": None, "short_id": None, "type": "tesla_msa", "cts": []}]

SOLAR_METER = [
    {
        "id": 0,
        "location": "solar",
        "type": "neurio_w2_tcp",
        "cts": [True, False, False, False],
        "inverted": [False, False, False, False],
        "connection": {"device_serial": "V1234567890"},
        "Cached_readings": {
            "last_communication_time": "2024-01-24 12:00:00 +0000",
            "instant_power": 6500,
            "instant_reactive_power": None,
            "instant_apparent_power": None,
            "frequency": 60.0,
            "energy_exported": None,
            "energy_imported": None,
            "instant_average_voltage": 239.5,
            "instant_average_current": 27.139874739039666,
            "i_a_current": 13.5,
            "i_b_current": 13.6,
            "i_c_current": 0,
            "last_phase_voltage_communication_time": "0001-01-01T00:00:00Z",
            "last_phase_power_communication_time": "0001-01-01T00:00:00Z",
            "last_phase_energy_communication_time": "0001-01-01T00:00:00Z",
            "timeout": 1000000000,
            "num_meters_aggregated": 2,
            "instant_total_current": 27.139874739039666,
        },
    }
]
