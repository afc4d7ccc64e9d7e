"""The same paths over v1r: a Powerwall 3 takes every setting but islanding."""

from __future__ import annotations

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.control.conftest import SECRET
from tests.drivers.houses import knows

SIGNED = "/tedapi/v1r"


@pytest.fixture
async def sim(clock, key):
    async with SimulatedGateway("pw3", clock=clock.clock) as gateway:
        knows(gateway, key)
        yield gateway


@pytest.fixture
async def proxy(start, sim, key):
    return await start(sim, control_secret=SECRET, **key.settings())


@pytest.mark.parametrize(
    ("action", "value", "answer", "held"),
    [
        ("grid_charging", "true", {"grid_charging": "Set Successfully"}, {"grid_charging": True}),
        ("grid_charging", "FALSE", {"grid_charging": "Set Successfully"}, {"grid_charging": False}),
        ("grid_export", "never", {"grid_export": "Set Successfully"}, {"grid_export": "never"}),
        ("grid_export", "PV_ONLY", {"grid_export": "Set Successfully"}, {"grid_export": "pv_only"}),
    ],
)
async def test_rules_are_set_and_read_back(proxy, post, action, value, answer, held):
    """JSON in both directions, also for the export rule."""
    assert (await post(action, value=value)).json() == answer

    assert (await proxy.get(f"/control/{action}")).json() == held


async def test_reserve_and_mode_are_set(proxy, post):
    """The app's scale outside, the raw scale in the gateway's configuration."""
    answer = await post("reserve", value="20", mode="autonomous")

    assert answer.json()["set_backup_reserve_percent"]["backup_reserve_percent"] == 24.0
    assert answer.json()["set_operation"]["real_mode"] == "autonomous"
    assert (await proxy.get("/control/reserve")).json() == {"reserve": 20.0}
    assert (await proxy.get("/control/mode")).json() == {"mode": "autonomous"}


async def test_a_backup_lasts_a_minute_at_least_and_says_so(proxy, post):
    """What was scheduled is what is told, not what was asked for."""
    assert (await post("max_backup", value="10")).json() == {"max_backup": "Scheduled for 60 seconds"}
    manual = (await proxy.get("/control/max_backup")).json()["manual_backup"]
    assert manual["duration_seconds"] == 60

    assert (await post("max_backup", value="Cancel")).json() == {"max_backup": "Cancelled"}


async def test_a_write_whose_answer_is_no_answer_is_not_repeated(sim, proxy, post):
    """Garbage in place of an answer: nobody knows, nothing is sent again."""
    await proxy.get("/control/reserve")
    before = sim.requests_for(SIGNED)
    sim.faults.add(Fault(SIGNED, action="empty", after=True, times=None))

    answer = await post("reserve", value="60")

    assert answer.status == 504
    assert answer.json()["outcome"] == "outcome_unknown"
    assert sim.requests_for(SIGNED) - before <= 3, "the reading before, the write, the reading back"
