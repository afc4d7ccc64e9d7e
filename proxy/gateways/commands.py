"""Writing to a gateway: one writer, once, read back, written down.

Gateways keep mode, reserve and rules in documents that are read, changed and
written back, so two writers would lose updates: commands wait for their turn
here, whoever sent them. The cache takes no part in a decision; what a command
may have changed is forgotten, whatever became of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy.core.errors import CommandRejected, GatewayError, NotSupported, OutcomeUnknown
from proxy.core.events import COMMAND
from proxy.core.model import Command, Setting, Source
from proxy.core.sources import BACKUP_EVENTS, GRID_STATUS, METERS, OPERATION, SYSTEM_STATUS, TEDAPI_CONFIG
from proxy.drivers.base import Controllable
from proxy.views.readback import READBACK

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.cache.source_cache import SourceCache
    from proxy.core.clock import Clock

_log = logging.getLogger(__name__)

_KEPT = 20
# After these what the gateway holds is worth a look; after others nothing was sent.
_WERE_SENT = (OutcomeUnknown, CommandRejected)
_CONFIGURATION = frozenset({OPERATION, TEDAPI_CONFIG})
# What each setting shows in: these sources are asked anew after a command.
AFFECTED: Mapping[Setting, frozenset[Source]] = {
    Setting.RESERVE: _CONFIGURATION,
    Setting.MODE: _CONFIGURATION,
    Setting.GRID_CHARGING: _CONFIGURATION,
    Setting.GRID_EXPORT: _CONFIGURATION,
    Setting.MAX_BACKUP: frozenset({BACKUP_EVENTS}),
    Setting.ISLANDING: frozenset({GRID_STATUS, SYSTEM_STATUS, METERS}),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a command.

    ``at`` is wall-clock seconds. ``before`` and ``after`` have what is known: ``after`` was read
    from the gateway when the command had ended; a setting that could not be read is missing.
    """

    command: Command
    who: str
    at: float
    before: Mapping[Setting, Any]
    after: Mapping[Setting, Any]
    error: GatewayError | None = None

    @property
    def outcome(self) -> str:
        """Name what became of it: ok, or the code of the error."""
        return self.error.code() if self.error else "ok"


class Commands:
    """The one writer of a gateway. ``counts`` has commands by setting and outcome, also those refused before."""

    def __init__(self, gateway: SourceCache, clock: Clock) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.reports: deque[Report] = deque(maxlen=_KEPT)
        self._gateway = gateway
        self._clock = clock
        self._turn = asyncio.Lock()

    @property
    def settings(self) -> frozenset[Setting]:
        """Everything that some connection can write."""
        return frozenset().union(*(_writable(link) for link in self._gateway.links))

    async def execute(self, command: Command, who: str) -> Report:
        """Carry out a command in its turn. Never raises for the gateway's sake."""
        async with self._turn:
            at, before = self._clock.wall(), self._known(command)
            try:
                outcome = await self._writer(command).execute(command)
                report = Report(command, who, at, outcome.before or before, outcome.values)
                self._forget(command)
            except GatewayError as error:
                self._forget(command)
                after = await self._read_back(command) if isinstance(error, _WERE_SENT) else {}
                report = Report(command, who, at, before, after, error=error)
            except asyncio.CancelledError:
                self._forget(command)
                stopped = OutcomeUnknown("the proxy was stopped before the gateway had answered")
                self._note(Report(command, who, at, before, {}, error=stopped))
                raise
            self._note(report)
            return report

    async def read(self, setting: Setting) -> Any:
        """Return what the gateway holds, as fresh as any reading. Raises GatewayError."""
        source, told = READBACK[setting]
        reading = await self._gateway.get((source,))
        snapshot = reading.sources[source].snapshot
        if snapshot is None:
            raise reading.sources[source].error or NotSupported(f"{setting.value} is not told")
        return told({source: snapshot.document.value})

    def _writer(self, command: Command) -> Link:
        """Choose the one connection that writes: the first that has all of these settings."""
        for link in self._gateway.links:
            if command.values.keys() <= _writable(link):
                return link
        names = " and ".join(setting.value for setting in command.values)
        raise NotSupported(f"no connection to this gateway can set {names}; {_what_would_work(command)}")

    def _known(self, command: Command) -> dict[Setting, Any]:
        """Return what the cache holds of these settings; it may lag behind by an age that is servable."""
        known = {}
        for setting in command.values:
            source, told = READBACK[setting]
            if snapshot := self._gateway.peek(source):
                known[setting] = told({source: snapshot.document.value})
        return known

    async def _read_back(self, command: Command) -> dict[Setting, Any]:
        """Ask the gateway what it holds now; what it does not tell is missing."""
        after = {}
        for setting in command.values:
            with suppress(GatewayError):
                after[setting] = await self.read(setting)
        return after

    def _forget(self, command: Command) -> None:
        self._gateway.discard({source for setting in command.values for source in AFFECTED[setting]})

    def _note(self, report: Report) -> None:
        """Write down a command: one line in the log, one count per setting, the last ones for /health."""
        self.reports.append(report)
        for setting in report.command.values:
            self.counts[setting.value, report.outcome] += 1
        fields = {
            "client": report.who,
            "wanted": named(report.command.values),
            "before": named(report.before),
            "after": named(report.after),
            "outcome": report.outcome,
            "reason": str(report.error or ""),
        }
        _log.warning(COMMAND, extra=fields)


def named(values: Mapping[Setting, Any]) -> dict[str, Any]:
    """Name settings as clients know them."""
    return {setting.value: value for setting, value in values.items()}


def _what_would_work(command: Command) -> str:
    if Setting.ISLANDING in command.values:
        return "the local login and v1r can, with PW_CONTROL_ISLANDING=yes"
    return "v1r can (PW_RSA_KEY_PATH)"


def _writable(link: Link) -> frozenset[Setting]:
    return link.driver.settings if isinstance(link.driver, Controllable) else frozenset()
