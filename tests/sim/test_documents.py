"""The documents have the shapes of recorded gateways, and agree with each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tesla_protocol.teslapower.teslapower_pb2 import DevicesWithVitals

from proxy.sim.documents.endpoints import ENDPOINTS
from proxy.sim.documents.vitals import devices
from proxy.sim.firmware import version_of
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from proxy.sim.wire import message
from tests.shared import SHARED

RECORDINGS = SHARED / "recordings" / "21.44"
BIG_HOUSE = {"packs": 3, "inverters": 2, "strings": 4}


def shape(document: Any) -> Any:
    """Reduce a document to keys and kinds of values; lists to the kinds of their members."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return sorted({json.dumps(shape(member)) for member in document})
    if isinstance(document, bool) or document is None:
        return type(document).__name__
    return "number" if isinstance(document, (int, float)) else "string"


def recorded(situation: str, suffix: str, sim: SimulatedGateway) -> dict[str, str]:
    """Map paths to recorded texts, with the simulated meter's serial in place of the masked one."""
    serial = sim.gateway.hardware.meter_serial
    return {
        "/api/" + path.stem.replace("METER_SERIAL", serial).replace(".", "/"): path.read_text().replace(
            "<<METER_SERIAL>>", serial
        )
        for path in sorted((RECORDINGS / situation).glob(f"*{suffix}"))
    }


async def test_every_recorded_document_of_a_running_gateway_has_its_shape(start_sim):
    """Keys, order and kinds of values equal those of a recorded 21.44."""
    client = await start_sim(neurio=False, inverters=0)
    await client.login()

    for path, text in recorded("running", ".json", client.sim).items():
        reply = await client.get(path)
        assert reply.status == 200, path
        assert shape(reply.json()) == shape(json.loads(text)), path
        if isinstance(reply.json(), dict):
            assert list(reply.json()) == list(json.loads(text)), path


async def test_every_recorded_document_of_a_stopped_gateway_has_its_shape(start_sim):
    """With the site master stopped some documents change their shape."""
    client = await start_sim(inverters=0)
    await client.login()
    assert (await client.post("/api/sitemaster/stop", {})).status == 202

    for path, text in recorded("stopped", ".json", client.sim).items():
        reply = await client.get(path)
        assert reply.status == 200, path
        if path != "/api/powerwalls":  # its diagnostics were recorded half-way through
            assert shape(reply.json()) == shape(json.loads(text)), path


@pytest.mark.parametrize("situation", ["running", "stopped"])
async def test_every_recorded_refusal_is_repeated(start_sim, situation):
    """Status and body equal the recorded ones, with the site master running and stopped."""
    client = await start_sim(inverters=0)
    await client.login()
    client.sim.plant.running = situation == "running"

    for path, text in recorded(situation, ".err", client.sim).items():
        head, _, body = text.partition("\n\n")
        reply = await client.get(path)
        assert reply.status == int(head.split()[1]), path
        assert reply.body == body.rstrip("\n").encode(), path


@pytest.mark.parametrize("persona", ["fw20_49", "fw21_13", "fw21_44", "fw23_44", "fw25_10"])
async def test_all_documents_agree(start_sim, persona):
    """Sums over blocks, pods, strings and CTs are the powers and energies of the system."""
    client = await start_sim(persona, **BIG_HOUSE)
    await client.login()
    client.sim.pin(solar=6503, battery=-3501, load=907)

    meters = (await client.get("/api/meters/aggregates")).json()
    status = (await client.get("/api/system_status")).json()
    soe = (await client.get("/api/system_status/soe")).json()

    power = {name: meters[name]["instant_power"] for name in ("solar", "site", "battery", "load")}
    assert power == {"solar": 6503, "site": -2095, "battery": -3501, "load": 907}
    blocks = status["battery_blocks"]
    assert len(blocks) == 3
    assert sum(block["p_out"] for block in blocks) == -3501
    energy, full = (
        sum(block[key] for block in blocks)
        for key in ("nominal_energy_remaining", "nominal_full_pack_energy")
    )
    assert (energy, full) == (status["nominal_energy_remaining"], status["nominal_full_pack_energy"])
    assert soe["percentage"] == 100 * energy / full


