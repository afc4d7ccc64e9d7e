"""How old a snapshot may be and still be served, and what to do about it.

Pure functions of an age in seconds; nothing here reads a clock.
RFC 9111 section 4.2 defines freshness, RFC 5861 the two stale windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum


class Freshness(Enum):
    """What an age permits, best first."""

    FRESH = "fresh"
    REVALIDATE = "stale-while-revalidate"
    FALLBACK = "stale-if-error"
    EXPIRED = "expired"


class Action(Enum):
    """What to do with a request for a source."""

    SERVE = "serve the snapshot"
    REFRESH = "serve the snapshot, fetch in the background"
    FETCH_OR_SERVE = "fetch; serve the snapshot if that fails or takes long"
    FETCH = "fetch; fail if that fails"
    FAIL = "fail at once and say when to come back"


@dataclass(frozen=True, slots=True)
class Policy:
    """Lifetimes of an answer in seconds.

    Fresh for ``ttl``, then the two stale windows, which begin where freshness ends: all three
    count from the answer. ``limit`` counts from the oldest part of what was answered:
    from that age on it is not served, however new the answer is.
    """

    ttl: float
    while_revalidate: float = 0.0
    if_error: float = 0.0
    limit: float = math.inf

    @property
    def usable_s(self) -> float:
        """Age up to which a snapshot may be served under some circumstance."""
        return min(self.ttl + max(self.while_revalidate, self.if_error), self.limit)

    def lasting(self, seconds: float) -> Policy:
        """Return the policy of sources that change slowly: fresh for longer, servable for as long."""
        ttl = max(self.ttl, min(seconds, self.limit))
        return replace(self, ttl=ttl, if_error=max(self.if_error - (ttl - self.ttl), 0.0))

    def revalidated(self) -> Policy:
        """Return the policy of what hardly changes: served while it is fetched again."""
        return replace(self, while_revalidate=self.if_error)


def classify(age: float | None, policy: Policy, behind: float = 0.0) -> Freshness:
    """Say how a snapshot may be used whose answer came ``age`` seconds ago; None is the age of no snapshot.

    ``behind`` is by how much the oldest part of it is older than the answer: it brings the
    limit nearer, and leaves freshness alone, because a new request would bring the same part.
    A negative age (the clock stepped back) counts as fresh: the snapshot is newer than now,
    so nothing is gained by a request.
    """
    if age is None or age + behind >= policy.limit:
        return Freshness.EXPIRED
    if age < policy.ttl:
        return Freshness.FRESH
    if age < policy.ttl + policy.while_revalidate:
        return Freshness.REVALIDATE
    if age < policy.ttl + policy.if_error:
        return Freshness.FALLBACK
    return Freshness.EXPIRED


# The whole caching policy: what is served when. Second key: does a link admit a request now?
DECISIONS: dict[tuple[Freshness, bool], Action] = {
    (Freshness.FRESH, True): Action.SERVE,
    (Freshness.FRESH, False): Action.SERVE,
    (Freshness.REVALIDATE, True): Action.REFRESH,
    (Freshness.REVALIDATE, False): Action.SERVE,
    (Freshness.FALLBACK, True): Action.FETCH_OR_SERVE,
    (Freshness.FALLBACK, False): Action.SERVE,
    (Freshness.EXPIRED, True): Action.FETCH,
    (Freshness.EXPIRED, False): Action.FAIL,
}


def decide(freshness: Freshness, *, admitted: bool) -> Action:
    """Look a request up in the table of decisions."""
    return DECISIONS[freshness, admitted]
