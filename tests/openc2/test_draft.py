"""The draft dialect: what scripts for the connector of 2018 send and get."""

from __future__ import annotations

import pytest

from proxy.sim.server import SimulatedGateway
from tests.openc2.conftest import KEY

COMMAND = {
    "id": "72221242711906412840273569986755",
    "action": "query",
    "target": {"property": {"name": "battery_percentage"}},
    "actuator": {"endpoint_smart_meter": {}},
}
ORIGINAL = [
    "battery_percentage",
    "timezone",
    "nominal_system_energy_kwh",
    "grid_code",
    "grid_voltage_setting",
    "grid_freq_setting",
    "country",
    "site_name",
    "instant_apparent_power",
    "last_communication_time",
]


@pytest.mark.parametrize("header", ["oc2-api-key", "apikey"])
@pytest.mark.parametrize("path", ["/oc2/", "/oc2", "/openc2/command/", "/openc2/command"])
async def test_a_command_and_its_answer(producer, path, header):
    """At either address, with either header, as its documents and its code had it."""
    answer = await producer.draft(COMMAND, path, {header: KEY})

    percentage = (await producer.proxy.get("/soe")).json()["percentage"]
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json() == {
        "id_ref": "72221242711906412840273569986755",
        "status": "200",
        "results": {"battery_percentage": percentage},
    }


# What each property answers: key, and the value on firmware 1.15 and 21.44. None: see the test.
PROPERTIES = [
    ("timezone", "time_zone", "America/Los_Angeles"),
    ("nominal_system_energy_kwh", "nominal_system_energy_kwh", 13.5),
    ("grid_voltage_setting", "grid_voltage_setting", "240"),
    ("grid_freq_setting", "grid_frequency_setting", "60"),
    ("country", "country", "United States"),
    ("site_name", "site_name", "Home Energy Gateway"),
    (
        "grid_code",
        "grid_code",
        {"fw1_15": "60Hz_240V_s_UL1741SA:2016_California", "fw21_44": "60Hz_240V_s_UL1741SA:2019_California"},
    ),
]


@pytest.fixture(params=["fw1_15", "fw21_44"])
async def firmware(request, serve, clock):
    """A gateway of each generation and a producer of a proxy in front of it."""
    async with SimulatedGateway(persona=request.param, clock=clock.clock) as gateway:
        host = gateway.address if gateway.persona.tls else f"http://{gateway.address}"
        yield request.param, gateway, await serve(gateway, host=host, password=gateway.password)


@pytest.mark.parametrize(("name", "key", "value"), PROPERTIES)
async def test_properties_of_the_site_are_reported_as_the_connector_did(firmware, name, key, value):
    """Two keys differ from the property's name, and two numbers travel as texts."""
    persona, _, producer = firmware
    expected = value[persona] if isinstance(value, dict) else value

    answer = (await producer.draft_property(name)).json()

    assert answer == {"id_ref": "7", "status": "200", "results": {key: expected}}


async def test_properties_of_the_meters_are_reported_as_the_connector_did(firmware):
    _, _, producer = firmware
    site = (await producer.proxy.get("/api/meters/aggregates")).json()["site"]

    for name in ("instant_apparent_power", "last_communication_time"):
        assert (await producer.draft_property(name)).json()["results"] == {name: site[name]}


@pytest.mark.parametrize("name", ["device_count", "powerwalls"])
async def test_the_units_are_the_results(firmware, name):
    """The array itself, cut to two keys; serial numbers only where they are allowed."""
    _, _, producer = firmware

    results = (await producer.draft_property(name)).json()["results"]

    assert results
    assert all(
        unit == {"PackagePartNumber": unit["PackagePartNumber"], "PackageSerialNumber": "masked"}
        for unit in results
    )


async def test_serial_numbers_are_reported_where_they_are_allowed(serve, sim):
    producer = await serve(sim, openc2_serials=True)
    unit = (await producer.proxy.get("/api/powerwalls")).json()["powerwalls"][0]

    results = (await producer.draft_property("device_count")).json()["results"]

    assert results[0]["PackageSerialNumber"] == unit["PackageSerialNumber"]


async def test_the_uptime_is_reported_in_the_words_of_the_firmware(firmware):
    """Cut out of a log line, comma included, up to firmware 1.x; later the gateway's own text."""
    persona, _, producer = firmware

    uptime = (await producer.draft_property("uptime")).json()["results"]["uptime"]

    source, key = ("sitemaster", "uptime") if persona == "fw1_15" else ("status", "up_time_seconds")
    assert uptime == (await producer.proxy.get(f"/api/{source}")).json()[key]


async def test_every_property_of_the_profile_has_its_own_name(producer):
    """Numbers as numbers."""
    grid = (await producer.draft_property("grid_status")).json()["results"]
    solar = (await producer.draft_property("solar_power")).json()["results"]

    assert grid == {"grid_status": "up"}
    assert isinstance(solar["solar_power"], int | float)