def test_vitals_agree_with_the_meters():
    """POD energies, PINV powers (kW), string powers and the CTs of meter X add up."""
    sim = SimulatedGateway(**BIG_HOUSE)
    sim.pin(solar=6503, battery=-3501, load=907)

    found = devices(sim.gateway.scene())

    def total(kind: str, *signals: str) -> float:
        return sum(device[s] for din, device in found.items() if din.startswith(kind) for s in signals)

    reading = sim.plant.read()
    assert total("TEPOD", "POD_nom_energy_remaining") == reading.energy_wh
    assert total("TEPINV", "PINV_Pout") == pytest.approx(-3.501, abs=1e-9)
    assert total("PVAC", *(f"PVAC_PVMeasuredPower_{s}" for s in "ABCD")) == 6503
    assert total("PVAC", "PVAC_Pout") == 6503
    assert total("TESYNC", *(f"METER_X_CT{ct}_InstRealPower" for ct in "ABC")) == -2095


@pytest.mark.parametrize(
    ("persona", "firmware", "status"),
    [("fw1_40", (1, 40, 2), 404), ("fw21_44", (21, 44, 0), 200), ("fw23_44", (23, 44, 0), 404)],
)
async def test_vitals_come_and_go_with_the_firmware(start_sim, persona, firmware, status):
    """Binary vitals exist from 20.x and are gone in 23.44.0."""
    client = await start_sim(persona)
    await client.login()

    reply = await client.get("/api/devices/vitals")

    assert client.sim.persona.version == firmware
    assert reply.status == status
    if status == 200:
        assert len(DevicesWithVitals.FromString(reply.body).devices) == 9


@pytest.mark.parametrize("name", ["powerwall-2-with-solar", "failed-powerwall"])
def test_recorded_vitals_survive_the_wire_form(name):
    """What is encoded decodes to the same devices, zero and false included."""
    recorded = json.loads((SHARED / "recordings" / "vitals" / f"{name}.json").read_text())

    decoded = DevicesWithVitals.FromString(message(recorded))

    assert [entry.device.device.din.value for entry in decoded.devices] == list(recorded)
    for entry in decoded.devices:
        expected = recorded[entry.device.device.din.value]
        signals = {
            vital.name: getattr(vital, vital.WhichOneof("value") or "", None) for vital in entry.vitals
        }
        assert signals.items() <= expected.items()
        assert list(entry.alerts) == expected.get("alerts", [])


async def test_firmware_1_15_speaks_plain_http_with_open_reads(start_sim):
    """The oldest firmware: CORS, a newline in the version, seven meters, a comma after the uptime."""
    client = await start_sim("fw1_15")

    meters = await client.get("/api/meters/aggregates")
    site = (await client.get("/api/site_info")).json()

    assert client.sim.url.startswith("http://")
    assert meters.headers["Access-Control-Allow-Origin"] == "*"
    assert set(meters.json()) == {"site", "battery", "load", "solar", "busway", "frequency", "generator"}
    assert "timeout" not in meters.json()["site"]
    assert (await client.get("/api/status")).json()["version"] == "1.15.0\n"
    assert (await client.get("/api/sitemaster")).json()["uptime"].endswith("s,")
    assert (await client.get("/api/system_status/grid_status")).json() == {
        "grid_status": "SystemGridConnected"
    }
    assert isinstance(site["grid_code"], str)


async def test_a_powerwall_3_answers_three_documents_only(start_sim):
    """No web app, and of the local API only meters, charge and grid status."""
    client = await start_sim("pw3")
    await client.login()

    statuses = {
        path: (await client.get(path)).status
        for path in (
            "/",
            "/api/meters/aggregates",
            "/api/system_status/soe",
            "/api/system_status",
            "/api/status",
        )
    }

    assert list(statuses.values()) == [404, 200, 200, 404, 404]


async def test_a_site_without_battery_has_no_blocks(start_sim):
    """Solar only: no charge, no battery blocks."""
    client = await start_sim("solar_only")
    await client.login()

    assert (await client.get("/api/system_status/soe")).status == 404
    assert (await client.get("/api/system_status")).json()["battery_blocks"] == []


async def test_a_hundred_packs(start_sim):
    """Sizes far beyond what exists still add up."""
    client = await start_sim(packs=100)
    await client.login()
    client.sim.pin(battery=12345)

    blocks = (await client.get("/api/system_status")).json()["battery_blocks"]

    assert len({block["PackageSerialNumber"] for block in blocks}) == 100
    assert sum(block["p_out"] for block in blocks) == 12345


@pytest.mark.parametrize(
    ("text", "version"),
    [("1.15.0\n", (1, 15, 0)), ("21.44 223a56cd", (21, 44, 0)), ("23.44.3-msa", (23, 44, 3))],
)
def test_versions_are_three_numbers(text, version):
    """Text after a blank or a hyphen does not count."""
    assert version_of(text) == version


@pytest.mark.parametrize("persona", sorted(PERSONAS))
async def test_time_moves_the_house_and_the_uptime(start_sim, hands, persona):
    """Advancing the clock advances everything that the gateway reports."""
    client = await start_sim(persona)
    if client.sim.persona.tls:  # before TLS reads were open, and a login stopped the system
        await client.login()
    before = (await client.get("/api/meters/aggregates")).json()

    hands.move(600)
    after = (await client.get("/api/meters/aggregates")).json()

    assert after["load"]["energy_imported"] > before["load"]["energy_imported"]
    assert after["site"]["last_communication_time"] > before["site"]["last_communication_time"]


@pytest.mark.parametrize("persona", sorted(PERSONAS))
@pytest.mark.parametrize("situation", ["connected", "islanded", "stopped"])
async def test_every_document_of_every_firmware_can_be_had(start_sim, persona, situation):
    """No path breaks, whatever is installed and whatever happens; a refusal has a code and words."""
    client = await start_sim(persona, neurio=True, remote_meter=True)
    plant = client.sim.plant
    if situation == "islanded":
        plant.contactor.lose_grid(plant.seconds, at_once=True)
        client.sim.pin(generator=500)
    await client.login()
    plant.running = situation != "stopped"

    for endpoint in ENDPOINTS:
        reply = await client.get(endpoint.path.replace("{meter}", client.sim.gateway.hardware.meter_serial))
        if reply.headers.get("Content-Type") == "application/json":
            assert reply.status == 200 or {"code", "message"} <= set(reply.json()), endpoint.path
        else:
            assert reply.status in {200, 404, 502}, endpoint.path


async def test_a_house_can_stand_still(start_sim, hands):
    """At speed 0 the clock moves and the house does not."""
    client = await start_sim(speed=0)
    before = client.sim.gateway.scene().reading

    hands.move(3600)

    assert client.sim.gateway.scene().reading == before


async def test_an_outage_is_listed_as_a_grid_fault(start_sim, hands):
    """Each loss of the grid leaves an under-frequency alert with its time in milliseconds."""
    client = await start_sim()
    await client.login()
    hands.move(600)
    client.sim.gateway.catch_up()
    client.sim.plant.contactor.lose_grid(client.sim.plant.seconds)

    (fault,) = (await client.get("/api/system_status/grid_faults")).json()

    assert fault["alert_name"] == "PINV_a006_vfCheckUnderFrequency"
    assert fault["timestamp"] == 1000 * client.sim.clock.wall()
    assert json.loads(fault["decoded_alert"])[2]["units"] == "Hz"
