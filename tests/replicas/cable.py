"""What connects a replica with Redis in tests."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable

_COMMANDS = re.compile(rb"(?:^|\r\n)\*\d+\r\n")
# What became of a claim, what the lease says, and the time (ms).
_CLAIMED = re.compile(rb"(\r\n(?:renewed|acquired|taken|free)\r\n\$\d+\r\n[^\r]*\r\n\$13\r\n)(\d{13})")


class Cable:
    """What connects a replica with Redis; ``cut`` it, ``join`` it, ``lose`` all that is connected.

    It may delay everything, each way, hold back what Redis sends (while not ``passes``), and it may answer commands
    in the place of Redis. With ``tls`` a replica connects to it over TLS. With ``now_ms`` that is the time of Redis,
    as far as replicas know: computing takes none.
    """

    def __init__(
        self, port: int, tls: ssl.SSLContext | None = None, now_ms: Callable[[], int] | None = None
    ) -> None:
        self.delay_s = 0.0
        self.answers = b""
        self.passes = asyncio.Event()
        self.passes.set()
        self._tls = tls
        self._now_ms = now_ms
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._lost: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def join(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            writer.transport.abort()

    def lose(self) -> None:
        """Let nothing pass any more over what is connected, and close nothing."""
        self._lost |= self._writers

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far, out = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, out}
        await asyncio.gather(self._carry(reader, out, writer), self._carry(far, writer))
        self._writers -= {writer, out}

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        back: asyncio.StreamWriter | None = None,
    ) -> None:
        with contextlib.suppress(OSError):
            while content := await source.read(65536):
                if sink in self._lost:
                    continue
                if self.answers and back is not None:
                    back.write(self.answers * len(_COMMANDS.findall(content)))
                    continue
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if back is None:
                    content = self._at_our_time(content)
                    await self.passes.wait()
                sink.write(content)
                await sink.drain()
        sink.transport.abort()

    def _at_our_time(self, content: bytes) -> bytes:
        if self._now_ms is None:
            return content
        now_ms = b"%d" % self._now_ms()
        return _CLAIMED.sub(lambda found: found[1] + now_ms, content)
