"""The paths of TEDAPI: who may request, what is unpacked, what is packed."""

from __future__ import annotations

import base64
import binascii
import gzip

from proxy.sim.answers import NO_PAGE, OCTETS, RATE_LIMITED, TEXT, Answer, forbidden, refusal
from proxy.sim.gateway import Gateway, Request
from proxy.sim.sessions import Role
from proxy.sim.tedapi import v1r
from proxy.sim.tedapi.messages import READING_REQUESTS, reply, request_name
from proxy.sim.tedapi.state import Tedapi

USER = "Tesla_Energy_Device"
DIN, QUERY, SIGNED = "/tedapi/din", "/tedapi/v1", "/tedapi/v1r"
DEVICE_PREFIX, DEVICE_SUFFIX = "/tedapi/device/", "/v1"
UNAUTHORIZED = refusal(401, "Unauthorized", "bad credentials")
BAD_REQUEST = refusal(400, "Bad Request", "cannot read the message")


def _credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def _refused(gateway: Gateway, tedapi: Tedapi, request: Request) -> Answer | None:
    """Say why a request by password may not be answered, or None if it may."""
    session = gateway.session_of(request)
    if session is not None and (request.path == DIN or session.role is Role.INSTALLER):
        return None
    given = _credentials(request)
    if given is None:
        return forbidden(request.method)
    if gateway.persona.wifi_only and not tedapi.on_wifi:
        return forbidden(request.method)
    return None if given == (USER, tedapi.password) else UNAUTHORIZED


def _packed(gateway: Gateway, body: bytes, media_type: str = OCTETS) -> Answer:
    # Newer firmware compresses without a request for it and without saying so.
    return Answer(200, gzip.compress(body, mtime=0) if gateway.persona.gzip else body, media_type)


def _unit(gateway: Gateway, path: str) -> str | None:
    """Return the DIN of the unit that a path addresses, or None if there is none."""
    if path == QUERY:
        return gateway.din
    din = path.removeprefix(DEVICE_PREFIX).removesuffix(DEVICE_SUFFIX)
    return din if gateway.persona.is_powerwall3 and din in gateway.units else None


def _query(gateway: Gateway, tedapi: Tedapi, request: Request) -> Answer:
    from tesla_protocol.energy_device.transport_pb2 import AuthEnvelope, MessageEnvelope  # noqa: PLC0415 - only gateways with TEDAPI need it

    unit = _unit(gateway, request.path)
    if unit is None:
        return NO_PAGE
    outer = AuthEnvelope.FromString(request.body)
    envelope = MessageEnvelope.FromString(outer.payload)
    if envelope.recipient.din != unit:
        return BAD_REQUEST
    answer = AuthEnvelope(payload=reply(gateway, tedapi, envelope, unit).SerializeToString())
    answer.external_auth.type = outer.external_auth.type
    return _packed(gateway, bytes(answer.SerializeToString()))


def respond(gateway: Gateway, tedapi: Tedapi, request: Request) -> Answer:
    """Answer a request to ``/tedapi/…``."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - only gateways with TEDAPI need it

    persona = gateway.persona
    if not gateway.sessions.tolerates(gateway.clock.monotonic()):
        return RATE_LIMITED
    try:
        if request.path == SIGNED:
            if request.method != "POST" or not persona.v1r:
                return NO_PAGE
            return _packed(gateway, v1r.answer(gateway, tedapi, request.body))
        is_query = request.path == QUERY or request.path.startswith(DEVICE_PREFIX)
        known = (request.method, request.path) == ("GET", DIN) or (request.method == "POST" and is_query)
        if not persona.tedapi or not known:
            return NO_PAGE
        refused = _refused(gateway, tedapi, request)
        if refused is not None:
            return refused
        if request.path == DIN:
            return _packed(gateway, gateway.din.encode(), TEXT)
        return _query(gateway, tedapi, request)
    except (ValueError, DecodeError):
        return BAD_REQUEST


def is_command(request: Request) -> bool:
    """Say whether a request to TEDAPI changes something at the gateway."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - only gateways with TEDAPI need it
    from tesla_protocol.energy_device.signed_message_pb2 import RoutableMessage  # noqa: PLC0415 - only gateways with TEDAPI need it
    from tesla_protocol.energy_device.transport_pb2 import AuthEnvelope, MessageEnvelope  # noqa: PLC0415 - only gateways with TEDAPI need it

    if request.method != "POST":
        return False
    try:
        if request.path == SIGNED:
            inner = RoutableMessage.FromString(request.body).protobuf_message_as_bytes
        else:
            inner = AuthEnvelope.FromString(request.body).payload
        return request_name(MessageEnvelope.FromString(inner)) not in READING_REQUESTS
    except DecodeError:
        return True  # cannot be decided; a reader sends nothing of the kind
