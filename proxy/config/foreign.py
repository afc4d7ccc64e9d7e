"""Settings of pypowerwall-server and of the pypowerwall proxy that have no meaning here, and why.

A setting that is a row of SETTINGS has one: rows win over this table.
"""

from __future__ import annotations

from typing import Final

# By name, or by the beginning that several have (it ends in an underscore).
REASONS: Final = {
    "PW_FIRMWARE_CHECK_INTERVAL": "the firmware is read again whenever the gateway was away",
    "PW_TEDAPI_AUTH_MODE": "the gateway's password is sent with each request (HTTP Basic)",
    "PW_TIMESERIES_": "the history has settings of its own (PW_HISTORY)",
    "PW_WORKERS": "one process serves all clients",
}


def reason(name: str) -> str | None:
    """Say why a setting has no meaning here; None for one that is in no table."""
    if name in REASONS:
        return REASONS[name]
    return next(
        (why for known, why in REASONS.items() if known.endswith("_") and name.startswith(known)), None
    )
