"""Commands: off until three switches are set, checked, carried out once, and answered."""

from __future__ import annotations

import json

import pytest

from tests.clock import settled
from tests.mqtt.conftest import ROOT, calm, client_of, happens, kept_by, samples

SECRET = "storm-lantern-7492"
SWITCHES = {
    "mqtt_controls": ("reserve", "mode", "grid_charging", "islanding"),
    "control_secret": SECRET,
    "mqtt_username": "proxy",
    "mqtt_password": "password of the broker",
}


@pytest.fixture
def controlled(publishing):
    """Start a proxy that takes commands."""

    async def controlled(sim, broker, **settings):
        return await publishing(sim, broker, **{**SWITCHES, **settings})

    return controlled


async def ready(proxy, client):
    await client.hears(f"{ROOT}/status")
    await calm(proxy)


async def command(client, name, payload, **options):
    """Send one, and return its result."""
    topic = f"{ROOT}/control/{name}/result"
    client.latest.pop(topic, None)
    await client.publish(f"{ROOT}/control/{name}/set", payload, **options)
    return json.loads(await client.hears(topic))


@pytest.mark.parametrize("missing", SWITCHES)
async def test_without_one_of_the_switches_nothing_is_subscribed_nor_announced(
    controlled, sim, broker, client, missing
):
    proxy = await controlled(sim, broker, **{missing: () if missing == "mqtt_controls" else ""})
    await ready(proxy, client)
    received = samples(proxy, "powerwall_proxy_mqtt_messages_total")["received",]

    await client.publish(f"{ROOT}/control/reserve/set", {"value": 50})
    await client.publish("homeassistant/status", "offline")
    await happens(lambda: samples(proxy, "powerwall_proxy_mqtt_messages_total")["received",] > received)

    assert samples(proxy, "powerwall_proxy_mqtt_messages_total")["received",] == received + 1
    assert not sim.writes
    gateway = json.loads(client.latest["homeassistant/device/pypowerwall_default/config"])
    assert gateway["components"]["reserve_control"] == {"platform": "number"}
    [*sentences] = (await proxy.get("/health")).json()["mqtt"]["problems"]
    if missing == "control_secret":
        assert sentences == ["MQTT_CONTROLS has no effect without PW_CONTROL_SECRET."]
    elif missing == "mqtt_controls":
        assert sentences == []
    else:
        assert "MQTT_USERNAME with MQTT_PASSWORD" in sentences[0]


async def test_a_command_is_carried_out_read_back_and_answered(controlled, sim, broker, client, caplog):
    """The result and the topics say what the gateway holds, in the numbers of the app; the log has the line that HTTP's
    commands have.
    """
    caplog.set_level("INFO")
    proxy = await controlled(sim, broker)
    await ready(proxy, client)

    result = await command(client, "reserve", {"value": 33})

    assert result | {"outcome": "ok", "reason": "", "value": 33} == result
    assert await client.hears(f"{ROOT}/reserve", "33.0")
    await happens(lambda: client.status()["reserve"] == 33)
    [line] = [record for record in caplog.records if record.getMessage() == "command"]
    assert line.client == "mqtt"
    assert SECRET not in " ".join(text for _, text in client.heard)


async def test_a_mode_and_the_hold_of_the_present_charge_are_commands(controlled, sim, broker, client):
    proxy = await controlled(sim, broker)
    await ready(proxy, client)
    charge = int(client.status()["soe"])

    mode = await command(client, "mode", {"value": "backup"})
    hold = await command(client, "reserve_hold", {})

    assert (mode["outcome"], mode["value"]) == ("ok", "backup")
    assert (hold["outcome"], hold["value"]) == ("ok", pytest.approx(charge))
    await client.hears(f"{ROOT}/mode", "backup")


async def test_only_what_the_gateway_can_write_is_announced(controlled, sim, broker, client):
    proxy = await controlled(sim, broker, control_islanding=True)
    await ready(proxy, client)

    found = json.loads(client.latest["homeassistant/device/pypowerwall_default/config"])["components"]

    assert len(found["reserve_control"]) > 1
    assert len(found["go_off_grid"]) > 1
    assert found["grid_charging_control"] == {"platform": "switch"}  # the local login cannot
    assert found["grid_export_control"] == {"platform": "select"}  # not in MQTT_CONTROLS
    refused = await command(client, "grid_charging", {"value": True})
    assert refused["outcome"] == "invalid"


async def test_going_off_grid_needs_a_confirmation(controlled, sim, broker, client):
    proxy = await controlled(sim, broker, control_islanding=True)
    await ready(proxy, client)

    careless = await command(client, "islanding", {"action": "off_grid"})
    confirmed = await command(client, "islanding", {"action": "off_grid", "confirm": True})

    assert careless["outcome"] == "invalid"
    assert confirmed["outcome"] == "ok"
    await happens(lambda: client.latest[f"{ROOT}/grid_status"] in {"SYNCING", "DOWN"})


