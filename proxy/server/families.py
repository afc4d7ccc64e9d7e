"""Rows of a link that may not be configured, as the pypowerwall proxy has them: one for each member, and their list."""

from __future__ import annotations

from dataclasses import replace

from proxy.core.model import Source
from proxy.server.route import Route
from proxy.views import site


def family(prefix: str, name: str, *members: str, shown_by: str) -> tuple[Route, ...]:
    """Make the rows of a link that may not be configured; ``shown_by`` is the member that reports whether it is."""
    off = {"error": f"{name} not enabled"}
    usage = {"error": f"Use {', '.join(f'/{prefix}/{member}' for member in members)}"}
    rows = [
        Route(f"/{prefix}/{member}", f"{name}: {member}", name, offered=(Source(f"/{prefix}/{member}"),))
        for member in members
    ]
    root = Route(f"/{prefix}", f"{name}: available members", name, offered=(Source(f"/{prefix}/{shown_by}"),))
    return (
        replace(root, view=site.either(root.offered[0], usage, off)),
        *(replace(row, view=site.supported(row.offered[0], off)) for row in rows),
    )
