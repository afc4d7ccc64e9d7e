"""One connection to the broker. The only module that knows aiomqtt.

An aiomqtt client serves one connection: each attempt makes a new one. Connecting, and reading the certificates for
it, runs in threads; when the attempt is given up, whatever it opened is closed as soon as it is known.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.reasoncodes import ReasonCode

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags
    from paho.mqtt.properties import Properties

    from proxy.mqtt.outbox import Message
    from proxy.mqtt.settings import MqttSettings

# aiomqtt and paho say of each failure what is said once by the one who sees it.
_QUIET: Final = logging.getLogger(f"{__name__}.quiet")
_QUIET.setLevel(logging.CRITICAL)
_LONGEST_S: Final = 10.0
_FAILURE: Final = 0x80  # reason codes from here on are refusals
_CREDENTIALS: Final = frozenset({134, 135})  # bad user name or password, not authorized
_REASONS: Final = {133: "refuses the client id", 136: "is not available", 137: "is busy"}


class BrokerError(Exception):
    """The connection failed or was lost. The message is a sentence without its subject, the broker.

    ``is_refused``: it refuses these credentials; trying again soon would be guessing.
    """

    def __init__(self, message: str, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.is_refused = is_refused


class Closed(BrokerError):
    """The broker closed a connection that was open."""

    def __init__(self) -> None:
        super().__init__("closed the connection")


@dataclass(frozen=True, slots=True)
class Received:
    """A received message. ``is_retained``: it was published before the subscription."""

    topic: str
    payload: bytes
    is_retained: bool


class Broker:
    """An open connection."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, message: Message) -> None:
        """Send a message; with quality of service 1, wait for its acknowledgement. Raises BrokerError."""
        with _translated(BrokerError("does not acknowledge messages")):
            await self._client.publish(message.topic, message.payload, message.qos, message.retain)

    async def subscribe(self, topics: Iterable[str], qos: int = 1) -> list[str]:
        """Subscribe; return the topics that the broker refuses. Raises BrokerError."""
        wanted = list(topics)
        with _translated(BrokerError("does not acknowledge subscriptions")):
            granted = await self._client.subscribe([(topic, qos) for topic in wanted])
        return [topic for topic, code in zip(wanted, granted, strict=True) if _number(code) >= _FAILURE]

    async def unsubscribe(self, topics: Iterable[str]) -> None:
        """Unsubscribe. Raises BrokerError."""
        with _translated(BrokerError("does not acknowledge subscriptions")):
            await self._client.unsubscribe(list(topics))

    async def received(self) -> AsyncIterator[Received]:
        """Yield what comes, until the connection is lost: BrokerError."""
        with _translated(Closed()):
            async for message in self._client.messages:
                yield Received(str(message.topic), bytes(message.payload), bool(message.retain))


@asynccontextmanager
async def connected(
    settings: MqttSettings, client_id: str, will: Message | None = None
) -> AsyncIterator[Broker]:
    """Connect while the block runs. Raises BrokerError."""
    try:
        # Certificates are read again by each attempt: they may have been renewed. It takes long enough to be noticed.
        tls = await asyncio.to_thread(tls_context, settings) if settings.mqtt_tls else None
    except OSError as exc:
        raise BrokerError(f"cannot be used with these certificate files: {exc.strerror or exc}") from exc
    client = _Client(
        settings.mqtt_host,
        settings.mqtt_port,
        username=settings.mqtt_username or None,
        password=settings.mqtt_password or None,
        identifier=client_id,
        keepalive=settings.mqtt_keepalive,
        will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will else None,
        tls_context=tls,
        timeout=_LONGEST_S,
        logger=_QUIET,
    )
    attempt = asyncio.ensure_future(client.__aenter__())
    try:
        with _translated(BrokerError("does not answer"), closed=BrokerError(_unanswered(settings))):
            await asyncio.shield(attempt)
        yield Broker(client)
        with contextlib.suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
    finally:
        # The thread that connects cannot be stopped; what it opens after all is closed.
        attempt.add_done_callback(lambda _: _abandon(client, attempt))


class _Client(aiomqtt.Client):
    """Reports at once that a connection was closed before the broker answered; aiomqtt waits for its time limit."""

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttCodeError(reason_code))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)


class _TlsSocket(ssl.SSLSocket):
    """Closed when the handshake fails; paho leaves it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def tls_context(settings: MqttSettings) -> ssl.SSLContext:
    """Make the context of TLS. Raises OSError for files that cannot be used."""
    context = ssl.create_default_context(cafile=settings.mqtt_tls_ca_cert or None)
    context.sslsocket_class = _TlsSocket
    if settings.mqtt_tls_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.mqtt_tls_cert:
        context.load_cert_chain(settings.mqtt_tls_cert, settings.mqtt_tls_key)
    return context


def _abandon(client: _Client, attempt: asyncio.Future[_Client]) -> None:
    """Close what a connection that was given up has open; aiomqtt leaves socket and timer to themselves."""
    for future in (attempt, client._connected, client._disconnected):
        if future.done() and not future.cancelled():
            future.exception()  # reported already, or of no interest any more
    client._client._sock_close()
    if client._misc_task is not None:
        client._misc_task.cancel()


@contextlib.contextmanager
def _translated(otherwise: BrokerError, closed: BrokerError | None = None) -> Iterator[None]:
    """Raise what aiomqtt raises as BrokerError: ``closed`` if the connection was, ``otherwise`` without a cause."""
    try:
        yield
    except MqttConnectError as exc:
        raise _refused(exc.rc) from exc
    except aiomqtt.MqttCodeError as exc:
        raise (closed or Closed()) from exc
    except aiomqtt.MqttError as exc:
        raise _unreachable(exc.__context__ or exc, otherwise) from exc


def _number(code: object) -> int:
    return code.value if isinstance(code, ReasonCode) else 0


def _refused(code: object) -> BrokerError:
    value = _number(code)
    if value in _CREDENTIALS:
        return BrokerError("refuses the user name or the password", is_refused=True)
    return BrokerError(_REASONS.get(value, f"refuses the connection ({code})"))


def _unanswered(settings: MqttSettings) -> str:
    """Say why a broker may close a connection instead of answering."""
    if not settings.mqtt_tls:
        why = "this port may expect TLS (MQTT_TLS=yes)"
    elif not settings.mqtt_tls_cert:
        why = "it may require a client certificate (MQTT_TLS_CERT)"
    else:
        why = "it may not accept the client certificate (MQTT_TLS_CERT)"
    return f"closes the connection before it answers: {why}"


def _unreachable(cause: BaseException, otherwise: BrokerError) -> BrokerError:
    """Say what keeps a connection from being opened."""
    match cause:
        case ssl.SSLCertVerificationError():
            why = cause.verify_message.rstrip(".")
            return BrokerError(f"shows a certificate that is not accepted: {why}")
        case ssl.SSLError() | ConnectionResetError():
            return BrokerError("does not speak TLS on this port")
        case socket.gaierror():
            return BrokerError("has a name that cannot be resolved")
        case ConnectionRefusedError():
            return BrokerError("is not there: the connection is refused")
        case TimeoutError() | asyncio.TimeoutError():
            return otherwise
        case OSError():
            return BrokerError(f"cannot be reached: {cause.strerror or cause}")
    return otherwise


def first_of(group: BaseExceptionGroup[BrokerError]) -> BrokerError:
    """Return one of the errors; all are of one connection."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, BrokerError) else BrokerError(str(found))
