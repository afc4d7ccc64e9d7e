"""Who may read, who is locked out, and what a write changes."""

from __future__ import annotations

from contextlib import suppress

import aiohttp
import pytest

from proxy.sim.faults import Fault
from proxy.sim.sessions import Limits

SOE = "/api/system_status/soe"


async def test_reads_need_a_session(start_sim):
    """From 20.49 on, a read without a session is 403; status needs none."""
    client = await start_sim()

    refused = await client.get(SOE)

    assert refused.status == 403
    assert refused.json() == {
        "code": 403,
        "error": "Unable to GET to resource",
        "message": "User does not have adequate access rights",
    }
    assert (await client.get("/api/status")).status == 200
    assert (await client.get("/api/no/such/path")).status == 403


async def test_a_token_works_as_bearer_and_as_cookie(start_sim):
    """The token comes in the body and, unquoted, in a cookie."""
    client = await start_sim()

    reply = await client.login()

    token = reply.json()["token"]
    cookie, record = reply.headers.getall("Set-Cookie")
    assert cookie == f"AuthCookie={token}; Path=/"
    assert record.startswith("UserRecord=")
    assert len(token) == 88
    assert (await client.get(SOE)).status == 200
    client.headers = {"Cookie": f"AuthCookie={token}"}
    assert (await client.get(SOE)).status == 200


async def test_a_form_is_as_good_as_json(start_sim):
    """Logins may be form-encoded."""
    client = await start_sim()

    reply = await client.send_request(
        "POST", "/api/login/Basic", data={"username": "customer", "password": "password"}
    )

    assert reply.status == 200


async def test_sessions_end_with_time_logout_and_restart(start_sim, hands):
    """An ended session is distinguished from none: 401 Token Expired."""
    client = await start_sim()
    ends = [
        lambda: hands.move(24 * 3600),
        client.sim.expire_sessions,
    ]
    for end in ends:
        await client.login()
        assert (await client.get(SOE)).status == 200
        end()
        assert (await client.get(SOE)).json() == {"code": 401, "message": "Token Expired"}
    await client.login()
    assert (await client.get("/api/logout")).status == 204
    assert (await client.get(SOE)).status == 401


async def test_wrong_passwords_end_in_a_lock_out(start_sim, hands):
    """Five refusals within five minutes are tolerated; the sixth is 429, and each try prolongs it."""
    client = await start_sim()

    statuses = [(await client.login(password="wrong")).status for _ in range(7)]
    hands.move(599)
    statuses.append((await client.login()).status)
    hands.move(599)
    statuses.append((await client.login()).status)
    hands.move(601)
    statuses.append((await client.login()).status)

    assert statuses == [401] * 5 + [429, 429, 429, 429, 200]
    assert client.sim.logins == 10


async def test_an_installer_must_prove_presence(start_sim):
    """The right installer password is not enough from afar."""
    client = await start_sim()

    reply = await client.login("installer", client.sim.gw_pwd)

    assert (reply.status, reply.json()["error"]) == (
        401,
        "roles [Provider_Engineer] require physical access",
    )


async def test_too_many_requests_silence_the_gateway(start_sim, hands):
    """Over the rate limit everything is 429 for five minutes."""
    client = await start_sim(limits=Limits(requests=3, requests_within_s=10))
    await client.login()

    statuses = [(await client.get(SOE)).status for _ in range(4)]
    hands.move(301)
    statuses.append((await client.get(SOE)).status)

    assert statuses == [200, 200, 429, 429, 200]


async def test_a_second_client_can_log_out_the_first(start_sim):
    """A gateway with room for one session drops the older one."""
    client = await start_sim(limits=Limits(sessions=1))
    await client.login()
    first = client.headers

    await client.login()

    assert (await client.get(SOE)).status == 200
    assert (await client.get(SOE, headers=first)).status == 401


async def test_a_login_on_1_15_stops_the_powerwalls(start_sim):
    """The serial number is the password; taking a token stops the site master until run."""
    client = await start_sim("fw1_15")

    reply = await client.login("", client.sim.password)
    stopped = (await client.get(SOE)).status
    run = (await client.get("/api/sitemaster/run")).status

    assert reply.json()["roles"] == ["Provider_Engineer"]
    assert "loginTime" not in reply.json()
    assert (stopped, run) == (502, 202)
    assert (await client.get(SOE)).status == 200


async def test_an_operation_takes_effect_when_completed(start_sim):
    """POST stores, GET /config/completed applies."""
    client = await start_sim()
    await client.login()
    wish = {"real_mode": "backup", "backup_reserve_percent": 52.5}

    stored = await client.post("/api/operation", wish)
    waiting = (await client.get("/api/operation")).json()
    completed = await client.get("/api/config/completed")
    applied = (await client.get("/api/operation")).json()

    assert stored.json().items() >= wish.items()
    assert waiting["real_mode"] == "self_consumption"
    assert completed.status == 202
    assert applied.items() >= wish.items()
    assert client.sim.plant.mode == "backup"
    assert [record.path for record in client.sim.writes] == ["/api/operation", "/api/config/completed"]


