"""With and without the fast path the answers are the same, byte by byte but for Date."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.server.routes import ROUTES
from tests.hostile.inputs import rows
from tests.server.transport.clients import NOT_PLAIN, PLAIN, head
from tests.server.transport.conftest import talk, without_date

HOSTILE = rows()
ONE = head("GET /soe HTTP/1.1", "Host: localhost")


async def warm(pair):
    """Have every reading made, so that nothing has to be asked any more."""
    heads = [
        head(f"GET {route.for_gateway('default')} HTTP/1.1", "Host: a")
        for route in ROUTES
        if not route.endpoint
    ]
    await pair.handled_by_aiohttp(*heads)


@pytest.mark.parametrize("client", PLAIN)
@pytest.mark.parametrize("age", [0, 2.5, 4.99])
async def test_a_plain_request_is_answered_the_same_without_aiohttp(pair, client, age):
    await pair.ask_both(PLAIN[client])
    pair.standing.now += age

    fast, slow = await pair.ask_both(PLAIN[client])

    assert fast == slow
    assert await pair.handled_by_aiohttp(PLAIN[client]) == 0


@pytest.mark.parametrize("passes", [0.3, 0.7, 1.0])
async def test_bytes_that_were_sent_before_are_as_true_as_new_ones(pair, passes):
    """Age and ttl are those of now, not of when the bytes were written."""
    for _ in range(2):
        await pair.ask_both(ONE)
    pair.standing.now += passes

    fast, slow = await pair.ask_both(ONE)

    assert fast == slow


@pytest.mark.parametrize("client", PLAIN | NOT_PLAIN)
async def test_prepared_bytes_are_sent_through_aiohttp_as_it_would_write_them(pair, client):
    await warm(pair)

    prepared, rendered = await pair.ask_twice((PLAIN | NOT_PLAIN)[client])

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
    fast, slow = await pair.ask_both(NOT_PLAIN[client])

    assert handled
    assert fast == slow


async def test_every_reading_is_the_same(pair):
    """Readings that this gateway does not have, too."""
    await warm(pair)

    for route in ROUTES:
        plain = head(
            f"GET {route.for_gateway('default')} HTTP/1.1", "Host: localhost", "Accept-Encoding: gzip"
        )
        fast, slow = (b"", b"") if route.endpoint else await pair.ask_both(plain)

        assert fast == slow


async def test_hostile_requests_are_answered_the_same(pair):
    """But for those whose answer depends on how many came before: logins and commands."""
    await warm(pair)

    for _, octets, _ in HOSTILE:
        if not any(word in octets for word in (b"control", b"login", b"openc2", b"stats")):
            fast, slow = await pair.ask_both(octets)

            assert fast == slow


@pytest.mark.parametrize("suffix", ["", "-gz"])
async def test_a_client_that_has_it_is_told_so(pair, suffix):
    plain = head("GET /aggregates HTTP/1.1", "Host: localhost", "Accept-Encoding: gzip")
    first, _ = await pair.ask_both(plain)
    tag = re.search(rb'ETag: "(\w+)-gz"', first)[1].decode() + suffix

    fast, slow = await pair.ask_both(plain[:-2] + f'If-None-Match: W/"{tag}"\r\n\r\n'.encode())

    assert fast == slow
    assert fast.startswith(b"HTTP/1.1 304 ")


@pytest.mark.parametrize("before", NOT_PLAIN)
async def test_a_plain_request_after_another_one(pair, before):
    """Whatever went over the connection before, in one piece or in two."""
    await pair.ask_both(ONE)
    middle = len(NOT_PLAIN[before]) // 2

    assert len(set(await pair.ask_both(ONE, NOT_PLAIN[before], ONE, PLAIN["Chrome"]))) == 1
    assert len(set(await pair.ask_both(NOT_PLAIN[before][:middle], NOT_PLAIN[before][middle:], ONE))) == 1


async def test_a_request_in_pieces(pair):
    await pair.ask_both(ONE)

    for cut in range(1, len(ONE)):
        fast, slow = await pair.ask_both(ONE, ONE[:cut], ONE[cut:], ONE)

        assert fast == slow
        assert fast.count(b"HTTP/1.1 200 OK") == 3


TARGETS = st.sampled_from(
    [
        *("/soe", "/aggregates", "/csv", "/vitals", "/api/status", "/pw/level", "/fans", "/json"),
        *(
            "/",
            "/soe/",
            "//soe",
            "/soe?",
            "/soe?a=b",
            "/soe#a",
            "/./soe",
            "/%73oe",
            "/SOE",
            "*",
            "soe",
            "/so\u00e9",
        ),
        *(
            "/version",
            "/help",
            "http://localhost/soe",
            "http://a:b/soe",
            "HTTP://x",
            "/soe;a",
            "/\\soe",
            "/api/login/Basic",
        ),
    ]
)
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "HEAD", "get", "POST", "OPTIONS", "GETS", ""])
VERSIONS = st.sampled_from(
    ["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/0.9", "HTTP/2", "http/1.1", ""]
)
HOSTS = st.sampled_from(
    [
        "localhost",
        "pw.lan:8675",
        "10.0.0.1",
        "[::1]",
        "[::1]:80",
        "a:0",
        "a:99999",
        "a:b",
        "",
        "a b",
        "a,b",
        "a_b",
        "-a",
    ]
)
NAMES = st.sampled_from(
    [
        *(
            "Accept",
            "Accept-Encoding",
            "Connection",
            "If-None-Match",
            "User-Agent",
            "Range",
            "If-Modified-Since",
        ),
        *(
            "Content-Length",
            "Transfer-Encoding",
            "Upgrade",
            "Expect",
            "Cookie",
            "Authorization",
            "Keep-Alive",
        ),
        *(
            "X-Forwarded-Host",
            "X-Forwarded-Prefix",
            "TE",
            "Trailer",
            "Host",
            "x",
            "X_y",
            "X y",
            "",
            "X\u00e9",
            "Via",
        ),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                "*",
                "*/*",
                "gzip",
                "GZIP;q=0",
                "gzip;q=0.5, br",
                "identity",
                "close",
                "keep-alive",
                "Close",
                "upgrade",
            ),
            *(
                "keep-alive, close",
                "0",
                "1",
                "-1",
                "chunked",
                "100-continue",
                "bytes=0-1",
                '"a"',
                'W/"a", *',
                " a ",
                "a\tb",
            ),
        ]
    ),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=12),
)
ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n "])


@st.composite
def requests(draw):
    """A request that is sometimes plain, and sometimes as odd as anything."""
    lines = [" ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)])]
    if draw(st.integers(0, 9)):
        lines.append(f"Host: {draw(HOSTS)}")
    for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=4)):
        lines.insert(
            draw(st.integers(1, len(lines))), f"{name}:{draw(st.sampled_from([' ', '', '  ']))}{value}"
        )
    whole = "".join(line + draw(ENDS) for line in lines) + draw(ENDS)
    return whole.encode("utf-8" if draw(st.booleans()) else "latin-1", "replace") + draw(
        st.sampled_from([b"", b"", b"ab"])
    )


@st.composite
def conversations(draw):
    """Some requests, plain ones among them, cut into chunks anywhere."""
    asked = draw(
        st.lists(
            st.one_of(st.just(ONE), st.sampled_from(list(PLAIN.values())), requests()), min_size=1, max_size=4
        )
    )
    if draw(st.booleans()):
        return asked
    whole = b"".join(asked)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b]


async def test_any_conversation_goes_the_same(pair):
    """Built requests: odd targets, versions, headers, line ends, pieces."""
    await warm(pair)
    loop = asyncio.get_running_loop()

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(conversations(), st.integers(0, 9))
    def same(chunks, number):
        ask = pair.ask_both if number else pair.ask_twice
        asking = asyncio.run_coroutine_threadsafe(ask(*chunks), loop)
        prepared, rendered = asking.result()

        assert prepared == rendered

    with ThreadPoolExecutor() as hypothesis:  # not one of the loop: it waits for the loop
        await asyncio.wrap_future(hypothesis.submit(same))
