"""A lost gateway is found again by the proxy itself (PW_TEDAPI_RECOVERY), without a request of a client."""

from __future__ import annotations

import pytest

from proxy.sim.server import SimulatedGateway
from proxy.sim.tedapi.state import KeyState
from tests.clock import pass_time
from tests.drivers.houses import FULL, HYBRID, knows


@pytest.fixture
async def gateway(clock):
    """A gateway whose local API lacks vitals."""
    async with SimulatedGateway("fw23_44", clock=clock.clock) as sim:
        yield sim


async def states(proxy):
    health = (await proxy.get("/health")).json()
    return {link["driver"]: link["state"] for link in health["gateways"][0]["links"]}


async def lose(gateway, proxy, clock, seconds):
    """A client that came once comes much later, in vain, and never again: nothing is refreshed for it."""
    await proxy.get("/vitals")
    await pass_time(clock, proxy, 600)
    gateway.reboot(seconds)
    assert (await proxy.get("/vitals")).status in {502, 503}
    assert (await states(proxy))["tedapi"] == "open"


@pytest.mark.parametrize("way", [FULL, HYBRID])
async def test_it_is_back_in_health_although_no_client_asks_for_it(gateway, start, clock, way):
    proxy = await start(gateway, **way)
    await lose(gateway, proxy, clock, 90)

    for _ in range(12):
        await pass_time(clock, proxy, 10)

    assert (await states(proxy))["tedapi"] == "closed"


async def test_the_looks_are_an_interval_apart(gateway, start, clock):
    proxy = await start(gateway, tedapi_probe_interval=60, **FULL)
    await lose(gateway, proxy, clock, 3600)
    (link,) = proxy.context.gateway.cache.links
    before = sum(link.exchanges.values())

    for _ in range(31):
        await pass_time(clock, proxy, 10)

    assert sum(link.exchanges.values()) - before == 5


async def test_owners_may_leave_it_to_the_clients(gateway, start, clock):
    proxy = await start(gateway, tedapi_recovery=False, **FULL)
    await lose(gateway, proxy, clock, 90)

    for _ in range(12):
        await pass_time(clock, proxy, 10)

    assert (await states(proxy))["tedapi"] == "open"
    assert (await proxy.get("/soe")).status == 200


async def test_a_refused_password_is_not_repeated(gateway, start, clock):
    """The owner has to put it right; repeating it may lock the owner out."""
    proxy = await start(gateway, password="", gw_pwd="ABCDEFGHIX")
    await proxy.get("/soe")
    requested = len(gateway.requests)

    for _ in range(12):
        await pass_time(clock, proxy, 60)

    assert len(gateway.requests) == requested


async def test_a_key_that_is_confirmed_at_last_is_noticed(wired, start, key, clock):
    """Its owner looks at /health for it, and no client may be there yet."""
    knows(wired, key, KeyState.PENDING)
    proxy = await start(wired, **key.settings())
    await proxy.get("/soe")
    assert (await states(proxy))["v1r"] == "open"

    knows(wired, key)
    for _ in range(15):
        await pass_time(clock, proxy, 10)

    assert (await states(proxy))["v1r"] == "closed"
