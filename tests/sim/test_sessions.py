"""Who may ask, who is locked out, and what a write changes."""

from __future__ import annotations

from contextlib import suppress

import aiohttp
import pytest

from proxy.sim.faults import Fault
from proxy.sim.sessions import Limits

SOE = "/api/system_status/soe"


async def test_reads_need_a_session(record_demand):
    """From 20.49 on, a read without a session is 403; status needs none."""
    visitor = await record_demand()

    refused = await visitor.get(SOE)

    assert refused.status == 403
    assert refused.json() == {
        "code": 403,
        "error": "Unable to GET to resource",
        "message": "User does not have adequate access rights",
    }
    assert (await visitor.get("/api/status")).status == 200
    assert (await visitor.get("/api/no/such/path")).status == 403


async def test_a_token_works_as_bearer_and_as_cookie(record_demand):
    """The token comes in the body and, unquoted, in a cookie."""
    visitor = await record_demand()

    reply = await visitor.login()

    token = reply.json()["token"]
    cookie, record = reply.headers.getall("Set-Cookie")
    assert cookie == f"AuthCookie={token}; Path=/"
    assert record.startswith("UserRecord=")
    assert len(token) == 88
    assert (await visitor.get(SOE)).status == 200
    visitor.headers = {"Cookie": f"AuthCookie={token}"}
    assert (await visitor.get(SOE)).status == 200


async def test_a_form_is_as_good_as_json(record_demand):
    """Logins may be form-encoded."""
    visitor = await record_demand()

    reply = await visitor.ask(
        "POST", "/api/login/Basic", data={"username": "customer", "password": "password"}
    )

    assert reply.status == 200


async def test_sessions_end_with_time_logout_and_restart(record_demand, hands):
    """An ended session is told apart from none: 401 Token Expired."""
    visitor = await record_demand()
    ends = [
        lambda: hands.move(24 * 3600),
        visitor.sim.expire_sessions,
    ]
    for end in ends:
        await visitor.login()
        assert (await visitor.get(SOE)).status == 200
        end()
        assert (await visitor.get(SOE)).json() == {"code": 401, "message": "Token Expired"}
    await visitor.login()
    assert (await visitor.get("/api/logout")).status == 204
    assert (await visitor.get(SOE)).status == 401


async def test_wrong_passwords_end_in_a_lock_out(record_demand, hands):
    """Five refusals within five minutes are tolerated; the sixth is 429, and each try prolongs it."""
    visitor = await record_demand()

    statuses = [(await visitor.login(password="wrong")).status for _ in range(7)]
    hands.move(599)
    statuses.append((await visitor.login()).status)
    hands.move(599)
    statuses.append((await visitor.login()).status)
    hands.move(601)
    statuses.append((await visitor.login()).status)

    assert statuses == [401] * 5 + [429, 429, 429, 429, 200]
    assert visitor.sim.logins == 10


async def test_an_installer_must_prove_presence(record_demand):
    """The right installer password is not enough from afar."""
    visitor = await record_demand()

    reply = await visitor.login("installer", visitor.sim.gw_pwd)

    assert (reply.status, reply.json()["error"]) == (
        401,
        "roles [Provider_Engineer] require physical access",
    )


async def test_too_many_requests_silence_the_gateway(record_demand, hands):
    """Over the rate limit everything is 429 for five minutes."""
    visitor = await record_demand(limits=Limits(requests=3, requests_within_s=10))
    await visitor.login()

    statuses = [(await visitor.get(SOE)).status for _ in range(4)]
    hands.move(301)
    statuses.append((await visitor.get(SOE)).status)

    assert statuses == [200, 200, 429, 429, 200]


async def test_a_second_client_can_log_out_the_first(record_demand):
    """A gateway with room for one session drops the older one."""
    visitor = await record_demand(limits=Limits(sessions=1))
    await visitor.login()
    first = visitor.headers

    await visitor.login()

    assert (await visitor.get(SOE)).status == 200
    assert (await visitor.get(SOE, headers=first)).status == 401


async def test_a_login_on_1_15_stops_the_powerwalls(record_demand):
    """The serial number is the password; taking a token stops the site master until run."""
    visitor = await record_demand("fw1_15")

    reply = await visitor.login("", visitor.sim.password)
    stopped = (await visitor.get(SOE)).status
    run = (await visitor.get("/api/sitemaster/run")).status

    assert reply.json()["roles"] == ["Provider_Engineer"]
    assert "loginTime" not in reply.json()
    assert (stopped, run) == (502, 202)
    assert (await visitor.get(SOE)).status == 200


