"""What a person sees in Home Assistant."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time

import pytest

from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time
from tests.drivers.houses import knows
from tests.mqtt.conftest import ROOT, calm, free_port, happens
from tests.mqtt.test_topics import NEVER_KNOWN

SWITCHES = {
    "mqtt_controls": ("reserve", "mode", "grid_charging", "grid_export", "islanding"),
    "control_secret": "storm-lantern-7492",
    "control_islanding": True,
    "mqtt_username": "proxy",
    "mqtt_password": "password of the broker",
}
# Where an entity is announced by itself.
SINGLE = re.compile(r"homeassistant/(?!device)\w+/\w+/config")
STATISTICS_WITHIN_S = 660.0  # the recorder of Home Assistant makes them every five minutes


def announced(client) -> dict[str, dict]:
    """Every entity that was announced with its device until now, by unique id."""
    payloads = [
        json.loads(text)
        for topic, text in client.latest.items()
        if topic.startswith("homeassistant/device/") and text
    ]
    return {
        found["unique_id"]: found
        for payload in payloads
        for found in payload["components"].values()
        if "unique_id" in found
    }


def alone(client) -> dict[str, str]:
    """The topics of entities that are announced by themselves, by unique id."""
    return {
        json.loads(text)["unique_id"]: topic
        for topic, text in client.latest.items()
        if SINGLE.fullmatch(topic) and text and "unique_id" in json.loads(text)
    }


def value_of(document, template):
    """Follow the path of a template: the value that it has in a document."""
    value = document
    for key in template.removeprefix('{{ value_json["').removesuffix('"] }}').split('"]["'):
        value = value[key]
    return value


def server(command, sim, broker, folder) -> subprocess.Popen:
    """Start a proxy, or its predecessor, as a process of its own."""
    settings = {
        "PW_HOST": sim.address,
        "PW_PASSWORD": sim.password,
        "PW_EMAIL": "owner@example.org",
        "PW_PORT": str(free_port()),
        "PW_BIND_ADDRESS": "127.0.0.1",
        "PW_STATE_PATH": str(folder / "own"),
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
    }
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PW_", "MQTT_"))}
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(command, env={**kept, **settings}, cwd=folder, stdout=log, stderr=log)


def are_there(states: dict[str, str]) -> bool:
    """Whether the first readings have arrived."""
    return states.get("solar", "unknown") != "unknown" and "unavailable" not in states.values()


def is_shown(client, entities: dict[str, dict], states: dict[str, str]) -> bool:
    """Whether the states of these announced entities are what the document says now."""
    document = client.status()
    return states.keys() == entities.keys() and all(
        found["platform"] == "button" or is_same(value_of(document, found["value_template"]), states[suffix])
        for suffix, found in entities.items()
    )


def is_same(value, state: str) -> bool:
    match value:
        case None:
            return state == "unknown"
        case bool():
            return state == ("on" if value else "off")
        case int() | float():
            return state not in {"unknown", "unavailable"} and float(state) == pytest.approx(value)
    return state == value


@pytest.mark.parametrize("house", ["fw21_44", "pw3"])
async def test_every_entity_exists_and_says_what_the_gateway_says(
    publishing, broker, hass, home, client, clock, key, house
):
    """What is unknown is unknown; what is disabled at first waits for the owner; nothing is in the log."""
    async with SimulatedGateway(house, clock=clock.clock) as sim:
        settings = {} if house == "fw21_44" else key.settings()
        if settings:
            knows(sim, key)
        proxy = await publishing(sim, broker, **SWITCHES, **settings)
        await client.hears(f"{ROOT}/status")
        await calm(proxy)
        entries = await hass.settles(hass.entities, lambda found: found.keys() == announced(client).keys())
        wanted = announced(client)
        enabled = {
            unique_id.removeprefix("pypowerwall_default_"): found
            for unique_id, found in wanted.items()
            if found.get("enabled_by_default", True)
        }
        await hass.follows(lambda states: are_there(states) and is_shown(client, enabled, states))

    for unique_id, found in wanted.items():
        assert (entries[unique_id]["disabled_by"] is None) == found.get("enabled_by_default", True), unique_id
    assert home.complaints() == []


async def test_devices_stand_below_the_gateway(publishing, sim, broker, hass, client):
    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/status")
    await calm(proxy)
    devices = await hass.settles(hass.devices, lambda found: len(found) > 1)

    gateway, *units = sorted(devices.items())

    assert gateway[0] == "pypowerwall_default"
    assert gateway[1]["manufacturer"] == "Tesla"
    assert units
    assert {unit["via_device_id"] for _, unit in units} == {gateway[1]["id"]}


async def test_what_is_no_longer_known_becomes_unknown(publishing, sim, broker, hass, client):
    proxy = await publishing(sim, broker)
    await hass.follows(lambda states: states.get("mode") == "self_consumption")

    sim.answers(status=404, path="/api/operation")
    proxy.context.gateway.cache.discard({"/api/operation"})

    states = await hass.follows(lambda states: states["mode"] == states["reserve"] == "unknown")
    assert states["solar"] != "unknown"


async def test_a_gateway_that_is_away_makes_all_unavailable_but_one(publishing, sim, broker, hass, clock):
    """Gateway Online can say that it is off; when the gateway is back, everything is."""
    proxy = await publishing(sim, broker)
    before = await hass.follows(lambda states: states.get("online") == "on" and are_there(states))

    sim.answers(status=503)
    for _ in range(33):
        await pass_time(clock, proxy, 1)
    await hass.follows(
        lambda states: (
            states["online"] == "off"
            and {state for name, state in states.items() if name != "online"} == {"unavailable"}
        )
    )

    sim.clear_faults()
    for _ in range(30):
        await pass_time(clock, proxy, 1)
    back = await hass.follows(lambda states: "unavailable" not in states.values())
    assert back.keys() >= before.keys()


async def test_without_the_proxy_all_is_unavailable(start, sim, broker, hass, tmp_path):
    """Stopped in order or killed: the broker has its will."""
    for end in (subprocess.Popen.terminate, subprocess.Popen.kill):
        process = server([sys.executable, "-m", "proxy", "serve"], sim, broker, tmp_path)
        try:
            await hass.follows(lambda states: states.get("online") == "on")
        finally:
            end(process)
            process.wait()
        await hass.follows(lambda states: set(states.values()) == {"unavailable"})


async def test_a_number_a_switch_and_a_select_command_the_gateway(publishing, broker, hass, clock, key):
    """They show what was read back."""
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        knows(sim, key)
        await publishing(sim, broker, **SWITCHES, **key.settings())
        await hass.follows(are_there)

        await hass.call("reserve_control", "set_value", value=35)
        await hass.follows(lambda states: states["reserve_control"] in {"35", "35.0"})
        assert sim.gateway.site.reserve == pytest.approx(35 * 0.95 + 5, abs=0.5)

        was = (await hass.states())["grid_charging_control"]
        await hass.call("grid_charging_control", "turn_off" if was == "on" else "turn_on")
        await hass.follows(lambda states: states["grid_charging_control"] not in {was, "unknown"})

        await hass.call("mode_control", "select_option", option="backup")
        await hass.follows(lambda states: states["mode_control"] == "backup" and states["mode"] == "backup")
        assert sim.gateway.site.mode == "backup"


async def test_entities_of_pypowerwall_server_stay_what_they_are(
    publishing, sim, broker, hass, installed, client, tmp_path
):
    """The same entity ids, also those that the owner gave; nothing twice, no device left over."""
    peer = server([str(installed / "peer" / "bin" / "pypowerwall-server")], sim, broker, tmp_path)
    try:
        await hass.follows(lambda states: states.get("version", "unknown") not in {"unknown", "unavailable"})
        await hass.follows(lambda states: states.get("solar", "unknown") not in {"unknown", "unavailable"})
    finally:
        peer.terminate()
        peer.wait()
    theirs = await hass.settles(hass.entities, lambda found: found.keys() == alone(client).keys())
    devices = await hass.devices()
    await hass.request(
        "config/entity_registry/update",
        entity_id=theirs["pypowerwall_default_home"]["entity_id"],
        new_entity_id="sensor.my_house",
    )

    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/status")
    await calm(proxy)
    await hass.follows(lambda states: states.get("battery") not in {None, "unknown", "unavailable"})
    left = {f"pypowerwall_default_{rule}" for rule in NEVER_KNOWN["local-pw2"]}
    ours = await hass.settles(hass.entities, lambda found: found.keys() == announced(client).keys() | left)

    kept = {unique_id: entry["entity_id"] for unique_id, entry in theirs.items()}
    kept["pypowerwall_default_home"] = "sensor.my_house"
    assert {unique_id: ours[unique_id]["entity_id"] for unique_id in kept} == kept
    assert len({entry["entity_id"] for entry in ours.values()}) == len(ours)
    await hass.settles(hass.devices, lambda found: found.keys() == devices.keys())
    await happens(lambda: alone(client).keys() == left)


async def test_the_energy_dashboard_has_no_complaint(publishing, sim, broker, hass, client):
    """Its own validation, once the recorder has made statistics: the six counters, without a helper."""
    await publishing(sim, broker)
    await hass.follows(are_there)
    entries = await hass.entities()

    def of(suffix):
        return entries[f"pypowerwall_default_{suffix}"]["entity_id"]

    price = {"number_energy_price": None, "entity_energy_price": None}
    await hass.request(
        "energy/save_prefs",
        energy_sources=[
            {
                "type": "grid",
                "flow_from": [{"stat_energy_from": of("grid_energy_imported"), "stat_cost": None, **price}],
                "flow_to": [
                    {"stat_energy_to": of("grid_energy_exported"), "stat_compensation": None, **price}
                ],
                "cost_adjustment_day": 0.0,
            },
            {
                "type": "solar",
                "stat_energy_from": of("solar_energy_exported"),
                "config_entry_solar_forecast": None,
            },
            {
                "type": "battery",
                "stat_energy_from": of("battery_energy_exported"),
                "stat_energy_to": of("battery_energy_imported"),
            },
        ],
    )

    ends = time.monotonic() + STATISTICS_WITHIN_S
    while True:
        found = await hass.request("energy/validate")
        complaints = [issue for source in found["energy_sources"] for issue in source]
        waits = {issue["type"] for issue in complaints} == {"statistics_not_defined"}
        if not waits or time.monotonic() > ends:
            break
        await asyncio.sleep(5)
    assert len(found["energy_sources"]) == 3
    assert complaints == []
