"""The one handler of cached readings: from a row of ROUTES to an answer.

A representation is made at the first request after one of its sources changed,
and kept until the next change; its lifetime is that of its oldest snapshot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.cache.lookup import CacheResult, Lookup, SourceResult
from proxy.core.errors import NotSupported
from proxy.core.model import OCTETS, Snapshot, Source
from proxy.server.http.coding import GZIP, has_it, pack, tag_of, takes_gzip
from proxy.server.http.problems import PUBLIC_HEADERS, unavailable
from proxy.server.route import Legacy, Route, Style
from proxy.views.json_access import finite

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.core.errors import GatewayError
    from proxy.gateways.gateway import Gateway
    from proxy.views.options import Options

# Below this, gzip and its headers cost more bytes than they save.
_GZIP_FROM = 860
_WORST_FIRST = (
    CacheResult.ERROR,
    CacheResult.STALE,
    CacheResult.REVALIDATE,
    CacheResult.MISS,
    CacheResult.FRESH,
)
_STYLES: Mapping[Style, Mapping[str, Any]] = {
    Style.LINE: {},
    Style.PRETTY: {"indent": 4, "sort_keys": True},
    Style.COMPACT: {"separators": (",", ":")},
}


@dataclass(slots=True)
class Representation:
    """The bytes of a route for certain revisions of its sources, or names of unknown ones (RFC 9110 section 3.2).

    ``observed_at`` and ``fresh_until`` are monotonic seconds: those of the oldest snapshot. What is
    made of no snapshot is made again for every answer, so to speak: it has no age.
    """

    body: bytes
    media_type: str
    etag: str
    options: Options
    revisions: tuple[int | Source, ...]
    observed_at: float | None
    fresh_until: float
    notes: Mapping[str, str]
    _gzipped: bytes | None = field(default=None, repr=False)

    def age(self, now: float) -> int:
        """Return its age in whole seconds, as the field Age has it (RFC 9111 section 5.1)."""
        return 0 if self.observed_at is None else max(int(now - self.observed_at), 0)

    @property
    def gzipped(self) -> bytes | None:
        """The body compressed, or None where that does not pay (small, or binary for strict readers)."""
        if len(self.body) < _GZIP_FROM or self.media_type == OCTETS:
            return None
        if self._gzipped is None:
            self._gzipped = pack(self.body, GZIP)
        return self._gzipped


@dataclass(frozen=True, slots=True)
class Answer:
    """A representation in the form that a client receives. None as body means no body (304), not an empty one."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class Readings:
    """Renders routes from the snapshots of gateways, with the options of each."""

    def __init__(self, clock: Clock, *, legacy_errors: bool) -> None:
        self._clock = clock
        self._legacy_errors = legacy_errors
        self._memo: dict[tuple[str, Route, bool], Representation] = {}

    async def answer(
        self, request: web.BaseRequest, route: Route, gateway: Gateway
    ) -> tuple[web.Response, str]:
        """Answer a request for a data route; also say how, as the metrics call it."""
        reading = await self.obtain(route, gateway)
        options = _options(request, route, gateway)
        error = reading.error(route.sources) or refusal(route, reading)
        if error is not None:
            return self._failed(route, options, error), CacheResult.ERROR.value
        representation = self._represent(route, gateway, options, reading)
        if representation.observed_at is None:
            return self.respond(request, representation, ""), "none"
        result = worst(reading)
        status = cache_status(result, reading, representation.fresh_until - self._clock.monotonic())
        return self.respond(request, representation, status), result.value

    async def obtain(self, route: Route, gateway: Gateway) -> Lookup:
        """Get the sources of a route, and the substitute of one that this gateway does not offer."""
        cache = gateway.cache
        ends = self._clock.monotonic() + cache.deadline_s
        reading = await cache.get(route.sources + route.offered + route.optional)
        for source, substitute in route.instead:
            if reading.sources[source].is_absent:
                left = max(ends - self._clock.monotonic(), 0.0)
                reading = substituted(reading, source, await cache.get((substitute,), left))
        return reading

    def fresh(self, route: Route, gateway: Gateway) -> tuple[Representation, Lookup] | None:
        """Return the representation of a route and what it is made of if all of it is fresh; sends nothing."""
        reading = obtain_fresh(route, gateway)
        if reading is None or reading.error(route.sources) or refusal(route, reading):
            return None
        made = self._represent(route, gateway, gateway.options, reading)
        return None if made.observed_at is None else (made, reading)

    def respond(self, request: web.BaseRequest, made: Representation, cache: str) -> web.Response:
        """Give the representation in the coding that the client takes, or 304 if it has it."""
        takes = takes_gzip(request.headers.get("Accept-Encoding", ""))
        age = made.age(self._clock.monotonic())
        answer = negotiate(made, age, cache, packed=takes, condition=request.headers.get("If-None-Match", ""))
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    def _represent(self, route: Route, gateway: Gateway, options: Options, reading: Lookup) -> Representation:
        known = [got.snapshot for got in reading.sources.values() if got.snapshot is not None]
        unknown = [source for source in route.optional if _is_unknown(reading.sources[source])]
        revisions: tuple[int | Source, ...] = (*(snapshot.revision for snapshot in known), *unknown)
        key = (gateway.id, route, options.headers)
        made = self._memo.get(key)
        if made is None or made.revisions != revisions or made.options != options:
            made = self._memo[key] = self._make(route, options, known, unknown, revisions)
        return made

    def _make(
        self,
        route: Route,
        options: Options,
        snapshots: Sequence[Snapshot],
        unknown: Sequence[Source],
        revisions: tuple[int | Source, ...],
    ) -> Representation:
        by_source = {snapshot.source: snapshot for snapshot in snapshots}
        if route.view is None:
            document = by_source[route.sources[0]].document
            body, media_type = document.body, document.media_type
        else:
            values = {source: snapshot.document.value for source, snapshot in by_source.items()}
            values |= dict.fromkeys(unknown)
            body, media_type = encode(route.view(values, options), route.style), route.media_type
        return Representation(
            body=body,
            media_type=media_type,
            etag=f'"{hashlib.blake2b(body, digest_size=9).hexdigest()}"',
            options=options,
            revisions=revisions,
            observed_at=min((s.observed_at for s in snapshots), default=None),
            fresh_until=min((s.fresh_until for s in snapshots), default=0.0),
            notes={name: note for s in snapshots for name, note in s.document.notes.items()},
        )

    def _failed(self, route: Route, options: Options, error: GatewayError) -> web.Response:
        if not self._legacy_errors:
            return unavailable(error)
        body: bytes = route.legacy.value
        if route.view and (route.legacy is Legacy.VIEW or options.headers):
            nothing = encode(route.view({}, options), route.style)
            body = nothing if route.legacy is Legacy.VIEW else nothing.split(b"\n", 1)[0] + b"\n" + body
        return web.Response(body=body, headers={"Content-Type": route.media_type, **PUBLIC_HEADERS})


