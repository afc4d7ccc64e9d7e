"""The reference of the API for people, made from the table of routes."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Final

from proxy.server.fleet.object_routes import SOCKET
from proxy.server.route import Legacy, Route

_KINDS: Final = {"text/html": "page", "text/event-stream": "stream"}
# What a POST to an endpoint has to say at least, for the copied command; secrets stay in the body.
_SENT: Final = {
    "control": "value=VALUE token=YOUR_SECRET",
    "login": "username=customer password=YOUR_PASSWORD",
}


def reference(routes: Iterable[Route], examples: Mapping[str, str], gateway: str) -> str:
    """Write all routes by group, complete without script.

    ``examples`` are beginnings of answers by path; routes are tried with the id of ``gateway``.
    """
    groups: dict[str, list[Route]] = {}
    for route in routes:
        groups.setdefault(route.group, []).append(route)
    return "\n".join(
        f"<section><h2>{html.escape(group)}</h2>\n"
        + "\n".join(_route(route, examples.get(route.path, ""), gateway) for route in members)
        + "</section>"
        for group, members in groups.items()
    )


def anchor(path: str) -> str:
    """Name a route in the address of the page: ``/api/system_status/soe`` is ``api-system_status-soe``."""
    return path.removeprefix("/").replace("/", "-") or "root"


def _route(route: Route, example: str, gateway: str) -> str:
    method = "GET" if "GET" in route.methods else route.methods[0]
    kind = "socket" if route.endpoint == SOCKET else _KINDS.get(route.media_type, "read")
    path = html.escape(route.path)
    facts = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in _facts(route)
    )
    shown = (
        f"<details><summary>Example answer</summary><pre>{html.escape(example)}</pre></details>"
        if example
        else ""
    )
    sent = f' data-sent="{_SENT[route.endpoint]}"' if route.endpoint in _SENT else ""
    return (
        f'<details class="route" id="{html.escape(anchor(route.path))}" data-method="{method}" data-methods="{" ".join(route.methods)}"'
        f' data-path="{html.escape(route.for_gateway(gateway))}" data-kind="{kind}"{sent}>'
        f'<summary><span class="method {method.lower()}">{method}</span> <code>{path}</code> '
        f'<span class="summary">{html.escape(route.summary)}</span></summary>'
        f"<div><dl>{facts}</dl>{shown}</div></details>"
    )


def _facts(route: Route) -> Iterable[tuple[str, str]]:
    yield "Methods", ", ".join(route.methods)
    if route.query:
        yield "Parameters", ", ".join(f"?{name}" for name in route.query)
    yield "Answer", route.media_type
    reported_by = (*route.sources, *route.offered, *route.optional)
    if reported_by:
        yield "Made from", ", ".join(reported_by)
        yield (
            "Freshness",
            "PW_CACHE_EXPIRE; up to PW_CACHE_TTL while the gateway is silent. Age says how old.",
        )
        yield "When nothing is known", "503, 502, 504 or 404 with a problem document and Retry-After"
        if route.legacy is not Legacy.VIEW:
            yield "… with PW_LEGACY_ERRORS=yes", f"200 {route.legacy.value.decode().strip()}"
    elif _KINDS.get(route.media_type) == "stream" or route.endpoint == SOCKET:
        yield "Freshness", "every change as it comes, and a sign of life every 15 s"
    else:
        yield "Freshness", "made for each request"
    if not route.public:
        yield "Other sites", "no CORS: pages of other origins cannot read it"
