"""The tokens in use: one refresh at a time, and on disk before they are used.

One task refreshes, the others wait for it under the same lock; other processes with the same file
are kept out by a lock file, and what they wrote is used instead of refreshing again. A refresh
token is good once, so the order is: lock the file, read it, refresh, write it durably, then use the
new access token. A crash between any two of these costs nothing: the token used last stays good for
a day. What could not be written stays in memory and is written before anything else is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from proxy.core.clock import Clock
from proxy.core.cloud_errors import AccountRefused, SignInRequired, TokensNotSaved
from proxy.core.errors import SourceUnavailable
from proxy.core.redaction import conceal
from proxy.drivers.cloud.sign_in import SIGN_IN_AGAIN, TokenEndpoint
from proxy.drivers.cloud.token_file import TokenFile, Version
from proxy.drivers.cloud.tokens import TokenFormat, Tokens

_log = logging.getLogger(__name__)

# An answer that is lost after the access token has expired costs readings: earlier than that, then.
FLEET_MARGIN_S = 300.0
# A token of the Owner API is used to its end: one that is refreshed early may be refused.
OWNER_MARGIN_S = 30.0
_REFUSED_S = 3600.0
_LOCK_TRIES = 120
_LOCK_PAUSE_S = 0.5

Write = Callable[[TokenFile, dict[str, Any]], None]


class Authority(Protocol):
    """What a request to the cloud is authorised with."""

    async def access(self) -> str:
        """Return an access token that should be good. Raises GatewayError."""

    async def renew(self, refused: str) -> str:
        """Return another access token than this one, which the cloud refused. Raises GatewayError."""

    async def credential(self) -> str:
        """Return the secret that the owner gave, without a request; empty if there is none."""

    def changed(self) -> bool:
        """Say whether the owner has signed in since the last token was returned."""

    def describe(self) -> Mapping[str, Any]:
        """Say how the sign-in stands, without secrets."""


class StaticToken:
    """A token that never expires, as providers with the same endpoints give one."""

    def __init__(self, token: str) -> None:
        conceal(token, lasting=True)
        self._token = token

    async def access(self) -> str:
        """Return the token."""
        return self._token

    async def renew(self, refused: str) -> str:  # noqa: ARG002 - as in Authority
        """Raise: there is no other one."""
        raise SignInRequired("the provider refuses the token of PW_CLOUD_TOKEN (401)")

    async def credential(self) -> str:
        """Return the token."""
        return self._token

    def changed(self) -> bool:
        """Return False: a new token comes with a new start."""
        return False

    def describe(self) -> Mapping[str, Any]:
        """Say that it is one."""
        return {"sign_in": "static token"}


class NoAuthority:
    """Nothing can be authorised; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def access(self) -> str:
        """Raise: nothing is sent."""
        raise AccountRefused(self._reason)

    async def renew(self, refused: str) -> str:  # noqa: ARG002 - as in Authority
        """Raise: nothing is sent."""
        raise AccountRefused(self._reason)

    async def credential(self) -> str:
        """Return nothing."""
        return ""

    def changed(self) -> bool:
        """Return False: another account comes with a new start."""
        return False

    def describe(self) -> Mapping[str, Any]:
        """Say that there is none."""
        return {"sign_in": "none"}


