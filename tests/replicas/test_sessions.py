"""Behind a balancer a program logs in once: every replica knows the sessions of the others."""

from __future__ import annotations

from itertools import cycle

from proxy.server.gateway_api.signed_tokens import SignedTokens

METERS = "/api/meters/aggregates"


async def log_in(replica):
    given = {"username": "customer", "password": "any", "email": "a@example.com", "force_sm_off": False}
    answer = await replica.post("/api/login/Basic", json=given)
    assert answer.status == 200
    return {"Cookie": f"AuthCookie={answer.json()['token']}; UserRecord=x"}


async def test_a_program_that_logs_in_at_one_replica_is_logged_in_at_all(replica, sim):
    replicas = [await replica(sim) for _ in range(3)]
    session = await log_in(replicas[0])

    statuses = [
        (await each.get(METERS, headers=session)).status for each, _ in zip(cycle(replicas), range(9))
    ]

    assert statuses == [200] * 9


def test_a_token_is_good_for_its_time_and_with_its_key_only():
    now = [1000.0]
    token = SignedTokens(b"key", lambda: now[0]).make(86400.0)

    assert len(token) == 88
    assert SignedTokens(b"key", lambda: 1000.0 + 86399.0).is_valid(token)
    assert not SignedTokens(b"key", lambda: 1000.0 + 86400.0).is_valid(token)
    assert not SignedTokens(b"another key", lambda: 1000.0).is_valid(token)
    for other in ("", "A", "A" * 88, token[:-4] + "AAAA", token + "AAAA", "é"):
        assert not SignedTokens(b"key", lambda: 1000.0).is_valid(other)


async def test_a_made_up_session_is_none(replica, sim):
    first = await replica(sim)
    made_up = {"Cookie": f"AuthCookie={'A' * 88}; UserRecord=x"}

    assert (await first.get(METERS, headers=made_up)).status == 401


async def test_another_password_of_the_lan_ends_the_sessions(replica, sim):
    first = await replica(sim, lan_password="one")
    other = await replica(sim, lan_password="another")
    given = {"username": "customer", "password": "one", "email": "", "force_sm_off": False}
    token = (await first.post("/api/login/Basic", json=given)).json()["token"]

    assert (await other.get(METERS, headers={"Cookie": f"AuthCookie={token}"})).status == 401


async def test_a_program_that_logs_out_is_logged_out_at_the_replica_that_it_uses(replica, sim):
    first = await replica(sim)
    session = await log_in(first)

    await first.get("/api/logout", headers=session)

    assert (await first.get(METERS, headers=session)).status == 401
