"""What programs of pypowerwall-server expect, in answers that both servers before it had."""

from __future__ import annotations

from typing import Any

from proxy.views.site import version_number

CORPORA = ("local-pw2", "local-pw2novitals", "tedapi-pw2", "tedapi-pw3", "hybrid-pw2")
CHARGE = {corpus: 24.074074074074073 if corpus.startswith("tedapi") else 23.975388 for corpus in CORPORA}
_NOMINAL_W = 10_800
_COMMISSIONED = "2021-09-25T16:05:08-07:00"
# Kinds of the packs, in their order, as configuration or blocks name them.
_KINDS: dict[str, tuple[Any, ...]] = {
    "local-pw2": ("", ""),
    "local-pw2novitals": ("", ""),
    "tedapi-pw2": ("Powerwall2", "Powerwall2"),
    "tedapi-pw3": ("Powerwall3", "Powerwall3", "BatteryExpansion"),
    "hybrid-pw2": ("", "", None, None),
}

# The solar section of the meters document, where the gateway lists no such meter.
_SOLAR_LOCAL = {
    "last_communication_time": "2021-10-17T07:23:34.290245943-07:00",
    "instant_power": 6500,
    "instant_reactive_power": -20,
    "instant_apparent_power": 240.8318915758459,
    "frequency": 60.012,
    "energy_exported": 257720,
    "energy_imported": 0,
    "instant_average_voltage": 242.4,
    "instant_average_current": 0.9488448844884488,
    "i_a_current": 0,
    "i_b_current": 0,
    "i_c_current": 0,
    "last_phase_voltage_communication_time": "0001-01-01T00:00:00Z",
    "last_phase_power_communication_time": "0001-01-01T00:00:00Z",
    "timeout": 1000000000,
    "num_meters_aggregated": 1,
    "instant_total_current": 0.9488448844884488,
}
_SOLAR_TEDAPI = {
    "last_communication_time": "2024-01-24 12:00:00 +0000",
    "instant_power": 6500,
    "instant_reactive_power": None,
    "instant_apparent_power": None,
    "frequency": 60.01,
    "energy_exported": None,
    "energy_imported": None,
    "instant_average_voltage": 242.6,
    "instant_average_current": 26.793075020610058,
    "i_a_current": None,
    "i_b_current": None,
    "i_c_current": None,
    "last_phase_voltage_communication_time": "0001-01-01T00:00:00Z",
    "last_phase_power_communication_time": "0001-01-01T00:00:00Z",
    "last_phase_energy_communication_time": "0001-01-01T00:00:00Z",
    "timeout": 1000000000,
    "num_meters_aggregated": 2,
    "instant_total_current": 26.793075020610058,
}


def with_raw(charge: float) -> Any:
    return lambda reported: reported | {"raw_percentage": charge}


def operation(reported: dict) -> dict:
    """The reserve on the app's scale, grid rules where they are known, the rest behind them."""
    return reported | {
        "backup_reserve_percent": reported["backup_reserve_percent"] / 0.95 - 5 / 0.95,
        "grid_charging": None,
        "grid_export": None,
        "stale": False,
        "last_updated": None,
    }


def ruled(reported: dict) -> dict:
    return operation(reported) | {"grid_charging": True, "grid_export": "battery_ok"}


def kinds(corpus: str) -> Any:
    def edit(reported: dict) -> dict:
        added = {f"PW{number}_Type": kind for number, kind in enumerate(_KINDS[corpus], 1)}
        return reported | added | ({"PW3_attached_to": "PW1"} if corpus == "tedapi-pw3" else {})

    return edit


def limits(reported: dict) -> dict:
    return reported | dict.fromkeys(
        ("max_charge_power", "max_discharge_power", "max_apparent_power"), _NOMINAL_W
    )


def commissioned(reported: dict) -> dict:
    return reported | {"battery_commission_date": _COMMISSIONED}


CASES: dict[str, Any] = {
    **{f"{corpus} /soe": with_raw(charge) for corpus, charge in CHARGE.items()},
    **{f"{corpus} /api/system_status/soe": with_raw(charge) for corpus, charge in CHARGE.items()},
    **{f"{corpus} /json": lambda reported: reported | {"soe_raw": reported["soe"]} for corpus in CORPORA},
    **{
        f"{corpus} /pw/version": lambda reported: reported | {"vint": version_number(reported["version"])}
        for corpus in CORPORA
    },
    **{f"{corpus} /pod": kinds(corpus) for corpus in CORPORA},
    **{
        f"{corpus} {path}": limits
        for corpus in ("tedapi-pw2", "tedapi-pw3")
        for path in ("/api/system_status", "/pw/system_status")
    },
    **{
        f"{corpus} {path}": commissioned
        for corpus in ("tedapi-pw2", "tedapi-pw3")
        for path in ("/api/status", "/pw/status")
    },
    "tedapi-pw2 /api/status?x=1": commissioned,
}

OPERATION: dict[str, Any] = {
    f"{corpus} /api/operation": operation if corpus.startswith("local") else ruled for corpus in CORPORA
}

SOLAR_METER: dict[str, Any] = {
    **{
        f"{corpus} /api/meters/solar": [_SOLAR_LOCAL] for corpus in CORPORA if not corpus.startswith("tedapi")
    },
    "tedapi-pw3 /api/meters/solar": [_SOLAR_TEDAPI],
}
