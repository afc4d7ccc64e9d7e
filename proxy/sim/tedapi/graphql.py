"""Signed queries: which one it is, and its answer."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from proxy.sim.answers import plain_numbers
from proxy.sim.gateway import Gateway
from proxy.sim.tedapi.components import components
from proxy.sim.tedapi.state import Tedapi
from proxy.sim.tedapi.status import Variables, controller, status

if TYPE_CHECKING:
    from tesla_protocol.energy_device.graphql_api_pb2 import GraphQLAPIQueryRequest, GraphQLAPIQueryResponse


@functools.cache
def _known() -> dict[tuple[bytes, bytes], str]:
    """Map text and signature of the queries that Tesla signed to their names."""
    from aiopowerwall import queries  # noqa: PLC0415 - only gateways with TEDAPI need it

    return {
        (queries.STATUS_QUERY.encode(), queries.STATUS_CODE): "status",
        (queries.CONTROLLER_QUERY.encode(), queries.CONTROLLER_CODE): "controller",
        (queries.COMPONENTS_QUERY.encode(), queries.COMPONENTS_CODE): "components",
    }


def kind_of(request: GraphQLAPIQueryRequest) -> str | None:
    """Name the query, or None if its text does not belong to its signature."""
    from tesla_protocol.energy_device.graphql_api_pb2 import (  # noqa: PLC0415 - only gateways with TEDAPI need it
        GRAPH_QL_QUERY_FORMAT_SIGNED_SHA256_ECDSA_ASN1 as SIGNED,
    )
    from tesla_protocol.energy_device.graphql_api_pb2 import SignedGraphQLQuery  # noqa: PLC0415 - only gateways with TEDAPI need it

    if request.format != SIGNED:
        return None
    query = SignedGraphQLQuery.FromString(request.query)
    return _known().get((query.query, request.signature))


def _document(gateway: Gateway, tedapi: Tedapi, kind: str, unit: str, variables: Variables) -> Any:
    if tedapi.capture:
        captured = tedapi.capture[kind]
        return captured.get(unit, {}) if kind == "components" else captured
    scene = gateway.scene()
    if kind == "status":
        return status(scene, tedapi)
    if kind == "controller":
        return controller(scene, tedapi, variables)
    return components(scene, unit, variables)


def answer(
    gateway: Gateway, tedapi: Tedapi, request: GraphQLAPIQueryRequest, unit: str
) -> GraphQLAPIQueryResponse:
    """Answer a query to a unit. Unsigned or impossible ones get an empty response.

    Raises ValueError or DecodeError for variables or a query that cannot be read.
    """
    from tesla_protocol.energy_device import graphql_api_pb2 as pb  # noqa: PLC0415 - only gateways with TEDAPI need it

    response = pb.GraphQLAPIQueryResponse()
    kind = kind_of(request)
    variables = json.loads(request.variables_json.value or "{}")
    document = _document(gateway, tedapi, kind, unit, variables) if kind else None
    if kind and document is not None and tedapi.edit:
        document = tedapi.edit(kind, document)
    if document is None:
        return response
    response.data = json.dumps(document if tedapi.capture else plain_numbers(document), separators=(",", ":"))
    response.status = pb.GRAPH_QL_STATUS_SUCCESS
    if tedapi.query_errors:
        response.status = pb.GRAPH_QL_STATUS_ERROR_PARTIAL
        for path in tedapi.query_errors:
            response.errors.add(
                path=path.split("."),
                code=pb.GRAPH_QL_ERROR_CODE_RESOLVER_PROCESS_UNRESPONSIVE,
                message="resolver process unresponsive",
            )
    return response
