"""The gateway's own web app through the proxy: streamed, cached within bounds, without its session."""

from __future__ import annotations

import asyncio
import socket

import pytest
from yarl import URL

from proxy.sim.faults import Fault
from proxy.sim.web import FILES, LARGE
from tests.clock import until

SCRIPT = "/app.3f9c2b71.js"


@pytest.fixture
async def proxy(start, sim):
    return await start(sim, ui="gateway")


async def test_a_file_comes_as_the_gateway_has_it(proxy):
    """Body, type and validators are the gateway's."""
    answer = await proxy.get(SCRIPT)

    assert answer.status == 200
    assert answer.body == FILES[SCRIPT].body
    assert answer.headers["Content-Type"] == FILES[SCRIPT].media_type
    assert answer.headers["ETag"] == FILES[SCRIPT].etag
    assert answer.headers["Cache-Control"] == "max-age=31536000, immutable"


async def test_the_gateways_session_stays_inside(proxy, sim):
    """Cookies of the gateway are dropped; the app sees dummies, the gateway sees nothing of the client."""
    await proxy.get("/soe")
    answer = await proxy.get("/", headers={"Cookie": "AuthCookie=stolen", "Authorization": "Bearer stolen"})

    cookies = answer.headers.getall("Set-Cookie")
    assert [cookie.split(";")[0] for cookie in cookies] == ["AuthCookie=1234567890", "UserRecord=1234567890"]
    assert "Set-Cookie" not in (await proxy.get(SCRIPT)).headers
    assert all(record.session is None for record in sim.requests if record.path in FILES)


@pytest.mark.parametrize(("https", "words"), [("no", "SameSite=Lax"), ("http", "SameSite=None; Secure")])
async def test_dummy_cookies_suit_the_scheme(start, sim, https, words):
    """Only over TLS may a cookie say that frames of other sites see it."""
    proxy = await start(sim, ui="gateway", https=https)

    assert (await proxy.get("/")).headers.getall("Set-Cookie")[0].endswith(f"; Path=/; {words}")


async def test_headers_about_the_gateways_own_origin_stay_behind(proxy, sim):
    """No other server may bind this address to TLS, forbid frames, or name the connection."""
    sim.faults.add(
        Fault(
            path=SCRIPT,
            status=200,
            body="1",
            headers={
                "Strict-Transport-Security": "max-age=9",
                "X-Frame-Options": "DENY",
                "Keep-Alive": "timeout=1",
                "X-Custom": "kept",
            },
        )
    )
    headers = (await proxy.get(SCRIPT)).headers

    assert headers["X-Custom"] == "kept"
    assert not {"Strict-Transport-Security", "X-Frame-Options", "Keep-Alive"} & set(headers)


async def test_a_kept_file_costs_the_gateway_nothing(proxy, sim, clock):
    """While it is fresh every request is answered from memory, with its age, also a conditional one."""
    await proxy.get("/app.css")
    clock.advance(60)

    again = await proxy.get("/app.css")
    conditional = await proxy.get("/app.css", headers={"If-None-Match": FILES["/app.css"].etag})

    assert (again.body, again.headers["Age"]) == (FILES["/app.css"].body, "60")
    assert conditional.status == 304
    assert sim.requests_for("/app.css") == 1


async def test_a_stale_file_is_requested_by_its_tag(proxy, sim, clock):
    """After its lifetime it is revalidated at the gateway; it holds, and nothing is sent again."""
    await proxy.get("/app.css")
    clock.advance(3601)

    assert (await proxy.get("/app.css")).body == FILES["/app.css"].body
    assert [record.status for record in sim.requests if record.path == "/app.css"] == [200, 304]


async def test_a_stale_file_is_better_than_none(proxy, sim, clock):
    """When the gateway is away, files that were kept are still served."""
    await proxy.get("/app.css")
    clock.advance(3601)
    sim.answers(status=502)

    assert (await proxy.get("/app.css")).status == 200


async def test_a_large_file_passes_without_staying(proxy, sim):
    """It arrives whole, is not kept, and comes in parts while the gateway still sends."""
    handle = sim.faults.add(Fault(path="/large.bin", action="trickle"))
    async with proxy.client.get(proxy.url + "/large.bin") as answer:
        first = await answer.content.readany()
        assert 0 < len(first) < LARGE
    handle.remove()

    assert (await proxy.get("/large.bin")).body == FILES["/large.bin"].body
    metrics = (await proxy.get("/metrics")).text
    assert "powerwall_proxy_asset_cache_bytes 0" in metrics


async def test_a_file_that_breaks_off_is_not_kept(proxy, sim):
    """The client sees a broken answer, not a short file; the next request gets the whole one."""
    handle = sim.faults.add(Fault(path=SCRIPT, action="cut"))
    with pytest.raises(Exception, match=r"payload|disconnected|Response|reset"):
        await proxy.get(SCRIPT)
    handle.remove()

    assert (await proxy.get(SCRIPT)).body == FILES[SCRIPT].body


async def test_fifty_requests_are_one(proxy, sim):
    """A client that comes while a file is being fetched gets the same reading of it."""
    answers = await asyncio.gather(*(proxy.get(SCRIPT) for _ in range(50)))

    assert {answer.body for answer in answers} == {FILES[SCRIPT].body}
    assert sim.requests_for(SCRIPT) == 1


async def test_what_is_missing_is_remembered(proxy, sim, clock):
    """A name that the gateway does not know is requested once a minute."""
    for _ in range(5):
        assert (await proxy.get("/nothing.js")).status == 404
    assert sim.requests_for("/nothing.js") == 1

    clock.advance(61)
    await proxy.get("/nothing.js")
    assert sim.requests_for("/nothing.js") == 2


