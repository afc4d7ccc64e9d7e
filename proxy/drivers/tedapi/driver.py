"""The driver: one exchange with TEDAPI answers every source that it reports.

The controller query is the heart; the configuration is fetched beside it when it has
grown old, and the components of a Powerwall 3 are fetched unit by unit, a few units at a time.
Requests go out one at a time, and powers wait for those beside them for a moment only. Every
answer is kept with its own time, and a document is as old as the oldest answer whose values
are in it. What only says how to read others, such as the list of units in the configuration,
is no part of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from proxy.config.lifetimes import reading_policy
from proxy.core.errors import GatewayError, Scope
from proxy.core.model import Document, Exchange, Source
from proxy.core.sources import IDENTITY
from proxy.drivers.base import Usage
from proxy.drivers.tedapi import messages
from proxy.drivers.tedapi.beside import Beside
from proxy.drivers.tedapi.data import Facts, get_path, moment
from proxy.drivers.tedapi.parts import Part, Parts
from proxy.drivers.tedapi.polling import UnitPolling
from proxy.drivers.tedapi.queries import Queries
from proxy.drivers.tedapi.translate import meters, powerwall3
from proxy.drivers.tedapi.translate.answers import absent, documents, translated
from proxy.drivers.tedapi.translate.mask import masked
from proxy.drivers.tedapi.translate.sources import (
    FROM_CONFIG,
    FROM_CONFIG_AND_UNITS,
    FROM_CONTROLLER,
    FROM_FIRMWARE,
    FROM_UNITS,
)

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.core.freshness import Policy
    from proxy.drivers.energy import EnergyMeter
    from proxy.drivers.tedapi.transport import TedapiTransport

STATUS_SOURCE = Source("/tedapi/status")
COMPONENTS_SOURCE = Source("/tedapi/components")

# For how long (s) that is fresh which changes slowly, if the owner's settings allow it.
_SLOW_S = 30.0

# So many requests go out for the readings beside the controller query, unless something is unknown or too old.
_BESIDE = 2
# For so long (s) powers wait for them; longer while there is nothing that could stand in for their answers.
_WAIT_S = 1.0
_FIRST_WAIT_S = 3.0


class TedapiDriver:
    """Reads a gateway through a wire; ``energy`` counts energies that TEDAPI does not report."""

    sources: Mapping[Source, Exchange] = {
        **dict.fromkeys((*FROM_CONTROLLER, *FROM_UNITS, *FROM_CONFIG_AND_UNITS), messages.CONTROLLER),
        **dict.fromkeys(FROM_CONFIG, messages.CONFIG),
        **dict.fromkeys(FROM_FIRMWARE, messages.FIRMWARE),
        COMPONENTS_SOURCE: messages.CONTROLLER,
        STATUS_SOURCE: messages.STATUS,
    }

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
        self._parts = Parts()
        self._queries = Queries(wire, self._parts, clock)
        self._units = UnitPolling(wire, settings, clock)
        self._reading = reading_policy(settings)
        self._identity = self._reading.revalidated()
        self._slow = self._reading.lasting(_SLOW_S)
        self._changed_at = float("-inf")
        self._round = Beside(clock.monotonic)
        self._seen_since: float | None = None
        self._latest: Mapping[Source, Document | GatewayError] = {}
        self._latest_at = float("-inf")
        self._turn = asyncio.Lock()

    def policy(self, source: Source) -> Policy:
        """Return the lifetimes of a source; what changes slowly is fresh for half a minute."""
        if source in FROM_CONFIG or source in FROM_FIRMWARE:
            return self._slow
        return self._identity if source in IDENTITY else self._reading

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document | GatewayError]:
        """Run one exchange; for what it ought to report and does not, the error says why."""
        called_at = self._clock.monotonic()
        async with self._turn:
            try:
                await self._round.settle()
                if exchange == messages.CONTROLLER and called_at <= self._latest_at > self._changed_at:
                    return self._latest  # another exchange made the same requests meanwhile
                return await self._fetch(exchange)
            except GatewayError as error:
                if error.scope is Scope.LINK and not error.keeps_login:
                    # What answers next may have restarted with another firmware, or be another gateway.
                    self._seen_since = None
                    self._wire.forget()
                    self._units.forget()
                    self._parts.forget(messages.FIRMWARE)
                raise

    async def accepts_connections(self) -> bool:
        """Say whether the gateway accepts a TCP connection."""
        return await self._wire.accepts_connections()

    async def close(self) -> None:
        """Release the connections; what was counted is kept."""
        await self._round.close()
        if self._energy is not None:
            await self._energy.close()
        await self._wire.close()

    def forget_answers(self) -> None:
        """Fetch the configuration before it is reported again."""
        self._changed_at = self._clock.monotonic()

    def usage(self) -> Usage:
        """Say what was counted."""
        return self._wire.usage()

    def describe(self) -> Mapping[str, Any]:
        """Say how the connection is."""
        return {
            "address": self._wire.address,
            "firmware": self._parts.document(messages.FIRMWARE).get("version"),
            "powerwall3_units": len(powerwall3.blocks(self._config)),
            "units_silent": {din: str(rest.error) for din, rest in self._units.silent.items()},
            "energy": self._energy.describe() if self._energy else None,
        }

    @property
    def _config(self) -> Mapping[str, Any]:
        return self._parts.document(messages.CONFIG)

    async def _fetch(self, exchange: Exchange) -> Mapping[Source, Document | GatewayError]:
        match exchange:
            case messages.STATUS:
                part = await self._queries.fetch(messages.STATUS)
                return documents({STATUS_SOURCE: masked(part.document)}, [part])
            case messages.CONFIG:
                return await self._configuration()
            case messages.FIRMWARE:
                return await self._firmware()
        return await self._readings()

    async def _configuration(self) -> dict[Source, Document | GatewayError]:
        """Report the configuration: the one that came with the controller not long ago, or a new one.

        Beside a local login its sources may be fetched every ttl, because another link would report them.
        """
        part = self._young(messages.CONFIG) or await self._queries.fetch(messages.CONFIG)
        return translated(FROM_CONFIG, Facts(config=part.document), [part])

    async def _firmware(self) -> dict[Source, Document | GatewayError]:
        """Report the version with the up-time, which the controller's clock says: as it was lately, or a new one."""
        known, answer = self._parts.get(messages.CONTROLLER), dict[Source, Document | GatewayError]()
        if known is None or self._clock.monotonic() - known.answered_at >= self._reading.ttl:
            answer = await self._readings()
        firmware = self._young(messages.FIRMWARE) or await self._queries.fetch(messages.FIRMWARE)
        controller = self._parts[messages.CONTROLLER]
        facts = Facts(
            controller=controller.document,
            config=self._config,
            firmware=firmware.document,
            seen_since=self._seen_since,
        )
        return answer | translated(FROM_FIRMWARE, facts, [firmware, controller])

    def _young(self, name: str) -> Part | None:
        """Return what changes slowly if it need not be fetched again; never what a write may have changed."""
        part = self._parts.get(name)
        if part is None or self._parts.error(name) or part.requested_at <= self._changed_at:
            return None
        return part if part.age(self._clock.monotonic()) < self._renewed_after_s else None

    @property
    def _renewed_after_s(self) -> float:
        """Early enough that no request for the configuration is needed between two rounds."""
        return max(self._slow.ttl - self._reading.ttl, 0.0)

    async def _readings(self) -> dict[Source, Document | GatewayError]:
        """Query the controller, and others beside it; what was not fetched now is reported with its age."""
        began_at = self._clock.monotonic()
        controller = await self._queries.fetch(messages.CONTROLLER)
        is_known = self._config and (self._units.answers or self._units.silent or not self._dins)
        await self._round.run(self._fetch_beside(), _WAIT_S if is_known else _FIRST_WAIT_S)
        if self._energy is not None:
            await self._energy.open(await self._wire.din())
        answer = self._translate(controller)
        config = self._parts.get(messages.CONFIG)
        if config and config.requested_at >= began_at:
            answer |= translated(FROM_CONFIG, Facts(config=config.document), [config])
        self._latest, self._latest_at = answer, began_at
        return answer

    async def _fetch_beside(self) -> None:
        """Fetch what is due beside the controller: the configuration, the firmware once, some units."""
        await self._queries.refresh(messages.CONFIG, self._renewed_after_s)
        if self._parts.get(messages.FIRMWARE) is None and self._parts.error(messages.FIRMWARE) is None:
            await self._queries.refresh(messages.FIRMWARE, 0.0)
        room = max(_BESIDE - self._queries.take_extra_requests(), 1)
        await self._units.poll(self._dins, room)

    @property
    def _dins(self) -> list[str]:
        return [block["vin"] for block in powerwall3.blocks(self._config)]

    def _translate(self, controller: Part) -> dict[Source, Document | GatewayError]:
        """Translate what the controller said, and what the units say beside it."""
        facts = self._facts(controller)
        units = {din: self._units.answers[din] for din in facts.units}
        # Voltages of the units that were queried after the controller are no older than its powers.
        of_now = {
            din: unit.document for din, unit in units.items() if unit.requested_at >= controller.requested_at
        }
        config = self._parts.get(messages.CONFIG)
        failed = None if config else self._parts.error(messages.CONFIG)
        parts = [controller, *units.values()]
        return {
            **translated(FROM_CONTROLLER, replace(facts, units=of_now), [controller]),
            **translated(FROM_UNITS, facts, parts, failed),
            **translated(FROM_CONFIG_AND_UNITS, facts, [*parts, config] if config else parts, failed),
            **self._components(facts, controller),
        }

    def _facts(self, controller: Part) -> Facts:
        answers = self._units.answers
        facts = Facts(
            controller=controller.document,
            config=self._config,
            units={din: answers[din].document for din in self._dins if din in answers},
            seen_since=self._seen_since or moment(get_path(controller.document, "system", "time")),
        )
        self._seen_since = facts.seen_since
        if self._energy is None:
            return facts
        counters = self._energy.count(meters.powers(facts), controller.requested_at)
        self._energy.save_soon()
        return replace(facts, counters=counters)

    def _components(self, facts: Facts, controller: Part) -> dict[Source, Document | GatewayError]:
        """Report the leader's components as they came; null where there is no Powerwall 3 that could have some."""
        leader = next(iter(self._dins), None)
        if leader is None and facts.config:
            return documents({COMPONENTS_SOURCE: None}, [controller])
        part = self._units.answers.get(leader) if leader else None
        if part is None:
            return {COMPONENTS_SOURCE: absent(COMPONENTS_SOURCE, facts, self._parts.error(messages.CONFIG))}
        return documents({COMPONENTS_SOURCE: masked(part.document)}, [controller, part])
