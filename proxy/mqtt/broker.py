"""One connection to the broker. The only module that knows aiomqtt.

An aiomqtt client serves one connection: each attempt makes a new one. Connecting runs in a thread; when
the attempt is given up, whatever it opened is closed as soon as it is known.
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
from typing import TYPE_CHECKING, Final

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.reasoncodes import ReasonCode

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came. ``is_retained``: the broker kept it from before the subscription."""

    topic: str
    payload: bytes
    is_retained: bool


class Broker:
    """An open connection."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, message: Message) -> None:
        """Send a message; with quality of service 1, wait until it has arrived. Raises BrokerError."""
        with _translated("does not acknowledge messages"):
            await self._client.publish(message.topic, message.payload, message.qos, message.retain)

    async def subscribe(self, topics: Iterable[str], qos: int = 1) -> list[str]:
        """Subscribe; return the topics that the broker refuses. Raises BrokerError."""
        wanted = list(topics)
        with _translated("does not acknowledge subscriptions"):
            granted = await self._client.subscribe([(topic, qos) for topic in wanted])
        return [topic for topic, code in zip(wanted, granted, strict=True) if _number(code) >= _FAILURE]

    async def unsubscribe(self, topics: Iterable[str]) -> None:
        """Unsubscribe. Raises BrokerError."""
        with _translated("does not acknowledge subscriptions"):
            await self._client.unsubscribe(list(topics))

    async def received(self) -> AsyncIterator[Received]:
        """Yield what comes, until the connection is lost: BrokerError."""
        with _translated("closed the connection"):
            async for message in self._client.messages:
                yield Received(str(message.topic), bytes(message.payload), bool(message.retain))


@asynccontextmanager
async def connected(
    settings: MqttSettings, client_id: str, will: Message | None = None
) -> AsyncIterator[Broker]:
    """Connect while the block runs. Raises BrokerError."""
    try:
        tls = tls_context(settings) if settings.mqtt_tls else None
    except OSError as exc:
        raise BrokerError(f"cannot be used with these certificate files: {exc.strerror or exc}") from exc
    client = aiomqtt.Client(
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
        with _translated("does not answer"):
            await asyncio.shield(attempt)
    except BaseException:
        # The thread that connects cannot be stopped; what it opens after all is closed.
        attempt.add_done_callback(lambda _: _abandon(client, attempt))
        raise
    try:
        yield Broker(client)
        with contextlib.suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
    finally:
        _abandon(client, attempt)


def tls_context(settings: MqttSettings) -> ssl.SSLContext:
    """Make the context of TLS. Raises OSError for files that cannot be used."""
    context = ssl.create_default_context(cafile=settings.mqtt_tls_ca_cert or None)
    if settings.mqtt_tls_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.mqtt_tls_cert:
        context.load_cert_chain(settings.mqtt_tls_cert, settings.mqtt_tls_key)
    return context


def _abandon(client: aiomqtt.Client, attempt: asyncio.Future[aiomqtt.Client]) -> None:
    """Close what a connection that was given up has open; aiomqtt leaves socket and timer to themselves."""
    for future in (attempt, client._connected, client._disconnected):
        if future.done() and not future.cancelled():
            future.exception()  # reported already, or of no interest any more
    client._client._sock_close()
    if client._misc_task is not None:
        client._misc_task.cancel()


@contextlib.contextmanager
def _translated(otherwise: str) -> Iterator[None]:
    try:
        yield
    except MqttConnectError as exc:
        raise _refused(exc.rc) from exc
    except aiomqtt.MqttCodeError as exc:
        raise BrokerError("closed the connection") from exc
    except aiomqtt.MqttError as exc:
        raise _unreachable(exc.__context__ or exc, otherwise) from exc


def _number(code: object) -> int:
    return code.value if isinstance(code, ReasonCode) else 0


def _refused(code: object) -> BrokerError:
    value = _number(code)
    if value in _CREDENTIALS:
        return BrokerError("refuses the user name or the password", is_refused=True)
    return BrokerError(_REASONS.get(value, f"refuses the connection ({code})"))


def _unreachable(cause: BaseException, otherwise: str) -> BrokerError:
    """Say what keeps a connection from being opened."""
    match cause:
        case ssl.SSLCertVerificationError():
            return BrokerError(f"shows a certificate that is not accepted: {cause.verify_message}")
        case ssl.SSLError():
            return BrokerError("does not speak TLS on this port")
        case socket.gaierror():
            return BrokerError("has a name that cannot be resolved")
        case ConnectionRefusedError():
            return BrokerError("is not there: the connection is refused")
        case TimeoutError() | asyncio.TimeoutError():
            return BrokerError(otherwise)
        case OSError():
            return BrokerError(f"cannot be reached: {cause.strerror or cause}")
    return BrokerError(otherwise)


def first_of(group: BaseExceptionGroup[BrokerError]) -> BrokerError:
    """Return one of the errors; all are of one connection."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, BrokerError) else BrokerError(str(found))
