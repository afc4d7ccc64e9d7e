"""The login to the local API: once, shared, remembered.

A request that is refused (401, 403) says something about its path or about the
session: the session has ended only if another path is refused as well. Then the
first request that needs a newer session makes it.

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
from typing import TYPE_CHECKING, Any

from proxy.core.errors import GatewayError, LoginFailed, LoginRejected, RateLimited, SourceUnavailable
from proxy.core.firmware import CLOSED_FROM, LOGIN_FROM, UNKNOWN, parse_version
from proxy.core.sources import GRID_STATUS, METERS, SOE, STATUS
from proxy.drivers.credentials import Credentials, session_headers
from proxy.drivers.login_backoff import LoginBackoff

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.drivers.http_client import GatewayClient, Reply
    from proxy.state.store import StateStore

_log = logging.getLogger(__name__)

_PATH = "/api/login/Basic"
_OK = 200
_TOO_MANY = 429
_REDIRECTS = frozenset({301, 302, 307, 308})
# What looking up a key in a body raises when this is no JSON, or JSON without the key.
_NO_SUCH_KEY = (ValueError, TypeError, KeyError, RecursionError)
_HOUR_S = 3600.0
# More logins than any gateway allows in an hour.
_REMEMBERED = 100
# A session this new that has ended again was taken away: the gateway restarted, or another program took
# its place. That is worth one login in this time.
_YOUNG_S = 30.0
# What every login may read, on all firmware that requires one for it (docs/protocol.md, "Firmware").
_OPEN_TO_ALL = (METERS, SOE, GRID_STATUS)


class Login:
    """Gives credentials out, and new ones when the old ones have failed."""

    def __init__(
        self, session: GatewayClient, settings: GatewaySettings, memory: StateStore, clock: Clock
    ) -> None:
        self.version = ""
        self.backoff = LoginBackoff(f"local {session.address}", settings.password, settings, memory, clock)
        self.outcomes: Counter[str] = Counter()
        self._tried: deque[float] = deque(maxlen=_REMEMBERED)  # when, monotonic
        self._session = session
        self._settings = settings
        self._memory = memory
        self._clock = clock
        self._file = settings.cache_file or ".powerwall"
        self._is_unproved = False  # no path was read with the session that the last login gave
        self._lock = asyncio.Lock()
        self._read: set[str] = set()  # paths that the session in force has read
        self._current: Credentials | None = self._remembered()

    async def credentials(self) -> Credentials:
        """Return the credentials in force, making the first ones. Raises GatewayError, also during a cooldown of data."""
        self.backoff.check(login=False)
        if self._current is None:
            async with self._lock:
                if self._current is None:
                    self._current = await self._first()
        return self._current

    async def renew(self, failed: Credentials, path: str) -> Credentials:
        """Return credentials newer than those that ``path`` refused, logging in unless that was done meanwhile.

        Returns the same ones where others would not help: the session is accepted elsewhere, or
        reading is free. Raises GatewayError when no session can be had.
        """
        async with self._lock:
            self._read.discard(path)
            if self._current is not None and self._current.number != failed.number:
                return self._current
            if self.is_free or (failed.number and await self._is_good(failed, path)):
                return failed
            await self._check_pace(path)
            self._current = await self._log_in(failed.number + 1)
            self._read.clear()
            return self._current

    def note_read(self, path: str) -> None:
        """Learn that the gateway lets the session in force read a path."""
        self.backoff.answered()
        self._read.add(path)
        if self._is_unproved:
            self._is_unproved = False
            self.backoff.logged_in()

    async def _is_good(self, credentials: Credentials, refused: str) -> bool:
        """Say whether the gateway accepts this session although it refused a path.

        Where other paths cannot decide that, because they are open or fail as well, the session
        is given up once an hour at most.
        """
        denied = False
        for witness in await self._witnesses(refused):
            reply = await self._session.request("GET", witness, headers=credentials.headers)
            if reply.status == _OK:
                self.note_read(witness)
                return True
            if reply.status == _TOO_MANY:
                raise await self.limited(witness, reply)
            denied = denied or reply.is_denied
        return not denied and any(at > self._clock.monotonic() - _HOUR_S for at in self._tried)

    async def _witnesses(self, refused: str) -> list[str]:
        """Name the paths other than the refused one that every session may read; none where those are open."""
        if parse_version(self.version) == UNKNOWN:
            self._learn((await self._session.request("GET", STATUS)).body)
        if UNKNOWN < parse_version(self.version) < CLOSED_FROM:
            return []
        return sorted(set(_OPEN_TO_ALL) - {refused}, key=lambda path: path not in self._read)

    async def _check_pace(self, path: str) -> None:
        """Raise GatewayError for a session that ended too soon to be replaced at once."""
        lately = sum(at > self._clock.monotonic() - _YOUNG_S for at in self._tried)
        if lately and self._is_unproved:
            self._is_unproved = False
            raise await self.backoff.refused(LoginRejected("the session that the login gave is not accepted"))
        if lately > 1:
            raise SourceUnavailable(f"{path}: the session was ended again just after its login")

    async def limited(self, path: str, reply: Reply) -> RateLimited:
        """Note a 429 on data; return the error."""
        return await self.backoff.limited(
            RateLimited(f"{path}: too many requests (429)", retry_after=reply.retry_after)
        )

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
            before = {"before": self.version.strip()} if self.version else {}
            _log.info("firmware", extra={"version": version.strip(), **before})
            self.version = version

    @property
    def since(self) -> float | None:
        """When the session in force was made (wall-clock seconds)."""
        return self._current.since or None if self._current else None

    def describe(self) -> Mapping[str, Any]:
        """Say how the login stands."""
        credentials = self._current
        return {
            "logins": sum(self.outcomes.values()),
            "logins_last_hour": sum(at > self._clock.monotonic() - _HOUR_S for at in self._tried),
            "logins_refused": self.outcomes["login_rejected"] + self.outcomes["rate_limited"],
            "session_age_seconds": round(self._clock.wall() - credentials.since)
            if credentials and credentials.since
            else None,
            "firmware": self.version.strip() or None,
        }

    # -- making credentials ------------------------------------------------------------------

    async def _first(self) -> Credentials:
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
            return Credentials(0, {})
        return await self._log_in(1)

    def _learn(self, body: bytes) -> None:
        try:
            version = json.loads(body)["version"]
        except _NO_SUCH_KEY:
            return
        if isinstance(version, str):
            self.note_version(version)

    async def _log_in(self, number: int) -> Credentials:
        if not self._settings.password:
            raise LoginRejected("the gateway requires a login and PW_PASSWORD is not set", retry_after=300.0)
        self.backoff.check()
        started = self._clock.monotonic()
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
            credentials = self._accepted(number, reply)
        except GatewayError as error:
            if not error.was_sent:  # without a connection there was no login
                raise
            self._tried.append(started)
            self.outcomes[error.code()] += 1
            if isinstance(error, LoginRejected | RateLimited):
                await self.backoff.refused(error)
            raise
        session = {"host": self._session.address, "since": credentials.since, **self._given(reply)}
        await self._memory.submit(self._memory.write, self._file, session)
        self._is_unproved = True
        self._tried.append(started)
        self.outcomes["ok"] += 1
        _log.info("logged in", extra={"gateway": self._session.address, "mode": self._settings.auth_mode})
        return credentials

    def _accepted(self, number: int, reply: Reply) -> Credentials:
        """Turn the answer of the login into credentials. Raises GatewayError."""
        wait = reply.retry_after
        if reply.is_denied:
            raise LoginRejected("PW_PASSWORD is wrong, or a password login is not allowed", retry_after=wait)
        if reply.status == _TOO_MANY:
            raise RateLimited("too many logins (429)", retry_after=wait)
        if reply.status != _OK:
            raise LoginFailed(f"the login answered {reply.status}", retry_after=wait)
        headers = session_headers(self._given(reply))
        if not headers:
            raise LoginFailed("the login gave neither cookies nor a token")
        return Credentials(number, headers, self._clock.wall())

    def _given(self, reply: Reply) -> dict[str, str]:
        if self._settings.auth_mode == "cookie" and "AuthCookie" in reply.cookies:
            names = ("AuthCookie", "UserRecord")
            return {name: reply.cookies[name] for name in names if name in reply.cookies}
        try:
            token = json.loads(reply.body)["token"]
        except _NO_SUCH_KEY:
            return {}
        return {"Authorization": f"Bearer {token}"} if isinstance(token, str) and token else {}

    # -- what survives a restart ---------------------------------------------------------------

    def _remembered(self) -> Credentials | None:
        kept = self._memory.recall(self._file)
        # The pypowerwall proxy's file names no gateway: it lies where its owner keeps this one's.
        if kept.get("host", self._session.address) != self._session.address:
            return None
        headers = session_headers(kept)
        since = kept.get("since")
        return Credentials(1, headers, since if isinstance(since, int | float) else 0.0) if headers else None
