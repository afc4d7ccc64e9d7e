"""Every answer that Tesla's servers are known to give when something is wrong, on demand."""

from __future__ import annotations

import aiohttp
import pytest

from proxy.sim.cloud.sign_in import OWNER
from proxy.sim.cloud.troubles import TROUBLES

_WITH_STATUS = {
    name: fault for name, fault in TROUBLES.items() if fault.status and fault.path != "/oauth2/v3/token"
}


@pytest.mark.parametrize("name", _WITH_STATUS)
async def test_a_trouble_is_answered_until_it_heals(cloud, call, name):
    caller = await call()
    cloud.trouble(name)

    struck = await caller.site("live_status")
    cloud.heal()

    assert struck.status == _WITH_STATUS[name].status
    assert (await caller.site("live_status")).response["load_power"] is not None


async def test_a_trouble_can_be_changed(cloud, call):
    """A date in Retry-After instead of seconds, twice."""
    caller = await call()
    date = "Thu, 09 Oct 2025 09:00:00 GMT"
    cloud.trouble("rate-limit-seconds", headers={"Retry-After": date}, times=1)

    struck, after = await caller.site("live_status"), await caller.site("live_status")

    assert (struck.status, struck.headers["Retry-After"]) == (429, date)
    assert after.status == 200


async def test_the_answer_to_a_refresh_is_lost_after_the_rotation(cloud, call):
    """The client sees a broken connection; the old token is good for its repetition."""
    caller = await call()
    form = {
        "grant_type": "refresh_token",
        "client_id": OWNER,
        "refresh_token": cloud.log_in()["refresh_token"],
    }
    cloud.trouble("lost-refresh")

    with pytest.raises(aiohttp.ClientError):
        await caller.sign_in(**form)

    assert cloud.sign_in.refreshes == 1
    assert (await caller.sign_in(**form)).status == 200


async def test_the_answer_to_a_write_is_lost_after_it_was_taken(cloud, call, clock):
    caller = await call()
    cloud.trouble("lost-write")

    with pytest.raises(aiohttp.ClientError):
        await caller.write("operation", {"default_real_mode": "backup"})
    clock.advance(11)
    cloud.heal()

    assert (await caller.site("site_info")).response["default_real_mode"] == "backup"


async def test_a_gateway_without_internet_is_reported_as_offline(cloud, call):
    cloud.site.is_online = False

    assert (await (await call()).site("live_status")).status == 408


async def test_a_site_with_a_new_id_is_unknown_under_the_old_one(cloud, call):
    caller = await call()
    old = cloud.site.site_id
    cloud.rename_site(old, 42)

    assert (await caller.get(f"energy_sites/{old}/live_status")).status == 404
    assert (await caller.site("live_status")).status == 200
