import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.breaker import TRANSITIONS, Breaker, Event, State, cooldown_after
from proxy.core.errors import (
    BadAnswer,
    GatewayError,
    GatewayTimeout,
    LoginFailed,
    LoginRejected,
    NotSupported,
    RateLimited,
    SourceUnavailable,
    Unreachable,
)

PATHS = ["/soe", "/aggregates", "/status"]
events = st.tuples(
    st.sampled_from(
        ["ok", Unreachable, GatewayTimeout, RateLimited, SourceUnavailable, NotSupported, BadAnswer]
    ),
    st.sampled_from(PATHS),
    st.floats(0, 60),
)


def run(schedule):
    """Play requests against a breaker, sending only what it permits; yield (now, breaker, sent)."""
    breaker, now = Breaker(), 0.0
    for outcome, path, wait in schedule:
        now += wait
        sent = breaker.permits(now)
        if sent:
            breaker = breaker.begin(now)
            breaker = breaker.success(now) if outcome == "ok" else breaker.failure(now, outcome("x"), path)
        yield now, breaker, sent


def test_every_transition_leads_somewhere_that_has_transitions():
    assert {state for state, _ in TRANSITIONS} == set(State) == set(TRANSITIONS.values())


def test_only_an_open_link_cools():
    assert [state for state, event in TRANSITIONS if event is Event.COOLED] == [State.OPEN]


@given(st.lists(events, max_size=60))
def test_an_open_link_sends_nothing_before_its_rest_is_over(schedule):
    no_request_before = 0.0
    for now, breaker, sent in run(schedule):
        assert not (sent and now < no_request_before)
        no_request_before = breaker.until if breaker.state is State.OPEN else 0.0


@given(st.lists(events, max_size=60))
def test_an_answer_ends_every_trouble(schedule):
    for now, breaker, _ in run(schedule):
        later = max(now, breaker.until)
        healed = breaker.begin(later).success(later)

        assert healed.is_closed
        assert healed.failures == healed.trips == 0


def test_one_path_that_fails_does_not_cost_the_others_the_gateway():
    breaker = Breaker()
    for now in range(50):
        breaker = breaker.failure(now, GatewayTimeout("slow"), "/api/operation")

    assert breaker.is_closed


def test_different_paths_that_fail_in_a_row_open_the_link():
    breaker = Breaker()
    for now, path in enumerate(["/soe", "/soe", "/aggregates"]):
        assert breaker.is_closed
        breaker = breaker.failure(now, GatewayTimeout("slow"), path)

    assert breaker.state is State.OPEN


@pytest.mark.parametrize("error", [NotSupported("no"), BadAnswer("bad")])
def test_a_gateway_that_says_no_is_well(error):
    breaker = Breaker().failure(0, GatewayTimeout("slow"), "/a").failure(1, error, "/b")

    assert breaker == Breaker()


@pytest.mark.parametrize("error", [Unreachable("x"), RateLimited("x"), LoginRejected("x")])
def test_trouble_with_the_gateway_itself_opens_the_link_at_once(error):
    breaker = Breaker().failure(10, error, "/soe")

    assert breaker.state is State.OPEN
    assert breaker.until == 10 + error.cooldowns_s[0]


def test_only_one_trial_is_under_way():
    breaker = Breaker().failure(0, Unreachable("gone"), "/soe")

    assert breaker.permits(2)
    assert not breaker.begin(2).permits(2)


def test_the_gateway_says_itself_how_long_its_cooldown_is():
    breaker = Breaker().failure(0, RateLimited("slow down", retry_after=120), "/soe")

    assert breaker.until == 120


def test_cooldowns_grow_to_a_pace_of_six_a_minute():
    """A lost gateway is tried at most 12 times in the first 30 s and six times a minute later."""
    breaker, now, attempts = Breaker(), 0.0, []
    while now < 300:
        if breaker.permits(now):
            attempts.append(now)
            breaker = breaker.begin(now).failure(now, Unreachable("gone"), "/soe")
        now += 0.1

    assert sum(at < 30 for at in attempts) <= 12
    assert all(sum(start <= at < start + 60 for at in attempts) <= 7 for start in range(30, 240))
    assert max(b - a for a, b in itertools.pairwise(attempts)) <= 10.2


def test_what_was_under_way_when_the_rest_began_neither_ends_nor_prolongs_it():
    breaker = Breaker().failure(0, RateLimited("x", retry_after=60), "/soe")

    assert breaker.success(1).until == 60
    assert breaker.success(1).state is State.OPEN
    assert breaker.failure(1, GatewayTimeout("slow"), "/a").until == 60


def test_the_rest_of_a_path_grows_with_every_failure_since_its_last_answer():
    first = cooldown_after(None, SourceUnavailable("503"), 0)
    second = cooldown_after(first, SourceUnavailable("503"), 10)
    other = cooldown_after(second, BadAnswer("html"), 30)

    assert (first.until, second.until, other.until) == (5, 20, 40)
    assert not second.permits(19)
    assert second.permits(20)


@pytest.mark.parametrize("kinds", list(itertools.permutations([Unreachable, LoginFailed, GatewayTimeout], 2)))
def test_a_gateway_that_fails_now_this_way_now_that_is_left_alone_like_any_other(kinds):
    breaker, now, attempts = Breaker(), 0.0, 0
    while now < 600:
        if breaker.permits(now):
            breaker = breaker.begin(now).failure(now, kinds[attempts % 2]("x"), f"/{attempts % 3}")
            attempts += 1
        now += 0.5

    assert attempts <= 70


@given(
    st.sampled_from([RateLimited, LoginRejected, SourceUnavailable, Unreachable]),
    st.integers(1, 30),
    st.floats(0, 1e6),
)
def test_what_a_gateway_requests_prolongs_a_rest_and_never_shortens_it(kind, failures, wait):
    """And not for ever: a day that it requests is half an hour."""
    own, requested = kind("x").cooldown_s(failures), kind("x", retry_after=wait).cooldown_s(failures)

    assert own <= requested <= max(own, 1800)
    assert requested >= min(wait, 1800)


def test_every_error_has_a_policy():
    """Status, title and cooldowns are said by the class itself, for all classes there are."""
    left = [GatewayError]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        assert 400 <= kind.status < 600
        assert kind.title
        assert all(a <= b for a, b in itertools.pairwise(kind.cooldowns_s))
