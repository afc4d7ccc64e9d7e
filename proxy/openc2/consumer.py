"""OpenC2: /.well-known/openc2 as OASIS has it, and /oc2/ as the Powerwall connector of 2018 had it.

Made where PW_OPENC2_KEY is set. Both dialects share one key, one guard against guessing and one rate;
values come from the cached sources, so that no flood of commands reaches the gateway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.core import ijson
from proxy.core.rate_limit import RateLimiter
from proxy.core.redaction import redact
from proxy.features import ActiveFeature
from proxy.openc2 import FAMILY
from proxy.openc2 import draft as openc2_draft
from proxy.openc2.commands import (
    LANGUAGES,
    PROFILE,
    Command,
    Refused,
    check_times,
    command_of,
    features_of,
    properties_of,
    quoted,
)
from proxy.openc2.properties import DRAFT, PROPERTIES
from proxy.openc2.reply import Reply, admit, report
from proxy.openc2.settings import OpenC2Settings
from proxy.openc2.transfer import (
    LONGEST_BODY,
    Envelope,
    Transfer,
    check_media_type,
    content_of,
    envelope_of,
)
from proxy.openc2.writes import Writes
from proxy.server.http.admission import bearer_of, client_of
from proxy.server.http.body import is_packed, read_body
from proxy.server.http.guard import Guard
from proxy.server.http.problems import COMMON_HEADERS, retry_after

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context
    from proxy.server.route import Route

RATE = 60  # commands per minute
_NAME = "powerwall"
_DRAFT_TYPE = "application/json; charset=utf-8"
_OK = 200


class OpenC2:
    """The consumer of OpenC2 commands. ``counts`` has them by dialect, action and status."""

    def __init__(self, context: Context) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._context = context
        key = context.settings.of(OpenC2Settings).openc2_key
        self._guard = Guard("openc2", key, context.clock.monotonic)
        self._pace = RateLimiter(RATE)
        self._writes = Writes(context)
        # The first one is meant by a command that names none.
        known = (context.gateway, *context.gateways.with_sites)
        self._gateways = {gateway.id: gateway for gateway in known}

    def active(self) -> ActiveFeature:
        """Return the parts of this feature."""
        return ActiveFeature(
            endpoints={"openc2": self._standard, "openc2_draft": self._draft},
            samples={f"powerwall_{FAMILY}": self.counts.items},
            guards=(self._guard,),
            close=self._writes.close,
        )

    # -- the standard -------------------------------------------------------------------------------

    async def _standard(self, request: web.Request, _: Route, __: Gateway) -> web.Response:
        content_type = request.headers.get("Content-Type", "")
        document = await _document(request)
        envelope = envelope_of(content_type, document, request.headers.get("X-Request-ID", ""))
        action = "none"
        try:
            await self._enter(request, {bearer_of(request), *request.headers.getall("oc2-api-key", [])})
            check_media_type(content_type)
            command = command_of(content_of(_parsed(document), envelope.transfer), self._gateways)
            action = command.action
            reply = _shaped(command, await self._obey(request, command, envelope.request_id))
        except Refused as why:
            reply = Reply(why.status, str(why), retry_after=why.retry_after)
        self.counts[envelope.transfer.value, action, str(reply.status)] += 1
        return self._answer(envelope, reply)

    async def _obey(self, request: web.Request, command: Command, request_id: str) -> Reply:
        """Carry out a command. Raises Refused."""
        gateway = self._gateways[command.gateway]
        match command.action, command.target:
            case "query", "features":
                return self._features(features_of(command), gateway)
            case "query", "properties":
                check_times(command)
                names = properties_of(command)
                return Reply(102) if command.response == "ack" else await self._properties(names, gateway)
            case "set", target if target.startswith(f"{PROFILE}:"):
                return await self._writes.carry_out(request, command, request_id, gateway)
        raise Refused(501, f"{command.action} {quoted(command.target)} is not supported")

    def _features(self, wanted: frozenset[str], gateway: Gateway) -> Reply:
        settable = self._writes.pairs(gateway)
        known = {
            "versions": list(LANGUAGES),
            "profiles": [PROFILE],
            "pairs": {"query": ["features", "properties"], **({"set": settable} if settable else {})},
            "rate_limit": self._pace.most,
        }
        return Reply(_OK, results={name: value for name, value in known.items() if name in wanted})

    async def _properties(self, names: tuple[str, ...], gateway: Gateway) -> Reply:
        known = {name: PROPERTIES[name] for name in names if name in PROPERTIES}
        if not known:
            raise Refused(404, f"no such property; known are {', '.join(PROPERTIES)}")
        found = await report(self._context, gateway, known)
        missing = [name for name in names if name not in found.values]
        notes = {"age": found.age_s, "stale": found.is_stale}
        unavailable = {"unavailable": missing} if missing else {}
        return Reply(_OK, results={PROFILE: {**found.values, **unavailable, **notes}})

    def _answer(self, envelope: Envelope, reply: Reply) -> web.Response:
        response: dict[str, Any] = {"status": reply.status}
        if reply.text:
            response["status_text"] = redact(reply.text)
        if reply.results:
            response["results"] = reply.results
        headers = {"X-Request-ID": envelope.request_id} if envelope.request_id else {}
        message: dict[str, Any] = response
        if envelope.transfer is Transfer.V1_1:
            about: dict[str, Any] = {"request_id": envelope.request_id} if envelope.request_id else {}
            about |= {"created": int(self._context.clock.wall() * 1000), "from": _NAME}
            about |= {"to": [envelope.sender]} if envelope.sender else {}
            message = {"headers": about, "body": {"openc2": {"response": response}}}
        body = b"" if reply is SILENCE else ijson.encode(message)
        return _written(reply, body, {"Content-Type": envelope.transfer.answer_type, **headers})

    # -- the draft ----------------------------------------------------------------------------------

    async def _draft(self, request: web.Request, _: Route, __: Gateway) -> web.Response:
        document = await _document(request)
        reply, results = Reply(_OK), None
        try:
            keys = (request.headers.getall(name, []) for name in ("oc2-api-key", "apikey"))
            await self._enter(request, {key for shown in keys for key in shown})
            content_type = request.headers.get("Content-Type", "")
            name = openc2_draft.property_of(content_type, _parsed(document))
            gateway = self._gateways[openc2_draft.gateway_of(document, self._gateways)]
            results = _description() if name is None else await self._property(name, gateway)
        except Refused as why:
            reply, results = Reply(why.status, retry_after=why.retry_after), "failed"
        action = "query" if openc2_draft.action_of(document) == "query" else "none"
        self.counts["draft", action, str(reply.status)] += 1
        answer = {"id_ref": openc2_draft.id_of(document), "status": str(reply.status), "results": results}
        return _written(reply, ijson.encode(answer), {"Content-Type": _DRAFT_TYPE})

    async def _property(self, name: str, gateway: Gateway) -> Any:
        """Report one property of a gateway in the connector's form."""
        if name not in DRAFT:
            raise Refused(404, "no such property")
        value = (await report(self._context, gateway, {name: DRAFT[name]})).values[name]
        key = DRAFT[name].key
        return value if key is None else {key: value}

    # -- access control -----------------------------------------------------------------------------

    async def _enter(self, request: web.Request, keys: Iterable[str | None]) -> None:
        """Refuse a client without TLS (unless that is allowed), without the key, or at too high a rate. Raises Refused."""
        settings = self._context.settings
        is_secure = request.secure or settings.https == "http"
        if not is_secure and not settings.of(OpenC2Settings).openc2_insecure:
            raise Refused(403, "OpenC2 needs TLS: set PW_HTTPS, or PW_OPENC2_INSECURE=yes")
        await admit(self._guard, keys, client_of(request, settings), "key")
        if (wait := self._pace.admit(self._context.clock.monotonic())) > 0:
            raise Refused(503, f"more than {self._pace.most} commands a minute", retry_after=wait)


