"""Collects retained messages over an open connection; ``survey`` interprets them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from proxy.mqtt.survey import Survey

if TYPE_CHECKING:
    from proxy.mqtt.broker import Broker

# Retained messages come at once after a subscription; a survey ends when there are no more. When a message
# of our own has come back, hardly any can follow.
_SILENCE_S: Final = 1.0
_AFTER_OWN_S: Final = 0.2
_SURVEY_S: Final = 3.0


async def collect(broker: Broker, topics: Sequence[str], introduce: Callable[[], Awaitable[None]]) -> Survey:
    """Return the retained messages at some topics; ``introduce`` sends a message to the first of these.

    Raises BrokerError.
    """
    found = Survey()
    refused = await broker.subscribe(topics, 0)
    await introduce()
    now, silence_s = asyncio.get_running_loop().time, _SILENCE_S
    latest = now() + _SURVEY_S
    with suppress(TimeoutError):
        async with asyncio.timeout_at(now() + silence_s) as end:
            async for message in broker.received():
                if message.is_retained:
                    found.retained[message.topic] = message.payload
                elif message.topic == topics[0]:
                    silence_s = _AFTER_OWN_S
                end.reschedule(min(now() + silence_s, latest))
    await broker.unsubscribe(topic for topic in topics if topic not in refused)
    return found