async def test_guessing_names_is_slowed_down(proxy, sim, clock):
    """Forty unknown names reach the gateway, then one a second: its 429 would stop all clients."""
    answers = [await proxy.get(f"/guess{number}") for number in range(60)]

    def guessed() -> int:
        return len([record for record in sim.requests if record.path.startswith("/guess")])

    assert {answer.status for answer in answers} == {404, 503}
    assert guessed() <= 41
    clock.advance(5)
    before = guessed()
    for number in range(60, 80):
        await proxy.get(f"/guess{number}")
    assert guessed() - before <= 6


async def test_a_file_that_is_never_fresh_is_not_requested_without_end(proxy, sim):
    """Beyond as many requests what is kept has to do, also for a client that reloads all the time."""
    answers = [await proxy.get("/app.js") for _ in range(100)]

    assert {(answer.status, answer.body) for answer in answers} == {(200, FILES["/app.js"].body)}
    assert sim.requests_for("/app.js") <= 41


@pytest.mark.parametrize(
    "path",
    [
        *("/api/status", "/API/status", "/Api/meters/aggregates", "/a/../api/status", "/./api/status"),
        *("//api/status", "/%61pi/status", "/x%2f..%2fapi/status", "/.git/config", "/a\\b", "/" + "a" * 300),
    ],
)
async def test_nothing_but_plain_names_reaches_the_gateway(proxy, sim, path):
    """Neither its API by another spelling nor an odd path is handed through."""
    known = {"/api/status"}
    async with proxy.client.get(URL(proxy.url + path, encoded=True)) as answer:
        assert answer.status in ({200} if path in known else {400, 404})

    assert not [record for record in sim.requests if record.path not in known | {"/api/login/Basic"}]


async def test_only_reading_is_handed_through(proxy, sim):
    """Other methods end here."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await proxy.request(method, "/app.js")).status in {403, 405}
    assert sim.requests_for("/app.js") == 0


async def test_a_gateway_that_limits_pages_is_left_alone_altogether(proxy, sim):
    """A 429 on a file puts the gateway into cooldown as one on a reading does."""
    sim.answers(path="/app.js", status=429, headers={"Retry-After": "120"})
    assert (await proxy.get("/app.js")).status == 503

    answer = await proxy.get("/soe")

    assert answer.status == 503
    assert sim.requests_for("/api/system_status/soe") == 0


async def test_names_that_clients_make_up_are_not_counted_one_by_one(start, sim):
    """Without cooldowns (PW_HEALTH_CHECK=no) each of them may fail: memory and metrics stay bounded."""
    proxy = await start(sim, ui="gateway", health_check=False)
    sim.faults.add(Fault(action="refuse"))

    for number in range(5):
        await proxy.get(f"/made-up-{number}.js")
    metrics = (await proxy.get("/metrics")).text

    assert 'exchange="file",gateway="default",outcome="unreachable"} 5.0' in metrics
    assert "made-up" not in metrics


async def test_the_setting_says_how_long_browsers_keep_the_apps_files(start, sim):
    """PW_BROWSER_CACHE goes for the gateway's files too, never for its page."""
    proxy = await start(sim, ui="gateway", browser_cache=77)

    assert (await proxy.get("/app.css")).headers["Cache-Control"] == "max-age=77"
    assert (await proxy.get("/")).headers["Cache-Control"] == "no-cache, no-store"


async def test_our_own_pages_can_be_all_there_is(start, sim):
    """PW_UI=own never requests a file from the gateway."""
    proxy = await start(sim, ui="own")

    assert (await proxy.get("/app.js")).status == 404
    assert sim.requests_for("/app.js") == 0


async def test_a_client_that_hangs_up_frees_the_way(proxy):
    """A download that is not read ends; the next file is not kept waiting."""
    async with proxy.client.get(proxy.url + "/large.bin") as answer:
        await answer.content.readany()
        answer.close()

    assert (await asyncio.wait_for(proxy.get(SCRIPT), 5)).status == 200
    await until(lambda: proxy.context.traffic.in_flight == 0)


async def test_a_slow_client_does_not_hold_the_gateways_connection(start, sim):
    """The gateway sends a file as fast as it can; what the client has not taken waits in the proxy."""
    proxy = await start(sim, ui="gateway", pool_maxsize=1)
    slow, writer = await send_without_reading(proxy, "/large.bin")

    reading = await asyncio.wait_for(proxy.get("/soe"), 5)
    page = await asyncio.wait_for(proxy.get(SCRIPT), 5)
    rest = await slow.read()
    writer.close()

    assert (reading.status, reading.headers["Cache-Status"]) == (200, "powerwall-proxy; fwd=miss; stored")
    assert page.status == 200
    assert rest == FILES["/large.bin"].body


async def test_slow_clients_share_a_bounded_room(clock, proxy):
    """What waits for them is bounded; who takes nothing at all is dropped, and its room is free again."""
    lazy = [await send_without_reading(proxy, f"/large.bin?{number}") for number in range(6)]

    assert (await asyncio.wait_for(proxy.get(SCRIPT), 10)).status == 200
    clock.advance(40)
    await until(lambda: proxy.context.traffic.in_flight == 0)
    assert (await proxy.get("/large.bin")).body == FILES["/large.bin"].body
    for _, writer in lazy:
        writer.close()


async def send_without_reading(proxy, path):
    """Send a request with a receive buffer so small that the kernel does not take the file for the client."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", proxy.port))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer
