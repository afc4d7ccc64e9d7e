"""A process that dies while it refreshes tokens: no crash costs a login."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.core.errors import GatewayError
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.sign_in import TokenEndpoint
from proxy.drivers.cloud.token_file import TokenFile
from proxy.drivers.cloud.token_store import TokenStore
from proxy.drivers.cloud.tokens import FleetFormat
from tests.drivers.cloud.conftest import HOUR, TOKEN, is_good

STEPS = ("created", "written", "synchronised", "renamed", "durable")


class PowerFailed(Exception):
    """The process is gone."""


async def crash_at(step: str | None, store_of, cloud, folder) -> None:
    """Run a refresh in a process that dies after a step of it; None is a death before the request."""
    if step is None:
        return
    if step == "sent":
        cloud.trouble("lost-refresh")

    def write(file, document):
        if step == "answered":
            raise PowerFailed
        for done in file.replacing(document):
            if done == step:
                raise PowerFailed

    store = store_of(write=write)
    with pytest.raises((PowerFailed, GatewayError)):
        await store.renew(folder.read()["access_token"])


@pytest.mark.parametrize("step", [None, "sent", "answered", *STEPS])
async def test_a_crash_at_any_step_of_a_refresh_costs_no_login(open_store, cloud, folder, clock, step):
    """The file is whole afterwards, and the next process gets a token that the cloud takes."""
    folder.sign_in(cloud)
    clock.advance(9 * HOUR)
    await crash_at(step, open_store, cloud, folder)

    assert folder.read()["CLIENT_ID"]
    assert is_good(cloud, await open_store().access())


@given(steps=st.lists(st.sampled_from([None, "sent", "answered", *STEPS]), min_size=1, max_size=6))
@settings(
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_series_of_crashes_within_a_day_costs_a_login(steps, tmp_path_factory):
    """One after the other, in any order; an hour between them."""
    from tests.clock import ShiftedLoop

    async def series() -> None:
        from proxy.sim.cloud.server import SimulatedCloud
        from tests.clock import TestClock
        from tests.drivers.cloud.conftest import Folder

        clock = TestClock(asyncio.get_running_loop())
        folder = Folder(tmp_path_factory.mktemp("auth"))
        async with SimulatedCloud(clock=clock.clock, tls=False) as cloud:
            cloud.house.gateway.speed = 0
            sessions: list[CloudHttp] = []

            def store_of(**options) -> TokenStore:
                sessions.append(CloudHttp(clock.clock.monotonic, timeout_s=5.0))
                endpoint = TokenEndpoint(sessions[-1], cloud.url + TOKEN, clock.clock.wall)
                return TokenStore(TokenFile(folder.fleet), FleetFormat(), endpoint, clock.clock, **options)

            folder.sign_in(cloud)
            clock.advance(9 * HOUR)
            for step in steps:
                await crash_at(step, store_of, cloud, folder)
                cloud.sign_in.expire_access()
                clock.advance(HOUR)
            access = await store_of().renew(folder.read()["access_token"])
            good = is_good(cloud, access)
            for http in sessions:
                await http.close()
        assert good

    with asyncio.Runner(loop_factory=ShiftedLoop) as runner:
        runner.run(series())


async def test_a_killed_process_leaves_nothing_that_stops_the_next_one(open_store, cloud, folder, clock):
    """A half-written file beside the real one, and a lock file that no process holds."""
    folder.sign_in(cloud)
    half = folder.fleet.with_name(".pypowerwall.fleetapi.new")
    half.write_text("{")
    folder.fleet.with_name(".pypowerwall.fleetapi.lock").write_text("")
    clock.advance(9 * HOUR)

    assert is_good(cloud, await open_store().access())
    assert not half.exists()
