"""The gateway's own web app, handed through: files only, never its API, never its session.

Bodies are passed on chunk by chunk. Files of moderate size are kept (RFC 9111) in a cache
bounded in bytes, so that a page that is opened ten times costs the gateway one reading of
it. Each file is fetched once at a time, a few of them at once, at the gateway's pace, not at the
client's; one that comes too slowly is given up. What the gateway does not have is remembered
for a minute, and however much is requested here, the gateway is sent requests for an app's worth of
files at once and then for one a second.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from aiohttp import web
from cachetools import LRUCache, TTLCache
from multidict import CIMultiDict

from proxy.core.errors import GatewayError, NotSupported, RateLimited, SourceUnavailable
from proxy.core.subject import about
from proxy.drivers.base import FILES_AT_ONCE, Asset, AssetOrigin
from proxy.server.gateway_api.conditions import for_origin, is_unchanged, tag_for
from proxy.server.http.buffered import BufferBudget, BufferedResponse, next_part
from proxy.server.http.coding import takes_gzip
from proxy.server.http.problems import COMMON_HEADERS, problem

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.cache.source_cache import SourceCache
    from proxy.config.settings import Settings
    from proxy.core.clock import Clock

_CACHE_BYTES: Final = 16 * 1024 * 1024
_LARGEST: Final = 4 * 1024 * 1024  # a larger file is only passed on
_MISSING_S: Final = 60.0
# An app of older firmware loads 34 files. Files should not be requested more often than readings:
# a client that makes the gateway answer 429 has silenced it for all clients.
_AT_ONCE: Final = 40.0
_PER_S: Final = 1.0
# How long a client waits for others' files, and how slowly a file may come: so long for its beginning, then bytes/s.
_TURN_S: Final = 10.0
_BEGIN_S: Final = 10.0
_SLOWEST: Final = 4096
_WAITING_BYTES: Final = 16 * 1024 * 1024  # read, but not taken yet by slow clients
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)*(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*)?")
_LONGEST_PATH: Final = 200
_INTERFACES: Final = ("/api", "/tedapi")  # the gateway's, which are no files
_TO_GATEWAY: Final = ("Accept", "Accept-Language", "If-None-Match", "If-Modified-Since", "Range")
# Hop by hop (RFC 9110 section 7.6.1), the session, and what is said about the gateway's own
# origin: the proxy is another one, may be framed, and must not be bound to TLS by the gateway.
_DROPPED: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "set-cookie", "x-frame-options", "strict-transport-security"),
        *("content-security-policy", "server", "access-control-allow-origin", "alt-svc"),
    }
)
_PASSED_ON: Final = frozenset({200, 206, 304})
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_STATUS: Final = {
    "hit": "hit",
    "revalidated": "fwd=stale; fwd-status=304",
    "stale": "hit; detail=gateway-away",
}
_MAX_AGES = [re.compile(rf"(?:^|[\s,]){name}=(\d{{1,9}})") for name in ("s-maxage", "max-age")]
_STRICT = ("must-revalidate", "proxy-revalidate", "s-maxage")  # without no-cache: the page would be blank


@dataclass(frozen=True, slots=True)
class Kept:
    """A complete file: its end headers, the gateway's tag, its body, when it was received and until when it is fresh."""

    headers: Mapping[str, str]
    tag: str
    body: bytes
    stored_at: float
    fresh_until: float


