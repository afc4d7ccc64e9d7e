"""What TEDAPI remembers between requests, and the switches for its own kinds of trouble."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class KeyState(Enum):
    """What became of a registered v1r key, in the protocol's words."""

    PENDING = "PENDING_VERIFICATION"
    TIMED_OUT = "PENDING_VERIFICATION_TIMEOUT"
    VERIFIED = "VERIFIED"
    REMOVED = "REMOVED"
    INACTIVE = "INVALID"  # listed as nothing known, answered with a fault of its own


class IslandResult(Enum):
    """What the gateway says to a request to leave the grid, in the protocol's words."""

    ACCEPTED = "ACCEPTED"
    NOT_READY = "REJECTED_NOT_READY_FOR_ISLANDING"
    LOAD_DROP_EXPECTED = "REJECTED_LOAD_DROP_EXPECTED"
    LOW_ENERGY = "REJECTED_LOW_ENERGY"
    EXCESSIVE_SOLAR = "REJECTED_EXCESSIVE_SOLAR"


@dataclass(frozen=True, slots=True)
class Backup:
    """A manual full backup: wall-clock start and seconds."""

    start: int
    duration_s: int
    priority: int


# Kind of document ("status", "controller", "components", "config") and document -> what is sent.
Edit = Callable[[str, Any], Any]


@dataclass(slots=True)
class Tedapi:
    """State and switches of one gateway's TEDAPI."""

    password: str
    keys: dict[bytes, KeyState] = field(default_factory=dict)  # public key, PKCS#1 DER
    on_wifi: bool = True  # requests come over the gateway's own Wi-Fi
    config: dict[str, Any] | None = None  # as last written; None until first read
    backup: Backup | None = None
    capture: Mapping[str, Any] | None = None  # captured documents instead of rendered ones
    edit: Edit | None = None
    empty_slots: int = 2  # unused places that every list of the bus shows
    solar_meter_lost: bool = False  # the remote solar meter dropped out
    query_errors: tuple[str, ...] = ()  # what a query failed at; the rest of the data is there
    fault: str | None = None  # name of a v1r message fault without its prefix, such as BUSY
    island_result: IslandResult = IslandResult.ACCEPTED
    commands: list[str] = field(default_factory=list)  # names of the commands taken

    def switch_a_powerwall(self) -> None:
        """Be switched off and on at a Powerwall, which confirms the keys that wait for it."""
        waiting = [key for key, state in self.keys.items() if state is KeyState.PENDING]
        self.keys.update(dict.fromkeys(waiting, KeyState.VERIFIED))
