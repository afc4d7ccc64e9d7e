"""Sessions of our own, for programs made for a gateway: they open nothing there.

Who carries one gets the gateway's own bytes; a client with one that is unknown (any more) gets
so, and logs in again; who carries none gets the proxy's documented answers.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum

from aiohttp import web

from proxy.server.gateway_api.signed_tokens import SignedTokens
from proxy.server.http.admission import bearer_of

_LIFETIME_S = 24 * 3600.0  # a session at the gateway lives about as long
_MOST_SESSIONS = 256
_TOKEN_BYTES = 64
# Cookie values that the pypowerwall proxy hands to browsers in place of a session.
_NO_SESSION = frozenset({"", "1234567890", "local"})


class Session(Enum):
    """What a request shows of a session."""

    NONE = "none"
    VALID = "valid"
    LOST = "lost"


class Sessions:
    """Hashes of tokens of ours and when they end, in order of last use; the oldest goes when there are too many.

    ``changed`` is called when a session begins or is ended.
    """

    def __init__(self, now: Callable[[], float], most: int = _MOST_SESSIONS) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._now = now
        self._most = most
        self._ends: OrderedDict[str, float] = OrderedDict()
        self._signed: SignedTokens | None = None
        self._closed: OrderedDict[str, None] = OrderedDict()

    def sign_with(self, key: bytes, now: Callable[[], float]) -> None:
        """Give out tokens that every process with this key accepts; ``now`` is a time (s) that they share.

        One that is closed here is refused here only, until it ends.
        """
        self._signed = SignedTokens(key, now)

    def open(self) -> str:
        """Return a new token."""
        if self._signed is not None:
            return self._signed.make(_LIFETIME_S)
        token = base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).decode()
        self._ends[_hash(token)] = self._now() + _LIFETIME_S
        while len(self._ends) > self._most:
            self._ends.popitem(last=False)
        self.changed()
        return token

    def is_open(self, token: str) -> bool:
        """Say whether a token is one of ours and has not ended."""
        key = _hash(token)
        if self._signed is not None and key not in self._closed and self._signed.is_valid(token):
            return True
        ends = self._ends.get(key)
        if ends is None:
            return False
        if ends <= self._now():
            del self._ends[key]
            return False
        self._ends.move_to_end(key)
        return True

    def close(self, token: str) -> None:
        """End a session."""
        if self._signed is not None and self._signed.is_valid(token):
            self._closed[_hash(token)] = None
            while len(self._closed) > self._most:
                self._closed.popitem(last=False)
        if self._ends.pop(_hash(token), None) is not None:
            self.changed()

    def left(self) -> dict[str, float]:
        """Return for how many seconds the session of each hash goes on."""
        now = self._now()
        return {key: ends - now for key, ends in self._ends.items() if ends > now}

    def resume(self, left: Mapping[str, float]) -> None:
        """Take sessions over that an earlier process began; none lasts longer than a new one."""
        now = self._now()
        for key, seconds in list(left.items())[-self._most :]:
            if seconds > 0:
                self._ends[key] = now + min(seconds, _LIFETIME_S)

    def __len__(self) -> int:
        return len(self._ends)


def _hash(token: str) -> str:
    """Tokens are random, so a plain hash is enough: a reader of the file cannot use them."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def session_of(request: web.BaseRequest, sessions: Sessions) -> Session:
    """Say what session a request for a path below /api/ shows.

    A browser sends the cookies of whatever else ran on this host: they are no lost session.
    """
    tokens = tokens_of(request)
    if any(sessions.is_open(token) for token in tokens):
        return Session.VALID
    return Session.LOST if tokens and "Sec-Fetch-Site" not in request.headers else Session.NONE


def waits_for_challenge(user_agent: str) -> bool:
    """Say whether a request over TLS that shows no session may come from the pypowerwall library (0.22).

    It logs in only when it is refused, and would take the app's scale for the gateway's.
    """
    return user_agent.startswith("python-requests/")


def tokens_of(request: web.BaseRequest) -> list[str]:
    """Return what a request shows as sessions, in its cookie and as a bearer."""
    shown = [request.cookies.get("AuthCookie", ""), bearer_of(request) or ""]
    return [token for token in shown if token not in _NO_SESSION]
