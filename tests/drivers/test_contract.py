"""Whichever way a house is read, it is the same house."""

from __future__ import annotations

import pytest

from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import FULL, HYBRID, POLYGLOT, knows

WAYS = ("local", "tedapi", "v1r", "hybrid")
# What can write: TEDAPI with the gateway password alone cannot.
WRITERS = ("local", "v1r", "hybrid")
SETTINGS = {
    "local": lambda key: {},
    "tedapi": lambda key: FULL,
    "v1r": lambda key: key.settings(),
    "hybrid": lambda key: HYBRID,
}
SECRET = "a long enough secret"


@pytest.fixture
async def house(clock):
    """Two Powerwalls, two inverters, exporting a little; every dialect at one address."""
    async with SimulatedGateway(POLYGLOT, clock=clock.clock) as sim:
        sim.pin(solar=5004, battery=-3502, load=906)
        yield sim


@pytest.fixture
async def send_request(house, start, key):
    """Start a proxy that reads the house in one way; gives a function that sends requests to it."""

    async def start_one(way: str):
        if way == "v1r":
            knows(house, key)
        # Nothing stale stands in for an answer that takes its time.
        proxy = await start(house, control_secret=SECRET, cache_ttl=5, **SETTINGS[way](key))

        async def get(path: str):
            answer = await proxy.get(path)
            assert answer.status == 200, (path, answer.text)
            return answer.json() if answer.headers["Content-Type"] == "application/json" else answer.text

        return get

    return start_one


@pytest.fixture
async def command(house, start, key):
    """Start a proxy that reads the house in one way; gives a function that sets through it."""

    async def start_one(way: str):
        if way == "v1r":
            knows(house, key)
        proxy = await start(house, control_secret=SECRET, **SETTINGS[way](key))

        async def post(what: str, value: str):
            return await proxy.post(f"/control/{what}", data={"value": value, "token": SECRET})

        return post

    return start_one


@pytest.mark.parametrize("way", WAYS)
async def test_powers_and_charge_are_the_same(way, house, send_request):
    get = await send_request(way)

    reported = await get("/aggregates")

    assert {meter: reported[meter]["instant_power"] for meter in ("site", "solar", "battery", "load")} == {
        "site": -596,
        "solar": 5004,
        "battery": -3502,
        "load": 906,
    }
    assert reported["site"]["instant_average_voltage"] == 242
    assert (await get("/soe"))["percentage"] == pytest.approx(house.plant.read().percentage)
    assert await get("/csv/v2") == "-596.00,906.00,5004.00,-3502.00,50.00,1,20\n"


@pytest.mark.parametrize("way", WAYS)
async def test_the_grid_is_the_same_when_it_is_there_and_when_it_is_lost(way, house, send_request, clock):
    get = await send_request(way)

    assert (await get("/api/system_status/grid_status"))["grid_status"] == "SystemGridConnected"
    house.plant.contactor.lose_grid(house.plant.seconds, at_once=True)
    clock.advance(6)

    assert (await get("/api/system_status/grid_status"))["grid_status"] == "SystemIslandedActive"
    assert (await get("/freq"))["grid_status"] == 0


@pytest.mark.parametrize("way", WAYS)
async def test_frequencies_and_voltages_are_the_same(way, send_request):
    reported = await (await send_request(way))("/freq")

    assert {name: reported[name] for name in EXPECTED_FREQ} == pytest.approx(EXPECTED_FREQ)


EXPECTED_FREQ = {
    "PW1_PINV_Fout": 60.0,
    "PW1_PINV_VSplit1": 121.0,
    "PW1_PINV_VSplit2": 121.0,
    "PW1_p_out": -1751.0,
    "PW1_v_out": 242.0,
    "PW1_f_out": 60.0,
    "PW2_PINV_Fout": 60.0,
    "PW2_PINV_VSplit1": 121.0,
    "PW2_p_out": -1751.0,
    "ISLAND_VL1N_Main": 121.0,
    "ISLAND_VL2N_Load": 121.0,
    "ISLAND_FreqL1_Main": 60.0,
    "METER_X_CTA_InstRealPower": -298.0,
    "METER_X_CTB_InstRealPower": -298.0,
    "METER_X_VL1N": 121.0,
    "grid_status": 1,
}


