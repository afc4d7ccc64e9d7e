"""TEDAPI by password: who is let in, and which messages are understood."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tesla_protocol.energy_device import transport_pb2

from tests.sim.installer import STATUS, envelope, query

# Complete requests for gateway 1232100-00-E--TG121000000001, as documented.
SYSTEM_INFO = bytes.fromhex(
    "0a2a0801120218011a1e0a1c313233323130302d30302d452d2d54473132313030303030303030312202120012020801"
)
READ_CONFIG = bytes.fromhex(
    "0a390801120218011a1e0a1c313233323130302d30302d452d2d54473132313030303030303030317a110a0f0801120b63"
    "6f6e6669672e6a736f6e12020801"
)


async def test_the_din_needs_the_sticker_password(installer):
    """Basic with the whole gateway password, or any session."""
    someone = await installer("fw21_44")
    din = (await someone.client.get("/tedapi/din", headers=someone.authorization())).body.decode()
    someone.password = "ABCDE"

    assert din == someone.sim.din
    assert (await someone.client.get("/tedapi/din", headers=someone.authorization())).status == 401
    assert (await someone.client.get("/tedapi/din")).status == 403
    await someone.client.login(password="FGHIJ")
    assert (await someone.client.get("/tedapi/din")).body.decode() == din


async def test_current_firmware_answers_over_its_own_wifi_only(installer):
    """From 25.10 a request from elsewhere is 403."""
    someone = await installer("fw25_10")
    someone.sim.tedapi.on_wifi = False

    reply = await someone.send(query(someone.sim.din, *STATUS))

    assert (reply.status, reply.json()["error"]) == (403, "Unable to POST to resource")


async def test_newer_firmware_compresses_unrequested(installer):
    """The body is gzip and no header says so."""
    someone = await installer("fw25_10")

    reply = await someone.send(query(someone.sim.din, *STATUS))

    assert reply.body[:2] == b"\x1f\x8b"
    assert "Content-Encoding" not in reply.headers


async def test_the_documented_requests_are_understood(installer):
    """Byte for byte: firmware and configuration of gateway …0001."""
    someone = await installer("fw23_44")
    someone.sim.gateway.tedapi.capture = {"din": "1232100-00-E--TG121000000001", "config": {"a": 1}}

    info, config = await someone.post(SYSTEM_INFO), await someone.post(READ_CONFIG)

    def opened(reply: Any) -> transport_pb2.MessageEnvelope:
        outer = transport_pb2.AuthEnvelope.FromString(reply.body)
        return transport_pb2.MessageEnvelope.FromString(outer.payload)

    system = opened(info).common.get_system_info_response
    assert (system.din, system.firmware_version.version) == (
        "1232100-00-E--TG121000000001",
        "23.44.0 eb113390",
    )
    assert json.loads(opened(config).filestore.read_file_response.file.blob) == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"<html>"])
async def test_what_is_no_message_is_a_bad_request(installer, body):
    """Garbage and messages to another gateway are 400."""
    someone = await installer("fw23_44")

    assert (await someone.post(body)).status == 400
    assert (await someone.send(query("another--gateway", *STATUS))).status == 400


async def test_dangerous_messages_are_not_implemented_but_noted(installer):
    """Code 12, and the log has the attempt."""
    someone = await installer("fw23_44")
    message = envelope(someone.sim.din)
    message.teg.disable_batteries_request.SetInParent()

    answer = await someone.reply(message)

    assert answer.common.error_response.status.code == 12
    assert len(someone.sim.writes) == 1


async def test_firmware_without_tedapi_does_not_know_the_path(installer):
    """Before 21.44 there is nothing to find here."""
    someone = await installer("fw21_13")

    assert (await someone.client.get("/tedapi/din", headers=someone.authorization())).status == 404
