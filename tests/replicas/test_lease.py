"""Of all replicas one fetches, and one always does: the automaton of the lease under random faults."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.replicas.lease import LEASE_S, RENEW_EVERY_S, TRANSITIONS, Event, Lease, Role

_STEP_S = 0.25
# The longest that no replica may fetch once Redis answers again, and without Redis: what followers have is served
# for 30 s, and they begin within 15 s of each other.
_LONGEST_S = 20.0
_LONGEST_ALONE_S = 50.0


@dataclass
class Server:
    """Redis as far as the lease goes: it forgets one after its time."""

    held: str = ""
    ends: float = 0.0
    is_up: bool = True

    def claim(self, own: str, candidate: str, now: float) -> str:
        if now >= self.ends:
            self.held = ""
        if self.held and self.held == own:
            self.ends = now + LEASE_S
            return "renewed"
        if self.held:
            return "taken"
        if not candidate:
            return "free"
        self.held, self.ends = candidate, now + LEASE_S
        return "acquired"


@dataclass
class Replica:
    name: str
    spread: float
    lease: Lease
    is_running: bool = True
    reaches_redis: bool = True
    loses_replies: bool = False
    term: int = 0
    due: float = 0.0
    holding: str = ""
    was_alone_before: bool = field(default=False)

    def tick(self, server: Server, now: float) -> None:
        if not self.is_running or now < self.due:
            return
        self.due = now + RENEW_EVERY_S
        if not (server.is_up and self.reaches_redis):
            self.lease = self.lease.silent(now, self.spread)
            return
        has_term = self.lease.role in {Role.HOLDING, Role.ALONE}
        own = f"{self.name}{self.term}"
        candidate = f"{self.name}{self.term + 1}" if has_term else own
        takes = self.lease.role is Role.HOLDING or self.lease.contests(now)
        outcome = server.claim(own, candidate if takes else "", now)
        if self.loses_replies:
            self.lease = self.lease.silent(now, self.spread)
            return
        before = self.lease.role
        match outcome:
            case "renewed" | "acquired":
                self.lease = self.lease.granted(now, now)
                self.term += outcome == "acquired" and has_term
            case "taken":
                self.lease = self.lease.taken(now, now)
            case _:
                self.lease = self.lease.free(now, now)
        if before in {Role.HOLDING, Role.ALONE} and self.lease.role is Role.FOLLOWING:
            self.term += 1

    def fetches(self, now: float) -> bool:
        return self.is_running and self.lease.may_fetch(now)


# What happens to which replica (3 is Redis), and after how many steps.
_faults = st.tuples(
    st.integers(0, 20),
    st.sampled_from(["stop", "go", "cut", "join", "deaf", "hear", "yield", "redis down", "redis up"]),
    st.integers(0, 2),
)


def _apply(fault: str, replica: Replica, server: Server, now: float) -> None:
    match fault:
        case "stop" | "go":
            replica.is_running = fault == "go"
        case "cut" | "join":
            replica.reaches_redis = fault == "join"
        case "deaf" | "hear":
            replica.loses_replies = fault == "deaf"
        case "redis down" | "redis up":
            server.is_up = fault == "redis up"
        case "yield" if replica.lease.role is Role.HOLDING and replica.is_running and server.is_up:
            if server.held == f"{replica.name}{replica.term}":
                server.held = ""
            replica.lease = replica.lease.yielded(now)
            replica.term += 1


@settings(max_examples=100)
@given(faults=st.lists(_faults, max_size=12), spreads=st.tuples(*[st.floats(0, 1)] * 3))
def test_never_two_replicas_hold_the_lease_and_always_one_fetches_in_the_end(faults, spreads):
    server = Server()
    replicas = [Replica(name, spread, Lease(0.0, 0.0)) for name, spread in zip("abc", spreads, strict=True)]
    now = 0.0

    def step() -> None:
        nonlocal now
        now += _STEP_S
        for replica in replicas:
            replica.tick(server, now)
        holders = [r for r in replicas if r.lease.role is Role.HOLDING and r.fetches(now)]
        assert len(holders) <= 1
        assert not any(r.fetches(now) for r in replicas if r.lease.role in {Role.DETACHED, Role.FOLLOWING})

    for steps, fault, which in faults:
        for _ in range(steps):
            step()
        _apply(fault, replicas[which], server, now)

    replicas[0].is_running = True  # one is left
    for replica in replicas:
        replica.loses_replies = False
    is_reachable = server.is_up and replicas[0].reaches_redis
    limit_s = _LONGEST_S if is_reachable else _LONGEST_ALONE_S
    for _ in range(int(limit_s / _STEP_S)):
        step()

    assert any(replica.fetches(now) for replica in replicas)


def test_a_suspended_holder_starts_no_exchange_before_it_has_looked_at_its_lease():
    lease = Lease(0.0, 0.0).granted(sent_at=10.0, now=10.1)

    assert lease.may_fetch(13.9)
    assert not lease.may_fetch(14.0)  # Redis forgets the lease at 14.5 at the earliest


def test_a_holder_that_loses_redis_goes_on_and_followers_begin_only_when_what_they_have_is_too_old():
    holder = Lease(0.0, 0.0).granted(0.0, 0.0).silent(4.0, 0.5)
    follower = Lease(0.0, 0.0).taken(0.0, 0.0).silent(2.0, 0.5)

    assert holder.role is Role.ALONE
    assert follower.role is Role.DETACHED
    assert follower.silent(39.0, 0.5).role is Role.DETACHED  # 2 + 30 + half of 15 s
    assert follower.silent(39.5, 0.5).role is Role.ALONE


def test_without_leave_to_be_alone_a_follower_never_fetches_without_redis():
    follower = Lease(0.0, 0.0, fetches_alone=False).taken(0.0, 0.0).silent(2.0, 0.0)

    assert follower.silent(1e6, 0.0).role is Role.DETACHED


def test_a_holder_that_left_the_lease_takes_it_again_only_if_no_replica_wants_it():
    lease = Lease(0.0, 0.0).granted(0.0, 0.0).yielded(1.0)

    assert not lease.contests(2.0)
    assert not lease.taken(3.0, 3.0).contests(30.0)
    assert lease.free(2.0, 2.0).contests(7.0)
    assert lease.taken(3.0, 3.0).contests(61.0)


def test_every_role_has_an_answer_to_whatever_redis_says():
    said = {Event.GRANTED, Event.TAKEN, Event.FREE, Event.SILENT}

    assert {(role, event) for role in Role for event in said} <= TRANSITIONS.keys()
