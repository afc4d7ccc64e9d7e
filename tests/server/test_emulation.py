"""The proxy as a gateway: logins of our own for programs that were made for one."""

from __future__ import annotations

import asyncio
import json
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.server.gateway_api.sessions import Sessions
from tests.clock import until

LOGIN = "/api/login/Basic"
CREDENTIALS = {"username": "customer", "email": "me@example.com", "password": "x", "force_sm_off": False}


async def log_in(proxy, **body) -> dict[str, str]:
    """Log in and return the headers of a program that keeps its cookies."""
    answer = await proxy.post(LOGIN, json={**CREDENTIALS, **body})
    assert answer.status == 200
    cookies = [value.partition(";")[0] for value in answer.headers.getall("Set-Cookie")]
    return {"Cookie": "; ".join(cookies)}


@pytest.mark.parametrize("body", [{"json": CREDENTIALS}, {"data": {**CREDENTIALS, "force_sm_off": "false"}}])
async def test_a_login_is_confirmed_in_the_gateways_words(proxy, body):
    """JSON and form alike; the cookies are not quoted, though they end in "=="."""
    answer = await proxy.post(LOGIN, **body)

    record = answer.json()
    auth, user = answer.headers.getall("Set-Cookie")
    assert {"firstname", "lastname", "token", "roles", "loginTime", "provider", "email"} == record.keys()
    assert record["email"] == "me@example.com"
    assert auth == f"AuthCookie={record['token']}; Path=/"
    assert user.startswith("UserRecord=")
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_session_is_ours_and_not_the_gateways(proxy, sim):
    """Nothing that a client receives was made by the login at the gateway."""
    await proxy.get("/soe")
    headers = await log_in(proxy)
    tokens = {record.session for record in sim.requests if record.session}

    assert not any(token in headers["Cookie"] for token in tokens)
    assert sim.logins == 1


async def test_a_session_shows_the_gateways_own_bytes(proxy, sim):
    """The whole pack's scale with a session, the app's without one; cookie or bearer."""
    cookie = await log_in(proxy)
    bearer = {"Authorization": f"Bearer {cookie['Cookie'].split(';')[0].removeprefix('AuthCookie=')}"}

    anonymous = (await proxy.get("/api/system_status/soe")).json()["percentage"]
    raw = (await proxy.get("/api/gateways/default/api/system_status/soe")).body

    assert (await proxy.get("/api/system_status/soe", headers=cookie)).body == raw
    assert (await proxy.get("/api/system_status/soe", headers=bearer)).body == raw
    assert anonymous == pytest.approx((json.loads(raw)["percentage"] - 5) / 0.95)
    assert sim.requests_for("/api/system_status/soe") == 1


async def test_a_session_that_is_unknown_has_to_log_in_again(proxy):
    """As at a gateway, so that programs notice: after a restart of the proxy, or a day."""
    answer = await proxy.get("/api/meters/aggregates", headers={"Cookie": "AuthCookie=abc==; UserRecord=x"})

    assert (answer.status, answer.json()["message"]) == (401, "Token Expired")


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "AuthCookie=abc==", "Sec-Fetch-Site": "same-origin"},
        {"Cookie": "AuthCookie=1234567890; UserRecord=1234567890"},
        {"Cookie": "other=1"},
        {"Authorization": "Basic eDp5"},
    ],
)
async def test_what_is_no_session_of_ours_is_none(proxy, headers):
    """Browsers send the cookies of whatever else ran on this host, the peer among them."""
    assert (await proxy.get("/api/system_status/soe", headers=headers)).status == 200


async def test_routes_that_are_not_the_gateways_need_no_session(proxy):
    assert (await proxy.get("/soe", headers={"Cookie": "AuthCookie=abc=="})).status == 200


async def test_sessions_end_after_a_day(proxy, clock):
    headers = await log_in(proxy)

    clock.advance(24 * 3600 + 1)

    assert (await proxy.get("/api/system_status/soe", headers=headers)).status == 401


async def test_a_logout_ends_one_session_and_stays_here(proxy, sim):
    first, second = await log_in(proxy), await log_in(proxy)

    answer = await proxy.get("/api/logout", headers=first)

    assert answer.status == 204
    assert [value.partition("=")[0] for value in answer.headers.getall("Set-Cookie")] == [
        "AuthCookie",
        "UserRecord",
    ]
    assert (await proxy.get("/api/status", headers=first)).status == 401
    assert (await proxy.get("/api/status", headers=second)).status == 200
    assert sim.requests_for("/api/logout") == 0
    assert (await proxy.request("HEAD", "/api/logout", headers=second)).status == 405


