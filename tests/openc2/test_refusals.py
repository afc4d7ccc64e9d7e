"""OpenC2 1.0: what is not answered with 200, and who is not answered at all."""

from __future__ import annotations

import asyncio
import json

import pytest

from proxy.openc2.consumer import RATE
from tests.clock import until
from tests.openc2.conftest import (
    BATTERY,
    FEATURES,
    KEY,
    PATH,
    REQUEST_ID,
    V1_1,
    response_of,
)

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
async def test_a_malformed_message_is_refused(producer, body):
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
async def test_a_command_that_is_not_carried_out_is_answered_with_the_reason(producer, command, status):
    """Each with the status of the specification, and a text that says what would be right."""
    response = await producer.send_request(command)

    assert response["status"] == status
    assert response["status_text"]
    assert "results" not in response
    assert (await producer.bare(command)).json() == response


async def test_a_signature_cannot_be_verified(producer):
    message = {"headers": {}, "body": {"openc2": {"request": BATTERY}}, "signature": "x"}

    assert response_of(await producer.post(json.dumps(message)))["status"] == 501


@pytest.mark.parametrize("key", ["", "wrong", KEY + "x", "ü", None])
async def test_without_the_key_nothing_is_reported(producer, sim, key):
    """But to which command this is the answer: the id is the producer's own, and goes to no one else."""
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
async def test_only_post_is_taken(producer, method):
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
    requested = len(sim.requests)
    answers = [await producer.send(BATTERY) for _ in range(RATE + 20)]

    assert [answer.status for answer in answers] == [200] * RATE + [503] * 20
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert len(sim.requests) == requested
    assert (await producer.proxy.get("/soe")).status == 200
    clock.advance(61)
    assert (await producer.send(BATTERY)).status == 200


async def test_who_has_no_key_uses_up_nothing(producer):
    for _ in range(RATE):
        await producer.send(FEATURES, {"Authorization": None})

    assert (await producer.send(FEATURES)).status == 200


async def test_a_gateway_that_is_gone_says_when_to_come_back(serve):
    producer = await serve(host="127.0.0.1:9", password="x")

    answer = await producer.send(BATTERY)

    assert response_of(answer)["status"] == 503
    assert "Retry-After" in answer.headers


async def test_what_a_gateway_does_not_have_is_not_found(producer, sim):
    sim.answers(status=404, path="/api/troubleshooting/problems")

    response = await producer.send_request({"action": "query", "target": {"properties": ["problems"]}})

    assert response["status"] == 404
