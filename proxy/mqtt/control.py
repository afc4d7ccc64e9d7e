"""Commands that come over MQTT: through the one writer of the gateway, with audit, read-back and a result.

Ownership: ``Control`` owns one task for each gateway that has commands to carry out. A connection that is
lost does not end them: what was begun is finished once, and its result is lost. ``close`` ends them.

Of several commands for one topic that come within a moment, or while another one is carried out, the
last one counts; a flood costs one write.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from proxy.core.errors import GatewayError
from proxy.core.model import Command, Setting
from proxy.core.redaction import redact
from proxy.gateways.holding import reserve_to_hold
from proxy.mqtt.commands import NEEDS, Hold, Refused, read
from proxy.mqtt.entity import as_set

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway

_log = logging.getLogger(__name__)

CLIENT: Final = "mqtt"
_TOGETHER_S: Final = 0.05
_MOST: Final = 100
# Puts the result of a control (its name, a document) where clients read it.
Report = Callable[[str, str], None]


class Control:
    """The commands of one gateway. ``allowed`` are names of MQTT_CONTROLS."""

    def __init__(self, gateway: Gateway, allowed: tuple[str, ...], report: Report) -> None:
        self._gateway = gateway
        self._allowed = frozenset(allowed)
        self._report = report
        self._waiting: dict[str, bytes] = {}
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    @property
    def offered(self) -> frozenset[str]:
        """The controls that are allowed and supported by this gateway, by the name in the topic."""
        able = self._gateway.commands.settings
        return frozenset(
            name for name, (bit, setting) in NEEDS.items() if bit in self._allowed and setting in able
        )

    def take(self, name: str, payload: bytes) -> None:
        """Handle a message of a topic ``…/control/NAME/set``, NAME being one of NEEDS; never blocks."""
        if name not in self._waiting and len(self._waiting) >= _MOST:
            self.dropped += 1
            return
        self._waiting.pop(name, None)
        self._waiting[name] = payload
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._carry_out(), name="mqtt control")

    async def close(self) -> None:
        """Cancel what is in progress."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _carry_out(self) -> None:
        while self._waiting:
            await asyncio.sleep(_TOGETHER_S)
            name = next(iter(self._waiting))
            payload = self._waiting.pop(name)
            self._report(name, json.dumps(await self._result(name, payload), ensure_ascii=False))

    async def _result(self, name: str, payload: bytes) -> dict[str, Any]:
        """Execute a command and publish its result."""
        if name not in self.offered:
            return self._refused(name, f"{name} is not in MQTT_CONTROLS, or no connection can set it")
        try:
            command = read(name, payload)
            command = await self._hold() if isinstance(command, Hold) else command
        except Refused as why:
            return self._refused(name, str(why))
        report = await self._gateway.commands.execute(command, CLIENT)
        return self._outcome(report.outcome, report.error, report.after.get(NEEDS[name][1]))

    async def _hold(self) -> Command:
        """Make the command that holds the present charge. Raises Refused."""
        try:
            _, reserve = await reserve_to_hold(self._gateway)
        except GatewayError as error:
            raise Refused(f"the charge is not known now: {redact(str(error))}") from error
        return Command({Setting.RESERVE: reserve})

    def _refused(self, name: str, why: str) -> dict[str, Any]:
        self._gateway.commands.counts[NEEDS[name][1].value, "invalid"] += 1
        _log.warning(
            "mqtt command refused", extra={"gateway": self._gateway.id, "control": name, "reason": why}
        )
        return self._outcome("invalid", why, None)

    def _outcome(self, outcome: str, why: object, held: Any) -> dict[str, Any]:
        """Make the document of a result; ``value`` is what the gateway holds now, null if that is unknown."""
        at = datetime.fromtimestamp(self._gateway.clock.wall(), UTC).isoformat(timespec="seconds")
        return {
            "outcome": outcome,
            "reason": redact(str(why or "")),
            "value": as_set(held) if isinstance(held, float) else held,
            "at": at,
        }
