"""What a status of the cloud means, and how long its cooldown lasts: pure functions, one table.

Statuses and wordings: docs/protocol.md, "Cloud".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from proxy.core import ijson
from proxy.core.cloud_errors import AccountRefused
from proxy.core.errors import (
    BadAnswer,
    CommandRejected,
    GatewayError,
    LoginRejected,
    NotSupported,
    RateLimited,
    SourceUnavailable,
)
from proxy.core.json_access import number, text
from proxy.drivers.cloud.http import Reply

DEFAULT_PAUSE_S = 10.0
_LONGEST_BY_TEXT_S = 60.0
_LONGEST_S = 31 * 86400.0
_AN_EPOCH_S = 1e9  # larger numbers are moments, not durations
_RETRY_TEXT = re.compile(r"retry in (\d{1,7}) ?s", re.IGNORECASE)
_BASE_URL = re.compile(r"use base URL: (https?://[^\s,]+)")
_TESLA = (".tesla.com", ".tesla.cn")

# Statuses that only the owner can change: what is said about them.
_ACCOUNT: Mapping[int, str] = {
    402: "the provider requires a subscription (402)",
    403: "the cloud refuses this account (403)",
    412: "the application is not registered in this region (412): powerwall-proxy setup",
    423: "the account is locked (423)",
    451: "the account's privacy settings forbid it (451)",
}
_OWNER_REFUSED = "the Owner API refuses this client (403); use the Fleet API: powerwall-proxy setup"
_SCOPES = "the sign-in lacks a permission that this needs (403); sign in again: powerwall-proxy setup"
_LIMIT = "the account's billing limit is reached (403); it is open again on the 1st, or with a higher limit"


def refusal(what: str, reply: Reply, now: float, *, command: bool = False) -> GatewayError:
    """Translate every status but success; ``now`` is wall-clock seconds, ``what`` names the endpoint."""
    said = error_text(reply)
    match reply.status:
        case 401:
            return LoginRejected(f"{what}: the cloud refuses the access token although it is new (401)")
        case 403:
            return AccountRefused(_forbidden(said))
        case 402 | 412 | 423 | 451:
            return AccountRefused(_ACCOUNT[reply.status])
        case 404:
            return NotSupported(f"{what} is not offered for this site (404)")
        case 429:
            return RateLimited(f"{what}: too many requests (429)", retry_after=retry_after(reply, said, now))
        case 408:
            return SourceUnavailable(f"{what}: the gateway is offline (408)")
        case status if status >= 500:  # noqa: PLR2004 - server errors, RFC 9110 section 15.6
            reason = (
                "the cloud cannot reach the gateway" if "gateway_unreachable" in said else "the cloud failed"
            )
            return SourceUnavailable(f"{what}: {reason} ({status})")
        case 400 | 422 if command:
            return CommandRejected(f"{what}: the cloud refuses the value ({reply.status})")
        case status:
            return BadAnswer(f"{what}: unexpected status {status}")


def _forbidden(said: str) -> str:
    if "scope" in said.lower():
        return _SCOPES
    if "EXCEEDED_LIMIT" in said:
        return _LIMIT
    if "fleet-api" in said:
        return _OWNER_REFUSED
    return _ACCOUNT[403]


def response(what: str, reply: Reply) -> Any:
    """Take the value out of the envelope. Raises BadAnswer for what is no envelope, such as an outage page."""
    document = _document(reply.body)
    if "response" not in document:
        raise BadAnswer(f"{what}: the answer is not that of the cloud's API")
    return document["response"]


def error_text(reply: Reply) -> str:
    """Return what a refusal says; empty where it says nothing."""
    document = _document(reply.body)
    words = [text(document.get(name)) for name in ("error", "error_description")]
    return " ".join(word for word in words if word)


def retry_after(reply: Reply, said: str, now: float) -> float:
    """Say how many seconds of cooldown a 429 demands.

    Header fields come first: Retry-After in seconds or as a date (RFC 9110 section 10.2.3), then the
    latest of RateLimit-Reset and its relatives. Then the text, which is believed up to a minute.
    """
    if after := reply.headers.get("Retry-After"):
        seconds = _seconds(after, now)
        if seconds is None:
            seconds = _until(after, now)
        if seconds is not None:
            return _bounded(seconds)
    resets = [
        seconds
        for name, value in reply.headers.items()
        if name.lower().removeprefix("x-").startswith("ratelimit") and name.lower().endswith("reset")
        if (seconds := _seconds(value, now)) is not None
    ]
    if resets:
        return _bounded(max(resets))
    if match := _RETRY_TEXT.search(said):
        return min(_bounded(float(match[1])), _LONGEST_BY_TEXT_S)
    return DEFAULT_PAUSE_S


def base_url(reply: Reply, configured: str) -> str | None:
    """Return the base URL that a 421 names, if it may be trusted with the token; else None.

    That is one of Tesla's hosts over https, or the configured host as it is configured.
    """
    match = _BASE_URL.search(error_text(reply))
    if match is None:
        return None
    return trusted(match[1], configured)


def trusted(url: str, configured: str) -> str | None:
    """Return an address without its path if it is Tesla's or on the configured host, else None."""
    try:
        parts, own = urlsplit(url), urlsplit(configured)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.password is not None:
        return None
    is_tesla = parts.scheme == "https" and host.endswith(_TESLA) and port in {None, 443}
    is_own = parts.scheme == own.scheme and host == own.hostname
    return f"{parts.scheme}://{parts.netloc}" if is_tesla or is_own else None


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        value = ijson.parse(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(value: str, now: float) -> float | None:
    """Read a duration; some send the moment instead."""
    value = value.strip()
    if not value.isascii() or not value.replace(".", "", 1).isdigit():
        return None
    seconds = number(float(value))
    if seconds is None:
        return None
    return seconds - now if seconds > _AN_EPOCH_S else seconds


def _until(value: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), _LONGEST_S)


def dated(reply: Reply, fallback: float) -> float:
    """Return the cloud's own time (wall-clock seconds, its Date field), or the fallback."""
    moment = _until(reply.headers.get("Date", ""), 0.0)
    return fallback if moment is None else moment


def age_of(timestamp: Any, now: float) -> float:
    """Return the seconds since an ISO timestamp of the cloud; 0 where it says nothing or lies ahead."""
    try:
        moment = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        return 0.0
    return max(now - moment.timestamp(), 0.0)
