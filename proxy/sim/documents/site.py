"""Documents about the installation: status, configuration, people, networks, updates."""

from __future__ import annotations

from typing import Any

from proxy.sim.firmware import V1_40, V20_49, V21_13, V21_39, V23_44
from proxy.sim.hardware import SINGLE, SPLIT, THREE, UNIT_NOMINAL_KWH
from proxy.sim.scene import Scene, duration, start_time

UNLIMITED_KW = 1000000000


def status(scene: Scene) -> Any:
    """``/api/status``: the one document that needs no login."""
    document: dict[str, Any] = {}
    if scene.version >= V21_39:
        document["din"] = scene.hardware.gateway.din
    document |= {
        "start_time": start_time(scene.started),
        "up_time_seconds": duration(scene.now - scene.started),
        "is_new": False,
        "version": scene.persona.firmware,
        "git_hash": scene.persona.git_hash,
    }
    if scene.version >= V21_13:
        document |= {
            "commission_count": scene.site.commission_count,
            "device_type": scene.persona.device_type,
        }
    if scene.version >= V23_44:
        document["teg_type"] = "unknown"
    if scene.version >= V21_13:
        document["sync_type"] = "v2.1"
    if scene.version >= V23_44:
        return document | {"cellular_disabled": False, "can_reboot": True}
    if scene.version >= V21_39:
        return document | {"leader": "", "followers": None, "cellular_disabled": False}
    if scene.version >= V21_13:
        document["is_solar_powerwall"] = bool(scene.hardware.inverters)
    return document


def sitemaster(scene: Scene) -> Any:
    """``/api/sitemaster``: whether the process behind meters and battery runs."""
    if scene.version >= V21_13:
        return {
            "status": "StatusUp" if scene.running else "StatusDown",
            "running": scene.running,
            "connected_to_tesla": True,
            "power_supply_mode": False,
            "can_reboot": "Yes" if scene.running else "",
        }
    # Firmware 1.x cuts the uptime out of a log line, comma included.
    uptime = f"{scene.now - scene.started:.0f}s," if scene.running else "log:"
    return {"running": scene.running, "uptime": uptime, "connected_to_tesla": scene.running}


def operation(scene: Scene) -> Any:
    """``/api/operation``: mode and reserve (raw scale)."""
    if scene.version < V20_49:
        return {"mode": scene.site.mode, "backup_reserve_percent": scene.site.reserve}
    return {
        "real_mode": scene.site.mode,
        "backup_reserve_percent": scene.site.reserve,
        "freq_shift_load_shed_soe": 75,
        "freq_shift_load_shed_delta_f": -0.32,
    }


def site_name(scene: Scene) -> Any:
    """``/api/site_info/site_name``."""
    return {"site_name": scene.site.name, "timezone": scene.site.timezone}


def site_info(scene: Scene) -> Any:
    """``/api/site_info``: size of the system and the grid code."""
    if scene.version < V20_49:
        return _old_site_info(scene)
    energy, power = _size(scene)
    hertz, volts = scene.hardware.nominal_hz, scene.hardware.volts
    document: dict[str, Any] = {}
    if not scene.running or scene.version[:2] == V21_13[:2]:
        document["measured_frequency"] = hertz
    return document | {
        "max_system_energy_kWh": energy,
        "max_system_power_kW": power,
        "site_name": scene.site.name,
        "timezone": scene.site.timezone,
        "max_site_meter_power_kW": UNLIMITED_KW,
        "min_site_meter_power_kW": -UNLIMITED_KW,
        "nominal_system_energy_kWh": energy,
        "nominal_system_power_kW": power,
        "grid_code": {
            "grid_code": "60Hz_240V_s_UL1741SA:2019_California",
            "grid_voltage_setting": 240 if scene.hardware.phases == SPLIT else volts,
            "grid_freq_setting": hertz,
            "grid_phase_setting": {SINGLE: "Single", SPLIT: "Split", THREE: "Three"}[scene.hardware.phases],
            "country": "United States",
            "state": "California",
            "distributor": "*",
            "utility": "Pacific Gas and Electric Company",
            "retailer": "*",
            "region": "UL1741SA-CA:2019",
        },
    }


def _size(scene: Scene) -> tuple[float, float]:
    units = len(scene.hardware.packs)
    return UNIT_NOMINAL_KWH * units, scene.hardware.battery().charge_w / 1000


def _old_site_info(scene: Scene) -> Any:
    energy, power = _size(scene)
    document: dict[str, Any] = {
        "site_name": scene.site.name,
        "timezone": scene.site.timezone,
        "min_site_meter_power_kW": -UNLIMITED_KW,
        "max_site_meter_power_kW": UNLIMITED_KW,
        "nominal_system_energy_kWh": energy,
    }
    if scene.version >= V1_40:
        document["nominal_system_power_kW"] = power
    document |= {
        "grid_code": "60Hz_240V_s_UL1741SA:2016_California",
        "grid_voltage_setting": 240,
        "grid_freq_setting": 60,
        "grid_phase_setting": "Split",
        "country": "United States",
        "state": "California",
        "region": "UL1741SA",
    }
    if scene.version >= V1_40:
        document |= {"distributor": "*", "utility": "*", "retailer": "*"}
    return document


