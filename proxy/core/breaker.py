"""When requests to a gateway, or to one path of it, are suspended.

Pure automata: a state and an event give the next state, times are arguments in
monotonic seconds. How long a cooldown lasts depends on the error (core/errors.py).
Terms: Nygard, *Release It!* — closed (requests are sent), open (in cooldown), half-open
(one request, the trial, decides whether the cooldown ends).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from proxy.core.errors import CircuitOpen, GatewayError, Scope

# One path that fails is that path's trouble. The gateway is in trouble when this many
# failures in a row, on at least this many different paths, were not interrupted by an answer.
FAILURES_IN_ROW = 3
DIFFERENT_PATHS = 2


class State(Enum):
    """Where a link stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Event(Enum):
    """What happens to a link."""

    SUCCESS = "success"
    FAILURE = "failure"  # counted, not yet enough for a cooldown
    TRIPPED = "tripped"
    COOLED = "cooled"  # the cooldown is over and a trial begins


# The whole automaton; a pair that is missing cannot happen. What was under way when the
# cooldown began neither ends nor prolongs it, unless the gateway requests another one.
TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.CLOSED, Event.SUCCESS): State.CLOSED,
    (State.CLOSED, Event.FAILURE): State.CLOSED,
    (State.CLOSED, Event.TRIPPED): State.OPEN,
    (State.OPEN, Event.SUCCESS): State.OPEN,
    (State.OPEN, Event.FAILURE): State.OPEN,
    (State.OPEN, Event.TRIPPED): State.OPEN,
    (State.OPEN, Event.COOLED): State.HALF_OPEN,
    (State.HALF_OPEN, Event.SUCCESS): State.CLOSED,
    (State.HALF_OPEN, Event.FAILURE): State.OPEN,
    (State.HALF_OPEN, Event.TRIPPED): State.OPEN,
}


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A path that receives no requests until a given time, after consecutive failures."""

    until: float
    failures: int
    error: GatewayError

    def permits(self, now: float) -> bool:
        """Say whether the path may be requested again."""
        return now >= self.until

    def refusal(self, now: float) -> GatewayError | None:
        """Return the error that stands for it until it is over."""
        if self.permits(now):
            return None
        kind = type(self.error) if self.error.scope is Scope.SOURCE else CircuitOpen
        refusal = kind(str(self.error), retry_after=self.until - now)
        refusal.peer = self.error.peer
        return refusal


def cooldown_after(
    previous: Cooldown | None, error: GatewayError, now: float, jitter: float = 1.0
) -> Cooldown:
    """Begin the cooldown of a path that failed (again), in whatever manner: failures count since its last answer.

    ``jitter`` spreads what would fall together.
    """
    failures = previous.failures + 1 if previous else 1
    return Cooldown(now + error.cooldown_s(failures) * jitter, failures, error)


@dataclass(frozen=True, slots=True)
class Breaker:
    """A link's state; every method returns the next one.

    ``failures`` counts failed requests since the last answer, ``trips`` the cooldowns
    since then, ``since`` is when the state last changed.
    """

    state: State = State.CLOSED
    since: float = 0.0
    until: float = 0.0
    failures: int = 0
    trips: int = 0
    paths: frozenset[str] = frozenset()
    error: GatewayError | None = None

    def permits(self, now: float, *, command: bool = False) -> bool:
        """Say whether a request may be sent: closed, or due for a trial, or a command that the error does not concern."""
        if command and self.error is not None and self.error.permits_commands:
            return True
        return self.state is State.CLOSED or (self.state is State.OPEN and now >= self.until)

    def begin(self, now: float) -> Breaker:
        """Note that a permitted request is being sent."""
        return self._to(Event.COOLED, now) if self.state is State.OPEN else self

    def success(self, now: float) -> Breaker:
        """Note an answer: the gateway is there, whatever it said."""
        nxt = self._to(Event.SUCCESS, now)
        return replace(nxt, failures=0, trips=0, paths=frozenset(), error=None) if nxt.is_closed else nxt

    def failure(self, now: float, error: GatewayError, path: str, jitter: float = 1.0) -> Breaker:
        """Note a failed request to a path."""
        if error.scope in {Scope.SOURCE, Scope.NONE}:
            return self.success(now)
        noted = replace(self, failures=self.failures + 1, paths=self.paths | {path}, error=error)
        if self.state is State.OPEN and error.scope is not Scope.LINK:
            return noted
        if self.state is State.CLOSED and not noted._trips(error):
            return noted._to(Event.FAILURE, now)
        trips = self.trips + 1
        until = now + error.cooldown_s(trips) * jitter
        return replace(noted._to(Event.TRIPPED, now), until=max(until, self.until), trips=trips)

    def abandoned(self, now: float) -> Breaker:
        """Note a request that ended without a result: a trial is still due."""
        return self._to(Event.FAILURE, now)

    def expedited(self, now: float) -> Breaker:
        """End the cooldown of an open link: the gateway accepts connections again, and a trial is worth it."""
        return replace(self, until=min(self.until, now))

    @property
    def awaits_connection(self) -> bool:
        """Say whether the link is in cooldown because no connection is to be had."""
        return self.state is State.OPEN and self.error is not None and self.error.awaits_connection

    @property
    def is_closed(self) -> bool:
        """Say whether requests are sent as usual."""
        return self.state is State.CLOSED

    def _trips(self, error: GatewayError) -> bool:
        if error.scope is Scope.LINK:
            return True
        return self.failures >= FAILURES_IN_ROW and len(self.paths) >= DIFFERENT_PATHS

    def _to(self, event: Event, now: float) -> Breaker:
        state = TRANSITIONS[self.state, event]
        return self if state is self.state else replace(self, state=state, since=now)
