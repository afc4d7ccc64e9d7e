"""Counting energy from power."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.memory import Memory
from proxy.core.clock import Clock
from proxy.drivers.energy import LONGEST_GAP_S, EnergyMeter, areas

POWERS = st.floats(-20000, 20000)


class Time:
    """A clock of its own; the wall clock runs along."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.clock = Clock(lambda: self.now, lambda: 1.7e9 + self.now)


def meter(time, memory=None):
    return EnergyMeter(memory or Memory(""), time.clock, "gateway")


def test_an_hour_of_two_kilowatts_is_two_kilowatt_hours_in_the_direction_of_the_meter():
    """Grid and home import at positive power; battery and solar export what they give."""
    time = Time()
    counting = meter(time)

    for _ in range(61):
        told = counting.count({"site": 2000.0, "load": 2000.0, "solar": 2000.0, "battery": -2000.0})
        time.now += 60

    assert told["site"] == pytest.approx((2000.0, 0.0))
    assert told["load"] == pytest.approx((2000.0, 0.0))
    assert told["solar"] == pytest.approx((0.0, 2000.0))
    assert told["battery"] == pytest.approx((2000.0, 0.0))


def test_a_pause_adds_nothing_and_neither_does_an_unknown_power():
    time = Time()
    counting = meter(time)
    counting.count({"site": 1000.0})

    time.now += LONGEST_GAP_S + 1
    assert counting.count({"site": 1000.0})["site"] == (0.0, 0.0)
    time.now += 60
    assert counting.count({"site": None})["site"] == (0.0, 0.0)
    time.now += 60
    assert counting.count({"site": 1000.0})["site"] == (0.0, 0.0)


def test_counters_outlive_the_process(tmp_path):
    time = Time()
    before = meter(time, Memory(str(tmp_path)))
    before.count({"site": 3600.0})
    time.now += 100
    before.count({"site": 3600.0})
    before.save()

    time.now += 50
    after = meter(time, Memory(str(tmp_path)))

    # The short restart is bridged: 150 s in all.
    assert after.count({"site": 3600.0})["site"] == pytest.approx((150.0, 0.0))
    assert after.describe() == {"method": "integrated", "since": 1.7e9 + 1000.0}


def test_a_restart_long_after_the_last_reading_adds_nothing(tmp_path):
    """Nobody read for an hour before the end: what is between is not known, however short the restart was."""
    time = Time()
    before = meter(time, Memory(str(tmp_path)))
    before.count({"site": 3600.0})
    time.now += 3600
    before.save()
    time.now += 10
    meter(time, Memory(str(tmp_path))).save()
    time.now += 10

    told = meter(time, Memory(str(tmp_path))).count({"site": 3600.0})

    assert told["site"] == (0.0, 0.0)


def test_a_damaged_file_costs_the_count_and_nothing_else(tmp_path):
    (tmp_path / "energy.json").write_text(
        '{"gateway": {"counters": {"site": {"positive_wh": "x"}, "load": 3}}}'
    )

    assert meter(Time(), Memory(str(tmp_path))).count({"site": 1.0})["site"] == (0.0, 0.0)


@given(POWERS, POWERS, st.floats(0.001, 1))
def test_the_areas_balance_and_are_never_negative(first, last, span):
    positive, negative = areas(first, last, span)

    assert positive >= 0
    assert negative >= 0
    assert positive - negative == pytest.approx((first + last) / 2 * span, abs=1e-6)


@given(st.lists(POWERS, min_size=2, max_size=20))
def test_counters_never_fall(powers):
    time = Time()
    counting = meter(time)
    last = (0.0, 0.0)
    for power in powers:
        told = counting.count({"site": power})["site"]
        time.now += 5
        assert told[0] >= last[0]
        assert told[1] >= last[1]
        last = told
