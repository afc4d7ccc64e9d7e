"""The command line as people use it: real processes, their output and exit codes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
# For what takes a second: an end for what hangs, also on a machine that is slow and busy.
TIMEOUT_S = 120


class CommandLine:
    """Runs commands in an environment of its own: an empty home, no settings but those given."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._stack = ExitStack()

    def __call__(
        self, *words: str, output: int = subprocess.PIPE, **settings: str
    ) -> subprocess.CompletedProcess:
        """Run a command to its end; ``output`` is where it writes instead, such as a terminal."""
        return subprocess.run(
            self._command(words),
            env=self._environment(settings),
            cwd=self.home,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def start(self, *words: str, wrapper: Sequence[str] = (), **settings: str) -> Daemon:
        """Start a command that runs until it gets a signal; ``wrapper`` is a command line that executes it."""
        return self._stack.enter_context(self._started([*wrapper, *self._command(words)], settings))

    def close(self) -> None:
        self._stack.close()

    @contextmanager
    def _started(self, command: Sequence[str], settings: dict[str, str]) -> Iterator[Daemon]:
        process = subprocess.Popen(
            command,
            env=self._environment(settings),
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                yield Daemon(process)
            finally:
                process.terminate()
                if process.stdout and not process.stdout.closed:
                    process.stdout.read()

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-W", "error", "-m", "proxy", *words]

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if name.startswith("COV") or name == "PATH"}
        return {**kept, "HOME": str(self.home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


class Daemon:
    """A running command and what it has printed so far."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.lines: list[str] = []

    def prints(self, pattern: str) -> re.Match:
        """Wait for a line; the test's time limit is the limit."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if match := re.search(pattern, line):
                return match
        raise AssertionError("\n".join(["ended without the line expected:", *self.lines]))

    def port(self) -> str:
        """Wait until it listens."""
        return self.prints(r"listening url=\S+:(\d+)")[1]

    def hang_up(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def ends(self, within_s: float = TIMEOUT_S) -> int:
        """Send SIGTERM and return the exit code; fail if it waited for longer than this.

        Only what it waits for counts, not how long it computes or queues for a processor.
        """
        started, worked_s = time.monotonic(), self._worked_s()
        self.process.terminate()
        self.lines += self.process.stdout.read().splitlines()
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)  # its figures are there until wait()
        waited_s = time.monotonic() - started - (self._worked_s() - worked_s)
        assert waited_s < within_s, "\n".join([f"waited for {waited_s:.1f} s", *self.lines])
        return self.process.wait()

    def _worked_s(self) -> float:
        """Seconds for which the main thread ran, or was ready to (/proc/PID/schedstat: nanoseconds of each)."""
        running, queued, _ = Path(f"/proc/{self.process.pid}/schedstat").read_text().split()
        return (int(running) + int(queued)) / 1e9


@pytest.fixture
def command(tmp_path) -> Iterator[CommandLine]:
    home = tmp_path / "home"
    home.mkdir()
    line = CommandLine(home)
    yield line
    line.close()


def send_request(port: str, path: str) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=TIMEOUT_S) as answer:
        return answer.read()
