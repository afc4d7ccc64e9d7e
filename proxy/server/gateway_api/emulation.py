"""The proxy as a gateway: login and logout for programs that were made for one, in its words.

Home Assistant, evcc, the pypowerwall library and others log in to a gateway and then read its
API. Here they get a session of ours (``sessions``), which opens nothing at the gateway.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from proxy.server.gateway_api.sessions import tokens_of
from proxy.server.http.admission import client_of, is_encrypted
from proxy.server.http.body import read_body
from proxy.server.http.guard import AuthResult
from proxy.server.http.problems import COMMON_HEADERS, private, problem, retry_after

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

_LONGEST_BODY = 4096
_FORM = "application/x-www-form-urlencoded"


def refused() -> web.Response:
    """Answer a request with a lost session as the gateway does."""
    return _gateway_error(401, "Token Expired", "bad credentials")


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoints of this module, by name."""
    if context.sessions is None:
        return {"login": _switched_off, "logout": _switched_off}
    sessions, guard = context.sessions, context.login_guard

    async def login(request: web.Request, _: Route, __: Gateway) -> web.Response:
        login = await _credentials(request)
        if login is None:
            return _gateway_error(400, "Login Error", "bad request")
        if guard.is_on:
            given = str(login.get("password") or "")
            verdict = await guard.admit(given, client_of(request, context.settings))
            if verdict.entry is AuthResult.WAIT:
                wait = {"Retry-After": retry_after(verdict.wait_s)}
                return _gateway_error(429, "Login Error", "too many wrong passwords", wait)
            if verdict.entry is not AuthResult.GRANTED:
                return _gateway_error(401, "Login Error", "bad credentials")
        email, now = _text(login.get("email")), context.clock.wall()
        return _confirmed(sessions.open(), email, now, secure=is_encrypted(request, context.settings))

    async def logout(request: web.Request, _: Route, __: Gateway) -> web.Response:
        for token in tokens_of(request):
            sessions.close(token)
        answer = web.Response(status=204, headers=COMMON_HEADERS)
        for name in ("AuthCookie", "UserRecord"):
            answer.headers.add("Set-Cookie", f"{name}=; Path=/; Max-Age=0")
        return answer

    return {"login": login, "logout": logout}


async def _switched_off(_: web.Request, __: Route, ___: Gateway) -> web.Response:
    return problem(404, "Logins are switched off here (PW_EMULATE_GATEWAY=no).")


async def _credentials(request: web.Request) -> Mapping[str, Any] | None:
    """Read the body, JSON or form as clients please; None if it is neither."""
    body = await read_body(request, _LONGEST_BODY)
    if body is None:
        return None
    try:
        if request.content_type == _FORM:
            return dict(parse_qsl(body.decode()))
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _confirmed(token: str, email: str, at: float, *, secure: bool) -> web.Response:
    """Confirm a login at this time (wall-clock seconds), as the gateway does."""
    login = {
        "email": email,
        "firstname": "Tesla",
        "lastname": "Energy",
        "roles": ["Home_Owner"],
        "token": token,
        "provider": "Basic",
        "loginTime": datetime.fromtimestamp(at, UTC).isoformat(),
    }
    answer = private(200, login)
    user = {key: value for key, value in login.items() if key != "token"}
    record = base64.urlsafe_b64encode(json.dumps(user).encode()).decode()
    suffix = "; Path=/; Secure" if secure else "; Path=/"
    # As raw headers: set_cookie() would put values that end in "==" in double quotes.
    answer.headers.add("Set-Cookie", f"AuthCookie={token}{suffix}")
    answer.headers.add("Set-Cookie", f"UserRecord={record}{suffix}")
    return answer


def _gateway_error(
    status: int, message: str, error: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    return private(status, {"code": status, "error": error, "message": message}, headers)
