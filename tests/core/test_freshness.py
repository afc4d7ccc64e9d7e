from hypothesis import given
from hypothesis import strategies as st

from proxy.core.freshness import DECISIONS, Action, Freshness, Policy, classify, decide

ORDER = list(Freshness)
seconds = st.floats(0, 1e4, allow_nan=False)
policies = st.builds(Policy, seconds, seconds, seconds)


@given(policies, seconds, seconds)
def test_waiting_never_makes_a_snapshot_fresher(policy, age, wait):
    before, after = classify(age, policy), classify(age + wait, policy)

    assert ORDER.index(before) <= ORDER.index(after)


@given(policies, seconds)
def test_what_is_usable_is_exactly_what_is_not_expired(policy, age):
    assert (classify(age, policy) is Freshness.EXPIRED) == (age >= policy.usable_s)


@given(policies, seconds.filter(bool))
def test_a_clock_that_stepped_back_makes_nothing_stale(policy, step):
    assert policy.ttl == 0 or classify(-step, policy) is Freshness.FRESH


def test_no_snapshot_is_as_good_as_an_expired_one():
    assert classify(None, Policy(5, 0, 25)) is Freshness.EXPIRED


def test_the_table_of_decisions_is_total():
    assert set(DECISIONS) == {(freshness, admitted) for freshness in Freshness for admitted in (True, False)}


def test_nothing_is_requested_while_the_link_is_in_cooldown():
    for freshness in Freshness:
        assert decide(freshness, admitted=False) in {Action.SERVE, Action.FAIL}


def test_only_what_is_expired_is_refused_while_the_link_is_in_cooldown():
    refused = [f for f in Freshness if decide(f, admitted=False) is Action.FAIL]

    assert refused == [Freshness.EXPIRED]


@given(policies, seconds, seconds)
def test_an_older_part_ends_staleness_earlier_and_freshness_at_the_same_time(policy, age, behind):
    whole, patched = classify(age, policy), classify(age, policy, behind)

    assert ORDER.index(whole) <= ORDER.index(patched)
    assert (whole is Freshness.FRESH) == (patched is Freshness.FRESH)
