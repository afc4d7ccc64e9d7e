"""How old a snapshot may be and still be served, and what to do about it.

Pure functions of an age in seconds; nothing here reads a clock.
RFC 9111 section 4.2 defines freshness, RFC 5861 the two stale windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from proxy.core.model import Source

# Facts that hardly change: served while they are being looked up again.
IDENTITY: frozenset[Source] = frozenset(
    f"/api/{name}"
    for name in (
        "auth/toggle/supported",
        "config",
        "customer",
        "generators",
        "generators/disconnect_types",
        "installer",
        "meters",
        "networks",
        "powerwalls",
        "site_info",
        "site_info/grid_codes",
        "site_info/site_name",
        "solars",
        "solars/brands",
        "status",
        "synchrometer/ct_voltage_references",
        "system/networks",
        "system/update/status",
    )
)


class Freshness(Enum):
    """What an age permits, best first."""

    FRESH = "fresh"
    REVALIDATE = "stale-while-revalidate"
    FALLBACK = "stale-if-error"
    EXPIRED = "expired"


class Action(Enum):
    """What to do with a request for a source."""

    SERVE = "serve the snapshot"
    REFRESH = "serve the snapshot, ask the gateway in the background"
    FETCH_OR_SERVE = "ask the gateway; serve the snapshot if the answer fails or takes long"
    FETCH = "ask the gateway; fail if the answer fails"
    FAIL = "fail at once and say when to come back"


@dataclass(frozen=True, slots=True)
class Policy:
    """Lifetimes of a source in seconds: fresh for ``ttl``, then the two stale windows.

    Both windows begin where freshness ends.
    """

    ttl: float
    while_revalidate: float = 0.0
    if_error: float = 0.0

    @property
    def usable_s(self) -> float:
        """Age up to which a snapshot may be served under some circumstance."""
        return self.ttl + max(self.while_revalidate, self.if_error)


def classify(age: float | None, policy: Policy, behind: float = 0.0) -> Freshness:
    """Say how a snapshot of this age may be used; None is the age of no snapshot.

    A negative age (the clock stepped back) counts as fresh: the snapshot is
    newer than now, so nothing is gained by asking again. ``behind`` is by how
    much the oldest part of it is older: the stale windows end so much earlier.
    Freshness does not, because the gateway was asked not longer ago for that.
    """
    if age is None:
        return Freshness.EXPIRED
    if age < policy.ttl:
        return Freshness.FRESH
    if age + behind < policy.ttl + policy.while_revalidate:
        return Freshness.REVALIDATE
    if age + behind < policy.ttl + policy.if_error:
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
