"""Every answer that differs from the pypowerwall proxy's on purpose, with its reason.

The corpus test accepts exactly these, and the table in docs/migrating.md is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.compat import server_forms as server
from tests.compat import tedapi_differences as tedapi
from tests.compat import tedapi_documents as documents

NOT_FOUND = 404


@dataclass(frozen=True)
class Difference:
    """One deliberate difference.

    ``where``, ``peer``, ``here`` and ``reason`` are the cells of the migration table. ``cases`` are
    the recorded answers that show it: "corpus path" to what we answer instead, a document, a text,
    a status that is an error, or a function that makes our answer of the peer's.
    """

    where: str
    peer: str
    here: str
    reason: str
    cases: dict[str, Any] = field(default_factory=dict)


CORPORA = ("local-pw2", "local-pw2novitals", "tedapi-pw2", "tedapi-pw3", "hybrid-pw2")
ODD_PATHS = ("local-pw2", "tedapi-pw2")  # corpora that show what the peer does with paths it does not know


DIFFERENCES = (
    Difference(
        "any route, when nothing is known",
        "200 with `null`, `{}`, zeros, `SolarOnly` or `TIMEOUT!`",
        "503, 502, 504 or 404 with a problem document (`PW_LEGACY_ERRORS=yes`: as the peer)",
        "a zero is stored as a reading, and grid status 0 means an outage",
    ),
    Difference(
        "any route, when one value is unknown",
        "0 in `/csv`, `/csv/v2`, `/json`, `/pw/power`; flags 0 in `/pod`",
        "`null`; an empty field in CSV",
        "an unknown grid status is not an outage, and an unknown flag is not off",
        tedapi.full("/pod", edit=tedapi.flags_unknown),
    ),
    Difference(
        "`/json` while the vitals cannot be read",
        "`strings` is `{}`",
        "`strings` is `null`",
        "strings that cannot be read still exist",
    ),
    Difference(
        "reserve in `/csv/v2` for 7, 14, 24, 33, 48, 53, 59, 61, 63 and 64 %",
        "one less, because 23.999999999999996 is cut to 23",
        "the reserve that is set",
        "a rounding error of the division is not part of the value",
    ),
    Difference(
        "a path that does not exist",
        "200 with the answer of a route whose name is a prefix of the path, or with an error object",
        "404",
        "a misspelt path should be an error",
        {
            f"{corpus} {path}": NOT_FOUND
            for corpus in ODD_PATHS
            for path in (
                *("/csvfoo", "/csv/v3", "/csv/v2x", "/fans/pwx", "/tedapix", "/cloudx", "/fleetapix"),
                *("/pw/", "/pw/nope", "/pw/level/"),
            )
        }
        | {
            f"{corpus} {path}": NOT_FOUND
            for corpus in CORPORA
            for path in ("/tedapi/nope", "/cloud/nope", "/fleetapi/nope")
        },
    ),
    Difference(
        "doubled slashes, dot segments and escapes in a path",
        "are resolved, so that `/x/../api/logout` reaches the gateway",
        "404",
        "the path that is checked must be the path that is requested",
        {f"{corpus} //aggregates": NOT_FOUND for corpus in ODD_PATHS},
    ),
    Difference(
        "query strings",
        "are part of the name of `/pw/…` and most other routes",
        "are ignored, except for the parameters of the route",
        "displays and browsers add cache busters",
        {
            "local-pw2 /pw/level?x=1": {"level": 23.975388},
            "tedapi-pw2 /pw/level?x=1": {"level": 24.074074074074073},
        },
    ),
    Difference(
        "`/csv?…headers…`",
        "the word anywhere in the query string adds the header line",
        "the parameter `headers` does",
        "a value that contains the word should change nothing",
        {
            "local-pw2 /csv/v2?x=headers": "-2100.00,900.00,6500.00,-3500.00,23.98,1,20\n",
            "tedapi-pw2 /csv/v2?x=headers": "-2100.00,900.00,6500.00,-3500.00,24.07,1,20\n",
        },
    ),
    Difference(
        "`/vitals`, `/pw/vitals` on firmware 23.44 and later",
        "`null`",
        "`{}`",
        "this firmware has no vitals, and `null` breaks clients that expect an object",
        {"local-pw2novitals /vitals": {}, "local-pw2novitals /pw/vitals": {}},
    ),
    Difference(
        "`PW1…` in `/freq`, `/pod`, `/temps/pw`",
        "numbered separately in every list, so that PW2 may combine the serial number of one pack with the energy of another",
        "one number per pack, found through the device's parent, kept across restarts",
        "a series of a dashboard stays with one pack",
        {
            "tedapi-pw3 /pod": tedapi.packs_in_order,
            "hybrid-pw2 /pod": tedapi.two_sites,
            "hybrid-pw2 /freq": tedapi.two_sites,
            "hybrid-pw2 /temps/pw": {"PW3_temp": 22.5, "PW4_temp": 23.25},
        },
    ),
    Difference(
        "`PW_NEG_SOLAR`, `PW_SITE_ZERO_THRESHOLD`",
        "applied in different order on `/aggregates`, `/csv`, `/json`; not on `/pw/…`",
        "applied to every route that reports power; home is corrected by the same amount",
        "home = grid + battery + solar still holds",
    ),
    Difference(
        "`/api/meters/aggregates`",
        "corrected like `/aggregates`",
        "the body of the gateway, unchanged",
        "routes below `/api` are the gateway's",
    ),
    Difference(
        "`/api/system_status/soe` below 5 %",
        "negative",
        "0",
        "the app's scale starts at 0, as for the reserve",
    ),
    Difference(
        "`/strings` with ten inverters and more",
        "the tenth overwrites the first",
        "named A9, B9, …, A10, …",
        "no string is lost",
    ),
    Difference(
        "`/alerts`, `/pw/alerts`, `/alerts/pw`",
        "in an order that changes at every start",
        "sorted",
        "two answers can be compared",
    ),
    Difference(
        "cookies of any answer",
        "the session of the gateway itself",
        "none, or after a login the proxy's own session",
        "the gateway's session also permits writing",
    ),
    Difference(
        "`/api/system_status/soe` over TLS, from a program that uses Python's requests and has not logged in",
        "app scale",
        "401; after a login the whole pack's scale, as from a gateway",
        "the pypowerwall library logs in only after a 401; `/soe` and `/pw/level` need no login",
    ),
    Difference(
        "`/api/troubleshooting/problems`",
        "always an empty list",
        "the gateway's list",
        "problems should be visible",
    ),
    Difference(
        "meters over TEDAPI",
        "0 for reactive power, phase currents, frequency and energies; a remark as `disclaimer`",
        "`null` for values that TEDAPI does not report, the measured frequency, energies integrated from power "
        "(header `Energy-Counters: integrated`; `PW_INTEGRATE_ENERGY=no`: `null`)",
        "a zero would pass for a measurement",
        tedapi.meters("tedapi-pw2") | tedapi.meters("tedapi-pw3"),
    ),
    Difference(
        "`p_out` of battery blocks over TEDAPI",
        "kilowatts",
        "watts",
        "the local API uses watts",
        tedapi.full(
            "/freq",
            "/pod",
            "/api/system_status",
            "/pw/system_status",
            "/pw/battery_blocks",
            edit=tedapi.in_watts,
        ),
    ),
    Difference(
        "`/api/system_status` over TEDAPI",
        "zeros, a score of 10000, a date of 2023",
        "`null` for values that TEDAPI does not report",
        "limits of 0 W and the date of another site are wrong for this one",
        tedapi.full("/api/system_status", "/pw/system_status", edit=tedapi.system_status),
    ),
    Difference(
        "`pinv_grid_state` of a Powerwall 3",
        "`null`",
        "the islander's grid state; an empty text for an expansion pack",
        "Home Assistant's integration fails on `null`",
        {
            f"tedapi-pw3 {path}": edit
            for path, edit in {
                "/api/system_status": tedapi.grid_states,
                "/pw/system_status": tedapi.grid_states,
                "/pw/battery_blocks": tedapi.grid_states_by_serial,
            }.items()
        },
    ),
    Difference(
        "`grid_services_active` over TEDAPI",
        "`null`",
        "`false`",
        "Home Assistant's integration requires a flag, and nothing indicates that they are active",
        tedapi.full(
            "/api/system_status/grid_status",
            "/pw/grid_status",
            edit=lambda reported: reported | {"grid_services_active": False},
        ),
    ),
    Difference(
        "`/api/status` over TEDAPI",
        "the date of commissioning as `start_time`; no `git_hash`, no `device_type`",
        "start and uptime of the synchroniser, or since the proxy first reached the gateway; hash and type",
        "the battery was commissioned years before the gateway started",
        {
            f"{corpus} {path}": edit
            for corpus, edit in tedapi.STATUSES.items()
            for path in ("/api/status", "/pw/status")
        }
        | {"tedapi-pw2 /api/status?x=1": tedapi.STATUSES["tedapi-pw2"]}
        | tedapi.full("/pw/uptime", edit={"uptime": "0h0m0s"}),
    ),
    Difference(
        "`/api/site_info`, `/api/powerwalls`, `/api/meters`, `/api/meters/solar` over TEDAPI",
        "`null`, or the units and meters of another site",
        "the content of the gateway's configuration",
        "serial numbers of another site are wrong",
        tedapi.full("/api/site_info", edit=documents.SITE_INFO)
        | {f"{corpus} /api/powerwalls": tedapi.powerwalls(corpus) for corpus in tedapi.FULL}
        | {"tedapi-pw2 /api/meters": documents.NEURIO, "tedapi-pw3 /api/meters": documents.BACKUP_SWITCH}
        | {"tedapi-pw2 /api/meters/solar": documents.SOLAR_METER},
    ),
    Difference(
        "`/api/sitemaster` over TEDAPI",
        "always connected to Tesla",
        "whether the site controller runs; `null` for all else",
        "TEDAPI does not report it",
        tedapi.full(
            "/api/sitemaster",
            edit=lambda reported: (
                reported | dict.fromkeys(("connected_to_tesla", "power_supply_mode", "can_reboot"))
            ),
        ),
    ),
    Difference(
        "routes below `/api` that TEDAPI has no data for",
        "the answer of another site, or the text `TIMEOUT!`",
        "404",
        "no values are invented",
        tedapi.full(*tedapi.CANNED, edit=NOT_FOUND),
    ),
    Difference(
        "`/vitals` over TEDAPI",
        "`TESYNC--None--None`, `TESLA--None`; `PVAC_Pout` of a Powerwall 3 is its battery's power",
        "existing devices only; the islander's readings at the backup switch if there is no synchroniser; "
        "`PVAC_Pout` is solar power",
        "a device without serial number does not exist, and battery power is not solar power",
        {
            f"{corpus} {path}": edit
            for corpus, edit in {
                "tedapi-pw2": tedapi.vitals_pw2,
                "tedapi-pw3": tedapi.vitals_pw3,
                "hybrid-pw2": tedapi.vitals_pw2,
            }.items()
            for path in ("/vitals", "/pw/vitals")
        }
        | {
            "tedapi-pw3 /freq": tedapi.no_board,
            "tedapi-pw3 /pw/strings": tedapi.no_battery_as_solar,
        },
    ),
    Difference(
        "meters through the cloud",
        "0 for voltages, currents, frequency and energies; constant time-outs; a time in the year 1",
        "`null`; energies from Tesla's history (header `Energy-Counters: cloud`; `PW_INTEGRATE_ENERGY=no`: `null`)",
        "Tesla reports powers only, and a zero would pass for a measurement",
    ),
    Difference(
        "`/api/system_status`, `/api/status` through the cloud",
        "constants: a score of 10000, a date of 2023, no commissioning",
        "what Tesla reports; `null` or absent for all else",
        "constants of another site are wrong for this one",
    ),
    Difference(
        "routes below `/api` that the cloud has no data for",
        "the answer of another site, `null`, or the text `TIMEOUT!`",
        "404",
        "no values are invented",
    ),
    Difference(
        "`/pod`, `/pw/get_time_remaining` through the cloud",
        "one more request to Tesla each time; 0 hours when it fails",
        "one more request every five minutes at most; then computed from energy and load, or `null`",
        "requests are limited and counted, and unknown hours are not 0",
    ),
    Difference(
        "`/soe`, `/api/system_status/soe`, `/json`, `/pod`, `/pw/version`; over TEDAPI `/api/status` and `/api/system_status`",
        "no `raw_percentage`, `soe_raw`, `PW1_Type`, `PW3_attached_to`, `vint`, `battery_commission_date`; no limits of power",
        "these keys of pypowerwall-server; the nominal power of the site as limit",
        "programs made for pypowerwall-server look for them",
        server.CASES,
    ),
    Difference(
        "`/api/operation`, to a program that has not logged in",
        "the gateway's own document, with the reserve of the whole pack",
        "the document of pypowerwall-server, with the reserve on the app's scale and grid rules; after a login the gateway's",
        "clients that do not log in were made for pypowerwall-server, and evcc expects the reserve on the app's scale",
        server.OPERATION,
    ),
    Difference(
        "`/api/meters/solar` of a gateway that lists no such meter",
        "`null`, or the meter of another site",
        "one meter with the readings of `/api/meters/aggregates`, as pypowerwall-server",
        "solar readings exist nevertheless",
        server.SOLAR_METER,
    ),
)
