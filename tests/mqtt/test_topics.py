"""What stands in which topic: as pypowerwall-server has it, and nothing that is not known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.sim.server import SimulatedGateway
from tests.mqtt.conftest import PREFIX, ROOT, calm, happens, kept_by
from tests.shared import SHARED

PEERS = Path(__file__).with_name("peer")
HOUSES = {
    "local-pw2": {},
    "tedapi-pw3": {"password": "", "gw_pwd": "ABCDEFGHIJ", "integrate_energy": False},
    "local-pw3lan": {},
}
ENERGIES = {f"{what}_energy_{way}" for what in ("grid", "battery") for way in ("imported", "exported")} | {
    "home_energy_imported",
    "solar_energy_exported",
}
# The site's own name, where pypowerwall-server makes one up for a single gateway; and of packs what their devices
# report, where it takes what the gateway reports of them.
OTHERWISE = {"name": None, "batteries": "local-pw2"}
# What pypowerwall-server announces although nothing is ever known of it: the gateway does not offer its source.
_RULES = {"grid_charging", "grid_export"}
NEVER_KNOWN = {
    "local-pw2": _RULES,
    "tedapi-pw3": set(),
    "local-pw3lan": _RULES
    | {"total_capacity", "current_charge", "reserve", "mode", "time_remaining", "version"},
}


def recorded(house):
    return json.loads((PEERS / f"{house}.json").read_text("utf-8"))


def content(text):
    """Documents are compared as documents, everything else as text."""
    return json.loads(text) if text[:1] in {"{", "["} else text


def deviates(house, topic, theirs, known):
    """Whether this topic is one of the listed deviations: it is then absent here, or says more."""
    family, _, name = topic.partition("/")
    if topic in ENERGIES:
        return float(theirs) == 0  # of no counter
    if family == "strings" and len(name.split("/")[0].rstrip("0123456789")) == 2:
        return topic not in known  # a pair of which one string is unknown
    return family in OTHERWISE and OTHERWISE[family] in {None, house}


@pytest.mark.parametrize("house", HOUSES)
async def test_the_topics_of_pypowerwall_server_are_here_with_the_same_text(
    publishing, clock, broker, client, subtests, house
):
    """But for listed deviations: no 0 Wh of no counter, batteries numbered as PW1, pairs, the site's own name."""
    peer = recorded(house)
    async with SimulatedGateway.from_capture(SHARED / "compat" / peer["gateway"], clock=clock.clock) as sim:
        proxy = await publishing(sim, broker, **HOUSES[house])
        await client.hears(f"{ROOT}/status")
        await calm(proxy)
    ours = {topic.removeprefix(f"{ROOT}/"): text for topic, text in client.latest.items()}

    for topic, theirs in peer["topics"].items():
        with subtests.test(topic=topic):
            if not deviates(house, topic, theirs, ours):
                assert compared(topic, ours[topic], theirs) == compared(topic, theirs, theirs)


def compared(topic, text, theirs):
    """What of a text is compared: of the documents that say more here, what is in both, and no energies."""
    value = content(text)
    if topic == "aggregates":
        return {
            name: {key: value[name].get(key) for key, known in meter.items() if is_compared(key, known)}
            for name, meter in content(theirs).items()
        }
    if isinstance(value, dict) and not topic.startswith("strings/"):
        left_out = ENERGIES | OTHERWISE.keys()
        return {key: value.get(key) for key in content(theirs) if key not in left_out}
    return value


def is_compared(key, value):
    """What a gateway does not measure is null here, where pypowerwall has 0, a count or a remark."""
    is_remark = key in {"disclaimer", "num_meters_aggregated"}
    return value not in {None, 0} and not is_remark and not key.startswith("energy_")


async def test_a_remote_meter_is_published_as_at_pypowerwall_server(publishing, clock, broker, client):
    """Every transformer by its number: volts, amperes, watts, and lifetime energies in Wh instead of watt-seconds."""
    async with SimulatedGateway("fw23_44", clock=clock.clock, remote_meter=True) as sim:
        sim.pin(solar=4000.0)
        din = sim.gateway.hardware.remote_meter
        proxy = await publishing(sim, broker, password="", gw_pwd=sim.gw_pwd)
        await client.hears(f"{ROOT}/status")
        await calm(proxy)
    meter = f"{ROOT}/meters/remote/{din}/ct0"
    signals, document = json.loads(client.latest[meter]), client.status()["meters"]["remote"][din]["ct0"]

    assert client.latest[f"{meter}/power"] == "4000.0"
    assert (signals["InstRealPower"], signals["Location"]) == (4000, "solar")
    assert client.latest[f"{meter}/energy_imported"] == f"{signals['EnergyImportedWs'] / 3600:.0f}"
    assert float(client.latest[f"{meter}/voltage"]) * float(client.latest[f"{meter}/current"]) == (
        pytest.approx(4000, rel=0.01)
    )
    assert document.keys() == {"voltage", "current", "power", "energy_imported", "energy_exported"}
    components = json.loads(client.latest["homeassistant/device/pypowerwall_default/config"])["components"]
    found = components[f"remote_meter_{din.lower()}_ct0_energy_imported"]
    assert found["name"] == f"Remote Meter {din} CT0 (solar) Energy Imported"
    assert found["state_class"] == "total_increasing"


