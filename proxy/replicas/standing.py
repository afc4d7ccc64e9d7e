"""One replica's standing towards the lease of one gateway: renewing, contesting and leaving it in Redis."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from proxy.replicas.failures import RedisLost, RedisRefused
from proxy.replicas.keys import Keys, Term
from proxy.replicas.lease import LEASE_S, RENEW_EVERY_S, Lease, Role

if TYPE_CHECKING:
    from proxy.replicas.connection import Claimed, RedisConnection

_log = logging.getLogger(__name__)

_TERM_BYTES: Final = 16
_MARGIN_S: Final = 0.02
# What is shown of the time of Redis.
_DIGIT_S: Final = 0.001
# The replica that fetches is heard once a second. What no replica wrote may stand in the lease, too.
_MOST_UNHEARD: Final = 10


class Standing:
    """Whether this replica holds the lease. ``term`` is the one in standing, else the next one to try for.

    One caller at a time. ``spread`` gives 0 to 1, ``now`` monotonic seconds.
    """

    def __init__(
        self,
        connection: RedisConnection,
        keys: Keys,
        term: Term,
        now: Callable[[], float],
        spread: Callable[[], float],
        *,
        fetches_alone: bool,
    ) -> None:
        self.lease = Lease(now(), now(), fetches_alone=fetches_alone)
        self.term = _next(term)
        self.held: Term | None = None  # what the lease says, as far as is known
        self.ahead_s: float | None = None  # the time of Redis (s) is that of our clock plus this, at most
        self._uncertain_s = 0.0  # by which it may be less
        self.lost = ""  # why Redis cannot be used, in a sentence
        self.refused = False  # for a reason that only other settings remove
        self.other_schemas: tuple[int, ...] = ()  # that replicas have which share nothing with this one
        self.left_s = RENEW_EVERY_S  # until the lease of another replica ends
        self._unheard = 0  # looks at the lease of another replica since that was heard
        self._connection = connection
        self._keys = keys
        self._now = now
        self._spread = spread

    @property
    def role(self) -> Role:
        """What this replica is to the gateway."""
        return self.lease.role

    @property
    def pause_s(self) -> float:
        """Seconds until the lease is checked again."""
        return min(self.left_s, RENEW_EVERY_S) if self.role is Role.FOLLOWING else RENEW_EVERY_S

    def stamp(self) -> float:
        """Return a time of Redis (s) that is not after now; 0 where that is unknown."""
        return 0.0 if self.ahead_s is None else self._now() + self.ahead_s - self._uncertain_s

    def age_of(self, stamp: float) -> float:
        """Return the age (s) of what another replica has stamped: never less than it is. Raises RedisLost."""
        if self.ahead_s is None:
            raise RedisLost("The time of Redis is unknown.")
        return max(self._now() + self.ahead_s - stamp, 0.0)

    def heard(self) -> None:
        """Note that the replica which holds the lease was heard."""
        self._unheard = 0

    async def claim(self, *, is_leaving: bool) -> str:
        """Renew the lease, contest it, or see who holds it.

        Returns what became of it: renewed, acquired, taken, free, or "" if Redis did not answer.
        """
        before, sent_at = self.role, self._now()
        # After a gap between renewals the number must be another one: a late message of before it is not of now.
        next_term = _next(self.term) if before in {Role.HOLDING, Role.ALONE} else self.term
        takes = not is_leaving and (before is Role.HOLDING or self.lease.contests(sent_at))
        try:
            claimed = await self._look(str(next_term) if takes else "")
        except RedisLost as exc:
            now, self.refused = self._now(), isinstance(exc, RedisRefused)
            if self.refused or self.lease.is_silent(now):  # one command that fails is no loss
                self.note_lost(str(exc))
            self.lease, self.left_s = self.lease.silent(now, self._spread()), RENEW_EVERY_S
            return ""
        now = self._now()
        self._note_found()
        match claimed.outcome:
            case "renewed" | "acquired":
                self.lease = self.lease.granted(sent_at, now)
                self.term = next_term if claimed.outcome == "acquired" else self.term
            case "taken":
                self.lease = self.lease.taken(sent_at, now)
            case _:
                self.lease, self.left_s = self.lease.free(sent_at, now), RENEW_EVERY_S
        if before in {Role.HOLDING, Role.ALONE} and self.role is Role.FOLLOWING:
            self.term = _next(self.term)  # the number of a term that is over never stands in the lease again
        return claimed.outcome

    async def _look(self, candidate: str) -> Claimed:
        """Claim, and note what that shows. Raises RedisLost, also where the replica that holds the lease is not heard."""
        sent_at = self._now()
        claimed = await self._connection.claim(self._keys, str(self.term), candidate, LEASE_S)
        self.ahead_s = claimed.now_ms / 1000 + _DIGIT_S - sent_at
        self._uncertain_s = self._now() - sent_at + _DIGIT_S
        self.held, self.left_s = Term.read(claimed.held), claimed.left_ms / 1000 + _MARGIN_S
        self.other_schemas = claimed.others
        self._unheard = self._unheard + 1 if claimed.outcome == "taken" else 0
        if self._unheard > _MOST_UNHEARD:
            raise RedisLost(f"{self._keys.lease} at Redis names a replica that is not heard.")
        return claimed

    async def release(self, release_message: bytes) -> None:
        """Leave the lease to the next replica. Raises RedisLost."""
        await self._connection.release(self._keys.lease, str(self.term), self._keys.reports, release_message)

    async def leave(self, release_message: bytes) -> None:
        """Leave the lease to a replica that may reach the gateway. Raises RedisLost."""
        await self.release(release_message)
        self.lease, self.term = self.lease.yielded(self._now()), _next(self.term)
        _log.warning("gateway left to other replicas", extra={"gateway": self._keys.gateway})

    def note_lost(self, reason: str) -> None:
        """Note why Redis cannot be used."""
        if not self.lost:
            _log.warning("redis lost", extra={"gateway": self._keys.gateway, "reason": reason})
        self.lost = reason

    def _note_found(self) -> None:
        if self.lost:
            _log.warning("redis found", extra={"gateway": self._keys.gateway})
        self.lost = ""


def _next(term: Term) -> Term:
    return replace(term, number=secrets.token_hex(_TERM_BYTES))
