"""OpenC2 language 1.0 over HTTPS transfer 1.1 and 1.0."""

from __future__ import annotations

import asyncio
import json

import pytest

from proxy.server.openc2 import RATE
from tests.clock import until
from tests.openc2.conftest import KEY, PATH, REQUEST_ID, SECRET, V1_0, V1_0_ANSWER, V1_1, response_of

FEATURES = {"action": "query", "target": {"features": ["versions", "profiles", "pairs", "rate_limit"]}}
BATTERY = {"action": "query", "target": {"properties": ["battery_percentage"]}}


def reserve(percent=30, token=SECRET, **others):
    return {
        "action": "set",
        "target": {"x-powerwall:reserve": percent},
        "args": {"x-powerwall": {"token": token}},
        **others,
    }


# -- examples of the specification --------------------------------------------------------------


async def test_capabilities(controller):
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


async def test_properties(producer, sim):
    command = {
        "action": "query",
        "target": {"properties": ["battery_percentage", "grid_status", "solar_power"]},
        "actuator": {"x-powerwall": {"gateway": "default"}},
    }

    response = await producer.ask(command)

    told = response["results"]["x-powerwall"]
    assert response == {"status": 200, "results": {"x-powerwall": told}}
    assert list(told) == ["battery_percentage", "grid_status", "solar_power", "age", "stale"]
    assert told["battery_percentage"] == (await producer.proxy.get("/soe")).json()["percentage"]
    assert told["solar_power"] == (await producer.proxy.get("/pw/power")).json()["solar"]
    assert told["grid_status"] == "up"
    assert told["stale"] is False


async def test_age_is_that_of_the_oldest_reading(producer, clock):
    await producer.ask(BATTERY)
    clock.advance(3)
    both = {"action": "query", "target": {"properties": ["battery_percentage", "grid_status"]}}

    told = (await producer.ask(both))["results"]["x-powerwall"]

    assert 3 <= told["age"] < 4
    assert told["stale"] is False


async def test_a_value_past_its_freshness_is_marked(producer, sim, clock):
    await producer.ask(BATTERY)
    sim.answers(status=502)
    clock.advance(10)

    told = (await producer.ask(BATTERY))["results"]["x-powerwall"]

    assert told["stale"] is True
    assert told["age"] >= 10


async def test_the_reserve_is_set(controller):
    response = await controller.ask(reserve(command_id="b5e2"))

    assert response == {
        "status": 200,
        "results": {"x-powerwall": {"backup_reserve": 30, "mode": "self_consumption"}},
    }
    assert (await controller.proxy.get("/pw/get_reserve")).json()["reserve"] == pytest.approx(30)


async def test_an_acknowledgement_is_102_in_a_200(controller):
    """1xx of HTTP is interim: no server can finish with it. The answer repeated later tells the outcome."""
    command = reserve(command_id="acked")
    command["args"]["response_requested"] = "ack"

    answer = await controller.send(command)

    assert answer.status == 200
    assert response_of(answer) == {"status": 102}
    told = await controller.ask(reserve(command_id="acked"))
    assert told["results"]["x-powerwall"]["backup_reserve"] == 30


@pytest.mark.parametrize("token", ["wrong", "", None])
async def test_a_wrong_secret(controller, sim, token):
    command = reserve(token=token or "")
    if token is None:
        del command["args"]

    assert await controller.ask(command) == {"status": 401, "status_text": "control secret missing or wrong"}
    assert sim.requests_for("/api/operation") == 0


async def test_control_is_off(producer):
    assert await producer.ask(reserve()) == {"status": 501, "status_text": "control is disabled"}


async def test_features_take_no_argument(producer):
    command = {"action": "query", "target": {"features": ["versions"]}, "args": {"start_time": 1}}

    assert await producer.ask(command) == {
        "status": 400,
        "status_text": "query features takes no argument but response_requested=complete",
    }


async def test_what_is_not_supported(producer):
    command = {"action": "deny", "target": {"ipv4_net": "10.0.0.0/8"}}

    assert await producer.ask(command) == {"status": 501, "status_text": "deny ipv4_net is not supported"}


async def test_some_properties_unavailable(producer):
    command = {"action": "query", "target": {"properties": ["battery_percentage", "colour"]}}

    response = await producer.ask(command)

    told = response["results"]["x-powerwall"]
    assert response["status"] == 200
    assert list(told) == ["battery_percentage", "unavailable", "age", "stale"]
    assert told["unavailable"] == ["colour"]


async def test_a_resting_gateway(producer, sim):
    sim.answers(status=429, headers={"Retry-After": "41"})

    answer = await producer.send(BATTERY)

    wait = answer.headers["Retry-After"]
    assert 41 <= int(wait) <= 46  # a little is added, so that not everybody comes back at once
    assert response_of(answer) == {
        "status": 503,
        "status_text": f"gateway resting for {wait} s after HTTP 429",
    }


