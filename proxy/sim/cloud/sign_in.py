"""The sign-in server: authorization codes with PKCE, access tokens, refresh tokens that are used once.

Pure: times are wall-clock seconds that the caller gives, tokens are counted and not random, so
that a test sees the same ones every time. A refresh token is replaced when it is used; the one
used last stays good for ``grace_s``, for a client that lost the answer, until its successor is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from proxy.sim.answers import Answer
from proxy.sim.cloud.answers import document, oauth_error

DAY_S = 86400.0
OWNER = "ownerapi"
FLEET = "simulated-client"
FLEET_SECRET = "simulated-secret"  # noqa: S105 - the simulated one
SCOPES = ("openid", "offline_access", "energy_device_data", "energy_cmds")


@dataclass(frozen=True, slots=True)
class Application:
    """What is registered with the sign-in server; no secret means a public client."""

    redirect_uri: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token permits. ``expires_at`` is None for a token that a provider issued without an end."""

    client_id: str
    scopes: tuple[str, ...] = SCOPES
    expires_at: float | None = None
    partner: bool = False


@dataclass(slots=True)
class Login:
    """One login of the account's owner: its current refresh token and the one used last."""

    client_id: str
    scopes: tuple[str, ...]
    current: str = ""
    used: str = ""
    used_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code that was not exchanged yet."""

    client_id: str
    redirect_uri: str
    challenge: str
    scopes: tuple[str, ...]


@dataclass(slots=True)
class SignIn:
    """Everything that the sign-in server knows. ``region`` is the account's: NA, EU or CN."""

    region: str = "NA"
    expires_in: float = 28800.0
    grace_s: float = DAY_S
    rotates: bool = True  # False: a refresh gives no new refresh token
    refusal_status: int = 401  # for a refresh token that is no good: 401 login_required or 400 invalid_grant
    applications: dict[str, Application] = field(
        default_factory=lambda: {
            OWNER: Application("tesla://auth/callback"),
            FLEET: Application("https://example.com/access", FLEET_SECRET),
        }
    )
    access: dict[str, Access] = field(default_factory=dict)
    logins: list[Login] = field(default_factory=list)
    refreshes: int = 0  # that were granted
    _codes: dict[str, Code] = field(default_factory=dict)
    _count: int = 0

    def log_in(self, now: float, client_id: str = OWNER, scopes: tuple[str, ...] = SCOPES) -> dict[str, Any]:
        """Log the owner in as a browser would; returns the answer to the exchange of the code."""
        login = Login(client_id, scopes)
        self.logins.append(login)
        return self._grant(login, now)

    def give_static(self, token: str) -> None:
        """Let a fixed token be good for ever, as other providers give one."""
        self.access[token] = Access("static")

    def expire_access(self) -> None:
        """End every access token that can expire."""
        self.access = {token: one for token, one in self.access.items() if one.expires_at is None}

    def revoke(self) -> None:
        """End every login, as a change of the password does."""
        self.logins.clear()

    # -- what clients send -----------------------------------------------------------------------

    def authorize(self, query: Mapping[str, str]) -> Answer:
        """Send the browser of an owner who agrees back to the application with a code (RFC 6749 section 4.1)."""
        application = self.applications.get(query.get("client_id", ""))
        redirect = query.get("redirect_uri", "")
        if application is None or redirect != application.redirect_uri:
            return oauth_error(
                400, "unauthorized_client", "redirect_uri is not registered for this client_id"
            )
        challenge = query.get("code_challenge", "")
        if query.get("response_type") != "code" or (application.secret is None and not challenge):
            return oauth_error(400, "invalid_request")
        code = self._token("code")
        scopes = tuple(query.get("scope", "").split())
        self._codes[code] = Code(query["client_id"], redirect, challenge, scopes)
        location = f"{redirect}?{urlencode({'code': code, 'state': query.get('state', '')})}"
        return Answer(302, headers={"Location": location})

    def token(self, form: Mapping[str, Any], now: float) -> Answer:
        """Answer a request to the token endpoint."""
        match form.get("grant_type"):
            case "refresh_token":
                return self._refresh(form, now)
            case "authorization_code":
                return self._exchange(form, now)
            case "client_credentials":
                return self._partner(form, now)
            case _:
                return oauth_error(400, "unsupported_grant_type")

    def _refresh(self, form: Mapping[str, Any], now: float) -> Answer:
        token = form.get("refresh_token")
        for login in self.logins:
            in_grace = token == login.used and login.used and now - login.used_at < self.grace_s
            if login.client_id == form.get("client_id") and (token == login.current or in_grace):
                self.refreshes += 1
                return document(self._grant(login, now, used=str(token)))
        error = "login_required" if self.refusal_status == 401 else "invalid_grant"  # noqa: PLR2004 - the two forms
        return oauth_error(self.refusal_status, error, "The refresh_token is invalid")

    def _exchange(self, form: Mapping[str, Any], now: float) -> Answer:
        code = self._codes.pop(str(form.get("code")), None)
        client_id = str(form.get("client_id"))
        if code is None or code.client_id != client_id or form.get("redirect_uri") != code.redirect_uri:
            return oauth_error(400, "invalid_grant", "The code is invalid")
        if code.challenge:
            verifier = str(form.get("code_verifier", ""))
            digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
            if digest.rstrip(b"=").decode() != code.challenge:
                return oauth_error(400, "invalid_grant", "The code_verifier does not match")
        if not self._knows_secret(client_id, form):
            return oauth_error(401, "invalid_client")
        return document(self.log_in(now, client_id, code.scopes))

    def _partner(self, form: Mapping[str, Any], now: float) -> Answer:
        client_id = str(form.get("client_id"))
        application = self.applications.get(client_id)
        if application is None or application.secret is None or not self._knows_secret(client_id, form):
            return oauth_error(401, "invalid_client")
        token = self._access_token(client_id, (), now, partner=True)
        return document({"access_token": token, "expires_in": int(self.expires_in), "token_type": "Bearer"})

    def _knows_secret(self, client_id: str, form: Mapping[str, Any]) -> bool:
        secret = self.applications[client_id].secret
        return secret is None or form.get("client_secret") == secret

    # -- tokens ------------------------------------------------------------------------------------

    def _grant(self, login: Login, now: float, used: str = "") -> dict[str, Any]:
        answer = {
            "access_token": self._access_token(login.client_id, login.scopes, now),
            "id_token": _jwt({"email": "owner@example.com"}),
            "expires_in": int(self.expires_in),
            "token_type": "Bearer",
        }
        if self.rotates or not login.current:
            login.used, login.used_at = used, now
            login.current = answer["refresh_token"] = self._token(f"{self.region}_refresh")
        return answer

    def _access_token(
        self, client_id: str, scopes: tuple[str, ...], now: float, *, partner: bool = False
    ) -> str:
        claims = {
            "exp": int(now + self.expires_in),
            "scp": list(scopes),
            "ou_code": self.region,
            "azp": client_id,
            "jti": self._token("access"),
        }
        token = _jwt(claims)
        self.access[token] = Access(client_id, scopes, now + self.expires_in, partner)
        return token

    def _token(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{hashlib.sha256(f'{kind} {self._count}'.encode()).hexdigest()[:40]}"


def _jwt(claims: Mapping[str, Any]) -> str:
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    head = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hashlib.sha256(head).digest()).rstrip(b"=")
    return f"{head.decode()}.{signature.decode()}"
