"""Requests that no client would send: built by hypothesis, sent raw."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.sim.server import SimulatedGateway
from tests.clock import ShiftedLoop
from tests.hostile.commands import SECRET
from tests.hostile.raw import send, spellings
from tests.hostile.test_inputs import GATEWAY_PASSWORD, may_be_requested
from tests.quiet import QUIET

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X"]
PARTS = [
    "api",
    "sitemaster",
    "stop",
    "run",
    "logout",
    "config",
    "completed",
    "..",
    ".",
    "",
    "%2e%2e",
    "control",
]
PARTS += [
    "reserve",
    "mode",
    "soe",
    "%2fapi",
    "\\api",
    "API",
    "operation",
    "tedapi",
    "v1",
    ";x",
    "%00",
    "aggregates",
]
NAMES = [
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "Expect",
    "Authorization",
    "Cookie",
]
NAMES += [
    "Content-Type",
    "Origin",
    "X-Forwarded-For",
    "X-HTTP-Method-Override",
    "Range",
    "If-None-Match",
    "Te",
]
VALUES = [
    "127.0.0.1",
    "0",
    "5",
    "-1",
    "chunked",
    "close",
    "keep-alive",
    "h2c",
    "websocket",
    "100-continue",
    "*",
]
VALUES += [
    "Bearer x",
    "AuthCookie=x",
    "application/json",
    "http://evil.example",
    "bytes=0-1",
    "a\x00b",
    "a\rb",
    "",
]


def octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


paths = st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
targets = st.one_of(paths, paths.map("http://127.0.0.1{}".format), st.text(max_size=20))
queries = st.one_of(st.just(""), st.text("abc=&%?token", max_size=12).map("?{}".format))
headers = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=5)
bodies = st.one_of(
    st.binary(max_size=60), st.sampled_from([b"0\r\n\r\n", b"value=50&token=x", b"{}", b"5\r\nhello\r\n"])
)


@st.composite
def requests(draw) -> bytes:
    line = f"{draw(st.sampled_from(METHODS))} {draw(targets)}{draw(queries)} HTTP/1.{draw(st.sampled_from('019'))}"
    lines = [line, *(f"{name}: {value}" for name, value in draw(headers))]
    return octets("\r\n".join([*lines, "", ""])) + draw(bodies)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batch=st.lists(requests(), min_size=20, max_size=20))
def test_whatever_is_sent_the_gateway_is_only_read(tmp_path_factory, batch):
    """Any bytes: no write, no request but for readings, no secret shown, the next client served."""
    with asyncio.Runner(loop_factory=ShiftedLoop) as runner:
        runner.run(_send_all(str(tmp_path_factory.mktemp("state")), batch))


async def _send_all(folder: str, batch: list[bytes]) -> None:
    async with SimulatedGateway(password=GATEWAY_PASSWORD) as sim:
        chosen = settings_of(
            **QUIET,
            host=sim.address,
            password=GATEWAY_PASSWORD,
            control_secret=SECRET,
            bind_address="127.0.0.1",
            port=0,
            state_path=folder,
        )
        async with listening(build_app(chosen), chosen) as (_, port):
            for data in batch:
                reply = await send(port, data)
                assert not [
                    s for secret in (GATEWAY_PASSWORD, SECRET) for s in spellings(secret) if s in reply.raw
                ]
                assert all(status in range(200, 506) and status != 500 for status in reply.statuses)
            assert sim.writes == []
            assert all(may_be_requested(record.method, record.path) for record in sim.requests)
            after = await send(port, b"GET /soe HTTP/1.1\r\nHost: a\r\n\r\n")
            assert after.statuses == [200]