@pytest.mark.parametrize("kind", [V1_0, "application/json"])
async def test_transfer_1_0(controller, kind):
    """The same with bare objects as bodies; JSON is told apart by its shape."""
    answer = await controller.bare(FEATURES, {"Content-Type": kind, "X-Request-ID": REQUEST_ID})

    assert answer.headers["Content-Type"] == V1_0_ANSWER
    assert answer.headers["X-Request-ID"] == REQUEST_ID
    assert answer.json()["status"] == 200
    assert answer.json()["results"]["profiles"] == ["x-powerwall"]


# -- query features -----------------------------------------------------------------------------

FEATURE_TABLE = [
    ([], 200, None),
    (["versions"], 200, {"versions": ["1.0"]}),
    (["profiles"], 200, {"profiles": ["x-powerwall"]}),
    (["pairs"], 200, {"pairs": {"query": ["features", "properties"]}}),
    (["rate_limit"], 200, {"rate_limit": RATE}),
    (["versions", "versions"], 200, {"versions": ["1.0"]}),
    (["colour"], 400, None),
    (["versions"] * 11, 400, None),
    ("versions", 400, None),
]


@pytest.mark.parametrize(("features", "status", "results"), FEATURE_TABLE)
async def test_query_features(producer, features, status, results):
    command = {"action": "query", "target": {"features": features}}

    response = await producer.ask(command)
    bare = (await producer.bare(command)).json()

    assert response == bare
    assert (response["status"], response.get("results")) == (status, results)


@pytest.mark.parametrize(
    "args",
    [
        {"response_requested": "none"},
        {"response_requested": "ack"},
        {"response_requested": "status"},
        {"duration": 1},
        {"x-powerwall": {"token": SECRET}},
    ],
)
async def test_query_features_takes_no_other_argument(producer, args):
    response = await producer.ask({**FEATURES, "args": args})

    assert response["status"] == 400


async def test_query_features_may_ask_for_the_complete_response(producer):
    response = await producer.ask({**FEATURES, "args": {"response_requested": "complete"}})

    assert response["status"] == 200


# -- status codes -------------------------------------------------------------------------------

