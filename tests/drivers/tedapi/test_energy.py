"""Counting energy from power."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.clock import Clock
from proxy.drivers.energy import LONGEST_GAP_S, Counter, EnergyMeter, areas
from proxy.state.store import StateStore

POWERS = st.floats(-20000, 20000)


class Time:
    """A clock of its own; the wall clock runs along."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wrong = 0.0
        self.clock = Clock(lambda: self.now, lambda: 1.7e9 + self.now + self.wrong)


def meter(time, memory=None):
    return EnergyMeter(memory or StateStore(""), time.clock, "gateway")


def test_an_hour_of_two_kilowatts_is_two_kilowatt_hours_in_the_direction_of_the_meter():
    """Grid and home import at positive power; battery, solar and generator export what they give."""
    time = Time()
    counting = meter(time)

    for _ in range(61):
        told = counting.count(
            {"site": 2000.0, "load": 2000.0, "solar": 2000.0, "battery": -2000.0, "generator": 2000.0}
        )
        time.now += 60

    assert told["site"] == pytest.approx((2000.0, 0.0))
    assert told["load"] == pytest.approx((2000.0, 0.0))
    assert told["solar"] == pytest.approx((0.0, 2000.0))
    assert told["battery"] == pytest.approx((2000.0, 0.0))
    assert told["generator"] == pytest.approx((0.0, 2000.0))


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
    before = meter(time, StateStore(str(tmp_path)))
    before.count({"site": 3600.0})
    time.now += 100
    before.count({"site": 3600.0})
    before.save()

    time.now += 50
    after = meter(time, StateStore(str(tmp_path)))

    # The short restart is bridged: 150 s in all.
    assert after.count({"site": 3600.0})["site"] == pytest.approx((150.0, 0.0))
    assert after.describe() == {"method": "integrated", "since": 1.7e9 + 1000.0}


def test_a_restart_long_after_the_last_reading_adds_nothing(tmp_path):
    """Nobody read for an hour before the end: what is between is not known, however short the restart was."""
    time = Time()
    before = meter(time, StateStore(str(tmp_path)))
    before.count({"site": 3600.0})
    time.now += 3600
    before.save()
    time.now += 10
    meter(time, StateStore(str(tmp_path))).save()
    time.now += 10

    told = meter(time, StateStore(str(tmp_path))).count({"site": 3600.0})

    assert told["site"] == (0.0, 0.0)


@pytest.mark.parametrize(
    "content",
    [
        '{"gateway": null}',
        '{"gateway": {"since": NaN, "until": "x", "counters": []}}',
        '{"gateway": {"counters": {"site": {"positive_wh": "x"}, "load": 3}}}',
        '{"gateway": {"counters": {"site": {"positive_wh": -5, "negative_wh": Infinity}}}}',
    ],
)
def test_a_damaged_row_costs_the_count_and_nothing_else(tmp_path, content):
    (tmp_path / "energy.json").write_text(content)
    counting = meter(Time(), StateStore(str(tmp_path)))

    assert counting.count({"site": 1.0})["site"] == (0.0, 0.0)
    assert math.isfinite(counting.describe()["since"])
    counting.save()
    assert "gateway" in json.loads((tmp_path / "energy.json").read_text())


@pytest.mark.parametrize("content", ["", "{", "[]", "\0" * 600, "[" * 100_000])
def test_sums_that_cannot_be_read_are_unknown_and_not_zero(tmp_path, content):
    """The file is left as it is, for whoever can repair it; once it is gone, counting begins anew."""
    path = tmp_path / "energy.json"
    path.write_text(content)
    counting = meter(Time(), StateStore(str(tmp_path)))

    assert counting.count({"site": 1.0}) == {}
    assert math.isfinite(counting.describe()["since"])
    counting.save()
    assert path.read_text() == content

    path.unlink()
    assert meter(Time(), StateStore(str(tmp_path))).count({"site": 1.0})["site"] == (0.0, 0.0)


@pytest.mark.parametrize("step", [-86400.0, -30.0, 86400.0])
def test_a_clock_that_was_set_between_two_runs_adds_nothing(tmp_path, step):
    """A board without a battery starts in the past; time servers put that right later."""
    time = Time()
    before = meter(time, StateStore(str(tmp_path)))
    before.count({"site": 3600.0})
    time.now += 100
    before.count({"site": 3600.0})
    before.save()

    time.wrong += step
    after = meter(time, StateStore(str(tmp_path)))
    told = after.count({"site": 3600.0})
    time.wrong -= step
    time.now += 10

    assert told["site"] == pytest.approx((100.0, 0.0))
    assert after.count({"site": 3600.0})["site"] == pytest.approx((110.0, 0.0))


def test_a_reading_that_no_house_can_have_is_not_counted():
    time = Time()
    counting = meter(time)

    for power in (3600.0, 4.3e9, 3600.0, 3600.0):
        told = counting.count({"site": power})
        time.now += 10

    assert told["site"] == pytest.approx((10.0, 0.0))


def test_what_is_shown_as_zero_is_counted_as_zero():
    """A threshold hides the noise of the grid's meter in the sum, too, and what it hides is settled with the home."""
    time = Time()
    counting = EnergyMeter(StateStore(""), time.clock, "gateway", neg_solar=False, site_zero_threshold=50.0)

    for _ in range(3):
        told = counting.count({"site": 36.0, "load": 1000.0, "solar": -36.0, "battery": 1000.0})
        time.now += 100

    assert told["site"] == told["solar"] == (0.0, 0.0)
    assert told["load"] == pytest.approx((1000.0 * 200 / 3600, 0.0))


def test_many_small_areas_add_up():
    """Twelve days of them: the sum is right to a hundredth of a watt-hour."""
    counter, total = Counter(power_w=733.3), 200_000

    for _ in range(total):
        counter = counter.read(733.3, 5.0)

    assert counter.positive_wh == pytest.approx(733.3 * 5 * total / 3600, abs=0.01)


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
