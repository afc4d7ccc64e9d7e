"""The log of requests that tests examine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Record:
    """One request: monotonic time, the path, by which session, and the status given.

    ``status`` stays 0 when no answer was delivered.
    """

    time: float
    method: str
    path: str
    query: str
    session: str | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int = 0
    writes: bool = False  # changes something at the gateway (class W or D)


@dataclass(slots=True)
class Traffic:
    """All requests so far and the highest number at once; what runs for days keeps the last ones only."""

    keep: int | None = None
    requests: list[Record] = field(default_factory=list)
    in_flight: int = 0
    max_in_flight: int = 0
    max_connections: int = 0

    def begin(self, record: Record, connections: int) -> None:
        """Note a request that arrived."""
        self.requests.append(record)
        if self.keep is not None and len(self.requests) > 2 * self.keep:
            del self.requests[: -self.keep]
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.max_connections = max(self.max_connections, connections)

    def end(self) -> None:
        """Note that a request is over."""
        self.in_flight -= 1
