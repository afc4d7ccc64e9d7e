"""Processes on cores of their own, and what the kernel says they cost."""

from __future__ import annotations

import asyncio
import atexit
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Process:
    """A server on the server's core."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    log: Path | None = None
    _popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        argv = ["taskset", "-c", str(SERVER_CORE), *self.argv]
        output = self.log.open("wb") if self.log else subprocess.DEVNULL
        self._popen = subprocess.Popen(
            argv, env={**os.environ, **self.env}, cwd=self.folder, stdout=output, stderr=output
        )
        atexit.register(self.stop)  # where a measurement fails, too

    def stop(self) -> None:
        if self._popen is not None:
            self._popen.terminate()
            self._popen.wait(10)

    @property
    def pids(self) -> list[int]:
        """The process and its children."""
        assert self._popen is not None
        children = Path(f"/proc/{self._popen.pid}/task/{self._popen.pid}/children").read_text()
        return [self._popen.pid, *map(int, children.split())]

    @property
    def cpu_s(self) -> float:
        """Processor seconds used so far, in user space and in the kernel."""
        # clock_getcpuclockid(3): exact, where /proc counts ticks of 10 ms, a percent of what is measured in a second.
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids)

    @property
    def resident_mb(self) -> float:
        """Memory that is in use now."""
        return sum(int(_stat(pid)[21]) for pid in self.pids) * _PAGE / 1e6


@contextmanager
def suspended(processes: Sequence[Process]) -> Iterator[None]:
    """Let processes do nothing meanwhile."""
    pids = [pid for process in processes for pid in process.pids]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _stat(pid: int) -> list[str]:
    # After the name, which may hold blanks: state is the first field.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def machine_busy_s() -> float:
    """Seconds that all cores together have been busy."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / _TICKS


def ended_cpu_s() -> float:
    """Processor seconds that our children used which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def describe() -> str:
    """Name the machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")
    return f"{model}, {os.cpu_count()} cores, Python {'.'.join(map(str, sys.version_info[:3]))}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def answer(port: int, path: str, timeout_s: float = 30.0) -> bytes:
    """Return one whole answer."""
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        whole = await reader.read()
        writer.close()
        return whole


async def wait_for(port: int, path: str, soft_timeout_s: float = 40.0) -> bytes:
    """Wait until a path is answered well; return the answer."""
    ends = time.monotonic() + soft_timeout_s
    while True:
        try:
            got = await answer(port, path)
        except (OSError, TimeoutError):
            got = b""
        if b" 200 " in got[:20] and not got.endswith((b"null", b"{}")):
            return got
        if time.monotonic() > ends:
            raise TimeoutError(f"port {port}{path}: {got[:200]!r}")
        await asyncio.sleep(0.005)
