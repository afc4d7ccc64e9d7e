"""The token files of the pypowerwall proxy: only the tokens in them are replaced."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.drivers.cloud.tokens import FleetFormat, OwnerFormat, Tokens, claims, granted
from tests.drivers.cloud.conftest import EMAIL, HOUR


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
