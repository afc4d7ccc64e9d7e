"""TEDAPI signed with the owner's RSA key, over the wired network (docs/protocol.md, "v1r").

Signing, login and writing are aiopowerwall's; its requests run through our own
session, so that pinning, limits and errors are the same as everywhere, and its
exceptions end here. Questions are our own, as over the Wi-Fi, because its fixed
ones leave signals out. The key is read on first use: one that cannot be read is
an error state, not the end of the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from proxy.core.errors import (
    BadAnswer,
    CommandRejected,
    GatewayError,
    GatewayTimeout,
    Interrupted,
    KeyRejected,
    LoginRejected,
    NotSupported,
    RateLimited,
    Scope,
    SourceUnavailable,
    Unreachable,
    WrongGateway,
)
from proxy.drivers.base import Usage
from proxy.drivers.tedapi import messages
from proxy.drivers.trusted_requests import TrustedRequests

if TYPE_CHECKING:
    import aiohttp
    from aiopowerwall import PowerwallClient
    from aiopowerwall.transport import V1rTransport
    from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope

    from proxy.config.gateway_settings import GatewaySettings
    from proxy.drivers.http_client import GatewayClient
    from proxy.drivers.login_backoff import LoginBackoff
    from proxy.drivers.tedapi.transport import TedapiTransport

T = TypeVar("T")

# What the gateway finds wrong with a signed message, by the end of the fault's name.
_FAULTS: Mapping[str, tuple[type[GatewayError], str]] = {
    "BUSY": (SourceUnavailable, "the gateway is busy"),
    "TIMEOUT": (GatewayTimeout, "the part of the gateway that knows did not answer"),
    "INACTIVE_KEY": (KeyRejected, "the key is registered but not confirmed yet"),
    "INVALID_SIGNATURE": (KeyRejected, "the gateway does not accept the signature"),
    "INSUFFICIENT_PRIVILEGES": (KeyRejected, "the key may not do this"),
    "WRONG_PERSONALIZATION": (WrongGateway, "this is another gateway than before"),
    "TIME_EXPIRED": (KeyRejected, "the clock of this computer or of the gateway is wrong"),
    "TIME_TO_LIVE_TOO_LONG": (KeyRejected, "the clock of this computer or of the gateway is wrong"),
    "REMOTE_ACCESS_DISABLED": (KeyRejected, "access by key is switched off"),
    "REMOTE_SERVICE_REQUEST_NOT_SUPPORTED": (NotSupported, "this firmware does not offer this"),
}


# The same of what aiopowerwall says in words of its own, which send the owner elsewhere.
_REFUSALS: Mapping[str, str] = {
    "UNKNOWN_KEY_ID": "v1r: the key is not registered with this gateway: powerwall-proxy pair says how",
    "not verified": "v1r: the key is not verified for this gateway: powerwall-proxy pair says how",
}


class WifiLost(SourceUnavailable):
    """The second way failed: its followers rest, the wired gateway does not."""

    cooldowns_s = tuple(60.0 * 2**n for n in range(8))


@dataclass(frozen=True, slots=True)
class Signer:
    """What knows the key: the client logs in and writes, the transport carries our own queries."""

    client: PowerwallClient
    transport: V1rTransport
    key: bytes = field(repr=False)


class SignedTransport:
    """TEDAPI's queries, signed; ``followers`` is a second transport, for those that v1r cannot reach."""

    name = "v1r"

    def __init__(
        self,
        session: GatewayClient,
        settings: GatewaySettings,
        backoff: LoginBackoff,
        followers: TedapiTransport | None,
    ) -> None:
        self.address = session.address
        self._session = session
        self._requests = TrustedRequests(session)
        self._settings = settings
        self._backoff = backoff
        self._followers = followers
        self._signer: Signer | None = None
        self._making = asyncio.Lock()

    async def din(self) -> str:
        """Return the gateway's DIN."""
        return await self.call(lambda client: client.connect())

    async def read(self, name: str, follower: str | None = None) -> Mapping[str, Any]:
        """Fetch one document. The leader answers for itself only: followers need the other mode."""
        if follower is None:
            return await self._read(name)
        if self._followers is None:
            raise NotSupported("v1r does not reach followers: set PW_WIFI_HOST and PW_GW_PWD")
        try:
            return await self._followers.read(name, follower)
        except (Interrupted, GatewayTimeout) as exc:
            raise WifiLost(f"over the Wi-Fi: {exc}") from exc
        except GatewayError as exc:
            if exc.scope is not Scope.LINK:
                raise
            raise WifiLost(f"over the Wi-Fi: {exc}", retry_after=exc.retry_after) from exc

    async def call(self, function: Callable[[PowerwallClient], Awaitable[T]]) -> T:
        """Call the client. Raises GatewayError and nothing else."""
        return await self._put(lambda signer: function(signer.client))

    def usage(self) -> Usage:
        """Say what was counted; what goes over the Wi-Fi counts there."""
        return replace(self._session.usage(), logins=self._requests.logins)

    def forget(self) -> None:
        """Forget who the gateway is, and the session."""
        self._signer = None
        if self._followers is not None:
            self._followers.forget()

    async def accepts_connections(self) -> bool:
        """Say whether the gateway accepts a TCP connection."""
        return await self._session.accepts_connections()

    async def close(self) -> None:
        """Release the connections."""
        await self._session.close()

    async def send(self, name: str, message: MessageEnvelope) -> MessageEnvelope:
        """Sign a message of ours and send it; ``name`` calls the answer by name. Raises GatewayError and nothing else."""
        din, text = message.recipient.din, message.SerializeToString()
        return parse_envelope(name, await self._put(lambda signer: signer.transport.post_v1r(text, din)), din)

    async def _read(self, name: str) -> Mapping[str, Any]:
        return messages.document(name, await self.send(name, messages.query_envelope(name, await self.din())))

    async def _put(self, call: Callable[[Signer], Awaitable[T]]) -> T:
        self._backoff.check()
        try:
            result = await self._signed(call)
        except KeyRejected:
            await self._look_at_key()
            raise
        except WrongGateway:
            raise
        except LoginRejected as error:
            raise await self._backoff.refused(error) from error.__cause__
        except RateLimited as error:
            raise await self._backoff.limited(error) from error.__cause__
        self._backoff.logged_in()
        self._backoff.answered()
        return result

    async def _signed(self, call: Callable[[Signer], Awaitable[T]]) -> T:
        from aiopowerwall import PowerwallError  # noqa: PLC0415 - only what is configured is imported

        try:
            async with self._making:
                if self._signer is None:
                    # Reading a long key takes a small board a second, in which it would respond to no client.
                    self._signer = await asyncio.to_thread(self._make)
                signer = self._signer
            return await call(signer)
        except PowerwallError as exc:
            raise translated(exc) from exc
        except ValueError as exc:
            raise BadAnswer(f"v1r: {exc}") from exc

    async def _look_at_key(self) -> None:
        """Sign with another key if the owner has replaced the file; the session goes on otherwise."""
        signer = self._signer
        if signer is not None and await asyncio.to_thread(self._key) != signer.key:
            self._signer = None

    def _key(self) -> bytes:
        """Read the key. Raises KeyRejected."""
        path = self._settings.rsa_key_path
        try:
            return Path(path).read_bytes()
        except OSError as exc:
            raise KeyRejected(f"the key {path} cannot be read: {exc.strerror}") from exc

    def _make(self) -> Signer:
        """Read the key. Raises KeyRejected for one that cannot be used."""
        from aiopowerwall import PowerwallClient  # noqa: PLC0415 - only what is configured is imported
        from aiopowerwall.transport import V1rTransport  # noqa: PLC0415 - only what is configured is imported

        key, host = self._key(), self._session.address
        # A password set by the owner goes as it is; of the gateway's own the client sends the end.
        make = PowerwallClient.legacy_gateway if self._settings.password else PowerwallClient
        password = self._settings.password or self._settings.gw_pwd
        session = cast("aiohttp.ClientSession", self._requests)
        return Signer(
            make(host=host, gateway_password=password, rsa_private_key_pem=key, session=session),
            V1rTransport(host, password, key, session=session),
            key,
        )


