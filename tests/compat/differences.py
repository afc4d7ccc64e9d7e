"""Every answer that differs from the pypowerwall proxy's on purpose, with its reason.

The corpus test accepts exactly these, and the table in docs/migrating.md is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
        "an unknown grid is not a grid that is down, an unknown flag is not off",
        tedapi.full("/pod", edit=tedapi.flags_unknown),
    ),
    Difference(
        "a path that does not exist",
        "200 with the answer of a route of which it begins with the name, or with an error object",
        "404",
        "a misspelt path should be noticed, not answered with something else",
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
            for path in ("/tedapi/", "/tedapi/nope", "/cloud/nope", "/fleetapi/nope")
        },
    ),
    Difference(
        "doubled slashes, dot segments and escapes in a path",
        "are resolved, so that `/x/../api/logout` reaches the gateway",
        "404",
        "what is checked must be what is asked for",
        {f"{corpus} //aggregates": NOT_FOUND for corpus in ODD_PATHS},
    ),
    Difference(
        "query strings",
        "are part of the name of `/pw/…` and most other routes",
        "are ignored, but for the parameters that a route names",
        "cache busters of displays and browsers",
        {
            "local-pw2 /pw/level?x=1": {"level": 23.975388},
            "tedapi-pw2 /pw/level?x=1": {"level": 24.074074074074073},
        },
    ),
    Difference(
        "`/csv?…headers…`",
        "the word anywhere in the query string adds the first line",
        "the parameter `headers` does",
        "a value that happens to contain the word changes nothing",
        {
            "local-pw2 /csv/v2?x=headers": "-2100.00,900.00,6500.00,-3500.00,23.98,1,20\n",
            "tedapi-pw2 /csv/v2?x=headers": "-2100.00,900.00,6500.00,-3500.00,24.07,1,20\n",
        },
    ),
    Difference(
        "`/vitals`, `/pw/vitals` on firmware 23.44 and later",
        "`null`",
        "`{}`",
        "there are no vitals to be unknown; `null` breaks readers that expect an object",
        {"local-pw2novitals /vitals": {}, "local-pw2novitals /pw/vitals": {}},
    ),
    Difference(
        "`PW1…` in `/freq`, `/pod`, `/temps/pw`",
        "counted anew in every list, so that PW2 may be one pack's serial number and another's energy",
        "one number per pack, found through the device's parent, kept across restarts",
        "series of a dashboard belong to one pack for good",
        {
            "tedapi-pw3 /pod": tedapi.packs_in_order,
            "hybrid-pw2 /pod": tedapi.two_sites,
            "hybrid-pw2 /freq": tedapi.two_sites,
        },
    ),
    Difference(
        "`PW_NEG_SOLAR`, `PW_SITE_ZERO_THRESHOLD`",
        "applied in different order on `/aggregates`, `/csv`, `/json`; not on `/pw/…`",
        "alike on every route that shows power; the home takes what solar or grid lose",
        "home = grid + battery + solar stays true",
    ),
    Difference(
        "`/api/meters/aggregates`",
        "corrected like `/aggregates`",
        "the gateway's own bytes",
        "below /api is what the gateway says",
    ),
    Difference(
        "`/api/system_status/soe` below 5 %",
        "negative",
        "0",
        "the app's scale starts at 0, as the reserve's does",
    ),
    Difference(
        "`/strings` with ten inverters and more",
        "the tenth overwrites the first",
        "named A9, B9, …, A10, …",
        "no string is lost",
    ),
    Difference(
        "`/alerts`, `/pw/alerts`, `/alerts/pw`",
        "in an order that changes with every start",
        "sorted",
        "two answers can be compared",
    ),
    Difference(
        "cookies of any answer",
        "the session of the gateway itself",
        "none, or after a login the proxy's own session",
        "whoever has the gateway's session can do more than read",
    ),
    Difference(
        "`/api/system_status/soe` over TLS, from a program that uses Python's requests and has not logged in",
        "app scale",
        "401; after a login the whole pack's scale, as from a gateway",
        "the pypowerwall library logs in only when it is refused; `/soe` and `/pw/level` need no login",
    ),
    Difference(
        "`/api/troubleshooting/problems`",
        "always an empty list",
        "the gateway's list",
        "problems are there to be read",
    ),
    Difference(
        "meters over TEDAPI",
        "0 for reactive power, phase currents, frequency and energies; a remark as `disclaimer`",
        "`null` for what nobody tells, the frequency as measured, energies as counted from power "
        "(header `Energy-Counters: integrated`; `PW_INTEGRATE_ENERGY=no`: `null`)",
        "a zero would be taken for a measurement",
        tedapi.meters("tedapi-pw2") | tedapi.meters("tedapi-pw3"),
    ),
    Difference(
        "`p_out` of battery blocks over TEDAPI",
        "kilowatts",
        "watts",
        "the local API has watts",
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
        "`null` for what TEDAPI does not tell",
        "limits of 0 W and another house's date are not facts of this one",
        tedapi.full("/api/system_status", "/pw/system_status", edit=tedapi.system_status),
    ),
    Difference(
        "`pinv_grid_state` of a Powerwall 3",
        "`null`",
        "the islander's grid state; an empty text for an expansion pack",
        "Home Assistant's integration ends with an error at `null`",
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
        "Home Assistant's integration wants a flag, and nothing says that they are active",
        tedapi.full(
            "/api/system_status/grid_status",
            "/pw/grid_status",
            edit=lambda told: told | {"grid_services_active": False},
        ),
    ),
    Difference(
        "`/api/status` over TEDAPI",
        "the date of commissioning as `start_time`; no `git_hash`, no `device_type`",
        "start and up-time of the synchroniser, or at least since the proxy has known the gateway; hash and type",
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
        "nulls, or the units and meters of somebody else's house",
        "what the gateway's configuration tells",
        "another house's serial numbers are not an answer",
        tedapi.full("/api/site_info", edit=documents.SITE_INFO)
        | {f"{corpus} /api/powerwalls": tedapi.powerwalls(corpus) for corpus in tedapi.FULL}
        | {"tedapi-pw2 /api/meters": documents.NEURIO, "tedapi-pw3 /api/meters": documents.BACKUP_SWITCH}
        | {"tedapi-pw2 /api/meters/solar": documents.SOLAR_METER, "tedapi-pw3 /api/meters/solar": NOT_FOUND},
    ),
    Difference(
        "`/api/sitemaster` over TEDAPI",
        "always connected to Tesla",
        "whether the site manager runs; `null` for the rest",
        "TEDAPI does not tell it",
        tedapi.full(
            "/api/sitemaster",
            edit=lambda told: told | dict.fromkeys(("connected_to_tesla", "power_supply_mode", "can_reboot")),
        ),
    ),
    Difference(
        "routes below `/api` that TEDAPI does not tell",
        "somebody else's answer, or the text `TIMEOUT!`",
        "404",
        "nothing is invented",
        tedapi.full(*tedapi.CANNED, edit=NOT_FOUND),
    ),
    Difference(
        "`/vitals` over TEDAPI",
        "`TESYNC--None--None`, `TESLA--None`; `PVAC_Pout` of a Powerwall 3 is its battery's power",
        "devices that exist; the islander's readings at the backup switch where there is no synchroniser; "
        "`PVAC_Pout` is solar power",
        "a device without a serial number is none, and a battery is no sun",
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
)
