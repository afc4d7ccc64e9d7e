"""The routes of pypowerwall-server about gateways and totals, with one gateway."""

from __future__ import annotations

import pytest

from tests.clock import settled

METERS = "/api/meters/aggregates"


async def test_a_gateway_is_an_object_of_all_that_it_reports(proxy, sim):
    """Under the id default; powers, charge on both scales, mode, identity, and how it is reached."""
    objects = (await proxy.get("/api/gateways/")).json()
    one = (await proxy.get("/api/gateways/default")).json()

    assert list(objects) == ["default"]
    assert one["gateway"]["host"] == sim.address
    assert (one["online"], one["error"]) == (True, None)
    data = one["data"]
    raw = (await proxy.get("/soe")).json()["percentage"]
    assert (data["soe_raw"], data["soe"]) == (raw, pytest.approx((raw - 5) / 0.95))
    assert data["aggregates"] == (await proxy.get("/aggregates")).json()
    assert (data["grid_status"], data["mode"], data["reserve"]) == (
        "UP",
        "self_consumption",
        pytest.approx(20),
    )
    assert (data["device_type"], data["connection_mode"], data["tedapi_mode"]) == ("teg", "Local", None)
    assert data["version"] == "21.44 223a56cd"


async def test_parts_of_a_gateway_are_what_the_bare_routes_show(proxy):
    for part in ("vitals", "strings", "aggregates"):
        answer = await proxy.get(f"/api/gateways/default/{part}")

        assert answer.json() == (await proxy.get(f"/{part}")).json()
        assert answer.headers["Age"] == "0"


async def test_a_path_of_the_gateway_is_read_from_the_cache_in_its_own_bytes(proxy, sim):
    """Whatever a client names: only rows of readings exist, and none is requested twice."""
    await proxy.get(METERS)
    before = len(sim.requests)

    raw = await proxy.get("/api/gateways/default/api/meters/aggregates")

    assert raw.body == (await proxy.get(METERS)).body
    assert len(sim.requests) == before
    assert (await proxy.get("/api/gateways/default/api/operation")).json()["backup_reserve_percent"] == 24
    for path in ("logout", "login/Basic", "nope", "../config", "sitemaster/stop", "%2e%2e/x"):
        assert (await proxy.get(f"/api/gateways/default/api/{path}")).status in {400, 404}
    assert (await proxy.post("/api/gateways/default/api/operation", json={})).status == 405
    assert sim.writes == []


@pytest.mark.parametrize("rest", ["", "/vitals", "/strings", "/aggregates", "/api/status", "/nope"])
async def test_an_unknown_gateway_is_named(proxy, rest):
    answer = await proxy.get(f"/api/gateways/nope{rest}")

    assert (answer.status, answer.json()["detail"]) == (404, "Gateway nope not found")


@pytest.mark.parametrize("path", ["/api/gateways", "/api/aggregate", "/tedapi/"])
async def test_both_spellings_of_a_folder_are_served(proxy, path):
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"

    assert (await proxy.get(path)).json().keys() == (await proxy.get(other)).json().keys()


async def test_a_template_is_no_path(proxy):
    assert (await proxy.get("/api/gateways/{id}/vitals")).status in {400, 404}


async def test_totals_of_one_gateway_are_its_own(proxy):
    power, one = (await proxy.get("/api/aggregate/power")).json(), (await proxy.get("/pw/power")).json()
    total = (await proxy.get("/api/aggregate/")).json()
    soe = (await proxy.get("/api/aggregate/soe")).json()

    assert {name: power[name] for name in one} == one
    assert power["grid"] == power["site"] == total["total_grid_power"]
    assert (
        soe["raw_percentage"]
        == total["total_battery_percent_raw"]
        == (await proxy.get("/soe")).json()["percentage"]
    )
    assert (soe["num_gateways"], total["num_gateways"], total["num_degraded"]) == (1, 1, 0)
    assert total["gateways"].keys() == {"default"}
    assert "missing" not in total


