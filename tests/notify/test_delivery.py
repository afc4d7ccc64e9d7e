"""How messages get to receivers: in order, once, and whatever receivers and disks do."""

import json

from proxy.cache.events import CommandDone
from proxy.core.model import Setting
from proxy.state.folder import locked
from tests.clock import until
from tests.disk import full
from tests.notify.conftest import SECRET, Webhook, give_back, lose


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


async def test_a_receiver_that_hung_gets_its_message_once_it_answers(serving, sim, webhook, live):
    """Each try ends after ten seconds, and none is the last one."""
    webhook.hangs = True
    async with serving(sim, webhook) as proxy:
        await live(60)
        lose(sim)
        await live(120)
        [receiver] = (await proxy.get("/health")).json()["notify"]["receivers"]
        webhook.hangs = False
        await live(330)

    assert webhook.tries > 3
    assert receiver["error"] == "webhook 1 did not answer within 10 s."
    assert webhook.events == ["grid_lost"]


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


async def test_a_full_disk_costs_no_message(serving, sim, webhook, live, tmp_path, caplog):
    """What waits for a receiver is kept in memory, beside what the file held before; it is written once there is room."""
    webhook.status = 500
    file = tmp_path / "state" / "alarms.json"
    async with serving(sim, webhook):
        await live(60)
        before = file.read_bytes()
        with full():
            lose(sim)
            await live(120)
            assert file.read_bytes() == before
        give_back(sim)
        await live(120)
        waiting = [each["message"]["event"] for each in json.loads(file.read_bytes())["waiting"]]
        webhook.status = 200
        await live(330)

    assert waiting == ["grid_lost", "grid_back"]
    assert webhook.events == ["grid_lost", "grid_back"]
    assert caplog.messages.count("state cannot be kept") == 1


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
    assert "receiver failed" in caplog.messages
    assert SECRET not in caplog.text
