"""The bare servers: the same bytes with nothing behind them.

``python -m bench.servers raw|aiohttp PORT TLS_PORT PEM FILE...``: a file holds a whole answer; its name is the path.
``raw`` is an asyncio protocol that writes a block, on the second port over TLS; ``aiohttp`` an application with
a handler, on the first port only.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with contextlib.suppress(ImportError):
    from uvloop import new_event_loop


async def raw(port: int, tls_port: int, pem: str, answers: dict[str, bytes]) -> None:
    blocks = {f"GET {path} ".encode()[:9]: block for path, block in answers.items()}
    closing = {
        key: block.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1) for key, block in blocks.items()
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pem)

    class Raw(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its classes

        def data_received(self, data: bytes) -> None:
            if b"\r\nConnection: close\r\n" in data:
                self.transport.write(closing[data[:9]])
                self.transport.close()
            else:
                self.transport.write(blocks[data[:9]])

    loop = asyncio.get_running_loop()
    await loop.create_server(Raw, "127.0.0.1", port, backlog=1024)
    await loop.create_server(Raw, "127.0.0.1", tls_port, backlog=1024, ssl=context)
    await asyncio.Event().wait()


async def bare_aiohttp(port: int, _: int, __: str, answers: dict[str, bytes]) -> None:
    from aiohttp import web  # noqa: PLC0415 - the raw server does without

    app = web.Application()
    for path, block in answers.items():
        head, body = block.split(b"\r\n\r\n", 1)
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
    kind, number, tls_number, pem, *files = sys.argv[1:]
    named = {"/" + Path(name).name: Path(name).read_bytes() for name in files}
    serve = raw if kind == "raw" else bare_aiohttp
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(int(number), int(tls_number), pem, named))
