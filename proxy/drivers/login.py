"""The login to the local API: once, shared, remembered.

Whoever meets 401 or 403 asks for a session newer than the one that failed; the
first to ask makes it.

Who may touch what: ``_lock`` is held while logging in, so there is one login
under way at most; everything else changes between two awaits. The session file
holds what the gateway gave us (0600) with the address it belongs to.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from proxy.core.errors import GatewayError, LoginFailed, LoginRejected, RateLimited
from proxy.core.firmware import CLOSED_FROM, LOGIN_FROM, UNKNOWN, parse_version
from proxy.core.redaction import conceal
from proxy.core.sources import STATUS
from proxy.drivers.refusals import Refusals

if TYPE_CHECKING:
    from proxy.config.memory import Memory
    from proxy.config.settings import Settings
    from proxy.core.clock import Clock
    from proxy.drivers.session import GatewaySession, Reply

_log = logging.getLogger(__name__)

_PATH = "/api/login/Basic"
_OK = 200
_REDIRECTS = frozenset({301, 302, 307, 308})
# Tokens have 88 characters. A longer header is refused by servers: 8 KB are usual.
_LONGEST_VALUE = 4096
# What looking up a key in a body raises when this is no JSON, or JSON without the key.
_NOT_TOLD = (ValueError, TypeError, KeyError, RecursionError)
_HOUR_S = 3600.0
# More logins than any gateway allows in an hour.
_REMEMBERED = 100
# A session this new that is refused again is not cured by one more login, unless it was good before:
# then the gateway restarted or another program took its place, which is worth one login in that time.
_YOUNG_S = 30.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What makes a request ours: headers, and the number of the login that gave them (0: none needed)."""

    number: int
    headers: Mapping[str, str] = field(repr=False)
    since: float = 0.0


