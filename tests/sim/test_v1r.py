"""Signed messages: the public client works, and nothing unsigned does."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest
from aiopowerwall import PowerwallClient
from aiopowerwall.exceptions import (
    PowerwallAuthenticationError,
    PowerwallFaultError,
    PowerwallNotSupportedError,
)
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tesla_protocol.energy_device import signed_message_pb2, transport_pb2

from proxy.sim.tedapi.state import IslandResult, KeyState
from proxy.sim.tedapi.v1r import signed_bytes


@pytest.fixture(scope="session")
def key():
    """One key for all tests: making it is slow, and 2048 bits prove as much as 4096."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def public(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


@pytest.fixture
def connect(start_sim, hands, key, public):
    """Start a gateway that knows the key and a public client of it; the client reads the real clock."""

    async def start(persona: str = "pw3", state: KeyState = KeyState.VERIFIED, **sizes):
        hands.now = time.time() - 1_750_000_000.0
        http = await start_sim(persona, **sizes)
        http.sim.register_key(public, state)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        client = PowerwallClient(
            host=http.sim.address,
            gateway_password=http.sim.gw_pwd,
            rsa_private_key_pem=pem,
            session=http.session,
        )
        return http.sim, client

    return start


@pytest.mark.parametrize("persona", ["pw3", "fw25_10"])
async def test_the_public_client_works_unchanged(connect, persona):
    """Connect, status, configuration, firmware, charge."""
    sim, client = await connect(persona)

    assert await client.connect() == sim.din
    status = await client.get_status()
    config = await client.get_config()
    firmware = await client.get_firmware_details()

    assert status["control"]["systemStatus"]["nominalFullPackEnergyWh"] == sim.plant.read().full_wh
    assert config["vin"] == sim.din
    assert firmware["system"]["version"]["text"] == sim.persona.firmware
    assert await client.get_battery_soe_raw() == pytest.approx(50)
    assert sim.writes == []


async def test_a_reserve_is_stored_raw(connect):
    """50 % in the app is 52.5 % of the whole pack."""
    sim, client = await connect()

    await client.set_backup_reserve(50)
    await client.set_operation_mode("backup")

    assert (sim.plant.reserve, sim.plant.mode) == (52.5, "backup")
    assert len(sim.writes) == 2


async def test_a_full_backup_is_scheduled_listed_and_cancelled(connect):
    """While it lasts the pack is charged from the grid."""
    sim, client = await connect()
    sim.pin(solar=0, load=500)

    await client.schedule_max_backup(7200)
    events = await client.get_backup_events()
    charging = sim.plant.read().battery_w
    await client.cancel_max_backup()

    assert events["manual_backup"]["duration_seconds"] == 7200
    assert charging == -3300
    assert (await client.get_backup_events())["manual_backup"] is None
    assert sim.plant.read().battery_w == 500


async def test_the_contactor_opens_and_closes(connect, hands):
    """Off grid within seconds, back within twenty."""
    sim, client = await connect()

    await client.go_off_grid()
    hands.move(5)
    off = sim.gateway.scene().reading.grid_status
    await client.reconnect_grid()
    hands.move(25)

    assert off == "SystemIslandedActive"
    assert sim.gateway.scene().reading.grid_status == "SystemGridConnected"


@pytest.mark.parametrize("result", [r for r in IslandResult if r is not IslandResult.ACCEPTED])
async def test_leaving_the_grid_can_be_rejected(connect, result):
    """Four reasons to stay."""
    sim, client = await connect()
    sim.tedapi.island_result = result

    await client.go_off_grid()

    assert sim.plant.contactor.grid_present
    assert sim.gateway.scene().reading.grid_status == "SystemGridConnected"


async def test_the_battery_can_be_ordered_for_a_while(connect, hands):
    """A set-point overrides everything until its time is over."""
    sim, client = await connect()
    sim.pin(solar=0, load=500)

    await client.dispatch_battery_power(2500, 60)
    ordered = sim.gateway.scene().reading.battery_w
    hands.move(61)

    assert ordered == 2500
    assert sim.gateway.scene().reading.battery_w == 500


async def test_what_firmware_lacks_is_code_12(connect):
    """Not implemented, in the client's own words."""
    _, client = await connect()

    with pytest.raises(PowerwallNotSupportedError):
        await client.get_battery_calibration_delay_status()


