"""Which Powerwall 3 units are read next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.core.errors import NotSupported, SourceUnavailable
from proxy.drivers.tedapi.parts import Part
from proxy.drivers.tedapi.unit_schedule import UnitSchedule

UNITS = ["a", "b", "c", "d"]


def warm(units=UNITS, longest_s=25.0):
    """A rota of units that all answered at 0 s."""
    rota = UnitSchedule(longest_s, stands_s=25.0)
    for din in rota.due(units, 2, 0.0):
        rota.answered(din, Part({}, 0.0, 0.0))
    return rota


def test_the_first_time_all_are_read_and_then_the_room_is_kept():
    rota = UnitSchedule(25.0, 25.0)

    assert rota.due(UNITS, 2, 0.0) == UNITS
    assert len(warm().due(UNITS, 2, 5.0)) == 2


def test_after_another_gateway_all_are_read_again():
    rota = warm()
    rota.forget()

    assert rota.due(UNITS, 2, 5.0) == UNITS


@given(st.lists(st.sampled_from([1, 2, 2, 2]), min_size=8, max_size=40))
def test_every_unit_has_a_turn_soon_and_none_two_at_once(rooms):
    rota = warm(longest_s=1e9)
    last = dict.fromkeys(UNITS, 0)

    for turn, room in enumerate(rooms, 1):
        due = rota.due(UNITS, room, float(turn))
        assert len(due) == len(set(due)) == room
        for din in due:
            rota.answered(din, Part({}, float(turn), float(turn)))
            last[din] = turn
        assert turn - min(last.values()) < len(UNITS)


def test_an_answer_that_is_too_old_is_renewed_whatever_the_room():
    rota = warm()
    rota.answered("b", Part({}, 20.0, 20.0))

    assert rota.due(UNITS, 1, 26.0) == ["a", "c", "d"]


def test_units_that_are_tried_again_take_turns_with_one_that_answers():
    """v1r alone reaches the leader only: trying the others now and then must neither silence it nor cost more."""
    rota = warm(["a"])
    for din in ("b", "c"):
        rota.failed(din, NotSupported("not this way"), 0.0)
    turns = []

    for now in (20.0, 700.0, 705.0, 710.0, 715.0):
        (due,) = rota.due(["a", "b", "c"], 1, now)
        turns.append(due)
        if due == "a":
            rota.answered(due, Part({}, now, now))
        else:
            rota.failed(due, NotSupported("not this way"), now)

    assert turns == ["a", "a", "b", "c", "a"]


def test_a_unit_that_does_not_respond_is_reported_for_a_while_and_not_queried():
    rota = warm()
    rota.failed("a", SourceUnavailable("500"), 5.0)

    assert "a" in rota.answers
    assert rota.due(UNITS, 2, 6.0) == ["b", "c"]
    for din in ("b", "c", "d"):
        rota.answered(din, Part({}, 11.0, 11.0))
    assert rota.due(UNITS, 2, 12.0)[0] == "a"
    rota.failed("a", SourceUnavailable("500"), 12.0)
    rota.due(UNITS, 2, 26.0)
    assert rota.answers.keys() == {"b", "c", "d"}


def test_where_nothing_stale_is_to_be_served_a_silent_unit_is_not_reported():
    """PW_GRACEFUL_DEGRADATION=no."""
    rota = UnitSchedule(25.0, stands_s=0.0)
    rota.answered("a", Part({}, 0.0, 0.0))
    rota.failed("a", SourceUnavailable("500"), 5.0)

    assert not rota.answers
