"""The login to the local API: once, shared, remembered.

Who may touch what: ``_lock`` is held while logging in, so there is one login
under way at most; everything else changes between two awaits. The session file
holds what the gateway gave us (0600) with the address it belongs to.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proxy.core.errors import BadAnswer, GatewayError, LoginRejected, RateLimited, SourceUnavailable
from proxy.core.firmware import LOGIN_FROM, parse_version
from proxy.core.redaction import conceal

if TYPE_CHECKING:
    from proxy.config.memory import Memory
    from proxy.config.settings import Settings
    from proxy.core.clock import Clock
    from proxy.drivers.session import GatewaySession, Reply

_log = logging.getLogger(__name__)

_PATH = "/api/login/Basic"
_OK = 200
_DENIED = frozenset({401, 403})
# A session this new that is refused again is not cured by one more login.
_YOUNG_S = 30.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What makes a request ours: headers, and the number of the login that gave them (0: none needed)."""

    number: int
    headers: Mapping[str, str] = field(repr=False)
    since: float = 0.0


class Login:
    """Hands out tickets; makes a new one when told that the old one failed."""

    def __init__(self, session: GatewaySession, settings: Settings, state: Memory, clock: Clock) -> None:
        self.version = ""
        self.outcomes: Counter[str] = Counter()
        self._session = session
        self._settings = settings
        self._state = state
        self._clock = clock
        self._file = settings.cache_file or ".powerwall"
        self._lock = asyncio.Lock()
        self._ticket: Ticket | None = self._remembered()

    async def ticket(self) -> Ticket:
        """Return the ticket in force, making the first one."""
        if self._ticket is None:
            async with self._lock:
                if self._ticket is None:
                    self._ticket = await self._first()
        return self._ticket

    async def renew(self, failed: Ticket) -> Ticket:
        """Return a ticket other than the one that was refused, logging in unless somebody just did."""
        async with self._lock:
            if self._ticket is not None and self._ticket.number != failed.number:
                return self._ticket
            if self.stops_the_battery or (failed.number and self.is_young):
                return failed
            self._ticket = await self._log_in(failed.number + 1)
            return self._ticket

    @property
    def is_young(self) -> bool:
        """Say whether the session was made so recently that a refusal is not for its age."""
        ticket = self._ticket
        made_here = ticket is not None and ticket.number > 0
        return made_here and self._clock.wall() - ticket.since < _YOUNG_S if ticket else False

    @property
    def stops_the_battery(self) -> bool:
        """Say whether a login would stop the battery (firmware before 1.20, which has no TLS)."""
        return self._session.plain and parse_version(self.version) < LOGIN_FROM

    def note_version(self, version: str) -> None:
        """Learn the firmware from /api/status."""
        if version != self.version:
            _log.info("firmware", extra={"version": version.strip(), "before": self.version.strip()})
            self.version = version

    @property
    def since(self) -> float | None:
        """When the session in force was made (wall-clock seconds)."""
        return self._ticket.since or None if self._ticket else None

    def describe(self) -> Mapping[str, Any]:
        """Say how the login stands."""
        ticket = self._ticket
        return {
            "logins": sum(self.outcomes.values()),
            "logins_refused": self.outcomes["login_rejected"] + self.outcomes["rate_limited"],
            "session_age_seconds": round(self._clock.wall() - ticket.since)
            if ticket and ticket.since
            else None,
            "firmware": self.version.strip() or None,
        }

    # -- making tickets ----------------------------------------------------------------------

    async def _first(self) -> Ticket:
        """Log in, unless this gateway is so old that reading is free and a login would stop the battery."""
        if self._session.plain or not self._settings.password:
            reply = await self._session.request("GET", "/api/status")
            if reply.status == _OK:
                self._learn(reply.body)
            if self.stops_the_battery:
                return Ticket(0, {})
        if not self._settings.password:
            return Ticket(0, {})
        return await self._log_in(1)

    def _learn(self, body: bytes) -> None:
        try:
            version = json.loads(body)["version"]
        except (ValueError, TypeError, KeyError):
            return
        if isinstance(version, str):
            self.note_version(version)

    async def _log_in(self, number: int) -> Ticket:
        if not self._settings.password:
            raise LoginRejected("the gateway wants a login and PW_PASSWORD is not set", retry_after=300.0)
        self._respect_refusals()
        try:
            reply = await self._session.request(
                "POST",
                _PATH,
                headers={"Content-Type": "application/json"},
                body=json.dumps(
                    {
                        "username": "customer",
                        "email": self._settings.email,
                        "password": self._settings.password,
                        "force_sm_off": False,
                        "clientInfo": {"timezone": self._settings.timezone},
                    }
                ).encode(),
            )
            ticket = self._accepted(number, reply)
        except GatewayError as error:
            self.outcomes[error.code()] += 1
            if isinstance(error, LoginRejected | RateLimited):
                self._write_down(error)
            raise
        self.outcomes["ok"] += 1
        _log.info("logged in", extra={"gateway": self._session.address, "mode": self._settings.auth_mode})
        return ticket

    def _accepted(self, number: int, reply: Reply) -> Ticket:
        """Turn the answer of the login into a ticket and remember it. Raises GatewayError."""
        wait = reply.retry_after
        if reply.status in _DENIED:
            raise LoginRejected("wrong password, or a password login is not allowed", retry_after=wait)
        if reply.status == 429:  # noqa: PLR2004 - Too Many Requests, RFC 6585
            raise RateLimited("too many logins (429)", retry_after=wait)
        if reply.status != _OK:
            raise SourceUnavailable(f"the login answered {reply.status}", retry_after=wait)
        session = self._credentials(reply)
        headers = _headers(session)
        if not headers:
            raise BadAnswer("the login gave neither cookies nor a token")
        since = self._clock.wall()
        self._state.write(self._file, {"host": self._session.address, "since": since, **session})
        return Ticket(number, headers, since)

    def _credentials(self, reply: Reply) -> dict[str, str]:
        if self._settings.auth_mode == "cookie" and "AuthCookie" in reply.cookies:
            names = ("AuthCookie", "UserRecord")
            return {name: reply.cookies[name] for name in names if name in reply.cookies}
        try:
            token = json.loads(reply.body)["token"]
        except (ValueError, TypeError, KeyError):
            return {}
        return {"Authorization": f"Bearer {token}"} if isinstance(token, str) and token else {}

    # -- what survives a restart ---------------------------------------------------------------

    def _remembered(self) -> Ticket | None:
        kept = self._state.read(self._file)
        if kept.get("host") != self._session.address:
            return None
        headers = _headers(kept)
        since = kept.get("since")
        return Ticket(1, headers, since if isinstance(since, int | float) else 0.0) if headers else None

    def _respect_refusals(self) -> None:
        """Raise LoginRejected while the last refusal of this very password is too recent."""
        refused = self._state.read(self._file).get("refused")
        if not isinstance(refused, dict) or refused.get("password") != self._mark(refused.get("salt", "")):
            return
        left = refused.get("until", 0.0) - self._clock.wall()
        if left > 0:
            raise LoginRejected(
                f"the login was refused {refused.get('failures')} times in a row; not tried again yet",
                retry_after=min(left, LoginRejected.rests[-1]),
            )

    def _write_down(self, error: GatewayError) -> None:
        kept = self._state.read(self._file)
        before = kept.get("refused")
        failures = before.get("failures", 0) if isinstance(before, dict) else 0
        if isinstance(before, dict) and before.get("password") != self._mark(before.get("salt", "")):
            failures = 0
        error.retry_after = max(
            error.rest_s(failures + 1), LoginRejected.rests[0] if error.retry_after is None else 0
        )
        salt = secrets.token_hex(8)
        kept["refused"] = {
            "failures": failures + 1,
            "until": self._clock.wall() + error.retry_after,
            "salt": salt,
            "password": self._mark(salt),
        }
        self._state.write(self._file, {"host": self._session.address, **kept})

    def _mark(self, salt: str) -> str:
        """Recognise the password that was refused, without keeping it: a corrected one is tried at once."""
        password = self._settings.password.encode()
        return hashlib.scrypt(password, salt=salt.encode() or b"-", n=1024, r=8, p=1, dklen=16).hex()


def _headers(session: Mapping[str, Any]) -> dict[str, str]:
    """Turn a stored session into request headers; its secrets are concealed in logs from here on."""
    if isinstance(token := session.get("Authorization"), str):
        conceal(token.removeprefix("Bearer "))
        return {"Authorization": token}
    cookies = {
        name: session[name] for name in ("AuthCookie", "UserRecord") if isinstance(session.get(name), str)
    }
    for value in cookies.values():
        conceal(value)
    return (
        {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        if "AuthCookie" in cookies
        else {}
    )
