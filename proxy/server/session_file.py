"""Sessions of clients across restarts: programs that log in once must not go offline with an update.

The file has hashes, from which no token can be made, and a mark of PW_LAN_PASSWORD: with
another password all sessions end. It is written beside the event loop, a moment after a
change, because an SD card may take seconds and a program may log in for each request.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Final

from proxy.core.json_access import number
from proxy.core.marks import mark

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.core.clock import Clock
    from proxy.server.gateway_api.sessions import Sessions
    from proxy.state.store import StateStore

FILE: Final = "sessions.json"
_DELAY_S = 1.0


class SessionFile:
    """Reads the sessions at the start and writes them after changes. Owns the timer and the writing until closed."""

    def __init__(self, sessions: Sessions, settings: Settings, memory: StateStore, clock: Clock) -> None:
        self._sessions = sessions
        self._file = memory.beside(settings.gateway.cache_file, FILE)
        self._memory = memory
        self._clock = clock
        self._salt = secrets.token_hex(8)
        self._password = settings.lan_password
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._resume()
        sessions.changed = self._write_later

    async def close(self) -> None:
        """Write what has changed."""
        if self._writing is not None:
            await self._writing
        if self._timer is not None:
            self._timer.cancel()
            self._memory.write(self._file, self._document())

    def _resume(self) -> None:
        kept, now = self._memory.recall(self._file), self._clock.wall()
        sessions = kept.get("sessions")
        if not isinstance(sessions, dict) or kept.get("password") != mark(
            self._password, str(kept.get("salt"))
        ):
            return
        until = {key: number(value) for key, value in sessions.items()}
        self._sessions.resume({key: at - now for key, at in until.items() if at is not None})

    def _write_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_DELAY_S, self._write)

    def _write(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._write_later()
            return
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, self._memory.write, self._file, self._document())

    def _document(self) -> dict[str, Any]:
        now = self._clock.wall()
        until = {key: now + left for key, left in self._sessions.left().items()}
        return {"salt": self._salt, "password": mark(self._password, self._salt), "sessions": until}
