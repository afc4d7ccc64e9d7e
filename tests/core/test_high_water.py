"""Counters that never fall: what is exported, and what has to be on the disk before."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.high_water import HighWater, Kept

KEY = ("energy", "load")
AHEAD_S = 300.0


def levels(kept=None, **others):
    return HighWater({} if kept is None else {KEY: kept}, AHEAD_S, **others)


def test_a_counter_that_steps_back_a_little_is_held_and_another_meter_is_not():
    """A meter corrects itself by 0.1 %: no one must see a restart. One that reads much less is a new one."""
    counters = levels(replaceable=True)

    assert [counters.export(KEY, value) for value in (1000.0, 999.0, 1000.5, 0.0, 3.0)] == [
        *(1000.0, 1000.0, 1000.5),
        *(0.0, 3.0),
    ]


def test_a_sum_that_can_only_grow_is_held_however_far_it_is_behind():
    assert levels(Kept(10.0, 60.0)).export(KEY, 12.0) == 60.0


def test_nothing_may_leave_before_its_mark_is_on_the_disk():
    counters = levels()
    counters.export(KEY, 5.0)
    assert counters.is_due

    counters.written(counters.proposed(0.0), 0.0)

    assert not counters.is_due
    assert counters.mark(KEY) == 5.0


def test_a_mark_is_ahead_by_what_the_counter_grows_at_its_pace():
    """One that stands still is exact; one that runs may stand still for five minutes after a crash."""
    counters = levels()
    counters.export(KEY, 100.0)
    counters.written(counters.proposed(0.0), 0.0)
    counters.export(KEY, 200.0)

    assert counters.proposed(100.0) == {KEY: Kept(200.0, 200.0 + AHEAD_S)}
    counters.written(counters.proposed(100.0), 100.0)
    assert counters.proposed(160.0) == {KEY: Kept(200.0, 200.0)}
    assert counters.exact() == {KEY: Kept(200.0, 200.0)}


def test_a_step_just_after_a_slow_disk_has_written_is_no_pace():
    """A reading comes every few seconds, whenever the disk was done: at 7 kW, 10 Wh more within a tenth of one."""
    counters = levels()
    counters.export(KEY, 100.0)
    counters.written(counters.proposed(0.0), 4.9)
    counters.export(KEY, 110.0)

    [kept] = counters.proposed(5.0).values()

    assert 110.0 < kept.mark <= 110.0 + 10.0 / 60 * AHEAD_S


def test_after_a_crash_a_counter_waits_at_its_mark():
    """The last process may have exported anything up to it."""
    counters = levels(Kept(100.0, 130.0), replaceable=True)

    assert [counters.export(KEY, value) for value in (99.5, 120.0, 131.0)] == [130.0, 130.0, 131.0]
    assert levels(Kept(100.0, 130.0), replaceable=True).export(KEY, 50.0) == 50.0


def test_a_new_meter_has_no_mark_until_one_is_written():
    counters = levels(replaceable=True)
    counters.export(KEY, 1000.0)
    before = counters.proposed(0.0)
    counters.export(KEY, 10.0)
    counters.written(before, 0.0)

    assert counters.is_due
    marks = counters.proposed(1.0)
    assert counters.over(marks)(before) == {KEY: Kept(10.0, 10.0)}


def test_what_another_process_wrote_stands_unless_this_one_is_higher():
    one, two = levels(), levels()
    one.export(KEY, 50.0)
    two.export(KEY, 70.0)
    disk = one.over(one.exact())({})
    one.written(one.exact(), 0.0)
    disk = two.over(two.exact())(disk)
    two.written(two.exact(), 0.0)

    one.export(KEY, 60.0)

    assert one.over(one.exact())(disk) == {KEY: Kept(70.0, 70.0)}


@given(st.lists(st.floats(0, 1e12), min_size=2))
def test_a_counter_never_decreases_by_less_than_a_percent(values):
    counters = levels(replaceable=True)
    exported = [counters.export(KEY, value) for value in values]

    for before, after in itertools.pairwise(exported):
        assert after >= before or after <= before * 0.99


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e4),
            st.floats(0, 900),
            st.sampled_from(["", "kill", "end", "correct"]),
        ),
        max_size=40,
    )
)
def test_no_process_exports_less_than_the_one_before(steps):
    """Whatever grows, steps back by a hair, is killed or ends: each process knows only the disk."""
    disk, now, reading, highest = {}, 0.0, 1e6, 0.0
    counters = levels(replaceable=True)
    for growth, pause, event in steps:
        now += pause
        reading += -5.0 if event == "correct" else growth
        value = counters.export(KEY, reading)
        if counters.is_due:
            marks = counters.proposed(now)
            disk = counters.over(marks)(disk)
            counters.written(marks, now)
        assert value >= highest
        highest = value
        if event == "end":
            disk = counters.over(counters.exact())(disk)
        if event in {"end", "kill"}:
            counters = HighWater(disk, AHEAD_S, replaceable=True)


@pytest.mark.parametrize(("reading", "fits"), [(98.0, False), (99.5, True), (130.0, True), (131.0, False)])
def test_a_counter_fits_where_it_may_have_been_exported_higher(reading, fits):
    assert Kept(100.0, 130.0).fits(reading) is fits
