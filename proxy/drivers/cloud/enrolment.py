"""Signing in: what the owner opens in a browser, and what becomes of what comes back.

Every step is one function and can be repeated; nothing is kept but the documents that the caller
writes to the files of the pypowerwall proxy. Steps and addresses: docs/protocol.md, "Cloud".
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from proxy.config.cloud import KEY_PATH, is_public_key
from proxy.core.cloud_errors import SignInRequired
from proxy.core.errors import BadAnswer, SourceUnavailable
from proxy.core.json_access import text
from proxy.core.redaction import conceal
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.refusals import refusal, response
from proxy.drivers.cloud.sign_in import TokenEndpoint
from proxy.drivers.cloud.site import energy_sites
from proxy.drivers.cloud.tokens import Tokens, claims, granted

AUTHORIZE_PATH = "/oauth2/v3/authorize"
_OWNER_SCOPE = "openid email offline_access"
_FLEET_SCOPE = "openid offline_access energy_device_data energy_cmds"
_NEEDED = ("energy_device_data", "energy_cmds")


@dataclass(frozen=True, slots=True)
class Application:
    """What the sign-in server knows us as. The Owner API's is the app's own and has no secret."""

    client_id: str
    redirect_uri: str
    scope: str
    secret: str = field(default="", repr=False)
    audience: str = ""


OWNER_APPLICATION = Application("ownerapi", "tesla://auth/callback", _OWNER_SCOPE)


def fleet_application(client_id: str, secret: str, redirect_uri: str, audience: str) -> Application:
    """Describe the owner's own application of the Fleet API; ``audience`` is the region's base URL."""
    conceal(secret, lasting=True)
    return Application(client_id, redirect_uri, _FLEET_SCOPE, secret, audience)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in: what ties the answer to the question (RFC 7636, RFC 6749 section 10.12)."""

    state: str
    verifier: str = field(repr=False)

    @classmethod
    def new(cls) -> Attempt:
        """Begin an attempt."""
        return cls(secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    @classmethod
    def resumed(cls, document: Mapping[str, Any]) -> Attempt:
        """Go on with one that was written down; begin one if there is none."""
        state, verifier = text(document.get("state")), text(document.get("verifier"))
        return cls(state, verifier) if state and verifier else cls.new()

    def document(self) -> dict[str, Any]:
        """Write it down, so that the address stays good when the command is run again."""
        return {"state": self.state, "verifier": self.verifier}

    def url(self, application: Application, auth_url: str, email: str = "") -> str:
        """Give the address that the owner opens in a browser."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "client_id": application.client_id,
            "redirect_uri": application.redirect_uri,
            "response_type": "code",
            "scope": application.scope,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if application.audience:
            query["prompt_missing_scopes"] = "true"
        if email:
            query["login_hint"] = email
        return f"{auth_url.rstrip('/')}{AUTHORIZE_PATH}?{urlencode(query)}"

    def code(self, pasted: str) -> str:
        """Take the code out of the address that the owner landed on, or out of nothing but the code.

        Raises ValueError, with what is wrong in words for the owner.
        """
        pasted = pasted.strip()
        if "?" not in pasted and "=" not in pasted and "://" not in pasted:
            if not pasted:
                raise ValueError("nothing was pasted")
            return pasted
        query = parse_qs(urlsplit(pasted).query)
        if error := query.get("error"):
            raise ValueError(f"the sign-in was refused: {error[0]}")
        if query.get("state", [self.state]) != [self.state]:
            raise ValueError(
                "this address belongs to another attempt to sign in; open the address above again"
            )
        if "code" not in query:
            raise ValueError("there is no code in this address; copy it whole, as the browser shows it")
        return query["code"][0]


async def exchange(endpoint: TokenEndpoint, application: Application, attempt: Attempt, code: str) -> Tokens:
    """Exchange a code for tokens. Raises GatewayError; SignInRequired where the code is refused or has expired."""
    form = {
        "grant_type": "authorization_code",
        "client_id": application.client_id,
        "code": code,
        "code_verifier": attempt.verifier,
        "redirect_uri": application.redirect_uri,
    }
    if application.secret:
        form["client_secret"] = application.secret
    if application.audience:
        form["audience"] = application.audience
    try:
        answer = await endpoint.post(form)
    except SignInRequired as exc:
        raise SignInRequired(
            "the sign-in server refuses the code: it is good once, for a few minutes"
        ) from exc
    tokens = granted(answer, Tokens(), endpoint.wall())
    if tokens is None or not tokens.refresh:
        raise BadAnswer("the sign-in server's answer has no tokens")
    conceal(tokens.access)
    conceal(tokens.refresh)
    return tokens


def missing_scopes(tokens: Tokens) -> list[str]:
    """Name the permissions that the owner did not give; none where the token does not say."""
    given = claims(tokens.access).get("scp")
    return [scope for scope in _NEEDED if scope not in given] if isinstance(given, list) else []


async def register(
    endpoint: TokenEndpoint, http: CloudHttp, application: Application, domain: str
) -> Mapping[str, Any]:
    """Register the application's domain in its region, where its public key must already be. Raises GatewayError.

    Returns the members of the file that keep the partner's token and account. May be repeated.
    """
    answer = await endpoint.post(
        {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "client_secret": application.secret,
            "scope": application.scope,
            "audience": application.audience,
        }
    )
    token = text(answer.get("access_token"))
    if token is None:
        raise BadAnswer("the sign-in server's answer has no partner token")
    conceal(token)
    reply = await http.request(
        "POST", f"{application.audience}/api/1/partner_accounts", token=token, json={"domain": domain}
    )
    if not reply.ok:
        raise refusal("partner_accounts", reply, endpoint.wall(), command=True)
    return {"partner_token": token, "partner_account": {"response": response("partner_accounts", reply)}}


async def sites(http: CloudHttp, base: str, access: str, now: float) -> dict[int, Mapping[str, Any]]:
    """List the account's energy sites by id: the check at the end of a sign-in. Raises GatewayError."""
    reply = await http.request("GET", f"{base.rstrip('/')}/api/1/products", token=access)
    if not reply.ok:
        raise refusal("products", reply, now)
    products = response("products", reply)
    if not isinstance(products, list):
        raise BadAnswer("products: the answer is not a list")
    return energy_sites(products)


def new_key() -> tuple[bytes, bytes]:
    """Make the key pair of an application (EC P-256): the private and the public key in PEM form."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only to make one
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - only to make one

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


async def published(http: CloudHttp, domain: str) -> bytes:
    """Return the public key that a domain publishes (PEM). Raises GatewayError, with what is wrong, where there is none."""
    reply = await http.request("GET", f"https://{domain}{KEY_PATH}")
    if not reply.ok:
        raise SourceUnavailable(f"{domain} answers {reply.status} for {KEY_PATH}")
    if not is_public_key(reply.body):
        raise BadAnswer(f"what {domain} publishes at {KEY_PATH} is not a public key")
    return reply.body
