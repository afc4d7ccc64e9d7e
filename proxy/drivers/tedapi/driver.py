"""The driver: one exchange with TEDAPI answers every source that it tells.

The controller query is the heart; what changes slowly (configuration,
firmware) is asked along with it when it has grown old, and a Powerwall 3 is
asked for its components, unit by unit, a few units at a time. Requests go out
one at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from proxy.core.errors import GatewayError, Scope
from proxy.core.model import Document, Source
from proxy.drivers.base import Usage
from proxy.drivers.tedapi import messages
from proxy.drivers.tedapi.data import Facts, get_path, moment
from proxy.drivers.tedapi.translate import meters, powerwall3
from proxy.drivers.tedapi.translate.answers import absent, documents, tell
from proxy.drivers.tedapi.translate.mask import masked
from proxy.drivers.tedapi.translate.sources import FROM_CONFIG, FROM_CONTROLLER, FROM_UNITS
from proxy.drivers.tedapi.unit_schedule import UnitSchedule

if TYPE_CHECKING:
    from proxy.config.settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.drivers.energy import EnergyMeter
    from proxy.drivers.tedapi.transport import TedapiTransport

_log = logging.getLogger(__name__)

STATUS_SOURCE: Source = "/tedapi/status"
COMPONENTS_SOURCE: Source = "/tedapi/components"

# For how long (s) that is fresh which changes slowly.
_LIFETIMES = {messages.CONFIG: 30.0, messages.FIRMWARE: 3600.0}

# So many requests go out for the readings beside the controller query, unless something is unknown or too old.
_BESIDE = 2


@dataclass(frozen=True, slots=True)
class Known:
    """A document that changes slowly, when the question was sent (monotonic seconds), and why in vain."""

    document: Mapping[str, Any]
    asked_at: float
    error: GatewayError | None = None


class TedapiDriver:
    """Reads a gateway through a wire; ``energy`` counts energies that TEDAPI does not tell.

    ``_extra_requests`` counts requests since the controller was asked last: however clients
    ask, they are all one round for the gateway.
    """

    sources: Mapping[Source, str] = {
        **dict.fromkeys((*FROM_CONTROLLER, *FROM_UNITS), messages.CONTROLLER),
        **dict.fromkeys(FROM_CONFIG, messages.CONFIG),
        COMPONENTS_SOURCE: messages.CONTROLLER,
        STATUS_SOURCE: messages.STATUS,
    }
    lifetimes: Mapping[Source, float] = dict.fromkeys(FROM_CONFIG, _LIFETIMES[messages.CONFIG])

    def __init__(
        self,
        wire: TedapiTransport,
        settings: GatewaySettings,
        clock: Clock,
        energy: EnergyMeter | None = None,
    ) -> None:
        self.name = wire.name
        self._wire = wire
        self._clock = clock
        self._energy = energy
        self._known: dict[str, Known] = {}
        # A reading stands for a ttl; with it, no unit's answer is to get older than anything that is served.
        longest_s = settings.cache_ttl - settings.cache_expire
        self._units = UnitSchedule(longest_s, longest_s if settings.graceful_degradation else 0.0)
        self._ttl_s = settings.cache_expire
        self._changed_at = float("-inf")
        self._extra_requests = 0
        self._seen_since: float | None = None
        self._turn = asyncio.Lock()

    async def fetch(self, exchange: str) -> Mapping[Source, Document | GatewayError]:
        """Run one exchange; for what it ought to tell and does not, the error says why."""
        async with self._turn:
            try:
                return await self._fetch(exchange)
            except GatewayError as error:
                if error.scope is Scope.LINK and not error.keeps_login:
                    # Whoever answers next may have been started anew, with another firmware, or be another gateway.
                    self._seen_since = None
                    self._wire.forget()
                    self._units.forget()
                    self._known.pop(messages.FIRMWARE, None)
                raise

    async def close(self) -> None:
        """Release the connections; what was counted is kept."""
        if self._energy is not None:
            await self._energy.close()
        await self._wire.close()

    def forget_answers(self) -> None:
        """Ask for the configuration before it is told again."""
        self._changed_at = self._clock.monotonic()

    def usage(self) -> Usage:
        """Say what was counted."""
        return self._wire.usage()

    def describe(self) -> Mapping[str, Any]:
        """Say how the connection is."""
        firmware = self._known.get(messages.FIRMWARE)
        return {
            "address": self._wire.address,
            "firmware": firmware.document.get("version") if firmware else None,
            "powerwall3_units": len(powerwall3.blocks(self._config)),
            "units_silent": {din: str(rest.error) for din, rest in self._units.rests.items()},
            "energy": self._energy.describe() if self._energy else None,
        }

    @property
    def _config(self) -> Mapping[str, Any]:
        known = self._known.get(messages.CONFIG)
        return known.document if known else {}

    async def _fetch(self, exchange: str) -> Mapping[Source, Document | GatewayError]:
        if exchange == messages.STATUS:
            self._extra_requests += 1
            return documents({STATUS_SOURCE: masked(await self._wire.read(messages.STATUS))})
        if exchange == messages.CONFIG:
            return await self._configuration()
        # Early enough that nobody has to ask for the configuration between two rounds.
        asked_config = await self._refresh(messages.CONFIG, -self._ttl_s)
        # Both in one round would leave no room for the units, if there are any.
        defer_firmware = asked_config and self._dins
        await self._refresh(messages.FIRMWARE, _LIFETIMES[messages.FIRMWARE] if defer_firmware else 0.0)
        answer = await self._readings()
        if asked_config:
            answer |= tell(FROM_CONFIG, Facts(config=self._config), self._why(messages.CONFIG))
        return answer

    async def _configuration(self) -> dict[Source, Document | GatewayError]:
        """Tell the configuration: the one that came with the controller not long ago, or a new one.

        Beside a local login its sources are asked for every ttl, because another gateway would tell them there.
        """
        now, known = self._clock.monotonic(), self._known.get(messages.CONFIG)
        if known and not known.error and known.asked_at > self._changed_at:
            age_s = now - known.asked_at
            if age_s < _LIFETIMES[messages.CONFIG] - self._ttl_s:
                return tell(FROM_CONFIG, Facts(config=known.document), age_s=age_s)
        await self._ask(messages.CONFIG)
        return tell(FROM_CONFIG, Facts(config=self._config))

    def _why(self, name: str) -> GatewayError | None:
        known = self._known.get(name)
        return known.error if known else None

    async def _readings(self) -> dict[Source, Document | GatewayError]:
        """Ask the controller and some units; what was not asked now is told with its age."""
        controller = await self._wire.read(messages.CONTROLLER)
        room, self._extra_requests = max(_BESIDE - self._extra_requests, 1), 0
        asked = await self._ask_units(room)
        facts = self._facts(controller)
        kept = [self._units.told[din].at for din in facts.units if din not in asked]
        age_s = self._clock.monotonic() - min(kept) if kept else 0.0
        now = replace(facts, units={din: facts.units[din] for din in facts.units if din in asked})
        answer = tell(FROM_CONTROLLER, now, self._why(messages.FIRMWARE))
        return answer | tell(FROM_UNITS, facts, age_s=age_s) | self._components(facts, asked)

    def _facts(self, controller: Mapping[str, Any]) -> Facts:
        firmware = self._known.get(messages.FIRMWARE)
        told = self._units.told
        facts = Facts(
            controller=controller,
            config=self._config,
            firmware=firmware.document if firmware else {},
            units={din: told[din].components for din in self._dins if din in told},
            seen_since=self._seen_since or moment(get_path(controller, "system", "time")),
        )
        self._seen_since = facts.seen_since
        if self._energy is None:
            return facts
        counters = self._energy.count(meters.powers(facts))
        self._energy.save_soon()
        return replace(facts, counters=counters)

    @property
    def _dins(self) -> list[str]:
        return [block["vin"] for block in powerwall3.blocks(self._config)]

    async def _ask_units(self, room: int) -> set[str]:
        """Ask the Powerwall 3 units whose turn it is; say which answered. The others rest, alone."""
        dins = self._dins
        leader = await self._wire.din()
        answered: set[str] = set()
        for din in self._units.due(dins, room, self._clock.monotonic()):
            # A single unit is asked as the gateway that it is, whatever the configuration calls it.
            follower = None if din == leader or len(dins) == 1 else din
            try:
                components = await self._wire.read(messages.COMPONENTS, follower)
            except GatewayError as error:
                if error.scope is Scope.LINK:
                    raise
                if din not in self._units.rests:
                    fields = {"unit": din, "cause": error.code(), "reason": str(error)}
                    _log.info("unit silent", extra=fields)
                self._units.failed(din, error, self._clock.monotonic())
            else:
                if din in self._units.rests:
                    _log.info("unit back", extra={"unit": din})
                self._units.answered(din, components, self._clock.monotonic())
                answered.add(din)
        return answered

    def _components(self, facts: Facts, asked: Container[str]) -> dict[Source, Document | GatewayError]:
        """Tell the leader's components as they came; null where there is no Powerwall 3 that could have some."""
        leader = next(iter(self._dins), None)
        if leader is None:
            return documents({COMPONENTS_SOURCE: None})
        told = self._units.told.get(leader)
        if told is None:
            return {COMPONENTS_SOURCE: absent(COMPONENTS_SOURCE, facts)}
        age_s = 0.0 if leader in asked else self._clock.monotonic() - told.at
        return documents({COMPONENTS_SOURCE: masked(told.components)}, age_s=age_s)

    async def _refresh(self, name: str, soft_timeout_s: float) -> bool:
        """Ask for what changes slowly if it is old by so much more than its lifetime; say whether it was asked for.

        Without an answer the old one stands, and is asked for again when it would have grown old anew.
        """
        known = self._known.get(name)
        now = self._clock.monotonic()
        if known and now - known.asked_at < _LIFETIMES[name] + soft_timeout_s:
            return False
        try:
            await self._ask(name)
        except GatewayError as error:
            if error.scope is Scope.LINK:
                raise
            if not (known and known.error):
                fields = {"document": name, "cause": error.code(), "reason": str(error)}
                _log.info("not told", extra=fields)
            self._known[name] = Known(known.document if known else {}, now, error)
        return True

    async def _ask(self, name: str) -> None:
        self._extra_requests += 1
        sent_at = self._clock.monotonic()
        self._known[name] = Known(await self._wire.read(name), sent_at)
