"""Reports to the service manager that started the process: sd_notify(3).

A report is one datagram to the socket that ``NOTIFY_SOCKET`` names. Where no
service manager waits for reports there is no such name, and nothing is sent.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_ABSTRACT, _PATH = "@", "/"
_MICROSECONDS = 1e6


class ServiceManager:
    """What waits for reports, if anything does.

    The watchdog is served by a timer of the running event loop, at half the interval that the manager
    allows: a loop that hangs is restarted.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        # An abstract address starts with a zero byte (unix(7)); other families are for virtual machines.
        self._address = name.replace(_ABSTRACT, "\0", 1) if name.startswith((_ABSTRACT, _PATH)) else ""
        self._interval_s = _watchdog_s(environ) / 2
        self._timer: asyncio.TimerHandle | None = None
        self._is_ready = False

    def ready(self, status: str) -> None:
        """Report that requests are answered, and start the watchdog."""
        self._is_ready = True
        self._report("READY=1", f"STATUS={status}")
        if self._address and self._interval_s:
            self._be_alive()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Report that the settings are read again, and the end of it."""
        if self._is_ready:
            self._report("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            if self._is_ready:
                self._report("READY=1")

    def stopping(self) -> None:
        """Report that the process is about to end."""
        self._is_ready = False
        if self._timer:
            self._timer.cancel()
        self._report("STOPPING=1", "STATUS=Stopping")

    def _be_alive(self) -> None:
        self._report("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._be_alive)

    def _report(self, *lines: str) -> None:
        """Send one datagram. A manager that has gone is no reason to end, and a full queue none to wait."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Return the longest silence allowed, in seconds; 0 without a watchdog, or with one of another process."""
    text = environ.get("WATCHDOG_USEC", "")
    if not text.isdecimal() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    return int(text) / _MICROSECONDS
