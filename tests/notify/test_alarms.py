"""Alarms of a whole proxy: from what a gateway reports to what a receiver gets."""

import json

import pytest

from proxy.config.gateway_settings import GatewaySettings, SiteSettings
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.notify.conftest import give_back, has, lose

PATHS = ("/api/meters/aggregates", "/api/system_status/grid_status", "/api/devices/vitals")


async def test_an_outage_is_reported_in_the_words_of_its_owner(serving, sim, webhook, live):
    """One message when the grid is lost, one when it is back, with local time, duration and charge."""
    sim.plant.set_charge(65)
    async with serving(sim, webhook, notify_settle=30):
        await live(60)
        lose(sim)
        await live(1800)
        sim.plant.set_charge(41)
        give_back(sim)
        await live(120)

    lost, back = webhook.got
    assert lost["event"] == "grid_lost"
    assert lost["severity"] == "failure"
    assert lost["title"].endswith(": grid lost")
    assert lost["time"].startswith("2025-10-09T10:")  # 1760000000 is 10:53:20 in Berlin
    assert lost["text"].startswith("The grid has been away since 10:54. Charge ")
    assert back["text"].startswith("The grid has been back since 11:")
    assert "after 3" in back["text"]
    assert 1800 <= back["values"]["duration_seconds"] <= 2100
    assert back["values"]["charge_before_percent"] > back["values"]["charge_percent"]
    assert back["values"]["since"].startswith("2025-10-09T10:54")


@pytest.mark.parametrize("settle", [0, 30])
async def test_leaving_the_grid_by_choice_is_no_alarm(serving, sim, webhook, live, settle):
    """Also long after the alerts were read that say why: they are read again before anything is reported."""
    async with serving(sim, webhook, notify_settle=settle):
        await live(240)
        sim.plant.contactor.open(sim.plant.seconds)
        await live(600)
        sim.plant.contactor.close(sim.plant.seconds)
        await live(120)

    assert webhook.events == []


async def test_the_reason_and_the_charge_are_read_before_a_loss_is_reported(serving, sim, webhook, live):
    """Minutes after the last look at devices, and without a settle time."""
    async with serving(sim, webhook, notify_settle=0):
        await live(240)
        lose(sim)
        await live(60)

    [lost] = webhook.got
    assert lost["values"]["cause"] == "outage"
    assert lost["values"]["charge_percent"] is not None


async def test_firmware_without_vitals_reports_no_reason_and_is_not_waited_for(serving, clock, webhook, live):
    async with SimulatedGateway("fw23_44", clock=clock.clock) as sim, serving(sim, webhook):
        await live(240)
        lose(sim)
        await live(60)
        give_back(sim)
        await live(60)

    assert webhook.events == ["grid_lost", "grid_back"]
    assert webhook.got[0]["values"]["cause"] == "unknown"


async def test_a_restart_in_an_outage_repeats_nothing(serving, sim, webhook, live):
    async with serving(sim, webhook):
        await live(60)
        lose(sim)
        await live(120)
        assert webhook.events == ["grid_lost"]
    async with serving(sim, webhook):
        await live(600)
        assert webhook.events == ["grid_lost"]
        give_back(sim)
        await live(30)
    async with serving(sim, webhook):
        await live(120)

    assert webhook.events == ["grid_lost", "grid_back"]
    assert webhook.got[1]["values"]["duration_seconds"] >= 700


async def test_a_silent_gateway_is_never_a_lost_grid(serving, sim, webhook, live):
    """What is unknown is said to be: not whether the grid is there."""
    async with serving(sim, webhook):
        await live(60)
        sim.faults.add(Fault(action="refuse"))
        await live(900)
        sim.clear_faults()
        await live(120)

    silent, back = webhook.got
    assert (silent["event"], back["event"]) == ("readings_silent", "readings_back")
    assert silent["text"].startswith("There have been no readings since 10:5")
    assert silent["text"].endswith("Whether the grid is there is not known.")


