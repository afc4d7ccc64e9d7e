"""Others at the same topics or with the same client id, and a broker that drops what is published without a word."""

from __future__ import annotations

from proxy.mqtt.settings import MqttSettings
from proxy.mqtt.trial import trial
from tests.clock import pass_time
from tests.mqtt.conftest import PREFIX, ROOT, calm, client_of, happens, publisher, stop
from tests.mqtt.test_broker import connected, lost, problems

AVAILABILITY = f"{PREFIX}/availability"
RETRY_S = 1.1  # 1 s, then twice as long
RETURNED_S = 6.0


async def test_each_of_two_servers_at_the_same_topics_names_the_other_until_that_has_stopped(
    publishing, sim, broker, client
):
    """What the one that stops takes back, the other one says again."""
    first = await publishing(sim, broker, mqtt_client_id="first")
    await connected(first)
    second = await publishing(sim, broker, mqtt_client_id="second")
    await connected(second)

    for proxy, other in ((first, "second"), (second, "first")):
        await happens(publisher(proxy).problems)
        assert await problems(proxy) == [
            f"Another server ({other}) publishes at pypowerwall, too: stop one of them."
        ]
    client.heard.clear()
    await stop(second)

    await happens(lambda: (AVAILABILITY, "offline") in client.heard)
    for topic, word in (
        (AVAILABILITY, "online"),
        (f"{ROOT}/availability", "online"),
        (f"{ROOT}/online", "true"),
    ):
        await client.hears(topic, word)
    await calm(first)
    assert await problems(first) == []
    assert client.status()["online"] is True


async def test_what_pypowerwall_server_takes_back_when_it_stops_is_said_again(
    publishing, sim, broker, client
):
    """It says of gateways that they are offline, and has named itself nowhere."""
    for topic in (AVAILABILITY, f"{ROOT}/availability"):
        await client.publish(topic, "online", retain=True)
    proxy = await publishing(sim, broker)
    await connected(proxy)
    [sentence] = await problems(proxy)
    assert sentence.startswith("Another server (pypowerwall-server) publishes at pypowerwall, too")
    client.heard.clear()

    await client.publish(f"{ROOT}/online", "false", retain=True)
    await client.publish(f"{ROOT}/availability", "offline", retain=True)

    await happens(lambda: client.count(f"{ROOT}/availability") == 2)
    await client.hears(f"{ROOT}/availability", "online")
    await client.hears(f"{ROOT}/online", "true")


async def test_a_gateway_that_cannot_be_read_stays_offline(publishing, sim, broker, client, clock):
    """Our own word is no contradiction, nor is that of another server which cannot read it either."""
    sim.answers(status=503)
    proxy = await publishing(sim, broker)
    for _ in range(10):
        await pass_time(clock, proxy, 1)
    await client.hears(f"{ROOT}/availability", "offline")
    await calm(proxy)
    client.heard.clear()

    await client.publish(f"{ROOT}/availability", "offline", retain=True)
    await client.hears(f"{ROOT}/availability", "offline")
    await pass_time(clock, proxy, 1)
    await calm(proxy)

    assert client.count(f"{ROOT}/availability") == 1


async def test_two_with_the_same_client_id_do_not_throw_each_other_out_all_the_time(
    publishing, sim, broker, clock
):
    """Attempts become rare, and /health says what it may be when it has happened twice."""
    proxy = await publishing(sim, broker, mqtt_client_id="twin")
    await connected(proxy)

    async with client_of(broker, identifier="twin"):
        assert await lost(proxy, broker) == "closed the connection."
        clock.advance(RETRY_S)
        await connected(proxy)
    async with client_of(broker, identifier="twin"):
        assert await lost(proxy, broker) == (
            "closed the connection soon after it was opened, again: another client may have the id twin."
        )
        clock.advance(RETRY_S)
        await calm(proxy)
        assert await problems(proxy)
        clock.advance(RETRY_S)
        await connected(proxy)


async def test_a_prefix_that_the_acl_forbids_is_named(publishing, sim, mosquitto, tmp_path, clock):
    """The broker acknowledges what it drops: it is noticed because the introduction does not come back."""
    acl = tmp_path / "acl"
    acl.write_text("user proxy\ntopic readwrite pypowerwall/#\ntopic readwrite homeassistant/#\n")
    broker = mosquitto("allow_anonymous true", f"acl_file {acl}")
    login = {"mqtt_username": "proxy", "mqtt_password": "x", "mqtt_topic_prefix": "powerwall"}
    proxy = await publishing(sim, broker, **login)
    await connected(proxy)
    assert await problems(proxy) == []

    await pass_time(clock, proxy, RETURNED_S)

    [sentence] = await problems(proxy)
    assert sentence == (
        "The broker does not return what is published at powerwall/server: its ACL has to let the proxy write and "
        "read below MQTT_TOPIC_PREFIX."
    )
    tried = MqttSettings(mqtt_host="127.0.0.1", mqtt_port=broker.port, **login)
    found = await trial(tried, takes_commands=False)
    assert found == [sentence.replace("powerwall/server", "powerwall/check")]


async def test_a_prefix_that_the_acl_allows_is_no_problem(publishing, sim, broker, clock):
    proxy = await publishing(sim, broker)
    await connected(proxy)

    await pass_time(clock, proxy, RETURNED_S)

    assert await problems(proxy) == []
    own = {"mqtt_host": "127.0.0.1", "mqtt_port": broker.port}
    assert await trial(MqttSettings(**own), takes_commands=True) == []
