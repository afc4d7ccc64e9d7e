"""Every answer that differs from the pypowerwall proxy's on purpose, with its reason.

The corpus test accepts exactly these, and README's migration table is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOT_FOUND = 404


@dataclass(frozen=True)
class Difference:
    """One deliberate difference.

    ``where``, ``peer``, ``here`` and ``reason`` are the cells of the migration table. ``cases`` are
    the recorded answers that show it: "corpus path" to what we answer instead, a document, a text,
    or a status that is an error.
    """

    where: str
    peer: str
    here: str
    reason: str
    cases: dict[str, Any] = field(default_factory=dict)


def both(path: str) -> tuple[str, str]:
    return f"local-pw2 {path}", f"local-pw2novitals {path}"


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
    ),
    Difference(
        "a path that does not exist",
        "200 with the answer of a route of which it begins with the name, or with an error object",
        "404",
        "a misspelt path should be noticed, not answered with something else",
        {
            f"local-pw2 {path}": NOT_FOUND
            for path in (
                *("/csvfoo", "/csv/v3", "/csv/v2x", "/fans/pwx", "/tedapix", "/cloudx", "/fleetapix"),
                *("/pw/", "/pw/nope", "/pw/level/"),
            )
        }
        | {
            case: NOT_FOUND
            for path in ("/tedapi/", "/tedapi/nope", "/cloud/nope", "/fleetapi/nope")
            for case in both(path)
        },
    ),
    Difference(
        "doubled slashes, dot segments and escapes in a path",
        "are resolved, so that `/x/../api/logout` reaches the gateway",
        "404",
        "what is checked must be what is asked for",
        {"local-pw2 //aggregates": NOT_FOUND},
    ),
    Difference(
        "query strings",
        "are part of the name of `/pw/…` and most other routes",
        "are ignored, but for the parameters that a route names",
        "cache busters of displays and browsers",
        {"local-pw2 /pw/level?x=1": {"level": 23.975388}},
    ),
    Difference(
        "`/csv?…headers…`",
        "the word anywhere in the query string adds the first line",
        "the parameter `headers` does",
        "a value that happens to contain the word changes nothing",
        {"local-pw2 /csv/v2?x=headers": "-2100.00,900.00,6500.00,-3500.00,23.98,1,20\n"},
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
)
