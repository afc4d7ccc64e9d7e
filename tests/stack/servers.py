"""Servers that the tests start by hand on free ports of this machine, and stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.processes import free_port

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120.0
SECRET = "storm-lantern-7492"


def get(url: str, **query: str) -> bytes:
    with urlopen(f"{url}?{urlencode(query)}" if query else url, timeout=TIMEOUT_S) as answer:
        return answer.read()


def post(url: str, body: str, **headers: str) -> None:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    with urlopen(Request(url, body.encode(), named), timeout=TIMEOUT_S):
        pass


def get_json(url: str, **query: str):
    return json.loads(get(url, **query))


@dataclass(frozen=True)
class Server:
    """A server of another process: it goes by its own clock, which no test can advance."""

    process: subprocess.Popen
    log: Path

    def stays(self, seconds: float) -> None:
        """Let time pass for it; that it ends meanwhile is an error."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            raise AssertionError(self.log.read_text("utf-8", "replace"))

    def answers(self, url: str) -> None:
        """Wait until it does."""
        ends = time.monotonic() + TIMEOUT_S
        while True:
            try:
                get(url)
                return
            except (URLError, ConnectionError):
                assert time.monotonic() < ends, f"{url}: {self.log.read_text('utf-8', 'replace')}"
                self.stays(0.1)


@contextmanager
def running(command: list[str], ready: str, log: Path, **environment: str) -> Iterator[Server]:
    """Run a server while the block runs; ``ready`` is a URL that answers once it is up."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PW_")}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**kept, **environment}, stdout=output, stderr=output)
        try:
            server = Server(process, log)
            server.answers(ready)
            yield server
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


@contextmanager
def demo(folder: Path, persona: str) -> Iterator[str]:
    """Run the demo, its day passing fast; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "proxy", "serve", "--demo", "--persona", persona, "--speed", "60"]
    address = f"127.0.0.1:{port}"
    settings = {
        "PW_PORT": str(port),
        "PW_BIND_ADDRESS": "127.0.0.1",
        "PW_METRICS_REFRESH": "all",
        "PW_CONTROL_SECRET": SECRET,
        "PW_OPENC2_KEY": SECRET,
        "PW_OPENC2_INSECURE": "yes",
    }
    log = folder / f"{persona}.log"
    with running(
        command, f"http://{address}/health", log, PYTHONPATH=str(ROOT), HOME=str(folder), **settings
    ):
        yield address


@contextmanager
def bereft(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a proxy and its gateway; yields the proxy's address and what takes the gateway away."""
    port, proxy = free_port(), f"127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        gateway = stack.enter_context(ExitStack())
        command = [sys.executable, "-m", "proxy", "simulate", "--persona", "fw1_15", "--port", str(port)]
        status = f"http://127.0.0.1:{port}/api/status"
        gateway.enter_context(running(command, status, folder / "gateway.log", PYTHONPATH=str(ROOT)))
        settings = {
            "PW_HOST": f"http://127.0.0.1:{port}",
            "PW_BIND_ADDRESS": "127.0.0.1",
            "PW_PORT": proxy.rpartition(":")[2],
            "PW_CACHE_EXPIRE": "1",
            "PW_CACHE_TTL": "3",
        }
        command = [sys.executable, "-m", "proxy", "serve"]
        environment = {"PYTHONPATH": str(ROOT), "HOME": str(folder), **settings}
        stack.enter_context(running(command, f"http://{proxy}/health", folder / "bereft.log", **environment))
        yield proxy, gateway.close
