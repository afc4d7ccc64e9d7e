"""The bytes of TEDAPI: building queries, reading replies.

Full mode wraps a MessageEnvelope in an AuthEnvelope. The gateway answers only
queries that Tesla signed, byte for byte; their texts and signatures come with
aiopowerwall. Only the variables are ours to extend: names that a firmware does
not know come back without a value. Message classes: tesla_protocol.energy_device.
Both packages are imported on first use, so that other modes start without them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from proxy.core.errors import BadAnswer, NotSupported, SourceUnavailable
from proxy.core.model import Exchange
from proxy.core.validation import parse

if TYPE_CHECKING:
    from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope

STATUS = Exchange("status")
CONTROLLER = Exchange("controller")
COMPONENTS = Exchange("components")
CONFIG = Exchange("config")
FIRMWARE = Exchange("firmware")

_CONFIG_FILE = "config.json"
_UNIMPLEMENTED = 12  # google.rpc.Code

# Signals that the queries can request beside their own. Appended, never reordered.
_MORE_TYPES: Mapping[str, tuple[str, ...]] = {"msaComp": ("TEPOD",)}
_MORE_SIGNALS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    CONTROLLER: {
        "msaSignals": (
            "SYNC_Uptime",
            "PINV_EnergyCharged",
            "PINV_EnergyDischarged",
            "PINV_PllFrequency",
            "PINV_PllLocked",
            "PINV_Qout",
            "PINV_ReadyForGridForming",
            "PINV_HardwareEnableLine",
            "PINV_PowerLimiter",
            "THC_State",
            "SYNC_ExternallyPowered",
            "SYNC_SiteSwitchEnabled",
            "POD_available_charge_power",
            "POD_available_dischg_power",
        )
    },
    COMPONENTS: {
        "pchSignalNames": ("PCH_AmbientTemp", "PCH_FanSpeed_A", "PCH_FanSpeed_B"),
        "hvpSignalNames": ("HVP_PackTempMax", "HVP_PackTempMin", "HVP_ShuntTemperature"),
    },
}


@dataclass(frozen=True, slots=True)
class SignedQuery:
    """A query as Tesla signed it, with the variables that we send along."""

    text: str
    signature: bytes
    variables: str


@cache
def _constants() -> ModuleType:
    """Load the queries of the library alone: its package imports a client, and with it cryptography (8 MB)."""
    package = find_spec("aiopowerwall")
    spec = package and PathFinder.find_spec("aiopowerwall.queries", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ImportError("aiopowerwall.queries is not installed")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def signed_query(name: str) -> SignedQuery:
    """Give one of the three signed queries: status, controller, components."""
    queries = _constants()
    if name == STATUS:
        return SignedQuery(queries.STATUS_QUERY, queries.STATUS_CODE, "{}")
    if name == CONTROLLER:
        return SignedQuery(
            queries.CONTROLLER_QUERY,
            queries.CONTROLLER_CODE,
            _extended(queries.CONTROLLER_VARIABLES, name),
        )
    return SignedQuery(
        queries.COMPONENTS_QUERY, queries.COMPONENTS_CODE, _extended(queries.COMPONENTS_VARIABLES, name)
    )


def query_envelope(name: str, din: str, follower: str | None = None) -> MessageEnvelope:
    """Request a document of the gateway, or of one of its followers."""
    from tesla_protocol.energy_device import (  # noqa: PLC0415 - other modes start without it
        filestore_api_pb2,
        graphql_api_pb2,
        transport_pb2,
    )

    envelope = transport_pb2.MessageEnvelope()
    envelope.delivery_channel = transport_pb2.DELIVERY_CHANNEL_LOCAL_HTTPS
    if follower is None:
        envelope.sender.local = transport_pb2.LOCAL_PARTICIPANT_INSTALLER
    else:
        envelope.sender.din = din
    envelope.recipient.din = follower or din
    if name == FIRMWARE:
        envelope.common.get_system_info_request.SetInParent()
    elif name == CONFIG:
        read = envelope.filestore.read_file_request
        read.domain = filestore_api_pb2.FILE_STORE_API_DOMAIN_CONFIG_JSON
        read.name = _CONFIG_FILE
    else:
        query = signed_query(name)
        query_request = envelope.graphql.query_request
        query_request.format = graphql_api_pb2.GRAPH_QL_QUERY_FORMAT_SIGNED_SHA256_ECDSA_ASN1
        query_request.query = graphql_api_pb2.SignedGraphQLQuery(
            version=1, query=query.text.encode()
        ).SerializeToString()
        query_request.signature = query.signature
        query_request.variables_json.value = query.variables
    return envelope


def request(name: str, din: str, follower: str | None = None) -> bytes:
    """Build the full-mode request for a document of the gateway, or of one of its followers."""
    from tesla_protocol.energy_device import transport_pb2  # noqa: PLC0415 - other modes start without it

    outer = transport_pb2.AuthEnvelope(payload=query_envelope(name, din, follower).SerializeToString())
    outer.external_auth.type = (
        transport_pb2.EXTERNAL_AUTH_TYPE_PRESENCE
        if follower is None
        else transport_pb2.EXTERNAL_AUTH_TYPE_MTLS
    )
    return outer.SerializeToString()


def reply(name: str, body: bytes, addressed: str) -> dict[str, Any]:
    """Read the full-mode reply of the device ``addressed`` (a DIN).

    Raises what ``document`` raises, and BadAnswer for what is no reply, or another device's.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - other modes start without it
    from tesla_protocol.energy_device import transport_pb2  # noqa: PLC0415 - other modes start without it

    try:
        payload = transport_pb2.AuthEnvelope.FromString(body).payload
    except DecodeError as exc:
        raise BadAnswer(f"The gateway's {name} is not a TEDAPI message") from exc
    envelope = parse_envelope(name, payload)
    if envelope.sender.din not in {"", addressed}:
        raise BadAnswer(f"The {name} comes from another device than the one that was queried")
    return document(name, envelope)


