"""What each output says of a site, under the names of one vocabulary: numbers, words, or None for what it does not know.

An output leaves out names of which it never speaks. Powers are watts, energies Wh, shares percent.
"""

from __future__ import annotations

from proxy.views.quantities import EDGES

POWERS = ("solar", "site", "battery", "load", "generator")
ENDS = {"s": "solar", "b": "battery", "g": "grid", "n": "generator", "h": "home"}
GRID_WORDS = {
    "up": 1,
    "outage": 0,
    "off_grid": 0,
    "transition": -1,
    "islanded": 0,
    "unknown": None,
    None: None,
}
PEER_EDGES = EDGES[:7]  # those without a generator


def of_page(page):
    """The page's object, which is also that of its events."""
    return {
        **{f"power {name}": page[name] for name in POWERS},
        "charge": page["soc"],
        "charge app": page["soc_app"],
        "reserve app": page["reserve_app"],
        "energy": page["energy"],
        "mode": page["mode"],
        "grid": GRID_WORDS[page["grid"]],
        "grid services": page["grid_services"],
        "problems": page["alerts"],
        "unbalanced": page["unbalanced"],
        "strings": {string["name"]: string["power"] for string in page["strings"]},
        "packs": {
            unit["name"]: (unit["soc"], unit["power"]) for unit in page["units"] if unit["power"] is not None
        },
    }


def of_metrics(series):
    """A scrape."""

    def value(name, *labels, scale=1.0):
        found = [value for key, value in series.items() if key[0] == name and set(labels) <= set(key[1:])]
        assert len(found) <= 1, (name, labels)
        return found[0] * scale if found else None

    def current(name, label):
        found = [key for key, value in series.items() if key[0] == name and value == 1]
        return (
            next((part.removeprefix(f"{label}=") for part in found[0] if part.startswith(label)), None)
            if found
            else None
        )

    def by(name, label):
        found = series.named(name)
        return {next(p for p in key if p.startswith(label)).partition("=")[2]: v for key, v in found.items()}

    remaining = by("powerwall_battery_energy_remaining_joules", "block")
    capacity = by("powerwall_battery_energy_capacity_joules", "block")
    power = by("powerwall_battery_power_watts", "block")
    grid = {"connected": 1, "islanded": 0, "transition": -1, None: None}
    services = value("powerwall_grid_services_active")
    return {
        **{f"power {name}": value("powerwall_instant_power_watts", f"meter={name}") for name in POWERS},
        **{
            f"flow {edge}": value("powerwall_flow_watts", f"source={ENDS[edge[0]]}", f"sink={ENDS[edge[2]]}")
            for edge in PEER_EDGES
        },
        **{
            f"{direction} {name}": value(
                "powerwall_energy_joules_total", f"meter={name}", f"direction={direction}", scale=1 / 3600
            )
            for name in POWERS
            for direction in ("imported", "exported")
        },
        "charge": value("powerwall_charge_ratio", scale=100),
        "charge app": value("powerwall_charge_usable_ratio", scale=100),
        "reserve app": value("powerwall_backup_reserve_usable_ratio", scale=100),
        "energy": value("powerwall_energy_remaining_joules", scale=1 / 3600),
        "capacity": value("powerwall_energy_capacity_joules", scale=1 / 3600),
        "mode": current("powerwall_operation_mode", "mode"),
        "grid": grid[current("powerwall_grid_state", "state")],
        "grid services": None if services is None else bool(services),
        "problems": value("powerwall_problems"),
        "alerts": value("powerwall_alerts"),
        "unbalanced": value("powerwall_flow_unbalanced_watts"),
        "hours": value("powerwall_time_remaining_seconds", scale=1 / 3600),
        "strings": by("powerwall_string_power_watts", "string"),
        "packs": {
            name: (100 * remaining[name] / capacity[name], power[name])
            for name in remaining.keys() & power.keys()
            if capacity.get(name)
        },
    }


