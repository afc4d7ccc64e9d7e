"""Tokens: one refresh at a time, on disk before they are used, and what trouble costs."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import pytest

from proxy.core.cloud_errors import SignInRequired, TokensNotSaved
from proxy.core.errors import GatewayError, Interrupted, SourceUnavailable
from proxy.core.redaction import redact
from tests.drivers.cloud.conftest import HOUR, TOKEN, is_good, refused

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
async def test_a_refused_refresh_requires_a_new_sign_in_and_is_tried_again_after_an_hour(
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
async def test_a_sign_in_server_that_is_out_of_order_does_not_require_a_new_sign_in(
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


async def test_a_file_that_is_missing_or_broken_asks_for_a_sign_in(open_store, cloud, folder):
    """The state of the sign-in says so, until there is one that is good."""
    store = open_store()
    with pytest.raises(SignInRequired):
        await store.access()
    required = store.describe()["sign_in"]
    folder.sign_in(cloud)
    await store.access()

    assert (required, store.describe()["sign_in"]) == ("required", "saved")
    folder.fleet.unlink()
    with pytest.raises(SignInRequired, match="does not exist"):
        await open_store().access()
    folder.fleet.write_text("{")
    with pytest.raises(SignInRequired, match="cannot be read"):
        await open_store().access()
    folder.fleet.write_text("{}")
    with pytest.raises(SignInRequired, match="no refresh token"):
        await open_store().access()


async def test_an_account_that_the_file_has_not_is_said_to_be_that_of_the_setting(connect):
    """Its address is not shown: the reason stands in answers that anyone may read."""
    driver = connect("owner", email="another@example.com")

    error = await refused(driver)

    assert isinstance(error, SignInRequired)
    assert "no refresh token of the account that PW_EMAIL names in" in str(error)
    assert "another@example.com" not in str(error) + repr(driver.describe())


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


def test_aiohttp_sends_a_post_once():
    """The refresh relies on it: what was sent and not answered is repeated by us, with a pause."""
    assert "POST" not in aiohttp.client.IDEMPOTENT_METHODS
