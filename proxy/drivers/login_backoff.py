"""How long no request is sent for an account: refused credentials and 429, remembered across restarts.

No restart loop may lock the owner out. Each driver that carries credentials has one
``LoginBackoff``; all of them share one file of the state folder, by driver and address.
A refusal holds for the secret that was refused, recognised by a salted mark, so that a
corrected password is tried at once; a 429 holds for every secret.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from proxy.core.errors import LoginRejected, RateLimited
from proxy.core.json_access import number
from proxy.core.marks import mark
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.state.store import StateStore

E = TypeVar("E", bound="LoginRejected | RateLimited")

FILE: Final = "refusals.json"

# The kinds of cooldowns: of logging in, and of everything that carries the session. For each, the waits after
# the first, second, … failure in a row, and the longest that a gateway can request (all in seconds).
_LOGIN, _DATA = "login", "data"
_WAITS: Final = {
    _LOGIN: (LoginRejected.cooldowns_s, 86400.0),
    _DATA: (RateLimited.cooldowns_s, RateLimited.longest_wait_s),
}


@dataclass(frozen=True, slots=True)
class Cooldown:
    """Since the last success: how many failures, and until when (monotonic seconds) no request is sent."""

    failures: int
    until: float
    error: type[LoginRejected | RateLimited]
    message: str


class LoginBackoff:
    """The cooldowns of one account. ``secret`` is what its driver proves itself with."""

    def __init__(
        self, name: str, secret: str, settings: GatewaySettings, memory: StateStore, clock: Clock
    ) -> None:
        self._name = name
        self._secret = secret
        self._file = memory.beside(settings.cache_file, FILE)
        self._memory = memory
        self._clock = clock
        self._cooldowns = self._remembered()
        self._writing: asyncio.Future[None] | None = None

    def check(self, *, login: bool = True) -> None:
        """Raise LoginRejected or RateLimited during a cooldown; with ``login=False`` only during one of data.

        A row that has been removed from the file meanwhile does not hold any more.
        """
        now = self._clock.monotonic()
        for kind in (_DATA, _LOGIN) if login else (_DATA,):
            cooldown = self._cooldowns.get(kind)
            if cooldown is None or now >= cooldown.until:
                continue
            if self._was_removed(kind):
                del self._cooldowns[kind]
                continue
            error = cooldown.error(cooldown.message, retry_after=cooldown.until - now)
            error.refusals = 1
            raise error

    async def refused(self, error: E, *, times: int = 1) -> E:
        """Note that the credentials were refused, or a login limited; ``error`` then says for how long to wait.

        Returns when that is on the disk: a restart must find it there.
        """
        self._note(_LOGIN, error, times)
        await self._saved()
        return error

    async def limited(self, error: RateLimited) -> RateLimited:
        """Note a 429 on data. After refused credentials that were not accepted since, it is one more refusal."""
        if _LOGIN in self._cooldowns:
            self._note(_LOGIN, error, 1)
        self._note(_DATA, error, 1)
        await self._saved()
        return error

    def logged_in(self) -> None:
        """Note that the credentials are good: a session that they gave was accepted."""
        self._forget(_LOGIN)

    def answered(self) -> None:
        """Note that data came."""
        self._forget(_DATA)

    def _note(self, kind: str, error: LoginRejected | RateLimited, times: int) -> None:
        waits, longest_s = _WAITS[kind]
        before = self._cooldowns.get(kind)
        failures = (before.failures if before else 0) + times
        wait = max(waits[min(failures, len(waits)) - 1], min(error.retry_after or 0.0, longest_s))
        error.retry_after = wait
        if isinstance(error, LoginRejected):
            error.refusals = failures
        message = f"{error}; not tried again yet" if failures == 1 else f"{error} ({failures} times in a row)"
        kept = LoginRejected if isinstance(error, LoginRejected) else RateLimited
        self._cooldowns[kind] = Cooldown(failures, self._clock.monotonic() + wait, kept, message)
        row: dict[str, Any] = {"failures": failures, "wait": wait, "until": self._clock.wall() + wait}
        if isinstance(error, LoginRejected):
            salt = secrets.token_hex(8)
            row |= {"salt": salt, "secret": mark(self._secret, salt)}
        self._writing = self._memory.submit(self._write, {kind: row})

    def _forget(self, kind: str) -> None:
        if self._cooldowns.pop(kind, None) is not None:
            self._writing = self._memory.submit(self._write, {kind: None})

    # -- the file ----------------------------------------------------------------------------

    async def _saved(self) -> None:
        """Return when the last change is in the file."""
        if self._writing is not None:
            await asyncio.wait({self._writing})

    def _remembered(self) -> dict[str, Cooldown]:
        """Read what an earlier process noted. What cannot be read may say that the account is nearly locked."""
        now = self._clock.monotonic()
        try:
            rows = self._rows()
        except Unreadable as exc:
            message = f"{exc}, so it is not known whether logins were refused; to try at once, remove it and restart"
            return {_LOGIN: Cooldown(0, now + LoginRejected.cooldowns_s[-1], LoginRejected, message)}
        found = {}
        for kind in (_LOGIN, _DATA):
            row = rows.get(kind)
            if cooldown := self._cooldown(kind, row, now) if isinstance(row, dict) else None:
                found[kind] = cooldown
        return found

    def _cooldown(self, kind: str, row: Mapping[str, Any], now: float) -> Cooldown | None:
        failures, wait, until = (number(row.get(key)) for key in ("failures", "wait", "until"))
        if failures is None or wait is None or until is None or failures < 1:
            return None
        error: type[LoginRejected | RateLimited] = RateLimited
        if "secret" in row:
            error = LoginRejected
            if row["secret"] != mark(self._secret, str(row.get("salt"))):
                return None
        # A wait that seems longer was begun by a clock that was wrong.
        left = min(until - self._clock.wall(), wait, _WAITS[kind][1])
        often = "once" if failures == 1 else f"{failures:.0f} times in a row"
        what = "the login was refused" if error is LoginRejected else "the rate of requests was limited (429)"
        return Cooldown(int(failures), now + left, error, f"{what} {often}; not tried again yet")

    def _was_removed(self, kind: str) -> bool:
        if self._writing is not None and not self._writing.done():
            return False  # it may not be there yet
        try:
            return kind not in self._rows()
        except Unreadable:
            return False

    def _rows(self) -> dict[str, Any]:
        """Return this account's rows. Raises Unreadable."""
        rows = self._memory.read(self._file).get(self._name)
        return rows if isinstance(rows, dict) else {}

    def _write(self, changes: Mapping[str, Any]) -> None:
        """Change rows of this account. A file that could not be read has had its effect: it is replaced."""
        try:
            rows = self._rows()
        except Unreadable:
            rows = {}
            self._memory.write(self._file, {})
        rows = {kind: row for kind, row in {**rows, **changes}.items() if row is not None}
        self._memory.update(self._file, {self._name: rows or None})
