"""Tokens: one refresh at a time, on disk before they are used, and no crash that costs a login."""

from __future__ import annotations

import asyncio
import logging
import stat

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.core.cloud_errors import SignInRequired, TokensNotSaved
from proxy.core.errors import GatewayError, Interrupted, SourceUnavailable
from proxy.core.redaction import redact
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.sign_in import TokenEndpoint
from proxy.drivers.cloud.token_file import TokenFile
from proxy.drivers.cloud.token_store import TokenStore
from proxy.drivers.cloud.tokens import FleetFormat, OwnerFormat, Tokens, claims, granted
from tests.drivers.cloud.conftest import EMAIL, trusting

TOKEN = "/oauth2/v3/token"
HOUR = 3600.0
STEPS = ("created", "written", "synchronised", "renamed", "durable")


class PowerFailed(Exception):
    """The process is gone."""


@pytest.fixture
async def open_store(cloud, clock, folder):
    """Start the process that has the tokens; every store is another process."""
    sessions = []

    def open_store(mode: str = "fleet", *, at=cloud, **options) -> TokenStore:
        http = CloudHttp(clock.clock.monotonic, timeout_s=5.0, tls=trusting(at))
        sessions.append(http)
        endpoint = TokenEndpoint(http, at.url + TOKEN, clock.clock.wall, trusting(at))
        path, form = (folder.fleet, FleetFormat()) if mode == "fleet" else (folder.owner, OwnerFormat(EMAIL))
        return TokenStore(TokenFile(path), form, endpoint, clock.clock, **options)

    yield open_store
    for http in sessions:
        await http.close()


def is_good(cloud, access: str) -> bool:
    token = cloud.sign_in.access.get(access)
    return token is not None and cloud.clock.wall() < token.expires_at


# -- refreshing -------------------------------------------------------------------------------------


async def test_a_stored_access_token_is_used_until_it_expires(open_store, cloud, folder):
    """A start costs no refresh."""
    folder.sign_in(cloud)

    access = await open_store().access()

    assert access == folder.read()["access_token"]
    assert cloud.requests_for(TOKEN) == 0


async def test_a_token_is_refreshed_five_minutes_before_it_expires(open_store, cloud, folder, clock):
    folder.sign_in(cloud)
    store = open_store()
    first = await store.access()

    clock.advance(8 * HOUR - 310)
    same = await store.access()
    clock.advance(20)
    other = await store.access()

    assert (same, cloud.requests_for(TOKEN)) == (first, 1)
    assert other != first
    assert is_good(cloud, other)


async def test_many_requests_refresh_once(open_store, cloud, folder, clock):
    folder.sign_in(cloud)
    store = open_store()
    clock.advance(9 * HOUR)

    tokens = await asyncio.gather(*(store.access() for _ in range(20)))

    assert len(set(tokens)) == 1
    assert cloud.requests_for(TOKEN) == 1


async def test_two_processes_refresh_once(open_store, cloud, folder, clock):
    """What the other one wrote is used."""
    folder.sign_in(cloud)
    clock.advance(9 * HOUR)

    tokens = await asyncio.gather(open_store().access(), open_store().access())

    assert tokens[0] == tokens[1]
    assert cloud.sign_in.refreshes == 1


async def test_a_refused_token_is_replaced_by_the_one_that_is_on_disk(open_store, cloud, folder):
    """Another program refreshed meanwhile: no second refresh."""
    folder.sign_in(cloud)
    store = open_store()
    old = await store.access()
    folder.sign_in(cloud)

    assert await store.renew(old) == folder.read()["access_token"]
    assert cloud.requests_for(TOKEN) == 0


async def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(open_store, cloud, folder, clock):
    folder.sign_in(cloud)
    cloud.sign_in.rotates = False
    before = folder.read()["refresh_token"]
    clock.advance(9 * HOUR)

    await open_store().access()

    assert folder.read()["refresh_token"] == before


async def test_the_request_has_neither_secret_nor_scope(open_store, cloud, folder, clock):
    """Form-encoded: grant type, client, refresh token."""
    folder.sign_in(cloud)
    clock.advance(9 * HOUR)

    await open_store().access()

    request = cloud.requests[-1]
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert [pair.split("=")[0] for pair in request.body.decode().split("&")] == [
        "grant_type",
        "client_id",
        "refresh_token",
    ]


# -- the files of the pypowerwall proxy --------------------------------------------------------------


async def test_what_else_is_in_the_file_stays(open_store, cloud, folder, clock):
    """Every member that we do not know, in its place; mode 0600."""
    folder.sign_in(cloud)
    before = folder.read()
    clock.advance(9 * HOUR)

    await open_store().access()

    after = folder.read()
    assert list(after) == list(before)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"access_token", "refresh_token"}
    assert stat.S_IMODE(folder.fleet.stat().st_mode) == 0o600