def obtain_fresh(route: Route, gateway: Gateway) -> Lookup | None:
    """Get what ``Readings.obtain`` would, if no request is needed for it and all of it is fresh."""
    reading = gateway.cache.get_fresh(route.sources + route.offered + route.optional)
    for source, substitute in route.instead:
        if reading is not None and reading.sources[source].is_absent:
            other = gateway.cache.get_fresh((substitute,))
            reading = other and substituted(reading, source, other)
    return reading


def _options(request: web.BaseRequest, route: Route, gateway: Gateway) -> Options:
    if "headers" in route.query and "headers" in request.query:
        return replace(gateway.options, headers=True)
    return gateway.options


def encode(value: Any, style: Style) -> bytes:
    """Write a view's result; text goes out as it is."""
    if isinstance(value, str):
        return value.encode()
    try:
        return json.dumps(value, allow_nan=False, **_STYLES[style]).encode()
    except ValueError:  # a number that JSON cannot express: no client could read the answer
        return json.dumps(finite(value), **_STYLES[style]).encode()


def substituted(reading: Lookup, source: Source, other: Lookup) -> Lookup:
    """Add the substitute of a source; its error is the error of that source."""
    found = next(iter(other.sources.values()))
    failed = {source: found} if found.snapshot is None else {}
    return Lookup({**reading.sources, **other.sources, **failed})


def refusal(route: Route, reading: Lookup) -> GatewayError | None:
    """Return why a source cannot be had that this gateway offers; what it does not offer is no error."""
    errors = (reading.error((source,)) for source in route.offered)
    for error in errors:
        if error and error.is_failure:
            return error
    return None if route.view else _of_another_kind(route, reading)


def _of_another_kind(route: Route, reading: Lookup) -> NotSupported | None:
    """Return that a document cannot go out as it is: TEDAPI's vitals are JSON, and readers expect protobuf."""
    snapshot = reading.sources[route.sources[0]].snapshot if route.sources else None
    if snapshot is None or snapshot.document.media_type == route.media_type:
        return None
    return NotSupported(f"{route.path} is not available as {route.media_type} from this gateway")


def _is_unknown(got: SourceResult) -> bool:
    """Say whether a source exists and cannot be read now, unlike one that this gateway does not offer."""
    return got.snapshot is None and not got.is_absent


def worst(reading: Lookup) -> CacheResult:
    """Say how a reading was obtained: as its worst source was. A source that is absent does not count."""
    seen = {got.result for got in reading.sources.values() if got.snapshot is not None}
    return next((result for result in _WORST_FIRST if result in seen), CacheResult.ERROR)


def cache_status(result: CacheResult, reading: Lookup, ttl: float) -> str:
    """Write the Cache-Status of an answer (RFC 9211)."""
    match result:
        case CacheResult.FRESH:
            return f"powerwall-proxy; hit; ttl={int(ttl)}"
        case CacheResult.REVALIDATE:
            return f"powerwall-proxy; hit; ttl={int(ttl)}; detail=stale-while-revalidate"
        case CacheResult.MISS:
            return "powerwall-proxy; fwd=miss; stored"
    error = next(got.error for got in reading.sources.values() if got.result is CacheResult.STALE)
    detail = f"; detail={error.code()}" if error else ""
    return f"powerwall-proxy; hit; ttl={int(ttl)}{detail}"


def negotiate(made: Representation, age: int, cache: str, *, packed: bool, condition: str) -> Answer:
    """Choose the coding (``packed``: gzip is welcome), or 304 for a client whose condition names what it has."""
    headers = {
        "Content-Type": made.media_type,
        "ETag": made.etag,
        "Age": str(age),
        **({"Cache-Status": cache} if cache else {}),
        **made.notes,
        "Cache-Control": "no-cache",
        **PUBLIC_HEADERS,
    }
    body = made.body
    if made.gzipped is not None:
        headers["Vary"] = "Accept-Encoding"
        if packed:
            headers["Content-Encoding"] = GZIP
            headers["ETag"] = tag_of(made.etag, GZIP)
            body = made.gzipped
    if has_it(condition, made.etag):
        headers.pop("Content-Encoding", None)
        return Answer(304, headers, None)
    return Answer(200, headers, body)