def parse_envelope(name: str, payload: bytes) -> MessageEnvelope:
    """Open what a reply of either transport carries. Raises BadAnswer."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - other modes start without it
    from tesla_protocol.energy_device import transport_pb2  # noqa: PLC0415 - other modes start without it

    try:
        return transport_pb2.MessageEnvelope.FromString(payload)
    except DecodeError as exc:
        raise BadAnswer(f"The gateway's {name} is not a TEDAPI message") from exc


def document(name: str, envelope: MessageEnvelope) -> dict[str, Any]:
    """Read the document of a message.

    Raises SourceUnavailable when the gateway refuses the query, NotSupported
    when it does not know it, BadAnswer when the message is not what this query
    calls for.
    """
    if envelope.common.HasField("error_response"):
        status = envelope.common.error_response.status
        refusal = NotSupported if status.code == _UNIMPLEMENTED else BadAnswer
        raise refusal(f"The gateway refuses its {name} (code {status.code})")
    if name == FIRMWARE:
        return _firmware(envelope)
    if name == CONFIG:
        return _object(name, envelope.filestore.read_file_response.file.blob)
    return _object(name, envelope.graphql.query_response.data.encode())


def _firmware(envelope: MessageEnvelope) -> dict[str, Any]:
    """Return version, git hash and DIN; the hash comes as bytes."""
    if not envelope.common.HasField("get_system_info_response"):
        raise BadAnswer("The gateway's reply holds no firmware version")
    info = envelope.common.get_system_info_response
    return {
        "din": info.din,
        "version": info.firmware_version.version,
        "git_hash": info.firmware_version.githash.hex() or None,
    }


def _object(name: str, text: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    A query that a firmware does not accept is answered by nothing at all.
    """
    if not text:
        raise SourceUnavailable(f"TEDAPI: this firmware refuses the query for its {name}")
    document: dict[str, Any] = parse(name, text)
    return document


def _extended(variables: str, name: str) -> str:
    """Append our signal names and component types to a query's own."""
    known: dict[str, Any] = json.loads(variables)
    for key, more in _MORE_SIGNALS[name].items():
        known[key] = _appended(known[key], more)
    for key, more in _MORE_TYPES.items():
        if key in known:
            known[key]["types"] = _appended(known[key]["types"], more)
    return json.dumps(known, separators=(",", ":"))


def _appended(own: list[str], more: tuple[str, ...]) -> list[str]:
    return [*own, *(item for item in more if item not in own)]
