"""What a request for sources gets: snapshots or errors, and how they were obtained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.core.errors import GatewayError
    from proxy.core.model import Snapshot, Source


class CacheResult(Enum):
    """How a source was obtained, best first; the value is the metrics label."""

    FRESH = "fresh"
    REVALIDATE = "revalidate"
    STALE = "stale"
    MISS = "miss"
    NOT_OFFERED = "not_offered"  # counted instead of ERROR where the gateway lacks the source
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SourceResult:
    """One source of a look-up: its snapshot or the error, and how it was obtained."""

    snapshot: Snapshot | None
    result: CacheResult
    error: GatewayError | None = None

    @property
    def is_absent(self) -> bool:
        """Say whether this is a source that the gateway does not offer."""
        return self.error is not None and not self.error.is_failure

    @property
    def counted_as(self) -> CacheResult:
        """Return what metrics count it as."""
        return CacheResult.NOT_OFFERED if self.is_absent and self.snapshot is None else self.result


@dataclass(frozen=True, slots=True)
class Lookup:
    """Several sources, obtained together."""

    sources: Mapping[Source, SourceResult] = field(default_factory=dict)

    def error(self, required: Iterable[Source]) -> GatewayError | None:
        """Return the error of the first required source that could not be had."""
        for source in required:
            found = self.sources[source]
            if found.snapshot is None:
                return found.error
        return None
