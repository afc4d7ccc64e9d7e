"""The public key of the operator's application for the Fleet API.

Tesla fetches it from the application's domain, whose web server need only forward this path.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.config.cloud import PUBLIC_KEY, is_public_key
from proxy.server.http.problems import PUBLIC_HEADERS, problem

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Endpoint
    from proxy.server.route import Route

MEDIA_TYPE = "application/x-pem-file"
_NONE = (
    "There is no key of an application here; powerwall-proxy setup --mode fleet makes one in PW_AUTH_PATH."
)


def endpoints() -> dict[str, Endpoint]:
    """Make the endpoint of this module, by name."""
    return {"application_key": _application_key}


async def _application_key(_: web.Request, __: Route, gateway: Gateway) -> web.Response:
    key = await asyncio.to_thread(_read, gateway.settings.auth_path)
    if key is None:
        return problem(404, _NONE)
    return web.Response(body=key, content_type=MEDIA_TYPE, headers=PUBLIC_HEADERS)


def _read(folder: str) -> bytes | None:
    """Read the key; a file that is not a public key is never sent."""
    try:
        content = Path(folder, PUBLIC_KEY).read_bytes() if folder else b""
    except OSError:
        return None
    return content if is_public_key(content) else None