async def test_other_accounts_of_the_file_stay(open_store, cloud, folder, clock):
    folder.sign_in(cloud, "owner")
    before = folder.read("owner")
    clock.advance(9 * HOUR)

    access = await open_store("owner").access()

    after = folder.read("owner")
    assert after["other@example.com"] == before["other@example.com"]
    assert after[EMAIL]["sso"]["note"] == "kept"
    assert after[EMAIL]["sso"]["access_token"] == access
    assert after[EMAIL]["sso"]["expires_at"] == pytest.approx(cloud.clock.wall() + 8 * HOUR, abs=2)
    assert after[EMAIL]["url"] == "https://auth.tesla.com/"


def test_without_an_address_the_first_account_is_used():
    document = {"version": 1, "a@example.com": {"sso": {"access_token": "a"}}, "b@example.com": {"sso": {}}}

    assert OwnerFormat().read(document).access == "a"
    assert OwnerFormat("B@example.com").account(document) == "b@example.com"
    assert OwnerFormat("c@example.com").read(document) == Tokens()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(["access_token", "refresh_token", "CLIENT_ID", "site_id", EMAIL, "sso", "url", "x"])


@given(
    st.dictionaries(members, json_values), st.sampled_from([FleetFormat(), OwnerFormat(EMAIL), OwnerFormat()])
)
def test_tokens_that_were_written_are_read_whatever_else_is_in_the_file(document, form):
    """And nothing but the tokens is lost."""
    tokens = Tokens("access", "refresh", 1_800_000_000.0)

    written = form.written(document, tokens)
    read = form.read(written)

    assert (read.access, read.refresh) == ("access", "refresh")
    assert written.keys() >= document.keys()


@given(st.text())
def test_any_text_may_stand_where_a_token_should(text):
    assert isinstance(claims(text), dict)
    assert granted({"access_token": text}, Tokens(refresh="r"), 0.0) is None or text


# -- trouble ----------------------------------------------------------------------------------------


async def test_a_refresh_whose_answer_was_lost_is_repeated_with_the_same_token(
    open_store, cloud, folder, clock
):
    folder.sign_in(cloud)
    store = open_store()
    clock.advance(9 * HOUR)
    cloud.trouble("lost-refresh")

    with pytest.raises(Interrupted):
        await store.access()
    access = await store.access()

    assert is_good(cloud, access)
    assert cloud.sign_in.refreshes == 2


@pytest.mark.parametrize("status", [400, 401])
async def test_a_refused_refresh_asks_for_a_new_sign_in_and_is_tried_again_after_an_hour(
    open_store, cloud, folder, clock, status
):
    """Twenty requests in the hour send nothing."""
    folder.sign_in(cloud)
    cloud.sign_in.revoke()
    cloud.sign_in.refusal_status = status
    store = open_store()
    clock.advance(9 * HOUR)

    for _ in range(20):
        with pytest.raises(SignInRequired, match="powerwall-proxy setup"):
            await store.access()
        clock.advance(60)
    within_the_hour = cloud.requests_for(TOKEN)
    clock.advance(HOUR)
    with pytest.raises(SignInRequired):
        await store.access()

    assert (within_the_hour, cloud.requests_for(TOKEN)) == (1, 2)


async def test_a_new_sign_in_is_noticed_at_once(open_store, cloud, folder, clock):
    """Setup wrote the file while the daemon ran."""
    folder.sign_in(cloud)
    cloud.sign_in.revoke()
    store = open_store()
    clock.advance(9 * HOUR)
    with pytest.raises(SignInRequired):
        await store.access()

    folder.sign_in(cloud)

    assert store.changed()
    assert is_good(cloud, await store.access())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
async def test_a_sign_in_server_that_is_out_of_order_does_not_ask_for_a_new_sign_in(
    open_store, cloud, folder, clock, body
):
    folder.sign_in(cloud)
    store = open_store()
    clock.advance(9 * HOUR)
    handle = cloud.trouble("sign-in-down", status=200, body=body)

    with pytest.raises(GatewayError) as caught:
        await store.access()
    handle.remove()

    assert not isinstance(caught.value, SignInRequired)
    assert is_good(cloud, await store.access())


async def test_a_server_error_is_not_a_refusal(open_store, cloud, folder, clock):
    folder.sign_in(cloud)
    clock.advance(9 * HOUR)
    cloud.trouble("sign-in-down")

    with pytest.raises(SourceUnavailable):
        await open_store().access()


async def test_a_file_that_is_missing_or_broken_asks_for_a_sign_in(open_store, folder):
    with pytest.raises(SignInRequired, match="does not exist"):
        await open_store().access()
    folder.fleet.write_text("{")
    with pytest.raises(SignInRequired, match="cannot be read"):
        await open_store().access()
    folder.fleet.write_text("{}")
    with pytest.raises(SignInRequired, match="no refresh token"):
        await open_store().access()


