"""Every answer that lacks on purpose what pypowerwall-server's has, with the reason.

The corpus test accepts exactly these, and the second table in docs/migrating.md is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass

NOT_FOUND = 404
CORPORA = ("local-pw2", "local-pw3lan", "tedapi-pw3")


@dataclass(frozen=True)
class ServerDifference:
    """One deliberate difference.

    ``where``, ``peer``, ``here`` and ``reason`` are the cells of the migration table. ``answers`` are
    the recorded answers that show it ("corpus path"); ``keys`` the names whose values differ there,
    "" for the whole answer, or the status of an answer that there is none.
    """

    where: str
    peer: str
    here: str
    reason: str
    answers: tuple[str, ...] = ()
    keys: frozenset[str] | int = frozenset()


def _of(corpus: str, *paths: str) -> tuple[str, ...]:
    return tuple(f"{corpus} {path}" for path in paths)


# Where a document of the gateway stands, also as part of another one.
_OBJECTS = ("/api/gateways/", "/api/gateways/default", "/api/aggregate/")
_METERS = (
    *("/aggregates", "/api/meters/aggregates", "/api/meters/solar", "/pw/aggregates"),
    *(f"/pw/{name}" for name in ("site", "grid", "solar", "battery", "load", "home")),
    *("/api/gateways/default/aggregates", "/api/gateways/default/api/meters/aggregates", *_OBJECTS),
)
_VITALS = ("/vitals", "/pw/vitals", "/api/gateways/default/vitals", "/api/aggregate/vitals", *_OBJECTS)
_SYSTEM = ("/api/system_status", "/pw/system_status", *_OBJECTS)
_STATUS = ("/api/status", "/api/status?x=1", "/pw/status", "/api/gateways/default/api/status", *_OBJECTS)
_CANNED = (
    *("system/update/status", "system_status/grid_faults", "site_info/grid_codes", "solars/brands"),
    *("customer", "installer", "networks", "system/networks", "meters/readings", "auth/toggle/supported"),
    *("synchrometer/ct_voltage_references", "solar_powerwall", "meters/site"),
)
# What a Powerwall 3 does not report to a session of the customer password.
_NOT_IN_BASIC_LAN = (
    *("/version", "/api/status", "/api/status?x=1", "/api/site_info/site_name", "/api/sitemaster"),
    *(
        "/api/powerwalls",
        "/api/system_status",
        "/api/site_info",
        "/api/operation",
        "/api/solars",
        "/api/meters",
    ),
    *(f"/api/{path}" for path in _CANNED),
    *(
        f"/pw/{name}"
        for name in (
            *("battery_blocks", "din", "uptime", "version", "status", "system_status", "site_name"),
            *("get_reserve", "get_mode"),
        )
    ),
)

DIFFERENCES = (
    ServerDifference(
        "any route, when nothing is known",
        "200 with `null`, `{}`, `[]`, zeros, `SolarOnly`; up to `PW_CACHE_TTL` a stale reading without a mark",
        "503, 502, 504 or 404 with a problem document; stale readings carry `Age` and `Cache-Status` (`PW_LEGACY_ERRORS=yes`: 200, as there)",
        "evcc and other programs in Go read `null` as 0, and telegraf stores a zero as a reading",
    ),
    ServerDifference(
        "`/api/aggregate/*` with a gateway missing",
        "the sums of the others, 0 if there are none",
        "`null`, with `missing` (ids) and `partial` (the sums of the others); 503 if nothing is known",
        "a partial sum would be taken for the total",
    ),
    ServerDifference(
        "`total_battery_percent`, `percentage` of several gateways",
        "the mean of the percentages",
        "the energy of all packs in percent of their capacity",
        "a mean gives a small battery the same weight as a large one",
    ),
    ServerDifference(
        "`total_battery_capacity`, `total_capacity`",
        "always 0",
        "the capacity (Wh), `null` while it is unknown",
        "a battery always has a capacity",
        tuple(
            f"{corpus} {path}" for corpus in CORPORA for path in ("/api/aggregate/", "/api/aggregate/battery")
        ),
        frozenset({"total_battery_capacity", "total_capacity"}),
    ),
    ServerDifference(
        "`online`, `last_updated` of a gateway",
        "`last_updated` is the time of the last attempt",
        "the time of the last success",
        "an attempt is not a reading",
    ),
    ServerDifference(
        "`port` of a gateway",
        "as configured",
        "`null`: it is part of `host`",
        "a gateway has one address",
    ),
    ServerDifference(
        "WebSockets",
        "a message every second, changed or not; an unknown id is answered every second for ever",
        "a message at a change, at most one a second, and after 15 s without one; an unknown id is closed (4404)",
        "a page that stays open should cost little",
    ),
    ServerDifference(
        "`/api/gateways/{id}/api/{path}`",
        "requests any path of the gateway; POST writes to it",
        "only rows of the list of routes, from the cache; POST: 405 (use `/control`)",
        "any client of the network could end the session or stop the battery",
    ),
    ServerDifference(
        "`/api/gateways*`, `/api/aggregate/`, `/ws/*` from pages of other origins",
        "readable by any page",
        "not readable; a WebSocket from another origin is refused (403)",
        "they name addresses and serial numbers",
    ),
    ServerDifference(
        "`/health`",
        "always 200",
        "an error status when there are no readings",
        "a container's health check could never fail",
    ),
    ServerDifference(
        "`/control/dispatch`, `/control/resume`, unknown paths below `/control/`",
        "dispatches the battery; unknown paths are sent to the gateway",
        "404",
        "not available here; nothing reaches a gateway because a client named it",
    ),
    ServerDifference(
        "`/control/reserve` of 81 to 99 % on firmware since 25.18",
        "200, while the gateway drops it",
        "400 with what the gateway takes; `/control/reserve_hold` sets 80 % and says so in `asked`",
        "a command without effect must not be reported as successful",
    ),
    ServerDifference(
        "`/console`, `/redoc`, `/static/*`",
        "pages",
        "`/console` leads to `/status`; the others: 404",
        "this proxy has its own pages",
    ),
    ServerDifference(
        "paths with or without a slash at the end",
        "307 to the other form, to the name in `Host`",
        "`/api/gateways`, `/api/aggregate` and `/tedapi` are served in both forms; others: 404",
        "a redirect to a name that the client chose leads anywhere",
    ),
    ServerDifference(
        "`PW1_PINV_Fout` in `/freq`, energies in `/pod` (local API)",
        "of the battery block",
        "of the pack's own devices in the vitals",
        "they are found through the device's parent",
        _of("local-pw2", "/freq", "/pod"),
        frozenset(
            f"PW{number}_{key}"
            for number in (1, 2)
            for key in ("PINV_Fout", "POD_nom_energy_remaining", "POD_nom_full_pack_energy")
        ),
    ),
    ServerDifference(
        "`/api/solars`, `/api/solars/brands`, `/api/meters`, `/api/site_info/grid_codes`, `/api/system/networks`, `/api/auth/toggle/supported`",
        "an empty list, or the same answer for every site",
        "the gateway's own, or over TEDAPI its configuration",
        "these are facts of one site",
        (
            *_of(
                "local-pw2",
                *("/api/site_info/grid_codes", "/api/solars", "/api/solars/brands", "/api/meters"),
                "/api/system/networks",
            ),
            *_of("tedapi-pw3", "/api/solars", "/api/meters"),
        ),
        frozenset({""}),
    ),
    ServerDifference(
        "`/api/auth/toggle/supported`",
        "always false",
        "the gateway's own",
        "it is a fact of the gateway",
        _of("local-pw2", "/api/auth/toggle/supported"),
        frozenset({"toggle_auth_supported"}),
    ),
    ServerDifference(
        "routes below `/api` that TEDAPI has no data for",
        "empty, or the answer of another site",
        "404",
        "no values are invented",
        _of("tedapi-pw3", *(f"/api/{path}" for path in _CANNED)),
        NOT_FOUND,
    ),
    ServerDifference(
        "Powerwall 3 with the customer password only (Basic LAN): what it does not offer",
        "`null`, `{}`, `[]`, constants, version `Unknown` or `SolarOnly`",
        "404",
        "an unknown version must not look like a version",
        _of("local-pw3lan", *_NOT_IN_BASIC_LAN),
        NOT_FOUND,
    ),
    ServerDifference(
        "Basic LAN: `/json`, `/csv/v2`",
        "0 for reserve and energies",
        "`null`; an empty field in CSV",
        "they are unknown",
        _of("local-pw3lan", "/json", "/csv/v2", "/csv/v2?headers", "/csv/v2?x=headers"),
        frozenset({"", "reserve", "time_remaining_hours", "full_pack_energy", "energy_remaining"}),
    ),
    ServerDifference(
        "Basic LAN: `/alerts`, `/pw/alerts`",
        "empty",
        "the state of the grid, as for every gateway",
        "it is known",
        _of("local-pw3lan", "/alerts", "/pw/alerts"),
        frozenset({"", "alerts"}),
    ),
    ServerDifference(
        "meters over TEDAPI",
        "0 for reactive power, phase currents, frequency and energies; a remark as `disclaimer`",
        "`null` for values that TEDAPI does not report, the measured frequency, energies integrated from power",
        "a zero would pass for a measurement",
        _of("tedapi-pw3", *_METERS),
        frozenset(
            {
                *("instant_reactive_power", "instant_apparent_power", "frequency", "energy_exported"),
                *("energy_imported", "i_a_current", "i_b_current", "i_c_current", "disclaimer"),
                "num_meters_aggregated",
            }
        ),
    ),
    ServerDifference(
        "`/vitals` over TEDAPI",
        "`TESYNC--None--None`; `PVAC_Pout` of a Powerwall 3 is its battery's power",
        "existing devices only; `PVAC_Pout` is solar power",
        "battery power is not solar power",
        _of("tedapi-pw3", *_VITALS, "/pw/strings"),
        frozenset({"TESYNC--None--None", "PVAC_Pout"}),
    ),
    ServerDifference(
        "`p_out` of battery blocks over TEDAPI",
        "kilowatts",
        "watts",
        "the local API uses watts",
        _of("tedapi-pw3", "/freq", "/pod", "/pw/battery_blocks", *_SYSTEM),
        frozenset({"p_out", "PW1_p_out", "PW2_p_out"}),
    ),
    ServerDifference(
        "flags in `/pod` over TEDAPI",
        "0",
        "`null`",
        "a flag that is unknown is not off",
        _of("tedapi-pw3", "/pod"),
        frozenset(
            f"PW{number}_{key}"
            for number in (1, 2, 3)
            for key in (
                *("POD_ActiveHeating", "POD_ChargeComplete", "POD_ChargeRequest", "POD_DischargeComplete"),
                *("POD_PermanentlyFaulted", "POD_PersistentlyFaulted", "POD_enable_line", "off_grid"),
                *("vf_mode", "wobble_detected", "charge_power_clamped", "backup_ready"),
            )
        ),
    ),
    ServerDifference(
        "`/api/system_status` over TEDAPI",
        "zeros, a score of 10000, a date of 2023",
        "`null` for values that TEDAPI does not report",
        "limits of 0 W and the date of another site are wrong for this one",
        _of("tedapi-pw3", *_SYSTEM),
        frozenset(
            {
                *("command_source", "battery_target_power", "battery_target_reactive_power"),
                *("max_power_energy_remaining", "max_power_energy_to_be_charged"),
                *("instantaneous_max_discharge_power", "instantaneous_max_charge_power"),
                *("instantaneous_max_apparent_power", "hardware_capability_charge_power"),
                *("hardware_capability_discharge_power", "available_charger_blocks"),
                *("ffr_power_availability_high", "ffr_power_availability_low", "load_charge_constraint"),
                *("max_sustained_ramp_rate", "grid_faults", "can_reboot", "smart_inv_delta_p"),
                *("smart_inv_delta_q", "last_toggle_timestamp", "score", "primary", "auxiliary_load"),
                *("all_enable_lines_high", "inverter_nominal_usable_power", "expected_energy_remaining"),
            }
        ),
    ),
    ServerDifference(
        "`/api/status`, `/api/sitemaster` over TEDAPI",
        "can always be rebooted, always connected to Tesla",
        "not reported",
        "TEDAPI does not report it",
        _of("tedapi-pw3", *_STATUS, "/api/sitemaster"),
        frozenset({"can_reboot", "connected_to_tesla", "power_supply_mode"}),
    ),
    ServerDifference(
        "`/api/powerwalls` over TEDAPI",
        "the diagnostics of another site",
        "the configured units; `null` for diagnostics",
        "serial numbers of another site are wrong",
        _of("tedapi-pw3", "/api/powerwalls", *_OBJECTS),
        frozenset(
            {
                *("enumerating", "updating", "checking_if_offgrid", "running_phase_detection", "sync"),
                *("phase_detection_last_error", "bubble_shedding", "on_grid_check_error", "grid_qualifying"),
                *("grid_code_validating", "phase_detection_not_available", "update_diagnostic"),
                *("grid_reconnection_time_seconds", "under_phase_detection", "commissioning_diagnostic"),
            }
        ),
    ),
)
