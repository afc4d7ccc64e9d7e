"""PW1 is the same pack whatever is fetched first, after every start, and at every address."""

from __future__ import annotations

import json

import pytest

from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until
from tests.drivers.vitals_wire import encode_vitals
from tests.metrics.reading import settled

PATH = "/api/system_status"


def block(serial, part="3012170-05-B"):
    return {"PackagePartNumber": part, "PackageSerialNumber": serial}


def name(serial):
    return f"3012170-05-B--{serial}"


def shows(sim, *blocks):
    """Let the gateway list these blocks."""
    sim.clear_faults()
    sim.answers(path=PATH, body={"battery_blocks": list(blocks)})


async def numbers(proxy, clock):
    """The serial number of each pack, by its number."""
    await pass_time(clock, proxy, 10)
    pod = (await proxy.get("/pod")).json()
    suffix = "_PackageSerialNumber"
    return {key.removesuffix(suffix): pod[key] for key in pod if key.endswith(suffix) and pod[key]}


@pytest.fixture
async def gateway(clock):
    """A gateway whose blocks are all that names its packs."""
    async with SimulatedGateway("fw23_44", clock=clock.clock) as sim:
        yield sim


@pytest.fixture
def kept(tmp_path):
    async def kept():
        path = tmp_path / "state" / "packs.json"
        await until(path.exists)
        return json.loads(path.read_text())

    return kept


@pytest.mark.parametrize("nameless", [block("", ""), block(""), {}, {"PackageSerialNumber": None}])
async def test_a_block_without_a_serial_number_takes_no_number(start, gateway, clock, nameless):
    """A gateway that starts lists its packs before it knows them."""
    shows(gateway, nameless, block("B"))
    proxy = await start(gateway)
    assert await numbers(proxy, clock) == {}

    shows(gateway, block("A"), block("B"))

    assert await numbers(proxy, clock) == {"PW1": "A", "PW2": "B"}

    shows(gateway, block("B"), nameless)
    assert await numbers(proxy, clock) == {"PW2": "B"}


async def test_numbers_outlive_the_process(start, gateway, clock, kept):
    shows(gateway, block("A"), block("B"))
    assert await numbers(await start(gateway), clock) == {"PW1": "A", "PW2": "B"}
    assert (await kept())[gateway.address] == [name("A"), name("B")]

    shows(gateway, block("C"), block("B"), block("A"))

    assert await numbers(await start(gateway), clock) == {"PW1": "A", "PW2": "B", "PW3": "C"}


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
async def test_the_file_of_an_earlier_release_is_found_again(start, gateway, clock, tmp_path, kept, address):
    """It had one list, for the gateway; a block without a name may have had PW1 then, and keeps it."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "packs.json").write_text(json.dumps({"default": ["--", name("B"), name("A")]}))
    shows(gateway, block("A"), block("B"), block("C"))

    host = f"{address}:{gateway.address.rpartition(':')[2]}"
    proxy = await start(gateway, host=host)

    assert await numbers(proxy, clock) == {"PW2": "B", "PW3": "A", "PW4": "C"}
    await until(lambda: "default" not in json.loads((tmp_path / "state" / "packs.json").read_text()))
    assert (await kept())[host] == ["--", name("B"), name("A"), name("C")]


async def test_another_gateway_on_the_same_folder_has_numbers_of_its_own(
    start, gateway, clock, tmp_path, kept
):
    (tmp_path / "state").mkdir()
    before = {"192.168.1.50": [name("X")], "default": [name("Y")]}
    (tmp_path / "state" / "packs.json").write_text(json.dumps(before))
    shows(gateway, block("A"))

    assert await numbers(await start(gateway), clock) == {"PW1": "A"}
    await until(lambda: gateway.address in json.loads((tmp_path / "state" / "packs.json").read_text()))
    assert await kept() == {**before, gateway.address: [name("A")]}


@pytest.mark.parametrize("first", ["/temps/pw", "/freq", "/vitals", "/api/system_status", "/metrics"])
async def test_whatever_is_fetched_first_the_blocks_number_the_packs(start, clock, sim, first):
    """The vitals list them in another order."""
    controllers = {
        f"TETHC--{name(serial)}": {"THC_AmbientTemp": celsius, "componentParentDin": "STSTSM--1--2"}
        for serial, celsius in (("B", 2.0), ("A", 1.0))
    }
    shows(sim, block("A"), block("B"))
    sim.answers(path="/api/devices/vitals", body=encode_vitals(controllers))
    proxy = await start(sim, metrics_refresh="all")

    await proxy.get(first)
    await pass_time(clock, proxy, 1)

    assert (await proxy.get("/temps/pw")).json() == {"PW1_temp": 1.0, "PW2_temp": 2.0}
    assert await numbers(proxy, clock) == {"PW1": "A", "PW2": "B"}
    series = await settled(proxy)
    assert series["powerwall_battery_temperature_celsius", "block=PW1"] == 1.0


async def test_no_pack_has_a_number_while_the_blocks_are_unknown(start, clock, sim):
    """A number that is guessed from the vitals would be another one a moment later."""
    controllers = {f"TETHC--{name('B')}": {"THC_AmbientTemp": 2.0}}
    sim.answers(path="/api/devices/vitals", body=encode_vitals(controllers))
    sim.answers(path=PATH, status=500)
    proxy = await start(sim, metrics_refresh="all")

    assert (await proxy.get("/temps/pw")).status == 503
    series = await settled(proxy)
    assert series.named("powerwall_battery_temperature_celsius") == {}
    assert (await proxy.get("/temps")).json() == {f"TETHC--{name('B')}": 2.0}
