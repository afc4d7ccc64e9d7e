"""Servers of other processes: a port for each, what can be done to them, and waiting for what they do."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from pathlib import Path

# An end for what hangs, also on a machine that is slow and busy.
LONGEST_WAIT_S = 60.0


def free_port() -> int:
    """Find a port below those that the kernel hands out by itself: nothing else takes it meanwhile."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def happens(condition: Callable[[], object | Awaitable[object]]) -> None:
    """Wait for what another process takes part in: it goes by its own clock, which no test can advance."""
    ends = time.monotonic() + LONGEST_WAIT_S
    while True:
        held = condition()
        if await held if isawaitable(held) else held:
            return
        assert time.monotonic() < ends, "it never happened"
        await asyncio.sleep(0.002)


class ServerProcess:
    """A server that can be started, killed, and frozen."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen | None = None

    def run(self, command: list[str], answers: Callable[[], bool]) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        ends = time.monotonic() + LONGEST_WAIT_S
        while not answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < ends, self.log.read_text()
            time.sleep(0.01)

    @property
    def runs(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGCONT)
