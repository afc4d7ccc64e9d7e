"""The reference of the API for people, made from the table of routes."""

from __future__ import annotations

import html
from collections.abc import Iterable

from proxy.server.route import Legacy, Route

_KINDS = {"text/html": "page", "text/event-stream": "stream"}


def reference(routes: Iterable[Route]) -> str:
    """Write all routes by group, complete without script."""
    groups: dict[str, list[Route]] = {}
    for route in routes:
        groups.setdefault(route.group, []).append(route)
    return "\n".join(
        f"<h2>{html.escape(group)}</h2>\n" + "\n".join(map(_route, members))
        for group, members in groups.items()
    )


def _route(route: Route) -> str:
    method = "GET" if "GET" in route.methods else route.methods[0]
    kind = _KINDS.get(route.media_type, "read")
    facts = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in _facts(route)
    )
    path = html.escape(route.path)
    return (
        f'<details class="route" data-method="{method}" data-path="{path}" data-kind="{kind}">'
        f'<summary><span class="method {method.lower()}">{method}</span> <code>{path}</code> '
        f'<span class="summary">{html.escape(route.summary)}</span></summary>'
        f"<div><dl>{facts}</dl></div></details>"
    )


def _facts(route: Route) -> Iterable[tuple[str, str]]:
    yield "Methods", ", ".join(route.methods)
    if route.query:
        yield "Parameters", ", ".join(f"?{name}" for name in route.query)
    yield "Answer", route.media_type
    told_by = (*route.sources, *route.offered, *route.optional)
    if told_by:
        yield "Made from", ", ".join(told_by)
        yield "When nothing is known", "503, 502, 504 or 404 with a problem document and Retry-After"
        if route.legacy is not Legacy.VIEW:
            yield "… with PW_LEGACY_ERRORS=yes", f"200 {route.legacy.value.decode().strip()}"
    if not route.public:
        yield "Other sites", "no CORS: pages of other origins cannot read it"
