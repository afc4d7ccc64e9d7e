"""Writing over the gateway's own HTTPS API (docs/protocol.md, "Writing over the local API").

A write is sent once. It is sent a second time only after the gateway refused the
first for its session and a look at that session showed it dead: a refusal is an
answer, so nothing was done. Whatever ends without an answer is reported as unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from proxy.core.errors import (
    BadAnswer,
    CommandRejected,
    GatewayError,
    GatewayTimeout,
    Interrupted,
    NotSupported,
    OutcomeUnknown,
    WritesRefused,
)
from proxy.core.model import Command, Outcome, Setting, app_percent, raw_percent
from proxy.core.sources import OPERATION
from proxy.core.validation import parse

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.drivers.credentials import Credentials
    from proxy.drivers.http_client import GatewayClient, Reply
    from proxy.drivers.local.login import Login

_APPLY = "/api/config/completed"  # a GET that writes
_ISLANDING = "/api/v2/islanding/mode"
_ISLAND_MODES = {True: "intentional_reconnect_failsafe", False: "backup"}

# The gateway's own front server (nginx) says so when what is behind it did not answer.
_LOST = frozenset({502, 504})
# After these it is not certain that nothing was sent.
_MAY_BE_SENT = (Interrupted, GatewayTimeout, BadAnswer)
_RESERVE = "backup_reserve_percent"
_LIMIT = "max_pv_export_power_kW"
# The gateway rounds what it stores; the app's slider knows whole percents only.
_SAME_PERCENT = 0.5


def writable(settings: GatewaySettings) -> frozenset[Setting]:
    """Say what may be written; leaving the grid has a switch of its own."""
    base = {Setting.RESERVE, Setting.MODE}
    return frozenset(base | {Setting.ISLANDING} if settings.control_islanding else base)


class LocalWriter:
    """Carries out one command."""

    def __init__(self, session: GatewayClient, login: Login) -> None:
        self._session = session
        self._login = login

    async def execute(self, command: Command) -> Outcome:
        """Write, read back, compare. Raises GatewayError."""
        if Setting.ISLANDING in command.values:
            return await self._island(command)
        return await self._operate(command)

    async def _operate(self, command: Command) -> Outcome:
        """Replace mode and reserve: the gateway takes the whole object, so what stays is sent along."""
        current = await self._operation()
        target = _replaced(current, command.values)
        await self._send("POST", OPERATION, target)
        try:
            await self._send("GET", _APPLY)
        except OutcomeUnknown:
            raise
        except GatewayError as exc:
            # The next client that applies something may apply these along with it.
            raise OutcomeUnknown(f"the gateway took the values, but did not apply them ({exc})") from exc
        try:
            held = await self._operation()
        except GatewayError as exc:
            raise OutcomeUnknown("the gateway took the values, but cannot be read") from exc
        if _mode(held) != _mode(target) or abs(held[_RESERVE] - target[_RESERVE]) > _SAME_PERCENT:
            raise CommandRejected(
                f"the gateway took the values, but holds mode {_mode(held)} and reserve "
                f"{app_percent(held[_RESERVE]):.0f} %"
            )
        return Outcome(_settings_of(held), _settings_of(current))

    async def _island(self, command: Command) -> Outcome:
        """Leave the grid or return to it. The grid status follows in its own time, 20 s and more."""
        if len(command.values) > 1:
            raise CommandRejected("islanding is a command of its own")
        leave = command.values[Setting.ISLANDING]
        await self._send("POST", _ISLANDING, {"island_mode": _ISLAND_MODES[leave]})
        return Outcome({Setting.ISLANDING: leave})

    # -- requests ------------------------------------------------------------------------------

    async def _operation(self) -> dict[str, Any]:
        """Read the operation again, logging in again at most once."""
        credentials = await self._login.credentials()
        reply = await self._read(credentials)
        if reply.is_denied:
            credentials = await self._login.renew(credentials, OPERATION)
            reply = await self._read(credentials)
        await self._raise_for(OPERATION, reply)
        document = parse(OPERATION, reply.body)
        reserve = document.get(_RESERVE)
        if not _mode(document) or isinstance(reserve, bool) or not isinstance(reserve, int | float):
            raise BadAnswer(f"{OPERATION} has no mode and reserve that could be kept")
        return dict(document)

    async def _read(self, credentials: Credentials) -> Reply:
        return await self._session.request("GET", OPERATION, headers=credentials.headers)

    async def _send(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> None:
        """Send what changes something."""
        credentials = await self._login.credentials()
        reply = await self._once(method, path, credentials, document)
        if reply.is_denied and (await self._read(credentials)).is_denied:
            newer = await self._login.renew(credentials, OPERATION)
            if newer is not credentials:
                reply = await self._once(method, path, newer, document)
        if reply.status in _LOST:
            raise OutcomeUnknown(f"{path} was sent, but its answer was lost in the gateway ({reply.status})")
        await self._raise_for(path, reply)

    async def _once(
        self, method: str, path: str, credentials: Credentials, document: Mapping[str, Any] | None
    ) -> Reply:
        headers = dict(credentials.headers)
        body = None
        if document is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(document).encode()
        try:
            return await self._session.request(method, path, headers=headers, body=body, once=True)
        except GatewayError as exc:
            if exc.was_sent or isinstance(exc, _MAY_BE_SENT):
                raise OutcomeUnknown(f"{path} was sent, but no usable answer came") from exc
            raise

    async def _raise_for(self, path: str, reply: Reply) -> None:
        """Raise for every status but success, which shows that the session is good. An answer is an answer: nothing here leaves doubt."""
        match reply.status:
            case 200 | 201 | 202 | 204:
                self._login.note_read(path)
            case 401 | 403:
                raise WritesRefused(
                    "the gateway lets this login read but not write, as current firmware does with customers; "
                    "v1r (PW_RSA_KEY_PATH) or Tesla's app can write"
                )
            case 404 | 405:
                raise NotSupported(f"{path} is not offered by this gateway")
            case 429:
                raise await self._login.limited(path, reply)
            case status:
                raise CommandRejected(f"{path}: the gateway answered {status}")


def _replaced(current: Mapping[str, Any], values: Mapping[Setting, Any]) -> dict[str, Any]:
    """Fill in what the command leaves as it is. Firmware before 21.39 calls the key ``mode``."""
    key = "real_mode" if "real_mode" in current else "mode"
    reserve = values.get(Setting.RESERVE)
    target = {
        key: values.get(Setting.MODE, current[key]),
        _RESERVE: current[_RESERVE] if reserve is None else raw_percent(reserve),
    }
    if isinstance(current.get(_LIMIT), int | float):
        target[_LIMIT] = current[_LIMIT]
    return target


def _mode(document: Mapping[str, Any]) -> str:
    mode = document.get("real_mode", document.get("mode"))
    return mode if isinstance(mode, str) else ""


def _settings_of(document: Mapping[str, Any]) -> dict[Setting, Any]:
    return {
        Setting.RESERVE: max(app_percent(document[_RESERVE]), 0),
        Setting.MODE: _mode(document),
    }
