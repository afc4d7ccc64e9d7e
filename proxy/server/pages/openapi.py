"""OpenAPI 3.1 from the table of routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from proxy import __version__
from proxy.core.model import JSON
from proxy.server.fleet.object_routes import SOCKET
from proxy.server.http.problems import MEDIA_TYPE
from proxy.server.route import Route

_FORM = "application/x-www-form-urlencoded"
_EMPTY = frozenset({"logout"})  # endpoints that answer 204
_FRESHNESS = {
    "Age": {"description": "Seconds since the oldest reading in it was taken", "schema": {"type": "integer"}},
    "Cache-Status": {"description": "How it was obtained (RFC 9211)", "schema": {"type": "string"}},
    "ETag": {"description": "For If-None-Match", "schema": {"type": "string"}},
}
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_UNKNOWN = {
    "description": "Nothing is known, and why",
    "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    "content": _PROBLEM,
}
_REFUSED = {"description": "Not done, and why", "content": {JSON: {"schema": {"type": "object"}}, **_PROBLEM}}
_ACCEPTED = {"description": "Sent, and not confirmed yet", "content": {JSON: {"schema": {"type": "object"}}}}
_WRITING = frozenset({"control", "reserve_hold"})
_TEXT = {"type": "string"}
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Id of a gateway; /api/gateways/ lists them",
    "schema": _TEXT,
    "example": "default",
}
# What may be posted to an endpoint, as JSON or as a form.
_FIELDS: Final = {
    "control": {
        "value": {
            "description": "What to set; without it the present value is returned",
            "type": ["string", "number", "boolean"],
        },
        "token": {"description": "PW_CONTROL_SECRET; or Authorization: Bearer", **_TEXT},
        "mode": {"description": "With a reserve: also set the mode", **_TEXT},
        "level": {"description": "With a mode: also set the reserve", "type": ["string", "number"]},
        "confirm": {"description": "Required to leave the grid", "type": ["string", "boolean"]},
    },
    "reserve_hold": {"token": {"description": "PW_CONTROL_SECRET; or Authorization: Bearer", **_TEXT}},
    "login": {"username": _TEXT, "email": _TEXT, "password": _TEXT, "force_sm_off": {}},
}


def document(
    routes: Iterable[Route], gateways: Sequence[str] = (), sites: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the description of all routes; paths are relative to where it was fetched.

    Each of several ``gateways`` is a server with these paths, apart from those about the whole proxy, and each of
    the ``sites`` one with some of them.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Powerwall Proxy",
            "version": __version__,
            "summary": "A caching reverse proxy for the Tesla energy gateway",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "./"}, *_servers(gateways, sites)],
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


def _servers(gateways: Sequence[str], sites: Sequence[str]) -> list[dict[str, Any]]:
    several = gateways if len(gateways) > 1 else ()
    return [
        {"url": url, "description": said, "variables": {"id": {"enum": list(ids), "default": ids[0]}}}
        for url, said, ids in (
            ("./gateways/{id}", "One of the gateways", several),
            ("./sites/{id}", "The total of a site, which has some of the paths", sites),
        )
        if ids
    ]


def _path(route: Route) -> dict[str, Any]:
    return {method.lower(): _operation(route, method) for method in route.methods if method != "HEAD"}


def _operation(route: Route, method: str) -> dict[str, Any]:
    reported_by = route.sources + route.offered + route.optional
    return {
        "operationId": f"{method.lower()}{route.path.replace('/', '_').replace('.', '_')}",
        "summary": route.summary,
        "tags": [route.group],
        "parameters": [
            *([_ID] if "{id}" in route.path else []),
            *(
                {"name": name, "in": "query", "schema": {"type": "string"}, "allowEmptyValue": True}
                for name in route.query
            ),
        ],
        **(_body(route) if method == "POST" and route.endpoint in _FIELDS else {}),
        "responses": _reported(route) if reported_by else _answered(route),
    }


def _body(route: Route) -> dict[str, Any]:
    schema = {"type": "object", "properties": _FIELDS[route.endpoint]}
    content = {JSON: {"schema": schema}, _FORM: {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def _reported(route: Route) -> dict[str, Any]:
    """Describe the answers of a route that renders documents of the gateway."""
    content: dict[str, Any] = {route.media_type.partition(";")[0]: {}}
    return {
        "200": {"description": route.summary, "headers": _FRESHNESS, "content": content},
        "304": {"description": "What the client has is still right"},
        "default": _UNKNOWN,
    }


def _answered(route: Route) -> dict[str, Any]:
    """Describe the answers of a route that the proxy answers by itself."""
    if route.endpoint in _EMPTY:
        return {"204": {"description": route.summary}, "default": _REFUSED}
    if route.endpoint == SOCKET:
        return {"101": {"description": "The connection is a WebSocket (RFC 6455)"}, "default": _REFUSED}
    if route.endpoint == "console":
        return {"302": {"description": route.summary}, "default": _REFUSED}
    content: dict[str, Any] = {route.media_type.partition(";")[0]: {}}
    accepted = {"202": _ACCEPTED} if route.endpoint in _WRITING else {}
    return {"200": {"description": route.summary, "content": content}, **accepted, "default": _REFUSED}
