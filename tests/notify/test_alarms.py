"""Alarms of a whole proxy: from what a gateway reports to what a receiver gets."""

import json

import pytest

from proxy.cache.events import CommandDone
from proxy.config.gateway_settings import GatewaySettings, SiteSettings
from proxy.core.model import Setting
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from proxy.state.folder import locked
from tests.clock import settled, until
from tests.notify.conftest import SECRET, Webhook, has

PATHS = ("/api/meters/aggregates", "/api/system_status/grid_status", "/api/devices/vitals")


def lose(sim):
    sim.plant.contactor.lose_grid(sim.plant.seconds, at_once=True)


def give_back(sim):
    sim.plant.contactor.return_grid(sim.plant.seconds, at_once=True)


async def test_an_outage_is_told_in_the_words_of_its_owner(serving, sim, webhook, live):
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


async def test_a_changed_certificate_and_a_refused_login_are_told_once(serving, sim, webhook, live):
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


async def test_a_command_is_told(serving, sim, webhook, live):
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


async def test_events_are_switched_off_by_name(serving, sim, webhook, live):
    async with serving(sim, webhook, notify_events=("grid_back",)):
        await live(60)
        lose(sim)
        await live(120)
        give_back(sim)
        await live(120)

    assert webhook.events == ["grid_back"]


async def test_a_dead_receiver_gets_everything_in_order_when_it_is_back(serving, sim, live):
    """Messages wait on the disk, also while the proxy is restarted; each comes once."""
    webhook = Webhook()
    async with webhook.listening():
        pass  # its port is closed from here on
    async with serving(sim, webhook) as proxy:
        await live(60)
        lose(sim)
        await live(120)
        [receiver] = (await proxy.get("/health")).json()["notify"]["receivers"]
        assert (receiver["error"], receiver["waiting"]) == ("webhook 1 cannot be reached.", 1)
    async with serving(sim, webhook):
        give_back(sim)
        await live(120)
        async with webhook.listening():
            await live(600)
            assert webhook.events == ["grid_lost", "grid_back"]


async def test_a_receiver_that_refuses_is_tried_ever_less_often(serving, sim, webhook, live):
    """After 5, 10, 20, … seconds, and every five minutes in the end."""
    webhook.status = 500
    async with serving(sim, webhook) as proxy:
        await live(60)
        lose(sim)
        await live(3600)
        assert 10 <= webhook.tries <= 20
        metrics = (await proxy.get("/metrics")).text
        webhook.status = 200
        await live(330)

    assert webhook.events == ["grid_lost"]
    assert "powerwall_proxy_notify_waiting 1" in metrics
    assert f'powerwall_proxy_notify_messages_total{{outcome="failed"}} {webhook.tries - 1}' in metrics


async def test_a_redirect_is_not_followed(serving, sim, webhook, live):
    """It could take the secrets of the URL to another server."""
    async with Webhook().listening() as other:
        webhook.status, webhook.headers = 307, {"Location": other.url}
        async with serving(sim, webhook):
            await live(60)
            lose(sim)
            await live(120)

        assert webhook.tries > 0
        assert other.tries == 0


async def test_a_receiver_that_hangs_delays_neither_readings_nor_others_nor_the_stop(
    serving, sim, webhook, live, clock
):
    async with Webhook().listening() as other:
        webhook.hangs = True
        async with serving(sim, webhook, other) as proxy:
            await live(60)
            lose(sim)
            await live(65)
            assert webhook.tries > 0
            assert other.events == ["grid_lost"]
            assert (await proxy.get("/soe")).status == 200
            before = clock.clock.monotonic()
        assert clock.clock.monotonic() - before < 1


async def test_the_oldest_messages_are_dropped_and_counted(serving, sim, webhook, live):
    """A hundred wait for each gateway at most."""
    webhook.status = 500
    async with serving(sim, webhook, control_secret="a secret for tests") as proxy:
        await live(10)
        commands = proxy.context.gateway.events
        for percent in range(105):
            commands.publish(CommandDone("default", {Setting.RESERVE: percent}, "ok"))
        report = (await proxy.get("/health")).json()["notify"]
        webhook.status = 200
        await live(330)

    assert report["dropped"] == 5
    assert report["receivers"][0]["waiting"] == 100
    assert [message["values"]["settings"]["reserve"] for message in webhook.got] == list(range(5, 105))


async def test_without_a_usable_folder_alarms_live_as_long_as_the_process(
    serving, sim, webhook, live, tmp_path, caplog
):
    """A disk that takes nothing costs what is kept across a restart, and one line of the log."""
    (tmp_path / "file").write_text("")
    async with serving(sim, webhook, state_path=str(tmp_path / "file" / "state")):
        await live(60)
        lose(sim)
        await live(900)
        give_back(sim)
        await live(120)

    assert webhook.events == ["grid_lost", "grid_back"]
    lines = [record for record in caplog.records if record.getMessage() == "state cannot be kept"]
    assert len([record for record in lines if record.file.endswith("alarms.json")]) <= 1


async def test_a_disk_that_hangs_delays_no_message(serving, sim, webhook, live, tmp_path):
    """Another process holds the lock of the folder, and does not let go."""
    async with serving(sim, webhook) as proxy:
        await live(30)
        with locked(tmp_path / "state"):
            proxy.context.gateway.events.publish(CommandDone("default", {Setting.RESERVE: 30}, "ok"))
            await until(lambda: webhook.events == ["command"])


async def test_what_an_earlier_process_left_may_be_nonsense(serving, sim, webhook, live, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    for text in ("{", '{"known": {"grid": {"start": "x"}}}', '{"waiting": [{"message": {}}], "known": 7}'):
        (folder / "alarms.json").write_text(text)
        async with serving(sim, webhook):
            await live(30)

    async with serving(sim, webhook):
        await live(30)
        lose(sim)
        await live(60)
    assert webhook.events == ["grid_lost"]


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


async def test_alarms_are_one_patient_client(serving, sim, webhook, live):
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


async def test_nothing_shows_the_secrets_of_receivers(serving, sim, live, caplog):
    """Not the log, at any level, nor /health, nor any page of an operator."""
    caplog.set_level("DEBUG")
    webhook = Webhook()
    async with webhook.listening():
        pass
    async with serving(sim, webhook) as proxy:
        await live(60)
        lose(sim)
        await live(120)
        shown = [
            (await proxy.get(path)).text for path in ("/health", "/stats", "/status", "/help", "/metrics")
        ]

    assert SECRET not in "".join(shown)
    assert SECRET not in caplog.text
    await settled()
