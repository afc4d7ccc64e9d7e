"""What HTTP and its relatives demand of a server, as exacting clients and front servers hold it to."""

from __future__ import annotations

import asyncio

import pytest

FRONT = {"https": "http"}
HANDSHAKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


async def test_behind_a_front_server_with_tls_the_cookies_of_a_session_are_secure(start, sim):
    """PW_HTTPS=http: clients use TLS, although this connection does not."""
    proxy = await start(sim, **FRONT)

    answer = await proxy.post("/api/login/Basic", json={"username": "customer", "password": "any"})

    assert answer.status == 200
    assert all("; Secure" in cookie for cookie in answer.headers.getall("Set-Cookie"))


@pytest.mark.parametrize(("settings", "scheme"), [({}, "http"), (FRONT, "https")])
async def test_the_frame_to_copy_has_the_scheme_of_the_clients(start, sim, settings, scheme):
    proxy = await start(sim, allowed_hosts=("pw.example.com",), **settings)

    page = await proxy.get("/example.html", headers={"Host": "pw.example.com"})

    assert f"{scheme}://pw.example.com/" in page.text


async def test_a_redirect_keeps_the_query(start, sim):
    """RFC 9110 section 10.2.2: a client takes a fragment along, but no query; `?style=` is in one."""
    proxy = await start(sim, base_url="/powerwall/")

    answer = await proxy.get("/powerwall?style=black")

    assert (answer.status, answer.headers["Location"]) == (308, "powerwall/?style=black")


@pytest.mark.parametrize(
    ("accepted", "media_type"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json, text/html;q=0.1", "application/problem+json"),
        ("text/html;q=0", "application/problem+json"),
        ("*/*", "application/problem+json"),
    ],
)
async def test_an_error_is_a_page_only_for_those_who_want_one(proxy, accepted, media_type):
    """RFC 9110 section 12.4.2."""
    answer = await proxy.get("/nope", headers={"Accept": accepted})

    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith(media_type)


async def test_nothing_is_read_after_a_head_that_is_too_large(proxy):
    """RFC 9112 section 9.6: the response says that the connection ends, and it does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    fields = "".join(f"X-{number}: {'a' * 8000}\r\n" for number in range(5))
    writer.write(f"GET /soe HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
    writer.write(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")

    everything = await reader.read()

    assert everything.startswith(b"HTTP/1.1 431 ")
    assert b"\r\nConnection: close\r\n" in everything
    assert everything.count(b"HTTP/1.1 ") == 1
    writer.close()


@pytest.mark.parametrize("version", ["8", "12", "99", None])
@pytest.mark.parametrize("accepted", ["*/*", "text/html"])
async def test_a_websocket_of_another_version_is_refused_with_the_one_that_is_spoken(
    proxy, version, accepted
):
    """RFC 6455 section 4.4; that of version 8 names its origin in a field of its own, which nothing checks."""
    offered = {} if version is None else {"Sec-WebSocket-Version": version}

    answer = await proxy.get("/ws/aggregate", headers={**HANDSHAKE, **offered, "Accept": accepted})

    assert answer.status == 426
    assert answer.headers["Sec-WebSocket-Version"] == "13"
    assert answer.headers["Upgrade"] == "websocket"


async def test_the_description_of_the_routes_leads_to_them(proxy):
    """OpenAPI appends a path to the address of its server; a control may be accepted and not confirmed yet."""
    document = (await proxy.get("/openapi.json")).json()

    assert {"200", "202"} <= document["paths"]["/control/reserve"]["post"]["responses"].keys()
    assert document["paths"]["/control/reserve"]["post"]["requestBody"]["required"]


async def test_every_field_that_is_described_is_known(start, sim):
    """Without a value a POST reads; one with a field that is not known is refused."""
    proxy = await start(sim, control_secret="storm-lantern-7492")
    described = (await proxy.get("/openapi.json")).json()["paths"]["/control/reserve"]["post"]["requestBody"]
    names = described["content"]["application/json"]["schema"]["properties"].keys() - {"value", "token"}

    answer = await proxy.post(
        "/control/reserve", json={"token": "storm-lantern-7492", **dict.fromkeys(names, "x")}
    )

    assert answer.status == 200