MALFORMED = {
    "not JSON": "{",
    "empty": "",
    "a list": "[]",
    "null": "null",
    "names twice": '{"headers":{},"headers":{},"body":{"openc2":{"request":{}}}}',
    "half a character": '{"headers":{"from":"\\ud800"},"body":{"openc2":{"request":{}}}}',
    "infinite": '{"headers":{"created":1e999},"body":{"openc2":{"request":{}}}}',
    "five thousand digits": f'{{"headers":{{"created":{"1" * 5000}}},"body":{{"openc2":{{"request":{{}}}}}}}}',
    "NaN": '{"headers":{"created":NaN},"body":{"openc2":{"request":{}}}}',
    "not UTF-8": b'{"headers":{"from":"\xff"}}',
    "deep": "[" * 5000,
    "too long": json.dumps({"headers": {"from": "x" * 70_000}}),
    "a response": '{"headers":{},"body":{"openc2":{"response":{"status":200}}}}',
    "two contents": '{"headers":{},"body":{"openc2":{"request":{},"notification":{}}}}',
    "no body": '{"headers":{}}',
    "extra member": '{"headers":{},"body":{"openc2":{"request":{}}},"extra":1}',
    "from is a number": '{"headers":{"from":1},"body":{"openc2":{"request":{}}}}',
    "to is a number": '{"headers":{"to":1},"body":{"openc2":{"request":{}}}}',
    "created is a text": '{"headers":{"created":"now"},"body":{"openc2":{"request":{}}}}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_message(producer, body):
    answer = await producer.post(body)

    assert answer.status == 400
    assert answer.headers["Content-Type"] == V1_1
    assert response_of(answer)["status_text"]


WRONG_COMMANDS = {
    "no action": ({"target": {"features": []}}, 400),
    "no target": ({"action": "query"}, 400),
    "unknown action": ({"action": "frobnicate", "target": {"features": []}}, 400),
    "two targets": ({"action": "query", "target": {"features": [], "properties": ["mode"]}}, 400),
    "no properties": ({"action": "query", "target": {"properties": []}}, 400),
    "property twice": ({"action": "query", "target": {"properties": ["mode", "mode"]}}, 400),
    "65 properties": ({"action": "query", "target": {"properties": [f"p{i}" for i in range(65)]}}, 400),
    "extra field": ({**BATTERY, "extra": 1}, 400),
    "empty args": ({**BATTERY, "args": {}}, 400),
    "unknown args": ({**BATTERY, "args": {"colour": "red"}}, 400),
    "unknown response": ({**BATTERY, "args": {"response_requested": "all"}}, 400),
    "three times": ({**BATTERY, "args": {"start_time": 1, "stop_time": 2, "duration": 1}}, 400),
    "a text for a time": ({**BATTERY, "args": {"start_time": "now"}}, 400),
    "a long command_id": ({**BATTERY, "command_id": "x" * 37}, 400),
    "blanks in command_id": ({**BATTERY, "command_id": "a b"}, 400),
    "a text for a comment": ({**BATTERY, "args": {"comment": 1}}, 400),
    "an empty target of the profile": ({"action": "set", "target": {"x-powerwall": {}}}, 400),
    "a number for a gateway": ({**BATTERY, "actuator": {"x-powerwall": {"gateway": 1}}}, 400),
    "two actuators": ({**BATTERY, "actuator": {"x-powerwall": {}, "slpf": {}}}, 400),
    "unknown specifier": ({**BATTERY, "actuator": {"x-powerwall": {"colour": "red"}}}, 400),
    "unknown properties only": ({"action": "query", "target": {"properties": ["colour"]}}, 404),
    "foreign actuator": ({**BATTERY, "actuator": {"slpf": {}}}, 404),
    "foreign profile": ({**BATTERY, "profile": "slpf"}, 404),
    "unknown gateway": ({**BATTERY, "actuator": {"x-powerwall": {"gateway": "shed"}}}, 404),
    "unknown asset": ({**BATTERY, "actuator": {"x-powerwall": {"asset_id": "shed"}}}, 404),
    "other target": ({"action": "query", "target": {"file": {}}}, 501),
    "other action": ({"action": "scan", "target": {"properties": ["mode"]}}, 501),
    "later": ({**BATTERY, "args": {"start_time": 1763712345000}}, 501),
    "for a while": ({**BATTERY, "args": {"duration": 1000}}, 501),
}


@pytest.mark.parametrize(("command", "status"), WRONG_COMMANDS.values(), ids=WRONG_COMMANDS)
async def test_a_command_that_is_not_carried_out(producer, command, status):
    """Each with the status of the specification, and a text that says what would be right."""
    response = await producer.ask(command)

    assert response["status"] == status
    assert response["status_text"]
    assert "results" not in response
    assert (await producer.bare(command)).json() == response


async def test_a_signature_cannot_be_verified(producer):
    message = {"headers": {}, "body": {"openc2": {"request": BATTERY}}, "signature": "x"}

    assert response_of(await producer.post(json.dumps(message)))["status"] == 501


@pytest.mark.parametrize("key", ["", "wrong", KEY + "x", "ü", None])
async def test_without_the_key_nothing_is_told(producer, sim, key):
    """But to which command this is the answer: the id is the producer's own, and goes to nobody else."""
    answer = await producer.send(FEATURES, {"Authorization": None if key is None else f"Bearer {key}"})

    assert response_of(answer) == {"status": 401, "status_text": "key missing or wrong"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["X-Request-ID"] == REQUEST_ID
    assert len(sim.requests) == 0


async def test_the_key_may_stand_in_a_header_of_its_own(producer):
    answer = await producer.send(FEATURES, {"Authorization": None, "oc2-api-key": KEY})

    assert answer.status == 200


async def test_two_keys_must_both_be_right(producer):
    assert (await producer.send(FEATURES, {"oc2-api-key": KEY})).status == 200
    assert (await producer.send(FEATURES, {"oc2-api-key": "other"})).status == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_only_post(producer, method):
    answer = await producer.proxy.request(method, PATH)

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


async def test_guesses_are_slowed_down(producer, clock):
    """As on /control: after ten wrong keys an address waits, with the right key too."""
    wrong = (producer.send(FEATURES, {"Authorization": "Bearer wrong"}) for _ in range(10))
    guesses = asyncio.gather(*wrong)
    await until(lambda: producer.proxy.context.traffic.in_flight > 8)
    clock.advance(2.5)
    assert {answer.status for answer in await guesses} == {401}

    answer = await producer.send(FEATURES)

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    clock.advance(61)
    assert (await producer.send(FEATURES)).status == 200


async def test_the_rate_limit_is_kept(producer, sim, clock):
    """Sixty commands a minute; a flood does not reach the gateway and does not delay other routes."""
    await producer.proxy.get("/soe")
    asked = len(sim.requests)
    answers = [await producer.send(BATTERY) for _ in range(RATE + 20)]

    assert [answer.status for answer in answers] == [200] * RATE + [503] * 20
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert len(sim.requests) == asked
    assert (await producer.proxy.get("/soe")).status == 200
    clock.advance(61)
    assert (await producer.send(BATTERY)).status == 200


async def test_who_has_no_key_uses_up_nothing(producer, clock):
    for _ in range(RATE):
        await producer.send(FEATURES, {"Authorization": None})

    assert (await producer.send(FEATURES)).status == 200


async def test_a_gateway_that_is_gone(serve):
    producer = await serve(host="127.0.0.1:9", password="x")

    answer = await producer.send(BATTERY)

    assert response_of(answer)["status"] == 503
    assert "Retry-After" in answer.headers


async def test_what_a_gateway_does_not_have(producer, sim):
    sim.answers(status=404, path="/api/troubleshooting/problems")

    response = await producer.ask({"action": "query", "target": {"properties": ["problems"]}})

    assert response["status"] == 404


# -- transfer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "application/openc2+json;version=1.0",
        "application/openc2+json; version=1.0",
        'application/openc2+json ; version="1.0"',
        "Application/OpenC2+JSON;Version=1.0;charset=utf-8",
        "application/openc2+json",
        "application/json",
        "application/json; charset=utf-8",
        None,
    ],
)
async def test_content_types_that_are_read(producer, kind):
    answer = await producer.send(FEATURES, {"Content-Type": kind})

    assert answer.status == 200
    assert answer.headers["Content-Type"] == V1_1


