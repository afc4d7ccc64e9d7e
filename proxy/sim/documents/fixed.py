"""Documents that never change, as literals."""

from __future__ import annotations

from typing import Any

DOCUMENTS: dict[str, Any] = {
    "/api/autoconfig/status": {
        "status": "not_applicable",
        "running": False,
        "retry_possible": False,
        "have_registered": False,
        "have_timezone": False,
        "have_gridcode": False,
        "grid_availability": "",
    },
    "/api/generators": {"disconnect_type": "None", "generators": []},
    "/api/generators/disconnect_types": ["DownstreamATS"],
    "/api/installer/companies": [
        {"company": "Simulated Solar", "customer_id": "AN-0000001", "country": "United States"},
    ],
    "/api/legal/radio": [
        {"manufacturer": "Telit", "model": "HE910-D", "fcc_id": "RI7HE910", "ic_id": "5131A-HE910"},
    ],
    "/api/networks/access_points": [
        {
            "ssid": "Simulated Wi-Fi",
            "bssid": "00:00:5e:00:53:01",
            "channel": 11,
            "signal_strength": 75,
            "security_type": "WPA2_Personal",
        },
    ],
    "/api/networks/client_protocols": {
        "dnp3": False,
        "m2m": False,
        "mtls": False,
        "modbus": False,
        "allow_public_ip": False,
    },
    "/api/powerwalls/pvi_sub_package_numbers": {"pvi_sub_package_numbers": [None]},
    "/api/solars/brands": [
        "ABB",
        "Enphase Energy",
        "Fronius",
        "SMA America",
        "SolarEdge Technologies",
        "Tesla",
    ],
    "/api/system/networks/conn_tests": {
        "name": "Network connection",
        "category": "Network",
        "disruptive": False,
        "inputs": None,
        "checks": [
            {
                "name": "Network device",
                "status": "not_run",
                "start_time": None,
                "end_time": None,
                "results": None,
                "debug": None,
                "checks": None,
            },
        ],
        "alert": False,
    },
    "/api/system/networks/ping_test": {"Error": {}},
    "/api/system/testing": {
        "running": False,
        "status": "TestNotRun",
        "charge_tests": None,
        "meter_results": None,
        "inverter_results": None,
        "hysteresis": 0,
        "error": "",
        "errors": None,
        "tests": None,
    },
}

# Firmware 1.x only; later 404.
OLD_DOCUMENTS: dict[str, Any] = {
    "/api/networks/wifi_security_types": ["NONE", "WEP", "WPAorWPA2_Personal"],
    "/api/system/networks": [
        {"network_name": "default_gsm", "interface": "GsmType", "security_type": "NONE", "dhcp": None},
        {"network_name": "default_eth", "interface": "EthType", "security_type": "NONE", "dhcp": True},
    ],
    "/api/site_info/grid_codes": {
        "United States": {
            "California": {
                "UL1741SA": [
                    {
                        "grid_code": "60Hz_240V_s_UL1741SA:2016_California",
                        "grid_voltage_setting": 240,
                        "grid_freq_setting": 60,
                        "grid_phase_setting": "Split",
                    },
                ],
            },
        },
    },
}