async def test_tokens_that_cannot_be_written_are_not_used_until_they_are(open_store, cloud, folder, clock):
    """The disk is full: the refresh is not repeated, the tokens are written as soon as there is room."""
    folder.sign_in(cloud)
    full = True

    def write(file, document):
        if full:
            raise OSError(28, "No space left on device")
        file.write(document)

    store = open_store(write=write)
    old = await store.access()
    clock.advance(9 * HOUR)
    for _ in range(3):
        with pytest.raises(TokensNotSaved, match="no space left"):
            await store.access()
    full = False

    assert is_good(cloud, await store.access())
    assert cloud.sign_in.refreshes == 1
    assert folder.read()["access_token"] != old


async def test_a_sign_in_during_a_refresh_wins(open_store, cloud, folder, clock):
    """Setup replaced the file between the answer and its writing: the owner's new tokens stay."""
    folder.sign_in(cloud)
    fail = True

    def write(file, document):
        if fail:
            raise OSError(5, "Input/output error")
        file.write(document)

    store = open_store(write=write)
    clock.advance(9 * HOUR)
    with pytest.raises(TokensNotSaved):
        await store.access()
    fail = False
    folder.sign_in(cloud)

    assert await store.access() == folder.read()["access_token"]


async def test_no_token_is_written_into_logs_or_errors(open_store, cloud, folder, clock, caplog):
    caplog.set_level(logging.DEBUG)
    folder.sign_in(cloud)
    store = open_store()
    clock.advance(9 * HOUR)
    access = await store.access()
    cloud.sign_in.revoke()
    with pytest.raises(SignInRequired) as caught:
        await store.renew(access)

    secrets = [access, folder.read()["refresh_token"], folder.read()["CLIENT_SECRET"]]
    shown = caplog.text + str(caught.value) + str(store.describe())
    assert not [secret for secret in secrets if secret in shown]
    assert redact(f"Bearer {access}") == "Bearer ***"


# -- crashes -----------------------------------------------------------------------------------------


async def crash_at(step: str | None, store_of, cloud, folder) -> None:
    """Run a refresh in a process that dies after a step of it; None is a death before the request."""
    if step is None:
        return
    if step == "sent":
        cloud.trouble("lost-refresh")

    def write(file, document):
        if step == "answered":
            raise PowerFailed
        for done in file.replacing(document):
            if done == step:
                raise PowerFailed

    store = store_of(write=write)
    with pytest.raises((PowerFailed, GatewayError)):
        await store.renew(folder.read()["access_token"])


@pytest.mark.parametrize("step", [None, "sent", "answered", *STEPS])
async def test_a_crash_at_any_step_of_a_refresh_costs_no_login(open_store, cloud, folder, clock, step):
    """The file is whole afterwards, and the next process gets a token that the cloud takes."""
    folder.sign_in(cloud)
    clock.advance(9 * HOUR)
    await crash_at(step, open_store, cloud, folder)

    assert folder.read()["CLIENT_ID"]
    assert is_good(cloud, await open_store().access())


@given(steps=st.lists(st.sampled_from([None, "sent", "answered", *STEPS]), min_size=1, max_size=6))
@settings(
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_series_of_crashes_within_a_day_costs_a_login(steps, tmp_path_factory):
    """One after the other, in any order; an hour between them."""
    from tests.clock import ShiftedLoop

    async def series() -> None:
        from proxy.sim.cloud.server import SimulatedCloud
        from tests.clock import TestClock
        from tests.drivers.cloud.conftest import Folder

        clock = TestClock(asyncio.get_running_loop())
        folder = Folder(tmp_path_factory.mktemp("auth"))
        async with SimulatedCloud(clock=clock.clock, tls=False) as cloud:
            cloud.house.gateway.speed = 0
            sessions: list[CloudHttp] = []

            def store_of(**options) -> TokenStore:
                sessions.append(CloudHttp(clock.clock.monotonic, timeout_s=5.0))
                endpoint = TokenEndpoint(sessions[-1], cloud.url + TOKEN, clock.clock.wall)
                return TokenStore(TokenFile(folder.fleet), FleetFormat(), endpoint, clock.clock, **options)

            folder.sign_in(cloud)
            clock.advance(9 * HOUR)
            for step in steps:
                await crash_at(step, store_of, cloud, folder)
                cloud.sign_in.expire_access()
                clock.advance(HOUR)
            access = await store_of().renew(folder.read()["access_token"])
            good = is_good(cloud, access)
            for http in sessions:
                await http.close()
        assert good

    with asyncio.Runner(loop_factory=ShiftedLoop) as runner:
        runner.run(series())


async def test_a_killed_process_leaves_nothing_that_stops_the_next_one(open_store, cloud, folder, clock):
    """A half-written file beside the real one, and a lock file that nobody holds."""
    folder.sign_in(cloud)
    half = folder.fleet.with_name(".pypowerwall.fleetapi.new")
    half.write_text("{")
    folder.fleet.with_name(".pypowerwall.fleetapi.lock").write_text("")
    clock.advance(9 * HOUR)

    assert is_good(cloud, await open_store().access())
    assert not half.exists()


def test_aiohttp_sends_a_post_once():
    """The refresh relies on it: what was sent and not answered is repeated by us, with a pause."""
    assert "POST" not in aiohttp.client.IDEMPOTENT_METHODS
