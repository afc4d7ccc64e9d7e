"""The same paths over v1r: a Powerwall 3 takes every setting."""

from __future__ import annotations

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from proxy.sim.tedapi.state import IslandResult
from tests.clock import pass_time
from tests.drivers.houses import knows
from tests.server.control.conftest import SECRET

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
    """What was scheduled is what is reported, not what was requested."""
    assert (await post("max_backup", value="10")).json() == {"max_backup": "Scheduled for 60 seconds"}
    manual = (await proxy.get("/control/max_backup")).json()["manual_backup"]
    assert manual["duration_seconds"] == 60

    assert (await post("max_backup", value="Cancel")).json() == {"max_backup": "Cancelled"}


async def test_a_backup_that_goes_on_is_not_said_to_be_cancelled(sim, post):
    """The key may read and not do this: the gateway says so, and the backup stands."""
    await post("max_backup", value="3600")

    sim.tedapi.fault = "INSUFFICIENT_PRIVILEGES"
    answer = await post("max_backup", value="cancel")

    assert answer.status == 502
    assert "the key may not do this" in answer.json()["detail"]
    assert sim.tedapi.backup.duration_s == 3600


class TestIslanding:
    """PW_CONTROL_ISLANDING=yes: the house leaves the grid and returns."""

    @pytest.fixture
    async def proxy(self, start, sim, key):
        return await start(sim, control_secret=SECRET, control_islanding=True, **key.settings())

    async def test_the_house_leaves_the_grid_and_returns(self, sim, clock, key, proxy, post):
        for value, island in (("true", True), ("false", False)):
            assert (await post("islanding", value=value)).json() == {"islanding": "Set Successfully"}
            await pass_time(clock, proxy, 30)
            knows(sim, key)
            assert (await proxy.get("/control/islanding")).json() == {"islanding": island}

        assert sim.tedapi.commands == ["set_island_mode_request"] * 2

    @pytest.mark.parametrize(
        ("result", "says"),
        [
            (IslandResult.NOT_READY, "not ready"),
            (IslandResult.LOAD_DROP_EXPECTED, "could not carry the load"),
            (IslandResult.LOW_ENERGY, "too little energy"),
            (IslandResult.EXCESSIVE_SOLAR, "more power than the battery can take"),
        ],
    )
    async def test_a_refusal_is_reported_with_its_reason(self, sim, proxy, post, result, says):
        sim.tedapi.island_result = result

        answer = await post("islanding", value="true")

        assert answer.status == 502
        assert answer.json()["outcome"] == "command_rejected"
        assert says in answer.json()["detail"]

    async def test_it_is_sent_once_whatever_comes_of_it(self, sim, post):
        sim.faults.add(Fault(SIGNED, action="reset", after=True))

        answer = await post("islanding", value="true")

        assert answer.json()["outcome"] == "outcome_unknown"
        assert sim.tedapi.commands == ["set_island_mode_request"]


async def test_without_its_switch_the_house_stays_on_the_grid(sim, post):
    answer = await post("islanding", value="true")

    assert answer.status == 404
    assert "v1r can, with PW_CONTROL_ISLANDING=yes" in answer.json()["detail"]
    assert sim.tedapi.commands == []


async def test_a_write_whose_answer_is_no_answer_is_not_repeated(sim, proxy, post):
    """Garbage in place of an answer: the outcome is unknown, nothing is sent again."""
    await proxy.get("/control/reserve")
    before = sim.requests_for(SIGNED)
    sim.faults.add(Fault(SIGNED, action="empty", after=True, times=None))

    answer = await post("reserve", value="60")

    assert answer.status == 504
    assert answer.json()["outcome"] == "outcome_unknown"
    assert sim.requests_for(SIGNED) - before <= 3, "the reading before, the write, the reading back"
