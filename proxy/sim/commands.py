"""What requests change: logins, operation, site master, islanding. One table at the end."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

from proxy.sim.answers import RATE_LIMITED, Answer, answer, forbidden, refusal
from proxy.sim.dispatch import MODES
from proxy.sim.documents import site as documents
from proxy.sim.firmware import V1_17, V20_49, V21
from proxy.sim.gateway import LOGIN, Gateway, Request, Write
from proxy.sim.scene import rfc3339
from proxy.sim.sessions import Role, Session, Verdict, user_record

ACCEPTED = Answer(202, b"", "")
NO_CONTENT = Answer(204, b"", "")
BAD_REQUEST = refusal(400, "Bad Request", "invalid request body")
OFF_GRID, ON_GRID = "intentional_reconnect_failsafe", "backup"
FULL_PERCENT = 100


def fields(request: Request) -> dict[str, Any]:
    """Read a JSON object or a form; anything else is an empty object."""
    if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode(errors="replace")))
    try:
        document = json.loads(request.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _refused(gateway: Gateway, verdict: Verdict) -> Answer:
    if verdict is Verdict.LOCKED_OUT:
        return RATE_LIMITED
    if verdict is Verdict.NEEDS_PRESENCE:
        return refusal(401, "Login Error", "roles [Provider_Engineer] require physical access")
    new = gateway.persona.version >= V20_49
    return refusal(401, "Login Error", "bad credentials" if new else "Invalid Credentials")


def login(gateway: Gateway, request: Request, _session: Session | None) -> Answer:
    """Open a session. Before 1.17 that alone stops the site master; later only if requested."""
    given = fields(request)
    username, password = str(given.get("username", "")), str(given.get("password", ""))
    now, version = gateway.clock.monotonic(), gateway.persona.version
    verdict = gateway.sessions.judge(now, username, password)
    if verdict is not Verdict.ACCEPTED:
        return _refused(gateway, verdict)
    engineer = username == "installer" or version < V1_17
    force = str(given.get("force_sm_off", "")).lower() == "true"
    if engineer and (force or version < V1_17):
        gateway.plant.running = False
    email = given.get("email") if version >= V1_17 else None
    session = gateway.sessions.open(now, Role.INSTALLER if engineer else Role.CUSTOMER, email)
    record = user_record(session)
    if version >= V1_17:
        record["loginTime"] = rfc3339(gateway.clock.wall(), gateway.site.timezone)
    cookie = base64.urlsafe_b64encode(json.dumps(record).encode()).decode()
    body = answer(record).body
    return Answer(200, body, cookies=(f"AuthCookie={session.token}; Path=/", f"UserRecord={cookie}; Path=/"))


def logout(gateway: Gateway, _request: Request, session: Session | None) -> Answer:
    """End the session."""
    if session is not None:
        gateway.sessions.end(session.token)
    return NO_CONTENT


def may_write(gateway: Gateway, session: Session | None) -> bool:
    """Whether this session may change mode, reserve and islanding."""
    return gateway.persona.customer_writes or (session is not None and session.role is Role.INSTALLER)


def operation(gateway: Gateway, request: Request, session: Session | None) -> Answer:
    """Store mode and reserve; they take effect with ``/api/config/completed``.

    The whole object is replaced: a key that is missing is not kept but refused.
    """
    if not may_write(gateway, session):
        return forbidden("POST")
    given = fields(request)
    mode = given.get("real_mode", given.get("mode"))
    reserve = given.get("backup_reserve_percent")
    if mode not in MODES or isinstance(reserve, bool) or not isinstance(reserve, (int, float)):
        return BAD_REQUEST
    if not 0 <= reserve <= FULL_PERCENT:
        return BAD_REQUEST
    gateway.site.pending = {"mode": mode, "reserve": float(reserve)}
    stored = documents.operation(gateway.scene())
    key = "real_mode" if "real_mode" in stored else "mode"
    return answer(stored | {key: mode, "backup_reserve_percent": reserve})


def config_completed(gateway: Gateway, _request: Request, _session: Session | None) -> Answer:
    """Apply what waits; 21.x answers with the status document."""
    pending, gateway.site.pending = gateway.site.pending, None
    if pending:
        gateway.site.mode = gateway.plant.mode = pending["mode"]
        gateway.site.reserve = gateway.plant.reserve = pending["reserve"]
        gateway.site.commission_count += 1
    if gateway.persona.version >= V21:
        return Answer(202, answer(documents.status(gateway.scene())).body)
    return ACCEPTED


def start(gateway: Gateway, _request: Request, _session: Session | None) -> Answer:
    """Start the site master."""
    gateway.catch_up()
    gateway.plant.running = True
    return ACCEPTED


def stop(gateway: Gateway, _request: Request, _session: Session | None) -> Answer:
    """Stop the site master: five documents answer 502 from now on."""
    gateway.catch_up()
    gateway.plant.running = False
    return ACCEPTED


def islanding(gateway: Gateway, request: Request, session: Session | None) -> Answer:
    """Leave the grid or return to it; the grid status follows in its own time."""
    if not may_write(gateway, session):
        return forbidden("POST")
    given = fields(request)
    gateway.catch_up()
    if given.get("island_mode") == OFF_GRID:
        gateway.plant.contactor.open(gateway.plant.seconds)
    elif given.get("island_mode") == ON_GRID:
        gateway.plant.contactor.close(gateway.plant.seconds)
    else:
        return BAD_REQUEST
    return answer(given)


def site_name(gateway: Gateway, request: Request, _session: Session | None) -> Answer:
    """Rename the site."""
    given = fields(request)
    if not isinstance(given.get("site_name"), str):
        return BAD_REQUEST
    gateway.site.name = given["site_name"]
    return answer(documents.site_name(gateway.scene()))


def change_password(gateway: Gateway, request: Request, _session: Session | None) -> Answer:
    """Replace the customer's password, given the old one."""
    given = fields(request)
    if given.get("old_password") != gateway.sessions.password or not given.get("new_password"):
        return BAD_REQUEST
    gateway.sessions.password = str(given["new_password"])
    return answer({"password": gateway.sessions.password})


