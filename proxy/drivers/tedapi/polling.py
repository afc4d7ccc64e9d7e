"""Fetches the components of the Powerwall 3 units of one site, one after another, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from proxy.config.lifetimes import reading_policy
from proxy.core.breaker import Cooldown
from proxy.core.errors import GatewayError, GatewayTimeout, Scope
from proxy.drivers.tedapi import messages
from proxy.drivers.tedapi.parts import Part
from proxy.drivers.tedapi.unit_schedule import UnitSchedule

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.drivers.tedapi.transport import TedapiTransport

_log = logging.getLogger(__name__)


class UnitPolling:
    """The units of one site: what they answered, and which do not."""

    def __init__(self, wire: TedapiTransport, settings: GatewaySettings, clock: Clock) -> None:
        self._wire = wire
        self._now = clock.monotonic
        # A reading stands for a ttl; with it, no unit's answer is to get older than anything that is served.
        policy = reading_policy(settings)
        longest_s = policy.limit - policy.ttl
        self._schedule = UnitSchedule(longest_s, longest_s if settings.graceful_degradation else 0.0)

    @property
    def answers(self) -> Mapping[str, Part]:
        """What the units said last, by DIN."""
        return self._schedule.answers

    @property
    def silent(self) -> Mapping[str, Cooldown]:
        """The units that do not answer."""
        return self._schedule.cooldowns

    def forget(self) -> None:
        """Forget what was said: who answers next may be another gateway."""
        self._schedule.forget()

    async def poll(self, dins: Sequence[str], room: int) -> None:
        """Query those whose turn it is, ``room`` of them. One that does not respond is in cooldown, and only that one."""
        if not dins:
            return
        leader = await self._wire.din()
        for din in self._schedule.due(dins, room, self._now()):
            # A single unit is queried as the gateway that it is, whatever the configuration calls it.
            follower = None if din == leader or len(dins) == 1 else din
            requested_at = self._now()
            try:
                components = await self._wire.read(messages.COMPONENTS, follower)
            except GatewayError as error:
                if error.scope is Scope.LINK:
                    raise
                self._failed(din, error)
            except asyncio.CancelledError:
                self._failed(din, GatewayTimeout(f"no answer within {self._now() - requested_at:.1f} s"))
                raise
            else:
                if din in self._schedule.cooldowns:
                    _log.info("unit back", extra={"unit": din})
                self._schedule.answered(din, Part(components, requested_at, self._now()))

    def _failed(self, din: str, error: GatewayError) -> None:
        if din not in self._schedule.cooldowns:
            _log.info("unit silent", extra={"unit": din, "cause": error.code(), "reason": str(error)})
        self._schedule.failed(din, error, self._now())
