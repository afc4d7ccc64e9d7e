"""Writing to a gateway: one writer, once, read back, written down.

Gateways keep mode, reserve and rules in documents that are read, changed and
written back, so two writers would lose updates: commands wait for their turn
here, over whatever route they come. The cache takes no part in a decision; what a command
may have changed is forgotten, whatever became of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from proxy.cache.events import CommandDone
from proxy.core.errors import CommandRejected, GatewayError, NotSupported, OutcomeUnknown, WritesRefused
from proxy.core.events import COMMAND
from proxy.core.model import Command, Setting, Source
from proxy.core.sources import (
    BACKUP_EVENTS,
    CLOUD_SETTINGS,
    CONFIGURATION,
    GRID_STATUS,
    METERS,
    SYSTEM_STATUS,
)
from proxy.core.subject import about
from proxy.drivers.base import Controllable, CountsRequests
from proxy.views.readback import READBACK

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.cache.source_cache import SourceCache
    from proxy.core.clock import Clock
    from proxy.core.model import Outcome
    from proxy.gateways.command_rules import CommandRules

_log = logging.getLogger(__name__)

_KEPT = 20
_OF_THE_CLOUD = frozenset({Setting.STORM_WATCH, Setting.OFF_GRID_VEHICLE_RESERVE})
# After these what the gateway holds is worth a look; after others nothing was sent.
_WERE_SENT = (OutcomeUnknown, CommandRejected)
# What was accepted is looked for so often and so long (seconds): a site has it after 5 to 60.
_CONFIRM_EVERY_S = 10.0
_CONFIRM_FOR_S = 120.0
_SAME_PERCENT = 0.5
# What each setting shows in: these sources are fetched again after a command.
AFFECTED: Mapping[Setting, frozenset[Source]] = {
    Setting.RESERVE: CONFIGURATION,
    Setting.MODE: CONFIGURATION,
    Setting.GRID_CHARGING: CONFIGURATION,
    Setting.GRID_EXPORT: CONFIGURATION,
    Setting.MAX_BACKUP: frozenset({BACKUP_EVENTS}),
    Setting.ISLANDING: frozenset({GRID_STATUS, SYSTEM_STATUS, METERS}),
    Setting.STORM_WATCH: frozenset({CLOUD_SETTINGS}),
    Setting.OFF_GRID_VEHICLE_RESERVE: frozenset({CLOUD_SETTINGS}),
}


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a command.

    ``at`` is wall-clock seconds. ``before`` and ``after`` have what is known: ``after`` was read
    from the gateway when the command had ended; a setting that could not be read is missing.
    Unless it is ``confirmed``, the command was accepted, and ``after`` is what it sets.
    """

    command: Command
    who: str
    at: float
    before: Mapping[Setting, Any]
    after: Mapping[Setting, Any]
    error: GatewayError | None = None
    confirmed: bool = True

    @property
    def outcome(self) -> str:
        """The outcome: ok, accepted, or an error code."""
        if self.error is not None:
            return self.error.code()
        return "ok" if self.confirmed else "accepted"


class Delegate(Protocol):
    """Executes commands in another process, if that is the only writer of a gateway."""

    async def execute(self, command: Command, who: str, *, was_taken: bool) -> Report | None:
        """Execute a command elsewhere; None if this process has to do it. Never raises.

        One that ``was_taken`` from another process is carried out here or not at all.
        """

    async def announced(self) -> None:
        """Return when the other processes have been sent what a command has changed."""


