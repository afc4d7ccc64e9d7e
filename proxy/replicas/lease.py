"""Which replica fetches for a gateway: the automaton of one of them.

Of all replicas that share a Redis one holds the lease of a gateway, and fetches. Redis forgets a lease
``LEASE_S`` after it was renewed last; its holder trusts it for ``TRUSTED_S`` only, counted on its own clock
from before the renewal was sent. So no clocks are compared, and a holder that was suspended stops before
another one begins. (Redis and Valkey, "Distributed locks": a lease needs a fence against late writes; every
write here is made by a script that reads the lease first.)

Pure: nothing here reads a clock or sends anything. Times are monotonic seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

LEASE_S: Final = 4.5
TRUSTED_S: Final = 4.0
RENEW_EVERY_S: Final = 1.0
# A server that has not answered for this long is lost.
_SILENT_S: Final = 2.0
# What a follower has may be served for about this long without the replica that fetches.
_SERVED_S: Final = 30.0
# Replicas without a server do not begin to fetch at the same moment.
_SPREAD_S: Final = 15.0
# A holder that cannot reach the gateway leaves the lease to others for this long, unless none takes it.
_ABSTAINS_S: Final = 60.0
_UNCLAIMED_S: Final = 5.0


class Role(Enum):
    """What a replica is to a gateway."""

    FOLLOWING = "following"  # another one fetches
    HOLDING = "holding"  # it holds the lease, and fetches
    DETACHED = "detached"  # the server is lost; it serves what it has
    ALONE = "alone"  # the server is lost, and it fetches


class Event(Enum):
    """Events that a replica observes."""

    GRANTED = "granted"  # the lease is its own
    TAKEN = "taken"  # another one holds the lease
    FREE = "free"  # none holds it, and this one did not try
    SILENT = "silent"  # the server is lost
    OVERDUE = "overdue"  # it is still lost, and what is in memory is too old
    YIELDED = "yielded"  # it gave the lease up


# The whole automaton; a pair that is missing cannot happen.
TRANSITIONS: Final[dict[tuple[Role, Event], Role]] = {
    (Role.FOLLOWING, Event.GRANTED): Role.HOLDING,
    (Role.FOLLOWING, Event.TAKEN): Role.FOLLOWING,
    (Role.FOLLOWING, Event.FREE): Role.FOLLOWING,
    (Role.FOLLOWING, Event.SILENT): Role.DETACHED,
    (Role.HOLDING, Event.GRANTED): Role.HOLDING,
    (Role.HOLDING, Event.TAKEN): Role.FOLLOWING,
    (Role.HOLDING, Event.FREE): Role.FOLLOWING,  # it ends, and the lease has ended before
    (Role.HOLDING, Event.SILENT): Role.ALONE,  # it knows that it was the one that fetches
    (Role.HOLDING, Event.YIELDED): Role.FOLLOWING,
    (Role.DETACHED, Event.GRANTED): Role.HOLDING,
    (Role.DETACHED, Event.TAKEN): Role.FOLLOWING,
    (Role.DETACHED, Event.FREE): Role.FOLLOWING,
    (Role.DETACHED, Event.SILENT): Role.DETACHED,
    (Role.DETACHED, Event.OVERDUE): Role.ALONE,
    (Role.ALONE, Event.GRANTED): Role.HOLDING,
    (Role.ALONE, Event.TAKEN): Role.FOLLOWING,
    (Role.ALONE, Event.FREE): Role.FOLLOWING,
    (Role.ALONE, Event.SILENT): Role.ALONE,
}


@dataclass(frozen=True, slots=True)
class Lease:
    """Where one replica stands; every method returns the next standing.

    ``heard_at`` is when the last command was sent that the server answered. ``has_heard`` says whether it
    ever did. ``fetches_alone`` is PW_REDIS_ALONE.
    """

    since: float
    heard_at: float
    role: Role = Role.FOLLOWING
    has_heard: bool = False
    fetches_alone: bool = True
    alone_at: float = math.inf
    abstains_until: float = -math.inf
    free_since: float | None = None

    def granted(self, sent_at: float, now: float) -> Lease:
        """Note that a command that was sent then has renewed or acquired the lease."""
        return self._heard(sent_at)._to(Event.GRANTED, now)

    def taken(self, sent_at: float, now: float) -> Lease:
        """Note that another replica holds the lease."""
        return replace(self._heard(sent_at)._to(Event.TAKEN, now), free_since=None)

    def free(self, sent_at: float, now: float) -> Lease:
        """Note that no replica holds the lease, and that this one did not try to."""
        nxt = self._heard(sent_at)._to(Event.FREE, now)
        return replace(nxt, free_since=now if self.free_since is None else self.free_since)

    def silent(self, now: float, spread: float) -> Lease:
        """Note that the server did not answer; ``spread`` (0 to 1) sets replicas apart."""
        match self.role:
            case Role.FOLLOWING if now - self.heard_at >= _SILENT_S:
                served_s = _SERVED_S if self.has_heard else 0.0
                alone_at = now + served_s + spread * _SPREAD_S if self.fetches_alone else math.inf
                return replace(self._to(Event.SILENT, now), alone_at=alone_at)
            case Role.HOLDING if not self.may_fetch(now):
                return self._to(Event.SILENT, now)
            case Role.DETACHED if now >= self.alone_at:
                return self._to(Event.OVERDUE, now)
        return self

    def yielded(self, now: float) -> Lease:
        """Note that the lease was given up because the gateway cannot be reached from here."""
        return replace(self._to(Event.YIELDED, now), abstains_until=now + _ABSTAINS_S, free_since=None)

    def is_silent(self, now: float) -> bool:
        """Say whether the server has been silent for so long that it is lost."""
        return not self.has_heard or now - self.heard_at >= _SILENT_S

    def may_fetch(self, now: float) -> bool:
        """Say whether a request to the gateway may begin now."""
        return self.role is Role.ALONE or (self.role is Role.HOLDING and now < self.heard_at + TRUSTED_S)

    def contests(self, now: float) -> bool:
        """Say whether to acquire the lease if no replica holds it."""
        if now >= self.abstains_until:
            return True
        return self.free_since is not None and now - self.free_since >= _UNCLAIMED_S

    def _heard(self, sent_at: float) -> Lease:
        return replace(self, heard_at=max(sent_at, self.heard_at), has_heard=True)

    def _to(self, event: Event, now: float) -> Lease:
        role = TRANSITIONS[self.role, event]
        return self if role is self.role else replace(self, role=role, since=now)
