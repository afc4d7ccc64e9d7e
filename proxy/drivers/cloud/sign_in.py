"""The token endpoint of the sign-in server: one refresh, one answer (RFC 6749 section 6)."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.cloud_errors import SignInRequired
from proxy.core.errors import BadAnswer, RateLimited, SourceUnavailable
from proxy.core.redaction import conceal
from proxy.drivers.cloud.http import CloudHttp, Reply
from proxy.drivers.cloud.refusals import error_text, retry_after
from proxy.drivers.cloud.tokens import Tokens, granted

REFRESH_TIMEOUT_S = 60.0
SIGN_IN_AGAIN = "sign in again: powerwall-proxy setup"

# Refusals of a refresh token: used up, expired, revoked, or the password was changed.
_REFUSED = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where tokens are refreshed. ``wall`` gives wall-clock seconds.

    ``tls`` is a context of its own: the Owner API takes tokens only from clients that shake hands
    with certain TLS versions (docs/protocol.md, "Cloud").
    """

    http: CloudHttp
    url: str
    wall: Callable[[], float]
    tls: ssl.SSLContext | bool = True

    async def refresh(self, client_id: str, used: Tokens) -> Tokens:
        """Exchange a refresh token for new tokens, once.

        Raises SignInRequired for a refusal; every other GatewayError leaves the old token in use: one
        whose answer was lost may be sent again, which is what its last 24 hours are for.
        """
        form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": used.refresh}
        try:
            answer = await self.post(form)
        except SignInRequired as exc:
            raise SignInRequired(f"the refresh token is no longer good: {exc}; {SIGN_IN_AGAIN}") from exc
        tokens = granted(answer, used, self.wall())
        if tokens is None:
            raise BadAnswer("the sign-in server's answer has no access token")
        conceal(tokens.access)
        conceal(tokens.refresh)
        return tokens

    async def post(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Send a form and return the object of the answer. Raises GatewayError."""
        reply = await self.http.request(
            "POST", self.url, form=form, tls=self.tls, timeout_s=REFRESH_TIMEOUT_S
        )
        if not reply.ok:
            raise self._refusal(reply)
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError) as exc:
            raise BadAnswer("the sign-in server's answer is not JSON") from exc
        if not isinstance(document, dict):
            raise BadAnswer("the sign-in server's answer is not an object")
        return document

    def _refusal(self, reply: Reply) -> Exception:
        said = error_text(reply)
        if reply.status == 429:  # noqa: PLR2004 - RFC 6585 section 4
            after = retry_after(reply, said, self.wall())
            return RateLimited("the sign-in server limits the rate of requests (429)", retry_after=after)
        if reply.status in _REFUSED and said:
            return SignInRequired(f"the sign-in server refuses this ({reply.status} {said.split()[0][:40]})")
        return SourceUnavailable(f"the sign-in server failed ({reply.status})")
