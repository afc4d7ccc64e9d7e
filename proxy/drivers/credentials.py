"""What makes a request to the local API ours: a ticket, made of what a login gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from proxy.core.redaction import conceal

# Tokens have 88 characters. A longer header is refused by servers: 8 KB are usual.
_LONGEST_VALUE = 4096


@dataclass(frozen=True, slots=True)
class Credentials:
    """What makes a request ours: headers, and the number of the login that gave them (0: none needed)."""

    number: int
    headers: Mapping[str, str] = field(repr=False)
    since: float = 0.0


def session_headers(session: Mapping[str, Any]) -> dict[str, str]:
    """Turn a stored session into request headers; its secrets are concealed in logs from here on."""
    if _is_sendable(token := session.get("Authorization")):
        conceal(token.removeprefix("Bearer "))
        return {"Authorization": token}
    cookies = {
        name: session[name] for name in ("AuthCookie", "UserRecord") if _is_sendable(session.get(name))
    }
    for value in cookies.values():
        conceal(value)
    if "AuthCookie" not in cookies:
        return {}
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def _is_sendable(value: object) -> TypeGuard[str]:
    """Say whether a value can stand in a header: visible ASCII that does not end a cookie, and not too long."""
    if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
        return False
    return value.isascii() and value.isprintable() and ";" not in value
