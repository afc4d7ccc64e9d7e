"""The driver: one exchange with TEDAPI answers every source that it tells.

The controller query is the heart; what changes slowly (configuration,
firmware) is asked along with it when it has grown old, and a Powerwall 3 is
asked for its components, unit by unit. Requests go out one at a time.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from proxy.core.breaker import Rest, rest_after
from proxy.core.errors import GatewayError, NotSupported, Scope, SourceUnavailable
from proxy.core.model import Document, Source
from proxy.core.sources import METERS, SOE, STATUS
from proxy.drivers.base import Usage
from proxy.drivers.tedapi import messages, meters, powerwall3
from proxy.drivers.tedapi.mask import masked
from proxy.drivers.tedapi.reading import Facts, dig, moment
from proxy.drivers.tedapi.translate import FROM_CONFIG, FROM_CONTROLLER, Translation, translate

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.drivers.energy import EnergyMeter
    from proxy.drivers.tedapi.wire import Wire

_log = logging.getLogger(__name__)

STATUS_SOURCE: Source = "/tedapi/status"
COMPONENTS_SOURCE: Source = "/tedapi/components"

# Ages in seconds at which what changes slowly is asked again, along with the controller.
_LIFETIMES = {messages.CONFIG: 30.0, messages.FIRMWARE: 3600.0}

# What a site has or has not; everything else can come back with the next answer.
_LASTING = frozenset({"/api/meters", "/api/meters/site", "/api/meters/solar", "/api/solars"})

# Energies that we counted ourselves are marked as such wherever they are served.
_INTEGRATED: Mapping[Source, Mapping[str, str]] = {
    source: {"Energy-Counters": "integrated"} for source in (METERS, "/api/meters/site", "/api/meters/solar")
}


@dataclass(frozen=True, slots=True)
class Known:
    """A document that changes slowly, when it was asked for (monotonic seconds), and why in vain."""

    document: Mapping[str, Any]
    asked_at: float
    error: GatewayError | None = None


class TedapiDriver:
    """Reads a gateway through a wire; ``energy`` counts energies that TEDAPI does not tell."""

    min_ttl = 0.0
    sources: Mapping[Source, str] = {
        **dict.fromkeys(FROM_CONTROLLER, messages.CONTROLLER),
        **dict.fromkeys(FROM_CONFIG, messages.CONFIG),
        COMPONENTS_SOURCE: messages.CONTROLLER,
        STATUS_SOURCE: messages.STATUS,
    }
    lifetimes: Mapping[Source, float] = dict.fromkeys(FROM_CONFIG, _LIFETIMES[messages.CONFIG])

    def __init__(self, wire: Wire, clock: Clock, energy: EnergyMeter | None = None) -> None:
        self.name = wire.name
        self._wire = wire
        self._clock = clock
        self._energy = energy
        self._known: dict[str, Known] = {}
        self._rests: dict[str, Rest] = {}  # followers that do not answer, by DIN
        self._seen_since: float | None = None
        self._turn = asyncio.Lock()

    async def fetch(self, exchange: str) -> Mapping[Source, Document | GatewayError]:
        """Run one exchange; for what it ought to tell and does not, the error says why."""
        async with self._turn:
            try:
                return await self._fetch(exchange)
            except GatewayError as error:
                if error.scope is Scope.LINK:
                    # Whoever answers next may have another firmware, or be another gateway.
                    self._wire.forget()
                    self._known.pop(messages.FIRMWARE, None)
                raise

    async def close(self) -> None:
        """Release the connections; what was counted is kept."""
        if self._energy is not None:
            self._energy.save()
        await self._wire.close()

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
            "units_silent": {din: str(rest.error) for din, rest in self._rests.items()},
            "energy": self._energy.describe() if self._energy else None,
        }

    @property
    def _config(self) -> Mapping[str, Any]:
        known = self._known.get(messages.CONFIG)
        return known.document if known else {}

    async def _fetch(self, exchange: str) -> Mapping[Source, Document | GatewayError]:
        if exchange == messages.STATUS:
            return _documents({STATUS_SOURCE: masked(await self._wire.read(messages.STATUS))})
        if exchange == messages.CONFIG:
            await self._ask(messages.CONFIG)
            return _told(FROM_CONFIG, Facts(config=self._config))
        asked_config = await self._refresh(messages.CONFIG)
        await self._refresh(messages.FIRMWARE)
        facts = await self._facts()
        told = _told(FROM_CONTROLLER, facts, self._why(messages.FIRMWARE)) | _components(facts)
        return told | _told(FROM_CONFIG, facts, self._why(messages.CONFIG)) if asked_config else told

    def _why(self, name: str) -> GatewayError | None:
        known = self._known.get(name)
        return known.error if known else None

    async def _facts(self) -> Facts:
        controller = await self._wire.read(messages.CONTROLLER)
        firmware = self._known.get(messages.FIRMWARE)
        facts = Facts(
            controller=controller,
            config=self._config,
            firmware=firmware.document if firmware else {},
            units=await self._units(),
            seen_since=self._seen_since or moment(dig(controller, "system", "time")),
        )
        self._seen_since = facts.seen_since
        if self._energy is None:
            return facts
        return replace(facts, counters=self._energy.count(meters.powers(facts)))

    async def _units(self) -> Mapping[str, Mapping[str, Any]]:
        """Ask every Powerwall 3 for its components. One that does not answer rests; the others go on."""
        blocks = powerwall3.blocks(self._config)
        leader = await self._wire.din()
        answers: dict[str, Mapping[str, Any]] = {}
        for block in blocks:
            din = block["vin"]
            now = self._clock.monotonic()
            rest = self._rests.get(din)
            if rest and not rest.permits(now):
                continue
            # A single unit is asked as the gateway that it is, whatever the configuration calls it.
            follower = None if din == leader or len(blocks) == 1 else din
            try:
                answers[din] = await self._wire.read(messages.COMPONENTS, follower)
                self._rests.pop(din, None)
            except GatewayError as error:
                if error.scope is Scope.LINK:
                    raise
                self._rests[din] = rest_after(rest, error, now)
                fields = {"unit": din, "cause": error.code(), "reason": str(error)}
                _log.info("unit silent", extra=fields)
        return answers

    async def _refresh(self, name: str) -> bool:
        """Ask for what changes slowly if it has grown old; say whether it was asked for.

        Without an answer the old one stands, and is asked for again when it would have grown old anew.
        """
        known = self._known.get(name)
        now = self._clock.monotonic()
        if known and now - known.asked_at < _LIFETIMES[name]:
            return False
        try:
            await self._ask(name)
        except GatewayError as error:
            if error.scope is Scope.LINK:
                raise
            self._known[name] = Known(known.document if known else {}, now, error)
            fields = {"document": name, "cause": error.code(), "reason": str(error)}
            _log.info("not told", extra=fields)
        return True

    async def _ask(self, name: str) -> None:
        self._known[name] = Known(await self._wire.read(name), self._clock.monotonic())


def _told(
    table: Mapping[Source, Translation], facts: Facts, failed: GatewayError | None = None
) -> dict[Source, Document | GatewayError]:
    """Translate, and say of every source of the table that nothing is known of, why.

    ``failed`` is why a document that changes slowly could not be had, if so.
    """
    known = translate(table, facts)
    absent = {source: _absent(source, facts, failed) for source in table if source not in known}
    return _documents(known, _INTEGRATED if facts.counters else {}) | absent


def _components(facts: Facts) -> dict[Source, Document | GatewayError]:
    """Tell the leader's components as they came; null where there is no Powerwall 3 that could have some."""
    first = next(iter(facts.units.values()), None)
    if first is None and powerwall3.blocks(facts.config):
        return {COMPONENTS_SOURCE: _absent(COMPONENTS_SOURCE, facts)}
    return _documents({COMPONENTS_SOURCE: masked(first)})


def _absent(source: Source, facts: Facts, failed: GatewayError | None = None) -> GatewayError:
    if failed is not None and (source in FROM_CONFIG or source == STATUS):
        return failed
    if source in _LASTING or (source == SOE and facts.config.get("battery_blocks") == []):
        return NotSupported(f"{source}: this site has none")
    if dig(facts.controller, "system", "sitemanagerStatus", "isRunning") is False:
        return SourceUnavailable(f"{source}: the gateway's site manager is not running")
    return SourceUnavailable(f"{source}: the gateway does not tell this at the moment")


def _documents(
    values: Mapping[Source, Any], notes: Mapping[Source, Mapping[str, str]] | None = None
) -> dict[Source, Document | GatewayError]:
    return {
        source: Document(
            value, json.dumps(value, separators=(",", ":")).encode(), notes=(notes or {}).get(source, {})
        )
        for source, value in values.items()
    }
