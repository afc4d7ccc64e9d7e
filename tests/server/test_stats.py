"""/stats and /health: what scripts of the peer read, and what users want to know when a gateway fails."""

from __future__ import annotations

import asyncio
import json
import re

import pytest


async def test_stats_are_what_verify_sh_greps_for(proxy):
    """Compact JSON, no blank after the colon; the texts are never null."""
    text = (await proxy.get("/stats")).text

    assert re.search(r'"pypowerwall":"[^"]+"', text)
    assert re.search(r'"site_name":"[^"]+"', text)
    assert re.search(r'"siteid":[^,}]*', text)
    assert re.search(r'"tedapi":false', text)
    assert re.search(r'"tedapi_mode":"off"', text)


@pytest.mark.parametrize("seconds", [3 * 86400, -3600])
async def test_the_uptime_is_what_has_passed_however_the_date_was_set_meanwhile(proxy, clock, seconds):
    """A board without a battery starts with a date of before, and gets the right one from the network."""
    clock.advance(100)
    clock.set_by(seconds)

    assert (await proxy.get("/health")).json()["uptime_seconds"] == 100
    assert (await proxy.get("/stats")).json()["uptime"] == "0:01:40"


async def test_stats_know_the_keys_of_the_peer(proxy):
    stats = (await proxy.get("/stats")).json()

    assert {
        *(
            "pypowerwall",
            "mode",
            "gets",
            "posts",
            "errors",
            "timeout",
            "uri",
            "ts",
            "start",
            "clear",
            "uptime",
        ),
        *("mem", "site_name", "cloudmode", "fleetapi", "tedapi", "pw3", "tedapi_mode", "tedapi_api_version"),
        *("siteid", "config", "connection_health", "fallback_mode", "mem_cache"),
    } <= stats.keys()
    assert not [key for key, value in stats["config"].items() if not isinstance(value, str)]


async def test_requests_are_counted_by_route(proxy):
    """Whatever clients make up, the counts have no more keys than there are routes."""
    for path in ("/soe", "/soe?x=1", "/soe", "/nope", "/nope/2"):
        await proxy.get(path)
    await proxy.post("/soe")

    stats = (await proxy.get("/stats")).json()

    assert stats["uri"] == {"/soe": 4, "unmatched": 2}
    assert (stats["gets"], stats["posts"], stats["errors"]) == (5, 1, 3)
    assert (await proxy.get("/stats/clear")).json()["gets"] == 0


async def test_health_shows_what_integrations_read(proxy):
    await proxy.get("/soe")
    await proxy.get("/nope")

    health = (await proxy.get("/health")).json()

    assert health["proxy_stats"] == {
        "total_gets": 2,
        "total_posts": 0,
        "total_errors": 1,
        "total_timeouts": 0,
    }
    assert health["connection_health"]["total_successes"] == 1
    assert health["fallback_mode"]["is_fallback_mode"] is False
    assert health["cached_data"]["endpoints"]["/api/system_status/soe"]["is_expired"] is False
    assert health["endpoint_statistics"]["/soe"] == {
        "total_calls": 1,
        "successful_calls": 1,
        "failed_calls": 0,
        "success_rate_percent": 100.0,
    }


async def test_the_load_on_the_gateway_is_reported(proxy, sim, clock):
    """So that no one need suspect the proxy when a gateway limits the rate."""
    await asyncio.gather(*(proxy.get("/soe") for _ in range(50)), proxy.get("/aggregates"))

    load = (await proxy.get("/stats")).json()["gateway"]

    assert load["requests_per_minute"] == load["requests"] == len(sim.requests)
    assert load["exchanges"] == load["requests"] - sim.logins == 3  # the name of the site is the third
    assert (load["logins"], load["logins_refused"], load["refusals"]) == (sim.logins, 0, 0)
    assert load["next_try_at"] == ""

    clock.advance(61)
    assert (await proxy.get("/stats")).json()["gateway"]["requests_per_minute"] <= 1


async def test_an_outage_is_reported_with_the_next_try(proxy, sim, clock):
    await proxy.get("/soe")
    sim.answers(status=429, headers={"Retry-After": "120"})
    clock.advance(60)
    await proxy.get("/soe")

    stats = (await proxy.get("/stats")).json()
    health = (await proxy.get("/health")).json()

    assert stats["connection_health"]["is_degraded"] is True
    assert stats["fallback_mode"]["is_fallback_mode"] is True
    assert stats["gateway"]["next_try_at"] > "2025"
    assert "Paused for" in health["message"]


async def test_the_switch_of_the_peer_hides_the_counters_of_health(start, sim):
    """PW_HEALTH_CHECK=no."""
    proxy = await start(sim, health_check=False)

    assert "connection_health" not in (await proxy.get("/health")).json()


async def test_what_the_gateway_does_not_offer_is_reported(proxy, sim):
    """What it merely cannot report now is not among it."""
    sim.answers(status=404, path="/api/devices/vitals")
    sim.answers(status=503, path="/api/networks")
    await proxy.get("/strings")
    await proxy.get("/api/networks")

    offered = (await proxy.get("/stats")).json()["offered"]
    assert offered["/api/devices/vitals"] is False
    assert offered["/api/solar_powerwall"] is True
    assert "/api/networks" not in offered


async def test_a_reset_sets_counters_to_zero_and_forgets_no_reading(proxy, sim):
    await proxy.get("/soe")

    reset = (await proxy.get("/health/reset")).json()
    await proxy.get("/soe")

    assert (reset["status"], reset["cache_cleared"]) == ("reset_complete", False)
    assert (await proxy.get("/stats")).json()["gets"] == 2
    assert sim.requests_for("/api/system_status/soe") == 1
    assert (await proxy.get("/health/reset", headers={"Sec-Fetch-Site": "cross-site"})).status == 403


@pytest.mark.parametrize("path", ["/stats", "/health"])
async def test_no_secret_is_shown_nor_its_length(start, sim, path):
    proxy = await start(sim, control_secret="s3cret-of-control", lan_password="longer than eight")
    await proxy.get("/soe")

    text = (await proxy.get(path)).text

    assert "s3cret-of-control" not in text
    assert "longer than eight" not in text
    if path == "/stats":
        config = json.loads(text)["config"]
        assert config["PW_CONTROL_SECRET"] == config["PW_PASSWORD"] == config["PW_LAN_PASSWORD"]
