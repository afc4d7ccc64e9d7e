"""TEDAPI by password: envelopes, signed queries, and the same story as the local API."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from aiopowerwall import queries
from tesla_protocol.energy_device import graphql_api_pb2, transport_pb2

from proxy.sim.server import SimulatedGateway
from tests.shared import SHARED

STATUS = (queries.STATUS_QUERY, queries.STATUS_CODE, "{}")
CONTROLLER = (queries.CONTROLLER_QUERY, queries.CONTROLLER_CODE, queries.CONTROLLER_VARIABLES)
COMPONENTS = (queries.COMPONENTS_QUERY, queries.COMPONENTS_CODE, queries.COMPONENTS_VARIABLES)

# Complete requests for gateway 1232100-00-E--TG121000000001, as documented.
SYSTEM_INFO = bytes.fromhex(
    "0a2a0801120218011a1e0a1c313233323130302d30302d452d2d54473132313030303030303030312202120012020801"
)
READ_CONFIG = bytes.fromhex(
    "0a390801120218011a1e0a1c313233323130302d30302d452d2d54473132313030303030303030317a110a0f0801120b63"
    "6f6e6669672e6a736f6e12020801"
)


def envelope(recipient: str, sender: str | None = None) -> transport_pb2.MessageEnvelope:
    message = transport_pb2.MessageEnvelope(delivery_channel="DELIVERY_CHANNEL_LOCAL_HTTPS")
    if sender:
        message.sender.din = sender
    else:
        message.sender.local = transport_pb2.LOCAL_PARTICIPANT_INSTALLER
    message.recipient.din = recipient
    return message


def query(recipient: str, text: str, signature: bytes, variables: str) -> transport_pb2.MessageEnvelope:
    message = envelope(recipient)
    request = message.graphql.query_request
    request.format = graphql_api_pb2.GRAPH_QL_QUERY_FORMAT_SIGNED_SHA256_ECDSA_ASN1
    request.query = graphql_api_pb2.SignedGraphQLQuery(version=1, query=text.encode()).SerializeToString()
    request.signature = signature
    request.variables_json.value = variables
    return message


class Installer:
    """Asks one gateway by password."""

    def __init__(self, visitor: Any) -> None:
        self.visitor = visitor
        self.sim: SimulatedGateway = visitor.sim
        self.password = self.sim.gw_pwd

    async def send(self, message: transport_pb2.MessageEnvelope, path: str = "/tedapi/v1") -> Any:
        body = transport_pb2.AuthEnvelope(payload=message.SerializeToString())
        body.external_auth.type = transport_pb2.EXTERNAL_AUTH_TYPE_PRESENCE
        return await self.post(body.SerializeToString(), path)

    async def post(self, body: bytes, path: str = "/tedapi/v1") -> Any:
        return await self.visitor.ask("POST", path, data=body, headers=self.authorization())

    def authorization(self) -> dict[str, str]:
        secret = base64.b64encode(f"Tesla_Energy_Device:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {secret}"}

    async def reply(
        self, message: transport_pb2.MessageEnvelope, path: str = "/tedapi/v1"
    ) -> transport_pb2.MessageEnvelope:
        reply = await self.send(message, path)
        assert reply.status == 200
        body = gzip.decompress(reply.body) if reply.body[:2] == b"\x1f\x8b" else reply.body
        return transport_pb2.MessageEnvelope.FromString(transport_pb2.AuthEnvelope.FromString(body).payload)

    async def document(self, what: tuple[str, bytes, str], din: str | None = None) -> Any:
        path = f"/tedapi/device/{din}/v1" if din else "/tedapi/v1"
        answer = await self.reply(query(din or self.sim.din, *what), path)
        return json.loads(answer.graphql.query_response.data or "null")

    async def config(self) -> tuple[dict[str, Any], bytes]:
        message = envelope(self.sim.din)
        message.filestore.read_file_request.name = "config.json"
        answer = (await self.reply(message)).filestore.read_file_response
        return json.loads(answer.file.blob), answer.hash


@pytest.fixture
def installer(visit):
    async def start(*args: Any, **options: Any) -> Installer:
        return Installer(await visit(*args, **options))

    return start


async def test_the_din_needs_the_sticker_password(installer):
    """Basic with the whole gateway password, or any session."""
    someone = await installer("fw21_44")
    din = (await someone.visitor.get("/tedapi/din", headers=someone.authorization())).body.decode()
    someone.password = "ABCDE"

    assert din == someone.sim.din
    assert (await someone.visitor.get("/tedapi/din", headers=someone.authorization())).status == 401
    assert (await someone.visitor.get("/tedapi/din")).status == 403
    await someone.visitor.login(password="FGHIJ")
    assert (await someone.visitor.get("/tedapi/din")).body.decode() == din


async def test_current_firmware_answers_over_its_own_wifi_only(installer):
    """From 25.10 a request from elsewhere is 403."""
    someone = await installer("fw25_10")
    someone.sim.tedapi.on_wifi = False

    reply = await someone.send(query(someone.sim.din, *STATUS))

    assert (reply.status, reply.json()["error"]) == (403, "Unable to POST to resource")


async def test_newer_firmware_compresses_without_being_asked(installer):
    """The body is gzip and no header says so."""
    someone = await installer("fw25_10")

    reply = await someone.send(query(someone.sim.din, *STATUS))

    assert reply.body[:2] == b"\x1f\x8b"
    assert "Content-Encoding" not in reply.headers


@pytest.mark.parametrize("persona", ["fw21_44", "fw23_44", "fw25_10", "pw3", "solar_only"])
async def test_every_signed_query_is_answered(installer, persona):
    """Status and controller are objects with the same control block."""
    someone = await installer(persona)

    status, controller = await someone.document(STATUS), await someone.document(CONTROLLER)

    assert status["control"] == controller["control"]
    assert "MSA" in status["esCan"]["bus"]
    assert {"teslaRemoteMeter", "components"} <= set(controller)


@pytest.mark.parametrize("what", [STATUS, CONTROLLER, COMPONENTS])
async def test_a_changed_byte_is_refused(installer, what):
    """The signature is over the text, so a changed text gets an empty reply."""
    someone = await installer("pw3")
    text, signature, variables = what

    assert await someone.document(what) is not None
    assert await someone.document((text + " ", signature, variables)) is None
    assert await someone.document((text, signature[:-1] + b"x", variables)) is None


async def test_unknown_signals_are_dropped_and_unknown_types_fail_the_query(installer):
    """Variables are not signed: lists may be extended, with names that exist."""
    someone = await installer("fw23_44")
    variables = json.loads(queries.CONTROLLER_VARIABLES)
    variables["msaSignals"] = ["SYNC_Uptime", "NO_SuchSignal"]

    document = await someone.document((*CONTROLLER[:2], json.dumps(variables)))
    variables["msaComp"]["types"].append("POD")
    failed = await someone.document((*CONTROLLER[:2], json.dumps(variables)))

    names = [signal["name"] for part in document["components"]["msa"] for signal in part["signals"]]
    assert names == ["SYNC_Uptime"]
    assert failed is None


@pytest.mark.parametrize("islanded", [False, True])
@pytest.mark.parametrize(
    ("persona", "sizes"),
    [
        ("fw21_44", {"packs": 3, "inverters": 2}),
        ("fw23_44", {"neurio": True}),
        ("fw25_10", {"backup_switch": True}),
        ("pw3", {}),
        ("pw3", {"followers": 2, "expansions": 1}),
    ],
)
async def test_the_dialects_tell_the_same_story(installer, persona, sizes, islanded):
    """Powers, charge and grid are equal over the local API, TEDAPI and the units' components."""
    someone = await installer(persona, **sizes)
    sim = someone.sim
    if islanded:
        sim.plant.contactor.lose_grid(sim.plant.seconds, at_once=True)
    sim.pin(solar=6503, battery=-3501, load=3002 if islanded else 907)
    await someone.visitor.login()

    meters = (await someone.visitor.get("/api/meters/aggregates")).json()
    soe = (await someone.visitor.get("/api/system_status/soe")).json()["percentage"]
    grid = (await someone.visitor.get("/api/system_status/grid_status")).json()["grid_status"]
    control = (await someone.document(CONTROLLER))["control"]

    assert {m["location"].lower(): m["realPowerW"] for m in control["meterAggregates"]} == {
        name: meters[name]["instant_power"] for name in ("site", "battery", "load", "solar")
    }
    system = control["systemStatus"]
    assert soe == 100 * system["nominalEnergyRemainingWh"] / system["nominalFullPackEnergyWh"]
    assert ("SystemConnectedToGrid" in control["alerts"]["active"]) == (grid == "SystemGridConnected")
    assert control["islanding"]["contactorClosed"] == (not islanded)
    units = sim.gateway.units
    if units:
        parts = [(await someone.document(COMPONENTS, din))["components"] for din in units]
        assert total(parts, "pch", "PCH_BatteryPower") == -3501
        assert total(parts, "pch", "PCH_SlowPvPowerSum") == 6503
        assert 1000 * total(parts, "bms", "BMS_nominalEnergyRemaining") == pytest.approx(
            system["nominalEnergyRemainingWh"], abs=1e-6
        )


