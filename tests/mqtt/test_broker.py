"""What becomes of the broker: it is found again, and nothing else notices."""

from __future__ import annotations

import socket

from tests.clock import pass_time, settled
from tests.mqtt.conftest import ROOT, black_hole, calm, client_of, happens, publisher, samples, sent, stop

# An attempt ends after this long, and the longest pause between two (docs/mqtt.md).
ATTEMPT_S, LONGEST_PAUSE_S = 10.0, 60.0


def is_connected(proxy) -> bool:
    return bool(samples(proxy, "powerwall_proxy_mqtt_connected")[()])


async def problems(proxy):
    return (await proxy.get("/health")).json()["mqtt"]["problems"]


async def connected(proxy):
    await happens(lambda: is_connected(proxy))
    await calm(proxy)


async def lost(proxy, broker) -> str:
    """Wait for the failure, and return its sentence without the broker's name."""
    before = f"The broker at 127.0.0.1:{broker.port} "
    found: list[str] = []

    async def is_reported() -> bool:
        found[:] = await problems(proxy)
        return bool(found)

    await happens(is_reported)
    assert found[0].startswith(before)
    return found[0].removeprefix(before)


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("mqtt")]


async def test_a_broker_without_memory_gets_everything_again(publishing, sim, broker, clock, caplog):
    """One line when it is lost, one when it is back; all values are there within 5 s."""
    proxy = await publishing(sim, broker)
    await connected(proxy)

    broker.kill()
    assert await lost(proxy, broker) in {"closed the connection.", "is not there: the connection is refused."}
    assert (await proxy.get("/soe")).status == 200
    assert (await proxy.get("/ready")).status == 200
    broker.start()
    async with client_of(broker) as client:
        clock.advance(1.2)
        await client.hears(f"{ROOT}/status")
        await connected(proxy)

        topics = {"solar", "battery", "mode", "strings/A/power", "aggregates", "availability", "online"}
        assert {f"{ROOT}/{topic}" for topic in topics} <= client.latest.keys()
        assert "homeassistant/device/pypowerwall_default/config" in client.latest
        assert client.latest["pypowerwall/availability"] == "online"
    assert lines(caplog).count("mqtt connection lost") == 1
    assert lines(caplog).count("mqtt connection restored") == 1
    assert await problems(proxy) == []


async def test_a_frozen_broker_is_noticed_and_delays_no_client(publishing, sim, broker, clock):
    """Nothing is queued for it: one message waits for its acknowledgement, and the connection is given up."""
    proxy = await publishing(sim, broker)
    await connected(proxy)
    before = sent(proxy)

    broker.freeze()
    sim.pin(solar=1234.0)
    for _ in range(10):
        clock.advance(5)
        answer = await proxy.get("/aggregates")
        assert answer.status == 200
        await settled()
    assert await lost(proxy, broker) in {"does not acknowledge messages.", "does not answer."}
    assert sent(proxy) - before < 40

    broker.thaw()
    async with client_of(broker) as client:
        await pass_time(clock, proxy, ATTEMPT_S)  # what is under way ends
        clock.advance(LONGEST_PAUSE_S)
        await connected(proxy)
        await client.hears(f"{ROOT}/solar", "1234.0")


async def test_attempts_become_rare_and_refused_credentials_are_left_alone_for_a_minute(
    publishing, sim, mosquitto, clock
):
    """1 s doubling to 60 s; a refused password is tried again after the minute, because brokers block guessing."""
    broker = mosquitto("allow_anonymous false")
    proxy = await publishing(sim, broker, mqtt_username="proxy", mqtt_password="wrong")

    assert await lost(proxy, broker) == "refuses the user name or the password."
    tries = broker.log.read_text().count("New connection")
    for _ in range(11):
        await pass_time(clock, proxy, 5)
    assert broker.log.read_text().count("New connection") == tries
    broker.kill()
    broker.write("allow_anonymous true")
    broker.start()
    clock.advance(12)
    await connected(proxy)


async def test_an_address_where_nothing_listens_is_tried_less_and_less(publishing, sim, mosquitto, clock):
    absent = mosquitto(started=False)
    proxy = await publishing(sim, absent)
    assert await lost(proxy, absent) == "is not there: the connection is refused."

    waited, attempts = 0.0, []
    while waited < 300:
        before = publisher(proxy)._failures
        await pass_time(clock, proxy, 1)
        waited += 1
        attempts += [waited] * (publisher(proxy)._failures > before)

    assert 6 <= len(attempts) <= 10
    assert LONGEST_PAUSE_S * 0.9 - 1 <= attempts[-1] - attempts[-2] <= LONGEST_PAUSE_S + 1


async def test_a_listener_that_accepts_and_says_nothing_does_not_answer(publishing, sim, mosquitto, clock):
    silent = mosquitto(started=False)
    with socket.create_server(("127.0.0.1", silent.port)):
        proxy = await publishing(sim, silent)
        for _ in range(6):
            await pass_time(clock, proxy, 2)

        assert await lost(proxy, silent) == "does not answer."
        assert (await proxy.get("/soe")).status == 200


async def test_a_black_hole_does_not_answer(publishing, sim, mosquitto):
    """Connections are neither taken nor refused: the thread that connects gives up, and HTTP does not notice."""
    absent = mosquitto(started=False)
    with black_hole() as port:
        absent.port = port
        proxy = await publishing(sim, absent)
        assert (await proxy.get("/soe")).status == 200

        assert await lost(proxy, absent) == "does not answer."
        await stop(proxy)


async def test_a_gateway_that_is_away_is_offline_within_its_last_servable_moment(
    publishing, sim, broker, client, clock
):
    """30 s, and a second; single values are gone. Back, everything is there with one round."""
    proxy = await publishing(sim, broker)
    await connected(proxy)
    assert client.latest[f"{ROOT}/availability"] == "online"

    refusal = sim.answers(status=503)
    for _ in range(33):
        await pass_time(clock, proxy, 1)
    await client.hears(f"{ROOT}/availability", "offline")
    await client.hears(f"{ROOT}/online", "false")
    await client.hears(f"{ROOT}/solar", "")
    await calm(proxy)
    assert client.status()["solar"] is None
    assert client.status()["online"] is False
    assert not [topic for topic in client.latest if topic.endswith("/power") and client.latest[topic]]

    sim.clear_faults()
    for _ in range(30):
        await pass_time(clock, proxy, 1)
    await client.hears(f"{ROOT}/availability", "online")
    await happens(lambda: client.latest[f"{ROOT}/solar"] != "")
    await calm(proxy)
    assert client.status()["online"] is True
    assert refusal


async def test_a_gateway_that_is_away_from_the_start_is_offline(publishing, sim, broker, client, clock):
    sim.answers(status=503)
    await client.publish(f"{ROOT}/solar", "4000.0", retain=True)

    proxy = await publishing(sim, broker)
    for _ in range(10):
        await pass_time(clock, proxy, 1)

    await client.hears(f"{ROOT}/availability", "offline")
    await client.hears(f"{ROOT}/solar", "")
    await calm(proxy)
    assert client.status()["solar"] is None
