"""Who gets messages: services through Apprise, webhooks, and a broker through the feature that has a connection to it.

A receiver's name has nothing of its URL but the scheme, which is no secret. ``send`` raises NotSent with half a
sentence that has nothing of it, either.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import json
import os
import re
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from proxy import __version__, authorities
from proxy.core.redaction import conceal
from proxy.notify.message import Message

if TYPE_CHECKING:
    from proxy.notify.settings import NotifySettings

_WEBHOOK_S: Final = 10.0
# Apprise is imported for each message, which takes a small board ten seconds.
_APPRISE_S: Final = 60.0
_APPRISE_AT_ONCE: Final = 2
_ANSWERED: Final = range(200, 300)
# What the sender may know of this process: no settings of the proxy, which may hold secrets.
_PASSED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE")
_LONG_PART: Final = 16
_AGENT: Final = f"powerwall-proxy/{__version__}"

Publish = Callable[[str, str, str], Awaitable[None]]


class NotSent(Exception):
    """A receiver does not get messages; the text says what it does instead, such as "answered 500"."""


class Receiver(Protocol):
    """Receives messages."""

    name: str

    async def send(self, message: Message) -> None:
        """Deliver a message. Raises NotSent."""

    async def check(self) -> str:
        """Say what can be found out without a message. Raises NotSent."""


class Webhook:
    """A URL to which JSON is posted. Redirects are not followed: they could send secrets to another server."""

    def __init__(self, name: str, url: str, limit_s: float = _WEBHOOK_S) -> None:
        self.name = name
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=limit_s)
        self._tls = authorities.trusted()

    async def send(self, message: Message) -> None:
        """Deliver a message. Raises NotSent."""
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, headers={"User-Agent": _AGENT}) as session,
                session.post(
                    self._url, json=message.document(), ssl=self._tls, allow_redirects=False
                ) as answer,
            ):
                status = answer.status
        except TimeoutError:
            raise NotSent(f"did not answer within {self._timeout.total:.0f} s") from None
        except aiohttp.ClientConnectorCertificateError:
            raise NotSent("shows a certificate that is not trusted") from None
        except aiohttp.ClientConnectionError:
            raise NotSent("cannot be reached") from None
        except (aiohttp.ClientError, ValueError):  # their texts show the URL
            raise NotSent("cannot be used") from None
        if status not in _ANSWERED:
            raise NotSent(f"answered {status}")

    async def check(self) -> str:
        """Connect, and send nothing. Raises NotSent."""
        parts = urlsplit(self._url)
        trust = ssl.create_default_context() if parts.scheme == "https" else None
        try:
            async with asyncio.timeout(self._timeout.total):
                port = parts.port or (80 if trust is None else 443)
                _, writer = await asyncio.open_connection(parts.hostname, port, ssl=trust)
        except TimeoutError:
            raise NotSent(f"did not answer within {self._timeout.total:.0f} s") from None
        except ssl.SSLCertVerificationError:
            raise NotSent("shows a certificate that is not trusted") from None
        except OSError:
            raise NotSent("cannot be reached") from None
        writer.close()
        return "can be reached"


class AppriseUrl:
    """A service that Apprise supports. Each message is sent by a separate process, with a time limit."""

    def __init__(self, name: str, url: str, turns: asyncio.Semaphore, limit_s: float = _APPRISE_S) -> None:
        self.name = name
        self._url = url
        self._turns = turns
        self._limit_s = limit_s

    async def send(self, message: Message) -> None:
        """Deliver a message. Raises NotSent."""
        given = {"url": self._url, "title": message.title, "text": message.text, "severity": message.severity}
        async with self._turns:
            reason = await _run(json.dumps(given).encode(), self._limit_s)
        if reason:
            raise NotSent(reason)

    async def check(self) -> str:
        """Let Apprise read the URL. Raises NotSent."""
        async with self._turns:
            reason = await _run(json.dumps({"url": self._url}).encode(), self._limit_s)
        if reason:
            raise NotSent(reason)
        return "Apprise knows what to do with its URL"


async def _run(given: bytes, limit_s: float) -> str:
    """Run the sender; return why the message was not sent, or nothing."""
    code = importlib.resources.files("proxy.notify").joinpath("apprise_sender.py").read_text("utf-8")
    names = (*_PASSED, *_PROXIES, *(name.lower() for name in _PROXIES))
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", code),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in names if name in os.environ},
        )
    except OSError:
        return "needs another process, which this system does not allow"
    try:
        async with asyncio.timeout(limit_s):
            written, _ = await process.communicate(given)
        return str(json.loads(written)["reason"])
    except TimeoutError:
        return f"did not take the message within {limit_s:.0f} s"
    except (ValueError, KeyError, TypeError):
        return "could not be used: the process that sends has failed"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Broker:
    """The topics of a gateway at the broker of MQTT. ``publish`` is known once all features have started."""

    name = "mqtt"

    def __init__(self, publish: Callable[[], Publish | None]) -> None:
        self._publish = publish

    async def send(self, message: Message) -> None:
        """Deliver a message. Raises NotSent."""
        publish = self._publish()
        if publish is None:
            raise NotSent("is switched off (MQTT_HOST)")
        try:
            async with asyncio.timeout(_WEBHOOK_S):
                await publish(message.gateway, "alarm", json.dumps(message.document(), ensure_ascii=False))
        except TimeoutError:
            raise NotSent(f"did not answer within {_WEBHOOK_S:.0f} s") from None
        except ConnectionError as exc:
            raise NotSent(str(exc)) from None

    async def check(self) -> str:
        """Say that the proxy itself has the connection."""
        return "has the proxy's own connection to the broker"


def receivers_of(settings: NotifySettings, publish: Callable[[], Publish | None]) -> list[Receiver]:
    """Make the receivers of the settings, and conceal what their URLs hold."""
    turns, count = asyncio.Semaphore(_APPRISE_AT_ONCE), Counter[str]()
    found: list[Receiver] = []
    for url in settings.notify_urls:
        _conceal(url)
        scheme = urlsplit(url).scheme.lower()
        count[scheme] += 1
        found.append(AppriseUrl(f"{scheme} {count[scheme]}", url, turns))
    for number, url in enumerate(settings.notify_webhook, 1):
        _conceal(url)
        found.append(Webhook(f"webhook {number}", url))
    return [*found, Broker(publish)] if settings.notify_mqtt else found


def _conceal(url: str) -> None:
    """Never show what follows the scheme of a URL, nor a long part of it, which may be a token."""
    rest = url.partition("://")[2]
    conceal(rest, lasting=True)
    for part in re.split(r"[/?&=@]", rest):
        if len(part) >= _LONG_PART:
            conceal(part, lasting=True)
    if password := _password(url):
        conceal(password, lasting=True)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
