"""TEDAPI by password: signed queries, and the same story as the local API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiopowerwall import queries
from tesla_protocol.energy_device import graphql_api_pb2

from proxy.sim.server import SimulatedGateway
from tests.shared import SHARED
from tests.sim.installer import COMPONENTS, CONTROLLER, STATUS, query


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
async def test_the_dialects_agree(installer, persona, sizes, islanded):
    """Powers, charge and grid are equal over the local API, TEDAPI and the units' components."""
    someone = await installer(persona, **sizes)
    sim = someone.sim
    if islanded:
        sim.plant.contactor.lose_grid(sim.plant.seconds, at_once=True)
    sim.pin(solar=6503, battery=-3501, load=3002 if islanded else 907)
    await someone.client.login()

    meters = (await someone.client.get("/api/meters/aggregates")).json()
    soe = (await someone.client.get("/api/system_status/soe")).json()["percentage"]
    grid = (await someone.client.get("/api/system_status/grid_status")).json()["grid_status"]
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
    """PINV and POD lists sum to the system; the empty places have no serial number."""
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
    """The gateway reports no solar and too little load; the meter itself still reports."""
    someone = await installer("fw23_44", remote_meter=True)
    someone.sim.pin(solar=4000, battery=0, load=1000)
    someone.sim.tedapi.solar_meter_lost = True

    controller = await someone.document(CONTROLLER)

    powers = {m["location"]: m["realPowerW"] for m in controller["control"]["meterAggregates"]}
    channels = controller["teslaRemoteMeter"]["meters"][0]["reading"]["ctReadings"]
    assert "SolarMeterComms" in controller["control"]["alerts"]["active"]
    assert (powers["SOLAR"], powers["LOAD"]) == (0, -3000)
    assert channels[0]["realPowerW"] == 4000


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
