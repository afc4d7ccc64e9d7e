"""Counting energy from power."""

from __future__ import annotations

import asyncio
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.clock import Clock
from proxy.drivers.energy import LONGEST_GAP_S, Counter, EnergyMeter, areas
from proxy.state.store import StateStore

DIN = "1707000-11-J--TG1"
POWERS = st.floats(-20000, 20000)


class Time:
    """A clock of its own; the wall clock runs along."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wrong = 0.0
        self.clock = Clock(lambda: self.now, lambda: 1.7e9 + self.now + self.wrong)


async def meter(time, folder=None, din=DIN, address="gateway"):
    counting = EnergyMeter(StateStore(folder or ""), time.clock, address)
    await counting.open(din)
    return counting


async def test_an_hour_of_two_kilowatts_is_two_kilowatt_hours_in_the_direction_of_the_meter():
    """Grid and home import at positive power; battery, solar and generator export what they give."""
    time = Time()
    counting = await meter(time)

    for _ in range(61):
        reported = counting.count(
            {"site": 2000.0, "load": 2000.0, "solar": 2000.0, "battery": -2000.0, "generator": 2000.0}
        )
        time.now += 60

    assert reported["site"] == pytest.approx((2000.0, 0.0))
    assert reported["load"] == pytest.approx((2000.0, 0.0))
    assert reported["solar"] == pytest.approx((0.0, 2000.0))
    assert reported["battery"] == pytest.approx((2000.0, 0.0))
    assert reported["generator"] == pytest.approx((0.0, 2000.0))


async def test_a_reading_that_is_older_than_the_last_one_counts_nothing():
    """A copy in the cloud may be replaced by one of before; what lies between the two was counted."""
    time = Time()
    counting = await meter(time)
    for second in (0.0, 60.0, 120.0, 60.0, 240.0):
        reported = counting.count({"site": 1000.0}, time.now + second)

    assert reported["site"] == (pytest.approx(1000.0 * 240 / 3600), 0.0)


async def test_a_pause_adds_nothing_and_neither_does_an_unknown_power():
    time = Time()
    counting = await meter(time)
    counting.count({"site": 1000.0})

    time.now += LONGEST_GAP_S + 1
    assert counting.count({"site": 1000.0})["site"] == (0.0, 0.0)
    time.now += 60
    assert counting.count({"site": None})["site"] == (0.0, 0.0)
    time.now += 60
    assert counting.count({"site": 1000.0})["site"] == (0.0, 0.0)


async def test_counters_outlive_the_process(tmp_path):
    time = Time()
    before = await meter(time, tmp_path)
    before.count({"site": 3600.0})
    time.now += 100
    before.count({"site": 3600.0})
    await before.close()

    time.now += 50
    after = await meter(time, tmp_path)

    # The short restart is bridged, 150 s in all, as soon as that is on the disk.
    assert after.count({"site": 3600.0})["site"] == pytest.approx((100.0, 0.0))
    await after.close()
    time.now += 10
    assert after.count({"site": 3600.0})["site"] == pytest.approx((150.0, 0.0))
    assert after.describe() == {"method": "integrated", "since": 1.7e9 + 1000.0}


async def test_a_restart_long_after_the_last_reading_adds_nothing(tmp_path):
    """Nothing was read for an hour before the end: what is between is not known, however short the restart was."""
    time = Time()
    before = await meter(time, tmp_path)
    before.count({"site": 3600.0})
    time.now += 3600
    await before.close()
    time.now += 10
    await (await meter(time, tmp_path)).close()
    time.now += 10

    after = await meter(time, tmp_path)
    after.count({"site": 3600.0})
    await after.close()

    assert after.count({"site": 3600.0})["site"] == (0.0, 0.0)


@pytest.mark.parametrize(
    "row",
    [
        "null",
        '{"since": NaN, "until": "x", "counters": []}',
        '{"counters": {"site": {"positive_wh": "x"}, "load": 3}}',
        '{"counters": {"site": {"positive_wh": -5, "negative_wh": Infinity, "positive_mark_wh": NaN}}}',
    ],
)
async def test_an_odd_row_costs_the_count_and_nothing_else(tmp_path, row):
    (tmp_path / "energy.json").write_text(f'{{"{DIN}": {row}}}')
    counting = await meter(Time(), tmp_path)

    assert counting.count({"site": 1.0})["site"] == (0.0, 0.0)
    assert math.isfinite(counting.describe()["since"])
    await counting.close()
    assert json.loads((tmp_path / "energy.json").read_text())[DIN]["counters"]["site"]["positive_wh"] == 0.0


@pytest.mark.parametrize("content", ["", "{", "[]", "\0" * 600, "[" * 100_000])
async def test_a_damaged_file_is_left_alone_and_no_energy_is_known_until_it_is_repaired(tmp_path, content):
    """Sums that cannot be read are not zero: a counter would fall, and the file may come back from a backup."""
    (tmp_path / "energy.json").write_text(content)
    counting = await meter(Time(), tmp_path)

    assert counting.count({"site": 1.0}) == {}
    await counting.close()
    assert (tmp_path / "energy.json").read_text() == content

    (tmp_path / "energy.json").write_text(json.dumps({DIN: {"counters": {"site": {"positive_wh": 5.0}}}}))
    await counting.open(DIN)
    assert counting.count({"site": 1.0})["site"] == (5.0, 0.0)


async def test_a_folder_of_an_earlier_release_is_found_again(tmp_path):
    """It named gateways by address, and knew no marks."""
    row = {"positive_wh": 700.0, "negative_wh": 30.0, "power_w": 100.0}
    old = {"since": 1.6e9, "until": 1.65e9, "counters": {"site": row}}
    (tmp_path / "energy.json").write_text(json.dumps({"gateway": old, "10.0.0.9": old}))

    counting = await meter(Time(), tmp_path)

    assert counting.count({"site": 100.0})["site"] == (700.0, 30.0)
    assert counting.describe()["since"] == 1.6e9
    await counting.close()
    assert json.loads((tmp_path / "energy.json").read_text()).keys() == {DIN, "10.0.0.9"}


async def test_counters_are_those_of_the_gateway_whatever_its_address(tmp_path):
    time = Time()
    before = await meter(time, tmp_path, address="192.168.1.50")
    before.count({"site": 3600.0})
    time.now += 100
    before.count({"site": 3600.0})
    await before.close()

    named = await meter(time, tmp_path, address="gateway.lan")
    other = await meter(time, tmp_path, din="1707000-11-J--TG2", address="gateway.lan")

    assert named.count({"site": 3600.0})["site"] == pytest.approx((100.0, 0.0))
    assert other.count({"site": 3600.0})["site"] == (0.0, 0.0)


async def test_two_daemons_on_one_folder_leave_the_higher_sum(tmp_path):
    """The one that read less wrote last."""
    time = Time()
    much, little = await meter(time, tmp_path), await meter(time, tmp_path)
    for _ in range(3):
        much.count({"site": 3600.0})
        time.now += 100
    little.count({"site": 3600.0})
    time.now += 10
    little.count({"site": 3600.0})

    await much.close()
    await little.close()

    after = await meter(time, tmp_path)
    assert after.count({"site": 3600.0})["site"] == pytest.approx((200.0, 0.0))


@pytest.mark.parametrize("step", [-86400.0, -30.0, 86400.0])
async def test_a_clock_that_was_set_between_two_runs_adds_nothing(tmp_path, step):
    """A board without a battery starts in the past; time servers put that right later."""
    time = Time()
    before = await meter(time, tmp_path)
    before.count({"site": 3600.0})
    time.now += 100
    before.count({"site": 3600.0})
    await before.close()

    time.wrong += step
    after = await meter(time, tmp_path)
    reported = after.count({"site": 3600.0})
    time.wrong -= step
    time.now += 10

    assert reported["site"] == pytest.approx((100.0, 0.0))
    after.count({"site": 3600.0})
    await after.close()
    assert after.count({"site": 3600.0})["site"] == pytest.approx((110.0, 0.0))


async def test_a_reading_that_no_house_can_have_is_not_counted():
    time = Time()
    counting = await meter(time)

    for power in (3600.0, 4.3e9, 3600.0, 3600.0):
        reported = counting.count({"site": power})
        time.now += 10

    assert reported["site"] == pytest.approx((10.0, 0.0))


async def test_what_is_shown_as_zero_is_counted_as_zero():
    """A threshold hides the noise of the grid's meter in the sum, too, and what it hides is settled with the home."""
    time = Time()
    counting = EnergyMeter(StateStore(""), time.clock, "gateway", neg_solar=False, site_zero_threshold=50.0)
    await counting.open(DIN)

    for _ in range(3):
        reported = counting.count({"site": 36.0, "load": 1000.0, "solar": -36.0, "battery": 1000.0})
        time.now += 100

    assert reported["site"] == reported["solar"] == (0.0, 0.0)
    assert reported["load"] == pytest.approx((1000.0 * 200 / 3600, 0.0))


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
    counting = asyncio.run(meter(time))
    last = (0.0, 0.0)
    for power in powers:
        reported = counting.count({"site": power})["site"]
        time.now += 5
        assert reported[0] >= last[0]
        assert reported[1] >= last[1]
        last = reported
