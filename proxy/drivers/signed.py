"""TEDAPI signed with the owner's RSA key, over the wired network (docs/protocol.md, "v1r").

Signing, login and writing are aiopowerwall's; its requests run through our own
session, so that pinning, limits and errors are the same as everywhere, and its
exceptions end here. Questions are our own, as over the Wi-Fi, because its fixed
ones leave signals out. The key is read on first use: one that cannot be read is
an error state, not the end of the daemon.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

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
)
from proxy.drivers.base import Usage
from proxy.drivers.session import GZIP
from proxy.drivers.tedapi import messages
from proxy.drivers.tedapi.wire import refusal

if TYPE_CHECKING:
    import aiohttp
    from aiopowerwall import PowerwallClient
    from aiopowerwall.transport import V1rTransport
    from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope

    from proxy.config.settings import Settings
    from proxy.drivers.session import GatewaySession
    from proxy.drivers.tedapi.wire import Wire

T = TypeVar("T")

_OK = 200
_LOGIN = "/api/login/"

# What the gateway finds wrong with a signed message, by the end of the fault's name.
_FAULTS: Mapping[str, tuple[type[GatewayError], str]] = {
    "BUSY": (SourceUnavailable, "the gateway is busy"),
    "TIMEOUT": (GatewayTimeout, "the part of the gateway that knows did not answer"),
    "INACTIVE_KEY": (KeyRejected, "the key is registered but not confirmed yet"),
    "INVALID_SIGNATURE": (KeyRejected, "the gateway does not accept the signature"),
    "INSUFFICIENT_PRIVILEGES": (KeyRejected, "the key may not do this"),
    "WRONG_PERSONALIZATION": (KeyRejected, "this is another gateway than before"),
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

    rests = tuple(60.0 * 2**n for n in range(8))


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

    It asks for no verification of certificates on every request; here it gets
    the trust of ``GatewaySession`` all the same. Statuses other than 200, 401
    and 403 end as errors here, with what the gateway says about when to return.
    """

    def __init__(self, session: GatewaySession) -> None:
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
        failed = None if reply.is_denied or reply.status == _OK else refusal(reply, path)
        if path.startswith(_LOGIN):
            denied = LoginRejected.code() if reply.is_denied else "ok"
            self.logins[failed.code() if failed else denied] += 1
        if failed:
            raise failed
        if reply.body.startswith(GZIP):
            # aiopowerwall would unpack it once more, whatever its size.
            raise BadAnswer(f"v1r: {path} is compressed twice")
        return Answer(reply.status, reply.body)


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


@dataclass(frozen=True, slots=True)
class Signer:
    """What knows the key: the client logs in and writes, the transport carries our own questions."""

    client: PowerwallClient
    transport: V1rTransport


class SignedWire:
    """TEDAPI's questions, signed; ``followers`` is a second way, for those that v1r cannot reach."""

    name = "v1r"

    def __init__(self, session: GatewaySession, settings: Settings, followers: Wire | None) -> None:
        self.address = session.address
        self._session = session
        self._requests = TrustedRequests(session)
        self._settings = settings
        self._followers = followers
        self._signer: Signer | None = None
        self._making = asyncio.Lock()

    async def din(self) -> str:
        """Tell the gateway's DIN."""
        return await self.ask(lambda client: client.connect())

    async def read(self, name: str, follower: str | None = None) -> Mapping[str, Any]:
        """Ask for one document. The leader answers for itself only: followers need the other way."""
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

    async def ask(self, question: Callable[[PowerwallClient], Awaitable[T]]) -> T:
        """Put a question to the client. Raises GatewayError and nothing else."""
        return await self._put(lambda signer: question(signer.client))

    def usage(self) -> Usage:
        """Say what was counted; what goes over the Wi-Fi counts there."""
        return replace(self._session.usage(), logins=self._requests.logins)

    def forget(self) -> None:
        """Forget who the gateway is, and the session."""
        self._signer = None
        if self._followers is not None:
            self._followers.forget()

    async def close(self) -> None:
        """Release the connections."""
        await self._session.close()

    async def send(self, name: str, message: MessageEnvelope) -> MessageEnvelope:
        """Sign a message of ours and send it; ``name`` calls the answer by name. Raises GatewayError and nothing else."""
        din, text = message.recipient.din, message.SerializeToString()
        return opened(name, await self._put(lambda signer: signer.transport.post_v1r(text, din)), din)

    async def _read(self, name: str) -> Mapping[str, Any]:
        return messages.told(name, await self.send(name, messages.question(name, await self.din())))

    async def _put(self, question: Callable[[Signer], Awaitable[T]]) -> T:
        from aiopowerwall import PowerwallError  # noqa: PLC0415 - only what is configured is imported

        try:
            async with self._making:
                if self._signer is None:
                    # Reading a long key takes a small board a second, in which it would answer nobody.
                    self._signer = await asyncio.to_thread(self._make)
                signer = self._signer
            return await question(signer)
        except PowerwallError as exc:
            raise translated(exc) from exc
        except ValueError as exc:
            raise BadAnswer(f"v1r: {exc}") from exc

    def _make(self) -> Signer:
        """Read the key. Raises KeyRejected for one that cannot be used."""
        from aiopowerwall import PowerwallClient  # noqa: PLC0415 - only what is configured is imported
        from aiopowerwall.transport import V1rTransport  # noqa: PLC0415 - only what is configured is imported

        path, host = self._settings.rsa_key_path, self._session.address
        try:
            key = Path(path).read_bytes()
        except OSError as exc:
            raise KeyRejected(f"the key {path} cannot be read: {exc.strerror}") from exc
        # A password set by the owner goes as it is; of the gateway's own the client sends the end.
        make = PowerwallClient.legacy_gateway if self._settings.password else PowerwallClient
        password = self._settings.password or self._settings.gw_pwd
        session = cast("aiohttp.ClientSession", self._requests)
        return Signer(
            make(host=host, gateway_password=password, rsa_private_key_pem=key, session=session),
            V1rTransport(host, password, key, session=session),
        )


def opened(name: str, inner: bytes, din: str) -> MessageEnvelope:
    """Open a signed reply. Raises LoginRejected if another gateway answers; it is not asked again soon."""
    envelope = messages.opened(name, inner)
    claimed = {envelope.sender.din, envelope.common.get_system_info_response.din}
    if not claimed <= {"", din}:
        raise LoginRejected("v1r: the answer comes from another gateway than the one that was asked")
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
