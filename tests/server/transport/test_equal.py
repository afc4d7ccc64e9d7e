"""With and without the fast path the answers are the same, byte by byte but for Date."""

import re

import pytest

from proxy.server.routes import ROUTES
from tests.hostile.inputs import rows
from tests.server.transport.clients import NOT_PLAIN, ONE, PLAIN, head
from tests.server.transport.conftest import talk, warm, without_date

HOSTILE = rows()


@pytest.mark.parametrize("client", PLAIN)
@pytest.mark.parametrize("age", [0, 2.5, 4.99])
async def test_a_plain_request_is_answered_the_same_without_aiohttp(pair, client, age):
    await pair.request_both(PLAIN[client])
    pair.standing.now += age

    fast, slow = await pair.request_both(PLAIN[client])

    assert fast == slow
    assert await pair.handled_by_aiohttp(PLAIN[client]) == 0


@pytest.mark.parametrize("passes", [0.3, 0.7, 1.0])
async def test_bytes_that_were_sent_before_are_as_true_as_new_ones(pair, passes):
    """Age and ttl are those of now, not of when the bytes were written."""
    for _ in range(2):
        await pair.request_both(ONE)
    pair.standing.now += passes

    fast, slow = await pair.request_both(ONE)

    assert fast == slow


@pytest.mark.parametrize("client", PLAIN | NOT_PLAIN)
async def test_prepared_bytes_are_sent_through_aiohttp_as_it_would_write_them(pair, client):
    await warm(pair)

    prepared, rendered = await pair.request_twice((PLAIN | NOT_PLAIN)[client])

    assert prepared == rendered


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


@pytest.mark.parametrize("client", NOT_PLAIN)
async def test_what_is_not_plain_is_answered_by_aiohttp(pair, client):
    await warm(pair)

    handled = await pair.handled_by_aiohttp(NOT_PLAIN[client])
    fast, slow = await pair.request_both(NOT_PLAIN[client])

    assert handled
    assert fast == slow


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


@pytest.mark.parametrize("before", NOT_PLAIN)
async def test_a_plain_request_after_another_one(pair, before):
    """Whatever went over the connection before, in one piece or in two."""
    await pair.request_both(ONE)
    middle = len(NOT_PLAIN[before]) // 2

    assert len(set(await pair.request_both(ONE, NOT_PLAIN[before], ONE, PLAIN["Chrome"]))) == 1
    assert len(set(await pair.request_both(NOT_PLAIN[before][:middle], NOT_PLAIN[before][middle:], ONE))) == 1


async def test_a_request_in_pieces(pair):
    await pair.request_both(ONE)

    for cut in range(1, len(ONE)):
        fast, slow = await pair.request_both(ONE, ONE[:cut], ONE[cut:], ONE)

        assert fast == slow
        assert fast.count(b"HTTP/1.1 200 OK") == 3
