"""v1r: reading and writing with the owner's RSA key, over the wired network (docs/protocol.md, "v1r")."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from proxy.core.errors import (
    BadAnswer,
    CommandRejected,
    GatewayError,
    GatewayTimeout,
    Interrupted,
    OutcomeUnknown,
)
from proxy.core.model import Command, Document, Exchange, Outcome, Setting, Source, app_percent, raw_percent
from proxy.core.sources import BACKUP_EVENTS
from proxy.drivers.base import Usage
from proxy.drivers.tedapi import messages
from proxy.drivers.tedapi.data import get_path, number
from proxy.drivers.tedapi.driver import TedapiDriver
from proxy.drivers.v1r import islanding

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.core.freshness import Policy
    from proxy.drivers.energy import EnergyMeter
    from proxy.drivers.v1r.transport import SignedTransport

_log = logging.getLogger(__name__)

_BACKUP = Exchange("backup_events")

# aiopowerwall's words for an answer that is well formed and does not say that the file was replaced.
_REFUSED = "missing filestore payload"

# What is kept at Tesla's servers only.
_OF_THE_CLOUD = frozenset({Setting.STORM_WATCH, Setting.OFF_GRID_VEHICLE_RESERVE})

# Where config.json keeps what can be set, by dotted key.
_RESERVE = "site_info.backup_reserve_percent"
_MODE = "default_real_mode"
_EXPORT = "site_info.customer_preferred_export_rule"
_NO_GRID_CHARGING = "site_info.disallow_charge_from_grid_with_solar_installed"


class V1rDriver:
    """Reads as every TEDAPI driver does, and writes."""

    name = "v1r"
    sources: Mapping[Source, Exchange] = {**TedapiDriver.sources, BACKUP_EVENTS: _BACKUP}

    def __init__(
        self,
        wire: SignedTransport,
        settings: GatewaySettings,
        clock: Clock,
        energy: EnergyMeter | None = None,
    ) -> None:
        everything = frozenset(Setting) - _OF_THE_CLOUD
        self.settings = everything if settings.control_islanding else everything - {Setting.ISLANDING}
        self._wire = wire
        self._now = clock.monotonic
        self._reader = TedapiDriver(wire, settings, clock, energy)

    def policy(self, source: Source) -> Policy:
        """Return the lifetimes of a source."""
        return self._reader.policy(source)

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document | GatewayError]:
        """Run one exchange."""
        if exchange != _BACKUP:
            return await self._reader.fetch(exchange)
        requested_at = self._now()
        events = await self._wire.call(lambda client: client.get_backup_events())
        body = json.dumps(events).encode()
        return {BACKUP_EVENTS: Document(events, body, requested_at, self._now())}

    async def execute(self, command: Command) -> Outcome:
        """Write settings: those of the configuration in one go, then what is a command of its own."""
        values = command.values
        changes = configured(values)
        try:
            if changes:
                await self._change(changes)
            if Setting.MAX_BACKUP in values:
                await self._back_up(int(values[Setting.MAX_BACKUP]))
            if Setting.ISLANDING in values:
                await self._island(leave=values[Setting.ISLANDING])
        except (Interrupted, GatewayTimeout, BadAnswer) as exc:
            raise OutcomeUnknown(f"{exc}; read back whether it was done") from exc
        try:
            return Outcome(await self._read_back(values))
        except GatewayError as exc:
            raise OutcomeUnknown(f"the gateway took the command, but cannot be read: {exc}") from exc

    async def accepts_connections(self) -> bool:
        """Say whether the gateway accepts a TCP connection."""
        return await self._wire.accepts_connections()

    async def close(self) -> None:
        """Release the connections."""
        await self._reader.close()

    def forget_answers(self) -> None:
        """Report no response again."""
        self._reader.forget_answers()

    def usage(self) -> Usage:
        """Say what was counted."""
        return self._wire.usage()

    def describe(self) -> Mapping[str, Any]:
        """Say how the connection is."""
        return self._reader.describe()

    async def _change(self, changes: Mapping[str, Any]) -> None:
        """Read config.json, change it, write it back with the hash that it had.

        The gateway refuses a write if another client wrote in between; then all is done once more.
        An answer that cannot be understood is no refusal.
        """
        try:
            await self._wire.call(lambda client: client.write_config(changes))
        except BadAnswer as refused:
            if _REFUSED not in str(refused):
                raise
            _log.info("configuration changed meanwhile", extra={"reason": str(refused)})
            try:
                await self._wire.call(lambda client: client.write_config(changes))
            except BadAnswer as exc:
                if _REFUSED not in str(exc):
                    raise
                raise CommandRejected("the gateway did not take the new configuration") from exc

    async def _back_up(self, seconds: int) -> None:
        """Request a full battery for this long; 0 ends it.

        aiopowerwall takes any answer to the end for success, as there may be nothing to end.
        """
        if seconds:
            await self._wire.call(lambda client: client.schedule_max_backup(seconds))
            return
        await self._wire.call(lambda client: client.cancel_max_backup())
        events = await self._wire.call(lambda client: client.get_backup_events())
        if (events["manual_backup"] or {}).get("active"):
            raise CommandRejected("the gateway did not end the backup")

    async def _island(self, *, leave: bool) -> None:
        """Leave the grid or return to it. The grid status follows in its own time, 20 s and more."""
        message = islanding.message(await self._wire.din(), leave=leave)
        islanding.check(await self._wire.send("answer", message))

    async def _read_back(self, values: Mapping[Setting, Any]) -> Mapping[Setting, Any]:
        """Return what the gateway holds now. What is a command of its own is returned as it was requested."""
        config = await self._wire.read(messages.CONFIG) if configured(values) else {}
        reserve = number(get_path(config, *_RESERVE.split(".")))
        held = {
            Setting.RESERVE: None if reserve is None else app_percent(reserve),
            Setting.MODE: get_path(config, _MODE),
            # Absent rules are those of a new system: everything is allowed.
            Setting.GRID_EXPORT: get_path(config, *_EXPORT.split(".")) or "battery_ok",
            Setting.GRID_CHARGING: not get_path(config, *_NO_GRID_CHARGING.split(".")),
        }
        return {setting: held.get(setting, value) for setting, value in values.items()}


def configured(values: Mapping[Setting, Any]) -> dict[str, Any]:
    """Turn settings into what they change in config.json, by dotted key."""
    changes: dict[str, Any] = {}
    for setting, value in values.items():
        match setting:
            case Setting.RESERVE:
                changes[_RESERVE] = raw_percent(value)
            case Setting.MODE:
                changes[_MODE] = value
            case Setting.GRID_EXPORT:
                changes[_EXPORT] = value
            case Setting.GRID_CHARGING:
                changes[_NO_GRID_CHARGING] = not value
    return changes
