"""Commands that arrive at a replica that does not fetch: carried out by the one that does, once or not at all.

A command stands in Redis under its number. The replica that fetches takes it out: only one can. The one that
waits takes it back at the deadline: if it was still there, it was certainly not carried out; if it is gone and
there is no report, its outcome is unknown. A number is carried out once, and a command names its term and its
time: one that was held back, or is put back, does nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cachetools import TTLCache

from proxy.core.errors import GatewayError, OutcomeUnknown
from proxy.core.model import Command
from proxy.gateways.commands import Report
from proxy.replicas import wire
from proxy.replicas.errors import NotHandedOver
from proxy.replicas.failures import RedisLost
from proxy.replicas.lease import Role
from proxy.replicas.sealing import Unsealed
from proxy.replicas.tasks import within
from proxy.replicas.wire import Malformed

if TYPE_CHECKING:
    from proxy.replicas.member import Member

# For so long the replica that fetches may take a command, and then carry it out.
_TAKEN_WITHIN_S: Final = 2.0
_DONE_WITHIN_S: Final = 20.0
# Longer than it may be taken: what is gone by then was taken.
_KEPT_S: Final = 10.0
_LAST_S: Final = 0.5
_NUMBER_BYTES: Final = 16
_MOST_TAKEN: Final = 10_000


class Handover:
    """The commands that one replica hands over or accepts. Owns the tasks that execute the latter."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._waiters: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._taken: TTLCache[str, bool] = TTLCache(_MOST_TAKEN, 2 * _KEPT_S, timer=member.now)
        self._tasks: set[asyncio.Task[None]] = set()

    # -- handing over ----------------------------------------------------------------------------------

    async def execute(self, command: Command, who: str, *, was_taken: bool) -> Report | None:
        """Have a command carried out; None if this replica has to do that, which is certain now. Never raises.

        One that ``was_taken`` from another replica is not handed on: that replica does not wait for a third one.
        """
        member = self._member
        await member.settled()
        match member.standing.role:
            case Role.ALONE:
                return None
            case Role.HOLDING:
                return None if await member.renew() else self._not_sent(command, who)
            case Role.FOLLOWING if not was_taken:
                return await self._handed_over(command, who)
        return self._not_sent(command, who)

    async def announced(self) -> None:
        """Return when what a command has changed was sent to the other replicas: all of them read it again."""
        await within(_LAST_S, self._member.outbox.flushed())

    def done(self, number: str, row: Mapping[str, Any]) -> None:
        """Handle the report of a command that was handed over."""
        waiter = self._waiters.get(number)
        if waiter is not None and not waiter.done():
            waiter.set_result(row)

    async def catch_up(self) -> None:
        """Look for the reports that came while this replica received nothing. Raises RedisLost."""
        for number, waiter in tuple(self._waiters.items()):
            if not waiter.done() and (row := await self._left(number)) is not None:
                self.done(number, row)

    async def _handed_over(self, command: Command, who: str) -> Report:
        member, number = self._member, secrets.token_hex(_NUMBER_BYTES)
        self._waiters[number] = asyncio.get_running_loop().create_future()
        try:
            if not await self._put(number, command, who):
                return self._not_sent(command, who)
            if not await self._is_done(number, _TAKEN_WITHIN_S):
                # What is still there was not carried out, and now it never will be.
                if await member.connection.take(member.keys.command(number)) is not None:
                    return self._not_sent(command, who)
                await self._is_done(number, _DONE_WITHIN_S)
            row = await self._waiters[number] if self._waiters[number].done() else await self._left(number)
            at = member.gateway.clock.wall()
            return self._unknown(command, who) if row is None else wire.read_report(row, command, who, at)
        except (RedisLost, Malformed):
            return self._unknown(command, who)
        finally:
            del self._waiters[number]

    async def _put(self, number: str, command: Command, who: str) -> bool:
        """Store and announce a command; False if it is certain that no replica can execute it."""
        member, key = self._member, self._member.keys.command(number)
        content = {
            "values": wire.written_values(command.values),
            "who": who,
            "term": str(member.standing.held),
            "sent": member.standing.stamp(),
        }
        try:
            await member.connection.put(key, member.sealed(wire.pack(content), key), _KEPT_S)
        except RedisLost:
            return False  # what was not announced is not looked for
        with suppress(RedisLost):  # it may have arrived all the same
            await member.request({"kind": "command", "command": number})
        return True

    async def _is_done(self, number: str, within_s: float) -> bool:
        await asyncio.wait({self._waiters[number]}, timeout=within_s)
        return self._waiters[number].done()

    async def _left(self, number: str) -> Mapping[str, Any] | None:
        """Return the report of a command whose message did not arrive; None if there is none. Raises RedisLost."""
        member = self._member
        message = await member.connection.get(member.keys.done(number))
        opened = None if message is None else member.inbox.opened(member.keys.reports, message)
        return None if opened is None else opened[0].get("report")

    def _not_sent(self, command: Command, who: str) -> Report:
        error = NotHandedOver(
            "the replica that fetches did not take it, or no longer fetches; nothing was sent"
        )
        return self._failed(command, who, error)

    def _unknown(self, command: Command, who: str) -> Report:
        error = OutcomeUnknown("the replica that took the command was not heard again")
        return self._failed(command, who, error)

    def _failed(self, command: Command, who: str, error: GatewayError) -> Report:
        return Report(command, who, self._member.gateway.clock.wall(), {}, {}, error=error)

    # -- carrying out ----------------------------------------------------------------------------------

    def take(self, number: str) -> None:
        """Execute a command that another replica has announced."""
        if number in self._taken:
            return
        self._taken[number] = True
        task = asyncio.create_task(self._carry_out(number), name="replica command")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Finish commands in progress, within the time limit of a stop."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_S)

    async def _carry_out(self, number: str) -> None:
        member, key = self._member, self._member.keys.command(number)
        try:
            message = await member.connection.take(key)
            plain = None if message is None else member.unsealed(message, key)
            if plain is None:
                return
            content = wire.unpack(plain)[0]
            command, who = Command(wire.read_values(content["values"])), str(content["who"])
            is_of_now = member.standing.age_of(content["sent"]) <= _KEPT_S
        except RedisLost:
            return
        except (Unsealed, Malformed, KeyError, TypeError, ValueError, AttributeError):
            member.inbox.dropped += 1
            return
        report = (
            await member.gateway.commands.execute(command, who, was_taken=True)
            if is_of_now and content.get("term") == str(member.standing.term)
            else self._not_sent(command, who)
        )
        member.outbox.put_done(number, wire.written_report(report))
