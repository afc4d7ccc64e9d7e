"""Recorded sessions of pypowerwall-server's control, replayed in order: the same class of status each time."""

from __future__ import annotations

import json

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import knows
from tests.shared import SHARED

COMPAT = SHARED / "compat"
SESSIONS = json.loads((COMPAT / "server-control.json").read_text())["sessions"]
# The guard waits for a minute's end before it looks at another token.
A_MINUTE_S = 61
DISPATCH = ("/control/dispatch", "/control/resume", "/control/nope", "/control/", "/control/max_backup/x")
# What differs, and what is answered instead: everything else has the class of status that the server gives.
INSTEAD = {
    **dict.fromkeys(DISPATCH, 4),  # not available here, and nothing reaches a gateway because it was named
    "/api/gateways/default/api/operation": 4,  # writes go through /control
    "/api/tesla/time_of_use_settings": 4,
    "/control/islanding": 4,  # PW_CONTROL_ISLANDING is off
}
# Taken here: a token in a JSON body, decimals, forms for hold and islanding, seconds below a minute, and level as text.
TAKEN = (
    ("/control/reserve", '"token": "SECRET"'),
    ("/control/reserve", "20.5"),
    ("/control/reserve", '"20"'),
    ("/control/reserve_hold", "token=SECRET"),
    ("/control/mode", '"80"'),
    ("/control/grid_charging", '"true"'),
    ("/control/max_backup", "59"),
    ("/control/max_backup", "value=10&"),
)


def body_of(request: dict) -> bytes | None:
    text = request.get("body")
    if text is not None and text.endswith("(5031 bytes)"):
        return b"value=" + b"9" * 5025
    return None if text is None else text.encode()


def expected(request: dict) -> set[int]:
    """Classes of status that are right."""
    path, body = request["path"].partition("?")[0], request.get("body", "")
    if request["method"] == "POST" and path in INSTEAD:
        return {INSTEAD[path]}
    if any(path == place and part in body for place, part in TAKEN):
        return {2, 4, 5}
    if path == "/control/reserve" and body == "{}":
        return {2}  # without a value it reads
    if '"value": 85' in body or '"level": 300' in body:
        return {4}  # firmware since 25.18 drops the one, none has the other
    if path == "/health/reset" and "authorization" not in request:
        return {2}  # counters are no secret
    return {request["status"] // 100}


def of_one_that_refuses(request: dict) -> set[int]:
    """The same for a gateway that refuses writes: the error is its own, and what it does not report is 404."""
    classes = expected(request)
    is_unreported = request["path"] in {f"/control/{name}" for name in UNREPORTED}
    return classes | ({4, 5} if not classes & {2} or is_unreported else set())


# What the local API has no word about; the server takes it for false, unknown or another connection.
UNREPORTED = ("grid_charging", "grid_export", "max_backup")


@pytest.mark.parametrize("session", SESSIONS, ids=lambda each: f"{each['driver']} {each.get('remark', '')}")
async def test_a_session_is_answered_as_it_was(session, start, clock, key, subtests):
    """And the gateway holds the reserve that it held after each step there."""
    settings = {"password": "", "control_secret": session["settings"].get("PW_CONTROL_SECRET", "")}
    if "PW_RSA_KEY_PATH" in session["settings"]:
        settings |= {"gw_pwd": "ABCDEFGHIJ", "rsa_key_path": str(key.path)}
    else:
        settings |= {"password": "password"}
    async with SimulatedGateway.from_capture(COMPAT / session["gateway"], clock=clock.clock) as sim:
        knows(sim, key)
        refuses = "refuses" in session.get("remark", "")
        if refuses:
            sim.faults.add(Fault("/api/operation", method="POST", status=403))
        classes = of_one_that_refuses if refuses else expected
        proxy = await start(sim, **settings)
        for number, request in enumerate(session["requests"]):
            clock.advance(A_MINUTE_S)
            headers = {
                name: request[field]
                for name, field in (
                    ("Content-Type", "request_content_type"),
                    ("Authorization", "authorization"),
                )
                if field in request
            }
            with subtests.test(number=number, path=request["path"], body=request.get("body")):
                answer = await proxy.request(
                    request["method"],
                    request["path"],
                    data=body_of(request),
                    headers=headers,
                    skip_auto_headers=["Content-Type"],
                )
                assert answer.status // 100 in classes(request), answer.text
                recorded, wrote = request.get("json"), "set_backup_reserve_percent"
                if answer.status == 200 and isinstance(recorded, dict) and wrote in recorded:
                    held = answer.json()[wrote]["backup_reserve_percent"]
                    assert held == pytest.approx(recorded[wrote]["backup_reserve_percent"], abs=1e-6)