class TokenStore:
    """Tokens of one account, in the file of the pypowerwall proxy."""

    def __init__(
        self,
        file: TokenFile,
        form: TokenFormat,
        endpoint: TokenEndpoint,
        clock: Clock,
        *,
        margin_s: float = FLEET_MARGIN_S,
        write: Write = TokenFile.write,
    ) -> None:
        self._file = file
        self._form = form
        self._endpoint = endpoint
        self._clock = clock
        self._margin_s = margin_s
        self._write = write
        self._turn = asyncio.Lock()
        self._tokens = Tokens()
        self._client_id = form.client_id
        self._version: Version | None = None
        self._unsaved: tuple[Tokens, Tokens] | None = None  # what was used, what it gave
        self._refused: tuple[str, float] | None = None  # refresh token, monotonic seconds
        self._is_required = False
        self._refreshes = 0

    async def access(self) -> str:
        """Return the access token, refreshed if it expires soon."""
        return await self._usable(refused="")

    async def renew(self, refused: str) -> str:
        """Return another access token: the one that is on disk meanwhile, or a refreshed one."""
        return await self._usable(refused)

    async def credential(self) -> str:
        """Return the refresh token of the file; empty without a file that can be read."""
        async with self._turn:
            with suppress(SignInRequired):
                await self._reload()
            return self._tokens.refresh

    def changed(self) -> bool:
        """Say whether the file was replaced by another program, such as setup."""
        return self._file.version() != self._version

    def describe(self) -> Mapping[str, Any]:
        """Say how the sign-in stands."""
        return {
            "sign_in": "required" if self._is_required else "saved" if self._unsaved is None else "not saved",
            "expires_at": self._tokens.expires_at,
            "refreshes": self._refreshes,
        }

    # -- under the lock --------------------------------------------------------------------------

    async def _usable(self, refused: str) -> str:
        async with self._turn:
            try:
                if self._unsaved is not None:
                    await self._save()
                await self._reload()
                if not self._good(refused):
                    await self._refresh(refused)
            except SignInRequired:
                self._is_required = True
                raise
            self._is_required = False
            return self._tokens.access

    def _good(self, refused: str) -> bool:
        is_other = self._tokens.access != refused
        return is_other and self._tokens.lasts(self._clock.wall(), self._margin_s)

    async def _reload(self) -> None:
        """Read the file if it is another one than before."""
        version = self._file.version()
        if version is None or version == self._version:
            if version is None and not self._tokens.access:
                raise SignInRequired(f"{self._file.path} does not exist; {SIGN_IN_AGAIN}")
            return
        document = await self._read()
        self._version = version
        self._tokens = self._form.read(document)
        self._client_id = self._form.client_id or str(document.get("CLIENT_ID") or "")
        conceal(self._tokens.access)
        conceal(self._tokens.refresh)
        conceal(str(document.get("CLIENT_SECRET") or ""), lasting=True)

    async def _read(self) -> dict[str, Any]:
        try:
            return await asyncio.to_thread(self._file.read)
        except (OSError, ValueError) as exc:
            raise SignInRequired(f"{self._file.path} cannot be read: {_reason(exc)}") from exc

    async def _refresh(self, refused: str) -> None:
        """Get new tokens while no other process does; what another one got meanwhile is as good."""
        for _ in range(_LOCK_TRIES):
            try:
                with self._file.locked() as is_ours:
                    if is_ours:
                        await self._reload()
                        if not self._good(refused):
                            await self._refresh_locked()
                        return
            except OSError as exc:
                raise TokensNotSaved(f"{self._file.path.parent} cannot be written: {_reason(exc)}") from exc
            await asyncio.sleep(_LOCK_PAUSE_S)
        raise SourceUnavailable("another process has been refreshing the tokens for a minute")

    async def _refresh_locked(self) -> None:
        used = self._tokens
        if self._file.version() is None or not used.refresh:
            raise SignInRequired(
                f"there is no refresh token{self._form.owner} in {self._file.path}; {SIGN_IN_AGAIN}"
            )
        now = self._clock.monotonic()
        if self._refused and self._refused[0] == used.refresh and now - self._refused[1] < _REFUSED_S:
            raise SignInRequired(f"the sign-in server refused the refresh token; {SIGN_IN_AGAIN}")
        try:
            given = await self._endpoint.refresh(self._client_id, used)
        except SignInRequired:
            if self._refused is None:
                _log.warning("sign-in required", extra={"file": str(self._file.path)})
            self._refused = (used.refresh, self._clock.monotonic())
            raise
        self._refused = None
        self._refreshes += 1
        self._unsaved = (used, given)
        await self._save()

    async def _save(self) -> None:
        """Write the tokens down, then use them. Raises TokensNotSaved; they are then kept to be written later."""
        if self._unsaved is None:
            return
        used, given = self._unsaved
        document = await self._read()
        if document and self._form.read(document).refresh != used.refresh:
            self._unsaved = None  # the owner signed in meanwhile: theirs are newer
            return
        try:
            await asyncio.to_thread(self._write, self._file, self._form.written(document, given))
        except OSError as exc:
            raise TokensNotSaved(f"{self._file.path} cannot be written: {_reason(exc)}") from exc
        self._unsaved = None
        self._version = self._file.version()
        self._tokens = replace(given)


def _reason(exc: Exception) -> str:
    return (exc.strerror or "input/output error").lower() if isinstance(exc, OSError) else str(exc)