class Login:
    """Hands out tickets; makes a new one when told that the old one failed."""

    def __init__(self, session: GatewaySession, settings: Settings, memory: Memory, clock: Clock) -> None:
        self.version = ""
        self.outcomes: Counter[str] = Counter()
        self._tried: deque[float] = deque(maxlen=_REMEMBERED)  # when, monotonic
        self._session = session
        self._settings = settings
        self._memory = memory
        self._clock = clock
        self._file = settings.cache_file or ".powerwall"
        self._refusals = Refusals(memory, self._file, session.address, settings.password, clock)
        self._lock = asyncio.Lock()
        self._read: set[str] = set()  # paths that the session in force has read
        self._ticket: Ticket | None = self._remembered()

    async def ticket(self) -> Ticket:
        """Return the ticket in force, making the first one."""
        if self._ticket is None:
            async with self._lock:
                if self._ticket is None:
                    self._ticket = await self._first()
        return self._ticket

    async def renew(self, failed: Ticket, path: str) -> Ticket:
        """Return a ticket other than the one that ``path`` refused, logging in unless somebody just did.

        Returns the same one where another would not help: it is new, or reading is free.
        """
        async with self._lock:
            if self._ticket is not None and self._ticket.number != failed.number:
                return self._ticket
            if self.is_free or (failed.number and self.is_young and not self._ended_early(path)):
                return failed
            self._ticket = await self._log_in(failed.number + 1)
            self._read.clear()
            return self._ticket

    def note_read(self, path: str) -> None:
        """Learn that the gateway lets the session in force read a path."""
        self._read.add(path)

    def _ended_early(self, path: str) -> bool:
        lately = self._clock.monotonic() - _YOUNG_S
        return path in self._read and sum(at > lately for at in self._tried) <= 1

    @property
    def is_young(self) -> bool:
        """Say whether the session was made so recently that a refusal is not for its age."""
        ticket = self._ticket
        # A session of the future was made before the clock was set back: its age is unknown.
        return ticket is not None and 0 <= self._clock.wall() - ticket.since < _YOUNG_S

    @property
    def stops_the_battery(self) -> bool:
        """Say whether a login would stop the battery (firmware before 1.20, which has no TLS)."""
        return self._session.plain and parse_version(self.version) < LOGIN_FROM

    @property
    def is_free(self) -> bool:
        """Say whether reading takes no login here: a path that is closed all the same stays closed."""
        is_open = UNKNOWN < parse_version(self.version) < CLOSED_FROM
        return self.stops_the_battery or (is_open and not self._settings.password)

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
            "logins_last_hour": sum(at > self._clock.monotonic() - _HOUR_S for at in self._tried),
            "logins_refused": self.outcomes["login_rejected"] + self.outcomes["rate_limited"],
            "session_age_seconds": round(self._clock.wall() - ticket.since)
            if ticket and ticket.since
            else None,
            "firmware": self.version.strip() or None,
        }

    # -- making tickets ----------------------------------------------------------------------

    async def _first(self) -> Ticket:
        """Log in, unless reading is free."""
        if self._session.plain or not self._settings.password:
            reply = await self._session.request("GET", STATUS)
            if reply.status == _OK:
                self._learn(reply.body)
            elif self._session.plain:
                hint = "; use https in PW_HOST" if reply.status in _REDIRECTS else ""
                raise LoginFailed(
                    f"{STATUS} answered {reply.status}, so the firmware is unknown{hint}",
                    retry_after=reply.retry_after,
                )
        if self.is_free or not self._settings.password:
            return Ticket(0, {})
        return await self._log_in(1)

    def _learn(self, body: bytes) -> None:
        try:
            version = json.loads(body)["version"]
        except _NOT_TOLD:
            return
        if isinstance(version, str):
            self.note_version(version)

    async def _log_in(self, number: int) -> Ticket:
        if not self._settings.password:
            raise LoginRejected("the gateway wants a login and PW_PASSWORD is not set", retry_after=300.0)
        self._refusals.check()
        self._tried.append(self._clock.monotonic())
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
                self._refusals.note(error)
            raise
        self.outcomes["ok"] += 1
        _log.info("logged in", extra={"gateway": self._session.address, "mode": self._settings.auth_mode})
        return ticket

    def _accepted(self, number: int, reply: Reply) -> Ticket:
        """Turn the answer of the login into a ticket and remember it. Raises GatewayError."""
        wait = reply.retry_after
        if reply.is_denied:
            raise LoginRejected("wrong password, or a password login is not allowed", retry_after=wait)
        if reply.status == 429:  # noqa: PLR2004 - Too Many Requests, RFC 6585
            raise RateLimited("too many logins (429)", retry_after=wait)
        if reply.status != _OK:
            raise LoginFailed(f"the login answered {reply.status}", retry_after=wait)
        session = self._credentials(reply)
        headers = _headers(session)
        if not headers:
            raise LoginFailed("the login gave neither cookies nor a token")
        since = self._clock.wall()
        self._memory.write(self._file, {"host": self._session.address, "since": since, **session})
        return Ticket(number, headers, since)

    def _credentials(self, reply: Reply) -> dict[str, str]:
        if self._settings.auth_mode == "cookie" and "AuthCookie" in reply.cookies:
            names = ("AuthCookie", "UserRecord")
            return {name: reply.cookies[name] for name in names if name in reply.cookies}
        try:
            token = json.loads(reply.body)["token"]
        except _NOT_TOLD:
            return {}
        return {"Authorization": f"Bearer {token}"} if isinstance(token, str) and token else {}

    # -- what survives a restart ---------------------------------------------------------------

    def _remembered(self) -> Ticket | None:
        kept = self._memory.read(self._file)
        # The pypowerwall proxy's file names no gateway: it lies where its owner keeps this one's.
        if kept.get("host", self._session.address) != self._session.address:
            return None
        headers = _headers(kept)
        since = kept.get("since")
        return Ticket(1, headers, since if isinstance(since, int | float) else 0.0) if headers else None


def _headers(session: Mapping[str, Any]) -> dict[str, str]:
    """Turn a stored session into request headers; its secrets are concealed in logs from here on."""
    if _is_sendable(token := session.get("Authorization")):
        conceal(token.removeprefix("Bearer "))
        return {"Authorization": token}
    cookies = {
        name: session[name] for name in ("AuthCookie", "UserRecord") if _is_sendable(session.get(name))
    }
    for value in cookies.values():
        conceal(value)
    if "AuthCookie" not in cookies:
        return {}
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def _is_sendable(value: object) -> TypeGuard[str]:
    """Say whether a value can stand in a header: visible ASCII that does not end a cookie, and not too long."""
    if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
        return False
    return value.isascii() and value.isprintable() and ";" not in value
