"""A site that is read through its gateway and through Tesla's cloud: which of them answers, and when."""

from __future__ import annotations

import pytest

from proxy.mqtt.facts import SLOW
from proxy.sim.faults import Fault
from tests.clock import pass_time
from tests.cloud.conftest import at, named


async def test_the_gateway_is_read_and_the_cloud_is_not(connect, house, both, clock):
    """As long as the gateway responds, no request is sent to the cloud, neither for clients nor for a broker."""
    proxy = await connect(both, **at(house))

    for path in (
        "/aggregates",
        "/soe",
        "/csv/v2",
        "/vitals",
        "/json",
        "/metrics",
        "/health",
        "/ready",
        "/api/operation",
        "/api/gateways/",
    ):
        assert (await proxy.get(path)).status == 200
    await proxy.context.gateways["default"].cache.get(SLOW)
    await pass_time(clock, proxy, 60)

    assert both.api_requests == 0
    assert (await proxy.get("/stats")).json()["mode"] == "Local"


async def test_the_cloud_stands_in_while_the_gateway_fails(connect, house, both, clock):
    """Its readings are used once the gateway's own may not be served any more, and given up when it is back."""
    proxy = await connect(both, **at(house))
    await proxy.get("/soe")
    house.faults.add(Fault(action="refuse"))
    await pass_time(clock, proxy, 31)

    stand_in = await proxy.get("/soe")
    house.clear_faults()
    house.plant.set_charge(70)
    await pass_time(clock, proxy, 31)
    await pass_time(clock, proxy, 1)
    own = await proxy.get("/soe")

    assert stand_in.status == 200
    assert named(both).count("live_status") == 1
    assert own.json()["percentage"] == pytest.approx(70)


async def test_a_newer_reading_of_the_gateway_is_not_replaced_by_an_older_one(connect, house, both, clock):
    """The cloud's copy is from before: the gateway's last reading is served until it expires."""
    proxy = await connect(both, **at(house))
    both.site.lag_s = 3600
    both.site.live()
    clock.advance(100)
    await proxy.get("/soe")
    house.faults.add(Fault(action="refuse"))

    await pass_time(clock, proxy, 10)
    answer = await proxy.get("/soe")

    assert (answer.status, answer.headers["Age"]) == (200, "10")


async def test_nothing_is_read_from_the_cloud_where_failover_is_off(connect, house, both, clock):
    proxy = await connect(both, **at(house, failover=False))
    house.faults.add(Fault(action="refuse"))

    answer = await proxy.get("/soe")

    assert answer.status == 502
    assert both.api_requests == 0


async def test_a_hybrid_reads_from_the_cloud_what_the_gateway_does_not_offer(connect, house, both):
    """Firmware 23.44 reports no vitals; the cloud knows the controller and its alerts."""
    plain = await connect(both, **at(house))
    assert (await plain.get("/vitals")).json() == {}

    hybrid = await connect(both, **at(house, cloud_hybrid=True))
    vitals = (await hybrid.get("/vitals")).json()
    hours = (await hybrid.get("/pw/get_time_remaining")).json()["time_remaining"]

    assert hours > 0
    assert named(both).count("backup_time_remaining") == 0  # the gateway reports the energy itself
    assert [name.partition("--")[0] for name in vitals] == ["STSTSM"]