@pytest.mark.parametrize("way", WAYS)
async def test_packs_are_the_same(way, house, send_request):
    reported = await (await send_request(way))("/pod")

    serials = [pack.serial for pack in house.gateway.hardware.packs]
    assert [reported[f"PW{n}_PackageSerialNumber"] for n in (1, 2)] == serials
    for n in (1, 2):
        assert reported[f"PW{n}_POD_nom_energy_remaining"] == pytest.approx(7000, abs=2)
        assert reported[f"PW{n}_POD_nom_full_pack_energy"] == pytest.approx(14000, abs=2)
        assert reported[f"PW{n}_pinv_state"] == "PINV_GridFollowing"
        assert reported[f"PW{n}_pinv_grid_state"] == "Grid_Compliant"
    assert reported["nominal_full_pack_energy"] == 28000
    assert reported["nominal_energy_remaining"] == pytest.approx(14000, abs=4)
    assert reported["backup_reserve_percent"] == pytest.approx(20)


@pytest.mark.parametrize("way", WAYS)
async def test_strings_are_the_same(way, send_request):
    reported = await (await send_request(way))("/strings")

    assert list(reported) == ["A", "A1", "B", "B1", "C", "C1", "D", "D1"]
    assert sum(string["Power"] for string in reported.values()) == pytest.approx(5004, abs=4)
    assert all(string["Connected"] and string["State"] == "PV_Active" for string in reported.values())
    assert reported["A"]["Voltage"] == 280
    assert reported["D1"]["Voltage"] == 295


@pytest.mark.parametrize("way", WAYS)
async def test_temperatures_and_alerts_are_the_same(way, send_request):
    get = await send_request(way)

    assert await get("/temps/pw") == {"PW1_temp": 25, "PW2_temp": 26}
    assert "SystemConnectedToGrid" in await get("/alerts/pw")
    assert {key.split("--")[0] for key in await get("/vitals")} >= {
        "STSTSM",
        "TETHC",
        "TEPOD",
        "TEPINV",
        "PVAC",
        "PVS",
        "TESYNC",
    }


@pytest.mark.parametrize("way", WAYS)
async def test_identity_and_mode_are_the_same(way, house, send_request):
    get = await send_request(way)

    assert (await get("/api/status"))["din"] == house.din
    assert (await get("/version"))["version"] == "21.44 223a56cd"
    assert await get("/pw/get_mode") == {"mode": "self_consumption"}
    assert (await get("/api/site_info/site_name"))["site_name"] == "Home Energy Gateway"
    assert (await get("/api/sitemaster"))["running"] is True
    assert (await get("/api/powerwalls"))["gateway_din"] == house.din


@pytest.mark.parametrize("way", WAYS)
async def test_what_can_be_set_reads_the_same(way, send_request):
    get = await send_request(way)

    assert await get("/control/mode") == {"mode": "self_consumption"}
    assert await get("/control/reserve") == {"reserve": pytest.approx(20)}
    if way != "local":  # the local API does not report the rules
        assert await get("/control/grid_charging") == {"grid_charging": False}
        assert await get("/control/grid_export") == {"grid_export": "battery_ok"}


@pytest.mark.parametrize("way", WRITERS)
async def test_setting_does_the_same_to_the_house(way, house, command):
    """Percent of the app's scale in, the gateway's own scale there, the app's scale read back."""
    post = await command(way)

    reserve, mode = await post("reserve", "30"), await post("mode", "backup")

    assert (reserve.status, mode.status) == (200, 200)
    assert (house.plant.reserve, house.plant.mode) == (pytest.approx(33.5), "backup")


async def test_who_can_only_read_says_so_and_sets_nothing(house, command):
    answer = await (await command("tedapi"))("reserve", "30")

    assert answer.status == 404
    assert house.writes == []


@pytest.mark.parametrize("way", WAYS)
async def test_reading_changes_nothing_at_the_gateway(way, house, send_request):
    get = await send_request(way)

    for path in ("/aggregates", "/vitals", "/pod", "/api/status", "/api/operation"):
        await get(path)

    assert house.writes == []
