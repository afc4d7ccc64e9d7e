"""With and without the fast path the answers are the same, byte by byte but for Date."""

import re

import pytest

from proxy.server.routes import ROUTES
from tests.hostile.inputs import rows
from tests.server.transport.clients import NOT_PLAIN, ONE, PLAIN, head
from tests.server.transport.conftest import talk, warm, without_date

HOSTILE = rows()
# Longer than any reading may be served.
EXPIRED_S = 3600.0


@pytest.mark.parametrize("age", [0, 2.5, 4.99])
async def test_a_plain_request_is_answered_the_same_without_aiohttp(pair, age):
    for client, request in PLAIN.items():
        pair.standing.now += EXPIRED_S
        await pair.request_both(request)
        pair.standing.now += age

        fast, slow = await pair.request_both(request)

        assert fast == slow, client
        assert await pair.handled_by_aiohttp(request) == 0, client


@pytest.mark.parametrize("passes", [0.3, 0.7, 1.0])
async def test_bytes_that_were_sent_before_are_as_true_as_new_ones(pair, passes):
    """Age and ttl are those of now, not of when the bytes were written."""
    for _ in range(2):
        await pair.request_both(ONE)
    pair.standing.now += passes

    fast, slow = await pair.request_both(ONE)

    assert fast == slow


async def test_prepared_bytes_are_sent_through_aiohttp_as_it_would_write_them(pair):
    await warm(pair)

    for client, request in (PLAIN | NOT_PLAIN).items():
        prepared, rendered = await pair.request_twice(request)

        assert prepared == rendered, client


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_a_client_that_closes_its_side_gets_prepared_bytes_to_the_end(pair, version, connection):
    await warm(pair)
    request = head(f"GET /soe?1 HTTP/{version}", "Host: localhost", f"Connection: {connection}")
    answers = []

    for prepared in (pair.answers, None):
        pair.context.prepared = prepared
        answers.append(without_date(await talk(pair.ports[1], [request], last=b"")))

    assert answers[0] == answers[1]
    assert b'"percentage": 50' in answers[0]


async def test_what_is_not_plain_is_answered_by_aiohttp(pair):
    await warm(pair)

    for client, request in NOT_PLAIN.items():
        handled = await pair.handled_by_aiohttp(request)
        fast, slow = await pair.request_both(request)

        assert handled, client
        assert fast == slow, client


async def test_every_reading_is_the_same(pair):
    """Readings that this gateway does not have, too."""
    await warm(pair)

    for route in ROUTES:
        plain = head(
            f"GET {route.for_gateway('default')} HTTP/1.1", "Host: localhost", "Accept-Encoding: gzip"
        )
        fast, slow = (b"", b"") if route.endpoint else await pair.request_both(plain)

        assert fast == slow


async def test_hostile_requests_are_answered_the_same(pair):
    """But for those whose answer depends on how many came before: logins and commands."""
    await warm(pair)

    for _, octets, _ in HOSTILE:
        if not any(word in octets for word in (b"control", b"login", b"openc2", b"stats")):
            fast, slow = await pair.request_both(octets)

            assert fast == slow


@pytest.mark.parametrize("suffix", ["", "-gz"])
async def test_a_client_that_has_it_reads_so(pair, suffix):
    plain = head("GET /aggregates HTTP/1.1", "Host: localhost", "Accept-Encoding: gzip")
    first, _ = await pair.request_both(plain)
    tag = re.search(rb'ETag: "(\w+)-gz"', first)[1].decode() + suffix

    fast, slow = await pair.request_both(plain[:-2] + f'If-None-Match: W/"{tag}"\r\n\r\n'.encode())

    assert fast == slow
    assert fast.startswith(b"HTTP/1.1 304 ")


async def test_a_plain_request_after_another_one(pair):
    """Whatever went over the connection before, in one piece or in two."""
    await pair.request_both(ONE)

    for client, before in NOT_PLAIN.items():
        middle = len(before) // 2

        assert len(set(await pair.request_both(ONE, before, ONE, PLAIN["Chrome"]))) == 1, client
        assert len(set(await pair.request_both(before[:middle], before[middle:], ONE))) == 1, client


async def test_a_request_in_pieces(pair):
    await pair.request_both(ONE)

    for cut in range(1, len(ONE)):
        fast, slow = await pair.request_both(ONE, ONE[:cut], ONE[cut:], ONE)

        assert fast == slow
        assert fast.count(b"HTTP/1.1 200 OK") == 3
