"""How entities come to Home Assistant, move between its two forms, and go."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from proxy.config.gateway_settings import SiteSettings
from proxy.mqtt.survey import MIGRATE
from tests.clock import pass_time
from tests.fleet.conftest import gateway, serve, sims
from tests.mqtt.conftest import PREFIX, ROOT, Client, calm, happens, kept_by, samples, stop
from tests.mqtt.test_topics import recorded

__all__ = ["serve", "sims"]  # fixtures
DEVICE = "homeassistant/device/pypowerwall_default/config"
LONGEST_BIRTH_S = 5.0


def heard_at(client: Client, topic: str) -> list[tuple[int, str]]:
    """Where in the order of what was heard, and with which text."""
    return [(position, text) for position, (name, text) in enumerate(client.heard) if name == topic]


async def published(publishing, sim, broker, client, **settings):
    client.latest.clear()
    proxy = await publishing(sim, broker, **settings)
    await client.hears(f"{ROOT}/status")
    await calm(proxy)
    return proxy


async def test_entities_of_pypowerwall_server_move_to_their_device(publishing, sim, broker, client):
    """Each is released, announced with the device, and its old topic emptied. What is not known stays where it is,
    a control that is not taken goes, and other gateways are not touched."""
    theirs = {found["topic"]: unique_id for unique_id, found in recorded("local-pw2")["entities"].items()}
    control = "homeassistant/number/pypowerwall_default_reserve_control/config"
    other = "homeassistant/sensor/pypowerwall_garage_solar/config"
    for topic in (*theirs, control, other):
        await client.publish(topic, {"unique_id": topic.split("/")[2], "state_topic": "x"}, retain=True)
    client.heard.clear()

    await published(publishing, sim, broker, client)

    [(announced_at, text)] = heard_at(client, DEVICE)
    known = {found["unique_id"] for found in json.loads(text)["components"].values() if "unique_id" in found}
    for topic, unique_id in theirs.items():
        if unique_id in known:
            (released_at, release), (_, emptied) = heard_at(client, topic)
            assert (release, emptied) == (MIGRATE, "")
            assert released_at < announced_at
    kept = await kept_by(broker)
    assert "homeassistant/binary_sensor/pypowerwall_default_grid_charging/config" in kept
    assert other in kept
    assert control not in kept
    assert [text for _, text in heard_at(client, control)] == [""]


async def test_the_form_can_be_changed_and_nothing_is_announced_twice(publishing, sim, broker, client):
    single = await published(publishing, sim, broker, client, mqtt_ha_discovery="single")
    kept = await kept_by(broker, "homeassistant/#")
    solar = "homeassistant/sensor/pypowerwall_default_solar/config"
    assert json.loads(kept[solar])["unique_id"] == "pypowerwall_default_solar"
    assert not [topic for topic in kept if "/device/" in topic]

    await stop(single)
    devices = await published(publishing, sim, broker, client)
    assert {topic.split("/")[1] for topic in await kept_by(broker, "homeassistant/#")} == {"device"}

    await stop(devices)
    await published(publishing, sim, broker, client, mqtt_ha_discovery="single")
    kept = await kept_by(broker, "homeassistant/#")
    assert solar in kept
    assert not [topic for topic in kept if "/device/" in topic]


async def test_a_home_assistant_that_has_started_gets_everything_again_once(
    publishing, sim, broker, client, clock
):
    """Within 5 s of its birth message; a second one meanwhile changes nothing, nor does one that was retained."""
    proxy = await published(publishing, sim, broker, client)
    client.heard.clear()

    for _ in range(2):
        await client.publish("homeassistant/status", "online")
    await happens(lambda: samples(proxy, "powerwall_proxy_mqtt_messages_total")["received",] >= 2)
    for _ in range(5):
        await pass_time(clock, proxy, LONGEST_BIRTH_S / 5)
        await calm(proxy)

    assert client.count(DEVICE) == 1
    assert client.count(f"{ROOT}/solar") == 1
    assert client.count(f"{ROOT}/availability") == 1


async def test_mqtt_clear_removes_what_was_published_and_nothing_else(publishing, sim, broker, client):
    """Announcements first: Home Assistant would read what is empty."""
    proxy = await published(publishing, sim, broker, client)
    others = {"homeassistant/sensor/garage/config": "{}", "garage/solar": "4"}
    for topic, text in others.items():
        await client.publish(topic, text, retain=True)
    await stop(proxy)
    client.heard.clear()

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proxy", "mqtt", "clear",
        env={"PATH": os.environ["PATH"], "MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(broker.port)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()

    assert process.returncode == 0
    emptied = [topic for topic, text in client.heard if not text]
    assert output.decode() == f"{len(emptied)} retained topics emptied.\n"
    announcements = [topic.startswith("homeassistant/") for topic in emptied]
    assert announcements == sorted(announcements, reverse=True)
    assert (await kept_by(broker)).items() == others.items()


async def test_gateways_that_report_one_name_are_devices_with_their_ids(serve, sims, broker, client, clock):
    """As on the pages: a site name is mostly that of the owner, and the same for every gateway."""
    listed = [gateway("house", sims["house"]), gateway("garage", sims["garage"], name="Garage")]
    listed.append(gateway("annex", sims["garage"]))
    proxy = await serve(listed, mqtt_host="127.0.0.1", mqtt_port=broker.port)
    await pass_time(clock, proxy, 60)
    topics = {each.id: f"homeassistant/device/pypowerwall_{each.id}/config" for each in listed}

    def names() -> dict[str, str]:
        return {
            id_: json.loads(client.latest[topic])["device"]["name"]
            for id_, topic in topics.items()
            if topic in client.latest
        }

    site = sims["house"].gateway.site.name
    await happens(
        lambda: names() == {"house": f"{site} (house)", "garage": "Garage", "annex": f"{site} (annex)"}
    )


async def test_a_total_has_no_equipment_which_belongs_to_its_members(serve, sims, broker, client, clock):
    """Each battery is one device in Home Assistant, not one of the house and one of the total as well."""
    listed = [gateway(id_, sim, site="home") for id_, sim in sims.items()]
    sites = [SiteSettings("home", "Home")]
    proxy = await serve(listed, sites=sites, mqtt_host="127.0.0.1", mqtt_port=broker.port)
    await pass_time(clock, proxy, 60)
    await happens(lambda: all(f"{PREFIX}/{id_}/status" in client.latest for id_ in (*sims, "home")))
    await happens(lambda: client.status(f"{PREFIX}/home")["total_capacity"] is not None)

    found = {id_: client.status(f"{PREFIX}/{id_}") for id_ in (*sims, "home")}

    assert {id_: len(status["batteries"]) for id_, status in found.items()} == {
        "house": 2,
        "garage": 1,
        "home": 0,
    }
    assert found["home"].keys() & {"packs", "devices", "strings", "meters"} == set()
    assert (
        found["home"]["total_capacity"]
        == found["house"]["total_capacity"] + found["garage"]["total_capacity"]
    )
