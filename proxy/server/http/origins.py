"""Which web pages of other origins may read an answer (Fetch standard, section 3.2): CORS_ORIGINS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from proxy.server.http.admission import is_same_origin

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.config.settings import Settings

ANY: Final = ("*",)
_ALLOWED: Final = "Access-Control-Allow-Origin"


def restrict(request: web.BaseRequest, response: web.StreamResponse, origins: tuple[str, ...]) -> None:
    """Let the listed origins read what any could, and no others; caches in between learn that it depends."""
    if "*" in origins or response.headers.pop(_ALLOWED, None) is None:
        return
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin", "")
    if origin.lower() in origins:
        response.headers[_ALLOWED] = origin


def may_listen(request: web.BaseRequest, settings: Settings) -> bool:
    """Say whether a WebSocket may be opened: by programs, by our pages, and by pages of origins that are listed by name."""
    return is_same_origin(request) or request.headers.get("Origin", "").lower() in settings.cors_origins
