"""Logins, tokens, lock-out and rate limit of the simulated gateway.

Times are monotonic seconds that the caller passes in. Defaults of the limits are
estimates; what real gateways answer when one is reached is not.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any


class Role(Enum):
    """Who is logged in."""

    CUSTOMER = "Home_Owner"
    INSTALLER = "Provider_Engineer"


class Verdict(Enum):
    """Why a login succeeds or not."""

    ACCEPTED = "accepted"
    BAD_CREDENTIALS = "bad credentials"
    LOCKED_OUT = "locked out"
    NEEDS_PRESENCE = "needs presence"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gateway tolerates."""

    bad_logins: int = 5
    bad_logins_within_s: float = 300.0
    lockout_s: float = 600.0
    requests: int | None = None  # per ``requests_within_s``, then 429 for ``cooldown_s``
    requests_within_s: float = 10.0
    cooldown_s: float = 300.0
    sessions: int | None = None  # one more drops the oldest
    connections: int | None = None  # more answer 503


@dataclass(slots=True)
class Session:
    """A token and whom it belongs to."""

    token: str
    role: Role
    email: str | None
    ends_at: float


@dataclass(slots=True)
class Sessions:
    """All sessions of one gateway; nothing here is shared between gateways."""

    password: str
    installer_password: str
    life_s: float
    random: Random
    limits: Limits = field(default_factory=Limits)
    default_password: str | None = None  # accepted beside ``password``
    toggle_needed: bool = True  # an installer proves presence with a switch
    refuse_passwords: bool = False  # the 24.36 defect: logins fail, old cookies live on
    _alive: dict[str, Session] = field(default_factory=dict)
    _refused_at: deque[float] = field(default_factory=deque)
    _locked_until: float = 0.0
    _requested_at: deque[float] = field(default_factory=deque)
    _cooldown_until: float = 0.0

    def judge(self, now: float, username: str, password: str) -> Verdict:
        """Check a login. Tries during a lock-out prolong it."""
        if now < self._locked_until:
            self._locked_until = now + self.limits.lockout_s
            return Verdict.LOCKED_OUT
        installer = username == "installer"
        expected = {self.installer_password} if installer else {self.password, self.default_password}
        if password not in expected or self.refuse_passwords:
            return self._refuse(now)
        if installer and self.toggle_needed:
            return Verdict.NEEDS_PRESENCE
        return Verdict.ACCEPTED

    def _refuse(self, now: float) -> Verdict:
        self._refused_at.append(now)
        while self._refused_at[0] <= now - self.limits.bad_logins_within_s:
            self._refused_at.popleft()
        if len(self._refused_at) > self.limits.bad_logins:
            self._locked_until = now + self.limits.lockout_s
            return Verdict.LOCKED_OUT
        return Verdict.BAD_CREDENTIALS

    def open(self, now: float, role: Role, email: str | None) -> Session:
        """Start a session with a new token."""
        token = base64.urlsafe_b64encode(self.random.randbytes(64)).decode()
        if self.limits.sessions is not None and len(self._alive) >= self.limits.sessions:
            del self._alive[next(iter(self._alive))]
        self._alive[token] = session = Session(token, role, email, now + self.life_s)
        return session

    def find(self, now: float, token: str | None) -> Session | None:
        """Return the live session of a token."""
        session = self._alive.get(token or "")
        return session if session and now < session.ends_at else None

    def end(self, token: str) -> None:
        """Log out."""
        self._alive.pop(token, None)

    def expire(self) -> None:
        """End every session, as a restart does."""
        self._alive.clear()

    def tolerates(self, now: float) -> bool:
        """Count a request; False while the gateway limits the rate."""
        if now < self._cooldown_until:
            return False
        if self.limits.requests is None:
            return True
        self._requested_at.append(now)
        while self._requested_at[0] <= now - self.limits.requests_within_s:
            self._requested_at.popleft()
        if len(self._requested_at) > self.limits.requests:
            self._cooldown_until = now + self.limits.cooldown_s
            self._requested_at.clear()
            return False
        return True


def token_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str | None:
    """Find the token in a request: bearer header or cookie."""
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return cookies.get("AuthCookie")


def user_record(session: Session) -> dict[str, Any]:
    """Describe the user as the login answer does."""
    return {
        "email": session.email,
        "firstname": "Tesla",
        "lastname": "Energy",
        "roles": [session.role.value],
        "token": session.token,
        "provider": "Basic",
    }