@pytest.mark.parametrize("document", [{}, [], {"real_mode": "party", "backup_reserve_percent": 20}, "x"])
async def test_a_malformed_operation_is_refused(start_sim, document):
    """Unknown modes and missing keys are 400 and change nothing."""
    client = await start_sim()
    await client.login()

    reply = await client.post("/api/operation", document)

    assert reply.status == 400
    assert client.sim.gateway.site.pending is None


@pytest.mark.parametrize("path", ["/api/operation", "/api/v2/islanding/mode"])
async def test_customers_may_not_write_on_25_10(start_sim, path):
    """Current firmware refuses a customer's writes with 403."""
    client = await start_sim("fw25_10")
    await client.login()

    reply = await client.post(path, {"real_mode": "backup", "backup_reserve_percent": 20})

    assert (reply.status, reply.json()["error"]) == (403, "Unable to POST to resource")


async def test_islanding_follows_in_its_own_time(start_sim, hands):
    """The answer echoes; the grid status changes over seconds, on the way back over twenty."""
    client = await start_sim()
    await client.login()

    async def status() -> str:
        return (await client.get("/api/system_status/grid_status")).json()["grid_status"]

    off = {"island_mode": "intentional_reconnect_failsafe"}
    assert (await client.post("/api/v2/islanding/mode", off)).json() == off
    seen = [await status()]
    hands.move(4)
    seen.append(await status())
    await client.post("/api/v2/islanding/mode", {"island_mode": "backup"})
    seen.append(await status())
    hands.move(21)
    seen.append(await status())

    assert seen == [
        "SystemIslandedReady",
        "SystemIslandedActive",
        "SystemTransitionToGrid",
        "SystemGridConnected",
    ]


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        (Fault("/api/operation", action="reset"), False),
        (Fault("/api/operation", action="reset", after=True), True),
        (Fault("/api/operation", action="cut"), True),
        (Fault("/api/operation", status=500), False),
        (Fault("/api/operation", status=500, after=True), True),
    ],
)
async def test_a_fault_strikes_a_write_before_or_after_it_was_taken(start_sim, fault, taken):
    """What a client cannot see, a test can: whether the gateway took the command."""
    client = await start_sim()
    await client.login()
    client.sim.faults.add(fault)

    with suppress(aiohttp.ClientError):
        await client.post("/api/operation", {"real_mode": "backup", "backup_reserve_percent": 20})

    assert (client.sim.gateway.site.pending is not None) == taken


async def test_dangerous_gets_are_seen_as_writes(start_sim):
    """GETs that change something count as writes in the log, also when refused; a login does not."""
    client = await start_sim()
    await client.login()

    for path in ("/api/powerwalls/update", "/api/solar_powerwall/2/reset", "/api/sitemaster/stop", SOE):
        await client.get(path)

    assert len(client.sim.writes) == 3


async def test_a_password_can_be_changed_by_who_knows_the_old_one(start_sim):
    """The new password is the only one from then on."""
    client = await start_sim("fw21_13")

    wrong = await client.post("/api/password/change", {"old_password": "x", "new_password": "new"})
    right = await client.post("/api/password/change", {"old_password": "password", "new_password": "new"})

    assert (wrong.status, right.status) == (400, 200)
    assert (await client.login(password="password")).status == 401
    assert (await client.login(password="new")).status == 200


async def test_the_site_can_be_renamed(start_sim):
    """Also to something hostile; what is no name is refused."""
    client = await start_sim()
    await client.login()
    name = "<script>alert('\u202e')</script>"

    assert (await client.post("/api/site_info/site_name", {"site_name": name})).status == 200
    assert (await client.post("/api/site_info/site_name", {"site_name": 7})).status == 400
    assert (await client.get("/api/site_info/site_name")).json()["site_name"] == name


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/sitemaster/stop", 405),
        ("DELETE", "/api/meters", 405),
        ("POST", "/api/meters/detect_wired_meters", 403),
        ("POST", "/api/networks", 403),
        ("GET", "/api/powerwalls/update", 404),
    ],
)
async def test_other_writes_are_refused_and_noted(start_sim, method, path, status):
    """Nothing that a customer may not do is done, and the log shows every attempt."""
    client = await start_sim()
    assert (await client.send_request(method, path)).status == 403
    await client.login()

    assert (await client.send_request(method, path)).status == status
    assert len(client.sim.writes) == 2


async def test_an_old_cookie_outlives_refused_passwords(start_sim):
    """The defect of 24.36: logins fail while the session goes on."""
    client = await start_sim("fw25_10")
    await client.login()
    client.sim.gateway.sessions.refuse_passwords = True

    assert (await client.get(SOE)).status == 200
    client.headers, kept = {}, client.headers
    assert (await client.login()).status == 401
    assert (await client.get(SOE, headers=kept)).status == 200
