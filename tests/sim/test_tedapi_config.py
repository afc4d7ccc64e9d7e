"""config.json over TEDAPI: read with its hash, replaced only by who knows that."""

from __future__ import annotations

import json

import pytest
from tesla_protocol.energy_device import transport_pb2

from tests.sim.installer import envelope


async def test_the_configuration_is_locked_by_its_hash(installer):
    """A write with an old hash is refused; one with the present hash is followed by the house."""
    someone = await installer("fw23_44")
    config, digest = await someone.config()
    config["site_info"] |= {
        "backup_reserve_percent": 52.5,
        "customer_preferred_export_rule": "never",
        "disallow_charge_from_grid_with_solar_installed": False,
    }
    config["default_real_mode"] = "backup"

    def update(hash_: bytes) -> transport_pb2.MessageEnvelope:
        message = envelope(someone.sim.din)
        message.filestore.update_file_request.file.name = "config.json"
        message.filestore.update_file_request.file.blob = json.dumps(config).encode()
        message.filestore.update_file_request.hash = hash_
        return message

    refused = await someone.reply(update(b"old"))
    before = someone.sim.plant.mode
    taken = await someone.reply(update(digest))

    assert refused.common.error_response.status.code == 10
    assert before == "self_consumption"
    assert taken.WhichOneof("payload") == "filestore"
    plant = someone.sim.plant
    assert (plant.mode, plant.reserve, plant.export, plant.grid_charging) == ("backup", 52.5, False, True)
    assert (await someone.config())[0]["site_info"]["backup_reserve_percent"] == 52.5
    assert [record.writes for record in someone.sim.requests] == [False, True, True, False]
    assert someone.sim.tedapi.commands == ["update_file_request", "update_file_request"]


@pytest.mark.parametrize("blob", [b"", b"[]", b'{"site_info": {}, "default_real_mode": "party"}'])
async def test_a_broken_configuration_is_refused(installer, blob):
    """What is not a configuration changes nothing."""
    someone = await installer("fw23_44")
    _, digest = await someone.config()
    message = envelope(someone.sim.din)
    message.filestore.update_file_request.file.blob = blob
    message.filestore.update_file_request.hash = digest

    answer = await someone.reply(message)

    assert answer.common.error_response.status.code == 3
    assert someone.sim.plant.mode == "self_consumption"
