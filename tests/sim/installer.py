"""A client that queries a gateway by its password, message by message, as the installer app does."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from aiopowerwall import queries
from tesla_protocol.energy_device import graphql_api_pb2, transport_pb2

from proxy.sim.server import SimulatedGateway

STATUS = (queries.STATUS_QUERY, queries.STATUS_CODE, "{}")
CONTROLLER = (queries.CONTROLLER_QUERY, queries.CONTROLLER_CODE, queries.CONTROLLER_VARIABLES)
COMPONENTS = (queries.COMPONENTS_QUERY, queries.COMPONENTS_CODE, queries.COMPONENTS_VARIABLES)


def envelope(recipient: str, sender: str | None = None) -> transport_pb2.MessageEnvelope:
    message = transport_pb2.MessageEnvelope(delivery_channel="DELIVERY_CHANNEL_LOCAL_HTTPS")
    if sender:
        message.sender.din = sender
    else:
        message.sender.local = transport_pb2.LOCAL_PARTICIPANT_INSTALLER
    message.recipient.din = recipient
    return message


def query(recipient: str, text: str, signature: bytes, variables: str) -> transport_pb2.MessageEnvelope:
    message = envelope(recipient)
    request = message.graphql.query_request
    request.format = graphql_api_pb2.GRAPH_QL_QUERY_FORMAT_SIGNED_SHA256_ECDSA_ASN1
    request.query = graphql_api_pb2.SignedGraphQLQuery(version=1, query=text.encode()).SerializeToString()
    request.signature = signature
    request.variables_json.value = variables
    return message


class Installer:
    """Queries one gateway by password."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.sim: SimulatedGateway = client.sim
        self.password = self.sim.gw_pwd

    async def send(self, message: transport_pb2.MessageEnvelope, path: str = "/tedapi/v1") -> Any:
        body = transport_pb2.AuthEnvelope(payload=message.SerializeToString())
        body.external_auth.type = transport_pb2.EXTERNAL_AUTH_TYPE_PRESENCE
        return await self.post(body.SerializeToString(), path)

    async def post(self, body: bytes, path: str = "/tedapi/v1") -> Any:
        return await self.client.send_request("POST", path, data=body, headers=self.authorization())

    def authorization(self) -> dict[str, str]:
        secret = base64.b64encode(f"Tesla_Energy_Device:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {secret}"}

    async def reply(
        self, message: transport_pb2.MessageEnvelope, path: str = "/tedapi/v1"
    ) -> transport_pb2.MessageEnvelope:
        reply = await self.send(message, path)
        assert reply.status == 200
        body = gzip.decompress(reply.body) if reply.body[:2] == b"\x1f\x8b" else reply.body
        return transport_pb2.MessageEnvelope.FromString(transport_pb2.AuthEnvelope.FromString(body).payload)

    async def document(self, what: tuple[str, bytes, str], din: str | None = None) -> Any:
        path = f"/tedapi/device/{din}/v1" if din else "/tedapi/v1"
        answer = await self.reply(query(din or self.sim.din, *what), path)
        return json.loads(answer.graphql.query_response.data or "null")

    async def config(self) -> tuple[dict[str, Any], bytes]:
        message = envelope(self.sim.din)
        message.filestore.read_file_request.name = "config.json"
        answer = (await self.reply(message)).filestore.read_file_response
        return json.loads(answer.file.blob), answer.hash
