"""The words of the product as values.

Powers are watts, signed as the gateway signs them: site + imports, battery +
discharges, solar + produces, load + consumes. Energies are watt-hours. Charge
and reserve are percent of the whole pack (the gateway's raw scale), unless a
name says ``app``: the app hides the lowest 5 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NewType

from proxy.core.freshness import Freshness, Policy, classify

# What a gateway can report, named by its path in the local API ("/api/meters/aggregates"). A path that a
# client or a peer names is a str until a table of ours has it.
Source = NewType("Source", str)
# What a driver sends at once to obtain sources: the unit of coalescing and of cooldown.
Exchange = NewType("Exchange", str)

JSON = "application/json"
OCTETS = "application/octet-stream"

# A note on meters whose energies are not the gateway's own: "cloud", or "integrated" from powers.
ENERGY_COUNTERS = "Energy-Counters"

# The part of the pack that the app does not show, in percent of the raw scale.
HIDDEN_PERCENT = 5.0


@dataclass(frozen=True, slots=True)
class Document:
    """What one answer of a gateway said about one source.

    ``value`` is the decoded document (dict, list, … as JSON has them; for the
    vitals the decoded devices), ``body`` the bytes as the gateway sent them.
    A driver that translates makes the body itself. ``notes`` are header fields
    with what the document itself has no place for.

    Times are monotonic seconds. ``observed_at`` is when its oldest part was requested: no
    value in it is older (RFC 9111 section 4.2.3 counts the age from there, too).
    ``answered_at`` is when the latest answer that it is made of was complete.
    """

    value: Any
    body: bytes
    observed_at: float
    answered_at: float
    media_type: str = JSON
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as stored, with the policy of the link that answered, and its revision.

    Revisions of one gateway only grow; two snapshots with the same revision are the same.
    Times are monotonic seconds.
    """

    source: Source
    document: Document
    policy: Policy
    revision: int

    @property
    def observed_at(self) -> float:
        """When the oldest part of it was requested: what its age is counted from."""
        return self.document.observed_at

    @property
    def fresh_until(self) -> float:
        """When it ceases to be fresh."""
        document, policy = self.document, self.policy
        return min(document.answered_at + policy.ttl, document.observed_at + policy.limit)

    @property
    def usable_until(self) -> float:
        """When it ceases to be servable under any circumstance."""
        document, policy = self.document, self.policy
        return min(document.answered_at + policy.usable_s, document.observed_at + policy.limit)

    def age(self, now: float) -> float:
        """Return how old the oldest part of it is, in seconds."""
        return now - self.document.observed_at

    def freshness(self, now: float) -> Freshness:
        """Say how it may be used now."""
        document = self.document
        behind = document.answered_at - document.observed_at
        return classify(now - document.answered_at, self.policy, behind)


class Setting(Enum):
    """What can be written to a gateway."""

    RESERVE = "reserve"  # percent, app scale
    MODE = "mode"  # self_consumption | autonomous | backup
    GRID_CHARGING = "grid_charging"  # bool
    GRID_EXPORT = "grid_export"  # battery_ok | pv_only | never
    MAX_BACKUP = "max_backup"  # seconds; 0 cancels
    ISLANDING = "islanding"  # bool: True goes off grid
    STORM_WATCH = "storm_watch"  # bool
    OFF_GRID_VEHICLE_RESERVE = "off_grid_vehicle_reserve"  # percent, app scale


@dataclass(frozen=True, slots=True)
class Command:
    """A validated write: one or more settings that are changed in one go."""

    values: Mapping[Setting, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gateway did with a command: the values read back, and the values before if they were read.

    Without confirmation the command was accepted, and ``values`` are those that it contained.
    """

    values: Mapping[Setting, Any]
    before: Mapping[Setting, Any] = field(default_factory=dict)
    confirmed: bool = True


def app_percent(raw: float) -> float:
    """Turn a raw percentage into the app's scale, unclamped.

    Two divisions and a subtraction: other programs compare these numbers bit by bit.
    """
    return raw / 0.95 - HIDDEN_PERCENT / 0.95


def raw_percent(app: float) -> float:
    """Turn a percentage of the app's scale into the gateway's raw scale."""
    return app * 0.95 + HIDDEN_PERCENT
