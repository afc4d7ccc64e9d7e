"""The socket of the simulated gateway."""

import asyncio
import gc
import socket
import warnings

import pytest

from proxy.sim.listener import Listener


@pytest.mark.parametrize("turns", range(5))
async def test_a_listener_that_closes_while_a_connection_begins_ends_that_too(turns):
    """In whatever turn of the loop: a test that ends while a client connects leaves no socket behind."""
    listener = Listener("127.0.0.1", 0, asyncio.Protocol)
    listener.open()
    for _ in range(3):
        await asyncio.sleep(0)
    with socket.create_connection((listener.host, listener.port)) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            await asyncio.gather(*listener.close(), return_exceptions=True)
            gc.collect()
        client.settimeout(5)
        if turns == 0:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
