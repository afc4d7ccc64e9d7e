"""OpenC2 1.0: query features."""

from __future__ import annotations

import pytest

from proxy.openc2.consumer import RATE
from tests.openc2.conftest import (
    FEATURES,
    SECRET,
)

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
async def test_the_features_that_are_requested_are_reported(producer, features, status, results):
    command = {"action": "query", "target": {"features": features}}

    response = await producer.send_request(command)
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
    response = await producer.send_request({**FEATURES, "args": args})

    assert response["status"] == 400


async def test_query_features_may_request_the_complete_response(producer):
    response = await producer.send_request({**FEATURES, "args": {"response_requested": "complete"}})

    assert response["status"] == 200
