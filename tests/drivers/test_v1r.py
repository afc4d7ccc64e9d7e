"""v1r: signed reading over the wired network, and the Wi-Fi beside it."""

from __future__ import annotations

from tests.clock import pass_time
from tests.drivers.houses import FULL, link

SIGNED = "/tedapi/v1r"


async def test_one_round_is_a_login_and_four_signed_questions(wired, start, key, clock):
    proxy = await start(wired, **key.settings())

    for path in ("/aggregates", "/soe", "/vitals", "/freq", "/pod", "/strings"):
        assert (await proxy.get(path)).status == 200
    cold = wired.requests_for(SIGNED)
    clock.advance(6)
    await proxy.get("/aggregates")

    assert wired.logins == 1
    assert cold == 4  # configuration, firmware, controller, components
    assert wired.requests_for(SIGNED) == cold + 2
    assert wired.max_connections == 1


async def test_followers_need_the_wifi(wired, start, key):
    """The leader answers for itself only; what the others would say is said to be missing."""
    leader, follower = wired.gateway.units
    proxy = await start(wired, **key.settings())

    vitals = (await proxy.get("/vitals")).json()
    health = (await proxy.get("/health")).json()

    assert f"TEPINV--{leader}" in vitals
    assert f"TEPINV--{follower}" not in vitals
    assert "PW_WIFI_HOST" in link(health, "v1r")["units_silent"][follower]


async def test_with_the_wifi_every_unit_is_there(wired, start, key):
    proxy = await start(wired, **key.settings(wifi_host=wired.address))

    vitals = (await proxy.get("/vitals")).json()

    assert {f"TEPINV--{din}" for din in wired.gateway.units} <= set(vitals)
    assert wired.requests_for(SIGNED) == 4


async def test_it_reports_what_the_wifi_reports(wired, start, key):
    """The same questions, the same signals: temperatures and fans of the unit among them."""
    leader = wired.din
    wired, wireless = await start(wired, **key.settings()), await start(wired, **FULL)

    reported = [(await proxy.get("/vitals")).json()[f"TEPINV--{leader}"] for proxy in (wired, wireless)]

    assert reported[0] == reported[1]
    assert {"PCH_AmbientTemp", "PCH_FanSpeed_A", "PCH_FanSpeed_B"} <= set(reported[0])


async def test_the_load_on_the_gateway_is_reported(wired, start, key):
    proxy = await start(wired, **key.settings(wifi_host=wired.address))
    await proxy.get("/vitals")

    load = (await proxy.get("/stats")).json()["gateway"]

    assert load["requests"] == load["requests_per_minute"] == len(wired.requests)
    assert (load["exchanges"], load["logins"], load["logins_refused"]) == (1, 1, 0)


async def test_a_lost_wifi_costs_the_followers_and_not_the_wire(wired, start, key):
    """They rest for a minute, so that what can be had is not held up."""
    leader, follower = wired.gateway.units
    proxy = await start(wired, **key.settings(wifi_host="127.0.0.1:9"))

    assert (await proxy.get("/aggregates")).json()["solar"]["instant_power"] is not None
    vitals = (await proxy.get("/vitals")).json()
    health = (await proxy.get("/health")).json()

    assert f"TEPINV--{leader}" in vitals
    assert f"TEPINV--{follower}" not in vitals
    assert link(health, "v1r")["state"] == "closed"
    assert (
        "over the Wi-Fi: 127.0.0.1:9 does not accept a connection"
        in link(health, "v1r")["units_silent"][follower]
    )


async def test_the_wifi_stands_in_for_the_wire(wired, start, key, clock):
    proxy = await start(wired, **key.settings(wifi_host=wired.address))
    wired.answers(status=500, path=SIGNED)

    answer = await proxy.get("/aggregates")

    assert answer.status == 200
    health = (await proxy.get("/health")).json()
    assert "500" in link(health, "v1r")["cooldowns"]["controller"]["reason"]
    signed = wired.requests_for(SIGNED)
    wired.clear_faults()
    await pass_time(clock, proxy, 12)
    assert (await proxy.get("/aggregates")).status == 200
    assert wired.requests_for(SIGNED) > signed


async def test_the_certificate_is_pinned_although_the_library_does_not_care(wired, start, key, clock):
    proxy = await start(wired, **key.settings())
    await proxy.get("/soe")
    requested = len(wired.requests)

    wired.renew_certificate()
    clock.advance(31)
    answer = await proxy.get("/soe")

    assert answer.status == 503
    assert "another certificate" in answer.json()["detail"]
    assert len(wired.requests) == requested
