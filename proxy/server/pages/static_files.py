"""The files of the pages over HTTP: in the coding that suits the client, kept by browsers as long as they may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.server.http.coding import choose, has_it, offered, tag_of
from proxy.server.http.problems import PUBLIC_HEADERS, problem

if TYPE_CHECKING:
    from proxy.server.pages.files import StaticFile


class StaticFiles:
    """Answers requests for files, which are given by name; ``max_age_s`` is PW_BROWSER_CACHE."""

    def __init__(self, files: Mapping[str, StaticFile], max_age_s: int) -> None:
        self._files = files
        self._max_age_s = max_age_s

    async def answer(self, request: web.Request, path: str) -> web.Response | None:
        """Serve a file; None if there is none of this name."""
        file = self._files.get(path[1:])
        if file is None:
            return None
        if request.method not in {"GET", "HEAD"}:
            return problem(405, f"{path} takes GET, HEAD.", headers={"Allow": "GET, HEAD"})
        coding = choose(request.headers.get("Accept-Encoding", ""), offered())
        tag = f'"{file.version}"'
        headers = {
            **PUBLIC_HEADERS,  # a sandboxed frame has no origin, so its scripts come from another one
            "Cache-Control": self._lifetime(request, file),
            "Cross-Origin-Resource-Policy": "cross-origin",
            "ETag": tag_of(tag, coding),
            "Vary": "Accept-Encoding",
        }
        if has_it(request.headers.get("If-None-Match", ""), tag):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = file.media_type
        if coding:
            headers["Content-Encoding"] = coding
        return web.Response(body=await file.packed(coding), headers=headers)

    def _lifetime(self, request: web.Request, file: StaticFile) -> str:
        """Say how long a browser keeps a file: as PW_BROWSER_CACHE says; a hashed address never changes."""
        if not self._max_age_s:
            return "no-cache"
        is_hashed = request.query.get("v") == file.version
        return f"public, max-age={self._max_age_s}{', immutable' if is_hashed else ''}"
