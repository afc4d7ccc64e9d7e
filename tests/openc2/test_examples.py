"""OpenC2 1.0: the examples of the specification, and what they leave open."""

from __future__ import annotations

import pytest

from tests.openc2.conftest import (
    BATTERY,
    FEATURES,
    REQUEST_ID,
    V1_0,
    V1_0_ANSWER,
    reserve,
    response_of,
)


async def test_it_reports_what_it_can(controller):
    """The first example, to the byte of the Content-Type."""
    answer = await controller.send(FEATURES)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/openc2+json;version=1.0"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Request-ID"] == REQUEST_ID
    message = answer.json()
    created = message["headers"].pop("created")
    assert isinstance(created, int)
    assert created > 1_700_000_000_000
    assert message == {
        "headers": {"request_id": REQUEST_ID, "from": "powerwall", "to": ["soar.example.net"]},
        "body": {
            "openc2": {
                "response": {
                    "status": 200,
                    "results": {
                        "versions": ["1.0"],
                        "profiles": ["x-powerwall"],
                        "pairs": {
                            "query": ["features", "properties"],
                            "set": ["x-powerwall:mode", "x-powerwall:reserve", "x-powerwall:settings"],
                        },
                        "rate_limit": 60,
                    },
                }
            }
        },
    }


async def test_properties_are_reported_with_their_age(producer):
    command = {
        "action": "query",
        "target": {"properties": ["battery_percentage", "grid_status", "solar_power"]},
        "actuator": {"x-powerwall": {"gateway": "default"}},
    }

    response = await producer.send_request(command)

    reported = response["results"]["x-powerwall"]
    assert response == {"status": 200, "results": {"x-powerwall": reported}}
    assert list(reported) == ["battery_percentage", "grid_status", "solar_power", "age", "stale"]
    assert reported["battery_percentage"] == (await producer.proxy.get("/soe")).json()["percentage"]
    assert reported["solar_power"] == (await producer.proxy.get("/pw/power")).json()["solar"]
    assert reported["grid_status"] == "up"
    assert reported["stale"] is False


async def test_age_is_that_of_the_oldest_reading(producer, clock):
    await producer.send_request(BATTERY)
    clock.advance(3)
    both = {"action": "query", "target": {"properties": ["battery_percentage", "grid_status"]}}

    reported = (await producer.send_request(both))["results"]["x-powerwall"]

    assert 3 <= reported["age"] < 4
    assert reported["stale"] is False


async def test_a_value_past_its_freshness_is_marked(producer, sim, clock):
    await producer.send_request(BATTERY)
    sim.answers(status=502)
    clock.advance(10)

    reported = (await producer.send_request(BATTERY))["results"]["x-powerwall"]

    assert reported["stale"] is True
    assert reported["age"] >= 10


async def test_the_reserve_is_set(controller):
    response = await controller.send_request(reserve(command_id="b5e2"))

    assert response == {
        "status": 200,
        "results": {"x-powerwall": {"backup_reserve": 30, "mode": "self_consumption"}},
    }
    assert (await controller.proxy.get("/pw/get_reserve")).json()["reserve"] == pytest.approx(30)


async def test_an_acknowledgement_is_102_in_a_200(controller):
    """1xx of HTTP is interim: no server can finish with it. The answer repeated later has the outcome."""
    command = reserve(command_id="acked")
    command["args"]["response_requested"] = "ack"

    answer = await controller.send(command)

    assert answer.status == 200
    assert response_of(answer) == {"status": 102}
    reported = await controller.send_request(reserve(command_id="acked"))
    assert reported["results"]["x-powerwall"]["backup_reserve"] == 30


@pytest.mark.parametrize("token", ["wrong", "", None])
async def test_a_wrong_secret_sets_nothing(controller, sim, token):
    command = reserve(token=token or "")
    if token is None:
        del command["args"]

    assert await controller.send_request(command) == {
        "status": 401,
        "status_text": "control secret missing or wrong",
    }
    assert sim.requests_for("/api/operation") == 0


async def test_nothing_is_set_while_control_is_off(producer):
    assert await producer.send_request(reserve()) == {"status": 501, "status_text": "control is disabled"}


async def test_features_take_no_argument(producer):
    command = {"action": "query", "target": {"features": ["versions"]}, "args": {"start_time": 1}}

    assert await producer.send_request(command) == {
        "status": 400,
        "status_text": "query features takes no argument but response_requested=complete",
    }


async def test_what_is_not_supported_is_named(producer):
    command = {"action": "deny", "target": {"ipv4_net": "10.0.0.0/8"}}

    assert await producer.send_request(command) == {
        "status": 501,
        "status_text": "deny ipv4_net is not supported",
    }


async def test_unavailable_properties_are_named(producer):
    command = {"action": "query", "target": {"properties": ["battery_percentage", "colour"]}}

    response = await producer.send_request(command)

    reported = response["results"]["x-powerwall"]
    assert response["status"] == 200
    assert list(reported) == ["battery_percentage", "unavailable", "age", "stale"]
    assert reported["unavailable"] == ["colour"]


async def test_a_gateway_in_cooldown_is_reported_as_such(producer, sim):
    sim.answers(status=429, headers={"Retry-After": "41"})

    answer = await producer.send(BATTERY)

    wait = answer.headers["Retry-After"]
    assert 41 <= int(wait) <= 46  # a little is added, so that not all clients come back at once
    assert response_of(answer) == {
        "status": 503,
        "status_text": f"gateway in cooldown for {wait} s after HTTP 429",
    }


@pytest.mark.parametrize("kind", [V1_0, "application/json"])
async def test_transfer_1_0_carries_bare_objects(controller, kind):
    """The same with bare objects as bodies; JSON is recognised by its shape."""
    answer = await controller.bare(FEATURES, {"Content-Type": kind, "X-Request-ID": REQUEST_ID})

    assert answer.headers["Content-Type"] == V1_0_ANSWER
    assert answer.headers["X-Request-ID"] == REQUEST_ID
    assert answer.json()["status"] == 200
    assert answer.json()["results"]["profiles"] == ["x-powerwall"]