async def test_a_power_is_requested_for_powers_only(proxy, sim):
    """What an address costs the gateway is what it shows."""
    await proxy.get("/api/aggregate/power")

    assert [
        record.path
        for record in sim.requests
        if record.path.startswith("/api/") and "login" not in record.path
    ] == [METERS]


async def test_a_gateway_that_is_away_is_shown_offline_and_then_without_data(proxy, sim, clock):
    """Its last readings are shown for PW_CACHE_TTL, marked by the time of the last success."""
    fresh = (await proxy.get("/api/gateways/default")).json()
    sim.answers(status=503)
    clock.advance(12)

    stale = (await proxy.get("/api/gateways/default")).json()
    total = (await proxy.get("/api/aggregate/")).json()
    clock.advance(30)
    gone = (await proxy.get("/api/gateways/default")).json()

    assert (stale["online"], stale["data"]["aggregates"]) == (False, fresh["data"]["aggregates"])
    assert stale["data"]["timestamp"] <= stale["last_updated"] < fresh["last_updated"] + 1
    assert (total["num_online"], total["num_degraded"]) == (0, 1)
    assert (gone["online"], gone["data"]) == (False, None)
    assert gone["last_updated"] == pytest.approx(stale["last_updated"])
    assert gone["error"]


async def test_nothing_known_is_an_error_and_not_zero(proxy, sim):
    sim.answers(status=503)

    for path in ("", "power", "soe", "battery", "strings", "alerts", "vitals"):
        assert (await proxy.get(f"/api/aggregate/{path}")).status == 503
    assert (await proxy.get("/battery")).status == 503
    assert (await proxy.get("/api/gateways/")).json()["default"]["data"] is None


async def test_nothing_known_is_zero_where_the_operator_wants_it(start, sim):
    """PW_LEGACY_ERRORS: as pypowerwall-server."""
    proxy = await start(sim, legacy_errors=True)
    sim.answers(status=503)

    total = (await proxy.get("/api/aggregate/")).json()

    assert (total["total_load_power"], total["gateways"], total["num_online"]) == (0.0, {}, 0)
    assert (await proxy.get("/api/aggregate/power")).json()["solar"] == 0.0
    assert (await proxy.get("/battery")).json() == {"power": None}
    assert (await proxy.get("/api/gateways/default/vitals")).json() == {}


async def test_objects_are_for_no_page_of_another_origin(proxy):
    """They name addresses and serial numbers; totals of powers may be shown anywhere."""
    objects = await proxy.get("/api/gateways/", headers={"Origin": "http://elsewhere.example"})
    power = await proxy.get("/api/aggregate/power", headers={"Origin": "http://elsewhere.example"})

    assert "Access-Control-Allow-Origin" not in objects.headers
    assert power.headers["Access-Control-Allow-Origin"] == "*"
    rebound = await proxy.get("/api/gateways/", headers={"Host": "evil.example"})
    assert rebound.status == 421


async def test_the_battery_is_its_power(proxy):
    assert (await proxy.get("/battery")).json() == {"power": (await proxy.get("/pw/power")).json()["battery"]}


async def test_the_broker_is_reported_off(proxy):
    answer = (await proxy.get("/api/mqtt/status")).json()

    assert (answer["enabled"], answer["connected"], answer["host"]) == (False, False, None)


async def test_the_tariff_is_an_error_with_its_reason(proxy):
    """As from pypowerwall-server without a connection to the cloud."""
    answer = await proxy.get("/api/tesla/tariff_rate")

    assert (answer.status, "tariff" in answer.json()["detail"]) == (503, True)


async def test_the_console_leads_to_the_status_page(start, sim):
    """Also under a prefix, whatever the Host says: the address is relative."""
    proxy = await start(sim, base_url="/power/")

    answer = await proxy.get("/power/console")

    assert (answer.status, answer.headers["Location"]) == (302, "status")


async def test_routes_that_no_client_uses_cost_the_gateway_nothing(proxy, sim):
    await settled()

    assert sim.requests == []
