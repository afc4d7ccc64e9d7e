"""What a client of /control sent: fields and token; and how it is refused when that is wrong.

A field that comes twice is refused, because two readers might take different ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from proxy.core import ijson
from proxy.core.model import JSON
from proxy.server.http.admission import secret_of
from proxy.server.http.body import is_packed, read_body
from proxy.server.http.problems import private

if TYPE_CHECKING:
    from proxy.core.commands import Raw

LONGEST_BODY = 4096
_MOST_FIELDS = 16
_FORMS = frozenset({"application/x-www-form-urlencoded", "application/octet-stream"})  # the latter: unsaid
INVALID = "Control Command Error: Invalid Request"


class Refused(Exception):
    """A request that is answered without a request to the gateway; ``outcome`` names why in the metrics."""

    def __init__(self, response: web.Response, outcome: str = "invalid") -> None:
        super().__init__(outcome)
        self.response = response
        self.outcome = outcome


def invalid(status: int, error: str, detail: str = "") -> Refused:
    """Refuse a request for what it says. ``error`` are the words of the contract, ``detail`` ours."""
    return Refused(private(status, {"error": error, "detail": detail or error}))


async def fields_of(request: web.BaseRequest) -> dict[str, Raw]:
    """Read the body, a form or a JSON object; a field that is named twice is refused. Raises Refused."""
    body = await _body(request)
    try:
        if _is_json(request, body):
            fields = ijson.parse(body)
        elif request.content_type in _FORMS:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
            )
            fields = ijson.once(pairs)
        else:
            raise invalid(415, INVALID, f"The body is a form or {JSON}.")
    except ValueError as exc:
        raise invalid(400, INVALID) from exc
    if not isinstance(fields, dict) or any(isinstance(v, dict | list) or v is None for v in fields.values()):
        raise invalid(400, INVALID, "The body is an object of texts, numbers and true or false.")
    return fields


def _is_json(request: web.BaseRequest, body: bytes) -> bool:
    """Say whether the body is JSON by its type or, without one, by how it begins."""
    if "Content-Type" not in request.headers:
        return body.lstrip()[:1] in {b"{", b"["}
    return request.content_type == JSON or request.content_type.endswith("+json")


async def _body(request: web.BaseRequest) -> bytes:
    if "Content-Length" not in request.headers and "Transfer-Encoding" not in request.headers:
        raise invalid(400, INVALID, "The body is missing.")
    if is_packed(request):
        raise invalid(415, INVALID, "The body is not compressed.")
    body = await read_body(request, LONGEST_BODY)
    if body is None:
        raise invalid(400, INVALID, f"The body has at most {LONGEST_BODY} bytes.")
    return body


def token_of(request: web.BaseRequest, fields: Mapping[str, Any]) -> str | None:
    """Find the token: in the body or as a bearer, not both. Raises Refused."""
    if len(request.headers.getall("Authorization", [])) + ("token" in fields) > 1:
        raise invalid(400, INVALID, "The token is sent once: in the body or as Authorization.")
    token = fields.get("token")
    return token if isinstance(token, str) else secret_of(request)
