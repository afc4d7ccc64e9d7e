"""The fast path over TLS and on every event loop: its answers are the same there, and it does answer."""

import asyncio
import ssl
from contextlib import suppress

import pytest

from tests.server.transport.clients import NOT_PLAIN, PLAIN, head

ONE = head("GET /soe HTTP/1.1", "Host: localhost")

pytestmark = pytest.mark.each_loop


async def test_a_plain_request_is_answered_the_same_without_aiohttp(each_pair):
    for client, request in PLAIN.items():
        await each_pair.request_meanwhile(request)

        fast, slow = await each_pair.request_meanwhile(request)

        assert fast == slow, client
        assert fast.startswith((b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK")), client
        assert each_pair.answers.by_head[request].hits == 1, client


async def test_a_plain_request_after_another_one(each_pair):
    """Whatever went over the connection before, in one piece or in two."""
    await each_pair.request_meanwhile(ONE)

    for client, other in NOT_PLAIN.items():
        middle = len(other) // 2
        whole = await each_pair.request_meanwhile(ONE, other, ONE, PLAIN["Chrome"])
        halves = await each_pair.request_meanwhile(other[:middle], other[middle:], ONE)

        assert len(set(whole)) == len(set(halves)) == 1, client
        assert whole[0].startswith(b"HTTP/1.1 200 OK"), client


async def test_a_request_in_pieces(each_pair):
    await each_pair.request_meanwhile(ONE)

    for cut in range(1, len(ONE), 7):
        fast, slow = await each_pair.request_meanwhile(ONE, ONE[:cut], ONE[cut:], ONE)

        assert fast == slow
        assert fast.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("each_pair", ["yes"], ids=["TLS"], indirect=True)
async def test_a_request_that_comes_with_the_end_of_the_handshake_needs_no_aiohttp(each_pair):
    """As programs send it that open a connection for each request: what is unsent of the handshake is no response."""
    await each_pair.request_meanwhile(ONE)
    before = each_pair.server.requests_count

    answer = await at_once(
        each_pair.ports[0], each_pair.tls, head("GET /soe HTTP/1.1", "Host: a", "Connection: close")
    )

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'"raw_percentage": 50}')
    assert each_pair.server.requests_count == before


async def at_once(port: int, context: ssl.SSLContext, request: bytes) -> bytes:
    """Send the client's last flight of the handshake and a request in one piece; return what comes back."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, sent)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    is_done = False
    while not is_done:
        try:
            tls.do_handshake()
            is_done = True
        except ssl.SSLWantReadError:
            writer.write(sent.read())
            received.write(await reader.read(65536))
    tls.write(request)
    writer.write(sent.read())
    answer, is_over = bytearray(), False
    while not is_over:  # until the server says so: it waits for our end before it closes
        try:
            chunk = tls.read()
        except ssl.SSLWantReadError:
            arrived = await reader.read(65536)
            received.write(arrived) if arrived else received.write_eof()
        else:
            answer += chunk
            is_over = not chunk
    with suppress(ssl.SSLError):
        tls.unwrap()
    writer.write(sent.read())
    writer.close()
    return bytes(answer)
