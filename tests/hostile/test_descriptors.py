"""Connections to a gateway that fail or are given up: they never touch a descriptor that is not theirs."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from proxy.config.settings import GatewaySettings
from proxy.core.clock import Clock
from proxy.core.errors import GatewayError
from proxy.drivers.http_client import GatewayClient
from proxy.state.certificates import trusting_context
from proxy.state.store import StateStore
from tests.hostile.test_handshakes import HELLO_BEGUN

pytestmark = pytest.mark.each_loop

CALLERS = 20
HANDSHAKES = 60  # of each caller
CLIENTS = 3
TURNS = 40
ANSWERS = {
    "/soe": lambda body: "percentage" in body,
    "/version": lambda body: "vint" in body,
    "/aggregates": lambda body: "site" in body,
}


@contextmanager
def failing_gateway() -> Iterator[int]:
    """A gateway with which no handshake succeeds; yields its port."""
    command = [sys.executable, str(Path(__file__).with_name("failing_gateway.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield int(process.stdout.readline())
        process.stdin.close()


async def fail_often(session: GatewayClient) -> None:
    """Begin requests; cancel each after another number of turns of the loop, unless it failed before."""
    for number in range(HANDSHAKES):
        request = asyncio.create_task(session.request("GET", "/api/status"))
        for _ in range(number % TURNS):
            await asyncio.sleep(0)
        request.cancel()
        with suppress(GatewayError, asyncio.CancelledError):
            await request


async def break_off(port: int) -> None:
    """Begin a handshake with the proxy and reset the connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.write(HELLO_BEGUN)
    await asyncio.sleep(0)
    writer.transport.abort()


async def send_request(open_connection, path: str) -> None:
    """Send a request over a connection of its own; what comes must be its whole response."""
    reader, writer = await open_connection()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 200 "), (path, head, body)
    assert ANSWERS[path](json.loads(body)), (path, body)


@pytest.mark.parametrize("https", ["no", "yes"])
async def test_failed_and_cancelled_handshakes_leave_the_connections_of_clients_alone(
    start, sim, tmp_path, https
):
    """
    1,200 handshakes that a gateway resets, ignores or answers with something else, or that are cancelled
    at any stage, while clients come with new connections, and others reset theirs: each has its own answer.
    """
    reported = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    proxy = await start(sim, https=https, cache_expire=600, cache_ttl=600)
    tls = trusting_context() if https == "yes" else None
    open_connection = partial(asyncio.open_connection, "127.0.0.1", proxy.port, ssl=tls)
    settings = GatewaySettings(pool_maxsize=CALLERS, timeout=0.2, gw_tls="off")
    is_over = asyncio.Event()

    async def come_and_go() -> int:
        count = 0
        while not is_over.is_set():
            for path in ANSWERS:
                await send_request(open_connection, path)
                await break_off(proxy.port)
                count += 1
        return count

    with failing_gateway() as port:
        session = GatewayClient(
            f"127.0.0.1:{port}", settings, StateStore(str(tmp_path)), Clock(loop.time, time.time)
        )
        async with asyncio.TaskGroup() as group:
            clients = [group.create_task(come_and_go()) for _ in range(CLIENTS)]
            async with asyncio.TaskGroup() as callers:
                for _ in range(CALLERS):
                    callers.create_task(fail_often(session))
            is_over.set()
        await session.close()

    gc.collect()
    await send_request(open_connection, "/soe")
    assert all(client.result() > 0 for client in clients)
    assert [context for context in reported if not isinstance(context.get("exception"), OSError)] == []