async def test_names_are_compared_without_case(producer):
    command = {**COMMAND, "action": "QUERY", "target": {"property": {"name": "Battery_Percentage"}}}

    assert (await producer.draft(command)).json()["status"] == "200"


async def test_the_property_may_be_the_name_itself(producer):
    """For some hours of May 2018 it was."""
    command = {**COMMAND, "target": {"property": "battery_percentage"}}

    assert (await producer.draft(command)).json()["status"] == "200"


@pytest.mark.parametrize("given", ["7", 7])
async def test_ids_come_back_as_texts(producer, given):
    assert (await producer.draft({**COMMAND, "id": given})).json()["id_ref"] == "7"


@pytest.mark.parametrize(
    "actuator",
    [
        None,
        {},
        {"endpoint_smart_meter": {"actuator_id": "com.tesla.powerwall"}},
        {"endpoint_smart_meter": {"asset_id": "default"}},
        {"endpoint_smart_meter": {"asset_id": ""}},
    ],
)
async def test_our_meter_or_no_actuator_is_addressed(producer, actuator):
    command = {**COMMAND, "actuator": actuator}
    if actuator is None:
        del command["actuator"]

    assert (await producer.draft(command)).status == 200


async def test_it_describes_itself(producer):
    """An array of one-key objects; the ten of the original among them, and all others."""
    answer = (await producer.draft({"id": "1", "action": "query", "target": {"openc2": {}}})).json()

    properties = answer["results"]["target"]["property"]
    assert answer["results"]["action"] == "query"
    assert {"battery_percentage": "float"} in properties
    assert {"timezone": "string"} in properties
    assert all(len(entry) == 1 for entry in properties)
    names = {name for entry in properties for name in entry}
    assert names >= {*ORIGINAL, "device_count", "uptime", "solar_power"}


FAILURES = {
    "unknown property": ({**COMMAND, "target": {"property": {"name": "colour"}}}, 404),
    "no name": ({**COMMAND, "target": {"property": {}}}, 400),
    "no target": ({"id": "1", "action": "query"}, 400),
    "no action": ({"id": "1", "target": {"openc2": {}}}, 400),
    "not an object": ([COMMAND], 400),
    "malformed": ('{"id":', 400),
    "names twice": ('{"id":"1","id":"2","action":"query","target":{"openc2":{}}}', 400),
    "too long": ({**COMMAND, "id": "x" * 70_000}, 400),
    "other action": ({**COMMAND, "action": "set"}, 501),
    "other target": ({**COMMAND, "target": {"file": {}}}, 501),
    "other actuator": ({**COMMAND, "actuator": {"slpf": {}}}, 404),
    "other gateway": ({**COMMAND, "actuator": {"endpoint_smart_meter": {"asset_id": "shed"}}}, 404),
}


@pytest.mark.parametrize(("command", "status"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_has_one_status_in_head_and_body(producer, sim, command, status):
    """The status of HTTP is that of the body, and results are "failed"."""
    answer = await producer.draft(command)

    known = command.get("id", "") if isinstance(command, dict) else ""
    assert answer.status == status
    assert answer.json() == {
        "id_ref": "" if len(known) > 100 else known,
        "status": str(status),
        "results": "failed",
    }
    assert len(sim.requests) == 0


@pytest.mark.parametrize(
    "headers",
    [{}, {"apikey": "wrong"}, {"oc2-api-key": KEY, "apikey": "wrong"}],
    ids=["none", "wrong", "one"],
)
async def test_without_the_key_nothing_is_reported(producer, headers):
    answer = await producer.draft(COMMAND, headers=headers)

    assert answer.status == 401
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json() == {"id_ref": COMMAND["id"], "status": "401", "results": "failed"}


async def test_the_key_may_come_in_both_headers(producer):
    answer = await producer.draft(COMMAND, headers={"oc2-api-key": KEY, "apikey": KEY})

    assert answer.status == 200


async def test_a_gateway_that_is_gone_is_said_to_be(serve):
    producer = await serve(host="127.0.0.1:9", password="x")

    answer = await producer.draft(COMMAND)

    assert answer.status == 503
    assert answer.json()["status"] == "503"
    assert int(answer.headers["Retry-After"]) >= 1


async def test_what_the_gateway_lacks_is_not_found(producer, sim):
    sim.answers(status=404, path="/api/site_info")

    assert (await producer.draft_property("country")).json()["status"] == "404"


async def test_the_draft_never_writes(controller, sim):
    command = {**COMMAND, "action": "set", "target": {"property": {"name": "reserve", "value": 30}}}

    assert (await controller.draft(command)).status == 501
    assert sim.writes == []


async def test_echo_and_welcome_are_not_there(producer):
    assert (await producer.proxy.post("/openc2mirror/", data="<script>")).status in {404, 405}