def total(parts: list[Any], key: str, name: str) -> float:
    return sum(
        signal["value"]
        for part in parts
        for row in part[key]
        for signal in row["signals"]
        if signal["name"] == name
    )


async def test_boards_add_up_and_empty_slots_are_missing_in_action(installer):
    """PINV and POD lists sum to the system; the places nobody fills have no serial number."""
    someone = await installer("fw23_44", packs=3)
    someone.sim.pin(battery=-3501)

    bus = (await someone.document(STATUS))["esCan"]["bus"]

    present = [place for place in bus["PINV"] if not place["PINV_Status"]["isMIA"]]
    assert sum(place["PINV_Status"]["PINV_Pout"] for place in present) == pytest.approx(-3.501)
    assert [place["packageSerialNumber"] is None for place in bus["THC"]] == [False] * 3 + [True] * 2
    assert bus["SYNC"]["packageSerialNumber"] == someone.sim.gateway.hardware.sync.serial
    assert bus["MSA"]["packageSerialNumber"] is None


async def test_a_powerwall_3_shows_its_parts_by_components(installer):
    """Strings A to F, expansion packs with the leader, followers by their own DIN."""
    someone = await installer("pw3", followers=2, expansions=1)
    leader, first, _ = someone.sim.gateway.units
    config, _ = await someone.config()

    ours, theirs = await someone.document(COMPONENTS), await someone.document(COMPONENTS, first)

    expansion = config["battery_blocks"][0]["battery_expansions"][0]["din"]
    assert [block["type"] for block in config["battery_blocks"]] == [
        "Powerwall3",
        "Powerwall3Follower",
        "Powerwall3Follower",
    ]
    assert [f"{hvp['partNumber']}--{hvp['serialNumber']}" for hvp in ours["components"]["hvp"]] == [
        leader,
        expansion,
    ]
    assert len(theirs["components"]["bms"]) == 1
    assert {s["name"] for s in ours["components"]["pch"][0]["signals"]} >= {"PCH_PvVoltageF", "PCH_PvState_A"}
    assert (await someone.send(query("x", *COMPONENTS), "/tedapi/device/x/v1")).status == 404