@pytest.mark.parametrize("house", HOUSES)
async def test_the_entities_of_pypowerwall_server_keep_their_ids_names_and_devices(
    publishing, clock, broker, client, house
):
    peer = recorded(house)
    async with SimulatedGateway.from_capture(SHARED / "compat" / peer["gateway"], clock=clock.clock) as sim:
        proxy = await publishing(sim, broker, **HOUSES[house])
        await client.hears(f"{ROOT}/status")
        await calm(proxy)
    announced = {}
    for topic, text in client.latest.items():
        if topic.startswith("homeassistant/device/"):
            payload = json.loads(text)
            [device] = payload["device"]["identifiers"]
            components = payload["components"].values()
            announced |= {
                found["unique_id"]: (found["name"], device) for found in components if "unique_id" in found
            }

    for unique_id, entity in peer["entities"].items():
        suffix = unique_id.removeprefix("pypowerwall_default_")
        if suffix in NEVER_KNOWN[house] or (suffix in ENERGIES and float(peer["topics"][suffix]) == 0):
            continue
        assert announced[unique_id] == (entity["name"], entity["device"])


async def test_the_broker_keeps_what_is_known_and_nothing_else(publishing, sim, broker, client):
    """A source that the gateway no longer reports is null in the document, and its topics are emptied."""
    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/mode", "self_consumption")
    await calm(proxy)
    assert (await kept_by(broker))[f"{ROOT}/reserve"] == "20.0"

    sim.answers(status=404, path="/api/operation")
    proxy.context.gateway.cache.discard({"/api/operation"})
    await client.hears(f"{ROOT}/mode", "")
    await happens(lambda: client.status()["mode"] is None)

    kept = await kept_by(broker)
    assert f"{ROOT}/mode" not in kept
    assert f"{ROOT}/reserve" not in kept
    assert json.loads(kept[f"{ROOT}/status"])["reserve"] is None
    assert kept[f"{ROOT}/solar"]


async def test_what_an_earlier_run_left_is_removed_if_it_is_not_known_now(publishing, sim, broker, client):
    """Also of equipment that is gone; topics of others below the prefix are not touched."""
    left = (f"{ROOT}/strings/Z/power", f"{ROOT}/grid_export", f"{ROOT}/time_remaining")
    others = (f"{ROOT}/my_own", f"{PREFIX}/garage/solar", f"{ROOT}/control/mode/set")
    for topic in (*left, *others):
        await client.publish(topic, "17", retain=True)

    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/status")
    await calm(proxy)

    kept = await kept_by(broker)
    assert left[0] not in kept
    assert left[1] not in kept
    assert kept[left[2]] != "17"
    assert {kept[topic] for topic in others} == {"17"}


async def test_nothing_secret_is_published(publishing, sim, broker, client):
    secrets = {"mqtt_username": "someone", "mqtt_password": "a password of the broker"}
    proxy = await publishing(
        sim, broker, email="owner@example.org", control_secret="storm-lantern-7492", **secrets
    )
    await client.hears(f"{ROOT}/status")
    await calm(proxy)

    everything = " ".join(f"{topic} {text}" for topic, text in client.heard)
    for secret in ("owner@example.org", "storm-lantern-7492", "a password of the broker", sim.password):
        assert f'"{secret}"' not in everything
        assert secret not in everything or secret == "password"


async def test_without_a_broker_nothing_of_mqtt_runs(start, sim):
    proxy = await start(sim)

    answer = await proxy.get("/api/mqtt/status")

    assert answer.json()["enabled"] is False
    assert answer.json()["host"] is None
    assert "mqtt" not in (await proxy.get("/health")).json()


async def test_the_state_of_the_connection_is_shown_over_http(publishing, sim, broker, client):
    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/status")
    await calm(proxy)

    status = (await proxy.get("/api/mqtt/status")).json()
    health = (await proxy.get("/health")).json()["mqtt"]
    metrics = (await proxy.get("/metrics")).text

    assert status | {"enabled": True, "host": "127.0.0.1", "port": broker.port, "connected": True} == status
    assert (
        status | {"topic_prefix": PREFIX, "ha_discovery": True, "qos": 1, "retain": True, "tls": False}
        == status
    )
    assert status["published"] > 10
    assert health["connected"] is True
    assert health["problems"] == []
    assert "powerwall_proxy_mqtt_connected 1.0" in metrics
    assert 'powerwall_proxy_mqtt_messages_total{outcome="sent"}' in metrics
