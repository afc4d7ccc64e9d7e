"""OpenC2's ``set``: the same access control, checks and writer as /control, and never the same command twice.

Ownership: ``Writes`` owns the tasks that carry commands out. A client that goes away does not end one;
``close`` does. Producers repeat what they get no answer to: a command that was carried out is remembered
by its id for ten minutes, and its repetition gets the same answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from proxy.core.commands import BadValue, parse
from proxy.core.errors import GatewayError
from proxy.core.model import Command as Write
from proxy.core.model import Setting
from proxy.openc2.commands import PROFILE, Command, Refused, check_times
from proxy.openc2.reply import Reply, admit, refused
from proxy.server.http.admission import client_of

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.core.commands import Raw
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context

_REMEMBERED_S = 600.0
_MOST_REMEMBERED = 1000
_TOKEN_HEADER = "X-Control-Token"  # noqa: S105 - the name of a header


# What each target writes. A single setting is the value itself, several are the members of an object.
TARGETS: Mapping[str, tuple[Setting, ...]] = {
    f"{PROFILE}:mode": (Setting.MODE,),
    f"{PROFILE}:reserve": (Setting.RESERVE,),
    f"{PROFILE}:settings": (Setting.MODE, Setting.RESERVE),
    f"{PROFILE}:grid_charging": (Setting.GRID_CHARGING,),
    f"{PROFILE}:grid_export": (Setting.GRID_EXPORT,),
}
_NUMBER = (int, float)
_KINDS: Mapping[Setting, type | tuple[type, ...]] = {
    Setting.MODE: str,
    Setting.RESERVE: _NUMBER,
    Setting.GRID_CHARGING: bool,
    Setting.GRID_EXPORT: str,
}
_WORDS: Mapping[Any, str] = {str: "a text", bool: "true or false", _NUMBER: "a number from 0 to 100"}
# The settings of one document of the gateway: whichever is written, both are reported.
_OPERATION = (Setting.RESERVE, Setting.MODE)
# Properties that are called otherwise than their setting.
_NAMES: Mapping[Setting, str] = {Setting.RESERVE: "backup_reserve"}


@dataclass(frozen=True, slots=True)
class _Done:
    """A command that was begun: when (monotonic seconds), what it means, and its task."""

    at: float
    meaning: str
    task: asyncio.Task[Reply]


class Writes:
    """Carries out commands that change something."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._done: OrderedDict[str, _Done] = OrderedDict()
        self._tasks: set[asyncio.Task[Reply]] = set()

    def pairs(self, gateway: Gateway) -> list[str]:
        """Name the targets that can be set of a gateway; a site, the total of several, has none."""
        if not self._context.guard.is_on or gateway.members:
            return []
        able = gateway.commands.settings
        return [name for name, settings in TARGETS.items() if able.issuperset(settings)]

    async def carry_out(
        self, request: web.Request, command: Command, request_id: str, gateway: Gateway
    ) -> Reply:
        """Check and carry out a command once. Raises Refused for one that was not begun."""
        if not self._context.guard.is_on:
            raise Refused(501, "control is disabled")
        if command.target not in self.pairs(gateway):
            raise Refused(501, f"set {command.target} is not supported")
        check_times(command)
        client = client_of(request, self._context.settings)
        tokens = (*request.headers.getall(_TOKEN_HEADER, []), command.token)
        await admit(self._context.guard, tokens, client, "control secret")
        write = _write(command)
        name = command.command_id or request_id
        task = self._begin(name, command.meaning, lambda: self._execute(write, client, name, gateway))
        if command.response == "ack":
            return Reply(102)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what is in progress."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(
        self, name: str, meaning: str, execute: Callable[[], Coroutine[None, None, Reply]]
    ) -> asyncio.Task[Reply]:
        """Start a command, or find the one that it repeats."""
        now = self._context.clock.monotonic()
        while self._done and (
            len(self._done) >= _MOST_REMEMBERED or next(iter(self._done.values())).at <= now - _REMEMBERED_S
        ):
            self._done.popitem(last=False)
        if (known := self._done.get(name)) is not None:
            if known.meaning != meaning:
                raise Refused(400, "this command_id or request_id was that of another command")
            return known.task
        task = asyncio.create_task(execute(), name="openc2 set")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if name:
            self._done[name] = _Done(now, meaning, task)
        return task

    async def _execute(self, write: Write, client: str, name: str, gateway: Gateway) -> Reply:
        report = await gateway.commands.execute(write, client)
        if report.error is None and not report.confirmed:
            return Reply(102, "accepted, but not yet in force; read back to see when it is")
        if report.error is None:
            return Reply(200, results={PROFILE: await _held(gateway, write, report.after)})
        why = refused(report.error, gateway.cache)
        if why.status != 500:  # noqa: PLR2004 - any other status: nothing was sent, so it may be tried again
            self._done.pop(name, None)
        return Reply(why.status, str(why), retry_after=why.retry_after)


async def _held(gateway: Gateway, write: Write, after: Mapping[Setting, Any]) -> dict[str, Any]:
    """Report what the gateway holds now: what was written, and the other half of mode and reserve."""
    shown = dict.fromkeys((*_OPERATION, *write.values) if write.values.keys() & set(_OPERATION) else after)
    held = {}
    for setting in shown:
        value = after.get(setting)
        if value is None:
            with suppress(GatewayError):
                value = await gateway.commands.read(setting)
        if value is not None:
            held[_NAMES.get(setting, setting.value)] = _plain(value)
    return held


def _write(command: Command) -> Write:
    """Make the write of a command. Raises Refused for a value that a setting does not take."""
    settings = TARGETS[command.target]
    values = command.value if len(settings) > 1 else {settings[0].value: command.value}
    known = {setting.value: setting for setting in settings}
    if not isinstance(values, dict) or not values or not values.keys() <= known.keys():
        raise Refused(400, f"{command.target} takes an object of {' and '.join(known)}")
    try:
        return parse({known[name]: _typed(known[name], value) for name, value in values.items()})
    except BadValue as bad:
        raise Refused(400, str(bad)) from bad


def _typed(setting: Setting, value: Any) -> Raw:
    """Return a value that has the type of JSON which a setting has: "30" is no reserve. Raises Refused."""
    kinds = _KINDS[setting]
    if not isinstance(value, kinds) or isinstance(value, bool) is not (kinds is bool):
        raise Refused(400, f"{setting.value} takes {_WORDS[kinds]}")
    return cast("Raw", value)


def _plain(value: Any) -> Any:
    """Write a percentage as people do: 30, not 30.000000000000004."""
    if isinstance(value, bool) or not isinstance(value, float):
        return value
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded
