"""What was counted lately, by slots of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.histogram import Recent

SLOTS = 12


@given(st.lists(st.floats(0, 500)), st.floats(0, 100))
def test_every_slot_has_what_fell_into_it(times, later):
    """Whatever the times, the slots that ended are counted right, and no more is remembered than that."""
    recent, times = Recent(5, SLOTS), sorted(times)
    for at in times:
        recent.add(at)
    now = max(times, default=0) + later

    running = now // 5
    expected = [sum(at // 5 == slot for at in times) for slot in range(int(running) - SLOTS, int(running))]

    assert recent.ended(now) == expected


@pytest.mark.parametrize("seconds", [0, 4.9])
def test_a_slot_that_fills_is_not_reported(seconds):
    """Half a slot would look like a drop."""
    recent = Recent(5, SLOTS)
    recent.add(100, times=7)

    assert recent.ended(100 + seconds)[-1] == 0
    assert recent.ended(105)[-1] == 7
