"""The envelope of every answer of the cloud, and its refusals, worded as Tesla's servers word them."""

from __future__ import annotations

import json
from typing import Any

from proxy.sim.answers import Answer

JSON = "application/json; charset=utf-8"


def document(value: Any, status: int = 200) -> Answer:
    """Answer with a JSON document as it is; the sign-in server uses no envelope."""
    return Answer(status, json.dumps(value, separators=(",", ":")).encode(), JSON)


def response(value: Any, status: int = 200, **beside: Any) -> Answer:
    """Answer with a value in the envelope."""
    return document({"response": value, **beside}, status)


def refusal(status: int, error: str, description: str = "") -> Answer:
    """Answer with an error."""
    return document({"response": None, "error": error, "error_description": description}, status)


def oauth_error(status: int, error: str, description: str = "") -> Answer:
    """Answer with an error of the sign-in server (RFC 6749 section 5.2)."""
    return document({"error": error, "error_description": description}, status)


NOT_FOUND = refusal(404, "not_found")
NO_TOKEN = refusal(401, "invalid bearer token")
TOKEN_EXPIRED = refusal(401, "token expired (401)")
MISSING_SCOPES = refusal(403, "Unauthorized missing scopes")
