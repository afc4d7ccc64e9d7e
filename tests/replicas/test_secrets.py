"""Nothing in Redis or on its wire can be read, and its user may do no more than replicas need."""

from __future__ import annotations

import asyncio

import pytest
import redis as library

from tests.replicas.conftest import PASSWORD, happens


async def _heard(redis, ends: asyncio.Event) -> bytes:
    """Return everything that is published until the end."""
    connection = library.asyncio.Redis(port=redis.port, username="admin", password="admin", protocol=2)
    async with connection, connection.pubsub() as pubsub:
        await pubsub.psubscribe("*")
        heard = []
        while not ends.is_set():
            message = await pubsub.get_message(timeout=0.02)
            if message and message["type"] == "pmessage":
                heard.append(message["data"])
        return b"".join(heard)


def _kept(redis) -> bytes:
    """Return all keys and values."""
    found = []
    for key in redis.admin("KEYS", "*"):
        match redis.admin("TYPE", key):
            case b"hash":
                found += [*redis.admin("HGETALL", key)]
            case _:
                found.append(redis.admin("GET", key))
        found.append(key)
    return b"\n".join(part if isinstance(part, bytes) else str(part).encode() for part in found)


async def test_redis_holds_and_carries_no_password_token_name_or_reading(replica, sim, redis):
    ends = asyncio.Event()
    listening = asyncio.create_task(_heard(redis, ends))
    holder, follower = await replica(sim), await replica(sim)
    for path in ("/aggregates", "/vitals", "/api/site_info/site_name", "/soe"):
        await follower.get(path)
    await happens(lambda: redis.admin("HLEN", "pwp:1:{default}:state") >= 2)
    ends.set()
    everything = await listening + _kept(redis)
    session = holder.proxy.context.gateway.state.recall(".powerwall")

    assert len(everything) > 5000
    for secret in (
        b"password",
        session["AuthCookie"].encode(),
        b"AuthCookie",
        b"instant_power",
        b"percentage",
    ):
        assert secret not in everything
    assert sim.din.encode() not in everything
    assert (await holder.get("/api/site_info/site_name")).json()["site_name"].encode() not in everything


@pytest.mark.parametrize(
    "command",
    [
        ("CONFIG", "GET", "*"),
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("ACL", "LIST"),
        ("GET", "other:key"),
        ("SET", "other:key", "x"),
        ("PUBLISH", "other", "x"),
        ("EVAL", "return redis.call('GET', 'other:key')", "0"),
        ("SHUTDOWN",),
        ("CLIENT", "LIST"),
    ],
)
def test_the_user_of_the_documented_acl_can_do_nothing_else(redis, command):
    client = library.Redis(
        port=redis.port, username="powerwall", password=PASSWORD, protocol=2, driver_info=None
    )
    with client, pytest.raises(library.ResponseError, match=r"permission|can't access"):
        client.execute_command(*command)