# The reply where none was requested: a 200 without a body, because HTTP has a response to every request.
SILENCE = Reply(_OK)


def _shaped(command: Command, reply: Reply) -> Reply:
    """Answer as much as was requested; errors are reported in any case."""
    if reply.status != _OK or command.response == "complete":
        return reply
    return SILENCE if command.response == "none" else replace(reply, results=None)


async def _document(request: web.Request) -> Any:
    """Return the body as a document; the Refused that says why, if it is none."""
    if is_packed(request):
        return Refused(400, "the body is not compressed")
    body = await read_body(request, LONGEST_BODY)
    if body is None:
        return Refused(400, f"a command has at most {LONGEST_BODY} bytes")
    try:
        return ijson.parse(body)
    except ValueError as exc:
        return Refused(400, f"the body is not JSON as RFC 7493 has it: {_reason(exc)}")


def _reason(exc: ValueError) -> str:
    return "not UTF-8" if isinstance(exc, UnicodeError) else str(exc)


def _parsed(document: Any) -> Any:
    if isinstance(document, Refused):
        raise document
    return document


def _description() -> dict[str, Any]:
    """Describe what the draft can query."""
    return {"action": "query", "target": {"property": [{name: row.kind} for name, row in DRAFT.items()]}}


def _written(reply: Reply, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """Write an answer. The acknowledgement is a 200: no server can finish with an interim code of HTTP."""
    headers = {**headers, "Cache-Control": "no-cache", **COMMON_HEADERS}
    if reply.retry_after is not None:
        headers["Retry-After"] = retry_after(reply.retry_after)
    if reply.status == 401:  # noqa: PLR2004 - RFC 9110 section 15.5.2
        headers["WWW-Authenticate"] = 'Bearer realm="openc2"'
    return web.Response(status=_OK if reply.status == 102 else reply.status, body=body, headers=headers)  # noqa: PLR2004 - Processing
