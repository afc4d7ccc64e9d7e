"""Any conversation goes the same with and without the fast path."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.transport.clients import ONE, PLAIN
from tests.server.transport.conftest import warm

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
    chunks = draw(
        st.lists(
            st.one_of(st.just(ONE), st.sampled_from(list(PLAIN.values())), requests()), min_size=1, max_size=4
        )
    )
    if draw(st.booleans()):
        return chunks
    whole = b"".join(chunks)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b]


async def test_any_conversation_goes_the_same(pair):
    """Built requests: odd targets, versions, headers, line ends, pieces."""
    await warm(pair)
    loop = asyncio.get_running_loop()

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(conversations(), st.integers(0, 9))
    def same(chunks, number):
        send_request = pair.request_both if number else pair.request_twice
        polling = asyncio.run_coroutine_threadsafe(send_request(*chunks), loop)
        prepared, rendered = polling.result()

        assert prepared == rendered

    with ThreadPoolExecutor() as hypothesis:  # not one of the loop: it waits for the loop
        await asyncio.wrap_future(hypothesis.submit(same))
