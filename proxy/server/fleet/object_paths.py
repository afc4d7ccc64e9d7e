"""From a path with the id of a gateway to its row and that gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.route import Route

PREFIX = "/api/gateways/"
# An unknown id is answered by the WebSocket itself.
SOCKET_ID = re.compile(r"/ws/gateway/[^/]+")


class UnknownGateway(LookupError):
    """There is no gateway of this id; the message says so in pypowerwall-server's words."""

    def __init__(self, id_: str) -> None:
        shown = id_ if len(id_) <= 32 and id_.isprintable() else "of this id"  # noqa: PLR2004 - the longest id
        super().__init__(f"Gateway {shown} not found")


def resolve(
    path: str, rows: Mapping[str, Route], raw: Mapping[str, Route], gateways: Mapping[str, Gateway]
) -> tuple[Route | None, Gateway]:
    """Find row and gateway of a path below PREFIX; no row: the gateway has no such path. Raises UnknownGateway.

    ``…/api/{path}`` is the row of that path for that gateway, as a program with a session gets it:
    the gateway's own bytes. What is no row of readings does not exist there: nothing reaches a
    gateway because a client named it.
    """
    id_, slash, rest = path.removeprefix(PREFIX).partition("/")
    gateway = gateways.get(id_)
    if gateway is None:
        raise UnknownGateway(id_)
    if rest.startswith("api/"):
        row = rows.get(f"/{rest}")
        return (None if row is None or row.endpoint else raw.get(row.path, row)), gateway
    return rows.get(f"{PREFIX}{{id}}{slash}{rest}"), gateway
