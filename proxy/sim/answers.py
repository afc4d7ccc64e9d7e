"""An answer as a value, and the gateway's way of writing JSON and errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body; cookies are raw Set-Cookie values, sent as they are."""

    status: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


def plain_numbers(document: Any) -> Any:
    """Print 72.0 as 72, as the gateway's language does with whole floats."""
    if isinstance(document, float) and document.is_integer():
        return int(document)
    if isinstance(document, dict):
        return {key: plain_numbers(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [plain_numbers(value) for value in document]
    return document


def encode(document: Any) -> bytes:
    """Write compact JSON in the order of the keys, ending in a newline."""
    return json.dumps(plain_numbers(document), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def answer(document: Any, status: int = 200) -> Answer:
    """Answer with a JSON document."""
    return Answer(status, encode(document))


def refusal(status: int, message: str, error: str | None = None) -> Answer:
    """Answer with an error as the gateway words it."""
    body: dict[str, Any] = {"code": status}
    if error is not None:
        body["error"] = error
    return Answer(status, encode({**body, "message": message}).rstrip(b"\n"))


NOT_FOUND = refusal(404, "File Not Found", "File Not Found")
NO_PAGE = Answer(404, b"404 page not found\n", TEXT)
STOPPED = Answer(502, b"", "")
OVERLOADED = Answer(503, b"", "")
RATE_LIMITED = refusal(429, "API Limit Reached", "Api Limit reached for this endpoint")
TOKEN_EXPIRED = refusal(401, "Token Expired")
METHOD_NOT_ALLOWED = Answer(405, b"", "")


def forbidden(method: str) -> Answer:
    """Answer a request without the rights for it."""
    return refusal(403, "User does not have adequate access rights", f"Unable to {method} to resource")


Edit = Callable[[Any], Any]


def edited(original: Answer, edit: Edit) -> Answer:
    """Let ``edit`` change the JSON document of an answer."""
    return Answer(original.status, encode(edit(json.loads(original.body))), original.media_type)