def parse_envelope(name: str, inner: bytes, din: str) -> MessageEnvelope:
    """Open a signed reply. Raises WrongGateway if another gateway answers; no request follows soon."""
    envelope = messages.parse_envelope(name, inner)
    claimed = {envelope.sender.din, envelope.common.get_system_info_response.din}
    if not claimed <= {"", din}:
        raise WrongGateway("v1r: the answer comes from another gateway than the one that was queried")
    return envelope


def translated(exc: Exception) -> GatewayError:
    """Name a failure of aiopowerwall; the order is that of its class tree, narrow first."""
    import aiopowerwall as library  # noqa: PLC0415 - only what is configured is imported

    match exc:
        case library.PowerwallFaultError():
            fault = exc.fault.rpartition("ERROR_")[2]
            kind, meaning = _FAULTS.get(fault, (BadAnswer, "the gateway does not take the message"))
            return kind(f"v1r: {meaning} ({fault})")
        case library.PowerwallAuthenticationError():
            said = str(exc)
            ours = next((ours for sign, ours in _REFUSALS.items() if sign in said), None)
            return KeyRejected(ours) if ours else LoginRejected(f"v1r: {said}")
        case library.PowerwallRateLimitError():
            return RateLimited(f"v1r: {exc}")
        case library.PowerwallConnectionError():
            return Unreachable(f"v1r: {exc}")
        case library.PowerwallNotSupportedError():
            return NotSupported(f"v1r: {exc}")
        case library.PowerwallCommandError():
            return CommandRejected(f"v1r: {exc}")
    return BadAnswer(f"v1r: {exc}")
