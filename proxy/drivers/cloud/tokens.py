"""Access and refresh tokens as values, and where they stand in the files of the pypowerwall proxy.

Pure. The files belong to the owner and may be used by other programs too: what is written back
has every member that was read, in the same order, with the tokens replaced.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from proxy.core.json_access import number, text


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one sign-in gave. ``expires_at`` is wall-clock seconds, None where it is not known.

    ``account`` is the e-mail address of the owner, where the sign-in server names it.
    """

    access: str = ""
    refresh: str = ""
    expires_at: float | None = None
    lifetime_s: float | None = None
    account: str = ""

    def lasts(self, now: float, margin_s: float) -> bool:
        """Say whether the access token can be used: it is there and does not expire within the margin."""
        return bool(self.access) and (self.expires_at is None or now < self.expires_at - margin_s)


class TokenFormat(Protocol):
    """Where a file keeps the tokens."""

    @property
    def client_id(self) -> str:
        """The client that the tokens belong to; empty if the file names it."""

    @property
    def owner(self) -> str:
        """Whose tokens are looked for, in a sentence; empty where the file has one owner only."""

    def read(self, document: Mapping[str, Any]) -> Tokens:
        """Find the tokens; what is missing is empty."""

    def written(self, document: Mapping[str, Any], tokens: Tokens) -> dict[str, Any]:
        """Give the document with other tokens."""


@dataclass(frozen=True, slots=True)
class FleetFormat:
    """``.pypowerwall.fleetapi``: one object; its expiry is that of the access token itself."""

    client_id: str = ""  # the file's own when empty

    @property
    def owner(self) -> str:
        """Say nothing: the file has one owner."""
        return ""

    def read(self, document: Mapping[str, Any]) -> Tokens:
        """Find the tokens."""
        access = text(document.get("access_token")) or ""
        return Tokens(access, text(document.get("refresh_token")) or "", expiry(access))

    def written(self, document: Mapping[str, Any], tokens: Tokens) -> dict[str, Any]:
        """Replace the two tokens."""
        return {**document, "access_token": tokens.access, "refresh_token": tokens.refresh}


@dataclass(frozen=True, slots=True)
class OwnerFormat:
    """``.pypowerwall.auth``: an object per account, named by its e-mail address; without one, the first account."""

    email: str = ""
    client_id: str = "ownerapi"

    @property
    def owner(self) -> str:
        """Say how the account was chosen. Its address stays out of what anyone may read, such as /health."""
        return " of the account that PW_EMAIL names" if self.email else ""

    def account(self, document: Mapping[str, Any]) -> str | None:
        """Name the account whose tokens are used; None if the file has none."""
        names = [name for name, entry in document.items() if isinstance(entry, dict)]
        if self.email:
            return next((name for name in names if name.lower() == self.email.lower()), None)
        return names[0] if names else None

    def read(self, document: Mapping[str, Any]) -> Tokens:
        """Find the tokens. 0 is an expiry that is not known."""
        sso = self._sso(document)
        access = text(sso.get("access_token")) or ""
        expires_at = number(sso.get("expires_at")) or expiry(access)
        return Tokens(access, text(sso.get("refresh_token")) or "", expires_at)

    def written(self, document: Mapping[str, Any], tokens: Tokens) -> dict[str, Any]:
        """Replace the tokens of the account and when they expire."""
        account = self.account(document) or self.email
        entry = document.get(account)
        sso = {
            **self._sso(document),
            "access_token": tokens.access,
            "refresh_token": tokens.refresh,
            "expires_at": int(tokens.expires_at or 0),
            "token_type": "Bearer",
        }
        if tokens.lifetime_s is not None:
            sso["expires_in"] = int(tokens.lifetime_s)
        known = entry if isinstance(entry, dict) else {"url": "https://auth.tesla.com/"}
        return {**document, account: {**known, "sso": sso}}

    def _sso(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        entry = document.get(self.account(document) or "")
        sso = entry.get("sso") if isinstance(entry, dict) else None
        return sso if isinstance(sso, dict) else {}


def claims(token: str) -> Mapping[str, Any]:
    """Read the claims of a JWT without checking its signature, which only its issuer's servers need; else nothing."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - RFC 7519: header, claims, signature
        return {}
    try:
        value = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def expiry(token: str) -> float | None:
    """Say when an access token expires (wall-clock seconds), None if it does not say."""
    return number(claims(token).get("exp"))


def granted(answer: Mapping[str, Any], used: Tokens, now: float) -> Tokens | None:
    """Take the tokens out of the answer to a refresh; None if there is no access token in it.

    An answer without a new refresh token leaves the old one in use.
    """
    access = text(answer.get("access_token"))
    if access is None:
        return None
    lifetime_s = number(answer.get("expires_in"))
    expires_at = expiry(access) if lifetime_s is None else now + lifetime_s
    account = text(claims(text(answer.get("id_token")) or "").get("email")) or used.account
    return Tokens(access, text(answer.get("refresh_token")) or used.refresh, expires_at, lifetime_s, account)