_ALWAYS = {
    ("POST", LOGIN): Write(login),
    ("GET", "/api/logout"): Write(logout),
    ("POST", "/api/operation"): Write(operation),
    ("GET", "/api/config/completed"): Write(config_completed, V20_49),
    ("GET", "/api/sitemaster/run"): Write(start, V20_49),
    ("POST", "/api/sitemaster/stop"): Write(stop, V20_49),
    ("POST", "/api/v2/islanding/mode"): Write(islanding),
    ("POST", "/api/site_info/site_name"): Write(site_name),
    ("POST", "/api/password/change"): Write(change_password),
}
_OLD = _ALWAYS | {("GET", "/api/sitemaster/stop"): Write(stop, V20_49)}
_POWERWALL3 = {("POST", LOGIN): Write(login), ("GET", "/api/logout"): Write(logout)}

# GETs that change something, beside those above; the simulator refuses them but they count as writes.
WRITING_GETS = frozenset(
    {
        "/api/logout",
        "/api/config/completed",
        "/api/sitemaster/run",
        "/api/sitemaster/stop",
        "/api/powerwalls/update",
        "/api/powerwalls/phase_detection",
        "/api/solar_powerwall/reset",
        "/api/system/update",
    }
)


def writes_of(gateway: Gateway) -> dict[tuple[str, str], Write]:
    """Select the table for a firmware."""
    if not gateway.persona.full_rest:
        return _POWERWALL3
    return _ALWAYS if gateway.persona.version >= V20_49 else _OLD


def is_write(method: str, path: str) -> bool:
    """Say whether a request to ``/api/…`` is of class W or D: it changes something. A login does not count."""
    if method in {"GET", "HEAD", "OPTIONS"}:
        return path in WRITING_GETS or (path.startswith("/api/solar_powerwall/") and path.endswith("/reset"))
    return path != LOGIN
