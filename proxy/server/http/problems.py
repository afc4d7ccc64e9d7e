"""Errors as answers: RFC 9457 problem documents with the right status; and which parts other origins may read.

The body of a problem has neither ``error`` nor ``code`` at its top: programs made for the
gateway take those for something else (docs/protocol.md, "Client programs").
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from proxy.core.errors import GatewayError
from proxy.core.model import JSON
from proxy.core.redaction import redact

MEDIA_TYPE = "application/problem+json"
_LONGEST_WAIT_S = 600
# As RFC 9110 has them; Python before 3.13 has the names of RFC 2616.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long"}
# What every answer carries, so that no browser guesses types or reports where it came from.
COMMON_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
PUBLIC_HEADERS = {**COMMON_HEADERS, "Access-Control-Allow-Origin": "*"}


def problem(
    status: int, detail: str, *, title: str = "", code: str = "", headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with a problem document. ``detail`` is one sentence: what is wrong and what would be right."""
    document = {
        "type": f"urn:powerwall-proxy:{code}" if code else "about:blank",
        "title": title or _PHRASES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": redact(detail),
    }
    return web.Response(
        status=status,
        body=json.dumps(document).encode(),
        headers={
            "Content-Type": MEDIA_TYPE,
            "Cache-Control": "no-store",
            **PUBLIC_HEADERS,
            **(headers or {}),
        },
    )


def private(
    status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with a document that no web page of another origin may read and no cache may keep."""
    return web.Response(
        status=status,
        body=json.dumps(document).encode(),
        headers={"Content-Type": JSON, "Cache-Control": "no-store", **COMMON_HEADERS, **(headers or {})},
    )


def retry_after(seconds: float | None) -> str:
    """Write a Retry-After: whole seconds, from 1 to 600."""
    return str(min(max(math.ceil(seconds or 1), 1), _LONGEST_WAIT_S))


def unavailable(error: GatewayError) -> web.Response:
    """Answer for a fact that cannot be had: the error's own status, and when to come back."""
    headers = {}
    if error.status >= 500:  # noqa: PLR2004 - server errors may pass, RFC 9110 section 15.6
        headers["Retry-After"] = retry_after(error.retry_after)
    headers["Cache-Status"] = f"powerwall-proxy; fwd=miss; detail={error.code()}"
    return problem(error.status, str(error), title=error.headline, code=error.code(), headers=headers)