@pytest.mark.parametrize("state", [KeyState.PENDING, KeyState.TIMED_OUT])
async def test_an_unconfirmed_key_reads_so(connect, state):
    """HTTP 200, no fault, and a text."""
    _, client = await connect(state=state)

    with pytest.raises(PowerwallAuthenticationError, match="not verified"):
        await client.get_status()


@pytest.mark.parametrize(
    ("state", "error"),
    [(KeyState.REMOVED, PowerwallAuthenticationError), (KeyState.INACTIVE, PowerwallFaultError)],
)
async def test_other_keys_are_faults(connect, state, error):
    """Unknown or removed, and inactive."""
    _, client = await connect(state=state)

    with pytest.raises(error):
        await client.get_status()


@pytest.mark.parametrize("fault", ["BUSY", "TIMEOUT", "INVALID_SIGNATURE", "INTERNAL"])
async def test_faults_can_be_injected(connect, fault):
    """Any fault of the protocol by its name."""
    sim, client = await connect()
    await client.connect()
    sim.tedapi.fault = fault

    with pytest.raises(PowerwallFaultError, match=fault):
        await client.get_status()


async def send_request(http, key, *, din=None, recipient=None, life_s=12.0, domain=7, tamper=False) -> str:
    """Send one signed message and name the fault of the reply."""
    sim = http.sim
    message = transport_pb2.MessageEnvelope()
    message.recipient.din = recipient or sim.din
    message.common.get_system_info_request.SetInParent()
    inner = message.SerializeToString()
    expires_at = math.ceil(sim.clock.wall() + life_s)
    routable = signed_message_pb2.RoutableMessage(protobuf_message_as_bytes=inner, uuid=b"1" * 16)
    routable.to_destination.domain = domain
    routable.signature_data.signer_identity.public_key = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    )
    routable.signature_data.rsa_data.expires_at = expires_at
    text = signed_bytes(din or sim.din, expires_at, inner + (b" " if tamper else b""))
    routable.signature_data.rsa_data.signature = key.sign(text, padding.PKCS1v15(), hashes.SHA512())
    reply = await http.send_request("POST", "/tedapi/v1r", data=routable.SerializeToString())
    assert reply.status == 200
    answer = signed_message_pb2.RoutableMessage.FromString(reply.body)
    assert answer.request_uuid == b"1" * 16
    fault = answer.signed_message_status.message_fault
    return signed_message_pb2.MessageFault_E.Name(fault).removeprefix("MESSAGEFAULT_ERROR_")


@pytest.mark.parametrize(
    ("flaw", "fault"),
    [
        ({}, "NONE"),
        ({"life_s": -1.0}, "TIME_EXPIRED"),
        ({"life_s": 60.0}, "TIME_TO_LIVE_TOO_LONG"),
        ({"din": "1707000-11-J--ANOTHER"}, "INVALID_SIGNATURE"),
        ({"tamper": True}, "INVALID_SIGNATURE"),
        ({"domain": 2}, "INVALID_DOMAINS"),
        ({"recipient": "1707000-11-J--ANOTHER"}, "WRONG_PERSONALIZATION"),
    ],
)
async def test_every_flaw_has_its_fault(start_sim, key, public, flaw, fault):
    """Expiry, DIN, signature, domain and recipient are checked."""
    http = await start_sim("fw25_10")
    http.sim.persona = replace(http.sim.persona, gzip=False)
    http.sim.register_key(public)

    assert await send_request(http, key, **flaw) == fault


async def test_followers_cannot_be_reached(start_sim, key, public):
    """The leader answers for them: time-out."""
    http = await start_sim("pw3", followers=1)
    http.sim.persona = replace(http.sim.persona, gzip=False)
    http.sim.register_key(public)

    assert await send_request(http, key, recipient=http.sim.gateway.units[1]) == "TIMEOUT"


def test_the_signed_bytes_begin_as_documented():
    """Type, domain, DIN and expiry, then the end tag."""
    text = signed_bytes("1232100-00-E--TG121000000001", 1750000012, b"")

    assert text.hex() == (
        "000107010107021c313233323130302d30302d452d2d54473132313030303030303030310404684ee18cff"
    )


async def test_firmware_without_v1r_does_not_know_the_path(start_sim):
    """404, whatever is sent."""
    http = await start_sim("fw21_44")

    assert (await http.send_request("POST", "/tedapi/v1r", data=b"")).status == 404


async def test_the_registered_keys_are_listed(connect):
    """With their states."""
    _, client = await connect()

    (listed,) = (await client.list_authorized_clients())["clients"]

    assert listed["state"] == "VERIFIED"
