"""Requests of aiopowerwall through our own session, which decides about trust, limits and errors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from proxy.core.errors import BadAnswer, LoginRejected
from proxy.drivers.bodies import GZIP
from proxy.drivers.tedapi.transport import refusal

if TYPE_CHECKING:
    from proxy.drivers.http_client import GatewayClient

_OK = 200
_LOGIN = "/api/login/"


@dataclass(frozen=True, slots=True)
class Answer:
    """What aiopowerwall reads of a response."""

    status: int
    body: bytes

    async def read(self) -> bytes:
        """Give the body, complete and decompressed."""
        return self.body

    async def text(self) -> str:
        """Give the body as text."""
        return self.body.decode("utf-8", "replace")

    async def json(self, **_: Any) -> Any:
        """Give the body as JSON. Raises BadAnswer."""
        try:
            return json.loads(self.body)
        except ValueError as exc:
            raise BadAnswer("v1r: the gateway's answer is not JSON") from exc


class TrustedRequests:
    """What aiopowerwall uses of an aiohttp session: ``get`` and ``post``.

    It requests no verification of certificates on every request; here it gets
    the trust of ``GatewayClient`` all the same. Statuses other than 200 end as errors
    here, with what the gateway says about when to return, but for 401 and 403 on data.
    """

    def __init__(self, session: GatewayClient) -> None:
        self._session = session
        self.logins: Counter[str] = Counter()  # by outcome, as in Usage

    @asynccontextmanager
    async def get(self, url: str, *, headers: Mapping[str, str], **_: Any) -> AsyncIterator[Answer]:
        """GET a path of the gateway."""
        yield await self._request("GET", url, headers, None)

    @asynccontextmanager
    async def post(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        json: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> AsyncIterator[Answer]:
        """POST bytes, or an object as JSON."""
        if json is not None:
            headers, data = {"Content-Type": "application/json"}, _encoded(json)
        yield await self._request("POST", url, headers or {}, data)

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        path = urlsplit(url).path
        reply = await self._session.request(method, path, headers=headers, body=body)
        failed = None if reply.status == _OK else refusal(reply, path)
        if failed and reply.is_denied:
            # Elsewhere than at the login aiopowerwall has a session to renew.
            failed = (
                LoginRejected("v1r: the gateway refuses the password") if path.startswith(_LOGIN) else None
            )
        if path.startswith(_LOGIN):
            self.logins[failed.code() if failed else "ok"] += 1
        if failed:
            raise failed
        if reply.body.startswith(GZIP):
            # aiopowerwall would unpack it once more, whatever its size.
            raise BadAnswer(f"v1r: {path} is compressed twice")
        return Answer(reply.status, reply.body)


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