@pytest.mark.parametrize(
    ("given", "status"), [("Straße 7", 200), ("straße 7", 401), ("", 401), (None, 401), ("\ud800", 401)]
)
async def test_the_house_may_have_a_password(start, sim, given, status):
    """PW_LAN_PASSWORD; a refusal is worded as the gateway's."""
    proxy = await start(sim, lan_password="Straße 7")

    answer = await proxy.post(LOGIN, json={**CREDENTIALS, "password": given})

    assert answer.status == status
    if status == 401:
        assert answer.json() == {"code": 401, "error": "bad credentials", "message": "Login Error"}
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 4000, b'{"password": "' + b"x" * 5000 + b'"}']
)
async def test_a_login_that_makes_no_sense_is_refused(proxy, body):
    answer = await proxy.post(LOGIN, data=body, headers={"Content-Type": "application/json"})

    assert answer.status == 400
    assert (await proxy.get("/api/status")).status == 200


async def test_a_login_is_a_post(proxy):
    assert (await proxy.get(LOGIN)).status == 405


async def test_logins_can_be_switched_off(start, sim):
    """PW_EMULATE_GATEWAY=no: no logins, and cookies mean nothing."""
    proxy = await start(sim, emulate_gateway=False)

    assert (await proxy.post(LOGIN, json=CREDENTIALS)).status == 404
    assert (await proxy.get("/api/logout")).status == 404
    assert (await proxy.get("/api/status", headers={"Cookie": "AuthCookie=abc=="})).status == 200


async def test_vitals_pass_as_they_are(proxy):
    """Readers take the body off the socket: bytes of the gateway, never compressed."""
    answer = await proxy.get("/api/devices/vitals", headers={"Accept-Encoding": "gzip, br"})

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "Content-Encoding" not in answer.headers
    assert answer.body[:1] == b"\x0a"
    assert len(answer.body) == int(answer.headers["Content-Length"])


@given(st.lists(st.sampled_from(["open", "close", "wait"]), max_size=40))
def test_sessions_are_bounded_and_the_youngest_is_always_open(steps):
    now = 0.0
    sessions = Sessions(lambda: now, most=3)
    youngest = sessions.open()

    for step in steps:
        if step == "wait":
            now += 3600.0 * 13
        elif step == "close":
            sessions.close(youngest)
        else:
            youngest = sessions.open()
            assert sessions.is_open(youngest)
        assert len(sessions) <= 3


def test_the_session_that_is_used_outlives_the_one_that_is_not():
    sessions = Sessions(lambda: 0.0, most=2)
    used, idle = sessions.open(), sessions.open()

    sessions.is_open(used)
    sessions.open()

    assert sessions.is_open(used)
    assert not sessions.is_open(idle)


@pytest.mark.each_loop
async def test_a_library_that_waits_to_be_refused_is_refused(start, sim):
    """pypowerwall over TLS: also when a response to another client in the app's scale is prepared."""
    proxy = await start(sim, https="yes")
    assert (await proxy.get("/api/system_status/soe")).status == 200

    async def send_request(path: str) -> bytes:
        tls = ssl._create_unverified_context()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=tls)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: house\r\nUser-Agent: python-requests/2.34\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()
        return answer

    assert (await send_request("/api/system_status/soe")).startswith(b"HTTP/1.1 401 ")
    assert (await send_request("/soe")).startswith(b"HTTP/1.1 200 ")
    assert (await send_request("/api/meters/aggregates")).startswith(b"HTTP/1.1 200 ")


async def test_a_session_outlives_a_restart(start, sim, clock, tmp_path):
    """Programs that log in once stay online over an update; the file has no token in it."""
    proxy = await start(sim)
    headers = await log_in(proxy)
    ended = await log_in(proxy)
    await proxy.get("/api/logout", headers=ended)
    token = headers["Cookie"].split(";")[0].removeprefix("AuthCookie=")
    await saved(clock, tmp_path)

    again = await start(sim)

    assert (await again.get("/api/status", headers=headers)).status == 200
    assert (await again.get("/api/status", headers=ended)).status == 401
    assert token not in (tmp_path / "state" / "sessions.json").read_text()
    clock.advance(25 * 3600)
    assert (await again.get("/api/status", headers=headers)).status == 401


async def test_another_password_ends_the_sessions_of_the_old_one(start, sim, clock, tmp_path):
    proxy = await start(sim, lan_password="first")
    headers = await log_in(proxy, password="first")
    await saved(clock, tmp_path)

    again = await start(sim, lan_password="second")

    assert (await again.get("/api/status", headers=headers)).status == 401


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"sessions": []}', '{"sessions": {"x": "y", "z": NaN}, "password": 1}']
)
async def test_a_damaged_file_of_sessions_costs_a_login(start, sim, tmp_path, content):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "sessions.json").write_text(content)
    proxy = await start(sim)

    headers = await log_in(proxy)

    assert (await proxy.get("/api/status", headers=headers)).status == 200


async def saved(clock, tmp_path):
    """Let the moment pass after which sessions are written down."""
    clock.advance(2)
    await until((tmp_path / "state" / "sessions.json").exists)
