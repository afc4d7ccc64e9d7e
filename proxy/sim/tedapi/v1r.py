"""Signed messages on the LAN: ``/tedapi/v1r``.

The signature is RSASSA-PKCS1-v1_5 with SHA-512 over tag-length-value metadata, the
end tag and the envelope.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from proxy.sim.gateway import Gateway
from proxy.sim.tedapi.messages import reply
from proxy.sim.tedapi.state import KeyState, Tedapi

if TYPE_CHECKING:
    from tesla_protocol.energy_device.signed_message_pb2 import RoutableMessage

LIFE_S = 12  # the value that clients use
SKEW_S = 5  # what clocks may differ by
NOT_VERIFIED = "v1r: client authorization not verified"


def signed_bytes(din: str, expires_at: int, envelope: bytes) -> bytes:
    """Build what is signed: type RSA, domain ENERGY_DEVICE, the DIN, the expiry, the envelope."""
    personal = din.encode("ascii")
    head = b"\x00\x01\x07\x01\x01\x07\x02" + bytes([len(personal)]) + personal
    return head + b"\x04\x04" + struct.pack(">I", expires_at) + b"\xff" + envelope


def _fault(gateway: Gateway, tedapi: Tedapi, message: RoutableMessage) -> str | None:
    """Name the first thing that is wrong with a message."""
    from tesla_protocol.energy_device.signed_message_pb2 import DOMAIN_ENERGY_DEVICE  # noqa: PLC0415 - only gateways with TEDAPI need it

    if tedapi.fault:
        return tedapi.fault
    if message.to_destination.domain != DOMAIN_ENERGY_DEVICE:
        return "INVALID_DOMAINS"
    key = message.signature_data.signer_identity.public_key
    state = tedapi.keys.get(key)
    if state in {None, KeyState.REMOVED}:
        return "UNKNOWN_KEY_ID"
    if state is KeyState.INACTIVE:
        return "INACTIVE_KEY"
    expires_at = message.signature_data.rsa_data.expires_at
    now = (gateway.signature_clock or gateway.clock.wall)() + gateway.clock_error_s
    if expires_at < now:
        return "TIME_EXPIRED"
    if expires_at > now + LIFE_S + SKEW_S:
        return "TIME_TO_LIVE_TOO_LONG"
    text = signed_bytes(
        gateway.din, message.signature_data.rsa_data.expires_at, message.protobuf_message_as_bytes
    )
    return None if _verifies(key, message.signature_data.rsa_data.signature, text) else "INVALID_SIGNATURE"


def _verifies(key: bytes, signature: bytes, text: bytes) -> bool:
    public = serialization.load_der_public_key(key)
    if not isinstance(public, rsa.RSAPublicKey):
        return False
    try:
        public.verify(signature, text, padding.PKCS1v15(), hashes.SHA512())
    except InvalidSignature:
        return False
    return True


def answer(gateway: Gateway, tedapi: Tedapi, body: bytes) -> bytes:
    """Answer a signed message. Raises DecodeError or ValueError for what is none."""
    from tesla_protocol.energy_device import signed_message_pb2 as pb  # noqa: PLC0415 - only gateways with TEDAPI need it
    from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope  # noqa: PLC0415 - only gateways with TEDAPI need it

    message = pb.RoutableMessage.FromString(body)
    response = pb.RoutableMessage()
    response.from_destination.domain = pb.DOMAIN_ENERGY_DEVICE
    response.request_uuid = message.uuid
    envelope = MessageEnvelope.FromString(message.protobuf_message_as_bytes)
    fault = _fault(gateway, tedapi, message)
    if fault is None and envelope.recipient.din != gateway.din:
        fault = "TIMEOUT" if envelope.recipient.din in gateway.units else "WRONG_PERSONALIZATION"
    if fault is not None:
        status = pb.MessageStatus(message_fault=f"MESSAGEFAULT_ERROR_{fault}")
        response.signed_message_status.CopyFrom(status)
        return bytes(response.SerializeToString())
    if tedapi.keys[message.signature_data.signer_identity.public_key] is KeyState.VERIFIED:
        inner = reply(gateway, tedapi, envelope, gateway.din)
    else:
        inner = MessageEnvelope()
        inner.common.error_response.status.message = NOT_VERIFIED
    response.protobuf_message_as_bytes = inner.SerializeToString()
    return bytes(response.SerializeToString())
