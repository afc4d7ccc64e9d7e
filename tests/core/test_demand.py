from hypothesis import given
from hypothesis import strategies as st

from proxy.core.demand import Demand, Slot

TTL = 5.0


def visits(*times):
    demand = Demand(TTL)
    for at in times:
        demand.record_demand(at)
    return demand


def test_a_single_client_is_not_waited_for():
    assert visits(0).refresh_at(5, TTL / 2, 5) is None


def test_a_busy_source_is_refreshed_when_it_goes_stale():
    demand = visits(*[tenth / 10 for tenth in range(50)])

    assert demand.refresh_at(5, TTL / 2, 5) == 5


def test_a_slow_scraper_finds_a_fresh_value_that_cost_nothing_extra():
    """Every ten seconds: the value is fetched once per visit, at most half a ttl before it."""
    demand = visits(0, 10, 20)

    assert demand.refresh_at(stale_at=25, ahead_s=TTL / 2, now=25) == 27.5


def test_eight_routes_requested_at_once_are_one_visit():
    demand = visits(0, 0.01, 0.02, 10, 10.01, 10.02)

    assert demand.gaps == (10,)


def test_two_scrapers_are_expected_in_turn():
    """One second apart, every ten: after the second of a pair the next visit is nine seconds away."""
    demand = visits(0, 1, 10, 11)

    assert demand.refresh_at(stale_at=16, ahead_s=TTL / 2, now=16) == 17.5


def test_a_client_that_stays_away_is_forgotten():
    demand = visits(0, 5, 10)

    assert demand.refresh_at(stale_at=30, ahead_s=TTL / 2, now=30) is None


def test_who_watches_is_always_there():
    demand = Demand(TTL)
    demand.watchers = 1

    assert demand.refresh_at(stale_at=30, ahead_s=TTL / 2, now=30) == 30


@given(st.floats(0.5, 120), st.integers(3, 30))
def test_a_steady_scraper_costs_at_most_one_answer_per_visit(gap, count):
    """Play the refresher against a scraper of any pace: prefetches never outnumber its visits."""
    demand, fetched, stored = Demand(TTL), 0, float("-inf")
    for record_demand in range(count):
        now = record_demand * gap
        at = demand.refresh_at(stored + TTL, TTL / 2, min(now, stored + TTL)) if fetched else None
        while at is not None and at < now:
            fetched, stored = fetched + 1, at
            at = demand.refresh_at(stored + TTL, TTL / 2, stored + TTL)
        if now - stored >= TTL:
            fetched, stored = fetched + 1, now
        demand.record_demand(now)

    assert fetched <= max(count, count * gap / TTL) + 1


def test_many_gateways_are_read_for_those_who_watch_at_moments_of_their_own():
    """Over two fifths of a lifetime, in which the first one may be early; never for what has its price."""
    slots = [Slot(offset_s=number / 10) for number in range(50)]

    assert sorted({round(slot.early_s(TTL), 1) for slot in slots}) == [number / 10 for number in range(20)]
    assert {slot.early_s(60.0) for slot in slots} == {0.0}
    assert Slot().early_s(TTL) == 0.0


@given(st.floats(0.5, 300), st.floats(0, 5))
def test_what_is_requested_is_fetched_at_most_half_a_lifetime_before_and_not_too_late(ttl, offset_s):
    assert ttl / 10 - 1e-6 <= Slot(offset_s=offset_s).ahead_s(ttl) <= ttl / 2
