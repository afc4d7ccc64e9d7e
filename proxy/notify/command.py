"""``notify test``: send a message to every receiver, and say what became of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.config.console import EX_CONFIG, FAILED, OK, complain, load_or_exit
from proxy.notify.events import INFO
from proxy.notify.message import Message
from proxy.notify.receivers import Broker, NotSent, receivers_of
from proxy.notify.settings import NotifySettings

if TYPE_CHECKING:
    from proxy.notify.receivers import Receiver


def run(_: argparse.Namespace) -> int:
    """Send with the settings of the proxy; returns the exit code."""
    settings = load_or_exit(needs_gateway=False).settings
    own = settings.of(NotifySettings)
    if not own.is_on:
        complain("There is no receiver: set PW_NOTIFY_URLS, PW_NOTIFY_WEBHOOK or PW_NOTIFY_MQTT.")
        return EX_CONFIG
    gateway = settings.gateways[0]
    message = example(gateway.id, gateway.name or gateway.id, time.time())
    return asyncio.run(_send(receivers_of(own, lambda: None), message))


def example(gateway: str, name: str, at: float) -> Message:
    """Make the message of a test; ``at`` is Unix time."""
    text = "This is a test of Powerwall Proxy. Alarms reach you here."
    moment = datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="seconds")
    return Message("test", INFO, gateway, name, f"{name}: test", text, round(at, 3), moment, {})


async def _send(receivers: list[Receiver], message: Message) -> int:
    results = await asyncio.gather(*(_result(receiver, message) for receiver in receivers))
    sys.stdout.writelines(f"{text}\n" for text, _ in results)
    return OK if all(is_well for _, is_well in results) else FAILED


async def _result(receiver: Receiver, message: Message) -> tuple[str, bool]:
    if isinstance(receiver, Broker):
        return f"{receiver.name}: not tried; the proxy publishes over its own connection.", True
    try:
        await receiver.send(message)
    except NotSent as exc:
        return f"{receiver.name}: FAILED, {exc}.", False
    return f"{receiver.name}: sent.", True
