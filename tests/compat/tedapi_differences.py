"""What differs on purpose when the gateway is read over TEDAPI.

An edit turns the peer's recorded answer into ours, place by place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.compat.tedapi_documents import UNITS

Edit = Callable[[Any], Any]

FULL = ("tedapi-pw2", "tedapi-pw3")
METERS = ("site", "battery", "load", "solar")

# What a known client serves of another house, or text instead of an answer.
CANNED = (
    "/api/auth/toggle/supported",
    "/api/customer",
    "/api/installer",
    "/api/meters/readings",
    "/api/meters/site",
    "/api/networks",
    "/api/site_info/grid_codes",
    "/api/solar_powerwall",
    "/api/solars/brands",
    "/api/synchrometer/ct_voltage_references",
    "/api/system/networks",
    "/api/system/update/status",
    "/api/system_status/grid_faults",
)


def full(*paths: str, edit: Any, corpora: tuple[str, ...] = FULL) -> dict[str, Any]:
    return {f"{corpus} {path}": edit for corpus in corpora for path in paths}


# -- meters --------------------------------------------------------------------------------


def unreported(meter: dict) -> dict:
    """Reactive power, energies (PW_INTEGRATE_ENERGY=no) and the peer's own remark are not reported."""
    del meter["disclaimer"]
    keys = ("instant_reactive_power", "instant_apparent_power", "energy_exported", "energy_imported")
    return meter | dict.fromkeys(keys)


def site_meter(meter: dict) -> dict:
    return unreported(meter) | {"frequency": 60.01}


def site_meter_pw3(meter: dict) -> dict:
    return site_meter(meter) | {"i_c_current": None}


PHASES = dict.fromkeys(("i_a_current", "i_b_current", "i_c_current"))


def battery_meter(meter: dict) -> dict:
    return unreported(meter) | PHASES | {"frequency": 60.01}


def load_meter(meter: dict) -> dict:
    del meter["num_meters_aggregated"]
    return unreported(meter) | PHASES | {"frequency": 60.01}


def solar_meter(meter: dict) -> dict:
    return unreported(meter) | {"frequency": 60.0}


def solar_meter_pw3(meter: dict) -> dict:
    return unreported(meter) | PHASES | {"frequency": 60.01}


BY_METER = {
    "tedapi-pw2": {"site": site_meter, "battery": battery_meter, "load": load_meter, "solar": solar_meter},
    "tedapi-pw3": {
        "site": site_meter_pw3,
        "battery": battery_meter,
        "load": load_meter,
        "solar": solar_meter_pw3,
    },
}
ALIASES = {"grid": "site", "home": "load"}


def meters(corpus: str) -> dict[str, Edit]:
    edits = BY_METER[corpus]

    def all_of_them(reported: dict) -> dict:
        return {meter: edits[meter](reported[meter]) for meter in METERS}

    one = {f"/pw/{name}": edits[ALIASES.get(name, name)] for name in (*METERS, *ALIASES)}
    every = dict.fromkeys(("/aggregates", "/api/meters/aggregates", "/pw/aggregates"), all_of_them)
    return {f"{corpus} {path}": edit for path, edit in (one | every).items()}


# -- system --------------------------------------------------------------------------------

UNTOLD_SYSTEM = (
    *("command_source", "battery_target_power", "battery_target_reactive_power"),
    *("max_power_energy_remaining", "max_power_energy_to_be_charged"),
    *("instantaneous_max_discharge_power", "instantaneous_max_charge_power"),
    *("instantaneous_max_apparent_power", "hardware_capability_charge_power"),
    *("hardware_capability_discharge_power", "available_charger_blocks"),
    *("ffr_power_availability_high", "ffr_power_availability_low", "load_charge_constraint"),
    *("max_sustained_ramp_rate", "grid_faults", "can_reboot", "smart_inv_delta_p", "smart_inv_delta_q"),
    *("last_toggle_timestamp", "score", "primary", "auxiliary_load", "all_enable_lines_high"),
    *("inverter_nominal_usable_power", "expected_energy_remaining"),
)
FLAGS = (
    *("POD_ActiveHeating", "POD_ChargeComplete", "POD_ChargeRequest", "POD_DischargeComplete"),
    *("POD_PermanentlyFaulted", "POD_PersistentlyFaulted", "POD_enable_line", "off_grid", "vf_mode"),
    *("wobble_detected", "charge_power_clamped", "backup_ready"),
)


def system_status(reported: dict) -> dict:
    return reported | dict.fromkeys(UNTOLD_SYSTEM)


def flags_unknown(reported: dict) -> dict:
    """A flag that no source reports is not off."""
    return {key: None if key.partition("_")[2] in FLAGS else value for key, value in reported.items()}


def in_watts(reported: Any) -> Any:
    """p_out of every block, wherever it stands, in watts as the local API has it."""
    if isinstance(reported, dict):
        return {
            key: value * 1000 if key.endswith("p_out") and value is not None else in_watts(value)
            for key, value in reported.items()
        }
    return [in_watts(item) for item in reported] if isinstance(reported, list) else reported