@pytest.mark.parametrize(
    "kind",
    [
        "application/openc2+cbor;version=1.0",
        "application/openc2+xml;version=1.0",
        "application/openc2+json;version=2.0",
        "application/openc2-rsp+json;version=1.0",
        "application/x-www-form-urlencoded",
        "text/plain",
    ],
)
async def test_content_types_that_are_not(producer, kind):
    answer = await producer.send(FEATURES, {"Content-Type": kind})

    assert response_of(answer)["status"] == 400
    assert response_of(answer)["status_text"]


@pytest.mark.parametrize("in_header", [True, False])
@pytest.mark.parametrize("in_message", [True, False])
async def test_request_ids(producer, in_header, in_message):
    """Whichever is given comes back, in both places; none is made up."""
    message = {
        "headers": {"request_id": "one"} if in_message else {},
        "body": {"openc2": {"request": FEATURES}},
    }
    given = in_header or in_message

    answer = await producer.post(json.dumps(message), {"X-Request-ID": "one"} if in_header else {})

    assert answer.headers.get("X-Request-ID") == ("one" if given else None)
    assert answer.json()["headers"].get("request_id") == ("one" if given else None)


async def test_the_date_is_that_of_http(producer):
    assert (await producer.send(FEATURES)).headers["Date"].endswith(" GMT")


async def test_responses_as_requested(producer):
    """Nothing, the status alone, or all; errors are told in any case."""

    async def asked(response, command=BATTERY):
        return await producer.send({**command, "args": {"response_requested": response}})

    silent = await asked("none")
    assert (silent.status, silent.body) == (200, b"")
    assert response_of(await asked("ack")) == {"status": 102}
    assert response_of(await asked("status")) == {"status": 200}
    assert "results" in response_of(await asked("complete"))
    unknown = {"action": "query", "target": {"properties": ["colour"]}}
    assert response_of(await asked("none", unknown))["status"] == 404


async def test_novelties_of_language_2_0(controller):
    """A profile instead of an actuator, nested targets and comments are understood."""
    command = {
        "action": "set",
        "target": {"x-powerwall": {"reserve": 40}},
        "profile": "x-powerwall",
        "args": {"comment": "storm is coming", "x-powerwall": {"token": SECRET}},
    }

    response = await controller.ask(command)

    assert response["results"]["x-powerwall"]["backup_reserve"] == 40


async def test_it_stays_at_the_root(serve, sim):
    """A base URL does not move the well-known path."""
    producer = await serve(sim, base_url="/powerwall/")

    assert (await producer.send(FEATURES)).status == 200


async def test_it_is_not_there_without_a_key(serve, sim):
    producer = await serve(sim, openc2_key="")

    for path in (PATH, "/oc2/", "/oc2", "/openc2/command/", "/openc2/command"):
        for method in ("POST", "GET", "OPTIONS"):
            answer = await producer.proxy.request(method, path)
            missing = await producer.proxy.request(method, path.replace("oc", "zz"))
            assert answer.status == missing.status, (method, path)
            assert answer.status in {404, 405}


@pytest.mark.parametrize("path", [PATH, "/oc2/"])
async def test_plain_http_is_refused(serve, sim, path):
    producer = await serve(sim, openc2_insecure=False)

    answer = await producer.post("{}", path=path)

    assert answer.status == 403
    assert len(sim.requests) == 0


@pytest.mark.each_loop
async def test_tls_needs_no_permission(serve, sim):
    producer = await serve(sim, openc2_insecure=False, https="yes")

    assert (await producer.send(FEATURES)).status == 200
