"""Settings of pypowerwall-server and of the pypowerwall proxy that have no meaning here, and why.

A setting that is a row of SETTINGS has one: rows win over this table.
"""

from __future__ import annotations

from typing import Final

# By name, or by the beginning that several have (it ends in an underscore).
REASONS: Final = {
    "CORS_ORIGINS": "web pages of any origin may read what is public, and none may change anything",
    "MQTT_": "this release does not publish to MQTT",
    "PW_FIRMWARE_CHECK_INTERVAL": "",
    "PW_HTTPS_PORT": "PW_HTTPS=yes serves TLS on PW_PORT",
    "PW_ISLANDING_COOLDOWN": "commands to go off grid are rare enough: each needs the secret",
    "PW_RATE_LIMIT_": "requests of clients cost the gateway nothing, and PW_MAX_CONNECTIONS bounds the proxy",
    "PW_TEDAPI_AUTH_MODE": "",
    "PW_TIMESERIES_": "this release keeps no history",
    "PW_WORKERS": "one process serves all clients",
}


def reason(name: str) -> str | None:
    """Say why a setting has no meaning here, "" without a special reason; None for one that is in no table."""
    if name in REASONS:
        return REASONS[name]
    return next(
        (why for known, why in REASONS.items() if known.endswith("_") and name.startswith(known)), None
    )
