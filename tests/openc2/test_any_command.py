"""Whatever is sent: one of the nine codes, and an answer that every reader understands alike."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core import ijson
from proxy.openc2 import draft as openc2_draft
from proxy.openc2.commands import Refused, command_of
from proxy.openc2.transfer import Transfer, content_of, envelope_of
from tests.openc2.conftest import V1_0, V1_1

CODES = {102, 200, 400, 401, 403, 404, 500, 501, 503}

excluded = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
documents = st.recursive(
    excluded,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


def objects(**members):
    """Objects of some of these members, and sometimes of others."""
    return st.fixed_dictionaries({}, optional=members) | documents


names = st.sampled_from(
    ["versions", "pairs", "battery_percentage", "mode", "powerwalls", "colour"]
) | st.text(max_size=5)
targets = objects(
    features=st.lists(names, max_size=12) | documents,
    properties=st.lists(names, max_size=4) | documents,
    **{"x-powerwall:reserve": documents, "x-powerwall:settings": documents, "x-powerwall": documents},
    property=objects(name=names) | names,
    openc2=documents,
)
arguments = objects(
    response_requested=st.sampled_from(["none", "ack", "status", "complete"]) | documents,
    start_time=st.integers() | documents,
    duration=st.integers() | documents,
    comment=st.text(max_size=5),
    **{"x-powerwall": objects(token=st.text(max_size=5))},
)
commands = objects(
    id=documents,
    action=st.sampled_from(["query", "set", "deny", "QUERY"]) | documents,
    target=targets,
    args=arguments,
    actuator=objects(
        **{"x-powerwall": objects(gateway=names), "endpoint_smart_meter": objects(asset_id=names)}
    ),
    command_id=st.text(max_size=40),
    profile=names,
)
messages = objects(
    headers=objects(
        request_id=st.text(max_size=9), created=st.integers() | documents, **{"from": names, "to": documents}
    ),
    body=objects(openc2=objects(request=commands)),
)
bodies = (commands | messages | documents).map(json.dumps).map(str.encode) | st.binary(max_size=40)


@pytest.mark.parametrize("path", ["/.well-known/openc2", "/oc2/"])
async def test_any_body_gets_a_status_of_the_language(controller, clock, path):
    """Never 500: the gateway is well. The answer is I-JSON, and its status that of HTTP."""
    examples = []

    @settings(max_examples=150, database=None)
    @given(bodies, st.sampled_from([V1_1, V1_0, "application/json"]))
    def collect(body, kind):
        examples.append((body, kind))

    collect()
    for body, kind in examples:
        clock.advance(1.1)  # within the rate
        key = {"oc2-api-key": controller.key}
        answer = await controller.post(body, {"Content-Type": kind, **key}, path)
        assert answer.status in CODES - {500}, body
        assert status_of(answer) in CODES - {500}, body


def status_of(answer) -> int:
    """The status in an answer of either dialect; that of HTTP if the body is empty."""
    if not answer.body:
        return answer.status
    document = ijson.parse(answer.body)
    response = document["body"]["openc2"]["response"] if "body" in document else document
    assert int(response["status"]) == (102 if response["status"] == 102 else answer.status)
    return int(response["status"])


def read_draft(kind, document):
    openc2_draft.property_of(kind, document)
    openc2_draft.gateway_of(document, ("default",))


@given(bodies, st.sampled_from([V1_1, V1_0, "application/json", "", "text/plain"]), st.text(max_size=5))
def test_reading_a_command_never_fails_otherwise(body, kind, request_id):
    """A command, or the reason why it is none."""
    try:
        document = ijson.parse(body)
    except ValueError:
        return

    transfer = envelope_of(kind, document, request_id).transfer
    refusals = (
        refusal(lambda: command_of(content_of(document, transfer), ("default",))),
        refusal(lambda: command_of(content_of(document, Transfer.V1_0), ("default",))),
        refusal(lambda: read_draft(kind, document)),
    )

    for refused in filter(None, refusals):
        assert refused.status in CODES
        assert str(refused).isprintable()


def refusal(read) -> Refused | None:
    """Why a command is not carried out; None if it is one."""
    try:
        read()
    except Refused as refused:
        return refused
    return None


@given(documents)
def test_what_is_written_can_be_read(document):
    """I-JSON in both directions; numbers that JSON cannot say are never written."""
    try:
        written = ijson.encode(document)
    except ValueError:
        return

    assert ijson.parse(written) == document
