"""The bare servers: the same bytes with nothing behind them.

``python -m bench.servers raw|aiohttp PORT FILE...``: a file holds a whole answer; its name is the path.
``raw`` is an asyncio protocol that writes a block, ``aiohttp`` an application with a handler.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

try:
    import uvloop
except ImportError:
    uvloop = None


async def raw(port: int, answers: dict[str, bytes]) -> None:
    blocks = {f"GET {path} ".encode()[:9]: block for path, block in answers.items()}

    class Raw(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(blocks[data[:9]])
            if b"\r\nConnection: close\r\n" in data:
                self.transport.close()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Raw, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


async def bare_aiohttp(port: int, answers: dict[str, bytes]) -> None:
    from aiohttp import web  # noqa: PLC0415 - the raw server does without

    app = web.Application()
    for path, block in answers.items():
        head, _, body = block.partition(b"\r\n\r\n")
        pairs = (line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
        headers = {
            name: value for name, value in pairs if name not in {"Connection", "Date", "Content-Length"}
        }

        async def handler(
            _: web.Request, body: bytes = body, headers: dict[str, str] = headers
        ) -> web.Response:
            return web.Response(body=body, headers=headers)

        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    kind, number, *files = sys.argv[1:]
    named = {"/" + Path(name).name: Path(name).read_bytes() for name in files}
    serve = raw if kind == "raw" else bare_aiohttp
    with asyncio.Runner(loop_factory=uvloop and uvloop.new_event_loop) as runner:
        runner.run(serve(int(number), named))
