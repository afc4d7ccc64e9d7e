"""``config.json``: what the installer and the owner configured, with a hash as its lock."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from proxy.sim.dispatch import MODES
from proxy.sim.documents import meters as rest_meters
from proxy.sim.documents import site as rest_site
from proxy.sim.gateway import Gateway
from proxy.sim.hardware import UNIT_NOMINAL_KWH
from proxy.sim.scene import Scene
from proxy.sim.tedapi.state import Tedapi

NAME = "config.json"


def _battery_blocks(scene: Scene) -> list[dict[str, Any]]:
    hardware = scene.hardware
    expansions = [{"din": pack.din} for pack in hardware.expansions]
    blocks: list[dict[str, Any]] = []
    for index, pack in enumerate(hardware.packs):
        place = "Powerwall3Follower" if index else "Powerwall3"
        kind = place if hardware.is_powerwall3 else "ACPW"
        blocks.append(
            {"vin": pack.din, "type": kind, "battery_expansions": [] if index else list(expansions)}
        )
    return blocks


def _meters(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def add(kind: str, location: str, serial: str, factor: int) -> None:
        found.append(
            {
                "type": kind,
                "location": location,
                "cts": [True, False, False, False],
                "inverted": [False] * 4,
                "real_power_scale_factor": factor,
                "connection": {"device_serial": serial},
            }
        )

    if scene.hardware.neurio:
        add("neurio_w2_tcp", "solarRGM", scene.hardware.neurio, 2)
    if scene.hardware.remote_meter:
        add("trm_mb", "solar", scene.hardware.remote_meter, 1)
    if not scene.hardware.backup_switch:
        for letter, location in (("X", "site"), ("Y", "solar")):
            serial = f"{scene.hardware.meter_serial}synchrometer{letter}"
            group = rest_meters.SITE_CTS if letter == "X" else rest_meters.SOLAR_CTS
            found.append(
                {
                    "type": f"synchrometer{letter}",
                    "location": location,
                    "cts": group["valid"],
                    "inverted": group["inverted"],
                    "real_power_scale_factor": 1,
                    "connection": {"device_serial": serial},
                }
            )
    return found


def render(scene: Scene) -> dict[str, Any]:
    """Make the document of a freshly commissioned site, personal data and credentials included."""
    hardware = scene.hardware
    units = len(hardware.packs)
    return {
        "vin": hardware.gateway.din,
        "auto_meter_update": True,
        "battery_blocks": _battery_blocks(scene),
        "site_info": {
            "battery_commission_date": "2021-09-25T16:05:08-07:00",
            "max_site_meter_power_ac": 1000000000,
            "min_site_meter_power_ac": -1000000000,
            "nominal_system_energy_ac": UNIT_NOMINAL_KWH * (units + len(hardware.expansions)),
            "nominal_system_power_ac": hardware.battery().discharge_w / 1000,
            "grid_code": "60Hz_240V_s_UL1741SA:2019_California",
            "country": "United States",
            "state": "California",
            "utility": "Pacific Gas and Electric Company",
            "panel_max_current": 100,
        },
        "meters": _meters(scene),
        "solars": rest_site.solars(scene),
        "customer": {"first_name": "Sim", "last_name": "Ulated", "email": "owner@example.com"},
        "installer": {"company": "Simulated Solar", "phone": "8885551212"},
        "credentials": {"customer": {"password_hash": "c2ltdWxhdGVkLXNlY3JldA=="}},
        "client_protocols": {"dnp3": {"enabled": False}},
        "enable_inverter_meter_readings": True,
    }


def current(gateway: Gateway, tedapi: Tedapi) -> dict[str, Any]:
    """Return the document with what was changed in other ways since it was written."""
    if tedapi.config is None:
        tedapi.config = dict(tedapi.capture["config"]) if tedapi.capture else render(gateway.scene())
    if tedapi.capture:
        return tedapi.config
    site = gateway.site
    tedapi.config["default_real_mode"] = site.mode
    tedapi.config["site_info"] |= {
        "backup_reserve_percent": site.reserve,
        "site_name": site.name,
        "timezone": site.timezone,
        "customer_preferred_export_rule": site.export_rule,
        "disallow_charge_from_grid_with_solar_installed": not site.grid_charging,
    }
    return tedapi.config


def blob(gateway: Gateway, tedapi: Tedapi) -> tuple[bytes, bytes]:
    """Return the file and its hash."""
    document = current(gateway, tedapi)
    if tedapi.edit:
        document = tedapi.edit("config", document)
    text = json.dumps(document, separators=(",", ":")).encode()
    return text, hashlib.sha256(text).digest()


def write(gateway: Gateway, tedapi: Tedapi, text: bytes) -> None:
    """Replace the file and let the house follow. Raises TypeError or ValueError for what is none."""
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("site_info"), dict):
        raise TypeError("not a configuration")
    info, site = document["site_info"], gateway.site
    mode = document.get("default_real_mode", site.mode)
    reserve = float(info.get("backup_reserve_percent", site.reserve))
    if mode not in MODES:
        raise ValueError(f"no such mode: {mode}")
    gateway.catch_up()
    tedapi.config = document
    site.mode = gateway.plant.mode = mode
    site.reserve = gateway.plant.reserve = reserve
    site.export_rule = info.get("customer_preferred_export_rule", "battery_ok")
    site.grid_charging = not info.get("disallow_charge_from_grid_with_solar_installed", False)
    gateway.plant.grid_charging = site.grid_charging
    gateway.plant.export = site.export_rule != "never"
