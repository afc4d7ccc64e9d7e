"""What the cloud refuses is not repeated by a process that is started again: the account is the owner's."""

from __future__ import annotations

from itertools import pairwise

import pytest

from proxy.sim.faults import Fault
from tests.clock import pass_time

HOUR_S = 3600
REFUSALS = {400, 401, 403, 423, 429}


def refuse(cloud, clock, mode, status) -> None:
    """Refuse the refresh token, or whatever token a read comes with."""
    if mode == "static":
        cloud.faults.add(Fault("/api/1/*", status=status, headers={"Retry-After": "1"}))
    else:
        cloud.sign_in.revoke()
        cloud.sign_in.refusal_status = status
        clock.advance(9 * HOUR_S)


def refused(cloud) -> list[float]:
    return [record.time for record in cloud.requests if record.status in REFUSALS]


@pytest.mark.parametrize(
    ("mode", "status"),
    [("static", 401), ("static", 403), ("static", 423), ("fleet", 401), ("owner", 400)],
)
async def test_a_refusal_is_hardly_repeated_over_restarts(connect, cloud, clock, mode, status):
    """Twice in the first minute and nine times in the first hour, with forty processes one after the other."""
    proxy = await connect(cloud, mode)
    refuse(cloud, clock, mode, status)

    for number in range(40):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 5 if number < 20 else 170)
        proxy = await connect(cloud, mode, anew=False)

    times = refused(cloud)
    assert times
    assert sum(moment < times[0] + 60 for moment in times) <= 2
    assert len(times) <= 9


async def test_a_limit_of_requests_holds_for_the_next_process(connect, cloud, clock):
    """As long as the cloud wants, which may be hours."""
    cloud.faults.add(Fault("/api/1/*", status=429, headers={"Retry-After": "7200"}))
    for _ in range(10):
        proxy = await connect(cloud, "static")
        await proxy.get("/soe")
        await pass_time(clock, proxy, 600)
    assert len(refused(cloud)) == 1

    cloud.faults.clear()
    clock.advance(3100)  # a wait is prolonged by up to a quarter, so that not all come back together

    proxy = await connect(cloud, "static")
    assert (await proxy.get("/soe")).status == 200


async def test_a_limit_without_a_reason_to_wait_is_a_limit(connect, cloud, clock):
    """Ten seconds pass at least, also where the cloud wants one."""
    cloud.faults.add(Fault("/api/1/*", status=429, headers={"Retry-After": "1"}))
    for _ in range(18):
        proxy = await connect(cloud, "static")
        await proxy.get("/soe")
        await pass_time(clock, proxy, 3)

    times = refused(cloud)
    assert len(times) > 1
    assert min(later - earlier for earlier, later in pairwise(times)) >= 10


async def test_a_new_sign_in_is_used_at_once_by_the_next_process(connect, cloud, clock):
    proxy = await connect(cloud, "fleet")
    refuse(cloud, clock, "fleet", 401)
    assert (await proxy.get("/soe")).status == 503

    proxy = await connect(cloud, "fleet")

    assert (await proxy.get("/soe")).status == 200


async def test_pauses_that_cannot_be_read_may_have_been_long(connect, cloud, clock, tmp_path):
    """A quarter of an hour passes without a request."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "cloud-pauses.json").write_text("{damaged")

    proxy = await connect(cloud, "static")
    early = await proxy.get("/soe")
    await pass_time(clock, proxy, 1200)

    assert early.status == 502
    assert "cloud-pauses.json cannot be read" in early.json()["detail"]
    assert (await proxy.get("/soe")).status == 200
