"""One gateway or site that alarms are about: looks at it, writes messages, keeps them on the disk.

Ownership: a ``Subject`` owns two timers and one task that writes. It follows the events of its gateway. What
outlives the process (which messages wait, what was reported) is one document of the state folder, replaced as a
whole: a message and the note that it was made are kept together, or neither is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final

from proxy.cache.events import CommandDone, LinkChanged, SnapshotStored
from proxy.config.gateway_settings import DEFAULT_ID
from proxy.core.model import Setting
from proxy.core.sources import GRID_STATUS, METERS
from proxy.core.zones import zone_of
from proxy.notify.backlog import Backlog
from proxy.notify.events import INFO
from proxy.notify.interest import Interest
from proxy.notify.machine import Machine
from proxy.notify.message import Message, Site, message_of
from proxy.notify.observation import ALERT_REPORTS, CLOUD_REPORTS, grid_of, look

if TYPE_CHECKING:
    from proxy.gateways.duty import Duty
    from proxy.gateways.gateway import Gateway
    from proxy.notify.events import Fact
    from proxy.notify.settings import NotifySettings

_log = logging.getLogger(__name__)

FILE: Final = "alarms.json"
_LOOK_S: Final = 10.0
# The readings of one moment come as several answers.
_TOGETHER_S: Final = 0.5
_LATEST: Final = frozenset({GRID_STATUS, METERS, *ALERT_REPORTS, *CLOUD_REPORTS})
_WRITE_S: Final = 300.0
_LAST_WRITE_S: Final = 1.0
# What people call the only gateway while nothing has a name for it.
_UNNAMED: Final = "Powerwall"
# A computer without a clock of its own starts long ago; nothing is reported until it knows the time.
_PLAUSIBLE: Final = 1_704_067_200.0


class Subject:
    """The alarms of one gateway or site.

    ``grid`` are the gateways at one connection to the grid that this reports on; none if another does.
    """

    def __init__(
        self,
        gateway: Gateway,
        grid: Sequence[Gateway],
        settings: NotifySettings,
        receivers: Iterable[str],
        notice: Callable[[], None],
        *,
        shares_site: bool,
    ) -> None:
        self.backlog = Backlog()
        self._gateway = gateway
        self._grid = tuple(grid)
        self._settings = settings
        self._quiet = settings.quiet
        self._receivers = tuple(receivers)
        self._notice = notice
        self._clock = gateway.clock
        interests = {each: Interest(each, shares_site=shares_site) for each in (gateway, *self._grid)}
        self._interest = None if gateway.members else interests[gateway]
        self._explaining = [interests[each] for each in self._grid]
        self._machine = self._new_machine()
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._undo: list[Callable[[], None]] = []
        self._writing: asyncio.Task[None] | None = None
        self._is_changed = False
        self._zone_name = ""
        self._written: dict[str, Any] = {}
        self._written_at = float("-inf")

    @property
    def duty(self) -> Duty:
        """Whether this process is the one that reports."""
        return self._gateway.duty

    def _new_machine(self) -> Machine:
        settings = self._settings
        silent_s, now = 60 * settings.notify_silence, self._clock.monotonic()
        return Machine(settings.notify_settle, silent_s, settings.notify_charge, now)

    async def open(self) -> None:
        """Go on with what an earlier process left, or another one, and begin."""
        self._machine = self._new_machine()
        document = await self._gateway.state.submit(self._gateway.state.recall, FILE)
        try:
            self._zone_name = str(document.get("zone", ""))
            zone = zone_of(self._zone_name or self._gateway.settings.timezone)
            self.backlog.load(
                document.get("waiting") or (), self._receivers, lambda message: self._due(message, zone)
            )
            self._machine.load(document.get("known") or {}, self._offset)
        except (AttributeError, KeyError, TypeError, ValueError):
            _log.warning("alarms of an earlier process cannot be read", extra={"gateway": self._gateway.id})
        for gateway in dict.fromkeys((self._gateway, *self._grid)):
            events = gateway.events
            self._undo += [
                events.subscribe(SnapshotStored, self._on_stored),
                events.subscribe(LinkChanged, lambda _: self._look_soon()),
                events.subscribe(CommandDone, self._on_command),
            ]
        self._tick()

    async def close(self) -> None:
        """Write what is known, and end; a disk that hangs is not waited for."""
        for undo in self._undo:
            undo()
        for timer in (self._timer, self._soon):
            if timer is not None:
                timer.cancel()
        if not self._undo:
            return  # it has not begun
        self._undo, self._soon = [], None
        self._write()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=_LAST_WRITE_S)
            self._writing.cancel()
        self.backlog.clear()

    @property
    def _offset(self) -> float:
        return self._clock.wall() - self._clock.monotonic()

    # -- looking -----------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._tick)
        if self._interest is not None:
            self._interest.refresh()
        if self._machine.grid.lacks_reason:
            for interest in self._explaining:
                interest.request_alerts()
        self._look()
        # What was merely seen once more is written now and then.
        if self._clock.monotonic() - self._written_at >= _WRITE_S and self._document() != self._written:
            self._write()

    def _on_stored(self, event: SnapshotStored) -> None:
        if event.source in _LATEST:
            self._look_soon()

    def _look_soon(self) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_TOGETHER_S, self._look)

    def _look(self) -> None:
        """Look at the gateway, and report what has happened."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._clock.wall() < _PLAUSIBLE:
            return
        facts: list[Fact] = []
        if not self._gateway.members:
            facts += self._machine.observe(look(self._gateway))
        if self._grid and (reading := grid_of(self._grid)):
            facts += self._machine.observe_grid(reading)
        self._report(facts)

    def _on_command(self, event: CommandDone) -> None:
        now = self._clock.monotonic()
        if event.values.get(Setting.ISLANDING) is True and event.outcome in {"ok", "accepted"}:
            self._machine.grid.choose(now)
        if event.gateway == self._gateway.id:
            self._report(list(self._machine.command(now, event.values, event.outcome)))

    # -- reporting ---------------------------------------------------------------------------------

    def _report(self, facts: Sequence[Fact]) -> None:
        members = (self._gateway, *self._grid)
        self._zone_name = next((each.zone_name for each in members if each.zone_name), self._zone_name)
        zone = zone_of(self._zone_name or self._gateway.settings.timezone)
        name = _UNNAMED if self._gateway.name == DEFAULT_ID else self._gateway.name
        site = Site(self._gateway.id, name, zone, self._offset)
        for fact in facts:
            if fact.event in self._settings.notify_events:
                self._put(message_of(fact, site), zone)
        if facts:
            self._write()
            self._notice()

    def _put(self, message: Message, zone: tzinfo) -> None:
        """Queue a message for the receivers, until the end of quiet hours unless it is exempt."""
        self.backlog.put(message, self._due(message, zone), self._receivers)
        level = logging.INFO if message.severity == INFO else logging.WARNING
        fields = {"gateway": message.gateway, "alarm": message.event, "text": message.text}
        _log.log(level, "alarm", extra=fields)

    def _due(self, message: Message, zone: tzinfo) -> float:
        """Return the end of the quiet hours in which a message came (Unix s); 0 if it need not wait."""
        quiet = None if message.event in self._settings.notify_quiet_except else self._quiet
        until = quiet.until(message.at, zone) if quiet else message.at
        # What need not wait is due whatever becomes of the clock.
        return until if until > message.at else 0.0

    # -- writing -----------------------------------------------------------------------------------

    def delivered(self) -> None:
        """Note that a message was delivered."""
        self._write()

    def _document(self) -> dict[str, Any]:
        known = self._machine.dump(self._offset)
        return {"zone": self._zone_name, "known": known, "waiting": self.backlog.dump()}

    def _write(self) -> None:
        """Write in another thread; changes made meanwhile are written afterwards."""
        self._is_changed = True
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._keep(), name="alarms")

    async def _keep(self) -> None:
        state = self._gateway.state
        while self._is_changed:
            self._is_changed = False
            self._written, self._written_at = self._document(), self._clock.monotonic()
            # A disk that refuses costs what is kept across a restart, and one line of the log.
            await state.submit(state.write, FILE, self._written)