class Passthrough:
    """Serves files of the gateway's web app."""

    def __init__(self, gateway: SourceCache, clock: Clock, settings: Settings) -> None:
        self._gateway = gateway
        self._now = clock.monotonic
        self._browser_cache = settings.browser_cache
        # A page in a frame of another site sees a cookie only if it says so, and may say so only over TLS.
        is_secure = settings.https == "http" or settings.scheme == "https"
        same_site = "SameSite=None; Secure" if is_secure else "SameSite=Lax"
        self._cookie = f"1234567890; Path={settings.base_url}; {same_site}"
        self._kept: LRUCache[tuple[str, bool], Kept] = LRUCache(_CACHE_BYTES, getsizeof=_weight)
        self._missing: TTLCache[str, bool] = TTLCache(1024, _MISSING_S, timer=self._now)
        self._slots = asyncio.Semaphore(FILES_AT_ONCE)
        self._fetching: WeakValueDictionary[tuple[str, bool], asyncio.Lock] = WeakValueDictionary()
        self._room = BufferBudget(_WAITING_BYTES)
        self._allowance = _AT_ONCE
        self._counted_at = self._now()
        self.results: dict[str, int] = {}

    @property
    def bytes(self) -> int:
        """Bytes held."""
        return int(self._kept.currsize)

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        """Serve the file at ``path``. Raises GatewayError, also for what there is not."""
        if request.method not in {"GET", "HEAD"}:
            return problem(405, "Files are read with GET or HEAD.", headers={"Allow": "GET, HEAD"})
        if path.lower().startswith(_INTERFACES) or len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
            raise NotSupported("no such file")
        key = (path, takes_gzip(request.headers.get("Accept-Encoding", "")))
        kept = self._kept.get(key)
        if kept is not None and self._now() < kept.fresh_until:
            return self._serve(request, kept, "hit")
        async with self._turn(key):
            kept = self._kept.get(key)
            try:
                with about(self._gateway.name):
                    found = await self._fetch(request, key, kept)
            except GatewayError as error:
                if kept is None or not error.is_failure or _is_strict(kept.headers):
                    raise
                return self._serve(request, kept, "stale")
        # The gateway and the next client need not wait for this one.
        return await found.end() if isinstance(found, BufferedResponse) else found

    @asynccontextmanager
    async def _turn(self, key: tuple[str, bool]) -> AsyncIterator[None]:
        """Be the only one to fetch this file, and one of few to fetch any. Raises SourceUnavailable after a while."""
        lock = self._fetching.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(_TURN_S):
                await lock.acquire()
                try:
                    await self._slots.acquire()
                except BaseException:
                    lock.release()
                    raise
        except TimeoutError as exc:
            raise SourceUnavailable("other files keep the gateway busy", retry_after=_TURN_S) from exc
        try:
            yield
        finally:
            self._slots.release()
            lock.release()

    async def _fetch(
        self, request: web.Request, key: tuple[str, bool], kept: Kept | None
    ) -> web.StreamResponse | BufferedResponse:
        if kept is not None and self._now() < kept.fresh_until:
            return self._serve(request, kept, "hit")  # the request before this one fetched it
        link = self._link(key[0])
        headers = {name: request.headers[name] for name in _TO_GATEWAY if name in request.headers}
        headers["Accept-Encoding"] = "gzip" if key[1] else "identity"
        if "If-Range" in request.headers:
            headers.pop("Range", None)  # whether it holds is not known here; a whole file is always right
        if kept is not None and "Range" not in headers:
            headers.pop("If-Modified-Since", None)
            headers["If-None-Match"] = kept.tag or '""'
        elif "If-None-Match" in headers:
            headers["If-None-Match"] = for_origin(headers["If-None-Match"])
        async with link.stream(key[0], headers) as asset:
            if kept is not None and asset.status == _NOT_MODIFIED and "Range" not in headers:
                kept = replace(kept, stored_at=self._now(), fresh_until=self._now() + _lifetime(kept.headers))
                self._kept[key] = kept
                return self._serve(request, kept, "revalidated")
            self._check(key[0], asset)
            return await self._pass_on(request, key, asset)

    def _link(self, path: str) -> Link:
        """Choose the link to the files, unless it is in cooldown, the name is not worth a request, or there were too many."""
        link = next((link for link in self._gateway.links if isinstance(link.driver, AssetOrigin)), None)
        if link is None:
            raise NotSupported("this gateway has no web app")
        if path in self._missing:
            raise NotSupported("no such file")
        now = self._now()
        self._allowance = min(_AT_ONCE, self._allowance + (now - self._counted_at) * _PER_S)
        self._counted_at = now
        if self._allowance < 1:
            raise SourceUnavailable("too many files are requested of the gateway", retry_after=1 / _PER_S)
        self._allowance -= 1
        return link

    def _check(self, path: str, asset: Asset) -> None:
        """Raise for an answer that is no file."""
        if asset.status in _PASSED_ON:
            return
        if asset.status == 429:  # noqa: PLR2004 - RFC 6585
            raise RateLimited("too many requests (429)")
        if asset.status >= 500:  # noqa: PLR2004 - server errors, RFC 9110 section 15.6
            raise SourceUnavailable(f"the gateway answered {asset.status}")
        self._missing[path] = True
        raise NotSupported("no such file")

    async def _pass_on(
        self, request: web.Request, key: tuple[str, bool], asset: Asset
    ) -> web.StreamResponse | BufferedResponse:
        """Send the file while it comes; keep it if it is complete and not too large."""
        headers = {
            name.lower(): value for name, value in asset.headers.items() if name.lower() not in _DROPPED
        }
        headers["etag"] = tag_for(asset.headers, request.headers.get("If-None-Match", ""))
        response = web.StreamResponse(status=asset.status, headers=self._headers(headers, "fwd=miss"))
        await response.prepare(request)
        keeps = asset.status == _OK and "Range" not in request.headers and _may_keep(asset.headers)
        parts: list[bytes] = []
        size = 0
        deadline = asyncio.get_running_loop().time() + _BEGIN_S
        delivery = BufferedResponse(request, response, self._room)
        is_whole = False
        try:
            if request.method == "GET" and asset.status != _NOT_MODIFIED:
                while chunk := await next_part(asset.chunks, deadline + size / _SLOWEST):
                    size += len(chunk)
                    keeps = keeps and size < _LARGEST
                    if keeps:
                        parts.append(chunk)
                    else:
                        parts.clear()
                    delivery.add(chunk)
            is_whole = True
        except (GatewayError, OSError):  # the gateway's, or the client's
            return response
        finally:
            if not is_whole:
                delivery.break_off()
        if keeps and request.method == "GET":
            now = self._now()
            tag = asset.headers.get("ETag", "")
            self._keep(key, Kept(headers, tag, b"".join(parts), now, now + _lifetime(headers)))
        self._count("miss")
        return delivery

    def _keep(self, key: tuple[str, bool], kept: Kept) -> None:
        is_whole = "content-length" not in kept.headers or int(kept.headers["content-length"]) == len(
            kept.body
        )
        if is_whole and _weight(kept) <= _CACHE_BYTES:
            self._kept[key] = kept

    def _serve(self, request: web.Request, kept: Kept, result: str) -> web.Response:
        self._count(result)
        headers = self._headers(kept.headers, _STATUS[result])
        headers["Age"] = str(int(self._now() - kept.stored_at))
        if is_unchanged(request.headers, kept.headers["etag"], kept.headers.get("last-modified", "")):
            for name in ("Content-Length", "Content-Encoding", "Content-Type"):
                headers.pop(name, None)
            return web.Response(status=_NOT_MODIFIED, headers=headers)
        headers.pop("Content-Length", None)
        return web.Response(body=kept.body, headers=headers)

    def _headers(self, headers: Mapping[str, str], cache: str) -> CIMultiDict[str]:
        sent = CIMultiDict({**headers, **COMMON_HEADERS, "Cache-Status": f"powerwall-proxy; {cache}"})
        if not sent["ETag"]:
            del sent["ETag"]
        if (
            "accept-encoding" not in sent.get("Vary", "").lower()
        ):  # whatever the gateway says: we choose by it
            sent["Vary"] = ", ".join(filter(None, [sent.get("Vary"), "Accept-Encoding"]))
        if headers.get("content-type", "").startswith("text/html"):
            # The app wants to see a session before it shows anything; it is given no real one.
            for name in ("AuthCookie", "UserRecord"):
                sent.add("Set-Cookie", f"{name}={self._cookie}")
        elif self._browser_cache:
            sent["Cache-Control"] = f"max-age={self._browser_cache}"
        return sent

    def _count(self, result: str) -> None:
        self.results[result] = self.results.get(result, 0) + 1


def _weight(kept: Kept) -> int:
    return len(kept.body) + 1024


def _may_keep(headers: Mapping[str, str]) -> bool:
    """Say whether a shared cache may store the answer (RFC 9111 section 3)."""
    control = headers.get("Cache-Control", "").lower()
    varies = headers.get("Vary", "").lower() not in {"", "accept-encoding"}
    return not ("no-store" in control or "private" in control or varies)


def _is_strict(headers: Mapping[str, str]) -> bool:
    """Say whether an answer may not be served stale, whatever happened (RFC 9111 section 4.2.4)."""
    return any(directive in headers.get("cache-control", "").lower() for directive in _STRICT)


def _lifetime(headers: Mapping[str, str]) -> float:
    """Return for how many seconds an answer is fresh; 0: validate each time."""
    control = headers.get("cache-control", "").lower()
    said = [found[1] for each in _MAX_AGES if (found := each.search(control)) and "no-cache" not in control]
    return float(said[0]) if said else 0.0
