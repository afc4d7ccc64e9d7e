"""A small web app of our own making, in the place of the one that gateways serve at ``/``.

Its files have what a proxy must handle: cookies, validators, long-lived hashed
assets, a large file, absolute links to ``/api``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from proxy.sim.answers import NO_PAGE, Answer
from proxy.sim.gateway import Request

NOTHING_CHANGED = 304
LARGE = 4 * 1024 * 1024
LAST_MODIFIED = "Thu, 16 Dec 2021 14:13:25 GMT"

_INDEX: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Simulated gateway</title>
<link rel="stylesheet" href="/app.css">
<link rel="icon" href="/favicon.svg">
</head>
<body>
<main id="app">
<h1>Simulated gateway</h1>
<p>Solar <output id="solar">-</output> W, charge <output id="charge">-</output> %</p>
<p id="login" hidden>Please log in</p>
</main>
<script src="/app.3f9c2b71.js"></script>
</body>
</html>
"""
_SCRIPT: Final = """"use strict";
async function show() {
  const [meters, soe] = await Promise.all(
    ["/api/meters/aggregates", "/api/system_status/soe"].map((path) => fetch(path)));
  document.getElementById("login").hidden = meters.ok && soe.ok;
  if (!meters.ok || !soe.ok) return;
  document.getElementById("solar").value = Math.round((await meters.json()).solar.instant_power);
  document.getElementById("charge").value = Math.round((await soe.json()).percentage);
}
show();
setInterval(show, 5000);
"""
_STYLE: Final = "body { font-family: sans-serif; background: #111; color: #eee; }\n"
_ICON: Final = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1H0z"/></svg>\n'


@dataclass(frozen=True, slots=True)
class File:
    """A file of the app: its type, its content and how long browsers may keep it."""

    media_type: str
    body: bytes
    cache_control: str = "no-cache"

    @property
    def etag(self) -> str:
        """A strong validator."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


FILES: Final[dict[str, File]] = {
    "/": File("text/html; charset=utf-8", _INDEX.encode(), "no-cache, no-store"),
    "/index.html": File("text/html; charset=utf-8", _INDEX.encode()),
    "/app.js": File("application/javascript", _SCRIPT.encode()),
    "/app.3f9c2b71.js": File("application/javascript", _SCRIPT.encode(), "max-age=31536000, immutable"),
    "/app.css": File("text/css", _STYLE.encode(), "max-age=3600"),
    "/favicon.svg": File("image/svg+xml", _ICON.encode(), "max-age=86400"),
    "/large.bin": File("application/octet-stream", bytes(range(256)) * (LARGE // 256), "max-age=3600"),
}


def page(request: Request, *, exists: bool) -> Answer:
    """Serve a file if the gateway has an app at all, with a cookie on the first page and 304 for a validator that still holds."""
    file = FILES.get(request.path)
    if not exists or file is None or request.method not in {"GET", "HEAD"}:
        return NO_PAGE
    headers = {"ETag": file.etag, "Last-Modified": LAST_MODIFIED, "Cache-Control": file.cache_control}
    tags = request.headers.get("If-None-Match")
    # As gateways' web servers do it: the date has to be the same.
    unchanged = file.etag in tags if tags else request.headers.get("If-Modified-Since") == LAST_MODIFIED
    if unchanged:
        return Answer(NOTHING_CHANGED, b"", "", headers)
    cookies = ("visited=yes; Path=/; HttpOnly",) if request.path == "/" else ()
    return Answer(200, file.body, file.media_type, headers, cookies)
