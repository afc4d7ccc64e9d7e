"""Requests to the API with everything that goes with each: one at a time, authorised, counted, paused.

A request that was refused for its token is sent once more with another one, and one that went to the
wrong region once more to the right one; nothing else is ever sent again by itself. After a failure
nothing is sent until the pause that it calls for is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from proxy.core.clock import Clock
from proxy.core.cloud_errors import AccountRefused
from proxy.core.errors import (
    BadAnswer,
    GatewayError,
    GatewayTimeout,
    Interrupted,
    LoginRejected,
    OutcomeUnknown,
    SourceUnavailable,
)
from proxy.core.json_access import get_path
from proxy.drivers.cloud.http import CloudHttp, Reply
from proxy.drivers.cloud.kept_pause import KeptPause
from proxy.drivers.cloud.ledger import Ledger
from proxy.drivers.cloud.pause import Pause
from proxy.drivers.cloud.refusals import base_url, dated, refusal, response, trusted
from proxy.drivers.cloud.token_store import Authority

_log = logging.getLogger(__name__)

Value = TypeVar("Value")

_UNAUTHORISED = 401
_MISDIRECTED = 421
# A new sign-in is noticed after this time, however long the pause is.
_NOTICE_S = 60.0
# After these a command may have been carried out.
_IN_DOUBT = (Interrupted, GatewayTimeout, BadAnswer, SourceUnavailable)


@dataclass(frozen=True, slots=True)
class Fetched:
    """The value of an answer, and the cloud's own time when it was sent (wall-clock seconds)."""

    value: Any
    sent_at: float


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Any = None

    @property
    def is_command(self) -> bool:
        return self.method == "POST"


class CloudApi:
    """The API of one provider at ``base`` (``https://host``). ``jitter`` returns a factor of 1 to 1.25."""

    def __init__(
        self,
        http: CloudHttp,
        authority: Authority,
        ledger: Ledger,
        clock: Clock,
        base: str,
        kept: KeptPause,
        *,
        jitter: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self.base = base
        self._configured = base
        self._http = http
        self._authority = authority
        self._ledger = ledger
        self._clock = clock
        self._jitter = jitter
        self._kept = kept
        self._is_new = True
        self._pause = Pause()
        self._turn = asyncio.Lock()

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, fits: Callable[[Any], bool]
    ) -> Fetched:
        """Read the value of an endpoint below ``/api/1``. Raises GatewayError; BadAnswer where it does not fit."""

        def read(reply: Reply) -> Fetched:
            value = response(path, reply)
            if not fits(value):
                raise BadAnswer(f"{path}: the answer is empty or not of the shape that it has")
            return Fetched(value, dated(reply, self._clock.wall()))

        return await self._run(_Call("GET", path, query), read)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a command once; returns the value of the answer. Raises OutcomeUnknown or another GatewayError."""
        return await self._run(_Call("POST", path, body=body), lambda reply: response(path, reply))

    def hold(self, error: GatewayError) -> None:
        """Begin the pause of an error that the caller found."""
        now = self._clock.monotonic()
        before, self._pause = self._pause, self._pause.after(error, now, self._jitter())
        if self._pause.error is not error:
            return  # it calls for none
        error.retry_after = self._pause.until - now
        if isinstance(error, AccountRefused):
            error.retry_after = min(error.retry_after, _NOTICE_S)
        if type(before.error) is not type(error):
            _log.warning(
                "cloud paused",
                extra={"cause": error.code(), "for_s": round(self._pause.until - now), "reason": str(error)},
            )

    def describe(self) -> Mapping[str, Any]:
        """Say where requests go and why none do at the moment, if so."""
        now = self._clock.monotonic()
        error = self._pause.remaining(now)
        return {
            "address": self.base,
            "pause_s": round(self._pause.until - now) if error else 0,
            "reason": str(error) if error else None,
            **self._authority.describe(),
        }

    # -- one at a time ---------------------------------------------------------------------------

    async def _run(self, call: _Call, read: Callable[[Reply], Value]) -> Value:
        async with self._turn:
            if self._is_new:
                self._pause = await self._kept.load(await self._authority.credential())
                self._is_new = False
            self._check_pause()
            try:
                value = await self._attempt(call, read)
            except GatewayError as error:
                cause = error.__cause__ if isinstance(error, OutcomeUnknown) else None
                self.hold(cause if isinstance(cause, GatewayError) else error)
                await self._kept.save(await self._authority.credential(), self._pause)
                raise
            if self._pause.failures:
                self._pause = Pause()
                await self._kept.save(await self._authority.credential(), self._pause)
            return value

    def _check_pause(self) -> None:
        refused = isinstance(self._pause.error, AccountRefused | LoginRejected)
        if refused and self._authority.changed():
            self._pause = Pause()
        if error := self._pause.remaining(self._clock.monotonic()):
            if isinstance(error, AccountRefused):
                error.retry_after = min(error.retry_after or _NOTICE_S, _NOTICE_S)
            raise error

    async def _attempt(self, call: _Call, read: Callable[[Reply], Value]) -> Value:
        token = await self._authority.access()
        reply = await self._send(call, token)
        if reply.status == _UNAUTHORISED:
            token = await self._authority.renew(token)
            reply = await self._send(call, token)
        if reply.status == _MISDIRECTED:
            self.base = await self._right_base(reply, token)
            reply = await self._send(call, token)
        try:
            if not reply.ok:
                raise refusal(call.path, reply, self._clock.wall(), command=call.is_command)
            return read(reply)
        except _IN_DOUBT as exc:
            raise self._in_doubt(call, exc) from exc

    async def _send(self, call: _Call, token: str) -> Reply:
        await self._ledger.spend(command=call.is_command)
        try:
            return await self._http.request(
                call.method,
                f"{self.base}/api/1/{call.path}",
                token=token,
                query=call.query,
                json=call.body,
            )
        except _IN_DOUBT as exc:
            raise self._in_doubt(call, exc) from exc

    @staticmethod
    def _in_doubt(call: _Call, exc: GatewayError) -> GatewayError:
        """Turn what leaves doubt about a command into that; reads leave none."""
        if not call.is_command or exc.__class__ is OutcomeUnknown:
            return exc
        return OutcomeUnknown(f"{call.path} was sent, but no usable answer came ({exc})")

    async def _right_base(self, reply: Reply, token: str) -> str:
        """Find the account's region: in the refusal, else by a request for it. Only hosts that may get the token count."""
        found = base_url(reply, self._configured)
        if found is None:
            answer = await self._send(_Call("GET", "users/region"), token)
            named = get_path(response("users/region", answer), "fleet_api_base_url") if answer.ok else None
            found = trusted(named, self._configured) if isinstance(named, str) else None
        if found is None or found == self.base:
            raise AccountRefused(
                "the account belongs to another region (421), and the cloud does not name it"
            )
        _log.warning("cloud region changed", extra={"before": self.base, "after": found})
        return found
