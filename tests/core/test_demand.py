from hypothesis import given
from hypothesis import strategies as st

from proxy.core.demand import Demand, Slot

TTL = 5.0


def visits(*times):
    demand = Demand(TTL)
    for at in times:
        demand.record_demand(at)
    return demand


def test_a_single_visitor_is_not_waited_for():
    assert visits(0).refresh_at(5, TTL / 2, 5) is None


def test_a_busy_source_is_refreshed_when_it_goes_stale():
    demand = visits(*[tenth / 10 for tenth in range(50)])

    assert demand.refresh_at(5, TTL / 2, 5) == 5


def test_a_slow_scraper_finds_a_fresh_value_that_cost_nothing_extra():
    """Every ten seconds: the value is fetched once per visit, at most half a ttl before it."""
    demand = visits(0, 10, 20)

    assert demand.refresh_at(stale_at=25, ahead_s=TTL / 2, now=25) == 27.5


def test_who_asks_eight_routes_at_once_visits_once():
    demand = visits(0, 0.01, 0.02, 10, 10.01, 10.02)

    assert demand.gaps == (10,)


def test_two_scrapers_are_expected_in_turn():
    """One second apart, every ten: after the second of a pair the next visit is nine seconds away."""
    demand = visits(0, 1, 10, 11)

    assert demand.refresh_at(stale_at=16, ahead_s=TTL / 2, now=16) == 17.5


def test_a_visitor_who_stays_away_is_forgotten():
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


SLOT = Slot(offset_s=1.0)


def test_a_slot_makes_the_first_fetch_early_and_leaves_the_others_alone():
    first = SLOT.align(104.0, TTL)

    assert first == 101.0
    assert SLOT.align(first + TTL, TTL) == first + TTL


def test_what_is_hardly_before_its_slot_stays_there():
    assert SLOT.align(100.8, TTL) == 100.8


def test_only_one_of_many_gateways_has_a_slot_and_no_costly_link():
    assert Slot().align(104.0, TTL) == 104.0
    assert SLOT.align(104.0, 60.0) == 104.0


@given(st.floats(0, 1e6), st.floats(0.5, 30), st.floats(0, 5))
def test_a_slot_is_never_later_than_necessary(at, ttl, offset_s):
    assert at - ttl <= Slot(offset_s=offset_s).align(at, ttl) <= at
