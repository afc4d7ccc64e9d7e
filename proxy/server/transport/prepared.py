"""Answers as bytes that are ready: for plain requests of readings that are fresh.

A request head is judged once; the same bytes mean the same ever after, so from
then on finding its answer is one look into a dictionary. An answer is one block
of bytes for all requests that are alike. It is written again when its ``Age`` or the ttl of
its ``Cache-Status`` is another second, when one of its sources changed, and when the cache has
to know that the reading is still in demand; until then it is valid, which is one comparison
per request. What is not plain is not answered here.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from proxy.cache.events import LinkChanged, OptionsChanged, SnapshotDiscarded, SnapshotStored
from proxy.cache.lookup import CacheResult
from proxy.server.data.readings import cache_status, negotiate
from proxy.server.gateway_api.sessions import waits_for_challenge
from proxy.server.http.addressing import locate, path_of
from proxy.server.http.admission import name_of
from proxy.server.http.coding import takes_gzip
from proxy.server.routes import RAW
from proxy.server.transport.limits import SERVER

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from proxy.cache.lookup import Lookup
    from proxy.gateways.gateway import Gateway, Gateways
    from proxy.server.context import Context
    from proxy.server.route import Route

# A head that is longer, or has a character or a shape that these lines do not, is aiohttp's business.
_LONGEST_HEAD = 2048
# Each octet fits in one place only, so that no head takes longer than its length to be refused.
_HEAD = re.compile(
    rb"(GET|HEAD) (?:http://([A-Za-z0-9.:\[\]_-]+))?(/[!\"$->@-~]*) HTTP/1\.([01])\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n){1,32})\r\n"
)
# Headers that make a request more than plain: which client, under which path, a body, another protocol.
_NOT_PLAIN: Final = frozenset(
    {
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "proxy-connection",
        "sec-websocket-key1",  # of a draft; aiohttp refuses it
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-prefix",
    }
)
# One dashboard sends a dozen heads. When there are more than this, all are judged again.
_MOST_HEADS = 256
_HEADS_OF_ONE = 64  # more with each further gateway


class RequestKey(NamedTuple):
    """What a plain request is for; requests with the same key get the same bytes."""

    gateway: Gateway
    route: Route
    method: str
    minor: int  # of the HTTP version: 1.0 or 1.1
    closes: bool
    packed: bool
    condition: str


def read_head(
    head: bytes, base_url: str, gateways: Gateways, of_port: Gateway | None = None
) -> RequestKey | None:
    """Parse a request head if it is plain and requests a reading.

    No query, one Host, no header twice, a Connection that is keep-alive or close.
    """
    match = _HEAD.fullmatch(head) if len(head) <= _LONGEST_HEAD else None
    if match is None:
        return None
    method, authority, target, minor, lines = (group.decode("ascii") for group in match.groups(b""))
    about = locate(path_of(target, base_url), gateways, of_port)
    route = about.route
    if (
        route is None
        or about.missing
        or route.endpoint
        or route.local
        or not route.public
        or method not in route.methods
    ):
        return None
    pairs = [line.partition(":") for line in lines.split("\r\n")[:-1]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in pairs}
    if len(headers) < len(pairs) or not _NOT_PLAIN.isdisjoint(headers):
        return None
    if route.path in RAW and waits_for_challenge(headers.get("user-agent", "")):
        return None
    connection = headers.get("connection", "keep-alive" if minor == "1" else "close").lower()
    host = headers.get("host")
    # RFC 9112 section 3.2.2: the host of a target that is a whole URL counts instead of the field.
    if connection not in {"keep-alive", "close"} or host is None or name_of(authority or host) is None:
        return None
    return RequestKey(
        about.gateway,
        route,
        method,
        int(minor),
        closes=connection == "close",
        packed=takes_gzip(headers.get("accept-encoding", "")),
        condition=headers.get("if-none-match", ""),
    )


class PreparedResponse:
    """The answer to one kind of request, and how often it was given since it was last counted."""

    __slots__ = ("block", "hits", "key", "reading", "seconds", "size", "status", "until")

    def __init__(self, key: RequestKey) -> None:
        self.key = key
        self.block = b""
        self.until = float("-inf")  # monotonic seconds
        self.hits = 0
        self.seconds = 0.0
        self.status = 0
        self.size = 0
        self.reading: Lookup | None = None


class PreparedResponses:
    """The answers that are ready for the clients of one port, with ``of_port`` that of a gateway's own.

    Touched only between awaits; owns nothing that has to be closed.
    """

    def __init__(self, context: Context, of_port: Gateway | None = None) -> None:
        self.now = context.clock.monotonic
        self.by_head: dict[bytes, PreparedResponse] = {}
        self._by_key: dict[RequestKey, PreparedResponse] = {}
        self._context = context
        self._of_port = of_port
        self._at_ports: dict[str, PreparedResponses] = {}
        self._by_gateway: dict[str, list[PreparedResponse]] = {}
        self._most = _MOST_HEADS + _HEADS_OF_ONE * (len(context.gateways) - 1)
        context.traffic.deferred.append(self.flush)

    def at(self, transport: asyncio.BaseTransport) -> PreparedResponses:
        """Return the answers for the port to which a client connected."""
        return self._for(self._context.gateway_at(transport))

    def at_port(self, port: int) -> PreparedResponses:
        """Return the answers for a port."""
        return self._for(self._context.ports.get(port))

    def _for(self, gateway: Gateway | None) -> PreparedResponses:
        if gateway is None:
            return self
        if gateway.id not in self._at_ports:
            self._at_ports[gateway.id] = PreparedResponses(self._context, gateway)
        return self._at_ports[gateway.id]

    def ready_for(self, head: bytes, now: float) -> PreparedResponse | None:
        """Return the answer to a request; None if it is not plain, something must be fetched for it, or logged."""
        answer = self.by_head.get(head) or self.find(head)
        return answer if answer is not None and (now < answer.until or self.renew(answer, now)) else None

    def find(self, head: bytes) -> PreparedResponse | None:
        """Return the answer to a head that is seen for the first time; None if it is not plain."""
        key = read_head(head, self._context.settings.base_url, self._context.gateways, self._of_port)
        if key is None:
            return None
        self._make_room()
        answer = self.by_head[head] = self.of(key)
        return answer

    def ready(self, key: RequestKey) -> PreparedResponse | None:
        """Return the answer to a kind of request; None if something must be fetched for it, or logged."""
        answer, now = self.of(key), self.now()
        return answer if now < answer.until or self.renew(answer, now) else None

    def of(self, key: RequestKey) -> PreparedResponse:
        """Return the answer to a kind of request, rendering it again if necessary."""
        answer = self._by_key.get(key)
        if answer is None:
            self._make_room()
            answer = self._by_key[key] = PreparedResponse(key)
            self._of(key.gateway).append(answer)
        return answer

    def _make_room(self) -> None:
        """Drop all answers when there are too many heads or kinds of request."""
        if max(len(self.by_head), len(self._by_key)) >= self._most:
            self.flush()
            self.by_head.clear()
            self._by_key.clear()
            for answers in self._by_gateway.values():
                answers.clear()

    def _of(self, gateway: Gateway) -> list[PreparedResponse]:
        """Return the answers of a gateway; subscribe to its events at the first one."""
        if gateway.id not in self._by_gateway:
            self._by_gateway[gateway.id] = []
            gateway.events.subscribe(SnapshotStored, self._on_snapshot)
            gateway.events.subscribe(SnapshotDiscarded, self._on_snapshot)
            gateway.events.subscribe(LinkChanged, self._on_link)
            gateway.events.subscribe(OptionsChanged, lambda event: self._expire(event.gateway))
        return self._by_gateway[gateway.id]

    def renew(self, answer: PreparedResponse, now: float) -> bool:
        """Render the block again; False if aiohttp has to answer because something must be fetched or logged."""
        key, context = answer.key, self._context
        self._count(answer)
        try:
            fresh = None if context.settings.access_log else context.readings.fresh(key.route, key.gateway)
        except Exception:  # noqa: BLE001 - a view's bug: on aiohttp's way it is met again, logged and answered
            return False
        if fresh is None:
            return False
        made, reading = fresh
        demand_s = key.gateway.cache.record_demand(reading.sources)
        age, ttl = made.age(now), int(made.fresh_until - now)
        cache = cache_status(CacheResult.FRESH, reading, ttl)
        got = negotiate(made, age, cache, packed=key.packed, condition=key.condition)
        lines = [f"HTTP/1.{key.minor} {got.status} {HTTPStatus(got.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in got.headers.items()]
        if got.body is not None and (got.body or key.method == "GET"):
            lines.append(f"Content-Length: {len(got.body)}")
        lines += [f"Date: {formatdate(usegmt=True)}", f"Server: {SERVER}"]
        if key.closes == bool(key.minor):  # what goes without saying is not said
            lines.append("Connection: close" if key.closes else "Connection: keep-alive")
        body = b"" if got.body is None or key.method == "HEAD" else got.body
        answer.block = "\r\n".join([*lines, "\r\n"]).encode() + body
        next_age_at = now if made.observed_at is None else made.observed_at + age + 1.0
        answer.until = min(next_age_at, made.fresh_until - ttl, now + demand_s)
        answer.status, answer.size, answer.reading = got.status, len(got.body or b""), reading
        return True

    def _on_snapshot(self, event: SnapshotStored | SnapshotDiscarded) -> None:
        """Expire the answers that contain this source, or its error."""
        self._expire(event.gateway, lambda reading: event.source in reading.sources)

    def _on_link(self, event: LinkChanged) -> None:
        """Expire the answers that lack a source: it may be available now, or missing for another reason."""
        self._expire(event.gateway, lambda reading: any(got.error for got in reading.sources.values()))

    def _expire(self, gateway: str, concerns: Callable[[Lookup], bool] = lambda _: True) -> None:
        """Expire the blocks of a gateway that an event affects, so that they are rendered again."""
        for answer in self._by_gateway[gateway]:
            if answer.reading is not None and concerns(answer.reading):
                answer.until = float("-inf")

    def flush(self) -> None:
        """Count what was answered."""
        for answer in self._by_key.values():
            self._count(answer)

    def _count(self, answer: PreparedResponse) -> None:
        if answer.hits and answer.reading is not None:
            key = answer.key
            key.gateway.cache.count(answer.reading, answer.hits)
            mean = answer.seconds / answer.hits
            fresh = CacheResult.FRESH.value
            self._context.traffic.note(
                key.route.path, key.method, answer.status, fresh, mean, answer.size, answer.hits
            )
            answer.hits, answer.seconds = 0, 0.0
