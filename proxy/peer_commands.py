"""The command lines of the pypowerwall proxy's library: those for which there is a command here become it.

``python3 -m pypowerwall setup -email E`` and its relatives stand in guides and scripts; what follows the
module's name there is understood here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

# Options of the peer with a value, and ours.
_VALUES: Final[Mapping[str, str]] = {
    "-email": "--email",
    "-region": "--region",
    "-authpath": "--auth-path",
}
_MODES: Final[Mapping[str, str]] = {"-fleetapi": "fleet", "-cloud": "owner", "-local": "customer"}
# Options without a meaning here: no browser is driven, and a log level is a setting.
_IGNORED: Final = frozenset({"-headless", "-debug", "-noconnect"})
_REGIONS: Final[Mapping[str, str]] = {"us": "na"}
# Commands that are none here, and what to use.
_INSTEAD: Final[Mapping[str, str]] = {
    "get": "readings are routes of the running proxy, such as /json, /csv and /api/operation",
    "set": "settings are POSTed to the running proxy: /control/mode, /control/reserve, ... (docs/control.md)",
    "authtoken": "powerwall-proxy setup --mode owner signs in and keeps the tokens",
    "sites": "powerwall-proxy setup --mode fleet lists the sites of the account",
    "status": "the running proxy answers it at /fleetapi/status",
    "info": "the running proxy answers it at /fleetapi/info",
    "getmode": "the running proxy answers it at /control/mode",
    "getreserve": "the running proxy answers it at /control/reserve",
    "setmode": "POST to /control/mode of the running proxy",
    "setreserve": "POST to /control/reserve of the running proxy",
}


def translated(words: Sequence[str]) -> list[str] | None:
    """Return our command line for one of the peer's, None for what is none of them."""
    match [*words]:
        case ["fleetapi"]:
            return ["setup", "--mode", "fleet"]
        case ["fleetapi", "setup", *options]:
            return ["setup", "--mode", "fleet", *_site(options)]
        case ["setup", *options] if any(_is_theirs(option) for option in options):
            return ["setup", *_options(options)]
        case ["cloudcheck", *_]:
            return ["doctor"]
        case _:
            return None


def instead(words: Sequence[str]) -> str:
    """Say what to use instead of a command of the peer that is none here; empty if it is not one of those."""
    command = words[1] if len(words) > 1 and words[0] == "fleetapi" else words[0]
    return _INSTEAD.get(command, "")


def _site(options: Sequence[str]) -> list[str]:
    """Keep the site that is named; the file has its place in PW_AUTH_PATH."""
    given = [part for option in options for part in option.split("=", 1)]
    return next(([*pair] for pair in pairwise(given) if pair[0] == "--site"), [])


def _is_theirs(option: str) -> bool:
    name = option.partition("=")[0]
    return name in _VALUES or name in _MODES or name in _IGNORED


def _options(options: Sequence[str]) -> list[str]:
    """Translate the options of ``setup``; without another mode it is that of the Owner API. Others stay as they are."""
    mode, given = "owner", []
    rest = [part for option in options for part in _parts(option)]
    while rest:
        option = rest.pop(0)
        if option in _MODES:
            mode = _MODES[option]
        elif option in _VALUES and rest:
            value = rest.pop(0)
            given += [_VALUES[option], _REGIONS.get(value, value)]
        elif option not in _IGNORED:
            given.append(option)
    return ["--mode", mode, *given]


def _parts(option: str) -> list[str]:
    name, equals, value = option.partition("=")
    return [name, value] if equals and name in _VALUES else [option]