GRID_STATES = {"TG12000000001Z": "Grid_Compliant", "TG12000000002Z": "Grid_Compliant", "TG12000000004Z": ""}


def grid_states(reported: dict) -> dict:
    """The state of each block's grid is that of the islander; an expansion pack has no inverter."""
    for block in reported["battery_blocks"]:
        block["pinv_grid_state"] = GRID_STATES[block["PackageSerialNumber"]]
    return reported


def grid_states_by_serial(reported: dict) -> dict:
    return {serial: block | {"pinv_grid_state": GRID_STATES[serial]} for serial, block in reported.items()}


def packs_in_order(reported: dict) -> dict:
    """PW2 is the follower in every field; the peer gave it the expansion pack's cells."""
    cells = (
        "name",
        *(f"POD_nom_{kind}" for kind in ("energy_remaining", "energy_to_be_charged", "full_pack_energy")),
    )
    swapped = {f"PW{a}_{key}": reported[f"PW{b}_{key}"] for a, b in ((2, 3), (3, 2)) for key in cells}
    states = {"PW1_pinv_grid_state": "Grid_Compliant", "PW2_pinv_grid_state": "Grid_Compliant"}
    return reported | swapped | states | {"PW3_pinv_grid_state": ""}


def status(firmware_hash: str, device_type: str) -> Edit:
    def edit(reported: dict) -> dict:
        del reported["can_reboot"]
        return reported | {
            "device_type": device_type,
            "git_hash": firmware_hash,
            # At least as long as the proxy has known it: since this very answer.
            "start_time": "2024-01-24 12:00:00 +0000",
            "up_time_seconds": "0h0m0s",
        }

    return edit


STATUSES = {
    "tedapi-pw2": status("223a56cd575b7b19bad7e12a4ebad0eb52d1f50a", "teg"),
    "tedapi-pw3": status("1c3bd2f7f0a54d2f4b7ad3ad5a0e1f3b6f3f8a11", "smc"),
}


def powerwalls(corpus: str) -> Edit:
    din, units = UNITS[corpus]
    return lambda reported: {**dict.fromkeys(reported), "powerwalls": units, "gateway_din": din}


# -- vitals --------------------------------------------------------------------------------

INVERTERS = ("PVAC--1538100-00-F--C123456789JKL", "PVAC--1538100-00-F--C999999999XYZ")


def vitals_pw2(reported: dict) -> dict:
    del reported["TESLA--None"]
    for inverter in INVERTERS:
        del reported[inverter]["componentParentDin"]
    reported["TESYNC--1493315-01-F--J123456789MNO"]["lastCommunicationTime"] = None
    return reported


def vitals_pw3(reported: dict) -> dict:
    board = reported.pop("TESYNC--None--None")
    switch = reported["TEMSA--1841000-01-A--MSA1234567"]
    switch |= {key: value for key, value in board.items() if key.startswith("ISLAND_")}
    switch["lastCommunicationTime"] = None
    return no_battery_as_solar(reported)


def no_battery_as_solar(reported: dict) -> dict:
    for name, device in reported.items():
        if name.startswith("PVAC--1707000"):
            device["PVAC_Pout"] = None
    return reported


def no_board(reported: dict) -> dict:
    return {key: value for key, value in reported.items() if not key.startswith(("METER_X", "METER_Y"))}


def two_sites(reported: dict) -> dict:
    """The capture's local API and its TEDAPI are of different sites: no block belongs to any device.

    The blocks number the packs; what only the devices know follows.
    """
    fields = {key.removeprefix("PW1_") for key in reported if key.startswith("PW1_")}
    devices = {
        "name",
        "PINV_Fout",
        "PINV_VSplit1",
        "PINV_VSplit2",
        *(key for key in fields if key.startswith("POD_")),
    }
    energies = {
        "POD_nom_energy_remaining": {1: 8528, 2: 8165},
        "POD_nom_full_pack_energy": {1: 13305, 2: 12690},
    }
    result = {}
    for number in (1, 2):
        for field in fields:
            value = reported[f"PW{number}_{field}"]
            block, device = f"PW{number}_{field}", f"PW{number + 2}_{field}"
            result[device] = value if field in devices else None
            result[block] = None if field in devices else value
            if field in energies:
                result[block] = energies[field][number]
            if field == "PINV_Fout":
                result[block] = reported[f"PW{number}_f_out"]
            if field in FLAGS and field in devices:
                result[device] = None
    flags = {"off_grid", "vf_mode", "wobble_detected", "charge_power_clamped", "backup_ready"} & fields
    result |= {f"PW{number}_{flag}": reported[f"PW{number}_{flag}"] for number in (1, 2) for flag in flags}
    return {**{key: value for key, value in reported.items() if not key.startswith("PW")}, **result}
