"""The proxy as a gateway: a login of our own for programs that were made for one.

Home Assistant, evcc, the pypowerwall library and others log in to a gateway and then read its
API. Here they get a session of ours, which opens nothing at the gateway. Who carries one gets
the gateway's own bytes; who carries one that is unknown (any more) is told so in the gateway's
words, so that it logs in again; who carries none gets the proxy's documented answers.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from proxy.server.admission import bearer_of
from proxy.server.body import read_body
from proxy.server.problems import COMMON_HEADERS, problem

if TYPE_CHECKING:
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

_LIFETIME_S = 24 * 3600.0  # a session at the gateway lives about as long
_MOST_SESSIONS = 256
_TOKEN_BYTES = 64
_LONGEST_BODY = 4096
# Cookie values that the pypowerwall proxy hands to browsers in place of a session.
_NO_SESSION = frozenset({"", "1234567890", "local"})
_FORM = "application/x-www-form-urlencoded"


class Session(Enum):
    """What a request shows of a session."""

    NONE = "none"
    VALID = "valid"
    LOST = "lost"


class Sessions:
    """Tokens of ours and when they end, in order of last use; the oldest goes when there are too many."""

    def __init__(self, now: Callable[[], float], most: int = _MOST_SESSIONS) -> None:
        self._now = now
        self._most = most
        self._ends: OrderedDict[str, float] = OrderedDict()

    def open(self) -> str:
        """Return a new token."""
        token = base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).decode()
        self._ends[token] = self._now() + _LIFETIME_S
        while len(self._ends) > self._most:
            self._ends.popitem(last=False)
        return token

    def is_open(self, token: str) -> bool:
        """Say whether a token is one of ours and has not ended."""
        ends = self._ends.get(token)
        if ends is None:
            return False
        if ends <= self._now():
            del self._ends[token]
            return False
        self._ends.move_to_end(token)
        return True

    def close(self, token: str) -> None:
        """End a session."""
        self._ends.pop(token, None)

    def __len__(self) -> int:
        return len(self._ends)


def session_of(request: web.BaseRequest, sessions: Sessions) -> Session:
    """Say what session a request for a path below /api/ shows.

    A browser sends the cookies of whatever else ran on this host: they are no lost session.
    """
    tokens = _tokens(request)
    if any(sessions.is_open(token) for token in tokens):
        return Session.VALID
    return Session.LOST if tokens and "Sec-Fetch-Site" not in request.headers else Session.NONE


def waits_to_be_asked(user_agent: str) -> bool:
    """Say whether a request over TLS that shows no session may come from the pypowerwall library (0.22).

    It logs in only when it is refused, and would take the app's scale for the gateway's.
    """
    return user_agent.startswith("python-requests/")


def _tokens(request: web.BaseRequest) -> list[str]:
    shown = [request.cookies.get("AuthCookie", ""), bearer_of(request) or ""]
    return [token for token in shown if token not in _NO_SESSION]


def refused() -> web.Response:
    """Answer a request with a lost session as the gateway does."""
    return _gateway_error(401, "Token Expired", "bad credentials")


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoints of this module, by name."""
    if context.sessions is None:
        return {"login": _switched_off, "logout": _switched_off}
    sessions, password = context.sessions, context.settings.lan_password

    async def login(request: web.Request, _: Route) -> web.Response:
        ask = await _credentials(request)
        if ask is None:
            return _gateway_error(400, "Login Error", "bad request")
        given = str(ask.get("password") or "")
        # On bytes: compare_digest refuses text that is not ASCII.
        if password and not hmac.compare_digest(given.encode(), password.encode()):
            return _gateway_error(401, "Login Error", "bad credentials")
        record = _Record(sessions.open(), _text(ask.get("email")), context.clock.wall())
        return record.answer(secure=request.secure)

    async def logout(request: web.Request, _: Route) -> web.Response:
        for token in _tokens(request):
            sessions.close(token)
        answer = web.Response(status=204, headers=COMMON_HEADERS)
        for name in ("AuthCookie", "UserRecord"):
            answer.headers.add("Set-Cookie", f"{name}=; Path=/; Max-Age=0")
        return answer

    return {"login": login, "logout": logout}


async def _switched_off(_: web.Request, __: Route) -> web.Response:
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


@dataclass(frozen=True, slots=True)
class _Record:
    """A login as the gateway confirms it."""

    token: str
    email: str
    at: float  # wall-clock seconds

    def answer(self, *, secure: bool) -> web.Response:
        body = {
            "email": self.email,
            "firstname": "Tesla",
            "lastname": "Energy",
            "roles": ["Home_Owner"],
            "token": self.token,
            "provider": "Basic",
            "loginTime": datetime.fromtimestamp(self.at, UTC).isoformat(),
        }
        user = {
            key: body[key] for key in ("email", "firstname", "lastname", "roles", "provider", "loginTime")
        }
        cookie = base64.urlsafe_b64encode(json.dumps(user).encode()).decode()
        answer = web.Response(
            body=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Cache-Control": "no-store", **COMMON_HEADERS},
        )
        suffix = "; Path=/; Secure" if secure else "; Path=/"
        # As raw headers: set_cookie() would put values that end in "==" in double quotes.
        answer.headers.add("Set-Cookie", f"AuthCookie={self.token}{suffix}")
        answer.headers.add("Set-Cookie", f"UserRecord={cookie}{suffix}")
        return answer


def _gateway_error(status: int, message: str, error: str) -> web.Response:
    body = json.dumps({"code": status, "error": error, "message": message}).encode()
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **COMMON_HEADERS}
    return web.Response(status=status, body=body, headers=headers)