async def test_a_changed_certificate_and_a_refused_login_are_reported_once(serving, sim, webhook, live):
    async with serving(sim, webhook):
        await live(30)
        sim.renew_certificate()
        await live(300)
    assert webhook.events == ["certificate_changed"]
    assert "certificate" in webhook.got[0]["text"]

    async with serving(sim, webhook, password="no-such-password", state_path=""):
        await live(300)
    assert webhook.events == ["certificate_changed", "login_refused"]
    assert "no-such-password" not in json.dumps(webhook.got)


async def test_a_command_is_reported(serving, sim, webhook, live):
    async with serving(sim, webhook, control_secret="a secret for tests") as proxy:
        await live(10)
        answer = await proxy.post("/control/reserve", data={"value": "30", "token": "a secret for tests"})
        assert answer.status == 200, answer.text
        await live(10)

    await has(webhook, "command")
    assert webhook.got[0]["text"] == "Reserve set to 30 %."


async def test_messages_of_quiet_hours_wait_until_they_are_over(serving, sim, webhook, live):
    """It is 10:53: until 11:15 only what is excepted is sent, with the time when it happened."""
    async with serving(
        sim, webhook, notify_quiet="10:00-11:15", notify_quiet_except=("readings_silent",)
    ) as proxy:
        await live(60)
        lose(sim)
        await live(600)
        assert webhook.events == []
        [receiver] = (await proxy.get("/health")).json()["notify"]["receivers"]
        assert receiver["waiting"] == 1
        await live(900)

    await has(webhook, "grid_lost")
    assert "since 10:54" in webhook.got[0]["text"]


async def test_messages_do_not_wait_for_quiet_hours_that_are_no_longer_set(serving, sim, webhook, live):
    """Most of a day, for a mistake in the setting that was corrected at once."""
    async with serving(sim, webhook, notify_quiet="10:00-09:00"):
        await live(60)
        lose(sim)
        await live(60)
    assert webhook.events == []

    async with serving(sim, webhook):
        await live(10)

    await has(webhook, "grid_lost")


async def test_events_are_switched_off_by_name(serving, sim, webhook, live):
    async with serving(sim, webhook, notify_events=("grid_back",)):
        await live(60)
        lose(sim)
        await live(120)
        give_back(sim)
        await live(120)

    assert webhook.events == ["grid_back"]


async def test_a_site_of_two_gateways_has_one_outage(serving, clock, webhook, live):
    """The site reports the grid, each gateway what is its own."""
    async with (
        SimulatedGateway("fw21_44", clock=clock.clock) as one,
        SimulatedGateway("fw21_44", clock=clock.clock) as two,
    ):
        gateways = [
            GatewaySettings(id=name, host=sim.address, password="password", site="home")
            for name, sim in (("one", one), ("two", two))
        ]
        async with serving(None, webhook, gateways=gateways, sites=[SiteSettings("home", "Our Home")]):
            await live(120)
            lose(one)
            await live(60)
            lose(two)
            await live(120)
            give_back(one)
            await live(120)
            assert webhook.events == ["grid_lost"]
            give_back(two)
            await live(60)
            two.faults.add(Fault(action="refuse"))
            await live(900)

    assert webhook.events == ["grid_lost", "grid_back", "readings_silent"]
    assert [message["gateway"] for message in webhook.got] == ["home", "home", "two"]
    assert webhook.got[0]["title"] == "Our Home: grid lost"


async def test_alarms_cost_a_gateway_few_requests(serving, sim, webhook, live):
    """While no client reads: powers, charge and grid now and then, devices every five and a half minutes."""
    async with serving(sim, webhook):
        await live(600)

    assert 20 <= sim.requests_for("/api/meters/aggregates") <= 45
    assert sim.requests_for("/api/system_status/grid_status") <= 45
    assert sim.requests_for("/api/devices/vitals") <= 3


@pytest.mark.parametrize("path", PATHS)
async def test_beside_the_history_alarms_request_nothing(serving, sim, webhook, live, clock, tmp_path, path):
    """The gateway sees the same requests with both as with the history alone."""

    async def requests(*receivers):
        before = sim.requests_for(path)
        folder = str(tmp_path / str(len(receivers)))
        async with serving(sim, *receivers, history=True, history_interval=15, state_path=folder):
            await live(900)
        return sim.requests_for(path) - before

    alone = await requests()

    assert await requests(webhook) <= alone