async def test_a_retained_command_is_removed_and_never_executed(controlled, sim, broker, client, caplog):
    """It is of an unknown time: it was kept while the proxy was away."""
    topic = f"{ROOT}/control/reserve/set"
    await client.publish(topic, {"value": 77}, retain=True)

    proxy = await controlled(sim, broker)
    await ready(proxy, client)
    await client.hears(topic, "")
    await calm(proxy)

    assert not sim.writes
    assert topic not in await kept_by(broker)
    assert "retained command removed" in caplog.text


async def test_of_a_flood_the_last_command_counts(controlled, sim, broker, client):
    proxy = await controlled(sim, broker)
    await ready(proxy, client)

    for value in range(1, 101):
        for again in (value, value / 2):
            await client.publish(f"{ROOT}/control/reserve/set", {"value": again}, qos=0)
    await client.hears(f"{ROOT}/reserve", "50.0")
    await calm(proxy)

    assert proxy.context.gateway.commands.counts["reserve", "ok"] <= 2
    assert proxy.context.gateway.commands.reports[-1].after


BAD = {
    "too large": ("reserve", '{"value": 20, "x": "' + "x" * 2048 + '"}'),
    "no JSON": ("reserve", "20 %"),
    "a bare value": ("reserve", "20"),
    "no UTF-8": ("reserve", b"\xff\xfe"),
    "not a number": ("reserve", '{"value": NaN}'),
    "a truth": ("reserve", '{"value": true}'),
    "a text": ("reserve", '{"value": "20"}'),
    "out of range": ("reserve", '{"value": 101}'),
    "another mode": ("mode", '{"value": "party"}'),
    "a number": ("mode", '{"value": 1}'),
    "no value": ("mode", "{}"),
    "a name twice": ("mode", '{"value": "backup", "value": "autonomous"}'),
    "more than is taken": ("reserve_hold", '{"value": 1}'),
}


async def test_what_is_no_command_is_answered_with_the_reason(controlled, sim, broker, client, subtests):
    proxy = await controlled(sim, broker)
    await ready(proxy, client)

    for what, (name, payload) in BAD.items():
        with subtests.test(what=what):
            result = await command(client, name, payload)

            assert result["outcome"] == "invalid"
            assert result["reason"]
            assert result["value"] is None
    assert not sim.writes
    assert proxy.context.gateway.commands.counts["reserve", "invalid"] > 5


async def test_topics_of_other_gateways_and_controls_are_ignored(controlled, sim, broker, client):
    proxy = await controlled(sim, broker)
    await ready(proxy, client)

    await client.publish("pypowerwall/garage/control/reserve/set", {"value": 20})
    await client.publish(f"{ROOT}/control/party/set", {"value": 20})
    result = await command(client, "mode", {"value": "backup"})

    assert result["outcome"] == "ok"
    assert not [topic for topic, _ in client.heard if topic.endswith("party/result")]


async def test_a_write_that_fails_is_answered_and_what_the_gateway_holds_is_shown(
    controlled, sim, broker, client
):
    proxy = await controlled(sim, broker)
    await ready(proxy, client)
    sim.answers(status=500, path="/api/operation", times=1)

    result = await command(client, "mode", {"value": "backup"})

    assert result["outcome"] not in {"ok", "invalid"}
    assert result["reason"]
    await calm(proxy)
    held = client.status()["mode"]
    assert held in {None, "self_consumption"}


async def test_a_command_ends_although_the_connection_is_lost(controlled, sim, broker, client):
    """The write is carried out once, and its result is lost."""
    proxy = await controlled(sim, broker)
    await ready(proxy, client)
    commands = proxy.context.gateway.commands

    await client.publish(f"{ROOT}/control/reserve/set", {"value": 60})
    broker.kill()
    await happens(lambda: not samples(proxy, "powerwall_proxy_mqtt_connected")[()])
    await happens(lambda: commands.counts["reserve", "ok"] or not sim.writes)
    await settled()

    assert commands.counts["reserve", "ok"] in {0, 1}
    assert len(commands.reports) == commands.counts["reserve", "ok"]


async def test_a_broker_that_refuses_the_subscription_is_named_and_monitoring_goes_on(
    controlled, sim, mosquitto, tmp_path
):
    acl = tmp_path / "acl"
    acl.write_text("user proxy\ntopic readwrite pypowerwall/#\ntopic deny pypowerwall/+/control/+/set\n")
    broker = mosquitto("allow_anonymous true", f"acl_file {acl}")

    proxy = await controlled(sim, broker)
    await happens(lambda: samples(proxy, "powerwall_proxy_mqtt_connected")[()])
    await calm(proxy)

    async with client_of(broker, "pypowerwall/#", username="proxy", password="x") as client:
        await client.hears(f"{ROOT}/solar")
        await client.publish(f"{ROOT}/control/reserve/set", {"value": 20})
        await client.publish("pypowerwall/x", "y")
        await client.hears("pypowerwall/x")
    assert not sim.writes