def customer(scene: Scene) -> Any:
    """``/api/customer``: what the owner agreed to."""
    if scene.version < V20_49:
        return {
            "city": "New York",
            "state": "New York ",
            "zip": "10010",
            "country": "US",
            "registered": True,
            "privacy_notice": True,
            "limited_warranty": True,
            "emailed_registration": True,
        }
    return {
        "marketing": True,
        "registered": True,
        "privacy_notice": True,
        "grid_services": True,
        "limited_warranty": True,
    }


def registration(scene: Scene) -> Any:
    """``/api/customer/registration``."""
    document = {"privacy_notice": True, "limited_warranty": True, "grid_services": True, "marketing": True}
    if scene.version < V20_49:
        document |= {"emailed_registration": True, "skipped_registration": False}
    return document | {"registered": True, "timed_out_registration": False}


def installer(scene: Scene) -> Any:
    """``/api/installer``: who installed it, and how."""
    document: dict[str, Any] = {
        "company": "Simulated Solar",
        "customer_id": "01234567",
        "phone": "8885551212",
    }
    if scene.version < V20_49:
        return document
    document |= {
        "email": "installer@example.com",
        "location": "Outdoor",
        "mounting": "Floor",
        "wiring": "Side",
        "backup_configuration": "Partial Home",
        "solar_installation": "Existing",
        "solar_installation_type": "PV Panel",
        "has_cellular_modem_to_wifi": True,
    }
    if scene.running:
        document["run_sitemaster"] = True
    return document | {"verified_config": True, "installation_types": ["Residential"]}


def update_status(scene: Scene) -> Any:
    """``/api/system/update/status``; times in milliseconds."""
    document: dict[str, Any] = {
        "state": scene.site.update_state,
        "info": {"status": ["nonactionable"]},
        "current_time": int(scene.now * 1000),
    }
    if scene.version < V21_13:
        return document
    return document | {
        "last_status_time": int(scene.now * 1000) - 3359486,
        "version": scene.persona.firmware,
        "offline_updating": False,
        "offline_update_error": "",
        "estimated_bytes_per_second": None,
    }


def problems(scene: Scene) -> Any:
    """``/api/troubleshooting/problems``."""
    return {"problems": scene.site.problems}


def toggle_supported(scene: Scene) -> Any:
    """``/api/auth/toggle/supported``: not while the site master is stopped."""
    return {"toggle_auth_supported": scene.running}


def config(scene: Scene) -> Any:
    """``/api/config``."""
    return {"vin": scene.hardware.gateway.din}


def solars(scene: Scene) -> Any:
    """``/api/solars``: the inverters that the installer entered."""
    if scene.hardware.inverters:
        return [
            {"brand": "Tesla", "model": "Solar Inverter 7.6", "power_rating_watts": 7600}
            for _ in scene.hardware.inverters
        ]
    return [
        {"brand": "Enphase Energy", "model": "IQ7PLUS-72-x-US (240V)", "power_rating_watts": 5250},
    ]


_ETHERNET = {
    "network_name": "ethernet_tesla_internal_default",
    "interface": "EthType",
    "dhcp": True,
    "enabled": True,
    "extra_ips": [{"ip": "192.168.90.2", "netmask": 24}],
    "active": False,
    "primary": False,
    "lastTeslaConnected": False,
    "lastInternetConnected": False,
}


def _connected(name: str, interface: str, address: str, signal: int) -> dict[str, Any]:
    return {
        "network_name": name,
        "ip_networks": [{"ip": address, "mask": "255.255.255.0"}],
        "gateway": "192.0.2.1",
        "interface": interface,
        "state": "DeviceStateReady",
        "state_reason": "DeviceStateReasonNone",
        "signal_strength": signal,
        "hw_address": "" if interface == "GsmType" else "00:00:5e:00:53:01",
    }


def networks(_scene: Scene) -> Any:
    """``/api/networks``: Ethernet, cellular and Wi-Fi; addresses are documentation ones."""
    gsm, wifi = "gsm_tesla_internal_default", "Simulated Wi-Fi"
    return [
        _ETHERNET,
        {
            "network_name": gsm,
            "interface": "GsmType",
            "dhcp": None,
            "enabled": True,
            "active": True,
            "primary": False,
            "lastTeslaConnected": False,
            "lastInternetConnected": False,
            "iface_network_info": _connected(gsm, "GsmType", "192.0.2.2", 71),
        },
        {
            "network_name": wifi,
            "interface": "WifiType",
            "security_type": "WPA2_Personal",
            "dhcp": True,
            "username": "",
            "enabled": True,
            "active": True,
            "primary": True,
            "lastTeslaConnected": True,
            "lastInternetConnected": True,
            "iface_network_info": _connected(wifi, "WifiType", "192.0.2.3", 59),
        },
    ]
