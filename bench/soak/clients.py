"""The clients: each kind connects, logs in, polls and comes back as programs of that kind do."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from bench.soak.judge import Judge

_TIMEOUT_S: Final = 60.0
_RECONNECT_S: Final = 5.0
_LOGIN: Final = json.dumps({"username": "customer", "email": "a@example.org", "password": "p"}).encode()
_SCRIPTS: Final = ("/soe", "/csv", "/json", "/pod", "/strings", "/temps/pw", "/alerts/pw", "/freq", "/vitals")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A connection to the proxy, opened when it is needed."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._port, self._tls = port, tls
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, path: str, *, method: str = "GET", headers: str = "", body: bytes = b""
    ) -> Answer:
        """Send a request and read the response. Raises OSError, EOFError or TimeoutError."""
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n".encode()
        is_kept = self._streams is not None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                reader, writer = await self._opened()
                writer.write(head + body)
                answer = await _answer(reader)
        except BaseException as exc:
            await self.close()
            if is_kept and isinstance(exc, EOFError | ConnectionError):  # it was idle for too long
                return await self.request(path, method=method, headers=headers, body=body)
            raise
        if answer.headers.get("connection") == "close":
            await self.close()
        return answer

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """Request a stream and give its lines until it ends."""
        reader, writer = await self._opened()
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            while line := await reader.readline():
                yield line
        finally:
            await self.close()

    async def close(self) -> None:
        """Close, as a program that ends does."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        return self._streams


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    return Answer(int(first[9:12]), headers, await reader.readexactly(int(headers["content-length"])))


Turn = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients connect, and who looks at what they get."""

    port: int
    tls_port: int
    tls: ssl.SSLContext
    judge: Judge


async def _poll(judge: Judge, period_s: float, number: int, turn: Turn) -> None:
    """Take a turn in every period, each client at another moment of it; a lost connection is opened again."""
    await asyncio.sleep(period_s * (number % 16) / 16)
    while True:
        try:
            await turn()
        except (OSError, EOFError, TimeoutError) as exc:
            judge.lost(exc)
        await asyncio.sleep(period_s)


async def home_automation(door: Door, number: int) -> None:
    """Log in over TLS as to a gateway, then read three documents every two minutes over the same connection."""
    connection, cookie = Connection(door.tls_port, door.tls), ""

    async def turn() -> None:
        nonlocal cookie
        if not cookie:
            login = await connection.request("/api/login/Basic", method="POST", body=_LOGIN)
            cookie = f"Cookie: AuthCookie={json.loads(login.body)['token']}\r\n"
        for path in ("/api/meters/aggregates", "/api/system_status/soe", "/api/system_status/grid_status"):
            answer = await connection.request(path, headers=cookie)
            if answer.status in {401, 403}:
                cookie = ""
                return
            door.judge.see(path, answer.status, answer.headers, answer.body)

    await _poll(door.judge, 120, number, turn)


async def wallbox(door: Door, number: int) -> None:
    """Open a connection with TLS for each reading of the powers."""

    async def turn() -> None:
        for path in ("/aggregates", "/soe"):
            answer = await Connection(door.tls_port, door.tls).request(path, headers="Connection: close\r\n")
            door.judge.see(path, answer.status, answer.headers, answer.body)

    await _poll(door.judge, 120, number, turn)


async def dashboard(door: Door, number: int) -> None:
    """Read powers and charge every two minutes over one connection."""
    connection = Connection(door.port)

    async def turn() -> None:
        for path in ("/aggregates", "/soe"):
            answer = await connection.request(path)
            door.judge.see(path, answer.status, answer.headers, answer.body)

    await _poll(door.judge, 120, number, turn)


async def script(door: Door, number: int) -> None:
    """Open a connection for each request, of another route each time; leave now and then in the middle of one."""
    paths = itertools.cycle(_SCRIPTS[number % len(_SCRIPTS) :] + _SCRIPTS[: number % len(_SCRIPTS)])
    turns = itertools.count(number)

    async def turn() -> None:
        if next(turns) % 20 == 0:
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(b"GET /soe HTTP/1.1\r\nHost: local")
            await asyncio.sleep(1)
            writer.transport.abort()
            return
        path = next(paths)
        answer = await Connection(door.port).request(path, headers="Connection: close\r\n")
        door.judge.see(path, answer.status, answer.headers, answer.body)

    await _poll(door.judge, 120, number, turn)


async def scraper(door: Door, number: int) -> None:
    """Scrape the metrics."""
    connection = Connection(door.port)

    async def turn() -> None:
        answer = await connection.request("/metrics")
        door.judge.see_metrics(answer.status, answer.body)

    await _poll(door.judge, 120 + 480 * (number % 2), number, turn)


async def page(door: Door, number: int) -> None:
    """Load the page once an hour and read its stream of events until then."""
    await asyncio.sleep(number)
    while True:
        connection = Connection(door.port)
        try:
            await Connection(door.port).request("/", headers="Connection: close\r\n")
            async with asyncio.timeout(3600):
                async for line in connection.lines("/events"):
                    if line.startswith(b"data: {"):
                        door.judge.see_state(json.loads(line[6:]))
        except (OSError, EOFError, TimeoutError):
            pass
        await connection.close()
        await asyncio.sleep(_RECONNECT_S)


async def websocket(door: Door, number: int) -> None:
    """Read the objects of pypowerwall-server as they change, and connect again every two hours."""
    await asyncio.sleep(number)
    url = f"http://127.0.0.1:{door.port}/ws/aggregate"
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with asyncio.timeout(7200), session.ws_connect(url) as socket:
                    async for message in socket:
                        door.judge.see_object(json.loads(message.data))
            except (OSError, aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(_RECONNECT_S)


KINDS: Final[Sequence[tuple[Callable[[Door, int], Coroutine[Any, Any, None]], int]]] = (
    (home_automation, 8),
    (wallbox, 4),
    (dashboard, 16),
    (script, 14),
    (scraper, 2),
    (page, 4),
    (websocket, 2),
)


def started(door: Door) -> list[asyncio.Task[None]]:
    """Start all clients."""
    return [
        asyncio.create_task(kind(door, number), name=f"client: {kind.__name__} {number}")
        for kind, many in KINDS
        for number in range(many)
    ]
