"""What Tesla's servers are known to answer when something is wrong, by name: ready-made faults.

A fault of reads and writes concerns everything below ``/api/1``; those of the sign-in server
its token endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.sim.faults import Fault

API = "/api/1/*"
TOKEN = "/oauth2/v3/token"  # noqa: S105 - a path


def _error(error: str) -> Mapping[str, Any]:
    return {"response": None, "error": error, "error_description": ""}


TROUBLES: Mapping[str, Fault] = {
    "token-expired": Fault(API, status=401, body=_error("token expired (401)")),
    "payment": Fault(API, status=402, body=_error("subscription_required")),
    "owner-refused": Fault(
        API, status=403, body=_error("forbidden, see https://developer.tesla.com/docs/fleet-api")
    ),
    "scope": Fault(API, status=403, body=_error("Unauthorized missing scopes")),
    "billing-limit": Fault(API, status=403, body=_error("account disabled: EXCEEDED_LIMIT")),
    "not-found": Fault("/api/1/energy_sites/*", status=404, body=_error("not_found")),
    "offline": Fault("/api/1/energy_sites/*", status=408, body=_error("device is offline or asleep")),
    "unregistered": Fault(
        API, status=412, body=_error("Account simulated-client must be registered in the current region")
    ),
    "locked": Fault(API, status=423, body=_error("account is locked")),
    "rate-limit": Fault(API, status=429, body=_error("Retry in 10 seconds")),
    "rate-limit-seconds": Fault(
        API, status=429, headers={"Retry-After": "120"}, body=_error("too many requests")
    ),
    "rate-limit-reset": Fault(
        API,
        status=429,
        headers={"RateLimit-Minute-Reset": "20", "RateLimit-Reset": "45"},
        body=_error("too many requests"),
    ),
    "server-error": Fault(API, status=500, body=_error("upstream internal error")),
    "gateway-unreachable": Fault(API, status=502, body=_error("energy_gateway_unreachable")),
    "unavailable": Fault(API, status=503, body=b""),
    "device-error": Fault(API, status=540, body=_error("device unexpected response")),
    "empty": Fault(API, status=200, body=b""),
    "html": Fault(API, action="html"),
    "null": Fault(API, status=200, body={"response": None}),
    "text": Fault(API, status=200, body={"response": ""}),
    "list": Fault(API, status=200, body={"response": []}),
    "slow": Fault(API, delay_s=60.0),
    "silent": Fault(API, action="hang"),
    "broken": Fault(API, action="reset"),
    "lost-write": Fault("/api/1/energy_sites/*", method="POST", action="reset", after=True),
    "refresh-refused": Fault(TOKEN, status=401, body={"error": "login_required"}),
    "sign-in-down": Fault(TOKEN, status=503, body=b""),
    "lost-refresh": Fault(TOKEN, action="reset", after=True, times=1),
    "no-handshake": Fault(action="stall"),
    "refused": Fault(action="refuse"),
}
