"""OpenAPI 3.1 from the table of routes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from proxy import __version__
from proxy.server.problems import MEDIA_TYPE
from proxy.server.route import Route

_FRESHNESS = {
    "Age": {"description": "Seconds since the oldest reading in it was taken", "schema": {"type": "integer"}},
    "Cache-Status": {"description": "How it was obtained (RFC 9211)", "schema": {"type": "string"}},
    "ETag": {"description": "For If-None-Match", "schema": {"type": "string"}},
}
_PROBLEM = {
    "description": "Nothing is known, and why",
    "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of all routes; paths are relative to where it was fetched."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Powerwall Proxy",
            "version": __version__,
            "summary": "A caching reverse proxy for the Tesla energy gateway",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "./"}],
        "paths": {route.path: _path(route) for route in routes},
        "components": {
            "schemas": {
                "Problem": {
                    "type": "object",
                    "description": "RFC 9457",
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                }
            }
        },
    }


def _path(route: Route) -> dict[str, Any]:
    return {method.lower(): _operation(route, method) for method in route.methods if method != "HEAD"}


def _operation(route: Route, method: str) -> dict[str, Any]:
    told_by = route.sources + route.offered + route.optional
    answer = {
        "description": route.summary,
        **({"headers": _FRESHNESS} if told_by else {}),
        "content": {route.media_type.partition(";")[0]: {}},
    }
    return {
        "operationId": f"{method.lower()}{route.path.replace('/', '_').replace('.', '_')}",
        "summary": route.summary,
        "tags": [route.group],
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string"}, "allowEmptyValue": True}
            for name in route.query
        ],
        "responses": {"200": answer, **({"default": _PROBLEM} if told_by else {})},
    }
