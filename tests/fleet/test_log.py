"""The log of a proxy with several gateways names the one that a line is about."""

import io
import logging

import pytest

from proxy.logs.format import LogHandler
from proxy.sim.faults import Fault
from tests.fleet.conftest import gateway, settings_for
from tests.server.control.conftest import BEARER, SECRET


@pytest.fixture
def log(sims, tmp_path, clock):
    """What the program writes with two gateways: the lines about some event, without what stands before their fields."""
    stream = io.StringIO()
    listed = [gateway(id_, sim) for id_, sim in sims.items()]
    handler = LogHandler(settings_for(listed, tmp_path), stream, clock.clock.monotonic)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)

    def about(event):
        return [line.partition(event)[2].strip() for line in stream.getvalue().splitlines() if event in line]

    yield about
    root.removeHandler(handler)
    root.setLevel(level)


async def test_gateways_that_go_and_return_are_named_each(serve, sims, clock, log):
    """With the same cause at the same moment: neither line stands for the other."""
    proxy = await serve([gateway(id_, sim) for id_, sim in sims.items()])
    for sim in sims.values():
        sim.faults.add(Fault(action="refuse"))
    for id_ in sims:
        await proxy.get(f"/gateways/{id_}/aggregates")
    for sim in sims.values():
        sim.clear_faults()
    clock.advance(120)
    for id_ in sims:
        await proxy.get(f"/gateways/{id_}/aggregates")

    assert [line.split()[-1] for line in log("gateway unreachable")] == ["gateway=house", "gateway=garage"]
    assert [line.split()[-1] for line in log("gateway recovered")] == ["gateway=house", "gateway=garage"]


async def test_a_command_is_an_account_of_its_gateway(serve, sims, log):
    proxy = await serve([gateway(id_, sim) for id_, sim in sims.items()], control_secret=SECRET)
    await proxy.post("/gateways/garage/control/reserve", json={"value": 33}, headers=BEARER)

    (line,) = log(" command ")
    assert "reserve" in line
    assert line.endswith("gateway=garage")