class Commands:
    """The one writer of a gateway. ``counts`` has commands by setting and outcome, also those refused before.

    ``local_first=False`` lets the cloud write what it can, the connections to the gateway the rest.
    """

    def __init__(
        self, gateway: SourceCache, clock: Clock, rules: CommandRules, *, local_first: bool = True
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.reports: deque[Report] = deque(maxlen=_KEPT)
        self._gateway = gateway
        self._clock = clock
        self.rules = rules
        self._turn = asyncio.Lock()
        self._links = sorted(
            gateway.links, key=lambda link: isinstance(link.driver, CountsRequests) is local_first
        )
        self._confirming: set[asyncio.Task[None]] = set()
        self.delegate: Delegate | None = None  # where several processes share the gateway

    @property
    def settings(self) -> frozenset[Setting]:
        """Everything that some connection can write."""
        return frozenset().union(*(_writable(link) for link in self._gateway.links))

    async def execute(self, command: Command, who: str, *, was_taken: bool = False) -> Report:
        """Execute a command when its turn comes. Failures of the gateway are reported, not raised."""
        with about(self._gateway.name):
            return await self._execute(command, who, was_taken=was_taken)

    async def _execute(self, command: Command, who: str, *, was_taken: bool) -> Report:
        async with self._turn:
            delegate = self.delegate
            if delegate and (report := await delegate.execute(command, who, was_taken=was_taken)):
                self._note(report)
                return report
            at, before = self._clock.wall(), self._known(command)
            try:
                outcome = await self._send(command)
                known = outcome.before or before
                report = Report(command, who, at, known, outcome.values, confirmed=outcome.confirmed)
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
            if delegate:
                await delegate.announced()
            if report.outcome == "accepted":
                task = asyncio.create_task(self._confirm(report), name="confirm command")
                self._confirming.add(task)
                task.add_done_callback(self._confirming.discard)
            return report

    async def close(self) -> None:
        """Stop reading back accepted commands."""
        for task in tuple(self._confirming):
            task.cancel()
        await asyncio.gather(*self._confirming, return_exceptions=True)

    async def read(self, setting: Setting) -> Any:
        """Return what the gateway holds, as fresh as any reading. Raises GatewayError."""
        shown_by = READBACK[setting]
        source = next(
            (one for one in shown_by if any(link.has(one) for link in self._links)), next(iter(shown_by))
        )
        reading = await self._gateway.get((source,))
        snapshot = reading.sources[source].snapshot
        if snapshot is None:
            raise reading.sources[source].error or NotSupported(f"{setting.value} is not reported")
        return shown_by[source]({source: snapshot.document.value})

    async def _send(self, command: Command) -> Outcome:
        """Send a command over the first connection that may write it.

        One that is refused for what it is, not for its value, was not carried out: the next connection is
        taken for it from then on, until the firmware changes. Raises GatewayError.
        """
        *others, last = self._writers(command)
        await self.rules.check(command)
        for link in others:
            try:
                return await link.execute(command)
            except (NotSupported, WritesRefused) as error:
                link.cannot_write |= command.values.keys()
                _log.warning("write refused", extra={"link": link.driver.name, "reason": str(error)})
        return await last.execute(command)

    def _writers(self, command: Command) -> list[Link]:
        """Return the connections that have all of these settings; those that refused before only if there is no other."""
        able = [link for link in self._links if command.values.keys() <= _writable(link)]
        if not able:
            names = " and ".join(setting.value for setting in command.values)
            raise NotSupported(f"no connection to this gateway can set {names}; {_what_would_work(command)}")
        return [link for link in able if not command.values.keys() & link.cannot_write] or able

    async def _confirm(self, report: Report) -> None:
        """Read an accepted command back until it is applied; its report is then that of a confirmed one."""
        wanted = report.command.values
        ends = self._clock.monotonic() + _CONFIRM_FOR_S
        while self._clock.monotonic() < ends:
            await asyncio.sleep(_CONFIRM_EVERY_S)
            after = await self._read_back(report.command)
            if all(_is_same(after.get(setting), value) for setting, value in wanted.items()):
                confirmed = replace(report, after=after, confirmed=True)
                if report in self.reports:
                    self.reports[self.reports.index(report)] = confirmed
                self._announce(confirmed)
                _log.info("command confirmed", extra={"wanted": named(wanted)})
                return
        _log.warning("command not confirmed", extra={"wanted": named(wanted), "after_s": _CONFIRM_FOR_S})

    def _known(self, command: Command) -> dict[Setting, Any]:
        """Return the cached values of these settings, of any age that may be served."""
        known = {}
        for setting in command.values:
            for source, value_of in READBACK[setting].items():
                if setting not in known and (snapshot := self._gateway.peek(source)):
                    known[setting] = value_of({source: snapshot.document.value})
        return known

    async def _read_back(self, command: Command) -> dict[Setting, Any]:
        """Read the current values from the gateway; those that it does not report are missing."""
        after = {}
        for setting in command.values:
            with suppress(GatewayError):
                after[setting] = await self.read(setting)
        return after

    def _forget(self, command: Command) -> None:
        self._gateway.discard({source for setting in command.values for source in AFFECTED[setting]})

    def _note(self, report: Report) -> None:
        """Record a command: a log line, a count per setting, and the list in /health."""
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
        _log.log(logging.WARNING if report.error else logging.INFO, COMMAND, extra=fields)
        self._announce(report)

    def _announce(self, report: Report) -> None:
        events = self._gateway.events
        events.publish(CommandDone(events.gateway, report.command.values, report.outcome))


def named(values: Mapping[Setting, Any]) -> dict[str, Any]:
    """Name settings as clients know them."""
    return {setting.value: value for setting, value in values.items()}


def _is_same(held: Any, wanted: Any) -> bool:
    if isinstance(held, bool) or not isinstance(held, int | float):
        return bool(held == wanted)
    return bool(abs(held - wanted) <= _SAME_PERCENT)


def _what_would_work(command: Command) -> str:
    if Setting.ISLANDING in command.values:
        return "the local login and v1r can, with PW_CONTROL_ISLANDING=yes"
    if Setting.MAX_BACKUP in command.values:
        return "v1r can (PW_RSA_KEY_PATH)"
    if _OF_THE_CLOUD & command.values.keys():
        return "Tesla's cloud can (PW_CLOUD_MODE)"
    return "v1r (PW_RSA_KEY_PATH) and Tesla's cloud (PW_CLOUD_MODE) can"


def _writable(link: Link) -> frozenset[Setting]:
    return link.driver.settings if isinstance(link.driver, Controllable) else frozenset()