async def test_followers_do_not_exist_on_a_powerwall_2(installer):
    """The follower path is 404."""
    someone = await installer("fw23_44")

    assert (await someone.send(query("x", *COMPONENTS), f"/tedapi/device/{someone.sim.din}/v1")).status == 404


async def test_the_documented_requests_are_understood(installer):
    """Byte for byte: firmware and configuration of gateway …0001."""
    someone = await installer("fw23_44")
    someone.sim.gateway.tedapi.capture = {"din": "1232100-00-E--TG121000000001", "config": {"a": 1}}

    info, config = await someone.post(SYSTEM_INFO), await someone.post(READ_CONFIG)

    def opened(reply: Any) -> transport_pb2.MessageEnvelope:
        outer = transport_pb2.AuthEnvelope.FromString(reply.body)
        return transport_pb2.MessageEnvelope.FromString(outer.payload)

    system = opened(info).common.get_system_info_response
    assert (system.din, system.firmware_version.version) == (
        "1232100-00-E--TG121000000001",
        "23.44.0 eb113390",
    )
    assert json.loads(opened(config).filestore.read_file_response.file.blob) == {"a": 1}


async def test_the_configuration_is_locked_by_its_hash(installer):
    """A write with an old hash is refused; one with the present hash is followed by the house."""
    someone = await installer("fw23_44")
    config, digest = await someone.config()
    config["site_info"] |= {
        "backup_reserve_percent": 52.5,
        "customer_preferred_export_rule": "never",
        "disallow_charge_from_grid_with_solar_installed": False,
    }
    config["default_real_mode"] = "backup"

    def update(hash_: bytes) -> transport_pb2.MessageEnvelope:
        message = envelope(someone.sim.din)
        message.filestore.update_file_request.file.name = "config.json"
        message.filestore.update_file_request.file.blob = json.dumps(config).encode()
        message.filestore.update_file_request.hash = hash_
        return message

    refused = await someone.reply(update(b"old"))
    before = someone.sim.plant.mode
    taken = await someone.reply(update(digest))

    assert refused.common.error_response.status.code == 10
    assert before == "self_consumption"
    assert taken.WhichOneof("payload") == "filestore"
    plant = someone.sim.plant
    assert (plant.mode, plant.reserve, plant.export, plant.grid_charging) == ("backup", 52.5, False, True)
    assert (await someone.config())[0]["site_info"]["backup_reserve_percent"] == 52.5
    assert [record.writes for record in someone.sim.requests] == [False, True, True, False]
    assert someone.sim.tedapi.commands == ["update_file_request", "update_file_request"]


