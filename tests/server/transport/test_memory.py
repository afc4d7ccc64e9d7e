"""What a connection takes of memory while it is idle."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from asyncio import sslproto
from collections.abc import Iterator

import pytest

from proxy.server.memory import shrink_tls_buffers
from tests.clock import settled

PAIRS = 8


@pytest.fixture
def small_buffers() -> Iterator[None]:
    before = sslproto.SSLProtocol.max_size
    shrink_tls_buffers()
    yield
    sslproto.SSLProtocol.max_size = before


@pytest.mark.parametrize("each_pair", ["yes"], ids=["TLS"], indirect=True)
async def test_an_idle_tls_connection_takes_few_kilobytes_without_uvloop(each_pair, small_buffers):
    """Both its ends are here; with asyncio's own buffers they take 512 kB."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()

    ends = [
        await asyncio.open_connection("127.0.0.1", each_pair.ports[0], ssl=each_pair.tls)
        for _ in range(PAIRS)
    ]
    await settled()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for _, writer in ends:
        writer.transport.abort()

    assert (after - before) / PAIRS < 150_000
