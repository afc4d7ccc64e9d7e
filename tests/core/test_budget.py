"""A month's requests that last the month."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from proxy.core.budget import DAY_S, Budget, Spending

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
MONTH_S = 30 * DAY_S

limits = st.integers(min_value=0, max_value=50_000)
moments = st.floats(min_value=0, max_value=MONTH_S - 1)
spendings = st.builds(
    lambda reads, commands, today, at: Spending(
        f"{datetime.fromtimestamp(NOVEMBER + at, UTC):%Y-%m-%d}", reads, commands, min(today, reads)
    ),
    st.integers(0, 60_000),
    st.integers(0, 2_000),
    st.integers(0, 3_000),
    moments,
)


def run(budget: Budget, planned_s: float, start: float = NOVEMBER, spending: Spending | None = None):
    """Send one request per interval until the end of the month; gives the spending and the intervals."""
    spending, now, intervals = spending or Spending(), start, []
    while now < NOVEMBER + MONTH_S:
        spending = spending.at(now)
        if budget.admits(spending, now):
            spending = spending.plus(reads=1)
        wait = planned_s * budget.stretch(spending, now, 1 / planned_s)
        if math.isinf(wait):
            wait = budget.wait_s(spending, now)
        intervals.append(wait)
        now += wait
    return spending, intervals


def test_intervals_are_as_planned_where_nothing_is_limited():
    assert Budget(None).stretch(Spending().at(NOVEMBER).plus(reads=10**9), NOVEMBER, 1.0) == 1.0


def test_intervals_are_as_planned_while_the_requests_suffice():
    """One request in ten minutes makes 4,320 in 30 days; 5,000 suffice."""
    spending, intervals = run(Budget(5_000), 600.0)

    assert spending.reads == 4_320
    assert set(intervals) == {600.0}


def test_a_pace_that_is_too_fast_is_stretched_evenly_over_the_month():
    """A reading a minute would be 43,200; of 5,000 all but the commands' 100 are used, one in 8.8 minutes."""
    spending, intervals = run(Budget(5_000), 60.0)

    assert 4_895 <= spending.reads <= 4_900
    assert 500 < min(intervals[:-3]) <= max(intervals[:-3]) < 560


def test_a_month_that_began_too_fast_still_reaches_its_end():
    """4,000 of 5,000 are gone after ten days; the other 900 last the other twenty."""
    gone = Spending("2026-11-11", reads=4_000)

    spending, intervals = run(Budget(5_000), 60.0, NOVEMBER + 10 * DAY_S, gone)

    assert 4_895 <= spending.reads <= 4_900
    assert max(intervals[:-3]) < 2_000


def test_what_was_not_used_is_given_back_to_the_rest_of_the_month():
    used, left = Spending("2026-11-21", reads=100), NOVEMBER + 20 * DAY_S

    assert Budget(5_000).stretch(used, left, 1 / 600) == 1.0


@given(limits, st.floats(min_value=5, max_value=3600), st.lists(st.booleans(), max_size=40))
def test_never_more_requests_than_the_month_has(limit, planned_s, commands):
    """Whatever is sent and in which order: reads, commands, both at once."""
    budget, spending, now = Budget(limit), Spending(), NOVEMBER
    for command in commands * 5:
        now = min(now + planned_s, NOVEMBER + MONTH_S - 1)
        spending = spending.at(now)
        if budget.admits(spending, now, command=command):
            spending = spending.plus(commands=1) if command else spending.plus(reads=1)

    assert spending.reads + spending.commands <= limit
    assert spending.reads <= limit - budget.held_back


@given(limits, spendings, moments)
def test_a_command_is_never_held_up_by_reads(limit, spending, at):
    """What is held back is still there when reads have used up everything else."""
    budget = Budget(limit)
    reads_only = Spending(spending.day, min(spending.reads, limit - budget.held_back), 0)

    assert budget.admits(reads_only, NOVEMBER + at, command=True) == (limit > 0)


@given(limits, spendings, moments, st.floats(min_value=1e-4, max_value=1))
def test_intervals_are_never_shorter_than_planned(limit, spending, at, planned):
    assert Budget(limit).stretch(spending, NOVEMBER + at, planned) >= 1.0


@given(limits, spendings, moments)
def test_a_wait_ends_where_a_request_is_admitted_or_a_day_begins(limit, spending, at):
    """No wait while a read is admitted; a wait ends at a midnight of UTC."""
    budget, now = Budget(limit), NOVEMBER + at
    wait = budget.wait_s(spending, now)

    assert (wait == 0) == budget.admits(spending, now)
    if wait and spending.day <= f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}":
        assert (now + wait) % DAY_S < 1 or DAY_S - (now + wait) % DAY_S < 1


def test_restarts_cannot_spend_the_month_in_a_day():
    """A program that is restarted all the time and reads at every start uses half as much again as a day's share."""
    budget, spending = Budget(3_100), Spending()
    for second in range(2_000):
        spending = spending.at(NOVEMBER + second)
        if budget.admits(spending, NOVEMBER + second):
            spending = spending.plus(reads=1)

    assert spending.reads == 150  # (3,100 - 100) / 30 * 1.5


def test_a_new_month_begins_with_all_its_requests():
    spent = Spending("2026-11-30", reads=4_900, commands=100)

    assert spent.at(NOVEMBER + MONTH_S) == Spending("2026-12-01")


def test_a_clock_that_is_behind_gives_nothing_back():
    """A board that starts in 1970 goes on counting; when it knows the time, nothing is forgotten either."""
    spent = Spending("2026-11-10", reads=2_000, reads_today=20)

    in_1970 = spent.at(0.0).plus(reads=1)

    assert in_1970 == Spending("2026-11-10", reads=2_001, reads_today=21)
    assert in_1970.at(NOVEMBER + 9.5 * DAY_S).reads == 2_001


@given(spendings)
def test_what_was_written_down_is_read_again(spending):
    assert Spending.of(spending.document()) == spending


@given(
    st.dictionaries(
        st.sampled_from(["day", "reads", "commands", "reads_today"]), st.none() | st.text() | st.integers()
    )
)
def test_damaged_counts_are_no_error(document):
    assert Spending.of(document).reads >= 0


def test_the_cost_is_that_of_the_price_list():
    assert Spending("2026-11-01", reads=5_000, commands=100).cost_usd() == 10.1
