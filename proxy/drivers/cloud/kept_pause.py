"""The pause of a refused account or a 429, kept across restarts: no restart loop may repeat what was refused.

A pause belongs to what the requests were authorised with. It is found by a salted mark of that, so that a
new sign-in, or a corrected token, is tried at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from proxy.core.cloud_errors import AccountRefused, SignInRequired
from proxy.core.errors import GatewayError, LoginRejected, RateLimited
from proxy.core.json_access import number
from proxy.core.marks import mark
from proxy.core.redaction import redact
from proxy.drivers.cloud.pause import Pause
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.state.store import Document, StateStore

FILE: Final = "cloud-pauses.json"

_KEPT: Final[Mapping[str, type[GatewayError]]] = {
    error.code(): error for error in (AccountRefused, SignInRequired, LoginRejected, RateLimited)
}


class KeptPause:
    """The pause of one account in the state folder. ``base`` is the address of the API."""

    def __init__(self, memory: StateStore, clock: Clock, base: str) -> None:
        self._memory = memory
        self._clock = clock
        self._base = base
        self._is_there = False

    async def load(self, credential: str) -> Pause:
        """Return the pause that an earlier process began. One that cannot be read may be a long one."""
        try:
            row = (await self._memory.load(FILE)).get(mark(credential, self._base))
        except Unreadable as exc:
            unknown = LoginRejected(
                f"{exc}, so it is not known whether the cloud refused the account; to try at once, remove it and restart"
            )
            return Pause(self._clock.monotonic() + LoginRejected.cooldowns_s[-1], 1, unknown)
        pause = self._pause_of(row) if isinstance(row, dict) else Pause()
        self._is_there = pause.error is not None
        return pause

    async def save(self, credential: str, pause: Pause) -> None:
        """Return when a pause is on the disk, or there is none any more; those after an outage are not kept."""
        row = self._row(pause)
        if row is None and not self._is_there:
            return
        key = mark(credential, self._base)
        try:
            await self._memory.commit(FILE, lambda document: self._changed(document, key, row))
        except Unreadable:  # it has had its effect
            await self._memory.submit(self._memory.write, FILE, self._changed({}, key, row))
        except OSError:  # the store has logged it
            return
        self._is_there = row is not None

    def _changed(self, document: Document, key: str, row: dict[str, Any] | None) -> Document:
        """Put a row in, and drop those of credentials that are used no more."""
        outdated = self._clock.wall() - 86400
        others = {
            name: other
            for name, other in document.items()
            if name != key and isinstance(other, dict) and (number(other.get("until")) or 0.0) > outdated
        }
        return others if row is None else {**others, key: row}

    def _row(self, pause: Pause) -> dict[str, Any] | None:
        if pause.error is None or pause.error.code() not in _KEPT:
            return None
        wait = pause.until - self._clock.monotonic()
        return {
            "cause": pause.error.code(),
            "reason": redact(str(pause.error)),
            "failures": pause.failures,
            "wait": wait,
            "until": self._clock.wall() + wait,
        }

    def _pause_of(self, row: Mapping[str, Any]) -> Pause:
        failures, wait, until = (number(row.get(name)) for name in ("failures", "wait", "until"))
        error = _KEPT.get(str(row.get("cause")))
        if error is None or failures is None or wait is None or until is None:
            return Pause()
        # A wait that seems longer was begun by a clock that was wrong.
        left = min(until - self._clock.wall(), wait)
        return Pause(self._clock.monotonic() + left, int(failures), error(str(row.get("reason"))))
