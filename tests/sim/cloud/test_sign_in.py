"""The sign-in server: codes, rotation of refresh tokens, grace, expiry, scopes, regions."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.cloud.sign_in import FLEET, FLEET_SECRET, OWNER


async def test_a_refresh_replaces_both_tokens(cloud, call):
    caller = await call()
    first = cloud.log_in()

    answer = (
        await caller.sign_in(
            grant_type="refresh_token", client_id=OWNER, refresh_token=first["refresh_token"]
        )
    ).json()

    assert answer["refresh_token"] != first["refresh_token"]
    assert answer["access_token"] != first["access_token"]
    assert answer["expires_in"] == 28800


async def test_the_refresh_token_used_last_stays_good_for_a_day(cloud, call, clock):
    """A client that lost the answer may repeat the request within 24 hours, and not later."""
    caller = await call()
    tokens = cloud.log_in()
    form = {"grant_type": "refresh_token", "client_id": OWNER, "refresh_token": tokens["refresh_token"]}
    await caller.sign_in(**form)

    clock.advance(3600)
    repeated = await caller.sign_in(**form)
    clock.advance(25 * 3600)
    late = await caller.sign_in(**form)

    assert repeated.status == 200
    assert (late.status, late.json()["error"]) == (401, "login_required")


async def test_a_used_refresh_token_is_refused_where_no_grace_is_given(cloud, call):
    cloud.sign_in.grace_s = 0.0
    cloud.sign_in.refusal_status = 400
    caller = await call()
    form = {
        "grant_type": "refresh_token",
        "client_id": OWNER,
        "refresh_token": cloud.log_in()["refresh_token"],
    }
    await caller.sign_in(**form)

    again = await caller.sign_in(**form)

    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


async def test_an_access_token_expires(cloud, call, clock):
    caller = await call()

    before = await caller.site("live_status")
    clock.advance(28801)
    after = await caller.site("live_status")

    assert (before.status, after.status) == (200, 401)


async def test_a_login_in_a_browser_gives_a_code_that_only_its_verifier_exchanges(cloud, call):
    """Authorization code with PKCE; a wrong verifier is refused and spends the code."""
    caller = await call()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"verifier").digest()).rstrip(b"=").decode()
    query = {
        "client_id": OWNER,
        "redirect_uri": "tesla://auth/callback",
        "response_type": "code",
        "scope": "openid email offline_access",
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }

    async def log_in(verifier: str):
        agreed = await caller.send("GET", "/oauth2/v3/authorize", params=query)
        landed = parse_qs(urlsplit(agreed.headers["Location"]).query)
        assert landed["state"] == ["s"]
        return await caller.sign_in(
            grant_type="authorization_code",
            client_id=OWNER,
            code=landed["code"][0],
            redirect_uri=query["redirect_uri"],
            code_verifier=verifier,
        )

    assert (await log_in("another")).status == 400
    assert (await log_in("verifier")).json()["refresh_token"].startswith("NA_")


async def test_the_old_redirect_of_the_owner_api_is_refused(cloud, call):
    query = {
        "client_id": OWNER,
        "redirect_uri": "https://auth.tesla.com/void/callback",
        "response_type": "code",
    }

    refused = await (await call()).send("GET", "/oauth2/v3/authorize", params=query)

    assert refused.status == 400


async def test_an_application_registers_its_domain_with_a_partner_token(cloud, call):
    """Until then the region answers 412."""
    cloud.account.must_register = True
    caller = await call(FLEET)
    unregistered = await caller.site("live_status")
    partner = await caller.sign_in(
        grant_type="client_credentials", client_id=FLEET, client_secret=FLEET_SECRET, audience=cloud.url
    )

    owner_token, caller.token = caller.token, partner.json()["access_token"]
    registered = await caller.post("partner_accounts", {"domain": "example.com"})
    caller.token = owner_token

    assert (unregistered.status, registered.status) == (412, 200)
    assert (await caller.site("live_status")).status == 200


async def test_a_token_without_the_scope_for_commands_cannot_write(cloud, call):
    caller = await call(FLEET)
    caller.token = cloud.sign_in.log_in(cloud.clock.wall(), FLEET, ("openid", "energy_device_data"))[
        "access_token"
    ]

    assert (await caller.site("live_status")).status == 200
    assert (await caller.write("backup", {"backup_reserve_percent": 20})).status == 403


async def test_the_wrong_region_names_the_right_one(cloud, call, clock):
    async with SimulatedCloud(clock=clock.clock) as other:
        other.sign_in, other.account, other.moved_to = cloud.sign_in, cloud.account, cloud.url

        misdirected = await (await call(FLEET, at=other)).get("products")

    assert misdirected.status == 421
    assert f"use base URL: {cloud.url}, see" in misdirected.json()["error"]


async def test_a_provider_gives_a_token_for_good(cloud, call, clock):
    caller = await call()
    cloud.sign_in.give_static("fixed")
    caller.token = "fixed"

    cloud.house.gateway.speed = 0  # nothing has to happen in the house meanwhile
    clock.advance(90 * 86400)

    assert (await caller.site("site_info")).status == 200
