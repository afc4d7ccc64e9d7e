"""Diagnosis of the receivers of alarms. None of them is sent a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from proxy.core.advice import Cause
from proxy.drivers.finding import Finding
from proxy.notify.receivers import NotSent, receivers_of
from proxy.notify.settings import NotifySettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.notify.receivers import Receiver

_ADVICE: Final = (
    "Check its URL (PW_NOTIFY_URLS, PW_NOTIFY_WEBHOOK); powerwall-proxy notify test sends a message."
)


async def diagnose(settings: Settings) -> AsyncGenerator[Finding]:
    """Yield a finding about each receiver."""
    receivers = receivers_of(settings.of(NotifySettings), lambda: None)
    for finding in await asyncio.gather(*map(_examine, receivers)):
        yield finding


async def _examine(receiver: Receiver) -> Finding:
    step = f"alarms: {receiver.name}"
    try:
        return Finding(step, f"{await receiver.check()}; no message was sent")
    except NotSent as exc:
        return Finding(step, str(exc), Cause.RECEIVER, _ADVICE)
