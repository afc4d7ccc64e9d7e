"""OpenC2 over HTTPS, transfer 1.1 and 1.0: media types, identifiers, TLS."""

from __future__ import annotations

import json
import socket

import pytest

from tests.openc2.conftest import (
    BATTERY,
    FEATURES,
    PATH,
    SECRET,
    V1_1,
    response_of,
)


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
async def test_the_content_types_of_both_transfers_are_read(producer, kind):
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
async def test_other_content_types_are_refused(producer, kind):
    answer = await producer.send(FEATURES, {"Content-Type": kind})

    assert response_of(answer)["status"] == 400
    assert response_of(answer)["status_text"]


@pytest.mark.parametrize("in_header", [True, False])
@pytest.mark.parametrize("in_message", [True, False])
async def test_the_request_id_comes_back(producer, in_header, in_message):
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


async def test_as_much_is_answered_as_was_requested(producer):
    """Nothing, the status alone, or all; errors are reported in any case."""

    async def requested(response, command=BATTERY):
        return await producer.send({**command, "args": {"response_requested": response}})

    silent = await requested("none")
    assert (silent.status, silent.body) == (200, b"")
    assert response_of(await requested("ack")) == {"status": 102}
    assert response_of(await requested("status")) == {"status": 200}
    assert "results" in response_of(await requested("complete"))
    unknown = {"action": "query", "target": {"properties": ["colour"]}}
    assert response_of(await requested("none", unknown))["status"] == 404


async def test_novelties_of_language_2_0_are_understood(controller):
    """A profile instead of an actuator, nested targets and comments are understood."""
    command = {
        "action": "set",
        "target": {"x-powerwall": {"reserve": 40}},
        "profile": "x-powerwall",
        "args": {"comment": "storm is coming", "x-powerwall": {"token": SECRET}},
    }

    response = await controller.send_request(command)

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


async def test_plain_http_beside_tls_is_refused(serve, sim):
    """PW_HTTPS_PORT leaves PW_PORT without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    producer = await serve(sim, openc2_insecure=False, https="yes", https_port=port)

    answer = await producer.send(FEATURES)

    assert answer.status == 403


@pytest.mark.each_loop
async def test_tls_needs_no_permission(serve, sim):
    producer = await serve(sim, openc2_insecure=False, https="yes")

    assert (await producer.send(FEATURES)).status == 200
