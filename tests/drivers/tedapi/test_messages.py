"""The bytes of TEDAPI (docs/protocol.md, "Messages" and "Queries")."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tesla_protocol.energy_device import graphql_api_pb2, transport_pb2

from proxy.core.errors import BadAnswer, GatewayError, NotSupported, SourceUnavailable
from proxy.drivers.tedapi import messages

DIN = "1232100-00-E--TG121000000001"
FOLLOWER = "1707000-11-J--TG12000000002Z"
QUERIES = {
    messages.STATUS: ("c15389e90c791eb4", "1242d62ec061ec0d"),
    messages.CONTROLLER: ("41ce45103a1e877f", "9e27325da97e0f3a"),
    messages.COMPONENTS: ("c5af5b305598141d", "6ad9648046218a3e"),
}


def answer(fill, sender=""):
    envelope = transport_pb2.MessageEnvelope()
    if sender:
        envelope.sender.din = sender
    fill(envelope)
    return transport_pb2.AuthEnvelope(payload=envelope.SerializeToString()).SerializeToString()


def data(text):
    def fill(envelope):
        envelope.graphql.query_response.data = text

    return fill


def test_requests_are_byte_for_byte_those_of_the_installer_app():
    assert messages.request(messages.FIRMWARE, DIN).hex() == (
        "0a2a0801120218011a1e0a1c313233323130302d30302d452d2d54473132313030303030303030312202120012020801"
    )
    assert messages.request(messages.CONFIG, DIN).hex() == (
        "0a390801120218011a1e0a1c313233323130302d30302d452d2d54473132313030303030303030317a"
        "110a0f0801120b636f6e6669672e6a736f6e12020801"
    )


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_the_ones_that_tesla_signed(name):
    """The gateway answers nothing else, so an update of the package must not change them unseen."""
    query = messages.signed_query(name)

    assert hashlib.sha256(query.text.encode()).hexdigest()[:16] == QUERIES[name][0]
    assert hashlib.sha256(query.signature).hexdigest()[:16] == QUERIES[name][1]


@pytest.mark.parametrize(
    ("name", "key", "first", "added"),
    [
        (messages.CONTROLLER, "msaSignals", "MSA_pcbaId", "SYNC_Uptime"),
        (messages.COMPONENTS, "hvpSignalNames", "HVP_State", "HVP_PackTempMax"),
    ],
)
def test_more_signals_are_requested_behind_the_querys_own(name, key, first, added):
    signals = json.loads(messages.signed_query(name).variables)[key]

    assert signals[0] == first
    assert added in signals
    assert len(signals) == len(set(signals)) or key == "pchSignalNames"


def test_a_follower_is_read_in_the_name_of_its_leader():
    outer = transport_pb2.AuthEnvelope.FromString(messages.request(messages.COMPONENTS, DIN, FOLLOWER))
    inner = transport_pb2.MessageEnvelope.FromString(outer.payload)

    assert (inner.sender.din, inner.recipient.din) == (DIN, FOLLOWER)
    assert outer.external_auth.type == transport_pb2.EXTERNAL_AUTH_TYPE_MTLS


def test_an_answer_is_the_object_that_it_carries_with_or_without_a_status():
    def with_status(envelope):
        envelope.graphql.query_response.status = graphql_api_pb2.GRAPH_QL_STATUS_SUCCESS
        envelope.graphql.query_response.data = '{"control": null}'

    for fill in (with_status, data('{"control": null}')):
        assert messages.reply(messages.STATUS, answer(fill), DIN) == {"control": None}


def test_the_firmwares_hash_is_hex():
    def fill(envelope):
        version = envelope.common.get_system_info_response.firmware_version
        version.version, version.githash = "25.10.4 4a4191ff", bytes.fromhex("4a4191ff")

    reported = messages.reply(messages.FIRMWARE, answer(fill), DIN)

    assert (reported["version"], reported["git_hash"]) == ("25.10.4 4a4191ff", "4a4191ff")


def test_a_query_that_the_firmware_refuses_is_answered_by_nothing():
    with pytest.raises(SourceUnavailable, match="refuses"):
        messages.reply(messages.CONTROLLER, answer(data("")), DIN)


def test_an_answer_of_another_device_is_not_taken():
    assert messages.reply(messages.STATUS, answer(data("{}"), DIN), DIN) == {}
    with pytest.raises(BadAnswer, match="another device"):
        messages.reply(messages.STATUS, answer(data("{}"), FOLLOWER), DIN)


@pytest.mark.parametrize("code", [3, 12])
def test_an_error_in_place_of_an_answer_is_an_error(code):
    def refuse(envelope):
        envelope.common.error_response.status.code = code

    with pytest.raises(NotSupported if code == 12 else BadAnswer, match=f"code {code}"):
        messages.reply(messages.CONFIG, answer(refuse), DIN)


@pytest.mark.parametrize(
    "body", [b"\xff\xff\xff", b"<html>", answer(data("[1]")), answer(data("{")), b"\x0a\x02\xff\xff"]
)
def test_what_is_no_answer_is_said_to_be_none(body):
    with pytest.raises(BadAnswer):
        messages.reply(messages.STATUS, body, DIN)


GENUINE = answer(data('{"control": {"alerts": {"active": ["é"]}}}'), DIN)


@st.composite
def spoiled(draw):
    """A genuine reply with some bytes exchanged, cut out or put in."""
    body = bytearray(GENUINE)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


@given(name=st.sampled_from([*QUERIES, messages.CONFIG, messages.FIRMWARE]), body=spoiled() | st.binary())
def test_garbage_ends_in_a_document_or_in_an_error_of_ours(name, body):
    with suppress(GatewayError):
        assert isinstance(messages.reply(name, body, DIN), dict)