async def test_an_operation_takes_effect_when_completed(record_demand):
    """POST stores, GET /config/completed applies."""
    visitor = await record_demand()
    await visitor.login()
    wish = {"real_mode": "backup", "backup_reserve_percent": 52.5}

    stored = await visitor.post("/api/operation", wish)
    waiting = (await visitor.get("/api/operation")).json()
    completed = await visitor.get("/api/config/completed")
    applied = (await visitor.get("/api/operation")).json()

    assert stored.json().items() >= wish.items()
    assert waiting["real_mode"] == "self_consumption"
    assert completed.status == 202
    assert applied.items() >= wish.items()
    assert visitor.sim.plant.mode == "backup"
    assert [record.path for record in visitor.sim.writes] == ["/api/operation", "/api/config/completed"]


@pytest.mark.parametrize("document", [{}, [], {"real_mode": "party", "backup_reserve_percent": 20}, "x"])
async def test_a_malformed_operation_is_refused(record_demand, document):
    """Unknown modes and missing keys are 400 and change nothing."""
    visitor = await record_demand()
    await visitor.login()

    reply = await visitor.post("/api/operation", document)

    assert reply.status == 400
    assert visitor.sim.gateway.site.pending is None


@pytest.mark.parametrize("path", ["/api/operation", "/api/v2/islanding/mode"])
async def test_customers_may_not_write_on_25_10(record_demand, path):
    """Current firmware refuses a customer's writes with 403."""
    visitor = await record_demand("fw25_10")
    await visitor.login()

    reply = await visitor.post(path, {"real_mode": "backup", "backup_reserve_percent": 20})

    assert (reply.status, reply.json()["error"]) == (403, "Unable to POST to resource")


async def test_islanding_follows_in_its_own_time(record_demand, hands):
    """The answer echoes; the grid status changes over seconds, on the way back over twenty."""
    visitor = await record_demand()
    await visitor.login()

    async def status() -> str:
        return (await visitor.get("/api/system_status/grid_status")).json()["grid_status"]

    off = {"island_mode": "intentional_reconnect_failsafe"}
    assert (await visitor.post("/api/v2/islanding/mode", off)).json() == off
    seen = [await status()]
    hands.move(4)
    seen.append(await status())
    await visitor.post("/api/v2/islanding/mode", {"island_mode": "backup"})
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
async def test_a_fault_strikes_a_write_before_or_after_it_was_taken(record_demand, fault, taken):
    """What a client cannot see, a test can: whether the gateway took the command."""
    visitor = await record_demand()
    await visitor.login()
    visitor.sim.faults.add(fault)

    with suppress(aiohttp.ClientError):
        await visitor.post("/api/operation", {"real_mode": "backup", "backup_reserve_percent": 20})

    assert (visitor.sim.gateway.site.pending is not None) == taken


async def test_dangerous_gets_are_seen_as_writes(record_demand):
    """GETs that change something count as writes in the log, also when refused; a login does not."""
    visitor = await record_demand()
    await visitor.login()

    for path in ("/api/powerwalls/update", "/api/solar_powerwall/2/reset", "/api/sitemaster/stop", SOE):
        await visitor.get(path)

    assert len(visitor.sim.writes) == 3


async def test_a_password_can_be_changed_by_who_knows_the_old_one(record_demand):
    """The new password is the only one from then on."""
    visitor = await record_demand("fw21_13")

    wrong = await visitor.post("/api/password/change", {"old_password": "x", "new_password": "new"})
    right = await visitor.post("/api/password/change", {"old_password": "password", "new_password": "new"})

    assert (wrong.status, right.status) == (400, 200)
    assert (await visitor.login(password="password")).status == 401
    assert (await visitor.login(password="new")).status == 200


async def test_the_site_can_be_renamed(record_demand):
    """Also to something hostile; what is no name is refused."""
    visitor = await record_demand()
    await visitor.login()
    name = "<script>alert('\u202e')</script>"

    assert (await visitor.post("/api/site_info/site_name", {"site_name": name})).status == 200
    assert (await visitor.post("/api/site_info/site_name", {"site_name": 7})).status == 400
    assert (await visitor.get("/api/site_info/site_name")).json()["site_name"] == name


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
async def test_other_writes_are_refused_and_noted(record_demand, method, path, status):
    """Nothing that a customer may not do is done, and the log shows every attempt."""
    visitor = await record_demand()
    assert (await visitor.ask(method, path)).status == 403
    await visitor.login()

    assert (await visitor.ask(method, path)).status == status
    assert len(visitor.sim.writes) == 2


async def test_an_old_cookie_outlives_refused_passwords(record_demand):
    """The defect of 24.36: logins fail while the session goes on."""
    visitor = await record_demand("fw25_10")
    await visitor.login()
    visitor.sim.gateway.sessions.refuse_passwords = True

    assert (await visitor.get(SOE)).status == 200
    visitor.headers, kept = {}, visitor.headers
    assert (await visitor.login()).status == 401
    assert (await visitor.get(SOE, headers=kept)).status == 200