def of_openc2(reported):
    """The properties of OpenC2; those that are unavailable are missing."""
    flows, counters = reported.get("flows") or {}, reported.get("energy") or {}
    count = lambda name: None if reported.get(name) is None else len(reported[name])
    units = (reported.get("battery") or {}).get("units", ())
    return {
        **{f"power {name}": reported.get(f"{name}_power") for name in POWERS if name != "generator"},
        **{f"flow {edge}": flows.get(edge) for edge in PEER_EDGES},
        **{
            f"{direction} {name}": counters.get(name, {}).get(f"{direction}_wh")
            for name in POWERS
            for direction in ("imported", "exported")
        },
        "charge": reported.get("battery_percentage"),
        "charge app": reported.get("battery_percentage_app"),
        "reserve app": reported.get("backup_reserve"),
        "energy": reported.get("energy_remaining"),
        "capacity": reported.get("energy_capacity"),
        "mode": reported.get("mode"),
        "grid": GRID_WORDS[reported.get("grid_status")],
        "grid services": reported.get("grid_services_active"),
        "problems": count("problems"),
        "alerts": count("alerts"),
        "pack energies": sorted(
            (unit["energy_remaining"], unit["energy_capacity"], unit["power"])
            for unit in units
            if None not in unit.values() and unit["energy_capacity"]
        ),
    }


def of_mqtt(status):
    """The document of a gateway at the broker. Its mode is one that a client can set, or missing."""
    names = {"site": "grid", "load": "home", "battery": "powerwall"}
    counters = {
        "imported site": "grid_energy_imported",
        "exported site": "grid_energy_exported",
        "imported load": "home_energy_imported",
        "exported solar": "solar_energy_exported",
        "imported battery": "battery_energy_imported",
        "exported battery": "battery_energy_exported",
    }
    long = {**{end: ENDS[end] for end in "sgh"}, "b": "battery"}
    grid = {"UP": 1, "DOWN": 0, "SYNCING": -1, None: None}
    return {
        **{f"power {name}": status[names.get(name, name)] for name in POWERS if name != "generator"},
        **{f"flow {edge}": status[f"{long[edge[0]]}_to_{long[edge[2]]}"] for edge in PEER_EDGES},
        **{name: status[key] for name, key in counters.items()},
        "charge": status["soe_raw"],
        "charge app": status["soe"],
        "reserve app": status["reserve"],
        "energy": status["current_charge"],
        "capacity": status["total_capacity"],
        **({"mode": status["mode"]} if status["mode"] else {}),
        "grid": grid[status["grid_status"]],
        "grid services": status["grid_services"],
        "alerts": status["alerts"],
        "hours": status["time_remaining"],
    }


def of_history(columns):
    """A minute of the history. It keeps nothing that no meter can have measured: such columns are missing."""
    names = {
        **{f"power {name}": f"{name}_power" for name in POWERS},
        **{f"flow {edge}": f"flow_{edge}" for edge in PEER_EDGES},
        **{
            f"{direction} {name}": f"{name}_{direction}"
            for name in POWERS
            for direction in ("imported", "exported")
        },
        "charge": "charge",
        "energy": "energy_remaining",
        "capacity": "energy_capacity",
    }
    return {name: columns[column] for name, column in names.items() if column in columns}


def of_health(readings):
    """What /health says of the latest readings."""
    return {"unbalanced": readings["unbalanced_watts"], "power load": readings["load_watts"]}


def of_json(reported):
    """/json of the pypowerwall proxy."""
    home = {"site": "grid", "load": "home", "solar": "solar", "battery": "battery"}
    return {
        **{f"power {name}": reported[key] for name, key in home.items()},
        "charge": reported["soe"],
        "reserve app": reported["reserve"],
        "energy": reported["energy_remaining"],
        "capacity": reported["full_pack_energy"],
        "hours": reported["time_remaining_hours"],
    }


def of_pod(reported):
    """/pod of the pypowerwall proxy."""
    return {
        "energy": reported["nominal_energy_remaining"],
        "capacity": reported["nominal_full_pack_energy"],
        "reserve app": reported["backup_reserve_percent"],
        "hours": reported["time_remaining_hours"],
    }
