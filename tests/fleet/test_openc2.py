"""OpenC2 with several gateways: a command names the one that it is meant for, or means the default one."""

import pytest

from proxy.config.gateway_settings import SiteSettings
from proxy.openc2.settings import OpenC2Settings
from tests.fleet.conftest import gateway
from tests.openc2.conftest import KEY, SECRET, Producer, reserve

POWER = {"action": "query", "target": {"properties": ["load_power"]}}


def of(id_, command=POWER, specifier="gateway"):
    return {**command, "actuator": {"x-powerwall": {specifier: id_}}}


@pytest.fixture
async def producer(serve, sims):
    sims["house"].pin(load=1000.0)
    sims["garage"].pin(load=300.0)
    listed = [gateway(id_, sim, site="home") for id_, sim in sims.items()]
    features = {"openc2_key": KEY, "openc2_insecure": True, "control_secret": SECRET}
    proxy = await serve(listed, sites=[SiteSettings("home", "Home")], **features)
    assert proxy.context.settings.of(OpenC2Settings).openc2_key == KEY
    return Producer(proxy)


async def load(producer, command):
    return (await producer.send_request(command))["results"]["x-powerwall"]["load_power"]


async def test_each_gateway_and_each_total_is_queried_by_its_id(producer):
    assert await load(producer, POWER) == pytest.approx(1000, abs=1)
    assert await load(producer, of("garage")) == pytest.approx(300, abs=1)
    assert await load(producer, of("garage", specifier="asset_id")) == pytest.approx(300, abs=1)
    assert await load(producer, of("home")) == pytest.approx(1300, abs=2)


async def test_the_draft_names_a_gateway_by_its_asset(producer):
    query = {"id": "1", "action": "query", "target": {"property": {"name": "load_power"}}}
    about = {"actuator": {"endpoint_smart_meter": {"asset_id": "garage"}}}

    default, garage = [(await producer.draft({**query, **each})).json()["results"] for each in ({}, about)]

    assert default["load_power"] == pytest.approx(1000, abs=1)
    assert garage["load_power"] == pytest.approx(300, abs=1)


async def test_an_unknown_gateway_is_answered_with_those_that_there_are(producer):
    answer = await producer.send_request(of("cabin"))

    assert answer["status"] == 404
    assert answer["status_text"] == "cabin is no gateway here; house, garage, home are"


async def test_a_command_changes_the_gateway_that_it_names_and_no_other(producer, sims):
    """The same id for another gateway is another command, which is refused."""
    answer = await producer.send_request(of("garage", reserve(40, command_id="1")))
    other = await producer.send_request(of("house", reserve(40, command_id="1")))

    assert answer["status"] == 200
    assert answer["results"]["x-powerwall"]["backup_reserve"] == 40
    assert other["status"] == 400
    assert [id_ for id_, sim in sims.items() if sim.writes] == ["garage"]


async def test_a_total_cannot_be_set(producer, sims):
    answer = await producer.send_request(of("home", reserve(40)))
    pairs = (await producer.send_request(of("home", {"action": "query", "target": {"features": ["pairs"]}})))[
        "results"
    ]

    assert answer["status"] == 501
    assert "set" not in pairs["pairs"]
    assert not any(sim.writes for sim in sims.values())
