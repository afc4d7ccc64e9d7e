"""The last failures, each kind once: what an operator wants to read first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from proxy.core.errors import GatewayError

_MOST = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure on one path: its latest message, when it was first and last seen, how often."""

    path: str
    error: str
    message: str
    first_at: float
    last_at: float
    count: int = 1


class Failures:
    """A bounded list, newest first; the one that was quiet for longest goes when it is full."""

    def __init__(self) -> None:
        self._by_kind: dict[tuple[str, str], Failure] = {}

    def note(self, path: str, error: GatewayError, now: float) -> None:
        """Note a failure at ``now`` (monotonic seconds)."""
        kind = (path, error.code())
        known = self._by_kind.pop(kind, None)
        self._by_kind[kind] = (
            replace(known, message=str(error), last_at=now, count=known.count + 1)
            if known
            else Failure(path, error.headline, str(error), now, now)
        )
        if len(self._by_kind) > _MOST:
            del self._by_kind[next(iter(self._by_kind))]

    def __iter__(self) -> Iterator[Failure]:
        """Yield the failures, newest first."""
        return reversed(self._by_kind.values())