@pytest.mark.parametrize("blob", [b"", b"[]", b'{"site_info": {}, "default_real_mode": "party"}'])
async def test_a_broken_configuration_is_refused(installer, blob):
    """What is not a configuration changes nothing."""
    someone = await installer("fw23_44")
    _, digest = await someone.config()
    message = envelope(someone.sim.din)
    message.filestore.update_file_request.file.blob = blob
    message.filestore.update_file_request.hash = digest

    answer = await someone.reply(message)

    assert answer.common.error_response.status.code == 3
    assert someone.sim.plant.mode == "self_consumption"


async def test_dangerous_messages_are_not_implemented_but_noted(installer):
    """Code 12, and the log says that somebody tried."""
    someone = await installer("fw23_44")
    message = envelope(someone.sim.din)
    message.teg.disable_batteries_request.SetInParent()

    answer = await someone.reply(message)

    assert answer.common.error_response.status.code == 12
    assert len(someone.sim.writes) == 1


async def test_documents_can_be_edited_and_partial(installer):
    """Null control, missing lists, query errors: whatever a test needs."""
    someone = await installer("fw23_44")
    someone.sim.tedapi.edit = lambda kind, document: (
        document | {"control": None} if kind == "status" else document
    )
    someone.sim.tedapi.query_errors = ("neurio.readings",)

    response = (await someone.reply(query(someone.sim.din, *STATUS))).graphql.query_response

    assert json.loads(response.data)["control"] is None
    assert response.status == graphql_api_pb2.GRAPH_QL_STATUS_ERROR_PARTIAL
    assert list(response.errors[0].path) == ["neurio", "readings"]


async def test_control_is_null_while_the_site_master_is_stopped(installer):
    """The system block says so."""
    someone = await installer("fw23_44")
    someone.sim.plant.running = False

    status = await someone.document(STATUS)

    assert status["control"] is None
    assert status["system"]["sitemanagerStatus"] == {"isRunning": False}


async def test_a_lost_remote_meter_takes_the_solar_from_the_load(installer):
    """The gateway reports no solar and too little load; the meter itself still tells."""
    someone = await installer("fw23_44", remote_meter=True)
    someone.sim.pin(solar=4000, battery=0, load=1000)
    someone.sim.tedapi.solar_meter_lost = True

    controller = await someone.document(CONTROLLER)

    powers = {m["location"]: m["realPowerW"] for m in controller["control"]["meterAggregates"]}
    channels = controller["teslaRemoteMeter"]["meters"][0]["reading"]["ctReadings"]
    assert "SolarMeterComms" in controller["control"]["alerts"]["active"]
    assert (powers["SOLAR"], powers["LOAD"]) == (0, -3000)
    assert channels[0]["realPowerW"] == 4000


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"<html>"])
async def test_what_is_no_message_is_a_bad_request(installer, body):
    """Garbage and messages to somebody else are 400."""
    someone = await installer("fw23_44")

    assert (await someone.post(body)).status == 400
    assert (await someone.send(query("somebody--else", *STATUS))).status == 400


@pytest.mark.parametrize("name", ["pw2", "pw2novitals", "pw3"])
async def test_captured_documents_are_served_as_they_are(installer, hands, name):
    """Status, controller, configuration and components of a captured site."""
    path = SHARED / "compat" / f"gateway-{name}.json"
    capture = json.loads(path.read_text())
    someone = await installer(sim=SimulatedGateway.from_capture(path, clock=hands.clock))

    assert someone.sim.din == capture["din"]
    assert await someone.document(STATUS) == capture["status"]
    assert await someone.document(CONTROLLER) == capture["controller"]
    assert (await someone.config())[0] == capture["config"]
    for din, components in capture["components"].items():
        assert await someone.document(COMPONENTS, din) == components


async def test_firmware_without_tedapi_does_not_know_the_path(installer):
    """Before 21.44 there is nothing to find here."""
    someone = await installer("fw21_13")

    assert (await someone.visitor.get("/tedapi/din", headers=someone.authorization())).status == 404
