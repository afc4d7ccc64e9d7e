"""The rows of OpenC2 in the table of routes."""

from __future__ import annotations

from proxy.server.route import Route


def _row(path: str, summary: str, endpoint: str) -> Route:
    return Route(
        path,
        summary,
        "OpenC2",
        endpoint=endpoint,
        methods=("POST",),
        options=False,
        public=False,
        process=True,
    )


ROUTES: tuple[Route, ...] = (
    _row("/.well-known/openc2", "Commands of OpenC2 language 1.0 (PW_OPENC2_KEY)", "openc2"),
    *(
        _row(path, "The same in the draft of 2018, to read only", "openc2_draft")
        for path in ("/oc2/", "/oc2", "/openc2/command/", "/openc2/command")
    ),
)
